"""The works of the agent as runs of this project's pipelines, moves in its registry, and alerts in its store."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Literal, ParamSpec, TypeVar

from pydantic import ValidationError

from model_lifecycle.agent import trial
from model_lifecycle.agent.alarm import raise_alarm
from model_lifecycle.agent.project import AgentProject
from model_lifecycle.agent.promotion import promote_once, rollback_once
from model_lifecycle.agent.runs import KedroRun, run_pipelines
from model_lifecycle.agent.state import Candidate, Order
from model_lifecycle.agent.works import Moved, Retrained, RetrainingFailed
from model_lifecycle.contracts.gates import COMPARED_TAG
from model_lifecycle.contracts.retraining import ORDER_TAG
from model_lifecycle.errors import LifecycleError, RunLocked
from model_lifecycle.locking import RUN_LOCK, take_lock
from model_lifecycle.monitoring.policy import Decision
from model_lifecycle.monitoring.verdict import Figure
from model_lifecycle.registry import Registry, ReleaseEntry

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 2.0
_PATIENCE_SECONDS = 3600.0  # for another run that holds the data folder
_VERDICTS = ("leakage.json", "feasibility.json", "verdict.json", "proof.json")
_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


def _told(work: Callable[_Given, _Found]) -> Callable[_Given, _Found]:
    """Let a work fail as `Works` promises where a file cannot be read, or holds something else than it should."""

    @wraps(work)
    def told(*given: _Given.args, **named: _Given.kwargs) -> _Found:
        try:
            return work(*given, **named)
        except (OSError, ValueError) as error:
            raise LifecycleError(f"{work.__name__}: {type(error).__name__}: {error}") from error

    return told


class KedroWorks:
    """The works on one project.

    Parameters
    ----------
    project : AgentProject
        Its configuration.
    parameters : mapping
        Further ones for every ``kedro run``.
    """

    def __init__(self, project: AgentProject, parameters: Mapping[str, str]) -> None:
        self._project, self._parameters = project, parameters
        self._registry = Registry(project.registry, project.case)
        self._logs = project.data / "logs" / "agent"

    @_told
    def champion(self) -> Candidate | None:
        """Return the release in production, and the one that a rollback would bring back."""
        entry, before = self._registry.champion(), self._registry.previous()
        if entry is None:
            return None
        return Candidate(version=entry.version, release=entry.release_id, replaces=before and before.release_id)

    @_told
    def monitor(self, until: datetime) -> Decision:
        """Run the pipeline `monitoring` up to a moment and read its decision."""
        place = self._project.reporting / "policy_decision.json"
        self._wait_for_others()
        place.unlink(missing_ok=True)  # that of an earlier run must not be taken for this one's
        given = {"monitoring_until": until.isoformat(), **self._parameters}
        run_pipelines(("monitoring",), given, self._logs / "monitoring.log", self._project.env)
        try:
            return Decision.model_validate_json(place.read_bytes())
        except (OSError, ValidationError) as error:
            raise LifecycleError(f"{place}: no decision to read ({error})") from error

    @_told
    def retrain(self, order: Order) -> Retrained:
        """Run the pipeline `retrain`; one that was cut off by a crash is made again and comes to the same release."""
        self._wait_for_others()
        for name in _VERDICTS:
            (self._project.reporting / name).unlink(missing_ok=True)
        given = {
            "run.as_of": order.as_of.isoformat(),
            "retraining.order": order.id,
            "retraining.promote": "false",
            **self._parameters,
        }
        began = time.monotonic()
        with KedroRun(("retrain",), given, self._logs / f"retrain-{order.id}.log", self._project.env) as run:
            code = run.wait()
        seconds = time.monotonic() - began
        if code:
            try:
                rejected = tuple(self._failed_gates())
            except (OSError, ValueError) as error:
                raise RetrainingFailed(f"{self._project.reporting}: no verdict to read ({error})", seconds) from error
            if not rejected:
                message = f"kedro run --pipelines retrain ended with code {code}; {run.last_lines()}"
                raise RetrainingFailed(message, seconds)
            return Retrained(None, rejected, seconds)
        made, champion = self._made_for(order), self._registry.champion()
        if made is None or (champion is not None and champion.version == made.version):
            return Retrained(None, (), seconds)
        # Not the champion of now: a person may have moved it since the gates looked.
        candidate = Candidate(version=made.version, release=made.release_id, replaces=made.tags.get(COMPARED_TAG))
        return Retrained(candidate, (), seconds)

    @_told
    def shadow(self, candidate: Candidate) -> None:
        """Let running services score their traffic with it, too."""
        trial.begin(self._registry, "shadow", candidate)

    @_told
    def canary(self, candidate: Candidate, share: float) -> None:
        """Let running services answer a share of the entities with it."""
        trial.begin(self._registry, "canary", candidate, share)

    @_told
    def withdraw(self, candidate: Candidate) -> None:
        """End its trials."""
        trial.end_all(self._registry, candidate, "shown to be worse than the champion, or superseded")

    @_told
    def ended(self, candidate: Candidate, stage: Literal["shadow", "canary"]) -> str | None:
        """Return why a service or a person has ended its trial."""
        return trial.ended(self._registry, stage, candidate)

    @_told
    def compare(self, candidate: Candidate, since: datetime, until: datetime, end: datetime) -> Figure | None:
        """Score the champion's decisions with it and pair the losses."""
        return trial.compare(self._registry, self._project.store, candidate, since, until, end)

    @_told
    def promote(self, candidate: Candidate, order: Order | None) -> Moved:
        """Move the champion, once."""
        because = "asked for" if order is None else f"order {order.id}: {'; '.join(order.reasons)}"
        moved = promote_once(self._registry, candidate, because)
        trial.end_all(self._registry, candidate, moved)
        return moved

    @_told
    def rollback(self, candidate: Candidate, reason: str) -> str:
        """Bring back the release before, once."""
        return rollback_once(self._registry, candidate, reason)

    def alarm(self, at: datetime, what: str, message: str) -> None:
        """Fire the alert ``agent`` through the channels of `alerting`."""
        try:
            raise_alarm(self._project, at, what, message)
        except (LifecycleError, OSError, ValueError) as error:
            _log.error("the alarm %r could not be raised: %s", what, error)

    def _made_for(self, order: Order) -> ReleaseEntry | None:
        return next((one for one in self._registry.releases() if one.tags.get(ORDER_TAG) == order.id), None)

    def _failed_gates(self) -> list[str]:
        reasons = []
        for name in _VERDICTS:
            place = self._project.reporting / name
            if place.exists():
                found = json.loads(place.read_bytes())
                gates = [*found.get("gates", ()), *found.get("reasons", ())]
                reasons += [f"{gate['gate']}: {gate['reason']}" for gate in gates if not gate["passed"]]
                reasons += [f"leakage: {leak['message']}" for leak in found.get("leaks", ())]
        return reasons

    def _wait_for_others(self) -> None:
        """Wait while another run holds the data folder: a person's, or one that a killed agent had started."""
        deadline, told = time.monotonic() + _PATIENCE_SECONDS, False
        while True:
            try:
                take_lock(self._project.data / RUN_LOCK).close()
                return
            except RunLocked as error:
                if time.monotonic() > deadline:
                    raise
                if not told:
                    _log.info("%s; waiting", error)
                told = True
                time.sleep(_LOOK_SECONDS)
