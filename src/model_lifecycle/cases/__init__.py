"""The cases: the only place in the package that knows a case's column names.

A case is a package ``cases/<case>`` with a module ``tables`` that offers `SOURCES` and `build_tables`. It may have a
module ``faults`` with `FAULTS` by name, which the rehearsal plants.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import Protocol, cast

import pandas as pd

from model_lifecycle.errors import ConfigurationError


@dataclass(frozen=True)
class PreparationStep:
    """One declared change to the data, counted."""

    step: str
    rows: int
    cells: int


@dataclass(frozen=True)
class CaseTables:
    """What a case makes of its raw tables.

    ``decisions`` holds one row a decision, ``events`` one row an event: ``event_id``, ``kind``, ``event_time``, and the
    entity and value columns of every kind (missing where a kind has none). An event may say by ``known_at`` when it
    could first be used; where it does not, that is its time and its kind's lag. Times are aware and in UTC.
    """

    decisions: pd.DataFrame
    events: pd.DataFrame
    preparation: tuple[PreparationStep, ...]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong in the world.

    ``apply(tables, start, end)`` returns the raw tables as they are when it has happened: other values from ``start``
    on and before ``end``, the same ones otherwise, and the same columns throughout. ``after`` is how long after the
    start of a rehearsal of this fault alone it begins; below zero, it began unnoticed before. ``columns`` are the
    inputs that it spoils: with any, it is an incident that comes and goes, and that monitoring ought to name.
    """

    description: str
    after: timedelta
    apply: Callable[[Mapping[str, pd.DataFrame], pd.Timestamp, pd.Timestamp], Mapping[str, pd.DataFrame]]
    columns: tuple[str, ...] = ()


class Case(Protocol):
    """The module ``cases/<case>/tables.py``."""

    SOURCES: tuple[str, ...]

    def build_tables(self, tables: Mapping[str, pd.DataFrame], settings: Mapping[str, object]) -> CaseTables:
        """Join the checked raw tables, named as in `SOURCES`, into decisions and events."""
        ...


def load_case(name: str) -> Case:
    """Return the case of that name.

    Raises
    ------
    ConfigurationError
        If there is none.
    """
    _check(name)
    return cast(Case, importlib.import_module(f"{__name__}.{name}.tables"))


def load_faults(name: str) -> Mapping[str, Fault]:
    """Return the faults that a case can plant, by name; none if it has no module of them.

    Raises
    ------
    ConfigurationError
        If there is no such case.
    """
    _check(name)
    module = f"{__name__}.{name}.faults"
    if find_spec(module) is None:
        return {}
    return cast(Mapping[str, Fault], importlib.import_module(module).FAULTS)


def _check(name: str) -> None:
    known = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if name not in known:
        raise ConfigurationError(f"case {name!r} has no package in model_lifecycle.cases, expected one of {known}")
