"""What a batch of scores becomes: rows of the log, and the answers that tell them."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

import numpy as np

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.records import Role
from model_lifecycle.errors import ServingError
from model_lifecycle.scored_rows import ScoredRows
from model_lifecycle.serving.champion import Champion
from model_lifecycle.serving.chance import taken
from model_lifecycle.serving.live_history import Snapshot
from model_lifecycle.serving.settings import ControlSettings
from model_lifecycle.serving.types import HistoryState
from model_lifecycle.store import PredictionRow
from model_lifecycle.store.encoding import plain_jsons, rows_in_json, to_micros

Record = Mapping[str, object]
Hide = Callable[[frozenset[str], Sequence[Record]], Sequence[Record]]
NO_CONTROL = ControlSettings()
_CUT_SHORT = {"history": ["incomplete"]}
_NONE: list[str] = []
_RANDOM_BYTES = 10
_RANDOM_DIGITS = 2 * _RANDOM_BYTES


@dataclass(frozen=True, slots=True)
class Made:
    """The rows and the answers of a batch, in its order."""

    logged: list[PredictionRow]
    answers: list[dict[str, object]]


def predictions_of(
    champion: Champion,
    role: Role,
    snapshot: Snapshot,
    records: Sequence[Record],
    scored: ScoredRows,
    control: ControlSettings,
    hide: Hide | None = None,
) -> Made:
    """Build the log rows and the answers of a batch; ``hide`` is needed where a release has private inputs.

    Raises
    ------
    ServingError
        If a score is not a finite number.
    """
    scorer, question = champion.scorer, champion.scorer.question
    release, threshold, watermark = scorer.release_id, scorer.threshold, snapshot.watermark
    if not math.isfinite(sum(scored.score)):
        raise ServingError(f"release {release}: a score is not finite, expected numbers")
    now, count = datetime.now(UTC), len(records)
    inputs, features = _logged(champion, records, scored, hide)
    reach = _reach(champion, snapshot)
    complete = [time >= reach for time in scored.times]
    flags = [one if whole else {**one, **_CUT_SHORT} for one, whole in zip(scored.flags, complete, strict=True)]
    names, decisions = _new_ids(now, count), scorer.task.decisions(scored.action)
    lots = taken(question, scored.ids, decisions, control.share, control.salt)
    actions, propensities = [action for action, _ in lots], [propensity for _, propensity in lots]
    outputs = _rows(scorer.task.outputs(scored.prediction), count)
    logged_at = to_micros("logged_at", now)
    logged = zip(
        names, map(str, scored.ids), scored.times, repeat(logged_at, count), repeat(release, count), scored.score,
        decisions, repeat(threshold, count), repeat(watermark, count), plain_jsons(inputs), features,
        plain_jsons(flags), plain_jsons(outputs), repeat(role, count), actions, propensities, strict=True,
    )  # fmt: skip
    states = [HistoryState(watermark, snapshot.newest(), whole) for whole in (False, True)]
    answers: list[dict[str, object]] = [
        {
            "prediction_id": name,
            question.decision_id: one,
            "score": score,
            "decision": decision,
            "outputs": output,
            "release": release,
            "role": role,
            "action": action,
            "propensity": propensity,
            "threshold": threshold,
            "history": states[whole],
            "missing": marks.get("missing", _NONE),
            "unknown": marks.get("unknown", _NONE),
        }
        for name, one, score, decision, output, action, propensity, whole, marks in zip(
            names, scored.ids, scored.score, decisions, outputs, actions, propensities, complete, scored.flags,
            strict=True,
        )
    ]  # fmt: skip
    return Made(list(map(PredictionRow._make, logged)), answers)


def _logged(
    champion: Champion, records: Sequence[Record], scored: ScoredRows, hide: Hide | None
) -> tuple[Sequence[Record], list[str]]:
    """Return inputs, and features in JSON, as they may be logged."""
    private, question = champion.scorer.private, champion.scorer.question
    inputs = [dict(record) for record in records]
    for one in inputs:
        one.pop(question.decision_id, None)
        one.pop(question.decision_time, None)
    if not private:
        return inputs, rows_in_json(scored.names, scored.features)
    if hide is None:
        raise ServingError(f"release {champion.scorer.release_id} has private inputs, expected a way to hide them")
    told = [place for place, name in enumerate(scored.names) if name not in private]
    features = [[row[place] for place in told] for row in scored.features]
    return hide(private, inputs), rows_in_json([scored.names[place] for place in told], features)


def _reach(champion: Champion, snapshot: Snapshot) -> float:
    """Return from which decision time on, in microseconds, the events in memory reach back over the longest window."""
    if not champion.scorer.spec.history:
        return -math.inf
    if snapshot.reaches_back_to is None:  # nothing is known
        return math.inf
    return int((snapshot.reaches_back_to + champion.scorer.longest_window).astype(np.int64))


def _rows(columns: Columns, rows: int) -> Sequence[dict[str, Any]]:
    """Turn columns into one mapping a row."""
    lists = [values.tolist() for values in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)] or [_NOTHING] * rows


_NOTHING: dict[str, Any] = {}


def _new_ids(now: datetime, count: int) -> list[str]:
    """Return unique ids that sort by time, so that a database's index grows at its end (as UUID version 7 does)."""
    start, drawn = id_from(now), os.urandom(_RANDOM_BYTES * count).hex()
    return [start + drawn[place : place + _RANDOM_DIGITS] for place in range(0, len(drawn), _RANDOM_DIGITS)]


def id_from(moment: datetime) -> str:
    """Return what sorts before every id of this moment and after every earlier one."""
    return f"{int(moment.timestamp() * 1000):012x}"
