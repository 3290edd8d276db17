"""A request that comes again with its idempotency key gets the answer that it got before."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor

import msgspec

from model_lifecycle.contracts.records import RequestRecord
from model_lifecycle.errors import StoreUnavailable
from model_lifecycle.serving.answers import Record
from model_lifecycle.serving.log_writer import RequestTaken
from model_lifecycle.serving.predictor import RETRY_SECONDS, RequestKey
from model_lifecycle.serving.problem import Problem
from model_lifecycle.store import Store

Answers = list[dict[str, object]]
_KEY = re.compile(rb"[\x21-\x7e]{1,255}")


def read_key(header: bytes | None, body: bytes) -> RequestKey | None:
    """Return the key of a request, None without the header.

    Raises
    ------
    Problem
        400 for anything but 1 to 255 printable ASCII characters without spaces.
    """
    if header is None:
        return None
    if not _KEY.fullmatch(header):
        raise Problem(400, "the header Idempotency-Key is malformed, expected 1 to 255 printable characters, no spaces")
    return RequestKey(header.decode(), hashlib.sha256(body).hexdigest())


class KeyedRequests:
    """Answers each key once, whoever asks: this replica or another one, now or after a restart.

    The answer is written in the transaction of its predictions. Of two replicas that are asked at the same time, one
    writes and the other finds the key taken and gives the answer of the first.

    Parameters
    ----------
    store : Store
        Where answers are.
    pool : Executor
        Reads the store, for the event loop must not wait for it.
    predict : callable
        Scores and logs records; raises `RequestTaken` when the key is taken.
    """

    def __init__(
        self, store: Store, pool: Executor, predict: Callable[[Sequence[Record], RequestKey], Awaitable[Answers]]
    ) -> None:
        self._store = store
        self._pool = pool
        self._predict = predict
        self._running: dict[str, tuple[str, asyncio.Task[Answers]]] = {}

    async def answer(self, key: RequestKey, records: Sequence[Record]) -> Answers:
        """Return the answer of this key, the one that was given before if there is one.

        Raises
        ------
        Problem
            409 when the key came with another body before; and whatever predicting raises.
        """
        digest, task = self._running.get(key.key, (key.digest, None))
        _same(digest, key)
        if task is None:
            task = asyncio.ensure_future(self._once(key, records))
            self._running[key.key] = (key.digest, task)
            task.add_done_callback(lambda _: self._running.pop(key.key, None))
        # A client that goes away must not take the answer from those who ask the same.
        return await asyncio.shield(task)

    async def _once(self, key: RequestKey, records: Sequence[Record]) -> Answers:
        before = await self._before(key)
        if before is None:
            try:
                return await self._predict(records, key)
            except RequestTaken:
                before = await self._before(key)
        if before is None:  # taken, and deleted in the same moment for its age
            raise Problem(503, "the answer of this Idempotency-Key is gone; try again", retry_after=RETRY_SECONDS)
        _same(before.digest, key)
        answers: Answers = msgspec.json.decode(before.answer)
        return answers

    async def _before(self, key: RequestKey) -> RequestRecord | None:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._store.request, key.key)
        except StoreUnavailable as error:
            detail = "the prediction log cannot be read now; nothing was predicted"
            raise Problem(503, detail, retry_after=RETRY_SECONDS) from error


def _same(digest: str, key: RequestKey) -> None:
    if digest != key.digest:
        raise Problem(409, "this Idempotency-Key came with another body before, expected a new key for a new request")
