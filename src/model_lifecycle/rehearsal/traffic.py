"""The traffic: labels and events are fed back, predictions asked for over several connections; all is counted."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from model_lifecycle.client import Client, PredictionAnswer
from model_lifecycle.contracts.records import EventRecord, LabelRecord
from model_lifecycle.errors import ServingError
from model_lifecycle.rehearsal.counts import Counts
from model_lifecycle.serving.process import RunningService
from model_lifecycle.store import Store

CONNECTIONS = 4
RECORDS_PER_REQUEST = 16
ROWS_PER_FEEDBACK = 2_000
READ_SECONDS = 30.0
# So many lost requests, and nothing answered in between, mean that the service is gone.
GIVE_UP_AFTER = 20
_POLL_SECONDS = 0.004

Record = dict[str, object]


class Traffic:
    """Sends what happens to a running service.

    Parameters
    ----------
    client : Client
        Talks to the service.
    store : Store
        The service's own; it tells which events the service has yet to read.
    counts : Counts
        Takes the counts.
    pool : ThreadPoolExecutor
        Sends requests side by side.
    """

    def __init__(self, client: Client, store: Store, counts: Counts, pool: ThreadPoolExecutor) -> None:
        self._client = client
        self._store = store
        self._counts = counts
        self._pool = pool
        self._lost_in_a_row = 0

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
            self._wait_until_read()

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
        return list(self._client.model()["inputs"])

    def release_in_use(self) -> tuple[str, str | None]:
        """Return the release that the service uses, and why it refused another one, if it did."""
        found = self._client.model()
        refused = found["refused"]
        return str(found["release"]), None if refused is None else str(refused["reason"])

    def _predict(self, records: Sequence[Record]) -> list[PredictionAnswer]:
        try:
            answers = self._client.predict(records)
        except ServingError as error:
            self._counts.failed(f"predict: {error}")
            return []
        self._counts.answered(answers[0].release, len(answers), sum(answer.decision == "act" for answer in answers))
        return answers

    def _feed_back(self, labels: Sequence[LabelRecord], events: Sequence[EventRecord]) -> None:
        try:
            self._client.feedback(labels, events)
        except ServingError as error:
            self._counts.failed(f"feedback: {error}")
            return
        unavailable = sum(label.outcome == "unavailable" for label in labels)
        self._counts.told(len(labels), unavailable, len(events))

    def _wait_until_read(self) -> None:
        written, deadline = self._store.latest_sequence(), time.monotonic() + READ_SECONDS
        while (read := self._client.watermark()) < written:
            if time.monotonic() > deadline:
                raise ServingError(
                    f"the service has read the events up to {read} of {written} after {READ_SECONDS:.0f} s"
                )
            time.sleep(_POLL_SECONDS)


@contextmanager
def traffic_to(service: RunningService, store_url: str, counts: Counts) -> Iterator[Traffic]:
    """Open the connections to a service, and close them."""
    with (
        Client(service.url, service.key, timeout=30.0, on_retry=counts.retried) as client,
        Store.open(store_url) as store,
        ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="traffic") as pool,
    ):
        yield Traffic(client, store, counts, pool)


def _requests(records: Sequence[Record]) -> list[Sequence[Record]]:
    starts = range(0, len(records), RECORDS_PER_REQUEST)
    return [records[start : start + RECORDS_PER_REQUEST] for start in starts]
