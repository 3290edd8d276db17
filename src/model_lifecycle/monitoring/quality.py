"""Can a window's inputs and outcomes be trusted? Each column is judged alone, so that a bad one never hides another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.policy import MonitoringSpec
from model_lifecycle.contracts.table import ColumnContract
from model_lifecycle.monitoring.logged import LoggedColumns
from model_lifecycle.monitoring.profile import FeatureProfile, ReferenceProfile, without_named_missing
from model_lifecycle.monitoring.reference import most_frequent_share
from model_lifecycle.monitoring.units import STRICT, UnitChange, overnight_change, unit_change
from model_lifecycle.monitoring.verdict import Finding, Rule

# Shares of fewer rows jump by more than the limits; such a window is told by its volume alone.
FEWEST_ROWS = 200
_NAMED_CATEGORIES = 5
_FEWEST_UNKNOWN = 10  # rows; a handful of newcomers is no renamed code, whatever their share of a small window
_MOST_TALLIED = 100_000  # rows, evenly thinned, that tell the share of the most frequent value to within 0.3 points
# A column of which a quiet window of the reference holds nearly one value only may well hold one value.
_NEARLY_CONSTANT = 0.9
# A window of less than half, or more than twice, the traffic that the reference ever had is worth a look.
_VOLUME_FACTOR = 2.0
# No reference tells how much the outcomes of neighbouring windows differ: what is told has to be that far and farther.
_OUTCOMES_JUMP = 0.5


@dataclass(frozen=True, slots=True)
class _Column:
    """One input of the window beside all that is known of it."""

    name: str
    values: np.ndarray
    missing: np.ndarray
    unreadable: int
    contract: ColumnContract | None
    profile: FeatureProfile | None
    before: np.ndarray | None

    def present(self) -> np.ndarray:
        """Return the values that are there."""
        return np.asarray(self.values[~self.missing])


def check_quality(
    logged: LoggedColumns,
    rows: int,
    contract: Mapping[str, ColumnContract],
    profile: ReferenceProfile,
    spec: MonitoringSpec,
    *,
    before: Columns | None = None,
) -> tuple[Finding, ...]:
    """Judge the raw inputs of a window.

    Parameters
    ----------
    logged : LoggedColumns
        The inputs as they were logged; an input that the contract or the reference knows and no row brought is
        missing altogether.
    rows : int
        Decisions of the window.
    contract : mapping
        The input contract by column; may be empty.
    profile : ReferenceProfile
        The release's reference.
    spec : MonitoringSpec
        The limits.
    before : columns, optional
        Each input in the last window in which it could be trusted; changes of unit are judged against it, else
        against the reference.

    Returns
    -------
    tuple of Finding
        Critical ones first.
    """
    if rows == 0:
        return (_empty(profile),)
    findings = _volume(rows, profile) if spec.window_rows is None else []  # of so many rows, it is no finding
    if rows < FEWEST_ROWS:
        return tuple(findings)
    for name in sorted({*logged.columns, *contract} & {*contract, *profile.features}):
        values = logged.columns.get(name, np.full(rows, None, dtype=object))
        column = _Column(
            name=name,
            values=without_named_missing(values, profile.missing_category) if values.dtype == object else values,
            missing=np.asarray(pd.isna(values) | (values == profile.missing_category), dtype=bool),
            unreadable=logged.unreadable.get(name, 0),
            contract=contract.get(name),
            profile=profile.features.get(name),
            before=None if before is None else before.get(name),
        )
        findings.extend(finding for finding in _findings(column, spec) if finding is not None)
    return tuple(sorted(findings, key=lambda finding: finding.severity != "critical"))


def check_outcomes(
    name: str, values: np.ndarray, contract: ColumnContract | None, spec: MonitoringSpec, *, before: np.ndarray | None
) -> tuple[Finding, ...]:
    """Judge whether the observed outcomes of a quantity are in the contract's range, and in the unit of before.

    Parameters
    ----------
    name : str
        The question's target.
    values : ndarray of float64, shape (n,)
        In the order of their decisions. Fewer than 200 are not judged.
    contract : ColumnContract, optional
        Of the target in the primary table.
    spec : MonitoringSpec
        The limits.
    before : ndarray of float64, optional
        The outcomes of the last window in which they could be trusted; without them no change of unit is seen.

    Returns
    -------
    tuple of Finding
        All critical.
    """
    if len(values) < FEWEST_ROWS:
        return ()
    nowhere = np.zeros(len(values), dtype=bool)
    column = _Column(name, values, nowhere, unreadable=0, contract=contract, profile=None, before=before)
    outside, change = _out_of_range(column, spec), None
    if before is not None:
        change = unit_change(before, values, _OUTCOMES_JUMP, STRICT) or overnight_change(before, values)
    unit = None if change is None else _another_unit(name, change, _OUTCOMES_JUMP)
    return tuple(finding for finding in (outside, unit) if finding is not None)


def _findings(column: _Column, spec: MonitoringSpec) -> Iterator[Finding | None]:
    yield _missing(column, spec)
    yield _unreadable(column, spec)
    yield _unknown(column, spec)
    yield _out_of_range(column, spec)
    yield _stuck(column)
    yield _unit(column)


def _critical(rule: Rule, column: str, found: float, limit: float, message: str) -> Finding:
    return Finding(rule=rule, column=column, severity="critical", found=found, limit=limit, message=message)


def _empty(profile: ReferenceProfile) -> Finding:
    message = "no decision was logged in the window"
    return Finding(rule="volume", column=None, severity="critical", found=0.0, limit=profile.rows_low, message=message)


def _volume(rows: int, profile: ReferenceProfile) -> list[Finding]:
    low, high = profile.rows_low / _VOLUME_FACTOR, profile.rows_high * _VOLUME_FACTOR
    if not profile.rows_high or low <= rows <= high:
        return []
    limit = low if rows < low else high
    usual = f"{profile.rows_low:,} to {profile.rows_high:,} in a window of the reference"
    message = f"{rows:,} decisions, expected about {usual}"
    return [Finding(rule="volume", column=None, severity="warning", found=rows, limit=limit, message=message)]


def _missing(column: _Column, spec: MonitoringSpec) -> Finding | None:
    """Tell a column that is missing more than in any window of the reference, by more than those spread.

    Some are missing by nature, such as a reading that only an event brings: their windows spread widely. A column
    without a reference (a time, an identifier) is held against the contract.
    """
    share = float(column.missing.mean())
    if column.profile is not None:
        usual, spread = column.profile.missing_high, column.profile.missing_high - column.profile.missing
    else:
        usual, spread = (column.contract.maximum_missing if column.contract else 1.0), 0.0
    limit = min(usual + max(spread, spec.maximum_missing_increase), 1.0)
    if share <= limit and not (share == 1.0 and usual < 1.0):
        return None
    text = f"{column.name!r} is missing in {share:.1%} of the rows, expected at most {limit:.1%}"
    return _critical("missing", column.name, share, limit, text)


def _unreadable(column: _Column, spec: MonitoringSpec) -> Finding | None:
    share = column.unreadable / max(1, len(column.values))
    limit = spec.maximum_out_of_range_share
    if share <= limit:
        return None
    text = f"{column.name!r} holds a value of another type in {share:.1%} of the rows, expected at most {limit:.1%}"
    return _critical("unreadable", column.name, share, limit, text)


def _unknown(column: _Column, spec: MonitoringSpec) -> Finding | None:
    """Tell a column with more rows of new categories than in any later window of the reference, by the limit.

    Agents and products come and go; where the contract lists the categories, only the limit may be new.
    """
    known, listed = _known_categories(column)
    if known is None:
        return None
    tally = pd.Series(column.present(), dtype=object).value_counts()
    new = tally[[value not in known for value in tally.index]]
    usual = 0.0 if listed or column.profile is None else column.profile.unknown_high or 0.0
    share, limit = float(new.sum() / len(column.values)), min(usual + spec.maximum_unknown_share, 1.0)
    if share <= limit or new.sum() < _FEWEST_UNKNOWN:
        return None
    named = ", ".join(repr(str(value)) for value in new.index[:_NAMED_CATEGORIES])
    text = f"{column.name!r} is a category unknown to the release in {share:.1%} of the rows ({named})"
    return _critical("unknown_category", column.name, share, limit, f"{text}, expected at most {limit:.1%}")


def _known_categories(column: _Column) -> tuple[frozenset[str] | None, bool]:
    """Return the known categories, and whether the contract lists them."""
    if column.contract is not None and column.contract.categories is not None:
        return frozenset(column.contract.categories), True
    if column.profile is not None and column.profile.kind == "categorical" and column.profile.known is not None:
        return frozenset(column.profile.known), False
    return None, False


def _out_of_range(column: _Column, spec: MonitoringSpec) -> Finding | None:
    present = column.present()
    low, high = _bounds(column)
    if present.dtype == object or not present.size or low > high:
        return None
    share, limit = float(np.mean((present < low) | (present > high))), spec.maximum_out_of_range_share
    if share <= limit:
        return None
    text = (
        f"{column.name!r} lies outside {low:g} to {high:g} in {share:.1%} of the rows "
        f"(found {present.min():g} to {present.max():g}), expected at most {limit:.1%}"
    )
    return _critical("out_of_range", column.name, share, limit, text)


def _bounds(column: _Column) -> tuple[float, float]:
    """Return the contract's range; without one the reference's, widened by its own width on both sides."""
    contract, profile = column.contract, column.profile
    if contract is not None and (contract.minimum is not None or contract.maximum is not None):
        low = -np.inf if contract.minimum is None else contract.minimum
        return low, np.inf if contract.maximum is None else contract.maximum
    if profile is None or profile.minimum is None or profile.maximum is None:
        return -np.inf, np.inf
    width = profile.maximum - profile.minimum
    return profile.minimum - width, profile.maximum + width


def _stuck(column: _Column) -> Finding | None:
    """Tell a column whose one value makes up more than halfway from the reference's highest share to all rows."""
    present = column.present()
    if column.profile is None or present.size < FEWEST_ROWS or column.profile.most_frequent_high > _NEARLY_CONSTANT:
        return None
    share = most_frequent_share(pd.factorize(present[:: max(1, present.size // _MOST_TALLIED)])[0])
    usual = column.profile.most_frequent_high
    limit = (1.0 + usual) / 2.0
    if share <= limit:
        return None
    text = f"{column.name!r} has one value in {share:.1%} of the rows, in the reference {usual:.1%} at the most"
    return _critical("stuck", column.name, share, limit, f"{text}, expected at most {limit:.1%}")


def _unit(column: _Column) -> Finding | None:
    profile = column.profile
    if profile is None or profile.jump is None or column.values.dtype == object:
        return None
    if column.before is None:
        change = unit_change(np.array(profile.quantiles), column.values, profile.jump, STRICT)
    else:
        change = unit_change(column.before, column.values, profile.jump)
        change = change or overnight_change(column.before, column.values)
    return None if change is None else _another_unit(column.name, change, profile.jump)


def _another_unit(name: str, change: UnitChange, jump: float) -> Finding:
    text = (
        f"{name!r} looks as if its unit had changed (for example {change.conversion}): "
        f"its distance to before is {change.distance:.2f}, and {change.remaining:.2f} once that is undone"
    )
    return _critical("unit", name, change.distance, jump, text)
