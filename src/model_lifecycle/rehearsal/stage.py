"""Set the stage for a rehearsal: the champion, the world with its fault, the service; then play, and sum up."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from model_lifecycle.agent.runs import run_pipelines
from model_lifecycle.cases import Fault
from model_lifecycle.registry import ReleaseEntry
from model_lifecycle.rehearsal.counts import Counts
from model_lifecycle.rehearsal.folder import check_own, install_champion
from model_lifecycle.rehearsal.play import Happenings, Play
from model_lifecycle.rehearsal.project import CONF, Project, read_project
from model_lifecycle.rehearsal.schedule import stretch, ticks, window_ends
from model_lifecycle.rehearsal.telling import Teller, closing_table
from model_lifecycle.rehearsal.traffic import Traffic, traffic_to
from model_lifecycle.rehearsal.world import World, event_records, input_records, label_records, plant, read_world
from model_lifecycle.serving.process import running_service
from model_lifecycle.store import Store
from model_lifecycle.store import backfill as store_backfill

# Simulated time runs about ten thousand times as fast as the clock on the wall.
HISTORY_POLL_SECONDS = 0.02


def rehearse(
    entry: ReleaseEntry, folder: Path, fault: Fault | None, days: int | None, out: Callable[[str], None], started: float
) -> Counts:
    """Rehearse in a folder that is the data folder now, and is empty.

    Parameters
    ----------
    entry : ReleaseEntry
        The user's champion.
    folder : Path
        The rehearsal's own data folder.
    fault : Fault, optional
        What goes wrong.
    days : int, optional
        How long; one month by default.
    out : callable
        Takes each line that is said.
    started : float
        When it all began, by ``time.monotonic``.

    Returns
    -------
    Counts
        Written to ``08_reporting/<case>/rehearsal.json`` as well.

    Raises
    ------
    LifecycleError
        If the rehearsal itself cannot go on.
    """
    project = read_project()
    check_own(project, folder)
    teller = Teller(out, project.split.time_zone)
    champion = install_champion(entry, project, folder)
    start, end = stretch(champion.as_of, project.split.time_zone, days)
    teller.plain(f"champion {champion.release} meets the traffic of {teller.clock(start)} to {teller.clock(end)}")
    world, parameters = _make_world(project, folder, fault, (start, end), teller)
    counts = Counts()
    with running_service(
        store_url=project.store,
        log=folder / "logs" / "service.log",
        registry_uri=project.registry,
        registry_name=project.case,
        history_poll_seconds=HISTORY_POLL_SECONDS,
    ) as service:
        teller.plain(f"service on {service.url}, process {service.pid}; {time.monotonic() - started:.0f} s so far")
        with traffic_to(service, project.store, counts) as traffic:
            play = Play(project, folder, parameters, traffic, counts, teller)
            _run(play, world, project, traffic, start, end)
    _sum_up(project, folder, counts, teller, time.monotonic() - started)
    return counts


def _make_world(
    project: Project, folder: Path, fault: Fault | None, span: tuple[datetime, datetime], teller: Teller
) -> tuple[World, dict[str, str]]:
    """Return what will happen, and the parameters with which every run reads the same raw tables."""
    start, end = span
    parameters: dict[str, str] = {}
    if fault is not None:
        begins = plant(fault, project.case, start, CONF, folder / "world")
        parameters["raw_folder"] = str(folder / "world")
        teller.plain(f"fault planted: {fault.description}, from {teller.clock(begins)} on")
    log = folder / "logs" / "data_engineering.log"
    run_pipelines(("data_engineering",), {"run.as_of": start.isoformat(), **parameters}, log)
    world = read_world(folder, project.case, start, end, project.question, project.features)
    with Store.open(project.store) as store:
        known = store.append_events(store_backfill.event_records(world.backfill))
    teller.plain(f"the service begins with {known:,} events; {len(world.decisions):,} decisions will be asked for")
    return world, parameters


def _run(play: Play, world: World, project: Project, traffic: Traffic, start: datetime, end: datetime) -> None:
    question = project.question
    happenings = Happenings(
        events=event_records(world.events, project.features),
        labels=label_records(world.labels, question),
        records=input_records(world.decisions, traffic.inputs()),
    )
    times = (
        world.events["known_at"], world.labels[question.label_time], world.decisions[question.decision_time],
    )  # fmt: skip
    play.run(happenings, list(ticks(start, end, *times)), window_ends(start, end, project.monitoring.window))


def _sum_up(project: Project, folder: Path, counts: Counts, teller: Teller, seconds: float) -> None:
    reporting = folder / "08_reporting" / project.case
    reporting.mkdir(parents=True, exist_ok=True)
    summary = reporting / "rehearsal.json"
    summary.write_text(json.dumps({**counts.as_json(), "seconds": round(seconds, 1)}, indent=2) + "\n")
    teller.plain("")
    reports = {"monitoring": str(reporting / "monitoring.html"), "counts": str(summary)}
    for line in closing_table(counts, seconds, reports):
        teller.plain(line)
