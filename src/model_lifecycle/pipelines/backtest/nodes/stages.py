"""One retraining as of a moment, through the very nodes of production; hyper-parameters frozen, no service booted."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from model_lifecycle.backtest.schedule import split_at
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.leakage import LeakageEvidence
from model_lifecycle.contracts.model_input import OBSERVED
from model_lifecycle.contracts.modelling import CandidateSpec, ModellingSpec, SplitSpec
from model_lifecycle.contracts.policy import MonitoringSpec, TrainingWindow
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.errors import LifecycleError
from model_lifecycle.features.history import History
from model_lifecycle.features.tables import events_by_kind, to_columns
from model_lifecycle.features.transform import FeatureState
from model_lifecycle.pipelines.data_engineering.nodes.primary import as_known, known_events
from model_lifecycle.pipelines.evaluation.nodes.evidence import Verdict, evaluate
from model_lifecycle.pipelines.evaluation.nodes.scores import score_test, with_champion
from model_lifecycle.pipelines.feature_engineering.nodes import fit_state, make_model_input, plan_split
from model_lifecycle.pipelines.modelling.nodes.choice import Choices, choose
from model_lifecycle.pipelines.modelling.nodes.feasibility import assessor, enough_outcomes
from model_lifecycle.pipelines.modelling.nodes.fit import fit_all
from model_lifecycle.pipelines.modelling.nodes.search import search_candidates
from model_lifecycle.reporting.evidence import LeaderboardRow
from model_lifecycle.scoring import Scorer
from model_lifecycle.tasks import task_of


@dataclass(frozen=True)
class Project:
    """All that a retraining is made of besides its moment and its window.

    Attributes
    ----------
    decisions, events : DataFrame
        All that the sources hold, whenever it became known.
    choices : Choices
        Of the last run: which candidate is the challenger, and everyone's parameters.
    training_rows : int, optional
        Train on every n-th row, so many at the most.
    explained : bool
        Releases know what each feature counts, for a policy that retrains for the drift of those that matter.
    """

    case: str
    decisions: pd.DataFrame
    events: pd.DataFrame
    choices: Choices
    leakage: LeakageEvidence
    question: BusinessQuestion
    features: FeatureSpec
    contracts: TableContracts
    split: SplitSpec
    run: RunSpec
    modelling: ModellingSpec
    gates: GateLimits
    monitoring: MonitoringSpec
    training_rows: int | None = None
    explained: bool = False

    def times(self) -> pd.Series:
        """Return the decision times."""
        return self.decisions[self.question.decision_time]

    def frozen(self) -> ModellingSpec:
        """Return the challenger and the baselines with the parameters that were found; nothing is searched."""
        kept = {
            name: CandidateSpec(family=found.family, role=found.role, parameters=found.parameters)
            for name, found in self.choices.candidates.items()
            if found.role == "baseline" or name == self.choices.challenger
        }
        return ModellingSpec(candidates=kept, calibrations=self.modelling.calibrations, one_standard_error=False)


@dataclass(frozen=True)
class Known:
    """What may be seen at a moment, parted for training and test."""

    run: RunSpec
    primary: pd.DataFrame
    events: pd.DataFrame
    plan: SplitPlan
    state: FeatureState
    train: pd.DataFrame
    test: pd.DataFrame


@dataclass(frozen=True)
class Trained:
    """A retraining before the gates: the challenger, what it was chosen by, everyone's answers on the test window."""

    challenger: Scorer
    choices: Choices
    leaderboard: list[LeaderboardRow]
    plan: SplitPlan
    scores: pd.DataFrame


def look(project: Project, as_of: datetime, window: TrainingWindow) -> Known:
    """Go from what was known at a moment to model inputs.

    Raises
    ------
    LifecycleError
        If there is too little of it.
    """
    run, primary, plan = _parted(project, as_of, window)
    events = known_events(project.events, project.features, run)
    state = fit_state(primary, events, project.features, plan, project.question)
    rows = _thinned(primary, plan, project)
    train, test = make_model_input(rows, events, project.features, state, plan, project.question)
    return Known(run, primary, events, plan, state, train, test)


def lacking(project: Project, as_of: datetime) -> str:
    """Say what the outcomes known at a moment lack for a first release to be trained; nothing where they suffice."""
    question, task = project.question, task_of(project.question)
    try:
        _, primary, plan = _parted(project, as_of, TrainingWindow())
    except LifecycleError as error:  # no decision in one of the periods
        return str(error)
    rows = _thinned(primary, plan, project)
    before = rows[question.decision_time] < pd.Timestamp(plan.test.start)
    observed = rows.loc[before & (rows[question.outcome] == OBSERVED), question.target]
    found = enough_outcomes(task, task.encode(observed.to_numpy()), question)
    if found["passed"]:
        return ""
    all_rows = _thinned(primary, plan, replace(project, training_rows=None))
    thinned = f" with backtest.training_rows: {project.training_rows}" if len(rows) < len(all_rows) else ""
    return found["reason"] + thinned


def _parted(project: Project, as_of: datetime, window: TrainingWindow) -> tuple[RunSpec, pd.DataFrame, SplitPlan]:
    """Return the run of a moment, the decisions as they are known then, and where training and test part."""
    run = project.run.model_copy(update={"as_of": as_of})
    primary = as_known(project.decisions, project.question, run)
    split = split_at(project.split, as_of, project.times(), window)
    return run, primary, plan_split(primary, split, run, project.question)


def _thinned(primary: pd.DataFrame, plan: SplitPlan, project: Project) -> pd.DataFrame:
    """Leave out the rows that no window trains on, and of the others before the test all but every n-th."""
    times = primary[project.question.decision_time]
    inside = times >= pd.Timestamp(min(fold.train_start for fold in (*plan.folds, plan.test)))
    trained_on = inside & (times < pd.Timestamp(plan.test.start))
    if project.training_rows is not None:
        every = -(-int(trained_on.sum()) // project.training_rows)
        trained_on &= trained_on.cumsum() % max(every, 1) == 0
    return primary[trained_on | (times >= pd.Timestamp(plan.test.start))].reset_index(drop=True)


def train(project: Project, known: Known) -> Trained:
    """Choose calibration and threshold on the folds, fit on everything before the test window, answer the test.

    Raises
    ------
    LifecycleError
        If feasibility says no-go, an input knows the outcome, or a fold has no outcome.
    """
    question, spec, plan = project.question, project.features, known.plan
    modelling = project.frozen()
    feasibility = assessor(project.case)(known.train, known.test, question, plan, project.gates, project.monitoring)
    trials, out_of_fold = search_candidates(
        known.train, plan, modelling, spec, known.run, question, feasibility, project.leakage
    )
    choices, leaderboard = choose(trials, out_of_fold, known.train, modelling, question)
    fitted = _fit(project, known, choices, plan, known.train)
    scores = score_test(fitted, known.test, None, known.primary, known.events, plan, spec, question)
    return Trained(fitted[choices.challenger], choices, leaderboard, plan, scores)


def refit(project: Project, known: Known, choices: Choices) -> Scorer:
    """Fit the challenger on everything that is labelled by now, the tested rows too, as it was chosen."""
    end = known.run.as_of
    plan = known.plan.model_copy(update={"test": known.plan.test.retrained_at(end)})
    rows = pd.concat([known.train, known.test], ignore_index=True)
    return _fit(project, known, choices.only_challenger(), plan, rows)[choices.challenger]


def _fit(project: Project, known: Known, choices: Choices, plan: SplitPlan, rows: pd.DataFrame) -> dict[str, Scorer]:
    spec, question = project.features, project.question
    return fit_all(project.case, rows, choices, plan, spec, known.state, question, project.contracts, known.run)


def judge(project: Project, trained: Trained, champion: "Champion") -> Verdict:
    """Hold the challenger against every gate of production, on rows that neither it nor the champion was trained on.

    That a second fit gives the same bytes is for production to show; here nothing is fitted twice.
    """
    run = project.run.model_copy(update={"as_of": trained.plan.as_of})
    question, plan = project.question, trained.plan
    primary, events = as_known(project.decisions, question, run), known_events(project.events, project.features, run)
    scores = with_champion(trained.scores, champion, primary, events, plan, question)
    files = trained.challenger.model.to_files()
    same = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    _, verdict = evaluate(
        scores, trained.challenger, trained.leaderboard, question, project.gates, plan, champion, same, only_judged=True
    )
    return verdict


@dataclass(frozen=True)
class Champion:
    """The release in production, as the evaluation takes it."""

    scorer: Scorer


def live_inputs(project: Project, rows: pd.DataFrame, until: datetime) -> tuple[Columns, History]:
    """Return the raw inputs of decisions, and the events of which each sees those known at its own moment."""
    run = project.run.model_copy(update={"as_of": until})
    known = known_events(project.events, project.features, run)
    history = History.build(project.features, events_by_kind(known, project.features))
    names = dict.fromkeys((project.question.decision_time, *project.features.inputs()))
    return to_columns(rows[list(names)]), history
