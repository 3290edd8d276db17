"""Delete what nobody needs any more from the prediction log, while services go on writing to it."""

import sqlite3
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Engine, delete, exists, func, select, text
from sqlalchemy.exc import OperationalError

from model_lifecycle.errors import StoreUnavailable
from model_lifecycle.store.encoding import from_micros, to_micros
from model_lifecycle.store.engine import reading, writing
from model_lifecycle.store.schema import labels, predictions

# Short transactions with pauses between them: on SQLite a service's commit waits for each.
ROWS_PER_TRANSACTION = 500
PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted, and what was old enough and stayed because its outcome is not known yet."""

    answers: int
    shadows: int
    labels: int
    open_answers: int


def newest_decision(engine: Engine) -> datetime | None:
    """Return the time of the newest decision in the log that is not in the future: by it, rows are old.

    Decision times come from who asks. One from the year 2100 must not make all others old.
    """
    with reading(engine, "read predictions") as connection:
        past = predictions.c.decision_time <= to_micros("now", datetime.now(UTC))
        found = connection.scalar(select(func.max(predictions.c.decision_time)).where(past))
    return None if found is None else from_micros(found)


def prune(engine: Engine, answers_before: datetime | None, shadows_before: datetime | None, *, dry_run: bool) -> Pruned:
    """Delete answers that have a label, shadows' scores, and the labels of deleted answers.

    Parameters
    ----------
    answers_before, shadows_before : datetime or None
        Of decisions before this time; None deletes none.
    dry_run : bool
        Count only.
    """
    answer, labelled = predictions.c.role != "shadow", exists().where(labels.c.decision_id == predictions.c.decision_id)
    old, old_shadow = _before(answers_before), ~answer & _before(shadows_before)
    with reading(engine, "count what is old") as connection:
        open_answers = _count(connection, answer, old, ~labelled)
        if dry_run:
            counts = _count(connection, answer, old, labelled), _count(connection, old_shadow)
            return Pruned(*counts, _count_labels(connection, (answer & old) | old_shadow), open_answers)
    shadows, theirs = _delete(engine, old_shadow)
    answers, more = _delete(engine, answer & old & labelled)
    return Pruned(answers, shadows, theirs + more, open_answers)


def compact(engine: Engine) -> None:
    """Give freed space back to the disk; on SQLite nobody can write meanwhile.

    Raises
    ------
    StoreUnavailable
        If somebody writes just now, or the disk has no room for the copy.
    """
    try:
        if engine.dialect.name == "sqlite":  # its connections begin a transaction by themselves, which VACUUM refuses
            connection = engine.raw_connection()
            try:
                connection.cursor().execute("VACUUM")
            finally:
                connection.close()
            return
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as open_connection:
            open_connection.execute(text("VACUUM predictions"))
            open_connection.execute(text("VACUUM labels"))
    except (sqlite3.OperationalError, OperationalError) as error:
        raise StoreUnavailable(f"the store cannot be compacted now: {error}") from error


def _before(moment: datetime | None) -> ColumnElement[bool]:
    cut = to_micros("before", moment) if moment is not None else 0
    return predictions.c.decision_time < cut


def _count(connection: Connection, *which: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(predictions).where(*which)) or 0


def _count_labels(connection: Connection, which: ColumnElement[bool]) -> int:
    """Count the labels of decisions that have such rows, and no other."""
    of_label = predictions.c.decision_id == labels.c.decision_id
    alone = exists().where(of_label, which), ~exists().where(of_label, ~which)
    return connection.scalar(select(func.count()).select_from(labels).where(*alone)) or 0


def _delete(engine: Engine, which: ColumnElement[bool]) -> tuple[int, int]:
    """Delete rows, and in the same transaction the labels of decisions that no row is left of; count both."""
    gone = theirs = 0
    some = select(predictions.c.prediction_id, predictions.c.decision_id).where(which).limit(ROWS_PER_TRANSACTION)
    while True:
        with writing(engine, "delete what is old") as connection:
            found = connection.execute(some).all()
            if not found:
                return gone, theirs
            ids, decisions = {row.prediction_id for row in found}, {row.decision_id for row in found}
            gone += connection.execute(delete(predictions).where(predictions.c.prediction_id.in_(ids))).rowcount
            left = exists().where(predictions.c.decision_id == labels.c.decision_id)
            theirs += connection.execute(delete(labels).where(labels.c.decision_id.in_(decisions), ~left)).rowcount
        time.sleep(PAUSE_SECONDS)
