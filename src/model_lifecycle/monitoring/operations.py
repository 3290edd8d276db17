"""How the service runs: latency and errors from its metrics, staleness of model and events from log and store."""

from collections.abc import Mapping
from datetime import datetime

import pandas as pd
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from model_lifecycle.contracts.records import MetricsSnapshot
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.service_figures import Operations, ServiceFigures

_PREFIX = "model_lifecycle_"
_PREDICT = "/predict"
_SERVER_ERROR = "5"
_HOUR, _DAY = 3600.0, 86_400.0


def judge_operations(
    rows: pd.DataFrame,
    snapshot: MetricsSnapshot,
    champion: ChampionFacts,
    now: datetime | None,
    newest_event: datetime | None,
) -> Operations:
    """Sum up how the service runs.

    Parameters
    ----------
    rows : DataFrame
        The logged predictions of the run's windows.
    snapshot : MetricsSnapshot
        What the service's metrics said, or why there are none.
    champion : ChampionFacts
        The release in production.
    now : datetime or None
        The moment that ages are counted at, on the clock of the decisions; None without a decision.
    newest_event : datetime or None
        When the newest event known by then became known.

    Returns
    -------
    Operations
        What the service itself must tell (latency, errors) is None when it does not answer or its text cannot be read;
        what log and store tell is there all the same.
    """
    service, reason = None, snapshot.reason
    if snapshot.text is not None:
        try:
            service = read_metrics(snapshot.text)
        except (ValueError, KeyError) as error:
            reason = f"the metrics cannot be read: {error}"
    return Operations(
        service=service,
        reason=reason,
        model_age_days=_since(champion.trained_until, now, _DAY),
        in_use_days=_since(champion.promoted_at, now, _DAY),
        newest_event=newest_event,
        event_age_hours=_since(newest_event, now, _HOUR),
        incomplete_history=float(rows["flags"].map(lambda flags: "history" in flags).mean())
        if len(rows) and "flags" in rows.columns
        else None,
    )


def _since(moment: datetime | None, now: datetime | None, unit: float) -> float | None:
    return None if moment is None or now is None else (now - moment).total_seconds() / unit


def read_metrics(text: str) -> ServiceFigures:
    """Read the figures of one replica, counted since it started, from Prometheus's text format.

    Raises
    ------
    ValueError
        If the text is no such format.
    """
    families = {family.name: family for family in text_string_to_metric_families(text)}
    counts = [
        (sample.labels.get("status", ""), sample.value)
        for sample in _samples(families, "requests")
        if sample.name.endswith("_total") and sample.labels.get("path") == _PREDICT
    ]
    requests = sum(count for _, count in counts)
    failed = sum(count for status, count in counts if status.startswith(_SERVER_ERROR))
    return ServiceFigures(
        requests=int(requests),
        error_share=failed / requests if requests else None,
        latency_p50_seconds=_quantile(families, 0.5),
        latency_p99_seconds=_quantile(families, 0.99),
        log_available=_gauge(families, "log_available"),
        log_waiting=_gauge(families, "log_waiting"),
        log_lost=next((one.value for one in _samples(families, "log_lost") if one.name.endswith("_total")), None),
        events_lag_seconds=_gauge(families, "events_lag_seconds"),
        release=next((one.labels.get("release") for one in _samples(families, "release")), None),
    )


def _samples(families: Mapping[str, Metric], name: str) -> list[Sample]:
    family = families.get(f"{_PREFIX}{name}")
    return [] if family is None else family.samples


def _gauge(families: Mapping[str, Metric], name: str) -> float | None:
    return next((one.value for one in _samples(families, name)), None)


def _quantile(families: Mapping[str, Metric], share: float) -> float | None:
    """Return a quantile of the latency of `/predict`, as Prometheus's ``histogram_quantile`` interpolates it.

    The last finite limit where it lies beyond; None without an answer.
    """
    buckets = sorted(
        (float(one.labels["le"]), one.value)
        for one in _samples(families, "request_seconds")
        if one.name.endswith("_bucket") and one.labels.get("path") == _PREDICT
    )
    if not buckets or not buckets[-1][1]:
        return None
    wanted, low, below = share * buckets[-1][1], 0.0, 0.0
    for limit, count in buckets[:-1]:
        if count >= wanted:
            return low + (limit - low) * (wanted - below) / (count - below)
        low, below = limit, count
    return low
