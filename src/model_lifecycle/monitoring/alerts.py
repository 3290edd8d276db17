"""Alerts: what of a window's verdict somebody should hear of, each with an id that stays the same."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Literal

from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.contracts.records import AlertRecord
from model_lifecycle.monitoring.policy import breaches
from model_lifecycle.monitoring.replay import Replay
from model_lifecycle.monitoring.verdict import Finding, MonitoringReport, WindowVerdict

_NAMED = 5


def alert_id(release: str, window: WindowVerdict, rule: str) -> str:
    """Return the id of an alert: the same release, window and rule give the same id, whenever it is judged."""
    parts = (release, window.start.isoformat(), window.end.isoformat(), rule)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def alerts_of(report: MonitoringReport, policy: PolicySpec) -> tuple[AlertRecord, ...]:
    """Return one alert a rule and window, the oldest window first.

    Data quality and realised performance beyond its limit are critical, drift and warnings about the data are
    warnings. ``raised_at`` is the moment whose knowledge the report stands on, not the clock's. A window that is
    judged again with more labels raises the same alerts, by id, and perhaps new ones.
    """
    raised_at = report.as_of or report.until
    if raised_at is None:
        return ()
    found: list[AlertRecord] = []
    for window in report.windows:
        for rule, severity, message, details in (*_quality(window), *_performance(window, policy), *_drift(window)):
            found.append(
                AlertRecord(
                    alert_id=alert_id(report.release, window, rule),
                    raised_at=raised_at,
                    window_start=window.start,
                    window_end=window.end,
                    severity=severity,
                    rule=rule,
                    message=message,
                    details={"release": report.release, **details},
                )
            )
    return tuple(found)


def skew_alert(report: MonitoringReport, replayed: Replay) -> Iterator[AlertRecord]:
    """Yield a critical alert when logged features differ from those recomputed at the same watermark."""
    raised_at, window = report.as_of or report.until, report.newest()
    if not replayed.skewed or raised_at is None or window is None:
        return
    features = ", ".join(list(replayed.skewed_features)[:_NAMED])
    yield AlertRecord(
        alert_id=alert_id(report.release, window, "skew"),
        raised_at=raised_at,
        window_start=report.windows[0].start,
        window_end=window.end,
        severity="critical",
        rule="skew",
        message=f"{replayed.skewed:,} of {replayed.replayed:,} predictions had other features live than recomputed at "
        f"the same watermark: {features}",
        details={"release": report.release, **replayed.model_dump(mode="json")},
    )


_Alert = tuple[str, Literal["warning", "critical"], str, Mapping[str, object]]


def _quality(window: WindowVerdict) -> Iterator[_Alert]:
    def key(finding: Finding) -> tuple[str, str]:
        return finding.severity, finding.rule

    for (severity, rule), group in groupby(sorted(window.quality, key=key), key):
        findings = list(group)
        details = {"findings": [finding.model_dump(mode="json") for finding in findings]}
        kind: Literal["warning", "critical"] = "critical" if severity == "critical" else "warning"
        yield f"data_quality.{rule}", kind, _joined([finding.message for finding in findings]), details


def _performance(window: WindowVerdict, policy: PolicySpec) -> Iterator[_Alert]:
    for breach in breaches(window.performance, policy):
        details = {"figure": breach.figure.model_dump(mode="json"), "limit": breach.limit}
        yield f"performance.{breach.rule}", "critical", breach.message, details


def _drift(window: WindowVerdict) -> Iterator[_Alert]:
    drifted = window.drift.drifted()
    if drifted:
        messages = [f"{one.feature} drifted, {one.effect:.2f} over its floor of {one.floor:.2f}" for one in drifted]
        yield "drift", "warning", _joined(messages), {"features": [one.model_dump(mode="json") for one in drifted]}


def _joined(messages: Sequence[str]) -> str:
    rest = f"; and {len(messages) - _NAMED} more" if len(messages) > _NAMED else ""
    return "; ".join(messages[:_NAMED]) + rest
