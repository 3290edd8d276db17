"""Ours by number of replicas, database and `synchronous`."""

import getpass
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from servers import batches, bodies, ours, wrk
from sqlalchemy import create_engine, text
from world import BATCH, World

from model_lifecycle.serving.ports import free_ports

SETTINGS = ("NORMAL", "FULL", "EXTRA")
REPLICAS = (1, 3)


def grid(world: World, seconds: float, postgresql: str | None) -> dict[str, Any]:
    """Measure each combination and print the table."""
    found: dict[str, Any] = {}
    for replicas in REPLICAS:
        for synchronous in SETTINGS:
            url = f"sqlite:///{world.folder}/store-{replicas}-{synchronous}.db"
            found[f"sqlite {synchronous}, {replicas}"] = _measure(world, url, synchronous, replicas, seconds)
        with _postgresql(postgresql) as server:
            if server is not None:
                url = _new_database(server, f"bench_serving_{replicas}")
                found[f"postgresql, {replicas}"] = _measure(world, url, "NORMAL", replicas, seconds)
    lines = [
        (
            f"{'log, replicas':22} {'1: req/s':>9} {'p50':>7} {'p99':>7} "
            f"{'32: req/s':>10} {'p50':>7} {'p99':>7} {'rows/s':>9}"
        )
    ]
    lines += [
        f"{name:22} {one['1']['requests_a_second']:9,.0f} {one['1']['p50']:7.2f} {one['1']['p99']:7.2f} "
        f"{one['32']['requests_a_second']:10,.0f} {one['32']['p50']:7.2f} {one['32']['p99']:7.2f} "
        f"{one['batch']['requests_a_second'] * BATCH:9,.0f}"
        for name, one in found.items()
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return found


def _measure(world: World, url: str, synchronous: str, replicas: int, seconds: float) -> dict[str, Any]:
    world.fill(url)
    single, many = bodies(world, "ours"), batches(world)
    with ours(world, url, synchronous, replicas) as (_, target):
        wrk(target, single, 32, 2)
        return {
            "1": wrk(target, single, 1, seconds),
            "32": wrk(target, single, 32, seconds),
            "batch": wrk(target, many, 2 * replicas, seconds),
        }


def _new_database(url: str, name: str) -> str:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return engine.url.set(database=name).render_as_string(hide_password=False)


@contextmanager
def _postgresql(url: str | None) -> Iterator[str | None]:
    """Yield a server: the given one, or one of our own with all its syncs, or none where it is not installed."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if url is not None or not places:
        yield url
        return
    user = "nobody" if os.geteuid() == 0 else None  # it refuses to run as root
    folder, port = Path(tempfile.mkdtemp(prefix="bench-postgresql-")), free_ports(1)[0]
    if user:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603 - no shell
            [places[0] / program, "-D", str(folder), *arguments],
            check=True,
            user=user,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    owner = user or getpass.getuser()
    try:
        run("initdb", "--auth=trust", "-U", owner)
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        run("pg_ctl", "-l", str(folder / "log"), "-w", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://{owner}@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
