"""From the prediction log to verdicts, alerts and the policy's decision."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

import pandas as pd

from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.contracts.records import AlertRecord, EventRecord, MetricsSnapshot
from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.errors import RegistryError
from model_lifecycle.monitoring.alerts import Judgement, judge_alerts
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.judge import Rules, judge_windows, lookback, with_error_stream, with_shadows
from model_lifecycle.monitoring.operations import judge_operations
from model_lifecycle.monitoring.replay import Replay, reach, replay
from model_lifecycle.monitoring.season import season_of, with_season
from model_lifecycle.monitoring.verdict import MonitoringReport
from model_lifecycle.monitoring.windows import resolve_until
from model_lifecycle.scoring import Scorer
from model_lifecycle.tasks import task_of

_PRIMARY = "primary_table"
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)  # of fewer decisions than the windows hold, all are read
_LAST = datetime(9999, 1, 1, tzinfo=UTC)  # without an `until` every label counts


class PredictionReader(Protocol):
    """What the prediction log is to a node."""

    def newest(self) -> datetime | None:
        """Return the latest decision time, None without predictions."""

    def start_of(self, end: datetime, rows: int) -> datetime | None:
        """Return the time of the decision that is so many before ``end``, None where there are fewer."""

    def read(self, start: datetime, end: datetime, as_of: datetime) -> pd.DataFrame:
        """Return the predictions of a window with the labels known at ``as_of``."""

    def observed_outcomes(self, start: datetime, end: datetime, as_of: datetime) -> int:
        """Return how many decisions of a window had an observed outcome at ``as_of``."""

    def read_shadows(self, start: datetime, end: datetime, as_of: datetime) -> pd.DataFrame:
        """Return what shadows scored in a window, with the labels known at ``as_of``."""


def select_predictions(
    log: PredictionReader,
    until: str | None,
    monitoring: MonitoringSpec,
    policy: PolicySpec,
    alerting: AlertingSpec,
    split: SplitSpec,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the logged predictions that the verdicts need: the windows that the policy and the alerts look back on.

    Returns
    -------
    tuple
        The answers, and what shadows scored beside them.

    Raises
    ------
    ConfigurationError
        If ``monitoring_until`` is no ISO time with its zone.
    """
    end = resolve_until(until, log.newest())
    if end is None:
        return log.read(_LAST, _LAST, _LAST), log.read_shadows(_LAST, _LAST, _LAST)
    windows, span = lookback(monitoring, _longest_row(policy, alerting), split.label_delay)
    start = end - span
    if monitoring.window_rows is not None:
        start = log.start_of(end, windows * monitoring.window_rows) or _FIRST
    elif last := log.start_of(end, 1):
        start = min(start, last)  # a log that has fallen silent is no empty one: its windows are
    wanted = start, end, _LAST if until is None else end
    return log.read(*wanted), log.read_shadows(*wanted)


def count_new_labels(log: PredictionReader, champion: ChampionFacts | Mapping[str, Any], until: str | None) -> int:
    """Return how many outcomes were observed of decisions since the champion's training data ended.

    However long ago that is: the windows that are judged go back a few weeks alone.
    """
    end = resolve_until(until, log.newest())
    if end is None:
        return 0
    return log.observed_outcomes(ChampionFacts.read(champion).trained_until, end, _LAST if until is None else end)


def judge(
    *,
    predictions: pd.DataFrame,
    new_labels: int,
    champion: ChampionFacts | Mapping[str, Any],
    until: str | None,
    monitoring: MonitoringSpec,
    policy: PolicySpec,
    alerting: AlertingSpec,
    features: FeatureSpec,
    question: BusinessQuestion,
    contracts: TableContracts,
    split: SplitSpec,
    shadows: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Judge each window's data, drift and performance, and the stream of errors over all of them.

    Returns
    -------
    dict
        A `MonitoringReport` as JSON.

    Raises
    ------
    ContractError
        If the predictions or the champion's facts are incomplete.
    """
    windows, _ = lookback(monitoring, _longest_row(policy, alerting), split.label_delay)
    rules = replace(_rules(features, question, contracts, monitoring), label_delay=split.label_delay)
    facts = ChampionFacts.read(champion)
    report = judge_windows(predictions, facts, rules, until, windows, new_labels)
    if shadows is not None:
        report = with_shadows(report, predictions, shadows, facts, rules)
    return with_error_stream(report, predictions, facts, rules).model_dump(mode="json")


class EventReader(Protocol):
    """What the event store is to a node."""

    def newest_known_at(self, until: datetime) -> datetime | None:
        """Return when the newest event that was known by a moment became known, None without any."""

    def known_since(self, moment: datetime) -> list[tuple[int, EventRecord]]:
        """Return the events that became known at a moment or later, with their sequence, in its order."""


def _rules(
    features: FeatureSpec, question: BusinessQuestion, contracts: TableContracts, monitoring: MonitoringSpec
) -> Rules:
    # The log keeps id and time of a decision beside its inputs, not among them.
    apart = {question.decision_id, question.decision_time}
    columns = {name: column for name, column in contracts.table(_PRIMARY).columns.items() if name not in apart}
    task = task_of(question)
    return Rules(features, columns, task, monitoring, slices=question.slices, target=question.target)


def compare_season(
    *,
    report: Mapping[str, Any],
    predictions: pd.DataFrame,
    log: PredictionReader,
    champion: ChampionFacts | Mapping[str, Any],
    monitoring: MonitoringSpec,
    features: FeatureSpec,
    question: BusinessQuestion,
    contracts: TableContracts,
) -> dict[str, Any]:
    """Return the report with its newest window compared with the same season before, as far as the log goes back."""
    found = MonitoringReport.model_validate(report)
    window = season_of(found, monitoring.season)
    if window is None:
        return dict(report)
    before = log.read(window.start, window.end, window.end)
    rules = _rules(features, question, contracts, monitoring)
    return with_season(found, predictions, before, ChampionFacts.read(champion), rules).model_dump(mode="json")


def watch_operations(
    report: Mapping[str, Any],
    predictions: pd.DataFrame,
    log: EventReader,
    snapshot: MetricsSnapshot,
    champion: ChampionFacts | Mapping[str, Any],
) -> dict[str, Any]:
    """Return the report with how the service runs: latency, errors, and how old model and events are."""
    found = MonitoringReport.model_validate(report)
    now = found.until if found.windows else None
    newest = None if now is None else log.newest_known_at(now)
    operations = judge_operations(predictions, snapshot, ChampionFacts.read(champion), now, newest)
    return found.model_copy(update={"operations": operations}).model_dump(mode="json")


class InProduction(Protocol):
    """The champion with its scorer."""

    @property
    def scorer(self) -> Scorer:
        """What it answers with."""
        ...


def replay_predictions(predictions: pd.DataFrame, log: EventReader, champion: InProduction | None) -> dict[str, Any]:
    """Recompute the champion's logged features at their watermarks.

    Returns
    -------
    dict
        A `Replay` as JSON.

    Raises
    ------
    RegistryError
        If there is no champion.
    """
    if champion is None:
        raise RegistryError("no champion yet, so nothing to replay; run `kedro run` first")
    since = reach(predictions, champion.scorer)
    events = [] if since is None else log.known_since(since.to_pydatetime())
    return replay(predictions, events, champion.scorer).model_dump(mode="json")


def raise_alerts(
    report: Mapping[str, Any],
    replayed: Mapping[str, Any],
    champion: ChampionFacts | Mapping[str, Any],
    policy: PolicySpec,
    alerting: AlertingSpec,
) -> tuple[list[AlertRecord], Judgement, dict[str, str]]:
    """Hold the alert rules against all windows in the report.

    Returns
    -------
    tuple
        What each window breaches, the judgement that moves the states of the alerts, and the rules that could not be
        judged, with the reason.
    """
    found, holdout = MonitoringReport.model_validate(report), ChampionFacts.read(champion).holdout
    judgement = judge_alerts(found, Replay.model_validate(replayed), policy, holdout, alerting)
    return judgement.breaches(), judgement, dict(judgement.unjudged)


def _longest_row(policy: PolicySpec, alerting: AlertingSpec) -> int:
    return max(policy.longest_row(), alerting.longest_row())
