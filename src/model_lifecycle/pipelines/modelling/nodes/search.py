"""Search every candidate over folds in time order; nothing is shuffled, nothing is judged on what it was fitted on."""

import logging
import time
from collections.abc import Mapping
from typing import TypedDict

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.columns import Columns, row_count, take
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.leakage import LeakageEvidence
from model_lifecycle.contracts.modelling import CandidateSpec, ModellingSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.errors import ModelError
from model_lifecycle.features.folds import features_of, fold_rows, observed_rows, training_rows
from model_lifecycle.features.tables import with_outputs
from model_lifecycle.models import Model, Parameters, load_family
from model_lifecycle.pipelines.modelling.nodes.feasibility import require_go, require_no_leak
from model_lifecycle.reporting.evidence import FeasibilityEvidence
from model_lifecycle.tasks import Task, task_of

_log = logging.getLogger(__name__)
FOLD = "fold"
_TIMED_ROWS = 25


class Trial(TypedDict):
    """One set of parameters, its raw loss on every fold, and what the last fold's model costs."""

    candidate: str
    parameters: dict[str, float | int | str | bool]
    loss: list[float]
    seconds: float
    one_row_microseconds: float
    size_bytes: int


def search_candidates(
    train: pd.DataFrame,
    plan: SplitPlan,
    modelling: ModellingSpec,
    spec: FeatureSpec,
    run: RunSpec,
    question: BusinessQuestion,
    feasibility: FeasibilityEvidence,
    leakage: LeakageEvidence,
) -> tuple[list[Trial], pd.DataFrame]:
    """Fit every trial of every candidate on each fold's past and predict the fold.

    Returns
    -------
    trials : list of Trial
        All of them.
    out_of_fold : DataFrame
        One row a decision of a fold, in the order of ``train``: its number there is the index, ``fold``, and the raw
        output of each candidate's best trial (`with_outputs`).

    Raises
    ------
    GateBlocked
        If feasibility says no-go, or an input knows the outcome.
    ModelError
        If a fold has no observed outcome to judge by, or every trial of a candidate fails; one that fails is told
        and left out.
    """
    require_no_leak(leakage)
    require_go(feasibility)
    folds = [(training_rows(train, fold), fold_rows(train, fold)) for fold in plan.folds]
    for number, (_, judged) in enumerate(folds):
        if not (judged & observed_rows(train)).any():
            raise ModelError(f"validation fold {number}: no observed outcome, expected some; move run.as_of")
    inside = np.any([judged for _, judged in folds], axis=0)
    number = np.sum([index * judged for index, (_, judged) in enumerate(folds)], axis=0)
    out_of_fold = pd.DataFrame({FOLD: number[inside]}, index=np.flatnonzero(inside))
    trials: list[Trial] = []
    for name, candidate in modelling.candidates.items():
        tried, predictions = _search_one(name, candidate, train, folds, spec, run, task_of(question))
        trials += tried
        out_of_fold = with_outputs(out_of_fold, name, predictions[inside])
    return trials, out_of_fold


def _search_one(
    name: str,
    candidate: CandidateSpec,
    train: pd.DataFrame,
    folds: list[tuple[np.ndarray, np.ndarray]],
    spec: FeatureSpec,
    run: RunSpec,
    task: Task,
) -> tuple[list[Trial], np.ndarray]:
    """Return all trials of one candidate and the best one's predictions, NaN outside the folds."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=run.seed))
    start = {key: value for key, value in candidate.parameters.items() if key in candidate.search}
    if start:
        study.enqueue_trial(start)
    trials: list[Trial] = []
    best, kept = np.inf, np.empty(0)
    refused: list[str] = []
    for number in range(1, candidate.trials + 1):
        asked = study.ask()
        parameters = {**candidate.parameters, **_suggest(asked, candidate)}
        began = time.perf_counter()
        try:
            losses, predictions, model = _try(candidate.family, parameters, train, folds, spec, run, task)
        except ModelError as error:
            refused.append(str(error))
            study.tell(asked, state=optuna.trial.TrialState.FAIL)
            _log.warning("%s: trial %d of %d failed: %s", name, number, candidate.trials, error)
            continue
        seconds = time.perf_counter() - began
        study.tell(asked, float(np.mean(losses)))
        trials.append(
            {
                "candidate": name,
                "parameters": parameters,
                "loss": losses,
                "seconds": seconds,
                "one_row_microseconds": _one_row_microseconds(model, features_of(train, spec, folds[-1][1])),
                "size_bytes": sum(len(content) for content in model.to_files().values()),
            }
        )
        if np.mean(losses) < best:
            best, kept = float(np.mean(losses)), predictions
        _log.info(
            "%s: trial %d of %d, %s %.4f, best so far %.4f, %.0f s",
            name, number, candidate.trials, task.loss, np.mean(losses), best, seconds,
        )  # fmt: skip
    if not trials:
        raise ModelError(f"{name}: all {candidate.trials} trials failed, the last one: {refused[-1]}")
    return trials, kept


def _suggest(asked: "optuna.Trial", candidate: CandidateSpec) -> Mapping[str, float | int]:  # type: ignore[name-defined]  # noqa: F821
    found: dict[str, float | int] = {}
    for key, (low, high) in candidate.search.items():
        log = key in candidate.log_scale
        whole = isinstance(low, int) and isinstance(high, int)
        found[key] = (
            asked.suggest_int(key, low, high, log=log) if whole else asked.suggest_float(key, low, high, log=log)
        )
    return found


def _try(
    family: str,
    parameters: Parameters,
    train: pd.DataFrame,
    folds: list[tuple[np.ndarray, np.ndarray]],
    spec: FeatureSpec,
    run: RunSpec,
    task: Task,
) -> tuple[list[float], np.ndarray, Model]:
    """Return the loss on each fold's observed rows, raw outputs for all of its rows, and the last fold's model."""
    target, observed = train[model_input.TARGET].to_numpy(), observed_rows(train)
    losses, predictions = [], np.empty(0)
    for fitted_on, judged in folds:
        model = load_family(family).fit(
            features_of(train, spec, fitted_on), target[fitted_on], parameters, run.seed, run.threads, task.objective
        )
        found = model.predict(features_of(train, spec, judged))
        if not predictions.size:
            predictions = np.full((len(train), *found.shape[1:]), np.nan)
        predictions[judged] = found
        known = judged & observed
        losses.append(float(task.raw_losses(target[known], predictions[known]).mean()))
    return losses, predictions, model


def _one_row_microseconds(model: Model, features: Columns) -> float:
    """Return the median time of a prediction for a single row."""
    seconds = []
    for place in np.linspace(0, row_count(features) - 1, _TIMED_ROWS).astype(np.int64):
        row = take(features, np.array([place]))
        began = time.perf_counter()
        model.predict(row)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds)) * 1e6
