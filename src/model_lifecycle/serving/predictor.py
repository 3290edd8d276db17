"""From records to answers: gathered into one model call, logged, and only then answered."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.records import RequestRecord, Role
from model_lifecycle.errors import StoreError, StoreUnavailable
from model_lifecycle.features.plain_records import Row
from model_lifecycle.scoring import PLAIN_ROWS, RecordsRefused
from model_lifecycle.serving.answers import NO_CONTROL, Made, Record, predictions_of
from model_lifecycle.serving.canary import Canary
from model_lifecycle.serving.champion import Champion, ChampionWatch
from model_lifecycle.serving.chance import drawn_rows
from model_lifecycle.serving.ids import checked_columns, checked_rows
from model_lifecycle.serving.log_writer import LogWriter
from model_lifecycle.serving.metrics import Metrics
from model_lifecycle.serving.privacy import Pseudonyms
from model_lifecycle.serving.problem import Problem, where
from model_lifecycle.serving.settings import ControlSettings
from model_lifecycle.serving.types import FieldProblem
from model_lifecycle.store.encoding import from_micros

logger = logging.getLogger(__name__)

Batch = Columns | list[Row]
"""Validated records: many in columns, a few one by one."""

RETRY_SECONDS = 1
# One that is committed and one that is scored meanwhile; more of them would only make each smaller.
BATCHES_UNDER_WAY = 2


@dataclass(slots=True)
class _Waiting:
    """One request on its way to the model."""

    records: Sequence[Record]
    answer: "asyncio.Future[list[dict[str, object]]]"
    key: "RequestKey | None"


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The idempotency key of a request, and the digest of its body."""

    key: str
    digest: str


class Predictor:
    """Gathers concurrent requests into one model call on the next turn of the event loop.

    A timed wait for more requests would cost each of them more than the larger call gains. While a batch is scored and
    committed, those after it gather by themselves: so batches grow with the load, and a lone request never waits.
    Where the log's thread commits a batch, the next one is scored meanwhile.

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
    canary : callable
        Returns the release that answers a share of the entities, or None.
    control : ControlSettings
        Which share of advised actions is withheld.
    relaxed : bool
        Whether requests without a key are answered once they are scored, before they are in the log. No more than
        `BATCHES_UNDER_WAY` batches are ever answered and not yet committed.
    """

    def __init__(
        self,
        watch: ChampionWatch,
        writer: LogWriter,
        metrics: Metrics,
        waiting_rows: int,
        pseudonyms: Pseudonyms,
        canary: Callable[[], Canary | None] = lambda: None,
        control: ControlSettings = NO_CONTROL,
        relaxed: bool = False,
    ) -> None:
        self._relaxed = relaxed
        self._canary = canary
        self._control = control
        self._watch = watch
        self._writer = writer
        self._metrics = metrics
        self._limit = waiting_rows
        self._pseudonyms = pseudonyms
        self._rows = 0
        self._waiting: list[_Waiting] = []
        self._scheduled = False
        self._under_way = 0

    async def predict(self, records: Sequence[Record], key: RequestKey | None = None) -> list[dict[str, object]]:
        """Score and log the records of one request; with a key, only if no request with this key was answered yet.

        Returns
        -------
        list of dict
            One prediction a record, in their order; each is in the log.

        Raises
        ------
        Problem
            422 for wrong fields, 429 when too many records wait, 503 when the log cannot be written.
        RequestTaken
            If the key is taken.
        """
        if self._writer.unavailable is not None:
            raise _log_unavailable()
        if self._rows + len(records) > self._limit:
            raise Problem(429, f"{self._rows} records wait for an answer; try again", retry_after=RETRY_SECONDS)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(records, loop.create_future(), key)
        self._waiting.append(waiting)
        self._next(loop)
        self._rows += len(records)
        try:
            return await waiting.answer
        finally:
            self._rows -= len(records)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take what waits on the loop's next turn, unless enough batches are on their way."""
        if self._waiting and not self._scheduled and self._under_way < BATCHES_UNDER_WAY:
            self._scheduled = True
            loop.call_soon(self._flush, loop)

    def _free(self, loop: asyncio.AbstractEventLoop) -> None:
        self._under_way -= 1
        self._next(loop)

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduled = False
        self._under_way += 1
        requests, self._waiting = self._waiting, []
        champion, canary = self._watch.champion, self._canary()
        try:
            requests, batch = _checked(champion, requests, in_columns=canary is not None)
            if not requests:
                self._free(loop)
                return
            made = self._made(champion, canary, [r for w in requests for r in w.records], batch)
        except Exception as error:
            logger.error("cannot score %d requests: %s", len(requests), where(error))
            _fail(requests, error)
            self._free(loop)
            return

        self._under_way -= 1
        for some, part in _parts(requests, made):
            self._submit(loop, some, part)
        self._next(loop)

    def _submit(self, loop: asyncio.AbstractEventLoop, requests: list[_Waiting], made: "Made") -> None:
        if requests[0].key is None and self._writer.write_at_once(made.logged):
            self._answer(requests, made, None)
            return
        early = self._relaxed and requests[0].key is None and self._writer.unavailable is None

        def committed(error: StoreError | None) -> None:
            loop.call_soon_threadsafe(self._committed, loop, requests, made, error, early)

        if early:
            self._tell(requests, made)
        self._under_way += 1
        self._writer.submit(made.logged, committed, _request(requests[0].key, made))

    def _made(self, champion: Champion, canary: Canary | None, records: list[Record], batch: Batch) -> "Made":
        """Score a batch: the canary its share, the champion the rest and whatever the canary fails on."""
        if canary is None or not canary.answers or isinstance(batch, list):
            return self._scored(champion, "champion", records, batch)
        columns = batch
        rows = drawn_rows(champion.scorer.question, columns, canary.share, canary.release.digest)
        theirs = self._by_canary(canary, [records[row] for row in rows]) if len(rows) else None
        if theirs is None:
            return self._scored(champion, "champion", records, columns)
        others = np.delete(np.arange(len(records)), rows)
        if not len(others):
            return theirs
        rest = {name: values[others] for name, values in columns.items()}
        ours = self._scored(champion, "champion", [records[row] for row in others], rest)
        order = np.argsort(np.concatenate((rows, others)))
        logged, answers = theirs.logged + ours.logged, theirs.answers + ours.answers
        return Made([logged[place] for place in order], [answers[place] for place in order])

    def _by_canary(self, canary: Canary, records: list[Record]) -> "Made | None":
        started = time.perf_counter()
        try:
            made = self._scored(canary.release, "canary", records, canary.release.scorer.columns(records))
        except Exception as error:  # nobody is to notice but the guard: the champion answers
            canary.guard.failed(len(records), error)
            return None
        canary.guard.answered(len(records), time.perf_counter() - started)
        return made

    def _scored(self, release: Champion, role: Role, records: Sequence[Record], batch: Batch) -> "Made":
        snapshot, scorer = release.history.snapshot, release.scorer
        started = time.perf_counter()
        if isinstance(batch, list):
            scored = scorer.score_plain(batch, snapshot.history)
        else:
            scored = scorer.by_row(batch, scorer.score(batch, snapshot.history))
        self._metrics.model_call(len(records), time.perf_counter() - started)
        return predictions_of(release, role, snapshot, records, scored, self._control, self._pseudonyms.hidden)

    def _committed(
        self,
        loop: asyncio.AbstractEventLoop,
        requests: list[_Waiting],
        made: "Made",
        error: StoreError | None,
        early: bool,
    ) -> None:
        if error is not None and early:
            self._metrics.lost(len(made.logged))
            logger.error("%d predictions were answered and are not in the log: %s", len(made.logged), where(error))
        try:
            self._answer(requests, made, error)
        finally:
            self._free(loop)

    def _answer(self, requests: list[_Waiting], made: "Made", error: StoreError | None) -> None:
        if error is not None:
            unavailable = isinstance(error, StoreUnavailable)
            _fail(requests, _log_unavailable() if unavailable else error)
            return
        self._metrics.decided(made.logged)
        self._tell(requests, made)

    def _tell(self, requests: list[_Waiting], made: "Made") -> None:
        start = 0
        for waiting in requests:
            end = start + len(waiting.records)
            if not waiting.answer.done():
                waiting.answer.set_result(made.answers[start:end])
            start = end


def _parts(requests: list[_Waiting], made: Made) -> "Iterator[tuple[list[_Waiting], Made]]":
    """Part a batch into the requests without a key, which are written together, and each of those with one."""
    if all(waiting.key is None for waiting in requests):
        yield requests, made
        return
    plain: list[_Waiting] = []
    rest, start = Made([], []), 0
    for waiting in requests:
        rows = slice(start, start + len(waiting.records))
        start = rows.stop
        if waiting.key is not None:
            yield [waiting], Made(made.logged[rows], made.answers[rows])
            continue
        plain.append(waiting)
        rest.logged.extend(made.logged[rows])
        rest.answers.extend(made.answers[rows])
    if plain:
        yield plain, rest


def _request(key: RequestKey | None, made: Made) -> RequestRecord | None:
    if key is None:
        return None
    ids = tuple(record.prediction_id for record in made.logged)
    answer = msgspec.json.encode(made.answers).decode()
    return RequestRecord(key.key, key.digest, answer, from_micros(made.logged[0].logged_at), ids)


def _log_unavailable() -> Problem:
    return Problem(503, "the prediction log cannot be written now; nothing was predicted", retry_after=RETRY_SECONDS)


def _fail(requests: Sequence[_Waiting], error: Exception) -> None:
    for waiting in requests:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)


def _checked(champion: Champion, requests: list[_Waiting], in_columns: bool) -> tuple[list[_Waiting], Batch]:
    """Validate the records of all requests together; those of refused requests are answered and left out."""
    requests = [waiting for waiting in requests if not waiting.answer.done()]
    records = [record for waiting in requests for record in waiting.records]
    if not in_columns and len(records) <= PLAIN_ROWS:
        rows = checked_rows(champion.scorer, records)
        if rows is not None:
            return requests, rows
    try:
        return requests, checked_columns(champion.scorer, records)
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
