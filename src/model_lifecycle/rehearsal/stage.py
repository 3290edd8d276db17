"""Set the stage for a rehearsal: the champion, the world with its fault, the service; then play, and sum up."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import pandas as pd

from model_lifecycle.agent.runs import run_pipelines
from model_lifecycle.cases import load_faults
from model_lifecycle.registry import ReleaseEntry
from model_lifecycle.rehearsal.counts import Counts
from model_lifecycle.rehearsal.folder import check_own, install_champion
from model_lifecycle.rehearsal.incidents.labels import told_at
from model_lifecycle.rehearsal.incidents.plan import Incident
from model_lifecycle.rehearsal.journal import Journal
from model_lifecycle.rehearsal.play import Happenings, Play
from model_lifecycle.rehearsal.project import CONF, Project, read_project
from model_lifecycle.rehearsal.sabotage import Saboteur
from model_lifecycle.rehearsal.schedule import stretch, ticks, window_ends
from model_lifecycle.rehearsal.scorecard.answers import read_answers
from model_lifecycle.rehearsal.scorecard.card import Card, card_lines, scorecard
from model_lifecycle.rehearsal.scorecard.matching import false_alarms, sight
from model_lifecycle.rehearsal.scorecard.page import scorecard_page
from model_lifecycle.rehearsal.scorecard.worth import worth
from model_lifecycle.rehearsal.script import Script
from model_lifecycle.rehearsal.telling import Teller, closing_table
from model_lifecycle.rehearsal.traffic import Traffic, traffic_to
from model_lifecycle.rehearsal.watch import Watch
from model_lifecycle.rehearsal.world import World, event_records, input_records, label_records, plant, read_world
from model_lifecycle.releases import read_release
from model_lifecycle.scoring import Scorer
from model_lifecycle.serving.process import running_service
from model_lifecycle.store import Store
from model_lifecycle.store import backfill as store_backfill

# Simulated time runs about ten thousand times as fast as the clock on the wall.
HISTORY_POLL_SECONDS = 0.02
START_SECONDS = 600.0  # a service boots in twenty, unless a retraining and half a dozen other programs run beside it


def rehearse(entry: ReleaseEntry, folder: Path, script: Script, out: Callable[[str], None], started: float) -> Card:
    """Rehearse in a folder that is the data folder now, and is empty.

    Parameters
    ----------
    entry : ReleaseEntry
        The user's champion.
    folder : Path
        The rehearsal's own data folder.
    script : Script
        What is played.
    out : callable
        Takes each line that is said.
    started : float
        When it all began, by ``time.monotonic``.

    Returns
    -------
    dict
        The scorecard; written to ``08_reporting/<case>/scorecard.json`` and ``.html`` as well.

    Raises
    ------
    LifecycleError
        If the rehearsal itself cannot go on.
    """
    project = read_project()
    check_own(project, folder)
    teller = Teller(out, project.split.time_zone)
    champion = install_champion(entry, project, folder)
    span = stretch(champion.as_of, project.split.time_zone, script.days, script.months)
    teller.plain(f"champion {champion.release} meets the traffic of {teller.clock(span[0])} to {teller.clock(span[1])}")
    incidents = script.incidents(load_faults(project.case), project.question.task, span)
    world, parameters = _make_world(project, folder, script, incidents, span, teller)
    counts, saboteur = Counts(), Saboteur(incidents)
    boot = partial(
        running_service,
        store_url=project.store,
        log=folder / "logs" / "service.log",
        registry_uri=project.registry,
        registry_name=project.case,
        history_poll_seconds=HISTORY_POLL_SECONDS,
        start_seconds=START_SECONDS,
    )
    with Store.open(project.store) as store, traffic_to(boot, project.store, counts) as traffic:
        journal = Journal(store)
        teller.plain(f"service on process {traffic.pid}; {time.monotonic() - started:.0f} s so far")
        # A rehearsal must page nobody.
        quiet = {"alerting.deliver": "false", **parameters}
        first = window_ends(*span, project.monitoring.window)[0]
        watch = Watch(store, project.policy.rollout, folder, quiet, first)
        teller.plain(f"the agent watches from {teller.clock(first)} on; its output: {watch.log}")
        play = Play(project, folder, traffic, counts, teller, journal, saboteur, watch, script.speed)
        asked = _run(play, world, incidents, project, traffic, span)
        restarts = traffic.restarts()
    sightings = sight(incidents, journal.alarms, journal.actions, saboteur.bad_release, restarts)
    false, unplanted = false_alarms(incidents, journal.alarms, saboteur.bad_release)
    teller.plain("the traffic has ended; counting what was answered, and what the first champion would have earned")
    with Store.open(project.store) as store:
        answers = read_answers(store, span, asked)
    frozen = Scorer.from_files(read_release(entry.path, entry.digest))
    events = pd.concat([world.backfill, world.events], ignore_index=True)
    card = scorecard(
        span=span,
        seed=script.seed,
        seconds=time.monotonic() - started,
        counts=counts,
        sightings=sightings,
        false=false,
        unplanted=unplanted,
        actions=journal.actions,
        answers=answers,
        worth=worth(answers.first, world.decisions, events, frozen, project.question, project.split.time_zone),
    )
    _sum_up(project, folder, card, counts, teller)
    return card


def _make_world(
    project: Project,
    folder: Path,
    script: Script,
    incidents: Sequence[Incident],
    span: tuple[datetime, datetime],
    teller: Teller,
) -> tuple[World, dict[str, str]]:
    """Return what will happen, and the parameters with which every run reads the same raw tables."""
    start, end = span
    parameters: dict[str, str] = {}
    known_faults = load_faults(project.case)
    faults = [(known_faults[one.kind], one.start, one.end) for one in incidents if one.kind in known_faults]
    if script.fault is not None:
        fault = known_faults[script.fault]
        faults = [(fault, start + fault.after, end)]
        teller.plain(f"fault planted: {fault.description}, from {teller.clock(start + fault.after)} on")
    elif incidents:
        teller.plain(f"{len(incidents)} incidents planted, of seed {script.seed}; the scorecard tells them at the end")
    if faults:
        plant(faults, project.case, CONF, folder / "world")
        parameters["raw_folder"] = str(folder / "world")
    log = folder / "logs" / "data_engineering.log"
    run_pipelines(("data_engineering",), {"run.as_of": start.isoformat(), **parameters}, log)
    world = read_world(folder, project.case, start, end, project.question, project.features)
    with Store.open(project.store) as store:
        known = store.append_events(store_backfill.event_records(world.backfill))
    teller.plain(f"the service begins with {known:,} events; {len(world.decisions):,} decisions will be asked for")
    return world, parameters


def _run(
    play: Play,
    world: World,
    incidents: Sequence[Incident],
    project: Project,
    traffic: Traffic,
    span: tuple[datetime, datetime],
) -> list[str]:
    """Play it all and return the decisions that were asked for."""
    question, (start, end) = project.question, span
    told = told_at(world.labels[question.label_time], incidents).sort_values(kind="stable")
    happenings = Happenings(
        events=event_records(world.events, project.features),
        labels=label_records(world.labels.loc[told.index], question),
        records=input_records(world.decisions, traffic.inputs()),
    )
    times = (world.events["known_at"], told, world.decisions[question.decision_time])
    play.run(happenings, list(ticks(start, end, *times)))
    return [str(one) for one in world.decisions[question.decision_id]]


def _sum_up(project: Project, folder: Path, card: Card, counts: Counts, teller: Teller) -> None:
    reporting = folder / "08_reporting" / project.case
    reporting.mkdir(parents=True, exist_ok=True)
    places = {name: reporting / f"scorecard.{kind}" for name, kind in (("scorecard", "html"), ("figures", "json"))}
    places["scorecard"].write_text(scorecard_page(card), encoding="utf-8")
    places["figures"].write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    teller.plain("")
    reports = {name: str(place) for name, place in places.items()}
    for line in (*card_lines(card), *closing_table(counts, card["seconds"], reports)):
        teller.plain(line)
