"""All raw tables held against their contracts at once, and their foreign keys against one another."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from model_lifecycle.cases import Case
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.table import TableContract, TableContracts
from model_lifecycle.errors import ContractError
from model_lifecycle.pipelines.data_engineering.nodes.contracts import Sifted, on_clocks, set_aside, sift_table
from model_lifecycle.pipelines.data_engineering.nodes.schema import Breach, breach_of


def source_checker(case: Case) -> Callable[..., tuple[object, ...]]:
    """Return the node that checks the raw tables, given in the order of the case's ``SOURCES``.

    It gives the rows that go on of each table, then those set aside of each, then the warnings by table.
    """

    def check_sources(contracts: TableContracts, run: RunSpec, *tables: pd.DataFrame) -> tuple[object, ...]:
        raw = dict(zip(case.SOURCES, tables, strict=True))
        sifted = sift_tables(raw, contracts, pd.Timestamp(run.as_of))
        kept, aside = [one.kept for one in sifted.values()], [one.aside for one in sifted.values()]
        return (*kept, *aside, {name: one.warnings for name, one in sifted.items()})

    return check_sources


def sift_tables(raw: Mapping[str, pd.DataFrame], contracts: TableContracts, as_of: pd.Timestamp) -> dict[str, Sifted]:
    """Hold every table against its contract, then its foreign keys against the rows that are kept of the others.

    Times that come without a zone are read on the clock that the contract names, if it names one.

    Raises
    ------
    ContractError
        With the breaches of severity 'error' of all tables; nothing has been written then.
    """
    errors: list[ContractError] = []
    sifted: dict[str, Sifted] = {}
    raw = {name: on_clocks(table, contracts.table(name)) for name, table in raw.items()}
    for name, table in raw.items():
        try:
            sifted[name] = sift_table(name, table, contracts.table(name), as_of)
        except ContractError as error:
            errors.append(error)
    _raise(errors)
    for _ in sifted:  # rows set aside may leave others without a partner
        changed = False
        for name in raw:
            try:
                found = _without_partner(name, sifted, contracts.table(name))
                if found:
                    changed |= any(breach.severity == "quarantine" for breach in found)
                    breaches = [*sifted[name].breaches, *found]
                    sifted[name] = set_aside(name, raw[name], contracts.table(name), breaches)
            except ContractError as error:
                errors.append(error)
        _raise(errors)
        if not changed:
            break
    return sifted


def _without_partner(name: str, sifted: Mapping[str, Sifted], contract: TableContract) -> list[Breach]:
    """Return the foreign keys that more rows break than may, and that have not been told.

    Raises
    ------
    ContractError
        If one of severity 'error' is broken.
    """
    table, told = sifted[name], {breach.message for breach in sifted[name].breaches}
    numbered = table.kept.reset_index(drop=True)
    found = []
    for column, reference in contract.references.items():
        partner, key = reference.to.split(".")
        values = numbered[column]
        orphans = (values.notna() & ~values.isin(sifted[partner].kept[key])).to_numpy()
        if orphans.mean() <= reference.maximum_share:
            continue
        expected = f"a value of {reference.to}"
        if reference.maximum_share:
            expected += f" on all but {reference.maximum_share:.1%} of the rows"
        breach = breach_of(
            numbered, [column], np.flatnonzero(orphans), f"column {column!r}", expected, reference.severity, contract
        )
        if reference.severity == "error":
            raise ContractError(f"contract {name!r}, {breach.message}")
        if breach.message not in told:
            found.append(replace(breach, rows=table.places[breach.rows]))
    return found


def _raise(errors: list[ContractError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        told = "\n".join(str(error) for error in errors)
        raise ContractError(f"{len(errors)} tables break their contracts:\n{told}") from errors[0]
