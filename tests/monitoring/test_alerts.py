import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from model_lifecycle.contracts.alerting import AlertingSpec, AlertRule
from model_lifecycle.contracts.records import AlertRecord
from model_lifecycle.monitoring.alerts import Judgement, exceeds, judge_alerts
from model_lifecycle.monitoring.judge import judge_windows
from model_lifecycle.monitoring.measures import Measure, measures_of
from model_lifecycle.monitoring.replay import Replay
from model_lifecycle.monitoring.verdict import MonitoringReport, Rule
from monitored_traffic import LIVE, POLICY, RULES, WEEK, champion, judged, live, log_of

FAULTY = live(1).changed("temperature", lambda values: (values - 32) / 1.8)
CONF = Path(__file__).parents[2] / "conf" / "base" / "parameters_monitoring.yml"
ALERTING = AlertingSpec.model_validate(
    yaml.safe_load(CONF.read_text(encoding="utf-8"))["alerting"] | {"labels": {"case": "test"}}
)


def _replay(**found: Any) -> Replay:
    counts = dict.fromkeys(
        (
            "predictions",
            "replayed",
            "incomplete",
            "skewed",
            "with_late_events",
            "changed_by_late_events",
            "late_events",
        ),
        0,
    )
    return Replay.model_validate({**counts, "skewed_features": {}, "examples": (), "late_seconds": {}, **found})


def _judged(report: MonitoringReport, alerting: AlertingSpec = ALERTING, **replayed: Any) -> Judgement:
    return judge_alerts(report, _replay(**replayed), POLICY, champion().holdout, alerting)


def _raised(report: MonitoringReport, **replayed: Any) -> list[AlertRecord]:
    return _judged(report, **replayed).breaches()


def _rule(**fields: Any) -> AlertingSpec:
    return AlertingSpec.model_validate({"rules": {"mine": fields}})


def test_a_blocked_window_raises_a_critical_alert_and_one_of_drift() -> None:
    alerts = _raised(judged(FAULTY))
    assert {(alert.rule, alert.severity) for alert in alerts} == {
        ("data_quality.unit", "critical"),
        ("drift", "warning"),
    }
    assert all(alert.window_end == LIVE + WEEK for alert in alerts)
    assert any("'temperature' looks as if its unit had changed" in alert.message for alert in alerts)


def test_quiet_windows_raise_none_although_every_rule_that_can_be_is_judged() -> None:
    found = _judged(judged(live(1)))
    assert found.breaches() == []
    assert found.unjudged == {}
    assert {one.rule for one in found.judged} == set(ALERTING.active())


def test_a_finding_of_any_kind_can_end_since_its_absence_is_measured_as_zero() -> None:
    (window,) = judged(live(1)).windows
    found = measures_of(window, POLICY, {}, "r1")
    assert get_args(Rule)
    for severity in ("warning", "critical"):
        assert all(found[f"quality.{severity}.{rule}"].value == 0 for rule in get_args(Rule))
    assert {name for name in found if name.startswith("policy.")} == {
        "policy.skill_lost",
        "policy.against_constant",
        "policy.value_per_1000",
        "policy.below_plan",
        "policy.above_plan",
        "policy.outside_interval",
        "policy.class_share",
    }


def test_a_policy_limit_that_is_broken_is_a_critical_alert_with_the_policys_words() -> None:
    found = live(1)
    worse = found.__class__(found.columns, found.times, found.score[::-1].copy(), found.target)
    alerts = {alert.rule: alert for alert in _raised(judged(worse))}
    assert alerts["performance.skill_lost"].severity == "critical"
    assert "beyond what the level of the outcome explains, limit 0.03" in alerts["performance.skill_lost"].message


def test_features_that_were_others_live_are_a_critical_alert_of_the_newest_window() -> None:
    report = judged(live(1, weeks=2), weeks=2)
    (alert,) = _raised(report, skewed=2, replayed=20, skewed_features={"weight": 2})
    assert (alert.rule, alert.severity, alert.window_end) == ("skew", "critical", LIVE + 2 * WEEK)


def test_a_window_without_mature_outcomes_is_not_judged_by_rules_about_performance() -> None:
    report = judge_windows(log_of(live(1)), champion(), RULES, LIVE + timedelta(days=1), 1)
    assert not report.windows[0].maturity.mature
    assert _judged(report).unjudged == {
        "performance": "no window tells policy.*",
        "performance_of_others": "no window tells releases.beyond_limits",
        "concept_drift": "no window tells concept.drifted",
    }


def _replaced(score: Callable[[pd.Series], pd.Series]) -> list[AlertRecord]:
    """Return the alerts of two weeks, of which another release answered the first ten days with its own scores."""
    log = log_of(live(1, weeks=2), timedelta(0))
    theirs = log["decision_time"] < LIVE + timedelta(days=10)
    log.loc[theirs, "release"] = "hurried"
    log.loc[theirs, "score"] = score(log.loc[theirs, "score"])
    return _judged(judge_windows(log, champion(), RULES, LIVE + 2 * WEEK, 2)).breaches()


def test_a_release_that_was_replaced_before_it_was_judged_is_told_all_the_same_if_it_was_bad() -> None:
    found = [alert for alert in _replaced(lambda score: 1.0 - score) if alert.rule == "performance_of_others"]
    assert [(alert.window_end, alert.severity) for alert in found] == [(LIVE + WEEK, "warning")]
    assert found[0].details["release"] == "hurried"
    assert "release hurried, which answered 1,050 of 1,050 decisions: log loss is" in found[0].message
    assert [alert.rule for alert in _replaced(lambda score: score)] == []


def test_a_figure_that_does_not_exist_is_told_as_a_rule_that_cannot_be_judged() -> None:
    found = _judged(judged(live(1)), _rule(metric="performance.aucc", below=0.6))
    assert found.unjudged == {"mine": "no window tells performance.aucc"}


@pytest.mark.parametrize(
    ("measure", "rule", "expected"),
    [
        (Measure(3.0), {"above": 2}, True),
        (Measure(2.0), {"above": 2}, False),
        (Measure(1.0), {"below": 2}, True),
        (Measure(0.8, reference=1.0), {"below": -0.1, "comparison": "relative"}, True),
        (Measure(0.95, reference=1.0), {"below": -0.1, "comparison": "relative"}, False),
        (Measure(-80.0, reference=-100.0), {"above": 0.1, "comparison": "relative"}, True),
        (Measure(1.0, reference=0.0), {"above": 0.1, "comparison": "relative"}, None),
        (Measure(1.0), {"above": 0.1, "comparison": "relative"}, None),
        (Measure(3.0, 2.5, 3.5), {"above": 2, "comparison": "interval"}, True),
        (Measure(3.0, 1.5, 3.5), {"above": 2, "comparison": "interval"}, False),
        (Measure(3.0, 1.5, 3.5), {"below": 3.2, "comparison": "interval"}, False),
        (Measure(3.0), {"above": 2, "comparison": "interval"}, None),
    ],
)
def test_a_limit_is_held_against_the_figure_its_change_or_its_whole_interval(
    measure: Measure, rule: dict[str, Any], expected: bool | None
) -> None:
    assert exceeds(measure, AlertRule.model_validate({"metric": "performance.auc", **rule})) is expected


def test_a_figure_is_compared_with_the_hold_out_and_a_features_drift_with_its_floor() -> None:
    (window,) = judged(live(1)).windows
    found = measures_of(window, POLICY, champion().holdout, "r1")
    assert found["performance.auc"].reference == champion().holdout["auc"].estimate
    assert found["drift.feature.load"].reference == window.drift.features[0].floor or any(
        one.floor == found["drift.feature.load"].reference for one in window.drift.features if one.feature == "load"
    )


def test_an_alert_of_a_users_own_rule_says_figure_and_limit() -> None:
    found = _judged(
        judged(live(1)), _rule(metric="performance.auc", below=0.99, comparison="interval", severity="info")
    )
    (alert,) = found.breaches()
    assert alert.message.startswith("performance.auc is 0.")
    assert alert.message.endswith("limit below 0.99 with the whole interval")
    assert (alert.rule, alert.severity) == ("mine", "info")


def test_the_same_window_judged_again_raises_the_same_ids() -> None:
    log = log_of(FAULTY)
    first = {alert.alert_id for alert in _raised(judge_windows(log, champion(), RULES, LIVE + WEEK, 1))}
    later = {alert.alert_id for alert in _raised(judge_windows(log, champion(), RULES, LIVE + 2 * WEEK, 2))}
    assert first
    assert first <= later


def test_another_window_and_another_release_have_other_ids() -> None:
    report = judged(FAULTY)
    moved = judge_windows(log_of(FAULTY), champion(), RULES, LIVE + WEEK - timedelta(minutes=1), 1)
    other = report.model_copy(update={"release": "r2"})
    ids = [{alert.alert_id for alert in _raised(one)} for one in (report, moved, other)]
    assert not ids[0] & ids[1]
    assert not ids[0] & ids[2]


def test_an_alert_is_raised_at_the_moment_whose_knowledge_it_stands_on() -> None:
    assert {alert.raised_at for alert in _raised(judged(FAULTY))} == {LIVE + WEEK}


def test_a_report_survives_json() -> None:
    report = judged(FAULTY)
    assert MonitoringReport.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"metric": "drift.features"}, "found above None and below None, expected exactly one"),
        ({"metric": "drift.features", "above": 1, "below": 0}, "found above 1.0 and below 0.0, expected exactly one"),
        ({"metric": "dirft.features", "above": 1}, "found metric 'dirft.features', expected one that begins with"),
        ({"metric": "skew.predictions", "above": 0, "for": 2}, "is measured once a run; found for 2, expected 1"),
        ({"metric": "drift.features", "above": 0, "labels": {"severity": "x"}}, r"found labels \['severity'\]"),
        ({"metric": "drift.features", "above": 0, "labels": {"a-b": "x"}}, r"found labels \['a-b'\]"),
        ({"metric": "drift.features", "above": 0, "runbok": "x"}, "runbok"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        AlertRule.model_validate(rule)


def test_details_of_an_alert_are_json() -> None:
    alerts = _raised(judged(FAULTY), skewed=1)
    assert {"data_quality.unit", "drift", "skew"} <= {alert.rule for alert in alerts}
    for alert in alerts:
        json.dumps(alert.details, allow_nan=False)
