"""``python -m model_lifecycle watch``: monitoring on its schedule, and what the policy asks for."""

import json
import signal
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import click

from model_lifecycle.errors import ConfigurationError
from model_lifecycle.interrupting import TOLD_TO_END, interrupted_by


@click.command()
@click.option("--once", is_flag=True, help="Do what is due and end; refuse while another agent leads.")
@click.option("--until", metavar="TIME", help="End at this time, ISO 8601 with its offset.")
@click.option("--now", metavar="TIME", help="With --once: take this for the present time.")
@click.option(
    "--clock", type=click.Path(path_type=Path), help="Read the time from this file, which a rehearsal writes."
)
@click.option(
    "--params", metavar="NAME=VALUE,…", help="Further parameters, for the agent and every run that it starts."
)
@click.option(
    "--lease", type=float, default=30.0, show_default=True, help="Seconds for which a killed agent still leads."
)
@click.option("--env", envvar="KEDRO_ENV", help="Kedro environment.")
@click.option("--status", is_flag=True, help="Tell where the agent is, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --status: as JSON.")
def watch(
    once: bool,
    until: str | None,
    now: str | None,
    clock: Path | None,
    params: str | None,
    lease: float,
    env: str | None,
    status: bool,
    as_json: bool,
) -> None:
    """Run monitoring on its schedule, retrain when the policy says so, and see releases through their probation.

    Killed and started again it goes on where it was. Of several agents on one store one leads, the others wait.
    """
    if find_spec("kedro") is None:
        raise ConfigurationError("kedro is not installed; the agent runs its pipelines, so it needs the whole project")
    if now is not None and not once:
        raise ConfigurationError("--now: expected --once beside it; the time would stand still")
    if now is not None and clock is not None:
        raise ConfigurationError("--now and --clock: expected one of them")
    if lease < 1.0:
        raise ConfigurationError(f"--lease: found {lease:g}, expected 1 second or more")
    end, moment = _time("--until", until), _time("--now", now)

    from model_lifecycle.agent.agent import Agent
    from model_lifecycle.agent.clock import FileClock, FixedClock, WallClock
    from model_lifecycle.agent.kedro_works import KedroWorks
    from model_lifecycle.agent.machine import Machine
    from model_lifecycle.agent.project import read_project
    from model_lifecycle.store import Store

    if moment is not None and moment > (wall := WallClock().now()):
        raise ConfigurationError(
            f"--now: found {now!r}, expected no later time than the clock's, {wall:%Y-%m-%dT%H:%MZ}"
        )
    given = _parameters(params)
    project = read_project(env, given)
    time = FixedClock(moment) if moment else WallClock() if clock is None else FileClock(clock)
    every = project.policy.check_every or project.monitoring.window
    with Store.open(project.store) as store:
        works = KedroWorks(project, given)
        machine = Machine(works, project.policy, every)
        agent = Agent(store.agent_book, machine, time, click.echo, timedelta(seconds=lease))
        if status:
            state, leader = agent.state(), store.agent_book.leader()
            facts = {**state.model_dump(mode="json"), "leader": leader and leader.holder}
            lines = (f"{name.replace('_', ' '):<13}{'-' if value is None else value}" for name, value in facts.items())
            click.echo(json.dumps(facts, indent=2) if as_json else "\n".join(lines))
            return
        with interrupted_by((signal.SIGINT, *TOLD_TO_END), _tell_end):
            agent.run(once=once, until=end)


def _tell_end(name: str) -> None:
    click.echo(f"\n{name}: the agent ends its run, if there is one, and gives the lead back", err=True)


def _time(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{option}: found {text!r}, expected an ISO 8601 time with its offset") from error
    if found.tzinfo is None:
        raise ConfigurationError(f"{option}: found {text!r}, expected a time with its offset")
    return found


def _parameters(text: str | None) -> dict[str, str]:
    pairs = [part.partition("=") for part in (text or "").split(",") if part]
    if wrong := [name for name, sign, _ in pairs if not (name and sign)]:
        raise ConfigurationError(f"--params: found {wrong[0]!r}, expected NAME=VALUE")
    return {name.strip(): value.strip() for name, _, value in pairs}
