"""A first contract for a table, inferred from the rows at hand; people keep it from then on."""

import math
import re
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
import yaml

from model_lifecycle.contracts.table import ColumnContract, ColumnType, Reference, TableContract, TableContracts
from model_lifecycle.errors import ContractError
from model_lifecycle.features.iso_texts import offsets_of
from model_lifecycle.features.tables import is_boolean

_FEW = 20  # distinct texts up to which they are listed
_PER_CATEGORY = 5  # rows that each listed text must have on average
_MARGIN = 0.1  # of the range, added on either side
_SHARE = 0.05  # of missing values, added
_KEY_COLUMNS = 3
_LOOKED_AT = 1000  # distinct texts
_DATE = re.compile(r"(\d{4}([./-])\d{1,2}\2\d{1,2}|\d{1,2}([./-])\d{1,2}\3(\d{4}|\d{2}))([ T].*)?")
_NUMBER = re.compile(r"(?=.*[.,'€$£%])[-+]?[€$£]? ?(\d{1,3}([.,' ]\d{3})+|\d+)([.,]\d+)? ?[€$£%]?")


def infer_contracts(tables: Mapping[str, pd.DataFrame]) -> TableContracts:
    """Infer a contract for each table, and foreign keys between them.

    Every contract accepts the table that it was inferred from, but for times that came as text (`notes_on`). Types,
    keys, ranges and categories are guesses from the rows at hand: units, what is known when, and how severe a breach
    is only people know.

    Raises
    ------
    ContractError
        If a table is empty, has a column name twice, or a column of mixed types.
    """
    found = {name: _infer(name, table) for name, table in tables.items()}
    keys = {
        f"{name}.{contract.key[0]}": tables[name][contract.key[0]]
        for name, contract in found.items()
        if len(contract.key) == 1 and contract.columns[contract.key[0]].type in ("category", "integer")
    }
    return TableContracts(
        {name: contract.model_copy(update=_references(name, tables[name], keys)) for name, contract in found.items()}
    )


def notes_on(tables: Mapping[str, pd.DataFrame]) -> dict[tuple[str, str], str]:
    """Say by table and column what has to be done to texts that are times, dates or numbers."""
    return {
        (name, str(column)): note
        for name, table in tables.items()
        for column in table.columns
        if (note := _note(str(column), table[column]))
    }


def _note(column: str, values: pd.Series) -> str:
    if offsets := offsets_of(values):
        return _to_be_parsed(_scalar(column), offsets)
    if not pd.api.types.is_string_dtype(values.dropna()):
        return ""
    texts = [str(text).strip() for text in values.dropna().unique()[:_LOOKED_AT]]
    if texts and all(map(_DATE.fullmatch, texts)):
        return (
            f"dates that came as text, such as {texts[0]!r}: parse them, as by load_args: {{parse_dates: "
            f"[{_scalar(column)}], date_format: …}}"
        )
    if texts and all(map(_NUMBER.fullmatch, texts)):
        return f"numbers that came as text, such as {texts[0]!r}: read them as such, as by load_args: {{decimal: ','}}"
    return ""


def _to_be_parsed(column: str, offsets: tuple[str, ...]) -> str:
    if len(offsets) == 1:
        return f"it came as text: parse it, as by load_args: {{parse_dates: [{column}]}}"
    return (
        f"it came as text of offsets {', '.join(offsets)}: store UTC, or say category here and parse it in "
        f"build_tables, as by pd.to_datetime({column}, utc=True)"
    )


def known_with_label(contracts: TableContracts, table: str, names: Collection[str]) -> TableContracts:
    """Mark columns of a table as known only with the label."""
    contract = contracts.table(table)
    marked = {
        name: column.model_copy(update={"known": "label"}) if name in names else column
        for name, column in contract.columns.items()
    }
    return TableContracts({**contracts.root, table: contract.model_copy(update={"columns": marked})})


def _infer(name: str, table: pd.DataFrame) -> TableContract:
    if table.empty:
        raise ContractError(f"table {name!r}: no rows to infer a contract from")
    twice = sorted(map(str, table.columns[table.columns.duplicated()]))
    if twice:
        raise ContractError(f"table {name!r}: columns {twice} occur twice")
    columns = {str(column): _column(name, str(column), table[column]) for column in table.columns}
    return TableContract(columns=columns, key=_key(table, columns), minimum_rows=max(len(table) // 2, 1))


def _column(table: str, name: str, values: pd.Series) -> ColumnContract:
    kind = _type(table, name, values)
    present = values.dropna()
    fields: dict[str, object] = {"type": kind, "maximum_missing": _missing(values)}
    if kind in ("integer", "number") and len(present):
        numbers = present.to_numpy(dtype=np.float64)
        finite = numbers[np.isfinite(numbers)]
        if len(finite) < len(numbers):
            raise ContractError(f"table {table!r}, column {name!r}: {len(numbers) - len(finite):,} values are infinite")
        fields |= _range(float(finite.min()), float(finite.max()))
    elif kind == "time" and pd.api.types.is_datetime64_dtype(values.dtype):
        fields["time_zone"] = "UTC"
    elif kind == "category":
        distinct = sorted(map(str, present.unique()))
        if 0 < len(distinct) <= _FEW and len(distinct) * _PER_CATEGORY <= len(present):
            fields["categories"] = distinct
    return ColumnContract.model_validate(fields)


def _type(table: str, name: str, values: pd.Series) -> ColumnType:
    types = pd.api.types
    if is_boolean(values):
        return "boolean"
    if types.is_datetime64_any_dtype(values.dtype):
        return "time"
    if types.is_numeric_dtype(values.dtype):
        present = values.dropna().to_numpy(dtype=np.float64)
        present = present[np.isfinite(present)]
        whole = len(present) > 0 and bool((present % 1 == 0).all())
        return "integer" if whole or types.is_integer_dtype(values.dtype) else "number"
    if offsets_of(values):
        return "time"
    if values.isna().all() or types.is_string_dtype(values.dropna()):
        return "category" if not values.isna().all() or types.is_string_dtype(values.dtype) else "number"
    kinds = sorted({type(value).__name__ for value in values.dropna().head(1000)})
    raise ContractError(
        f"table {table!r}, column {name!r}: found values of {kinds}, expected text, numbers, booleans or times; "
        "declare the source's types first"
    )


def _missing(values: pd.Series) -> float:
    """Return the share with some room, rounded up; a column that misses nothing may miss nothing."""
    share = float(values.isna().mean())
    return 0.0 if not share else min(math.ceil((share + _SHARE) * 20) / 20, 1.0)


def _range(low: float, high: float) -> dict[str, object]:
    """Return the range with some room, in round numbers; what is never negative stays so."""
    room = (high - low) * _MARGIN
    step = 10.0 ** math.floor(math.log10(room)) if room > 0 else 1.0
    below = 0.0 if low >= 0 and low - room < 0 else math.floor((low - room) / step) * step
    above = math.ceil((high + room) / step) * step
    return {"minimum": min(below, low), "maximum": max(above, high)}


def _key(table: pd.DataFrame, columns: Mapping[str, ColumnContract]) -> tuple[str, ...]:
    """Return the first columns, from the left, that name each row: one, or a few together."""
    named = [name for name, column in columns.items() if column.type in ("category", "integer", "time")]
    usable = [name for name in named if not columns[name].maximum_missing]
    for name in usable:
        if table[name].is_unique:
            return (name,)
    for size in range(2, _KEY_COLUMNS + 1):
        chosen = usable[:size]
        if len(chosen) == size and not table.duplicated(chosen).any():
            return tuple(chosen)
    return ()


def _references(name: str, table: pd.DataFrame, keys: Mapping[str, pd.Series]) -> dict[str, object]:
    """Return the columns whose values all stand in the key of the same name of another table."""
    found = {}
    for target, values in keys.items():
        partner, column = target.split(".")
        if partner != name and column in table.columns and table[column].dropna().isin(values).all():
            found[column] = Reference(to=target)
    return {"references": found}


def to_yaml(contracts: TableContracts, notes: Mapping[tuple[str, str], str] | None = None) -> str:
    """Write contracts as a case's ``parameters_contracts.yml``; what was guessed or has a note is marked."""
    lines = ["# Inferred from data: check every line, add units and what is known only with the label.", "contracts:"]
    for name, contract in contracts.root.items():
        lines += [
            f"  {_scalar(name)}:",
            f"    key: {_flow(list(contract.key))}  # check me",
            f"    minimum_rows: {contract.minimum_rows}  # half of what there was",
        ]
        if contract.references:
            references = {column: reference.to for column, reference in contract.references.items()}
            lines.append(f"    references: {_flow(references)}  # check me")
        lines.append("    columns:")
        for column, declared in contract.columns.items():
            fields = declared.model_dump(mode="json", exclude_defaults=True)
            note = (notes or {}).get((name, column), "no zone was told" if declared.time_zone else "")
            lines.append(f"      {_scalar(column)}: {_flow(fields)}{'  # check me: ' + note if note else ''}")
    return "\n".join(lines) + "\n"


def _flow(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False)
    return str(text).strip()


def _scalar(name: str) -> str:
    return _flow(name).removesuffix("...").strip()
