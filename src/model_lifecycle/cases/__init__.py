"""The cases: the only place in the package that knows a case's column names.

A case is a package ``cases/<case>`` with a module ``tables`` that offers `SOURCES` and `build_tables`.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
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
    entity and value columns of every kind (missing where a kind has none). Times are aware and in UTC.
    """

    decisions: pd.DataFrame
    events: pd.DataFrame
    preparation: tuple[PreparationStep, ...]


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
    known = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if name not in known:
        raise ConfigurationError(f"case {name!r} has no package in model_lifecycle.cases, expected one of {known}")
    return cast(Case, importlib.import_module(f"{__name__}.{name}.tables"))
