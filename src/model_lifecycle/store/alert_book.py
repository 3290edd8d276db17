"""The state of every alert, its history, and the notifications that wait to be delivered."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, select, update

from model_lifecycle.contracts.records import AlertChange, AlertState, Notification, NotificationStatus, Sent
from model_lifecycle.store.encoding import from_json, from_micros, to_json, to_micros
from model_lifecycle.store.engine import reading, writing
from model_lifecycle.store.insertion import insert_new
from model_lifecycle.store.schema import alert_changes, alert_clock, alert_states, notifications, take_turn

_TIMES = ("active_since", "judged_until", "starts_at", "ends_at")


@dataclass(frozen=True, slots=True)
class Known:
    """What the book holds before a turn: the states by fingerprint, the last notification by channel and group."""

    clock: datetime | None
    states: Mapping[str, AlertState]
    sent: Mapping[tuple[str, str], Sent]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn writes, as one; ``clock`` None leaves the clock as it is."""

    clock: datetime | None = None
    states: Sequence[AlertState] = ()
    changes: Sequence[AlertChange] = ()
    notifications: Sequence[Notification] = ()


class AlertBook:
    """States, history and outbox of alerts in a store's database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take_turn(self, decide: Callable[[Known], Turn]) -> Turn:
        """Read what is known, decide, and write the answer in one transaction that no other turn interleaves with."""
        with writing(self._engine, "judge the alerts") as connection:
            take_turn(connection)
            turn = decide(_known(connection))
            _write(connection, turn)
            return turn

    def states(self) -> list[AlertState]:
        """Return all alerts there have been, the one that became active last first."""
        query = select(alert_states).order_by(alert_states.c.active_since.desc(), alert_states.c.fingerprint)
        with reading(self._engine, "read the alerts") as connection:
            return [_state(row) for row in connection.execute(query).mappings()]

    def changes(self, fingerprint: str) -> list[AlertChange]:
        """Return the history of one alert, the oldest first."""
        query = (
            select(alert_changes).where(alert_changes.c.fingerprint == fingerprint).order_by(alert_changes.c.sequence)
        )
        with reading(self._engine, "read an alert's history") as connection:
            return [
                AlertChange(row.fingerprint, from_micros(row.at), row.status, row.message)
                for row in connection.execute(query)
            ]

    def notifications(self) -> list[Notification]:
        """Return all notifications, the oldest first."""
        with reading(self._engine, "read the notifications") as connection:
            query = select(notifications).order_by(notifications.c.sequence)
            return [_notification(row) for row in connection.execute(query).mappings()]

    def claim(self, now: datetime, lease: timedelta, limit: int) -> list[Notification]:
        """Return notifications that wait, the oldest first, and keep other processes off them for a while."""
        moment = to_micros("now", now)
        query = (
            select(notifications)
            .where(notifications.c.status == "waiting", notifications.c.claimed_until <= moment)
            .order_by(notifications.c.sequence)
            .limit(limit)
        )
        with writing(self._engine, "claim notifications") as connection:
            take_turn(connection)
            found = [_notification(row) for row in connection.execute(query).mappings()]
            mine = [one.notification_id for one in found]
            connection.execute(
                update(notifications)
                .where(notifications.c.notification_id.in_(mine))
                .values(claimed_until=to_micros("claimed_until", now + lease))
            )
        return found

    def settle(self, notification_id: str, status: NotificationStatus, tries: int, error: str | None) -> None:
        """Write down what became of a claimed notification; one that still waits may be claimed again at once."""
        done = None if status == "waiting" else to_micros("settled_at", datetime.now(UTC))
        with writing(self._engine, "settle a notification") as connection:
            connection.execute(
                update(notifications)
                .where(notifications.c.notification_id == notification_id)
                .values(
                    status=status,
                    attempts=notifications.c.attempts + tries,
                    error=error,
                    settled_at=done,
                    claimed_until=0,
                )
            )


def _known(connection: Connection) -> Known:
    clock = connection.scalar(select(alert_clock.c.at))
    states = [_state(row) for row in connection.execute(select(alert_states)).mappings()]
    newest = select(func.max(notifications.c.sequence)).group_by(notifications.c.channel, notifications.c.group_key)
    query = select(notifications).where(notifications.c.sequence.in_(newest))
    told = [_notification(row) for row in connection.execute(query).mappings()]
    return Known(
        clock=None if clock is None else from_micros(clock),
        states={state.fingerprint: state for state in states},
        sent={(one.channel, one.group_key): Sent(one.at, frozenset(one.firing)) for one in told},
    )


def _write(connection: Connection, turn: Turn) -> None:
    if turn.clock is not None:
        connection.execute(delete(alert_clock))
        connection.execute(insert(alert_clock).values(at=to_micros("clock", turn.clock)))
    if turn.states:
        prints = [state.fingerprint for state in turn.states]
        connection.execute(delete(alert_states).where(alert_states.c.fingerprint.in_(prints)))
        connection.execute(insert(alert_states), [_state_row(state) for state in turn.states])
    if turn.changes:
        connection.execute(insert(alert_changes), [_change_row(change) for change in turn.changes])
    if turn.notifications:
        insert_new(connection, notifications, "notification_id", list(_notification_rows(turn.notifications)))


def _state_row(state: AlertState) -> dict[str, object]:
    where = f"alert {state.fingerprint}, "
    times = {name: getattr(state, name) for name in _TIMES}
    return {
        "fingerprint": state.fingerprint,
        "status": state.status,
        "labels": to_json(where + "labels", state.labels),
        "annotations": to_json(where + "annotations", state.annotations),
        "streak": state.streak,
        **{name: None if at is None else to_micros(where + name, at) for name, at in times.items()},
    }


def _state(row: RowMapping) -> AlertState:
    times = {name: None if row[name] is None else from_micros(row[name]) for name in _TIMES}
    fields: dict[str, Any] = {name: from_json(row[name]) for name in ("labels", "annotations")}
    return AlertState(fingerprint=row["fingerprint"], status=row["status"], streak=row["streak"], **fields, **times)  # type: ignore[arg-type]


def _change_row(change: AlertChange) -> dict[str, object]:
    return {
        "fingerprint": change.fingerprint,
        "at": to_micros("at", change.at),
        "status": change.status,
        "message": change.message,
    }


def _notification_rows(found: Iterable[Notification]) -> Iterable[dict[str, object]]:
    created_at = to_micros("created_at", datetime.now(UTC))
    for one in found:
        yield {
            "notification_id": one.notification_id,
            "channel": one.channel,
            "group_key": one.group_key,
            "at": to_micros("at", one.at),
            "firing": json.dumps(one.firing),
            "payload": to_json(f"notification {one.notification_id}", one.payload),
            "status": one.status,
            "attempts": one.attempts,
            "created_at": created_at,
            "claimed_until": 0,
        }


def _notification(row: RowMapping) -> Notification:
    return Notification(
        notification_id=row["notification_id"],
        channel=row["channel"],
        group_key=row["group_key"],
        at=from_micros(row["at"]),
        firing=tuple(from_json(row["firing"])),
        payload=from_json(row["payload"]),
        status=row["status"],
        attempts=row["attempts"],
        error=row["error"],
        settled_at=None if row["settled_at"] is None else from_micros(row["settled_at"]),
        created_at=from_micros(row["created_at"]),
    )
