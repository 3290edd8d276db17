"""Judge windows of the prediction log: quality, drift and performance, one verdict a window."""

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
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.concept import judge_concept, watch_errors
from model_lifecycle.monitoring.drift import feature_drift
from model_lifecycle.monitoring.estimated import estimate_performance, with_past_errors
from model_lifecycle.monitoring.logged import logged_columns
from model_lifecycle.monitoring.performance import judge_performance, release_shares
from model_lifecycle.monitoring.quality import check_quality
from model_lifecycle.monitoring.slices import judge_slices
from model_lifecycle.monitoring.verdict import Drift, Estimated, Finding, MonitoringReport, WindowVerdict
from model_lifecycle.monitoring.windows import Window, check_log, maturity, observed, resolve_until, rows_of, tile
from model_lifecycle.tasks import Task

_NUMBER = ("integer", "number")


@dataclass(frozen=True, slots=True)
class Rules:
    """What a case declares: its features, the contract of its raw inputs by column, its task and the limits.

    Columns of the contract that are no input of the features are left out of the judgement.
    """

    features: FeatureSpec
    contract: Mapping[str, ColumnContract]
    task: Task
    spec: MonitoringSpec
    slices: tuple[Slice, ...] = ()

    def inputs(self) -> dict[str, ColumnContract]:
        """Return the contract of the raw inputs alone."""
        return {name: column for name, column in self.contract.items() if name in self.features.inputs()}


def judge_windows(
    log: pd.DataFrame,
    champion: ChampionFacts,
    rules: Rules,
    until: str | datetime | None,
    windows: int,
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

    Raises
    ------
    ContractError
        If the log lacks a column.
    ConfigurationError
        If ``until`` is no time with its zone.
    """
    check_log(log)
    log = log.assign(value=rules.task.encode(log["value"].to_numpy(dtype=np.float64)))
    times = log["decision_time"]
    end = resolve_until(until, times.max().to_pydatetime() if len(log) else None)
    as_of = None if until is None else end
    spans = tile(times.min().to_pydatetime(), end, rules.spec.window, windows) if len(log) and end is not None else ()
    verdicts: list[WindowVerdict] = []
    trusted: Columns | None = None
    for span in spans:
        verdict, columns = _judge(rows_of(log, span, as_of), span, champion, rules, trusted)
        verdicts.append(verdict)
        trusted = trusted if verdict.blocked() else columns
    return MonitoringReport(
        release=champion.release,
        until=end,
        as_of=as_of if as_of is not None else _newest(log),
        window_seconds=rules.spec.window.total_seconds(),
        windows=with_past_errors(verdicts),
        new_labels=_new_labels(log, champion, as_of),
    )


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
    log = log.assign(value=rules.task.encode(log["value"].to_numpy(dtype=np.float64)))
    trusted = [one for one in report.windows if one.maturity.mature and not one.blocked()]
    rows = [rows_of(log, Window(one.start, one.end), report.as_of) for one in trusted]
    found = watch_errors(rows, champion, rules.task, rules.spec.adwin_delta, rules.spec.drift_level)
    return report.model_copy(update={"errors": found})


def _judge(
    rows: pd.DataFrame,
    span: Window,
    champion: ChampionFacts,
    rules: Rules,
    trusted: Columns | None,
) -> tuple[WindowVerdict, Columns]:
    features, contract, spec = rules.features, rules.inputs(), rules.spec
    profile = champion.reference_profile
    numeric = {*features.numeric, *(name for name, column in contract.items() if column.type in _NUMBER)}
    text = {*features.categorical, *(name for name, column in contract.items() if column.type not in _NUMBER)}
    inputs = logged_columns(rows["inputs"].tolist(), sorted(numeric), sorted(text - numeric))
    findings = check_quality(inputs, len(rows), contract, profile, spec, before=trusted)
    found = maturity(rows, spec)
    return WindowVerdict(
        start=span.start,
        end=span.end,
        decisions=len(rows),
        maturity=found,
        quality=(*findings, *_label_times(found.label_before_decision, found.decisions)),
        drift=_drift(rows, span, inputs.columns, champion, rules),
        performance=judge_performance(rows, champion, rules.task, spec.window) if found.mature else None,
        concept=judge_concept(rows, champion, rules.task, spec.drift_level) if found.mature else None,
        releases=release_shares(rows, rules.task),
        slices=judge_slices(rows, champion, rules.task, spec.window, rules.slices, found.mature),
        estimated={
            name: Estimated(estimate=value) for name, value in estimate_performance(rows, champion, rules.task).items()
        },
    ), inputs.columns


def _drift(rows: pd.DataFrame, span: Window, inputs: Columns, champion: ChampionFacts, rules: Rules) -> Drift:
    """Compare the logged features; where the service logged none, the inputs of the same names."""
    if not len(rows):
        return Drift()
    categorical = list(rules.features.categorical)
    numeric = [name for name in rules.features.names() if name not in categorical]
    logged = logged_columns(rows["features"].tolist() if "features" in rows.columns else [], numeric, categorical)
    profile = champion.reference_profile
    same = {name: values for name, values in inputs.items() if name in profile.features}
    score = rows.loc[rows["release"] == champion.release, "score"].to_numpy(dtype=np.float64)
    return feature_drift({**same, **logged.columns}, score, profile, rules.spec, span.end - span.start)


def _label_times(before: int, decisions: int) -> tuple[Finding, ...]:
    if not before:
        return ()
    message = f"{before:,} of {decisions:,} labels are older than their decision; they are not used"
    finding = Finding(
        rule="label_time", column=None, severity="warning", found=float(before), limit=0.0, message=message
    )
    return (finding,)


def _newest(log: pd.DataFrame) -> datetime | None:
    newest = log[["decision_time", "label_time"]].max().max() if len(log) else pd.NaT
    return None if pd.isna(newest) else newest.to_pydatetime()


def _new_labels(log: pd.DataFrame, champion: ChampionFacts, as_of: datetime | None) -> int:
    """Count decisions after the champion's training data with an observed outcome by now."""
    fresh = log[log["decision_time"] >= champion.trained_until].drop_duplicates("decision_id", keep="last")
    known = observed(fresh)
    if as_of is not None:
        known = known & (fresh["label_time"] <= as_of).to_numpy()
    return int(known.sum())


def lookback(spec: MonitoringSpec, consecutive: int) -> tuple[int, timedelta]:
    """Return how many windows to judge and the time they take: those that the policy counts, and three more.

    The newest is seldom mature, one before it may be blocked, and one is the trusted past of the first.
    """
    windows = consecutive + 3
    return windows, windows * spec.window
