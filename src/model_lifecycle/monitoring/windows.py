"""Windows of time, and whether enough outcomes are known to judge one."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from model_lifecycle.contracts.policy import MonitoringSpec
from model_lifecycle.errors import ConfigurationError, ContractError
from model_lifecycle.monitoring.verdict import Maturity

_NEEDED = ("decision_id", "decision_time", "release", "score", "threshold", "outcome", "value", "label_time")
_DELAY_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "maximum": 1.0}
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Decisions with ``start <= decision time < end``."""

    start: datetime
    end: datetime


def resolve_until(until: str | datetime | None, newest: datetime | None) -> datetime | None:
    """Return where the last window ends: the given time, or just after the newest decision.

    Raises
    ------
    ConfigurationError
        If the text is no ISO time or the time has no zone.

    Examples
    --------
    >>> resolve_until("2024-08-01T00:00Z", None)
    datetime.datetime(2024, 8, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    if until is None:
        return None if newest is None else newest + _MICROSECOND
    try:
        moment = until if isinstance(until, datetime) else datetime.fromisoformat(until)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"monitoring_until: found {until!r}, expected an ISO time with its zone") from error
    if moment.utcoffset() is None:
        raise ConfigurationError(
            f"monitoring_until: found {until!r} without a zone, expected e.g. 2024-08-01T00:00:00Z"
        )
    return moment


def tile(first: datetime, until: datetime, width: timedelta, most: int) -> tuple[Window, ...]:
    """Cut the time before ``until`` into windows, the oldest first.

    Parameters
    ----------
    first : datetime
        The first decision there is; windows that end at or before it are left out, the one that holds it is kept.
    until : datetime
        End of the last window.
    width : timedelta
        Of each window, above zero.
    most : int
        At most so many windows.

    Returns
    -------
    tuple of Window
        None when ``first`` lies at or after ``until``.
    """
    windows: list[Window] = []
    end = until
    while end > first and len(windows) < most:
        windows.append(Window(end - width, end))
        end -= width
    return tuple(reversed(windows))


def tile_by_rows(times: np.ndarray, until: datetime, rows: int, most: int) -> tuple[Window, ...]:
    """Cut the decisions before ``until`` into windows of equally many, the oldest first.

    Parameters
    ----------
    times : ndarray of datetime64[us], shape (n,)
        Decision times in UTC, in any order.
    until : datetime
        End of the last window.
    rows : int
        Decisions in each; those at the very moment at which a window begins are all in it.
    most : int
        At most so many windows.

    Returns
    -------
    tuple of Window
        The oldest decisions that fill no window are left out, unless they are all there are.

    Examples
    --------
    >>> from datetime import UTC
    >>> times = np.datetime64("2024-08-01T00:00", "us") + np.arange(7) * np.timedelta64(1, "h")
    >>> [one.start.hour for one in tile_by_rows(times, datetime(2024, 8, 1, 12, tzinfo=UTC), 3, 9)]
    [1, 4]
    """
    known = np.sort(times[times < np.datetime64(until.astimezone(UTC).replace(tzinfo=None), "us")])
    firsts = [known.size - rows * number for number in range(1, most + 1) if known.size >= rows * number]
    starts = [known[first].item().replace(tzinfo=UTC) for first in firsts or [0] if known.size]
    windows = [Window(start, end) for start, end in zip(starts, [until, *starts], strict=False) if start < end]
    return tuple(reversed(windows))


def check_log(table: pd.DataFrame) -> None:
    """Refuse a table that is no prediction log joined with its labels.

    Raises
    ------
    ContractError
        If a column is absent or a time is not in UTC.
    """
    absent = [name for name in _NEEDED if name not in table.columns]
    if absent:
        raise ContractError(f"prediction_window: columns {absent} are absent; found {list(table.columns)}")
    for name in ("decision_time", "label_time"):
        if str(getattr(table[name].dtype, "tz", None)) != "UTC":
            raise ContractError(f"prediction_window, column {name!r}: found {table[name].dtype}, expected UTC times")


def rows_of(table: pd.DataFrame, window: Window, as_of: datetime | None) -> pd.DataFrame:
    """Return the decisions of a window with the outcomes known at ``as_of`` (None: all that are there).

    Of several predictions of one decision by one release, the first counts (`one_a_decision`).
    """
    inside = (table["decision_time"] >= window.start) & (table["decision_time"] < window.end)
    rows = one_a_decision(table[inside])
    if as_of is None:
        return rows
    late = (rows["label_time"] > as_of).to_numpy()
    if not late.any():
        return rows
    rows = rows.copy()
    rows["outcome"] = rows["outcome"].astype(object)
    rows.loc[late, "outcome"] = None
    rows.loc[late, "value"] = np.nan
    rows.loc[late, "label_time"] = pd.NaT
    return rows


def one_a_decision(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the first of several predictions of one decision by one release, by decision time.

    The first is what was acted on. One that was logged after the outcome had come does not count at all where another
    was logged before: nobody could act on it, and it may know the outcome.
    """
    if "logged_at" in rows.columns:
        rows = rows.sort_values("logged_at", kind="stable")
        if "received_at" in rows.columns:
            late = rows["logged_at"] > rows["received_at"]
            rows = rows[~(late & rows["decision_id"].isin(rows.loc[~late, "decision_id"]))]
    return rows.drop_duplicates(["decision_id", "release"]).sort_values("decision_time", kind="stable")


def observed(rows: pd.DataFrame) -> np.ndarray:
    """Return which rows have an observed outcome with a value that is not older than the decision, as bool."""
    known = (rows["outcome"] == "observed") & rows["value"].notna()
    return np.asarray((known & ~(rows["label_time"] < rows["decision_time"])).to_numpy(), dtype=bool)


def unavailable(rows: pd.DataFrame) -> np.ndarray:
    """Return which rows have an outcome that will never be observed, as bool."""
    return np.asarray((rows["outcome"] == "unavailable").to_numpy(), dtype=bool)


def maturity(
    rows: pd.DataFrame, spec: MonitoringSpec, age: timedelta | None = None, label_delay: timedelta = timedelta(0)
) -> Maturity:
    """Say whether enough of a window's outcomes are known.

    Parameters
    ----------
    rows : DataFrame
        Of `rows_of`. A label from before its decision is no outcome of it: it is counted, not used.
    spec : MonitoringSpec
        A window is mature when ``minimum_label_share`` of its decisions have an outcome, observed or unavailable,
        and ``minimum_labels`` of them are observed.
    age : timedelta, optional
        How long before the moment that is judged from the window ended.
    label_delay : timedelta
        How long nearly all outcomes take (`SplitSpec.label_delay`): a window of a smaller age is not mature, however
        many outcomes it has. Those that came early are no fair sample of all.
    """
    seen, never = observed(rows), unavailable(rows)
    before = (rows["outcome"] == "observed") & (rows["label_time"] < rows["decision_time"])
    decisions, labels = len(rows), int(seen.sum())
    outcomes = labels + int(never.sum())
    mature, reason = _judge(decisions, labels, outcomes, spec)
    if mature and age is not None and age < label_delay:
        mature = False
        reason = (
            f"the window ended {age / _DAY:.3g} days ago, and outcomes take up to {label_delay / _DAY:.3g} "
            "(`split.label_delay`): those that came early are no fair sample"
        )
    reasons = rows["reason"] if "reason" in rows.columns else pd.Series(None, index=rows.index, dtype=object)
    named = [str(text) if isinstance(text, str) and text else "(no reason)" for text in reasons[never]]
    return Maturity(
        mature=mature,
        reason=reason,
        decisions=decisions,
        observed=labels,
        unavailable=dict(sorted(Counter(named).items())),
        waiting=decisions - outcomes,
        label_before_decision=int(before.sum()),
        delay_hours=label_delays(rows[seen | never]),
    )


def _judge(decisions: int, labels: int, outcomes: int, spec: MonitoringSpec) -> tuple[bool, str]:
    if decisions == 0:
        return False, "no decision was logged"
    share = outcomes / decisions
    if share < spec.minimum_label_share:
        return False, (
            f"{outcomes:,} of {decisions:,} decisions ({share:.0%}) have an outcome, "
            f"expected {spec.minimum_label_share:.0%}"
        )
    if labels < spec.minimum_labels:
        return False, f"{labels:,} observed outcomes, expected at least {spec.minimum_labels:,}"
    return True, f"{outcomes:,} of {decisions:,} decisions have an outcome, {labels:,} of them observed"


def label_delays(rows: pd.DataFrame) -> dict[str, float]:
    """Return quantiles of the hours between decision and label; empty without a label."""
    delays = (rows["label_time"] - rows["decision_time"]).dropna().dt.total_seconds().to_numpy(dtype=np.float64)
    if not delays.size:
        return {}
    return {name: float(np.quantile(delays, share)) / 3600.0 for name, share in _DELAY_QUANTILES.items()}
