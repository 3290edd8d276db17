"""Connect to the database, and turn its errors into this package's."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

import sqlalchemy.exc
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from model_lifecycle.errors import StoreError, StoreUnavailable
from model_lifecycle.private_folder import make_private_folder
from model_lifecycle.store.file import StoreFile

Synchronous = Literal["NORMAL", "FULL", "EXTRA"]
_WRITE, _FILE = "model_lifecycle_write", "model_lifecycle_file"
_RETRY_SECONDS = 0.05
# Classes of PostgreSQL's SQLSTATE: wrong data, and what exceeds a limit, such as an index row; the driver files the
# latter under the same errors as a server that is away.
_REFUSALS = frozenset({"22", "54"})
# 32 MiB; SQLite's own is an eighth. A checkpoint syncs the disk twice, and writes once what changed often.
PAGES_PER_CHECKPOINT = 8_000
# At most, for each connection. A batch touches most leaves of an index in no order, and what SQLite grants by itself
# (2 MB) holds them up to some ten thousand predictions. Readers fill it too, and keep it.
CACHE_KIB = 8 * 1024
# What the write-ahead log may keep of the disk when it begins anew; while an old state is read it may grow beyond it.
WAL_BYTES = 256 * 2**20
# A commit copies the write-ahead log back itself only where no `Checkpointer` does.
_PAGES_PER_COMMIT_CHECKPOINT = 2 * PAGES_PER_CHECKPOINT


def open_engine(url: str, synchronous: Synchronous, timeout: float) -> Engine:
    """Return an engine for a SQLite file or a PostgreSQL database; nothing but a SQLite file is touched yet.

    Raises
    ------
    StoreError
        If the URL is malformed, of another database, or of a SQLite database that is no file.
    StoreUnavailable
        If the SQLite file cannot be made.
    """
    if synchronous not in get_args(Synchronous):
        raise StoreError(f"synchronous is {synchronous!r}, expected one of {get_args(Synchronous)}")
    try:
        parsed = make_url(url)
    except sqlalchemy.exc.ArgumentError as error:
        raise StoreError("the store's URL cannot be read, expected sqlite:///<file> or postgresql://…") from error
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite(parsed, synchronous, timeout)
        case "postgresql" | "postgres":
            return _postgresql(parsed, timeout)
        case other:
            raise StoreError(f"store {parsed}: database {other!r} is not supported, expected sqlite or postgresql")


def database_exists(url: str) -> bool:
    """Return whether a SQLite file is there; of a server, or what is no URL, only opening can tell."""
    try:
        parsed = make_url(url)
    except sqlalchemy.exc.ArgumentError:  # opening says what is wrong with it
        return True
    return parsed.get_backend_name() != "sqlite" or (parsed.database is not None and Path(parsed.database).is_file())


@contextmanager
def reading(engine: Engine, what: str) -> Iterator[Connection]:
    """Open a read transaction: one consistent state of the database."""
    with translated(engine, what):
        check_file(engine)
        with engine.connect() as connection, connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine, what: str) -> Iterator[Connection]:
    """Open a write transaction; it is durable when the block has ended without an error."""
    with translated(engine, what):
        check_file(engine)
        with engine.connect().execution_options(**{_WRITE: True}) as connection, connection.begin():
            yield connection
        check_file(engine)  # what was committed to a file that was gone is not there


def file_of(engine: Engine) -> StoreFile | None:
    """Return the file that was opened, None for PostgreSQL."""
    found: StoreFile | None = engine.get_execution_options().get(_FILE)
    return found


def check_file(engine: Engine) -> None:
    """Raise `StoreUnavailable` if another file, or none, stands where a SQLite file was opened."""
    file = file_of(engine)
    if file is not None:
        file.check()


@contextmanager
def translated(engine: Engine, what: str) -> Iterator[None]:
    """Turn the database's errors into this package's."""
    where = f"store {engine.url.render_as_string(hide_password=True)}: cannot {what}"
    try:
        yield
    except StoreError as error:
        raise type(error)(f"{where}: {error}") from error
    except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError, sqlalchemy.exc.TimeoutError) as error:
        kind = StoreError if _is_refusal(error) else StoreUnavailable
        raise kind(f"{where}: {_cause(error)}") from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise StoreError(f"{where}: {_cause(error)}") from error
    except sqlite3.OperationalError as error:  # raised while connecting, before SQLAlchemy wraps errors
        raise StoreUnavailable(f"{where}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{where}: {error}; expected a SQLite database") from error
    except OSError as error:
        raise StoreUnavailable(f"{where}: {error}") from error
    except (UnicodeEncodeError, OverflowError) as error:
        # Half a surrogate pair in an id, or a number beyond 64 bits: JSON can carry both, the columns cannot.
        raise StoreError(f"{where}: {error}") from error


def _is_refusal(error: sqlalchemy.exc.SQLAlchemyError) -> bool:
    """Return whether PostgreSQL refuses what it was given, which no waiting mends."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    return state[:2] in _REFUSALS


def _cause(error: sqlalchemy.exc.SQLAlchemyError) -> str:
    # SQLAlchemy's own text holds the statement and its values, which may be personal and long.
    original = getattr(error, "orig", None) or error
    return " ".join(str(original).split()) or type(original).__name__


def _sqlite(url: URL, synchronous: Synchronous, timeout: float) -> Engine:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise StoreError(f"store {url}: not a file, expected sqlite:///<file>")
    engine = create_engine(url, connect_args={"timeout": timeout}, pool_timeout=timeout)

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # The driver's own idea of when a transaction starts is switched off: `begin` below says it.
        connection.isolation_level = None
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_PER_COMMIT_CHECKPOINT}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer that first reads must hold the write lock from the start, or two of them could not both go on.
        write = connection.get_execution_options().get(_WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    path = Path(url.database)
    with translated(engine, "open it"):
        make_private_folder(path.parent)
        if not path.exists():
            # The log holds what people asked: for its owner alone. SQLite gives its side files the same mode.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        engine.update_execution_options(**{_FILE: StoreFile(path)})
        _use_write_ahead_log(engine, timeout)
    return engine


def _use_write_ahead_log(engine: Engine, timeout: float) -> None:
    """Let readers go on while one writes. The switch does not wait for others who open the file just now: retry."""
    deadline = time.monotonic() + timeout
    while True:
        raw = engine.raw_connection()
        try:
            mode = raw.cursor().execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
            continue
        finally:
            raw.close()
        if mode != "wal":
            raise StoreError(f"journal mode is {mode!r}, expected 'wal'; is the file on a network drive?")
        return


def _postgresql(url: URL, timeout: float) -> Engine:
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg")
    try:
        engine = create_engine(
            url,
            isolation_level="READ COMMITTED",  # after waiting for its turn, a writer sees what the others wrote
            pool_pre_ping=True,  # a restarted server costs one round trip, not one error
            pool_timeout=timeout,
            connect_args={"connect_timeout": max(2, round(timeout)), "tcp_user_timeout": round(timeout * 1000)},
        )
    except ImportError as error:
        raise StoreError(f"store {url}: PostgreSQL needs the package psycopg: pip install 'psycopg[binary]'") from error

    @event.listens_for(engine, "begin")
    def limit_waiting(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(timeout * 1000)}")

    return engine
