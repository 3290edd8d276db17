"""What a batch of scores becomes: rows of the log, and the answers that tell them."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
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
from model_lifecycle.store.encoding import plain_json, to_micros

Record = Mapping[str, object]
Hide = Callable[[frozenset[str], Sequence[Record]], Sequence[Record]]
NO_CONTROL = ControlSettings()
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
    now = datetime.now(UTC)
    logged_at = to_micros("logged_at", now)
    decisions = scorer.task.decisions(scored.action)
    actions = taken(question, scored.ids, decisions, control.share, control.salt)
    inputs, features = _logged(champion, records, scored, hide)
    whole, part = (HistoryState(watermark, snapshot.newest(), complete) for complete in (True, False))
    reach = _reach(champion, snapshot)
    made = Made([], [])
    for name, one, time, score, decision, (action, propensity), output, flags, given, seen in zip(
        _new_ids(now, len(records)),
        scored.ids,
        scored.times,
        scored.score,
        decisions,
        actions,
        _rows(scorer.task.outputs(scored.prediction), len(records)),
        scored.flags,
        inputs,
        features,
        strict=True,
    ):
        complete = time >= reach
        made.logged.append(
            PredictionRow(
                name,
                str(one),
                time,
                logged_at,
                release,
                score,
                decision,
                threshold,
                watermark,
                plain_json(given),
                plain_json(seen),
                plain_json(flags if complete else {**flags, "history": ["incomplete"]}),
                plain_json(output),
                role,
                action,
                propensity,
            )
        )
        made.answers.append(
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
                "history": whole if complete else part,
                "missing": flags.get("missing", []),
                "unknown": flags.get("unknown", []),
            }
        )
    return made


def _logged(
    champion: Champion, records: Sequence[Record], scored: ScoredRows, hide: Hide | None
) -> tuple[Sequence[Record], Sequence[Record]]:
    """Return inputs and features as they may be logged."""
    private, question = champion.scorer.private, champion.scorer.question
    keys = {question.decision_id, question.decision_time}
    inputs: Sequence[Record] = [
        {name: value for name, value in record.items() if name not in keys} for record in records
    ]
    if not private:
        return inputs, scored.features
    if hide is None:
        raise ServingError(f"release {champion.scorer.release_id} has private inputs, expected a way to hide them")
    features = [{name: value for name, value in one.items() if name not in private} for one in scored.features]
    return hide(private, inputs), features


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
