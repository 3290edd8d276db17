"""Training-serving skew and lateness: the logged features against those recomputed from the stored events.

What a prediction saw is every event whose sequence had been read (its watermark). Recomputed with just these, its
features must be equal to those logged; a difference is a fault. What had not been read yet although it was known by the
decision's time came late: that is told as a figure of its own, with what it would have changed.
"""

from collections.abc import Hashable, Mapping, Sequence
from datetime import timedelta

import numpy as np
import pandas as pd
from pydantic import Field

from model_lifecycle.contracts.base import Contract
from model_lifecycle.contracts.records import EventRecord
from model_lifecycle.features.history import History, event_columns
from model_lifecycle.scoring import Scorer

Logged = Sequence[tuple[int, EventRecord]]

_MOST_WATERMARKS = 50  # of predictions with late events: each needs a history of its own


class Replay(Contract):
    """What replaying a window of the champion's predictions showed."""

    predictions: int
    replayed: int = Field(description="of them, recomputed and compared")
    incomplete: int = Field(description="of them, answered without the whole history in memory, and not compared")
    skewed: int = Field(description="replayed predictions of which a feature differs: a fault")
    skewed_features: dict[str, int] = Field(description="how many predictions each differing feature concerns")
    examples: tuple[str, ...] = Field(description="prediction ids of the first that differ")
    with_late_events: int = Field(description="predictions that had not seen an event known by their time")
    changed_by_late_events: int = Field(description="of the replayed ones, those whose features it would have changed")
    late_events: int
    late_seconds: dict[str, float] = Field(description="quantiles: how long an event was known and not yet seen")


def replay(rows: pd.DataFrame, logged: Logged, scorer: Scorer) -> Replay:
    """Recompute the features of logged predictions at their watermark and compare.

    Parameters
    ----------
    rows : DataFrame
        Logged predictions, one row each; those of other releases are left out.
    logged : sequence of (sequence, EventRecord)
        All events known since the longest window before the first decision.
    scorer : Scorer
        The release that answered.

    Returns
    -------
    Replay
        Of predictions with late events, those of at most 50 watermarks, spread evenly, are replayed.
    """
    mine = rows[rows["release"] == scorer.release_id].reset_index(drop=True)
    whole = np.array(["history" not in flags for flags in mine["flags"]], dtype=bool)
    times = mine["decision_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    watermark = mine["watermark"].to_numpy(dtype=np.int64)
    sequence = np.array([number for number, _ in logged], dtype=np.int64)
    known = np.array([event.known_at.replace(tzinfo=None) for _, event in logged], dtype="datetime64[us]")
    late = _has_late(times, watermark, sequence, known) & whole
    columns = scorer.columns([_record(row, scorer) for row in mine.to_dict("records")]) if len(mine) else {}
    newest = History.build(scorer.spec, event_columns(scorer.spec, [event for _, event in logged]))
    differing: dict[int, list[str]] = {}
    plain = np.flatnonzero(whole & ~late)
    _compare(mine, plain, _features(scorer, columns, plain, newest), differing)
    replayed, changed = len(plain), 0
    for mark in _spread(np.unique(watermark[late])):
        chosen = np.flatnonzero(late & (watermark == mark))
        seen = [event for number, event in logged if number <= mark]
        history = History.build(scorer.spec, event_columns(scorer.spec, seen))
        _compare(mine, chosen, _features(scorer, columns, chosen, history), differing)
        would: dict[int, list[str]] = {}
        _compare(mine, chosen, _features(scorer, columns, chosen, newest), would)
        replayed, changed = replayed + len(chosen), changed + len(would)
    delays = _lateness(times, watermark, sequence, known)
    counts: dict[str, int] = {}
    for names in differing.values():
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    return Replay(
        predictions=len(mine),
        replayed=replayed,
        incomplete=int((~whole).sum()),
        skewed=len(differing),
        skewed_features=dict(sorted(counts.items(), key=lambda item: -item[1])),
        examples=tuple(str(mine["prediction_id"].iloc[row]) for row in sorted(differing)[:5]),
        with_late_events=int(late.sum()),
        changed_by_late_events=changed,
        late_events=len(delays),
        late_seconds={name: float(np.quantile(delays, q)) for name, q in _QUANTILES.items()} if len(delays) else {},
    )


_QUANTILES = {"median": 0.5, "p95": 0.95, "maximum": 1.0}


def reach(rows: pd.DataFrame, scorer: Scorer) -> pd.Timestamp | None:
    """Return since when events must be known to replay these predictions, None without any."""
    return None if rows.empty else rows["decision_time"].min() - scorer.spec.longest_window() - timedelta(days=1)


def _has_late(times: np.ndarray, watermark: np.ndarray, sequence: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Tell for each prediction whether an event was known by its time and not read by its watermark."""
    if not len(sequence):
        return np.zeros(len(times), dtype=bool)
    earliest = np.minimum.accumulate(known[::-1])[::-1]  # of all events from here on
    after = np.searchsorted(sequence, watermark, side="right")
    there = after < len(sequence)
    return np.asarray(there & (earliest[np.minimum(after, len(sequence) - 1)] <= times))


def _lateness(times: np.ndarray, watermark: np.ndarray, sequence: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return for each late event how long it was known before the last decision that had not seen it, in seconds."""
    if not len(times):
        return np.empty(0)
    order = np.argsort(watermark, kind="stable")
    latest = np.maximum.accumulate(times[order])  # decision of all predictions up to a watermark
    below = np.searchsorted(watermark[order], sequence, side="left")
    seconds = (latest[np.maximum(below - 1, 0)] - known) / np.timedelta64(1, "s")
    return np.asarray(seconds[(below > 0) & (seconds >= 0)])


def _record(row: Mapping[Hashable, object], scorer: Scorer) -> dict[str, object]:
    question = scorer.question
    inputs = row["inputs"]
    if not isinstance(inputs, Mapping):
        raise TypeError(f"inputs of a logged prediction: found {type(inputs).__name__}, expected a mapping")
    when = pd.Timestamp(str(row["decision_time"])).isoformat()
    return {**inputs, question.decision_id: row["decision_id"], question.decision_time: when}


def _features(
    scorer: Scorer, columns: Mapping[str, np.ndarray], rows: np.ndarray, history: History
) -> dict[str, np.ndarray]:
    if not len(rows):
        return {}
    found = scorer.features({name: values[rows] for name, values in columns.items()}, history)
    return {name: values for name, values in found.items() if name not in scorer.unlogged}


def _compare(
    mine: pd.DataFrame, rows: np.ndarray, features: Mapping[str, np.ndarray], differing: dict[int, list[str]]
) -> None:
    plain = {name: values.tolist() for name, values in features.items()}
    for place, row in enumerate(rows.tolist()):
        logged = mine["features"].iloc[row]
        wrong = [name for name, values in plain.items() if not _equal(logged.get(name), values[place])]
        if wrong:
            differing[row] = wrong


def _equal(logged: object, found: object) -> bool:
    if isinstance(found, float) and found != found:  # noqa: PLR0124 - NaN is logged as null
        return logged is None
    return logged == found


def _spread(watermarks: np.ndarray) -> list[int]:
    if len(watermarks) <= _MOST_WATERMARKS:
        return [int(mark) for mark in watermarks]
    chosen = np.linspace(0, len(watermarks) - 1, _MOST_WATERMARKS).astype(np.int64)
    return [int(watermarks[place]) for place in chosen]
