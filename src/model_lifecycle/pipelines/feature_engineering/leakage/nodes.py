"""The leakage gate: everything that is an input, held against the outcome before any model is fitted."""

import logging

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.columns import Columns, take
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.leakage import ExemptFinding, Finding, LeakageEvidence, LeakageLimits
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.features.tables import to_columns
from model_lifecycle.pipelines.feature_engineering.leakage.encoding import target_encodings
from model_lifecycle.pipelines.feature_engineering.leakage.evidence import Trial, sampled
from model_lifecycle.pipelines.feature_engineering.leakage.identity import rows_in_both, telling_ids
from model_lifecycle.pipelines.feature_engineering.leakage.knowledge import (
    absence_without_outcome,
    known_too_late,
    telling_absence,
    telling_values,
)
from model_lifecycle.pipelines.feature_engineering.leakage.reproduction import (
    telling_columns,
    telling_pairs,
    telling_sums,
)
from model_lifecycle.tasks import task_of

_log = logging.getLogger(__name__)
_EARLIER = 0.7  # share of the training window from which the rest is predicted


def find_leaks(
    decisions: pd.DataFrame,
    primary: pd.DataFrame,
    train: pd.DataFrame,
    spec: FeatureSpec,
    contracts: TableContracts,
    plan: SplitPlan,
    question: BusinessQuestion,
    limits: LeakageLimits,
) -> LeakageEvidence:
    """Look for inputs that know the outcome.

    Columns, pairs, sums and ids learn from the earlier part of the training window and are judged on its later part.
    Only two checks look further, and only for traces of it among the inputs: for the test window's rows among the
    training rows, and for category means that were fitted on all decisions there are.

    Returns
    -------
    LeakageEvidence
        What blocks, what a person has exempted and why, and what is merely worth knowing.
    """
    declared = contracts.table("primary_table").columns
    raw = to_columns(primary[list(dict.fromkeys([*spec.inputs(), *_known_at(spec, contracts)]))])
    decided = to_columns(primary[[question.decision_time]])[question.decision_time]
    task = task_of(question)
    outcome = task.encode(to_columns(primary[[question.target]])[question.target])
    is_train = (primary[question.decision_time] < pd.Timestamp(plan.test.start)).to_numpy(dtype=bool)
    inputs = {name: raw[name] for name in spec.inputs() if raw[name].dtype.kind != "M"}
    parts = _parts(train, take(inputs, is_train), spec, limits)
    trials = [Trial(*parts[0], *parts[1], limits)]
    if question.task == "multiclass":  # each class against the rest
        trials = [_of_class(parts, number, limits) for number in np.unique(parts[0][1])]
    found, checks = _telling(trials)
    found += known_too_late(spec.inputs(), declared, raw, decided)
    found += _in_both(inputs, outcome, primary[question.decision_id].to_numpy(), is_train, limits)
    every = to_columns(decisions[[*inputs, question.target]])
    before = (decisions[question.label_time] < pd.Timestamp(plan.test.start)).to_numpy(dtype=bool)
    known = is_train & np.isfinite(outcome)
    seen, notes = take(inputs, known), list[Finding]()
    for later, label in zip(
        _indicators(question, task.encode(every[question.target])), _indicators(question, outcome), strict=True
    ):
        found += target_encodings({name: every[name] for name in inputs}, later, before)
        if question.task != "regression":
            found += telling_absence(seen, label[known], limits)
            notes += telling_values(seen, label[known], declared, limits)
    told = {name for one in found for name in one["columns"]}
    notes = [one for one in notes if told.isdisjoint(one["columns"])]
    unavailable = (primary[question.outcome] == model_input.UNAVAILABLE).to_numpy(dtype=bool)
    checks |= {"rows": len(primary), "inputs": len(inputs), "rows of other times": len(decisions)}
    return _evidence(found, [*notes, *absence_without_outcome(inputs, unavailable)], checks, limits)


def _known_at(spec: FeatureSpec, contracts: TableContracts) -> list[str]:
    columns = contracts.table("primary_table").columns
    return [columns[name].known_at for name in spec.inputs() if name in columns and columns[name].known_at]  # type: ignore[misc]


def _indicators(question: BusinessQuestion, target: np.ndarray) -> list[np.ndarray]:
    """Return the target, or for each class where it happened; NaN where there is no outcome."""
    if question.task != "multiclass":
        return [target]
    classes = range(task_of(question).objective.classes)
    return [np.where(np.isnan(target), np.nan, (target == number).astype(np.float64)) for number in classes]


def _parts(
    train: pd.DataFrame, raw: Columns, spec: FeatureSpec, limits: LeakageLimits
) -> list[tuple[Columns, np.ndarray]]:
    """Part the training window's rows with an outcome into earlier and later ones."""
    observed = (train[model_input.OUTCOME] == model_input.OBSERVED).to_numpy(dtype=bool)
    order = np.argsort(train[model_input.DECISION_TIME].to_numpy(), kind="stable")
    order = order[observed[order]]
    columns = {**raw, **to_columns(train[list(spec.names())])}
    target = train[model_input.TARGET].to_numpy(dtype=np.float64)
    cut = int(len(order) * _EARLIER)
    return [sampled(take(columns, rows), target[rows], limits.sample_rows) for rows in (order[:cut], order[cut:])]


def _of_class(parts: list[tuple[Columns, np.ndarray]], number: float, limits: LeakageLimits) -> Trial:
    """Return a trial of one class against the rest."""
    (earlier, happened), (later, happens) = parts
    return Trial(
        earlier, (happened == number).astype(np.float64), later, (happens == number).astype(np.float64), limits
    )


def _telling(trials: list[Trial]) -> tuple[list[Finding], dict[str, int]]:
    """Return what any of the trials finds, each set of columns once by each check, and how much was tried in all."""
    found: dict[tuple[str, tuple[str, ...]], Finding] = {}
    checks = {"columns": 0, "pairs": 0, "columns in a sum": 0}
    for trial in trials:
        leaks, tried = _tell(trial)
        for one in leaks:
            found.setdefault((one["check"], tuple(one["columns"])), one)
        checks = {name: count + tried[name] for name, count in checks.items()}
    return list(found.values()), checks


def _tell(trial: Trial) -> tuple[list[Finding], dict[str, int]]:
    checks = {"columns": len(trial.earlier), "pairs": 0, "columns in a sum": 0}
    if not len(trial.earlier_target) or not len(trial.later_target):
        return [], checks
    found = telling_columns(trial)
    told = {name for one in found for name in one["columns"]}
    found += telling_ids(trial, told)
    told = {name for one in found for name in one["columns"]}
    pairs, checks["pairs"] = telling_pairs(trial, told)
    told |= {name for one in pairs for name in one["columns"]}
    sums, checks["columns in a sum"] = telling_sums(trial, told)
    return [*found, *pairs, *sums], checks


def _in_both(
    inputs: Columns, outcome: np.ndarray, ids: np.ndarray, is_train: np.ndarray, limits: LeakageLimits
) -> list[Finding]:
    content = {**inputs, " outcome": outcome}
    known = np.isfinite(outcome)
    return rows_in_both(
        take(content, is_train & known), take(content, ~is_train & known), ids[is_train], ids[~is_train], limits
    )


def _evidence(
    found: list[Finding], notes: list[Finding], checks: dict[str, int], limits: LeakageLimits
) -> LeakageEvidence:
    leaks: list[Finding] = []
    exempt: list[ExemptFinding] = []
    for one in found:
        reasons = [limits.exempt[name] for name in one["columns"] if name in limits.exempt]
        if reasons and len(reasons) == len(one["columns"]):
            exempt.append(ExemptFinding(**one, reason="; ".join(reasons)))
        else:
            leaks.append(one)
    if leaks:
        told = "".join(f"\n  {leak['check']}: {leak['message']}" for leak in leaks)
        _log.warning("leakage: %d findings stop the search for a model:%s", len(leaks), told)
    return LeakageEvidence(passed=not leaks, leaks=leaks, exempt=exempt, notes=notes, checks=checks)
