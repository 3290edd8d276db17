"""Judge windows of the prediction log: quality, drift and performance, one verdict a window."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from model_lifecycle.contracts.business_question import Slice
from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.policy import MonitoringSpec
from model_lifecycle.contracts.table import ColumnContract
from model_lifecycle.monitoring.answers import absent_outcomes, early_labels, impossible_predictions
from model_lifecycle.monitoring.causes import Losses, find_causes
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.concept import judge_concept, labelled, watch_errors
from model_lifecycle.monitoring.drift import feature_drift, weighted
from model_lifecycle.monitoring.estimated import estimate_performance, with_past_errors
from model_lifecycle.monitoring.logged import LoggedColumns, logged_columns
from model_lifecycle.monitoring.performance import OF_HOLDOUT, judge_performance, release_shares
from model_lifecycle.monitoring.quality import FEWEST_ROWS, check_outcomes, check_quality
from model_lifecycle.monitoring.shadow import compare_shadows
from model_lifecycle.monitoring.slices import judge_slices
from model_lifecycle.monitoring.verdict import (
    Causes,
    Drift,
    Estimated,
    Finding,
    Maturity,
    MonitoringReport,
    ReleaseVerdict,
    WindowVerdict,
)
from model_lifecycle.monitoring.windows import (
    Window,
    check_log,
    maturity,
    observed,
    resolve_until,
    rows_of,
    tile,
    tile_by_rows,
)
from model_lifecycle.tasks import Task

_NUMBER = ("integer", "number")


@dataclass(frozen=True, slots=True)
class Rules:
    """What a case declares: its features, the contract of its columns, its task and the limits.

    Columns of the contract that are no input of the features are left out of the judgement, but for the ``target``:
    of a quantity, outcomes are judged as well. ``label_delay`` is the split's: how long nearly all outcomes take.
    """

    features: FeatureSpec
    contract: Mapping[str, ColumnContract]
    task: Task
    spec: MonitoringSpec
    slices: tuple[Slice, ...] = ()
    label_delay: timedelta = timedelta(0)
    target: str = ""

    def inputs(self) -> dict[str, ColumnContract]:
        """Return the contract of the raw inputs alone."""
        return {name: column for name, column in self.contract.items() if name in self.features.inputs()}


def judge_windows(
    log: pd.DataFrame,
    champion: ChampionFacts,
    rules: Rules,
    until: str | datetime | None,
    windows: int,
    new_labels: int = 0,
) -> MonitoringReport:
    """Judge the windows that end at ``until``.

    Parameters
    ----------
    log : DataFrame
        Logged predictions, each with its latest label (`Store.labelled_predictions_between`).
    champion : ChampionFacts
        The release in production.
    rules : Rules
        What the case declares.
    until : str, datetime or None
        End of the last window, and the moment whose knowledge counts. None: just after the newest decision, with
        every label that is there.
    windows : int
        At most so many, the newest last. Windows before the first logged decision are left out.
    new_labels : int
        Observed outcomes since the champion's training data ended: they reach further back than these windows.

    Raises
    ------
    ContractError
        If the log lacks a column.
    ConfigurationError
        If ``until`` is no time with its zone.
    """
    check_log(log)
    log = _encoded(log, rules)
    times = log["decision_time"]
    end = resolve_until(until, times.max().to_pydatetime() if len(log) else None)
    as_of = None if until is None else end
    now = as_of if as_of is not None else _newest(log)
    spans = _spans(log, rules.spec, end, windows) if len(log) and end is not None else ()
    verdicts: list[WindowVerdict] = []
    trusted: Columns = {}
    for span in spans:
        age = None if now is None else now - span.end
        verdict, columns = _judge(rows_of(log, span, as_of), span, champion, rules, trusted, age)
        verdicts.append(verdict)
        trusted = {**trusted, **_sound(columns, verdict)}
    return MonitoringReport(
        release=champion.release,
        until=end,
        as_of=now,
        window_seconds=rules.spec.window.total_seconds(),
        windows=with_past_errors(verdicts),
        new_labels=new_labels,
    )


def _spans(log: pd.DataFrame, spec: MonitoringSpec, end: datetime, windows: int) -> tuple[Window, ...]:
    if spec.window_rows is None:
        return tile(log["decision_time"].min().to_pydatetime(), end, spec.window, windows)
    times = log.drop_duplicates("decision_id")["decision_time"].dt.tz_localize(None)
    return tile_by_rows(times.to_numpy(dtype="datetime64[us]"), end, spec.window_rows, windows)


def with_error_stream(
    report: MonitoringReport, log: pd.DataFrame, champion: ChampionFacts, rules: Rules
) -> MonitoringReport:
    """Return the report with the stream of errors over its mature, trusted windows.

    Parameters
    ----------
    report : MonitoringReport
        Of `judge_windows`, of the same log, champion and rules.
    log, champion, rules
        As for `judge_windows`.
    """
    log = _encoded(log, rules)
    trusted = [one for one in report.windows if one.maturity.mature and not one.blocked()]
    rows = [rows_of(log, Window(one.start, one.end), report.as_of) for one in trusted]
    found = watch_errors(rows, champion, rules.task, rules.spec.adwin_delta, rules.spec.drift_level)
    return report.model_copy(update={"errors": found})


def with_shadows(
    report: MonitoringReport, log: pd.DataFrame, shadows: pd.DataFrame, champion: ChampionFacts, rules: Rules
) -> MonitoringReport:
    """Return the report with what shadows scored beside the champion's answers.

    Parameters
    ----------
    report : MonitoringReport
        Of `judge_windows`, of the same log, champion and rules.
    log, champion, rules
        As for `judge_windows`.
    shadows : DataFrame
        What shadows scored in these windows, with labels (`Store.labelled_predictions_between` with ``shadow``).
    """
    windows = [Window(one.start, one.end) for one in report.windows]
    answers, theirs = (_encoded(table, rules) for table in (log, shadows))
    found = compare_shadows(answers, theirs, champion, rules.task, windows, report.as_of)
    return report.model_copy(update={"shadows": found})


def _sound(columns: Columns, verdict: WindowVerdict) -> Columns:
    """Return the columns that nothing critical is told of: one that fails takes no other one's past away.

    A window of a handful of rows is not looked at closely enough to become anybody's past.
    """
    if verdict.decisions < FEWEST_ROWS:
        return {}
    failed = {one.column for one in verdict.quality if one.severity == "critical"}
    return {} if None in failed else {name: values for name, values in columns.items() if name not in failed}


def _encoded(log: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    return log.assign(value=rules.task.encode(log["value"].to_numpy(dtype=np.float64)))


def _judge(
    rows: pd.DataFrame,
    span: Window,
    champion: ChampionFacts,
    rules: Rules,
    trusted: Columns,
    age: timedelta | None,
) -> tuple[WindowVerdict, Columns]:
    spec = rules.spec
    looked = _look(rows, span, champion, rules, trusted, age)
    mature = looked.maturity.mature
    concept, losses = judge_concept(rows, champion, rules.task, spec.drift_level) if mature else (None, None)
    return WindowVerdict(
        start=span.start,
        end=span.end,
        decisions=len(rows),
        maturity=looked.maturity,
        quality=looked.quality,
        drift=looked.drift,
        performance=judge_performance(rows, champion, rules.task, span.end - span.start) if mature else None,
        concept=concept,
        causes=None if losses is None else _causes(rows, looked, losses, champion, rules),
        releases=release_shares(rows, rules.task),
        by_release=_by_release(rows, span, champion, rules, trusted, age),
        slices=judge_slices(rows, champion, rules.task, span.end - span.start, rules.slices, mature),
        estimated={
            name: Estimated(estimate=value) for name, value in estimate_performance(rows, champion, rules.task).items()
        },
    ), looked.columns


@dataclass(frozen=True, slots=True)
class _Looked:
    """What can be told of rows before it is asked how good their predictions were."""

    columns: Columns
    features: Columns
    quality: tuple[Finding, ...]
    drift: Drift
    maturity: Maturity


def _look(
    rows: pd.DataFrame, span: Window, champion: ChampionFacts, rules: Rules, trusted: Columns, age: timedelta | None
) -> _Looked:
    contract, inputs = rules.inputs(), _inputs(rows, rules)
    features = _features(rows, inputs.columns, champion, rules)
    findings = check_quality(inputs, len(rows), contract, champion.reference_profile, rules.spec, before=trusted)
    found = maturity(rows, rules.spec, age, rules.label_delay)
    outcomes = _outcomes(rows, rules) if found.mature else {}
    for name, values in outcomes.items():
        known = rules.contract.get(name)
        findings += check_outcomes(name, values, known, rules.spec, before=trusted.get(name))
    absent = absent_outcomes(rows, rules.task, rules.target) if found.mature else ()
    answers = (*impossible_predictions(rows, rules.task), *absent)
    quality = (*findings, *answers, *early_labels(found.label_before_decision, found.decisions))
    columns = {**inputs.columns, **outcomes}
    return _Looked(columns, features, quality, _drift(rows, span, features, champion, rules), found)


def _outcomes(rows: pd.DataFrame, rules: Rules) -> Columns:
    """Return the observed outcomes of a quantity under the target's name, in the order of their decisions."""
    if rules.task.objective.kind != "quantile" or not rules.target:
        return {}
    seen = rows[observed(rows)].sort_values("decision_time", kind="stable")
    return {rules.target: seen["value"].to_numpy(dtype=np.float64)}


def feature_columns(rows: pd.DataFrame, champion: ChampionFacts, rules: Rules) -> Columns:
    """Return the logged features of rows; where the service logged none, the inputs of the same names.

    Parameters
    ----------
    rows : DataFrame
        Logged predictions.
    champion, rules
        As for `judge_windows`.
    """
    return _features(rows, _inputs(rows, rules).columns, champion, rules)


def _inputs(rows: pd.DataFrame, rules: Rules) -> LoggedColumns:
    contract = rules.inputs()
    numeric = {*rules.features.numeric, *(name for name, column in contract.items() if column.type in _NUMBER)}
    text = {*rules.features.categorical, *(name for name, column in contract.items() if column.type not in _NUMBER)}
    return logged_columns(rows["inputs"].tolist(), sorted(numeric), sorted(text - numeric))


def _by_release(
    rows: pd.DataFrame, span: Window, champion: ChampionFacts, rules: Rules, trusted: Columns, age: timedelta | None
) -> tuple[ReleaseVerdict, ...]:
    """Judge each release's decisions by themselves, where another than the champion answered."""
    names = sorted(map(str, rows["release"].unique())) if len(rows) else []
    if names == [champion.release]:
        return ()
    return tuple(_release(name, rows, span, champion, rules, trusted, age) for name in names)


def _release(
    name: str,
    rows: pd.DataFrame,
    span: Window,
    champion: ChampionFacts,
    rules: Rules,
    trusted: Columns,
    age: timedelta | None,
) -> ReleaseVerdict:
    own, facts = rows[rows["release"] == name], champion.model_copy(update={"release": name})
    looked = _look(own, span, facts, rules, trusted, age)
    width, mature = span.end - span.start, looked.maturity.mature
    performance = judge_performance(own, facts, rules.task, width) if mature else None
    if performance is not None and name != champion.release:
        kept = {key: figure for key, figure in performance.differences.items() if key not in OF_HOLDOUT}
        performance = performance.model_copy(update={"differences": kept})
    return ReleaseVerdict(
        release=name,
        decisions=len(own),
        maturity=looked.maturity,
        quality=looked.quality,
        drift=looked.drift,
        performance=performance,
        estimated=estimate_performance(own, facts, rules.task),
    )


def _features(rows: pd.DataFrame, inputs: Columns, champion: ChampionFacts, rules: Rules) -> Columns:
    """Return the logged features; where the service logged none, the inputs of the same names."""
    categorical = list(rules.features.categorical)
    numeric = [name for name in rules.features.names() if name not in categorical]
    logged = logged_columns(rows["features"].tolist() if "features" in rows.columns else [], numeric, categorical)
    same = {name: values for name, values in inputs.items() if name in champion.reference_profile.features}
    return {**same, **logged.columns}


def _drift(rows: pd.DataFrame, span: Window, features: Columns, champion: ChampionFacts, rules: Rules) -> Drift:
    if not len(rows):
        return Drift()
    score = rows.loc[rows["release"] == champion.release, "score"].to_numpy(dtype=np.float64)
    found = feature_drift(features, score, champion.reference_profile, rules.spec, span.end - span.start)
    return weighted(found, champion.importance)


def _causes(rows: pd.DataFrame, looked: _Looked, losses: Losses, champion: ChampionFacts, rules: Rules) -> Causes:
    mine = labelled(rows, champion, rules.task)
    own = {name: values[mine] for name, values in looked.features.items()}
    return find_causes(own, losses, champion.reference_profile, looked.drift, champion.importance)


def _newest(log: pd.DataFrame) -> datetime | None:
    newest = log[["decision_time", "label_time"]].max().max() if len(log) else pd.NaT
    return None if pd.isna(newest) else newest.to_pydatetime()


def lookback(spec: MonitoringSpec, consecutive: int, label_delay: timedelta = timedelta(0)) -> tuple[int, timedelta]:
    """Return how many windows to judge and the time they take: those that the policy counts, and three more.

    The newest is seldom mature, one before it may be blocked, and one is the trusted past of the first. Those that
    `label_delay` keeps from being mature come on top.
    """
    windows = consecutive + 3 + math.ceil(label_delay / spec.window)
    return windows, windows * spec.window
