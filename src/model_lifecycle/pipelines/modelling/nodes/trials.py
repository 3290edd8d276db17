"""When a search ends, when a trial is given up, and what makes two searches the same."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.modelling import CandidateSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.contracts.trials import Trial, TrialRecord
from model_lifecycle.models import Parameters

MINUTE = 60.0
_READ = (model_input.TARGET, model_input.OUTCOME, model_input.DECISION_TIME, model_input.LABEL_TIME)
_GIVE_UP_AFTER = 10  # failed trials and none complete: what is wrong is not the searched parameters

Hopeless = Callable[[Sequence[float]], bool]


class TrialEngine(Protocol):
    """Runs one trial: in this process, or wherever the table and the family can be had."""

    def __call__(self, number: int, parameters: Parameters, hopeless: Hopeless) -> TrialRecord:
        """Fit on each fold's past and judge on the fold, in time order.

        Parameters
        ----------
        number : int
            Of the trial, from 1.
        parameters : mapping
            All of the family's parameters, fixed and searched.
        hopeless : callable
            Asked with the losses so far after every fold but the last; True ends the trial as pruned. It holds plain
            values only, so that it can be sent to another process.

        Returns
        -------
        TrialRecord
            A trial that the family refuses is ``failed``; any other error is raised. ``seconds`` may be 0: the search
            takes the time.
        """
        ...


def loss_of(trial: Trial) -> float:
    """Return the mean loss over the folds, infinity for a trial that did not judge all of them."""
    return float(np.mean(trial["loss"])) if trial["state"] == "complete" else np.inf


def best_loss(trials: Sequence[Trial]) -> float:
    """Return the lowest mean loss of a complete trial, infinity where there is none."""
    return min(map(loss_of, trials), default=np.inf)


def spent_seconds(trials: Sequence[Trial]) -> float:
    """Return the time of all trials, those of an interrupted search included."""
    return float(sum(trial["seconds"] for trial in trials))


def why_it_ends(candidate: CandidateSpec, trials: Sequence[Trial]) -> str | None:
    """Return why no further trial begins, None while one does; the first trial always runs.

    It is a function of the trials alone, so a search that is taken up again ends where it would have ended.
    """
    if not trials:
        return None
    if candidate.most_trials is not None and len(trials) >= candidate.most_trials:
        return f"{len(trials)} of {candidate.most_trials} trials are done"
    if candidate.minutes is not None and spent_seconds(trials) >= candidate.minutes * MINUTE:
        return f"{candidate.minutes:g} min are spent"
    if len(trials) >= _GIVE_UP_AFTER and all(trial["state"] == "failed" for trial in trials):
        return f"the first {_GIVE_UP_AFTER} trials failed"
    patience = candidate.patience
    if patience is not None and len(trials) > patience and best_loss(trials) >= best_loss(trials[:-patience]):
        return f"{patience} trials in a row without a better one"
    return None


def is_hopeless(losses: Sequence[float], candidate: CandidateSpec, trials: Sequence[Trial]) -> bool:
    """Whether a trial is worse than the median of the complete ones on the same folds.

    Parameters
    ----------
    losses : sequence of float
        Of the trial, on the first folds.
    candidate : CandidateSpec
        Says whether and from when on trials are pruned.
    trials : sequence of Trial
        Those before it.

    References
    ----------
    Golovin et al. (2017), Google Vizier, section 3.2.1 (median stopping rule), here on means over the same folds.
    """
    complete = [trial["loss"] for trial in trials if trial["state"] == "complete"]
    if candidate.pruning == "none" or len(losses) < candidate.startup_folds or len(complete) < candidate.startup_trials:
        return False
    others = [np.mean(found[: len(losses)]) for found in complete]
    return bool(np.mean(losses) > np.median(others))


def progress(candidate: CandidateSpec, trials: Sequence[Trial]) -> str:
    """Return one line about the last trial: its place, its loss, the best so far, time taken and time to go."""
    last, most, best = trials[-1], candidate.most_trials, best_loss(trials)
    place = f"trial {last['number']}" + ("" if most is None else f" of {most}")
    if last["state"] == "failed":
        return f"{place} failed: {last['error']}"
    folds = "" if last["state"] == "complete" else f" after fold {len(last['loss'])}"
    to_go = _seconds_to_go(candidate, trials)
    return (
        f"{place} {last['state']}{folds}, loss {np.mean(last['loss']):.4f}, best so far {best:.4f}; "
        f"{last['seconds']:.1f} s, {spent_seconds(trials) / MINUTE:.1f} min so far, "
        f"at most {to_go / MINUTE:.1f} min to go"
    )


def _seconds_to_go(candidate: CandidateSpec, trials: Sequence[Trial]) -> float:
    """Return how long the rest takes at the pace so far; patience may end it sooner."""
    spent, limits = spent_seconds(trials), []
    if candidate.most_trials is not None:
        limits.append((candidate.most_trials - len(trials)) * spent / len(trials))
    if candidate.minutes is not None:
        limits.append(candidate.minutes * MINUTE - spent)
    return max(0.0, min(limits))


def data_digest(train: pd.DataFrame, spec: FeatureSpec) -> str:
    """Return the SHA-256 over what a trial reads of the table, in the order of its rows."""
    used = [*spec.names(), *_READ]
    rows = pd.util.hash_pandas_object(train[used], index=False).to_numpy(dtype=np.uint64)
    columns = json.dumps([(name, str(train[name].dtype)) for name in used])
    return hashlib.sha256(columns.encode() + rows.tobytes()).hexdigest()


def search_key(
    name: str,
    candidate: CandidateSpec,
    data: str,
    plan: SplitPlan,
    spec: FeatureSpec,
    run: RunSpec,
    question: BusinessQuestion,
) -> str:
    """Return the SHA-256 over all that a candidate's search depends on but the code."""
    facts = {
        "name": name,
        "candidate": candidate.model_dump(mode="json"),
        "data": data,
        "folds": [fold.model_dump(mode="json") for fold in plan.folds],
        "features": list(spec.names()),
        "value": question.value.model_dump(mode="json"),  # of a quantity it says which quantile is fitted
        "seed": run.seed,
        **({} if plan.half_life is None else {"half_life": plan.half_life.total_seconds()}),
        "threads": run.threads,  # another count may add up in another order
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
