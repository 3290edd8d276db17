"""A real PostgreSQL on loopback, started once for all tests that ask for it."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text


@dataclass(frozen=True)
class PostgreSQL:
    """A running server and how to stop and start it."""

    url: str
    run: Callable[..., None]
    folder: Path
    port: int

    def start(self) -> None:
        # No flush to the disk: nothing here outlives the test. Loopback only, no socket file.
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -F"
        self.run("pg_ctl", "-D", str(self.folder), "-l", str(self.folder / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder), "-w", "-m", "immediate", "stop")


def _binaries() -> Path | None:
    """Debian keeps the server's programs off the path."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "pg_ctl").exists()), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not on this machine (apt-get install postgresql)")
    # The server refuses to run as root; "nobody" is on every Linux.
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    if user:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [binaries / program, *arguments],
            user=user,
            cwd="/",
            stdout=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE,  # the server keeps it open
            stderr=subprocess.DEVNULL if program == "pg_ctl" else subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{program} {arguments}: {done.stdout}"

    owner = user or getpass.getuser()
    try:
        run("initdb", "-D", str(folder), "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "-U", owner)
        port = _free_port()
        server = PostgreSQL(f"postgresql://{owner}@127.0.0.1:{port}/postgres", run, folder, port)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL) -> str:
    """A URL whose tables stand in a schema of their own."""
    name = f"test_{uuid.uuid4().hex}"
    engine = create_engine(postgresql.url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    engine.dispose()
    return f"{postgresql.url}?options=-csearch_path%3D{name}"
