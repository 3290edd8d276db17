"""Inputs that are not known yet at the decision, by declaration or by what their absence or a value of theirs tells."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.special import bdtr, bdtrc

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.leakage import Finding, LeakageLimits
from model_lifecycle.contracts.table import ColumnContract

_PURE = 0.95  # share of one outcome among the rows without a value
_FEWEST_MISSING = 20
_FREQUENT = 0.01  # share of the rows that a value has at least to be asked what it tells


def known_too_late(
    names: tuple[str, ...], contracts: Mapping[str, ColumnContract], columns: Columns, decided: np.ndarray
) -> list[Finding]:
    """Return inputs that are known with the label only, or whose declared known-at is not at or before a decision.

    A value without a known-at was known nobody knows when, which is too late.

    Parameters
    ----------
    names : tuple of str
        The input columns.
    contracts : mapping
        Of the primary table's columns; ``known_at`` names the column that says when a value became known.
    columns : columns
        The primary table.
    decided : ndarray of datetime64[us], shape (n,)
        Decision times.
    """
    found = []
    for name in names:
        contract = contracts.get(name)
        if contract is None:
            continue
        if contract.known == "label":
            message = f"{name} is known only with the label (its contract says `known: label`)"
            found.append(Finding(check="known too late", columns=[name], message=message))
        elif contract.known_at is not None:
            known = columns[contract.known_at]
            late = (known > decided) | (np.isnat(known) & ~is_missing(columns[name]))
            if late.any():
                row = int(np.argmax(late))
                moment = "an unknown time" if np.isnat(known[row]) else known[row]
                message = (
                    f"{name} became known after the decision on {int(late.sum()):,} of {len(late):,} rows, such as at "
                    f"{moment} for a decision at {decided[row]} (column {contract.known_at})"
                )
                found.append(Finding(check="known too late", columns=[name], message=message))
    return found


def telling_absence(columns: Columns, target: np.ndarray, limits: LeakageLimits) -> list[Finding]:
    """Return columns whose missing values tell the outcome, as a value does that is filled in later.

    Parameters
    ----------
    columns : columns
        Raw inputs of rows with a known outcome.
    target : ndarray of float64, shape (n,)
        0 or 1.
    limits : LeakageLimits
        ``chance`` bounds the binomial probability of so pure an outcome.
    """
    base = float(target.mean())
    found = []
    for name, values in columns.items():
        missing = is_missing(values)
        count = int(missing.sum())
        if count < _FEWEST_MISSING or count == len(missing):
            continue
        positives = int(target[missing].sum())
        for hits, rate, outcome in ((positives, base, 1), (count - positives, 1.0 - base, 0)):
            unlikely = bdtrc(hits - 1, count, rate) < limits.chance / max(len(columns), 1)
            if hits >= _PURE * count and rate < _PURE / 2 and unlikely:
                message = (
                    f"{name} is missing on {count:,} rows, {hits / count:.1%} of which have outcome {outcome} "
                    f"({rate:.1%} of all rows do)"
                )
                found.append(Finding(check="missing value tells the outcome", columns=[name], message=message))
    return found


def telling_values(
    columns: Columns, target: np.ndarray, contracts: Mapping[str, ColumnContract], limits: LeakageLimits
) -> list[Finding]:
    """Return columns with a frequent value where one outcome hardly ever happens: worth asking when it is set.

    Of a number that is mostly zero, all others together are such a value too. Hardly ever is a twentieth of how often
    the outcome happens on all rows, and no accident: a strong honest input may look so, which is why it blocks nothing.

    Parameters
    ----------
    columns : columns
        Raw inputs of rows with a known outcome.
    target : ndarray of float64, shape (n,)
        0 or 1.
    contracts : mapping
        Of the primary table's columns; a private value is not quoted.
    limits : LeakageLimits
        ``chance`` bounds the binomial probability of so few, over all values that are asked.
    """
    base, rows = float(target.mean()), len(target)
    asked = [
        (name, value, count, positives)
        for name, values in columns.items()
        for value, count, positives in _by_value(values, target)
        if max(_FEWEST_MISSING, _FREQUENT * rows) <= count < rows
    ]
    found: dict[str, Finding] = {}
    for name, value, count, positives in asked:
        for fewer, rate, outcome in ((positives, base, 1), (count - positives, 1.0 - base, 0)):
            if fewer <= (1.0 - _PURE) * rate * count and bdtr(fewer, count, rate) < limits.chance / len(asked):
                shown = "one private value" if name in contracts and contracts[name].private else value
                message = (
                    f"{name} is {shown} on {count:,} rows, {fewer / count:.1%} of which have outcome {outcome} "
                    f"({rate:.1%} of all rows do); is it set before the decision?"
                )
                found.setdefault(name, Finding(check="value tells the outcome", columns=[name], message=message))
    return list(found.values())


def _by_value(values: np.ndarray, target: np.ndarray) -> Iterator[tuple[str, int, int]]:
    """Yield what a value is, its rows and those of them with outcome 1; first of all numbers but zero."""
    if values.dtype.kind in "if":
        other = (values != 0) & ~is_missing(values)
        if 0 < other.sum() < (values == 0).sum():
            yield "not 0", int(other.sum()), int(target[other].sum())
    codes, distinct = pd.factorize(values)
    present = codes >= 0
    counts = np.bincount(codes[present], minlength=len(distinct))
    positives = np.bincount(codes[present], weights=target[present], minlength=len(distinct))
    for value, count, positive in zip(distinct.tolist(), counts.tolist(), positives.tolist(), strict=True):
        yield repr(value)[:40], int(count), int(positive)


def absence_without_outcome(columns: Columns, unavailable: np.ndarray) -> list[Finding]:
    """Return columns that are missing nearly only where the outcome is unavailable: worth a declared known-at."""
    found = []
    for name, values in columns.items():
        missing = is_missing(values)
        count = int(missing.sum())
        inside = int((missing & unavailable).sum())
        if count >= _FEWEST_MISSING and inside >= _PURE * count and unavailable.mean() < _PURE / 2:
            message = f"{name} is missing on {count:,} rows, and {inside:,} of these have no outcome"
            found.append(Finding(check="missing where there is no outcome", columns=[name], message=message))
    return found


def is_missing(values: np.ndarray) -> np.ndarray:
    """Return where a column has no value, bool, shape (n,)."""
    if values.dtype == object:
        return np.array([value is None for value in values.tolist()], dtype=bool)
    if values.dtype.kind == "M":
        return np.asarray(np.isnat(values))
    return np.asarray(np.isnan(values)) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
