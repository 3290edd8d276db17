"""Search every candidate over folds in time order; nothing is shuffled, nothing is judged on what it was fitted on."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.columns import Columns, row_count, take
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.leakage import LeakageEvidence
from model_lifecycle.contracts.modelling import CandidateSpec, ModellingSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import Fold, SplitPlan
from model_lifecycle.contracts.trials import NO_JOURNAL, Trial, TrialJournal, TrialRecord
from model_lifecycle.errors import ModelError
from model_lifecycle.features.folds import features_of, fold_rows, observed_rows, row_weights, training_rows
from model_lifecycle.features.tables import with_outputs
from model_lifecycle.models import Model, Parameters, load_family
from model_lifecycle.pipelines.modelling.nodes.feasibility import require_go, require_no_leak
from model_lifecycle.pipelines.modelling.nodes.tree_count import TreeCount, best_count, tree_count
from model_lifecycle.pipelines.modelling.nodes.trials import (
    Hopeless,
    TrialEngine,
    best_loss,
    data_digest,
    is_hopeless,
    loss_of,
    progress,
    search_key,
    why_it_ends,
)
from model_lifecycle.reporting.feasibility_evidence import FeasibilityEvidence
from model_lifecycle.tasks import Task, task_of

if TYPE_CHECKING:
    import optuna

_log = logging.getLogger(__name__)
FOLD = "fold"
_TIMED_ROWS = 25


class _Part(NamedTuple):
    """The rows of a fold that are fitted on and judged, and how much the former count."""

    fitted_on: np.ndarray
    judged: np.ndarray
    weight: np.ndarray | None

    @classmethod
    def of(cls, train: pd.DataFrame, fold: Fold, half_life: timedelta | None) -> Self:
        rows = training_rows(train, fold)
        return cls(rows, fold_rows(train, fold), row_weights(train, rows, fold, half_life))


def search_candidates(
    train: pd.DataFrame,
    plan: SplitPlan,
    modelling: ModellingSpec,
    spec: FeatureSpec,
    run: RunSpec,
    question: BusinessQuestion,
    feasibility: FeasibilityEvidence,
    leakage: LeakageEvidence,
    journal: TrialJournal = NO_JOURNAL,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[list[Trial], pd.DataFrame]:
    """Fit every trial of every candidate on each fold's past and predict the fold.

    Parameters
    ----------
    train, plan, modelling, spec, run
        What is searched, and how.
    feasibility, leakage
        Whether it may be.
    journal : TrialJournal
        Keeps the finished trials until the whole search is done; those of an interrupted one are not fitted again.
    clock : callable
        Seconds that only go forward.

    Returns
    -------
    trials : list of Trial
        All of them, pruned and failed ones included.
    out_of_fold : DataFrame
        One row a decision of a fold, in the order of ``train``: its number there is the index, ``fold``, and the raw
        output of each candidate's best trial (`with_outputs`).

    Raises
    ------
    GateBlocked
        If feasibility says no-go, or an input knows the outcome.
    ModelError
        If a fold has no observed outcome to judge by, or every trial of a candidate fails; one that fails is told
        and never chosen.
    """
    require_no_leak(leakage)
    require_go(feasibility)
    folds = [_Part.of(train, fold, plan.half_life) for fold in plan.folds]
    for number, (_, judged, _) in enumerate(folds):
        if not (judged & observed_rows(train)).any():
            raise ModelError(f"validation fold {number}: no observed outcome, expected some; move run.as_of")
    inside = np.any([judged for _, judged, _ in folds], axis=0)
    number = np.sum([index * judged for index, (_, judged, _) in enumerate(folds)], axis=0)
    out_of_fold = pd.DataFrame({FOLD: number[inside]}, index=np.flatnonzero(inside))
    trials: list[Trial] = []
    counting = {name: tree_count(name, candidate) for name, candidate in modelling.candidates.items()}
    data = data_digest(train, spec)
    try:
        for name, candidate in modelling.candidates.items():
            count = counting[name]
            engine = _InProcess(name, candidate.family, count, train, folds, spec, run, task_of(question))
            key = search_key(name, candidate, data, plan, spec, run, question)
            chosen = None if count is None else count.family.trees
            tried, predictions = _search_one(name, candidate, engine, run.seed, journal, key, clock, chosen)
            trials += tried
            out_of_fold = with_outputs(out_of_fold, name, predictions)
    except ModelError:
        journal.clear()  # it has come to its end, too
        raise
    journal.clear()
    return trials, out_of_fold


def _search_one(
    name: str,
    candidate: CandidateSpec,
    engine: TrialEngine,
    seed: int,
    journal: TrialJournal,
    key: str,
    clock: Callable[[], float],
    chosen: str | None,
) -> tuple[list[Trial], np.ndarray]:
    """Return all trials of one candidate and the best one's predictions for the rows of the folds.

    Trials of the journal go through the sampler like those that are run, so the next one is asked for in the same
    state as if there had been no interrupt. The parameter ``chosen`` is the engine's to set.
    """
    study = _new_study(candidate, seed)
    trials: list[Trial] = []
    kept = np.empty(0)
    known = journal.read(key)
    if known:
        _log.info("%s: %d trials of an interrupted search are taken over", name, len(known))
    while (end := why_it_ends(candidate, trials)) is None:
        began, number, best = clock(), len(trials) + 1, best_loss(trials)
        asked = study.ask()
        parameters = {**candidate.parameters, **_suggest(asked, candidate)}
        record = known.get(number)
        if fresh := record is None or not _fits(record, parameters, best, chosen):
            known = {}
            record = engine(number, parameters, partial(is_hopeless, candidate=candidate, trials=tuple(trials)))
            record.trial["seconds"] = clock() - began
            journal.append(key, record if loss_of(record.trial) < best else TrialRecord(record.trial))
        trials.append(record.trial)
        _tell(study, asked, record.trial)
        if loss_of(record.trial) < best and record.predictions is not None:
            kept = record.predictions
        if fresh:
            failed = record.trial["state"] == "failed"
            _log.log(logging.WARNING if failed else logging.INFO, "%s: %s", name, progress(candidate, trials))
    if not np.isfinite(best_loss(trials)):
        raise ModelError(f"{name}: all {len(trials)} trials failed, the last one: {trials[-1]['error']}")
    _log.info("%s: %s, best loss %.4f", name, end, best_loss(trials))
    return trials, kept


def _new_study(candidate: CandidateSpec, seed: int) -> "optuna.Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    start = {key: value for key, value in candidate.parameters.items() if key in candidate.search}
    if start:
        study.enqueue_trial(start)
    return study


def _fits(record: TrialRecord, parameters: Mapping[str, object], best: float, chosen: str | None) -> bool:
    """Whether a trial of the journal is the one that is asked for, with predictions if it is the best so far."""
    needed, found = loss_of(record.trial) < best, record.trial["parameters"]
    same = all(found.get(key) == parameters.get(key) for key in found.keys() | parameters.keys() if key != chosen)
    return same and (record.predictions is not None or not needed)


def _tell(study: "optuna.Study", asked: "optuna.Trial", trial: Trial) -> None:
    from optuna.trial import TrialState

    for step in range(len(trial["loss"])):
        asked.report(float(np.mean(trial["loss"][: step + 1])), step)
    if trial["state"] == "complete":
        study.tell(asked, loss_of(trial))
    else:
        study.tell(asked, state=TrialState.PRUNED if trial["state"] == "pruned" else TrialState.FAIL)


@dataclass(frozen=True)
class _InProcess:
    """Runs trials of one candidate here, one after the other."""

    name: str
    family: str
    count: TreeCount | None
    train: pd.DataFrame
    folds: list[_Part]
    spec: FeatureSpec
    run: RunSpec
    task: Task

    def __call__(self, number: int, parameters: Parameters, hopeless: Hopeless) -> TrialRecord:
        trial: Trial = {
            "candidate": self.name,
            "number": number,
            "state": "failed",
            "parameters": dict(parameters),
            "loss": [],
            "seconds": 0.0,
        }
        try:
            if self.count is not None:
                number_of_trees = best_count(
                    self.count,
                    parameters,
                    self.train,
                    self.folds,
                    self.spec,
                    self.run,
                    self.task.objective,
                )
                trial["parameters"][self.count.family.trees] = number_of_trees
            losses, predictions, model = _try(
                self.family, trial["parameters"], self.train, self.folds, self.spec, self.run, self.task, hopeless
            )
            if not np.isfinite(losses).all():
                raise ModelError(f"{self.family}: losses {losses}, expected finite ones")
        except ModelError as error:
            return TrialRecord({**trial, "error": str(error)})
        judged = features_of(self.train, self.spec, self.folds[len(losses) - 1][1])
        trial |= {
            "state": "complete" if len(losses) == len(self.folds) else "pruned",
            "loss": losses,
            "one_row_microseconds": _one_row_microseconds(model, judged),
            "size_bytes": sum(len(content) for content in model.to_files().values()),
        }
        return TrialRecord(trial, predictions[np.any([rows for _, rows, _ in self.folds], axis=0)])


def _suggest(asked: "optuna.Trial", candidate: CandidateSpec) -> Mapping[str, float | int]:
    found: dict[str, float | int] = {}
    for key, (low, high) in candidate.search.items():
        log = key in candidate.log_scale
        if isinstance(low, int) and isinstance(high, int):
            found[key] = asked.suggest_int(key, low, high, log=log)
        else:
            found[key] = asked.suggest_float(key, low, high, log=log)
    return found


def _try(
    family: str,
    parameters: Parameters,
    train: pd.DataFrame,
    folds: list[_Part],
    spec: FeatureSpec,
    run: RunSpec,
    task: Task,
    hopeless: Hopeless,
) -> tuple[list[float], np.ndarray, Model]:
    """Return the loss on each fold's observed rows, raw outputs for all of its rows, and the last fold's model.

    A hopeless trial has no more than its first folds.
    """
    target, observed = train[model_input.TARGET].to_numpy(), observed_rows(train)
    losses, predictions = [], np.empty(0)
    for fitted_on, judged, weight in folds:
        model = load_family(family).fit(
            features_of(train, spec, fitted_on),
            target[fitted_on],
            parameters,
            run.seed,
            run.threads,
            task.objective,
            weight,
        )
        found = model.predict(features_of(train, spec, judged))
        if not predictions.size:
            predictions = np.full((len(train), *found.shape[1:]), np.nan)
        predictions[judged] = found
        known = judged & observed
        losses.append(float(task.raw_losses(target[known], predictions[known]).mean()))
        if len(losses) < len(folds) and hopeless(losses):
            break
    return losses, predictions, model


def _one_row_microseconds(model: Model, features: Columns) -> float:
    """Return the median processor time of a prediction for a single row: what else the machine does is not counted."""
    seconds = []
    for place in np.linspace(0, row_count(features) - 1, _TIMED_ROWS).astype(np.int64):
        row = take(features, np.array([place]))
        began = time.process_time()
        model.predict(row)
        seconds.append(time.process_time() - began)
    return float(np.median(seconds)) * 1e6
