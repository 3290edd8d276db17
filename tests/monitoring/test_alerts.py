from datetime import timedelta

from model_lifecycle.monitoring.alerts import alerts_of
from model_lifecycle.monitoring.judge import judge_windows
from model_lifecycle.monitoring.verdict import MonitoringReport
from monitored_traffic import LIVE, POLICY, RULES, WEEK, champion, judged, live, log_of

FAULTY = live(1).changed("temperature", lambda values: (values - 32) / 1.8)


def test_a_blocked_window_raises_a_critical_alert_and_one_of_drift() -> None:
    alerts = alerts_of(judged(FAULTY), POLICY)
    assert {(alert.rule, alert.severity) for alert in alerts} == {
        ("data_quality.unit", "critical"),
        ("drift", "warning"),
    }
    assert all(alert.window_end == LIVE + WEEK for alert in alerts)


def test_quiet_windows_raise_none() -> None:
    assert alerts_of(judged(live(1)), POLICY) == ()


def test_the_same_window_judged_again_raises_the_same_ids() -> None:
    log = log_of(FAULTY)
    report = judge_windows(log, champion(), RULES, LIVE + WEEK, 1)
    later = judge_windows(log, champion(), RULES, LIVE + 2 * WEEK, 2)
    first = {alert.alert_id for alert in alerts_of(report, POLICY)}
    assert first
    assert first <= {alert.alert_id for alert in alerts_of(later, POLICY)}


def test_another_window_and_another_release_have_other_ids() -> None:
    report = judged(FAULTY)
    moved = judge_windows(log_of(FAULTY), champion(), RULES, LIVE + WEEK - timedelta(minutes=1), 1)
    other = report.model_copy(update={"release": "r2"})
    ids = [{alert.alert_id for alert in alerts_of(one, POLICY)} for one in (report, moved, other)]
    assert not ids[0] & ids[1]
    assert not ids[0] & ids[2]


def test_an_alert_is_raised_at_the_moment_whose_knowledge_it_stands_on() -> None:
    assert {alert.raised_at for alert in alerts_of(judged(FAULTY), POLICY)} == {LIVE + WEEK}


def test_a_report_survives_json() -> None:
    report = judged(FAULTY)
    assert MonitoringReport.model_validate_json(report.model_dump_json()) == report
