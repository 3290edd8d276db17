"""The traffic: labels and events are fed back, predictions asked for over several connections; all is counted."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import httpx

from model_lifecycle.client import Client, PredictionAnswer, RequestRefused
from model_lifecycle.contracts.records import EventRecord, LabelRecord
from model_lifecycle.errors import ServingError
from model_lifecycle.rehearsal.counts import Counts
from model_lifecycle.rehearsal.supervisor import Supervisor
from model_lifecycle.serving.process import RunningService
from model_lifecycle.store import Store

CONNECTIONS = 4
RECORDS_PER_REQUEST = 16
ROWS_PER_FEEDBACK = 2_000
READ_SECONDS = 30.0
# So many lost requests, and nothing answered in between, mean that the service is gone.
GIVE_UP_AFTER = 20
MOST_TRIES = 5  # of one request; between two the supervisor sees to the service
_POLL_SECONDS = 0.004
_Answer = TypeVar("_Answer")

Record = dict[str, object]


class Traffic:
    """Sends what happens to a running service.

    What got no answer is sent again, with the same idempotency key, until the supervisor gives up: a service that was
    killed loses nothing. Only what the service refuses is lost.

    Parameters
    ----------
    supervisor : Supervisor
        Has the client, and another one when the service had to be started again.
    store : Store
        The service's own; it tells which events the service has yet to read.
    counts : Counts
        Takes the counts.
    pool : ThreadPoolExecutor
        Sends requests side by side.
    """

    def __init__(self, supervisor: Supervisor, store: Store, counts: Counts, pool: ThreadPoolExecutor) -> None:
        self._supervisor = supervisor
        self._store = store
        self._counts = counts
        self._pool = pool
        self._lost_in_a_row = 0

    @property
    def pid(self) -> int:
        """The process of the service that answers now."""
        return self._supervisor.service.pid

    def restarts(self) -> list[float]:
        """Return the seconds that each restart of the service took."""
        return [one.seconds for one in self._supervisor.restarts]

    def tell(self, events: Sequence[EventRecord], labels: Sequence[LabelRecord]) -> None:
        """Feed back events and labels, and wait until the service has read the events.

        Raises
        ------
        ServingError
            If the service does not read them in time.
        """
        for start in range(0, max(len(events), len(labels)), ROWS_PER_FEEDBACK):
            part = slice(start, start + ROWS_PER_FEEDBACK)
            self._feed_back(labels[part], events[part])
        if events:
            self._again(self._wait_until_read)

    def ask(self, records: Sequence[Record]) -> list[PredictionAnswer]:
        """Ask for predictions in requests of moderate size, several at a time; a lost one has no answers.

        Raises
        ------
        ServingError
            If request after request is lost.
        """
        answers: list[PredictionAnswer] = []
        for found in self._pool.map(self._predict, _requests(records)):
            self._lost_in_a_row = 0 if found else self._lost_in_a_row + 1
            answers += found
        if self._lost_in_a_row >= GIVE_UP_AFTER:
            last = self._counts.first_errors[-1]
            raise ServingError(f"{self._lost_in_a_row} requests in a row were lost, the service is gone: {last}")
        return answers

    def inputs(self) -> list[str]:
        """Return the fields of a record, as the service's own contract names them."""
        return list(self._again(Client.model)["inputs"])

    def release_in_use(self) -> tuple[str, str | None]:
        """Return the release that the service uses, and why it refused another one, if it did."""
        found = self._again(Client.model)
        refused = found["refused"]
        return str(found["release"]), None if refused is None else str(refused["reason"])

    def _predict(self, records: Sequence[Record]) -> list[PredictionAnswer]:
        try:
            # The same for all tries: a service that knows such keys has one row in its log, also after it was killed.
            key = secrets.token_hex(16)
            answers = self._again(lambda client: client.predict(records, idempotency_key=key))
        except ServingError as error:
            self._counts.failed(f"predict: {error}")
            return []
        self._counts.answered(answers[0].release, [answer.decision for answer in answers])
        return answers

    def _feed_back(self, labels: Sequence[LabelRecord], events: Sequence[EventRecord]) -> None:
        try:
            self._again(lambda client: client.feedback(labels, events))
        except ServingError as error:
            self._counts.failed(f"feedback: {error}")
            return
        unavailable = sum(label.outcome == "unavailable" for label in labels)
        self._counts.told(len(labels), unavailable, len(events))

    def _again(self, asked: Callable[[Client], _Answer]) -> _Answer:
        """Ask until there is an answer, with a service that was started again if need be."""
        client = self._supervisor.client
        for _ in range(MOST_TRIES):
            try:
                return asked(client)
            except RequestRefused as error:
                if error.status < httpx.codes.INTERNAL_SERVER_ERROR and error.status != httpx.codes.TOO_MANY_REQUESTS:
                    raise
                last: ServingError = error
            except ServingError as error:
                last = error
            self._counts.retried()
            client = self._supervisor.recover(client)
        raise ServingError(f"{MOST_TRIES} tries failed, the last with: {last}")

    def _wait_until_read(self, client: Client) -> None:
        written, deadline = self._store.latest_sequence(), time.monotonic() + READ_SECONDS
        while (read := client.watermark()) < written:
            if time.monotonic() > deadline:
                raise ServingError(
                    f"the service has read the events up to {read} of {written} after {READ_SECONDS:.0f} s"
                )
            time.sleep(_POLL_SECONDS)


@contextmanager
def traffic_to(
    boot: Callable[[], AbstractContextManager[RunningService]], store_url: str, counts: Counts
) -> Iterator[Traffic]:
    """Start a service that is kept up, open the connections to it, and close and stop all of it."""

    def connect(service: RunningService) -> Client:
        return Client(service.url, service.key, timeout=30.0, retries=1, on_retry=counts.retried)

    with (
        Store.open(store_url) as store,
        Supervisor(boot, connect) as supervisor,
        ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="traffic") as pool,
    ):
        yield Traffic(supervisor, store, counts, pool)


def _requests(records: Sequence[Record]) -> list[Sequence[Record]]:
    starts = range(0, len(records), RECORDS_PER_REQUEST)
    return [records[start : start + RECORDS_PER_REQUEST] for start in starts]
