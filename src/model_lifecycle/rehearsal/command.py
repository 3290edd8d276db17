"""``python -m model_lifecycle loop``: months of live traffic with incidents, watched, acted on and scored."""

import signal
import sys
import time
from importlib.util import find_spec

import click

from model_lifecycle.cases import load_faults
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.interrupting import TOLD_TO_END, interrupted_by
from model_lifecycle.locations import case_name, data_folder

FULL_MONTHS = 6
_DEFAULT_SEED = 1


@click.command()
@click.option(
    "--months", type=click.IntRange(1, 24), help=f"Months to play; {FULL_MONTHS}, or 1 with --fault or --days."
)
@click.option("--days", type=int, help="Play so many days instead of months, by default without incidents.")
@click.option(
    "--seed", type=click.IntRange(0), help=f"Of kinds and times of the incidents; {_DEFAULT_SEED} by default."
)
@click.option("--no-incidents", is_flag=True, help="Nothing goes wrong but what the world has in store.")
@click.option("--fault", metavar="NAME", help="Plant this one fault, to stay, instead of incidents; see --list-faults.")
@click.option("--speed", type=click.FloatRange(1.0), help="Simulated seconds a second at the most; as fast as it goes.")
@click.option("--list-faults", is_flag=True, help="List the faults of the chosen case.")
def loop(
    months: int | None,
    days: int | None,
    seed: int | None,
    no_incidents: bool,
    fault: str | None,
    speed: float | None,
    list_faults: bool,
) -> None:
    """Play the time after the champion's data as live traffic, watch it, act on it, and keep score.

    Six months with planted incidents by default, a month with one fault or none for who is in a hurry. Everything
    happens in a data folder of its own, <data>/loop/<name>, made anew at each start; the user's registry, log and data
    are only read. The exit code is 1 when a decision was lost.
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
    if days is not None and months is not None:
        raise ConfigurationError(f"found --days {days} and --months {months}, expected one of them")
    if seed is not None and (no_incidents or fault is not None):
        raise ConfigurationError("found --seed, which is of incidents, and none are wanted; expected one or the other")
    if find_spec("kedro") is None:
        raise ConfigurationError("kedro is not installed; the loop runs its pipelines, so it needs the whole project")
    short = fault is not None or days is not None
    if seed is None and not no_incidents and not short:
        seed = _DEFAULT_SEED
    with interrupted_by((signal.SIGINT, *TOLD_TO_END), _tell_end):
        lost = _rehearse(months or (1 if short else FULL_MONTHS), days, speed, fault, seed)
    if lost:
        sys.exit(1)


def _rehearse(months: int, days: int | None, speed: float | None, fault: str | None, seed: int | None) -> int:
    """Rehearse, and return how many decisions were lost."""
    from model_lifecycle.rehearsal.folder import CLEAN, make_folder, only_one, users_champion
    from model_lifecycle.rehearsal.project import data_in, log_in, read_project
    from model_lifecycle.rehearsal.script import Script

    started = time.monotonic()
    entry = users_champion(read_project())
    name = fault or (CLEAN if seed is None else f"seed-{seed}")
    script = Script(name, months, days, speed, fault, seed)
    loops = data_folder() / "loop"
    with only_one(loops):
        folder = make_folder(loops, script.name)
        click.echo(f"setting the stage in {folder}: a registry, the raw tables, the service; about a minute")
        with data_in(folder), log_in(folder / "logs"):
            from model_lifecycle.rehearsal.stage import rehearse

            card = rehearse(entry, folder, script, click.echo, started)
    return int(card["requests_lost"])


def _tell_end(name: str) -> None:
    click.echo(f"\n{name}: stopping the service and what else was started", err=True)
