"""Walk every policy over the history and tell what each earned."""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from model_lifecycle.backtest.evidence import gather
from model_lifecycle.backtest.ledger import keep_ledger
from model_lifecycle.backtest.memo import Memo
from model_lifecycle.backtest.production import Live, Release
from model_lifecycle.backtest.progress import Progress
from model_lifecycle.backtest.schedule import Schedule, plan_schedule
from model_lifecycle.backtest.walk import Rules, retrains_for_drift, walk
from model_lifecycle.backtest.watch import Watch
from model_lifecycle.contracts.backtest import BacktestSpec, TriedPolicy
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.leakage import LeakageEvidence
from model_lifecycle.contracts.model_input import OBSERVED, UNAVAILABLE
from model_lifecycle.contracts.modelling import ModellingSpec, SplitSpec
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.errors import ConfigurationError, LifecycleError
from model_lifecycle.features.folds import age_when_made
from model_lifecycle.pipelines.backtest.nodes.memoised import Memoised
from model_lifecycle.pipelines.backtest.nodes.stages import Project, lacking
from model_lifecycle.pipelines.modelling.nodes.choice import Choices
from model_lifecycle.reporting.backtest_evidence import BacktestEvidence
from model_lifecycle.tasks import task_of


def comparer(case: str) -> Callable[..., BacktestEvidence]:
    """Return the node that tries the policies of that case."""

    def compare_policies(
        *,
        decisions: pd.DataFrame,
        events: pd.DataFrame,
        choices: Choices,
        leakage: LeakageEvidence,
        question: BusinessQuestion,
        features: FeatureSpec,
        contracts: TableContracts,
        split: SplitSpec,
        run: RunSpec,
        modelling: ModellingSpec,
        gates: GateLimits,
        monitoring: MonitoringSpec,
        policy: PolicySpec,
        backtest: BacktestSpec,
        memo: Memo,
    ) -> BacktestEvidence:
        """Walk every policy from the same first release over the same decisions.

        Raises
        ------
        ConfigurationError
            If the history is too short, or the first release cannot be made.
        """
        project = Project(
            case, decisions, events, choices, leakage, question, features, contracts, split, run, modelling, gates,
            monitoring, backtest.training_rows,
            explained=any(retrains_for_drift(one, policy) for one in backtest.tried().values()),
        )  # fmt: skip
        schedule = plan_schedule(project.times(), backtest, split, lambda moment: lacking(project, moment))
        rows = settled_rows(decisions, question, schedule)
        return try_policies(project, policy, backtest, schedule, rows, memo)

    return compare_policies


def try_policies(
    project: Project,
    policy: PolicySpec,
    backtest: BacktestSpec,
    schedule: Schedule,
    rows: pd.DataFrame,
    memo: Memo,
    clock: Callable[[], float] = time.perf_counter,
) -> BacktestEvidence:
    """Walk, count and compare."""
    question, task = project.question, task_of(project.question)
    live = live_decisions(rows, question)
    tried = {name: one.under(policy) for name, one in backtest.tried().items()}
    progress = Progress(tried, schedule, clock)
    production = Memoised(project, live, rows, memo, progress.had, clock)
    youngest = age_when_made(schedule.start, project.split, refit=policy.refit)
    watch = Watch(live, production, task, project.monitoring, project.split.label_delay, youngest)
    first = _first_release(production, schedule)
    rules = Rules(schedule, project.monitoring, policy)
    walks, ledgers = {}, {}
    for name, found in tried.items():
        progress.begins(name)
        walks[name] = walk(found, first, rules, production, watch)
        ledgers[name] = keep_ledger(walks[name], live, production, task)
        progress.ends(name, walks[name])
    memo.forget_others()
    return gather(project.case, question, backtest, schedule, live, walks, ledgers, project.gates)


def _first_release(production: Memoised, schedule: Schedule) -> Release:
    """Train what every policy begins with.

    Raises
    ------
    ConfigurationError
        If it cannot be made, saying as of when and what to do.
    """
    try:
        return production.train(schedule.start, TriedPolicy(trigger="never"))
    except LifecycleError as error:
        raise ConfigurationError(
            f"backtest: the first release, as of {schedule.start.isoformat()}, cannot be trained: {error}; give "
            "another backtest.start or more history"
        ) from error


def settled_rows(decisions: pd.DataFrame, question: BusinessQuestion, schedule: Schedule) -> pd.DataFrame:
    """Return the decisions that count, in the order of time: those whose outcome is known by the end of the history.

    Raises
    ------
    ConfigurationError
        If there is none.
    """
    times, labelled = decisions[question.decision_time], decisions[question.label_time]
    settled = decisions[question.outcome].isin([OBSERVED, UNAVAILABLE]) & labelled.notna()
    rows = decisions[settled & (times >= schedule.start) & (times < schedule.end)]
    if rows.empty:
        raise ConfigurationError(
            f"backtest: no decision with an outcome between {schedule.start.isoformat()} and "
            f"{schedule.end.isoformat()}; expected some"
        )
    return rows.sort_values(question.decision_time, kind="stable").reset_index(drop=True)


def live_decisions(rows: pd.DataFrame, question: BusinessQuestion) -> Live:
    """Return the decisions as policies see them."""
    times, labelled = (
        rows[name].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
        for name in (question.decision_time, question.label_time)
    )
    unavailable = (rows[question.outcome] == UNAVAILABLE).to_numpy(dtype=bool)
    target = task_of(question).encode(rows[question.target].to_numpy())
    return Live(times, labelled, np.where(unavailable, np.nan, target), unavailable)
