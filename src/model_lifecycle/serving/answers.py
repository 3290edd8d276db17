"""What a batch of scores becomes: rows of the log, and the answers that tell them."""

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.records import PredictionRecord, Role
from model_lifecycle.scoring import Scores
from model_lifecycle.serving.champion import Champion
from model_lifecycle.serving.chance import taken
from model_lifecycle.serving.live_history import Snapshot
from model_lifecycle.serving.settings import ControlSettings
from model_lifecycle.serving.types import HistoryState, Prediction

Record = Mapping[str, object]
NO_CONTROL = ControlSettings()


@dataclass(frozen=True, slots=True)
class Made:
    """The rows and the answers of a batch, in its order."""

    logged: list[PredictionRecord]
    answers: list[dict[str, object]]


def predictions_of(
    champion: Champion,
    role: Role,
    snapshot: Snapshot,
    records: Sequence[Record],
    columns: Columns,
    scores: Scores,
    control: ControlSettings,
) -> Made:
    """Build the log rows and the answers of a batch."""
    scorer = champion.scorer
    question = scorer.question
    logged_at = datetime.now(UTC)
    ids = columns[question.decision_id].tolist()
    times = [moment.replace(tzinfo=UTC) for moment in columns[question.decision_time].tolist()]
    complete = _complete(champion, snapshot, columns[question.decision_time])
    features = _rows(scores.features)
    values, decisions = scores.score.tolist(), scorer.task.decisions(scores.action)
    outputs = _rows(scorer.task.outputs(scores.prediction)) or [{}] * len(records)
    actions = taken(question, ids, decisions, control.share, control.salt)
    keys = (question.decision_id, question.decision_time)
    whole = HistoryState(snapshot.watermark, snapshot.newest(), True)
    part = HistoryState(snapshot.watermark, snapshot.newest(), False)
    logged, answers = [], []
    for row, record in enumerate(records):
        flags = scores.flags[row]
        prediction_id = new_id(logged_at)
        logged.append(
            PredictionRecord(
                prediction_id=prediction_id,
                decision_id=str(ids[row]),
                decision_time=times[row],
                logged_at=logged_at,
                release=scorer.release_id,
                score=values[row],
                decision=decisions[row],
                threshold=scorer.threshold,
                watermark=snapshot.watermark,
                inputs={name: value for name, value in record.items() if name not in keys},
                features=features[row],
                flags=flags if complete[row] else {**flags, "history": ["incomplete"]},
                outputs=outputs[row],
                role=role,
                action=actions[row][0],
                propensity=actions[row][1],
            )
        )
        prediction = Prediction(
            prediction_id=prediction_id,
            score=values[row],
            decision=decisions[row],
            outputs=outputs[row],
            release=scorer.release_id,
            role=role,
            action=actions[row][0],
            propensity=actions[row][1],
            threshold=scorer.threshold,
            history=whole if complete[row] else part,
            missing=flags.get("missing", []),
            unknown=flags.get("unknown", []),
        )
        answers.append(_answer(question.decision_id, ids[row], prediction))
    return Made(logged, answers)


def _answer(decision_id: str, value: object, prediction: Prediction) -> dict[str, object]:
    fields = {name: getattr(prediction, name) for name in prediction.__struct_fields__}
    return {"prediction_id": fields.pop("prediction_id"), decision_id: value, **fields}


def _complete(champion: Champion, snapshot: Snapshot, times: np.ndarray) -> list[bool]:
    """Tell for each decision whether the events in memory reach back over its longest window."""
    window = champion.scorer.longest_window
    if not champion.scorer.spec.history or snapshot.reaches_back_to is None:  # nothing to know, or nothing known
        return [not champion.scorer.spec.history] * len(times)
    reached: np.ndarray = np.asarray(times - window >= snapshot.reaches_back_to)
    return [bool(seen) for seen in reached.tolist()]


def _rows(columns: Columns) -> list[dict[str, Any]]:
    """Turn columns into one mapping a row; what is no number becomes None, as JSON has no other way."""
    names = list(columns)
    lists = []
    for values in columns.values():
        plain = values.tolist()
        if values.dtype.kind == "f" and not math.isfinite(sum(plain)):  # a sum is finite only if each value is
            plain = [value if value == value and abs(value) != np.inf else None for value in plain]  # noqa: PLR0124
        lists.append(plain)
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def new_id(now: datetime) -> str:
    """Return a unique id that sorts by time, so that a database's index grows at its end (as UUID version 7 does)."""
    return id_from(now) + secrets.token_hex(10)


def id_from(moment: datetime) -> str:
    """Return what sorts before every id of this moment and after every earlier one."""
    return f"{int(moment.timestamp() * 1000):012x}"
