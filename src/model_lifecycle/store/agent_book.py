"""The agent's state and who leads: one row, written under a lease, together with the audit trail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, RowMapping, func, insert, select, update

from model_lifecycle.contracts.records import AuditRecord, Json
from model_lifecycle.errors import LeaseLost
from model_lifecycle.store import journal
from model_lifecycle.store.encoding import from_json, from_micros, to_json, to_micros
from model_lifecycle.store.engine import reading, writing
from model_lifecycle.store.schema import agent, take_turn

_NAME = "agent"


@dataclass(frozen=True, slots=True)
class Lease:
    """Somebody leads until a moment; ``fence`` rises with every new leader."""

    holder: str
    fence: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """The state as it was last written; ``version`` rises with every write and is 0 before the first."""

    version: int
    state: Json | None


class AgentBook:
    """One state and one leader in a store's database.

    Leases are held against the database's own clock where it has one (PostgreSQL), so agents on several machines
    agree; on a SQLite file all are on one machine.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lead(self, holder: str, length: timedelta) -> Lease | None:
        """Take the lead for a while, or go on leading; None while another holder leads."""
        with writing(self._engine, "take the agent's lead") as connection:
            take_turn(connection)
            now, row = _now(connection), _row(connection)
            if row is None:
                connection.execute(insert(agent).values(name=_NAME, holder="", fence=0, until=0, version=0))
            elif row["holder"] != holder and row["until"] > now:
                return None
            fence = 1 if row is None else row["fence"] + (row["holder"] != holder)
            until = now + round(length / timedelta(microseconds=1))
            connection.execute(update(agent).values(holder=holder, fence=fence, until=until))
            return Lease(holder, fence, from_micros(until))

    def resign(self, lease: Lease) -> None:
        """Give the lead back; a lease that is lost already is nothing to give back."""
        with writing(self._engine, "give back the agent's lead") as connection:
            connection.execute(
                update(agent).where(agent.c.holder == lease.holder, agent.c.fence == lease.fence).values(until=0)
            )

    def leader(self) -> Lease | None:
        """Return who leads now, None while nobody does."""
        with reading(self._engine, "read who leads") as connection:
            row = _row(connection)
            if row is None or row["until"] <= _now(connection):
                return None
            return Lease(row["holder"], row["fence"], from_micros(row["until"]))

    def read(self) -> Kept:
        """Return the state."""
        with reading(self._engine, "read the agent's state") as connection:
            row = _row(connection)
        if row is None or row["state"] is None:
            return Kept(0 if row is None else row["version"], None)
        return Kept(row["version"], from_json(row["state"]))

    def write(self, lease: Lease, version: int, state: Json, trail: Sequence[AuditRecord] = ()) -> int:
        """Write the next state and what the audit trail is to tell of it, as one; return its version.

        Raises
        ------
        LeaseLost
            If another leads by now, or has written; then nothing is written.
        """
        text = to_json("the agent's state", state)
        with writing(self._engine, "write the agent's state") as connection:
            take_turn(connection)
            row = _row(connection)
            if row is None or (row["holder"], row["fence"]) != (lease.holder, lease.fence) or row["version"] != version:
                found = "nobody" if row is None else f"{row['holder']} ({row['fence']}), version {row['version']}"
                raise LeaseLost(
                    f"the agent {lease.holder} ({lease.fence}) no longer leads: found {found}, expected version "
                    f"{version}; nothing was written"
                )
            connection.execute(update(agent).values(state=text, version=version + 1))
            journal.insert_audit_once(connection, trail)
        return version + 1


def _row(connection: Connection) -> RowMapping | None:
    return connection.execute(select(agent)).mappings().first()


def _now(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        return int(connection.scalars(select(func.extract("epoch", func.clock_timestamp()) * 1_000_000)).one())
    return to_micros("now", datetime.now(UTC))
