"""``python -m model_lifecycle loop``: a month of live traffic, watched and acted on."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import click

from model_lifecycle.cases import Fault, load_faults
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.locations import case_name, data_folder


@click.command()
@click.option("--fault", metavar="NAME", help="Plant a fault some days into the month; see --list-faults.")
@click.option("--days", type=int, help="Play so many days; the whole month by default.")
@click.option("--list-faults", is_flag=True, help="List the faults of the chosen case.")
def loop(fault: str | None, days: int | None, list_faults: bool) -> None:
    """Play the month after the champion's data as live traffic, watch it and act on what the policy decides.

    Everything happens in a data folder of its own, <data>/loop/<fault or clean>, made anew at each start; the user's
    registry, log and data are only read.
    """
    faults = load_faults(case_name())
    if list_faults:
        for name, known in faults.items():
            click.echo(f"{name:<18}{known.description}, from day {known.after.days + 1} on")
        return
    if fault is not None and fault not in faults:
        raise ConfigurationError(f"--fault: found {fault!r}, expected one of {sorted(faults)}")
    if days is not None and days < 1:
        raise ConfigurationError(f"--days: found {days}, expected 1 or more")
    if find_spec("kedro") is None:
        raise ConfigurationError("kedro is not installed; the loop runs its pipelines, so it needs the whole project")
    with _interrupted_once():
        lost = _rehearse(fault, None if fault is None else faults[fault], days)
    if lost:
        sys.exit(1)


def _rehearse(name: str | None, fault: Fault | None, days: int | None) -> int:
    """Rehearse, and return how many requests were lost."""
    from model_lifecycle.rehearsal.folder import CLEAN, make_folder, only_one, users_champion
    from model_lifecycle.rehearsal.project import data_in, log_in, read_project

    started = time.monotonic()
    entry = users_champion(read_project())
    loops = data_folder() / "loop"
    with only_one(loops):
        folder = make_folder(loops, name or CLEAN)
        click.echo(f"setting the stage in {folder}: a registry, the raw tables, the service; about a minute")
        with data_in(folder), log_in(folder / "logs"):
            from model_lifecycle.rehearsal.stage import rehearse

            counts = rehearse(entry, folder, fault, days, click.echo, started)
    return counts.errors


@contextmanager
def _interrupted_once() -> Iterator[None]:
    """Let the first Ctrl-C (or SIGTERM) end the rehearsal, and nothing disturb its clearing up."""

    def interrupt(number: int, _frame: object) -> None:
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_IGN)
        click.echo(f"\n{signal.Signals(number).name}: stopping the service and what else was started", err=True)
        raise KeyboardInterrupt

    before = {name: signal.signal(name, interrupt) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
