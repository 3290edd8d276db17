"""Ends the trial of a canary whose decisions earn less than the champion's, by the outcomes in the log."""

import logging
import threading
import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.errors import StatisticError
from model_lifecycle.monitoring.performance import gains
from model_lifecycle.monitoring.windows import observed, unavailable
from model_lifecycle.registry import Registry
from model_lifecycle.releases import read_release
from model_lifecycle.scoring import ScoringFacts
from model_lifecycle.serving.answers import id_from
from model_lifecycle.serving.problem import reason
from model_lifecycle.serving.settings import CanaryLimits, ServiceSettings
from model_lifecycle.statistics.sequential import watched_difference
from model_lifecycle.store import Store
from model_lifecycle.tasks import task_of
from model_lifecycle.trials import Trials

logger = logging.getLogger(__name__)

# Reading the outcomes of a long trial takes its time: it is to be at most this share of a core.
_SHARE_OF_A_CORE = 0.02


class ValueWatch:
    """Compares what canary and champion have earned since the trial began, and ends it when the canary earns less.

    Who is answered by the canary is drawn by lot, so the two can be compared as they are; entities are the clusters.
    One process a service does this, beside the requests.

    Parameters
    ----------
    settings : ServiceSettings
        Those of the service.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        registry = Registry(settings.registry, settings.registry_name)
        self._registry, self._trials = registry, Trials(registry)

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop; what goes wrong is logged and tried again."""
        took = 0.0
        while not stop.wait(max(self._settings.canary.value_poll_seconds, took / _SHARE_OF_A_CORE)):
            began = time.thread_time()
            try:
                self.look()
            except Exception as error:  # the next look may find registry and store back
                logger.error("the value of the canary cannot be told: %s", reason(error))
            took = time.thread_time() - began

    def look(self) -> str | None:
        """Judge once; return why the trial was ended, None while it goes on or there is none.

        Raises
        ------
        LifecycleError
            If registry or store cannot be used now.
        """
        trial, champion = self._trials.current("canary"), self._registry.champion()
        if trial is None or champion is None or champion.version == trial.entry.version:
            return None
        facts = ScoringFacts.model_validate_json(read_release(trial.entry.path, trial.entry.digest)["scoring.json"])
        with Store.open(self._settings.store, self._settings.synchronous) as store:
            rows = store.outcomes_of_answers_since(id_from(self._began(trial.entry.version)))
        why = value_breach(rows, facts.question, trial.entry.release_id, champion.release_id, self._settings.canary)
        if why is not None:
            logger.warning("the trial of canary version %d ends: %s", trial.entry.version, why)
            self._trials.end("canary", version=trial.entry.version, by="service value", reason=why)
        return why

    def _began(self, version: int) -> datetime:
        """Return when this trial began; the clock may have been set back since."""
        now = datetime.now(UTC)
        began = now
        for move in self._trials.history():
            if move.role == "canary":
                same = move.action == "begin" and move.version == version
                began = min(began, datetime.fromisoformat(move.at)) if same else now
        return began


def value_breach(
    rows: pd.DataFrame, question: BusinessQuestion, canary: str, champion: str, limits: CanaryLimits
) -> str | None:
    """Say by how much a canary earns less than the champion, None unless that is beyond doubt.

    Parameters
    ----------
    rows : DataFrame
        Answers with their outcomes, as `Store.outcomes_of_answers_since` returns them.
    question : BusinessQuestion
        What decisions are worth, and who was drawn.
    canary, champion : str
        The two releases.
    limits : CanaryLimits
        How much less is too much, and how sure one has to be.
    """
    rows = rows[(observed(rows) | unavailable(rows)) & rows["release"].isin([canary, champion])]
    rows = rows.drop_duplicates("decision_id")  # a decision that was asked for twice was made once
    if rows.empty:
        return None
    worth = gains(rows, task_of(question))
    entities = np.array(_entities(rows, question), dtype=object)
    tried = (rows["release"] == canary).to_numpy()
    try:
        found = watched_difference(
            *(worth[tried], entities[tried], worth[~tried], entities[~tried]),
            error=limits.value_error,
            tuned=limits.value_entities,
        )
    except StatisticError:  # too few, or all alike
        return None
    if min(found.clusters) < limits.value_entities or found.upper >= -limits.value_margin:
        return None
    unit = question.value.unit
    return (
        f"earns {-found.difference:.4g} {unit} a decision less than the champion (at least {-found.upper:.4g} with "
        f"{1 - limits.value_error:.0%} at every look; {found.clusters[0]} of its entities, {found.clusters[1]} of the "
        f"champion's), limit {limits.value_margin:g}"
    )


def _entities(rows: pd.DataFrame, question: BusinessQuestion) -> list[str]:
    """Return who was drawn; rows without an entity go by their decision."""
    if question.entity is None:
        return [str(one) for one in rows["decision_id"]]
    named = (inputs.get(question.entity) for inputs in rows["inputs"])
    return [str(decision if name is None else name) for name, decision in zip(named, rows["decision_id"], strict=True)]
