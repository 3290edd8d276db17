"""How the service runs: what its metrics tell, and what log and store tell without it."""

from datetime import timedelta

import pandas as pd
import pytest

from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.contracts.records import MetricsSnapshot
from model_lifecycle.monitoring.alerts import judge_alerts
from model_lifecycle.monitoring.operations import judge_operations, read_metrics
from model_lifecycle.serving.metrics import Metrics
from monitored_traffic import LIVE, POLICY, WEEK, champion, judged, live

NOW = LIVE + WEEK
AWAY = MetricsSnapshot(None, "no answer from http://127.0.0.1:8000/metrics (ConnectError)")


def _text() -> str:
    """Return what a replica says after 90 answers in 3 ms, 8 in 40 ms, and 2 that failed after 2 s."""
    metrics = Metrics("one")
    for count, status, seconds in ((90, 200, 0.003), (8, 200, 0.04), (2, 503, 2.0)):
        for _ in range(count):
            metrics.answered("/predict", status, seconds)
    metrics.answered("/healthz", 500, 9.0)
    metrics.lost(3)
    return metrics.render("r1", {"log_waiting": 7.0, "log_available": 1.0, "events_lag_seconds": 4.0}).decode()


def test_latency_and_errors_of_predictions_are_read_from_the_services_own_metrics() -> None:
    found = read_metrics(_text())
    assert (found.requests, found.error_share, found.release) == (100, 0.02, "r1")
    assert (found.log_waiting, found.log_lost, found.events_lag_seconds) == (7.0, 3.0, 4.0)
    assert found.latency_p50_seconds == pytest.approx(0.0025 + (0.005 - 0.0025) * 50 / 90)
    assert found.latency_p99_seconds == pytest.approx(1.0 + (2.5 - 1.0) * 1 / 2)


def test_metrics_before_the_first_answer_have_no_latency() -> None:
    found = read_metrics(Metrics().render("r1", {}).decode())
    assert (found.requests, found.error_share, found.latency_p99_seconds) == (0, None, None)


def test_without_the_service_staleness_is_told_all_the_same() -> None:
    rows = pd.DataFrame({"flags": [{}, {"history": "incomplete"}]})
    found = judge_operations(rows, AWAY, champion(), NOW, NOW - timedelta(hours=6))
    assert (found.service, found.reason) == (None, AWAY.reason)
    assert found.model_age_days == (NOW - champion().trained_until) / timedelta(days=1)
    assert (found.event_age_hours, found.incomplete_history, found.in_use_days) == (6.0, 0.5, None)


def test_a_text_that_is_no_metrics_is_no_fault_of_monitoring() -> None:
    found = judge_operations(pd.DataFrame(), MetricsSnapshot("<html>{", ""), champion(), NOW, None)
    assert found.service is None
    assert found.reason.startswith("the metrics cannot be read")


def test_a_rule_about_errors_fires_from_the_metrics_and_is_unjudged_without_the_service() -> None:
    rule = {"metric": "operations.error_share", "above": 0.01, "severity": "critical"}
    spec = AlertingSpec.model_validate({"rules": {"errors": rule}})
    report = judged(live(1))
    for snapshot, raised in ((MetricsSnapshot(_text(), ""), 1), (AWAY, 0)):
        told = judge_operations(pd.DataFrame(), snapshot, champion(), NOW, None)
        found = judge_alerts(report.model_copy(update={"operations": told}), None, POLICY, champion().holdout, spec)
        assert len(found.breaches()) == raised
        assert (found.unjudged == {}) is bool(raised)
