"""A candidate beside the champion: in the shadow, as a canary, and what live decisions tell of it."""

from datetime import datetime
from typing import Literal

from model_lifecycle.agent.state import ACTOR, Candidate
from model_lifecycle.datasets.event_log import StoredEvents
from model_lifecycle.monitoring.paired import compare_live, on_trial
from model_lifecycle.monitoring.replay import reach
from model_lifecycle.monitoring.verdict import Figure
from model_lifecycle.registry import Registry, ReleaseEntry
from model_lifecycle.releases import read_release
from model_lifecycle.scoring import Scorer
from model_lifecycle.statistics.blocks import DAY
from model_lifecycle.store import Store
from model_lifecycle.trials import Trials

_WHY = "passed its gates; the policy asks for it"


def begin(registry: Registry, role: Literal["shadow", "canary"], candidate: Candidate, share: float = 1.0) -> None:
    """Put the candidate on trial, once; a canary's shadow ends."""
    trials = Trials(registry)
    found = trials.current(role)
    if found is None or found.entry.version != candidate.version or found.share != share:
        trials.begin(role, candidate.version, share=share, reason=_WHY, by=ACTOR)
    if role == "canary":
        trials.end("shadow", reason="goes on as a canary", by=ACTOR, version=candidate.version)


def end_all(registry: Registry, candidate: Candidate, reason: str) -> None:
    """Take the candidate out of shadow and canary."""
    for role in ("shadow", "canary"):
        Trials(registry).end(role, reason=reason, by=ACTOR, version=candidate.version)


def ended(registry: Registry, role: Literal["shadow", "canary"], candidate: Candidate) -> str | None:
    """Return why somebody else has ended the candidate's trial, None while it goes on."""
    trials = Trials(registry)
    found = trials.current(role)
    if found is not None and found.entry.version == candidate.version:
        return None
    last = [one for one in trials.history() if one.role == role and one.version == candidate.version]
    return f"the {role} was ended by {last[-1].by}: {last[-1].reason}" if last else f"there is no {role}"


def compare(
    registry: Registry, store_url: str, candidate: Candidate, since: datetime, until: datetime, end: datetime
) -> Figure | None:
    """Return the candidate's loss less the champion's on the champion's decisions, None where they do not tell.

    Whole days since the trial began count, whatever its stages: checks in between see nothing new but late outcomes.
    """
    entry = registry.champion()
    if entry is None:
        return None
    with Store.open(store_url) as store:
        rows = store.labelled_predictions_between(since, since + (until - since) // DAY * DAY, until)
    champion, other = _scorer(entry), _scorer(registry.version(candidate.version))
    starts = [one for one in (reach(rows, champion), reach(rows, other)) if one is not None]
    if not starts:
        return None
    events = StoredEvents(store_url).known_since(min(starts).to_pydatetime())
    found = compare_live(rows, events, champion, other, since, on_trial(since, end, last=until >= end)).difference
    if found is None or found.lower is None or found.upper is None:
        return None
    return found.model_copy(update={"estimate": -found.estimate, "lower": -found.upper, "upper": -found.lower})


def _scorer(entry: ReleaseEntry) -> Scorer:
    return Scorer.from_files(read_release(entry.path, entry.digest))
