"""From records to answers: gathered into one model call, logged, and only then answered."""

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.records import PredictionRecord
from model_lifecycle.errors import StoreError, StoreUnavailable
from model_lifecycle.scoring import RecordsRefused, Scores
from model_lifecycle.serving.champion import Champion, ChampionWatch
from model_lifecycle.serving.live_history import Snapshot
from model_lifecycle.serving.log_writer import LogWriter
from model_lifecycle.serving.metrics import Metrics
from model_lifecycle.serving.privacy import Pseudonyms
from model_lifecycle.serving.problem import Problem, where
from model_lifecycle.serving.types import FieldProblem, HistoryState, Prediction

logger = logging.getLogger(__name__)

Record = Mapping[str, object]
RETRY_SECONDS = 1


@dataclass(slots=True)
class _Waiting:
    """One request on its way to the model."""

    records: Sequence[Record]
    answer: "asyncio.Future[list[dict[str, object]]]"


class Predictor:
    """Gathers concurrent requests into one model call on the next turn of the event loop.

    A timed wait for more requests would cost each of them more than the larger call gains. While a batch is scored and
    committed, the next requests gather by themselves: so batches grow with the load, and a lone request never waits.

    Parameters
    ----------
    watch : ChampionWatch
        Holds the release that answers.
    writer : LogWriter
        Makes the predictions durable.
    metrics : Metrics
        Counts.
    waiting_rows : int
        Records that may wait for an answer; beyond them, requests are refused with 429.
    pseudonyms : Pseudonyms
        What stands in the log for private inputs.
    """

    def __init__(
        self, watch: ChampionWatch, writer: LogWriter, metrics: Metrics, waiting_rows: int, pseudonyms: Pseudonyms
    ) -> None:
        self._watch = watch
        self._writer = writer
        self._metrics = metrics
        self._limit = waiting_rows
        self._pseudonyms = pseudonyms
        self._rows = 0
        self._waiting: list[_Waiting] = []
        self._busy = False

    async def predict(self, records: Sequence[Record]) -> list[dict[str, object]]:
        """Score and log the records of one request.

        Returns
        -------
        list of dict
            One prediction a record, in their order; each is in the log.

        Raises
        ------
        Problem
            422 for wrong fields, 429 when too many records wait, 503 when the log cannot be written.
        """
        if self._writer.unavailable is not None:
            raise _log_unavailable()
        if self._rows + len(records) > self._limit:
            raise Problem(429, f"{self._rows} records wait for an answer; try again", retry_after=RETRY_SECONDS)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(records, loop.create_future())
        self._waiting.append(waiting)
        self._next(loop)
        self._rows += len(records)
        try:
            return await waiting.answer
        finally:
            self._rows -= len(records)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take what waits on the loop's next turn, unless a batch is on its way."""
        if self._waiting and not self._busy:
            self._busy = True
            loop.call_soon(self._flush, loop)

    def _free(self, loop: asyncio.AbstractEventLoop) -> None:
        self._busy = False
        self._next(loop)

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        requests, self._waiting = self._waiting, []
        champion = self._watch.champion
        try:
            requests, columns = _checked(champion, requests)
            if not requests:
                self._free(loop)
                return
            snapshot = champion.history.snapshot
            started = time.perf_counter()
            scores = champion.scorer.score(columns, snapshot.history)
            self._metrics.model_call(len(scores.score), time.perf_counter() - started)
            made = _predictions(champion, snapshot, [r for w in requests for r in w.records], columns, scores)
            if champion.scorer.private:
                made = replace(made, logged=self._pseudonyms.hidden(champion.scorer, made.logged))
        except Exception as error:
            logger.error("cannot score %d requests: %s", len(requests), where(error))
            _fail(requests, error)
            self._free(loop)
            return

        def committed(error: StoreError | None) -> None:
            loop.call_soon_threadsafe(self._committed, loop, requests, made, error)

        self._writer.submit(made.logged, committed)

    def _committed(
        self, loop: asyncio.AbstractEventLoop, requests: list[_Waiting], made: "_Made", error: StoreError | None
    ) -> None:
        try:
            self._answer(requests, made, error)
        finally:
            self._free(loop)

    def _answer(self, requests: list[_Waiting], made: "_Made", error: StoreError | None) -> None:
        if error is not None:
            unavailable = isinstance(error, StoreUnavailable)
            _fail(requests, _log_unavailable() if unavailable else error)
            return
        self._metrics.decided(made.logged)
        start = 0
        for waiting in requests:
            end = start + len(waiting.records)
            if not waiting.answer.done():
                waiting.answer.set_result(made.answers[start:end])
            start = end


@dataclass(frozen=True, slots=True)
class _Made:
    logged: list[PredictionRecord]
    answers: list[dict[str, object]]


def _log_unavailable() -> Problem:
    return Problem(503, "the prediction log cannot be written now; nothing was predicted", retry_after=RETRY_SECONDS)


def _fail(requests: Sequence[_Waiting], error: Exception) -> None:
    for waiting in requests:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)


def _checked(champion: Champion, requests: list[_Waiting]) -> tuple[list[_Waiting], Columns]:
    """Validate the records of all requests together; those of refused requests are answered and left out."""
    requests = [waiting for waiting in requests if not waiting.answer.done()]
    records = [record for waiting in requests for record in waiting.records]
    if not records:
        return [], {}
    try:
        return requests, champion.scorer.columns(records)
    except RecordsRefused as refused:
        left = _refuse(requests, refused)
        return (left, champion.scorer.columns([r for w in left for r in w.records])) if left else ([], {})


def _refuse(requests: Sequence[_Waiting], refused: RecordsRefused) -> list[_Waiting]:
    """Answer the requests that have wrong fields, with their own row numbers, and return the others."""
    owner = np.repeat(np.arange(len(requests)), [len(waiting.records) for waiting in requests])
    first = np.cumsum([0, *(len(waiting.records) for waiting in requests)])
    problems: dict[int, list[FieldProblem]] = {}
    for problem in refused.problems:
        number = int(owner[problem.row])
        row = problem.row - int(first[number])
        problems.setdefault(number, []).append(FieldProblem(row, problem.field, problem.found, problem.expected))
    for number, found in problems.items():
        _fail([requests[number]], Problem(422, f"{len(found)} wrong fields; nothing was predicted", found))
    return [waiting for number, waiting in enumerate(requests) if number not in problems]


def _predictions(
    champion: Champion, snapshot: Snapshot, records: Sequence[Record], columns: Columns, scores: Scores
) -> _Made:
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
            )
        )
        prediction = Prediction(
            prediction_id=prediction_id,
            score=values[row],
            decision=decisions[row],
            outputs=outputs[row],
            release=scorer.release_id,
            threshold=scorer.threshold,
            history=whole if complete[row] else part,
            missing=flags.get("missing", []),
            unknown=flags.get("unknown", []),
        )
        answers.append(_answer(question.decision_id, ids[row], prediction))
    return _Made(logged, answers)


def _answer(decision_id: str, value: object, prediction: Prediction) -> dict[str, object]:
    fields = {name: getattr(prediction, name) for name in prediction.__struct_fields__}
    return {"prediction_id": fields.pop("prediction_id"), decision_id: value, **fields}


def _complete(champion: Champion, snapshot: Snapshot, times: np.ndarray) -> list[bool]:
    """Tell for each decision whether the events in memory reach back over its longest window."""
    window = np.timedelta64(champion.scorer.spec.longest_window())
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
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            plain = [value if value == value and abs(value) != np.inf else None for value in plain]  # noqa: PLR0124
        lists.append(plain)
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def new_id(now: datetime) -> str:
    """Return a unique id that sorts by time, so that a database's index grows at its end (as UUID version 7 does)."""
    return f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(10)}"
