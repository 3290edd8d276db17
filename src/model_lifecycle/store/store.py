"""The store: one object for all that the service writes down and monitoring reads."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from types import TracebackType
from typing import Self

import pandas as pd
from sqlalchemy import Engine, func, select

from model_lifecycle.contracts.records import (
    AlertRecord,
    AuditRecord,
    EventRecord,
    LabelRecord,
    PredictionRecord,
    RequestRecord,
)
from model_lifecycle.errors import StoreError
from model_lifecycle.store import journal, retention
from model_lifecycle.store.agent_book import AgentBook
from model_lifecycle.store.alert_book import AlertBook
from model_lifecycle.store.appender import Appender
from model_lifecycle.store.checkpointer import Checkpointer
from model_lifecycle.store.copying import Tell, copy_store
from model_lifecycle.store.encoding import from_micros, to_micros
from model_lifecycle.store.engine import (
    Synchronous,
    check_file,
    database_exists,
    file_of,
    open_engine,
    reading,
    translated,
    writing,
)
from model_lifecycle.store.events import (
    EVENTS_PER_TRANSACTION,
    event_query,
    event_records,
    event_row,
    insert_events,
)
from model_lifecycle.store.labels import LabelReceipt, insert_labels, label_row
from model_lifecycle.store.migrations import ensure_schema
from model_lifecycle.store.predictions import (
    PredictionRow,
    insert_predictions,
    insert_shadows,
    prediction_row,
    write_and_delete,
)
from model_lifecycle.store.requests import delete_requests, insert_requests, read_request
from model_lifecycle.store.schema import events, take_turn
from model_lifecycle.store.windows import (
    answers_by_id,
    labelled_window,
    last_shadow,
    observed_outcomes,
    outcomes_since,
    prediction_window,
    read_frame,
)


class Store:
    """Predictions, labels, events, alerts and the audit trail in SQLite or PostgreSQL; safe to share by threads.

    Every method raises `StoreUnavailable` when the database cannot be reached or written now, and `StoreError` when
    it refuses what it was given.
    """

    def __init__(self, engine: Engine, synchronous: Synchronous | None = None) -> None:
        self._engine = engine
        self._synchronous = synchronous

    @classmethod
    def open(cls, url: str, synchronous: Synchronous = "NORMAL", timeout: float = 10.0) -> Self:
        """Open a store, create its schema in an empty database, and bring an older one up to date.

        Parameters
        ----------
        url : str
            ``sqlite:///<file>`` (folder and file are created, the file for its owner alone) or ``postgresql://…``.
        synchronous : {"NORMAL", "FULL", "EXTRA"}
            SQLite only. With NORMAL a committed row survives a killed process but perhaps not a power cut; FULL and
            EXTRA survive both and cost a flush to the disk per commit.
        timeout : float
            Seconds to wait for a lock or a connection.

        Raises
        ------
        StoreError
            If the URL is refused, or the schema is of a later version.
        StoreUnavailable
            If the database cannot be reached.
        """
        engine = open_engine(url, synchronous, timeout)
        try:
            with writing(engine, "open it") as connection:
                ensure_schema(connection)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, synchronous)

    @staticmethod
    def exists(url: str) -> bool:
        """Return whether there is something to open; of a server only opening can tell."""
        return database_exists(url)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def appender(self) -> Appender | None:
        """Return what commits predictions without waiting, None where each commit waits for a disk or a server."""
        file = file_of(self._engine)
        return None if file is None or self._synchronous != "NORMAL" else Appender(file)

    def checkpointer(self) -> Checkpointer | None:
        """Return what copies SQLite's write-ahead log back into the file while others write, None for PostgreSQL."""
        file = file_of(self._engine)
        return None if file is None or self._synchronous is None else Checkpointer(file.path, self._synchronous)

    def check_there(self) -> None:
        """Raise `StoreUnavailable` if a SQLite file (it is not read) is not where it was, or no server answers."""
        with translated(self._engine, "go on"):
            check_file(self._engine)
            if file_of(self._engine) is None:
                self._engine.connect().close()  # a connection that was made before is asked first

    def append_predictions(
        self, records: Sequence[PredictionRecord | PredictionRow], requests: Sequence[RequestRecord] = ()
    ) -> set[str]:
        """Write predictions in one transaction: all of them are durable on return, or none is there.

        Parameters
        ----------
        records : sequence of PredictionRecord or PredictionRow
            The predictions.
        requests : sequence of RequestRecord
            Those of the requests that came with an idempotency key, each with its own key and predictions.

        Returns
        -------
        set of str
            The keys that were there already; neither these requests nor their predictions are written.
        """
        rows = {record.prediction_id: prediction_row(record) for record in records}
        if len(rows) < len(records):
            raise StoreError(f"cannot append {len(records)} predictions: {len(rows)} different ids, expected as many")
        taken: set[str] = set()
        if rows:
            with writing(self._engine, f"append {len(rows)} predictions") as connection:
                if requests:
                    taken = insert_requests(connection, requests)
                    for request in requests:
                        for name in request.prediction_ids if request.key in taken else ():
                            del rows[name]
                insert_predictions(connection, list(rows.values()))
        return taken

    def try_to_write(self) -> None:
        """Commit a prediction that is deleted again in the same transaction: a full disk lets an empty one through."""
        with writing(self._engine, "write") as connection:
            write_and_delete(connection)

    def request(self, key: str) -> RequestRecord | None:
        """Return the request that came with this idempotency key and was answered, None when there is none."""
        with reading(self._engine, "read a request") as connection:
            return read_request(connection, key)

    def forget_requests(self, before: datetime) -> int:
        """Delete the requests answered before a time, and return how many there were; their predictions stay."""
        with writing(self._engine, "delete old requests") as connection:
            return delete_requests(connection, to_micros("before", before))

    def append_labels(self, records: Sequence[LabelRecord]) -> LabelReceipt:
        """Write labels in one transaction; repeated ones are counted and not written, corrections are new rows."""
        rows = [label_row(record) for record in records]
        if not rows:
            return LabelReceipt(0, 0, 0, 0)
        with writing(self._engine, f"append {len(rows)} labels") as connection:
            return insert_labels(connection, rows)

    def append_events(self, records: Iterable[EventRecord]) -> int:
        """Write events and return how many were new; an event whose id is there already is left as it is.

        Up to 10,000 events are one transaction. More are written in several, so that a long backfill lets others
        write in between; when it was interrupted, the same call again completes it.
        """
        pending = iter(records)
        new = 0
        while rows := [event_row(record, datetime.now(UTC)) for record in islice(pending, EVENTS_PER_TRANSACTION)]:
            with writing(self._engine, f"append {len(rows)} events") as connection:
                new += insert_events(connection, rows)
        return new

    def events_after(self, sequence: int, limit: int) -> list[tuple[int, EventRecord]]:
        """Return up to `limit` events with a higher sequence, in order.

        Sequences become visible in ascending order (with gaps), so a reader that goes on from the last one it saw
        misses none.
        """
        query = event_query().where(events.c.sequence > sequence).limit(limit)
        with reading(self._engine, "read events") as connection:
            return event_records(connection.execute(query))

    def events_known_since(self, known_at: datetime, kind: str | None = None) -> list[tuple[int, EventRecord]]:
        """Return the events that became known at `known_at` or later, in the order of their sequence."""
        query = event_query().where(events.c.known_at >= to_micros("known_at", known_at))
        if kind is not None:
            query = query.where(events.c.kind == kind)
        with reading(self._engine, "read events") as connection:
            return event_records(connection.execute(query))

    def event_parts_known_since(self, known_at: datetime, size: int) -> Iterator[list[tuple[int, EventRecord]]]:
        """Yield up to `size` events at a time that became known at `known_at` or later, in the order of their sequence.

        They are those that were in the store when the first part was asked for.
        """
        first, last = 0, self.latest_sequence()
        query = event_query().where(events.c.known_at >= to_micros("known_at", known_at), events.c.sequence <= last)
        while True:
            with reading(self._engine, "read events") as connection:
                found = event_records(connection.execute(query.where(events.c.sequence > first).limit(size)))
            if not found:
                return
            yield found
            first = found[-1][0]

    def first_known_at(self) -> datetime | None:
        """Return when the first of all events became known, None without any."""
        with reading(self._engine, "read events") as connection:
            found = connection.scalar(select(func.min(events.c.known_at)))
        return None if found is None else from_micros(found)

    def newest_known_at(self, until: datetime | None = None) -> datetime | None:
        """Return when the newest event, or that which was known by a moment, became known, None without any."""
        query = select(func.max(events.c.known_at))
        if until is not None:
            query = query.where(events.c.known_at <= to_micros("until", until))
        with reading(self._engine, "read events") as connection:
            found = connection.scalar(query)
        return None if found is None else from_micros(found)

    def latest_sequence(self) -> int:
        """Return the highest sequence of an event, 0 when there is none."""
        with reading(self._engine, "read events") as connection:
            return connection.scalar(select(func.max(events.c.sequence))) or 0

    def predictions_between(self, start: datetime, end: datetime, *, shadow: bool = False) -> pd.DataFrame:
        """Return the answers with ``start <= decision_time < end``, or with `shadow` what shadows scored.

        Returns
        -------
        pandas.DataFrame
            One row a prediction by decision time, with the fields of `PredictionRecord`: times in
            ``datetime64[us, UTC]``, `score`, `threshold` and `propensity` in float64, `inputs`, `features` and `flags`
            as dicts.
        """
        query = prediction_window(to_micros("start", start), to_micros("end", end), shadow)
        with reading(self._engine, "read predictions") as connection:
            return read_frame(connection, query)

    def labelled_predictions_between(
        self, start: datetime, end: datetime, as_of: datetime, *, shadow: bool = False
    ) -> pd.DataFrame:
        """Return the answers of a window, or what shadows scored, each with its label as it was known at `as_of`.

        Of several labels with ``label_time <= as_of`` the last received counts. Predictions without one stay.

        Returns
        -------
        pandas.DataFrame
            The columns of `predictions_between`, then `outcome` (``observed``, ``unavailable`` or None), `value`
            (float64), `reason`, `label_time` and `received_at`.
        """
        query = labelled_window(to_micros("start", start), to_micros("end", end), to_micros("as_of", as_of), shadow)
        with reading(self._engine, "read labelled predictions") as connection:
            return read_frame(connection, query)

    def observed_outcomes_between(self, start: datetime, end: datetime, as_of: datetime) -> int:
        """Return how many decisions with ``start <= decision_time < end`` had an observed outcome at `as_of`.

        One that is older than its decision is none; a decision that was asked for again counts once.
        """
        query = observed_outcomes(to_micros("start", start), to_micros("end", end), to_micros("as_of", as_of))
        with reading(self._engine, "count outcomes") as connection:
            return connection.scalar(query) or 0

    def outcomes_of_answers_since(self, prediction_id: str) -> pd.DataFrame:
        """Return the answers with a higher id that have a label, with the columns of `labelled_predictions_between`.

        The features are left out. The label is the last received.
        """
        with reading(self._engine, "read outcomes") as connection:
            return read_frame(connection, outcomes_since(prediction_id))

    def newest_decision(self) -> datetime | None:
        """Return the time of the newest decision in the log, None when it is empty."""
        return retention.newest_decision(self._engine)

    def prune(
        self, answers_before: datetime | None, shadows_before: datetime | None, *, dry_run: bool = False
    ) -> retention.Pruned:
        """Delete old answers whose outcome is known, with their labels, and old scores of shadows, bit by bit."""
        return retention.prune(self._engine, answers_before, shadows_before, dry_run=dry_run)

    def compact(self) -> None:
        """Give the space of deleted rows back to the disk; on SQLite nobody can write meanwhile."""
        retention.compact(self._engine)

    def copy_into(self, other: "Store", tell: Tell = lambda _name, _rows: None) -> dict[str, int]:
        """Copy all that is here into an empty store, and return how many rows by table: all are durable, or none.

        Raises
        ------
        StoreError
            If the other store holds a row already.
        """
        return copy_store(self._engine, other._engine, tell)

    def append_shadows(self, records: Sequence[PredictionRecord | PredictionRow]) -> None:
        """Write what a shadow scored; what is there already is left as it is."""
        if records:
            with writing(self._engine, f"append {len(records)} scores of a shadow") as connection:
                insert_shadows(connection, records)

    def answers_after(self, after: str, before: str, limit: int) -> pd.DataFrame:
        """Return up to `limit` answers with ``after < prediction_id < before``, in order, as `predictions_between`."""
        with reading(self._engine, "read answers") as connection:
            return read_frame(connection, answers_by_id(after, before, limit))

    def last_shadowed(self, release: str) -> str | None:
        """Return the id of the last answer that a release has scored as a shadow, None without any."""
        with reading(self._engine, "read a shadow's scores") as connection:
            found = connection.scalar(last_shadow(release))
        return None if found is None else str(found).rpartition("-")[0]

    def append_alerts(self, records: Sequence[AlertRecord]) -> int:
        """Write alerts and return how many were new; an alert whose id is there already is left as it is."""
        rows = [journal.alert_row(record) for record in records]
        if not rows:
            return 0
        with writing(self._engine, f"append {len(rows)} alerts") as connection:
            return journal.insert_alerts(connection, rows)

    def alerts(self, since: datetime | None = None) -> list[AlertRecord]:
        """Return the alerts raised at `since` or later, or all, in the order of their arrival."""
        earliest = None if since is None else to_micros("since", since)
        with reading(self._engine, "read alerts") as connection:
            return journal.read_alerts(connection, earliest)

    @property
    def alert_book(self) -> AlertBook:
        """The state of the alerts, their history and their notifications."""
        return AlertBook(self._engine)

    @property
    def agent_book(self) -> AgentBook:
        """The agent's state, and who leads."""
        return AgentBook(self._engine)

    def append_audit(self, records: Sequence[AuditRecord]) -> None:
        """Write entries of the audit trail in one transaction."""
        rows = [journal.audit_row(record) for record in records]
        if rows:
            with writing(self._engine, f"append {len(rows)} audit entries") as connection:
                journal.insert_audit(connection, rows)

    def append_audit_once(self, records: Sequence[AuditRecord]) -> int:
        """Write the entries whose ``details["key"]`` no entry of that action has yet, and return how many were new."""
        with writing(self._engine, f"append {len(records)} audit entries") as connection:
            take_turn(connection)
            return journal.insert_audit_once(connection, records)

    def audit(self, release: str | None = None) -> list[AuditRecord]:
        """Return the audit trail, of one release or whole, in the order of its arrival."""
        with reading(self._engine, "read the audit trail") as connection:
            return journal.read_audit(connection, release)
