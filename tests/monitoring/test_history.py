from datetime import UTC, datetime, timedelta

from model_lifecycle.monitoring.history import WindowHistory, remember
from model_lifecycle.monitoring.policy import Action, Decision
from model_lifecycle.monitoring.verdict import Drift, FeatureDrift, Finding, Maturity, MonitoringReport, WindowVerdict

START = datetime(2024, 7, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def window(number: int, *, mature: bool = True, blocked: bool = False) -> WindowVerdict:
    finding = Finding(rule="missing", column="a", severity="critical", found=1.0, limit=0.1, message="'a' is missing")
    maturity = Maturity(
        mature=mature,
        reason="said",
        decisions=10,
        observed=10,
        unavailable={},
        waiting=0,
        label_before_decision=0,
        delay_hours={},
    )
    drift = FeatureDrift(
        feature="a",
        effect=0.3,
        floor=0.1,
        calibrated=True,
        p_value=0.0,
        adjusted_p_value=0.0,
        stability_index=1.0,
        drifted=True,
    )
    return WindowVerdict(
        start=START + number * WEEK,
        end=START + (number + 1) * WEEK,
        decisions=10,
        maturity=maturity,
        quality=(finding,) if blocked else (),
        drift=Drift(features=(drift,)),
        performance=None,
        releases=(),
    )


def report(*windows: WindowVerdict) -> MonitoringReport:
    until = windows[-1].end
    return MonitoringReport(
        release="r1", until=until, as_of=until, window_seconds=WEEK.total_seconds(), windows=windows, new_labels=0
    )


def decision(action: Action) -> Decision:
    return Decision(action=action, reasons=(f"{action} it is",), evidence={})


def test_only_the_newest_window_is_what_was_decided_on() -> None:
    found = remember(WindowHistory(), report(window(0), window(1)), decision("retrain"))
    assert [(one.action, one.reasons) for one in found.windows] == [(None, ()), ("retrain", ("retrain it is",))]


def test_a_window_judged_again_is_replaced_and_keeps_what_was_decided_then() -> None:
    first = remember(WindowHistory(), report(window(0, mature=False)), decision("investigate"))
    second = remember(first, report(window(0), window(1)), decision("nothing"))

    assert [(one.mature, one.action) for one in second.windows] == [(True, "investigate"), (True, "nothing")]


def test_windows_that_a_run_no_longer_looks_back_on_stay() -> None:
    history = WindowHistory()
    for number in range(4):
        history = remember(history, report(window(number)), decision("nothing"))

    assert [one.start for one in history.windows] == [START + number * WEEK for number in range(4)]


def test_the_same_run_again_changes_nothing() -> None:
    once = remember(WindowHistory(), report(window(0)), decision("nothing"))
    assert remember(once, report(window(0)), decision("nothing")) == once


def test_a_remembered_window_keeps_findings_and_drift_and_survives_json() -> None:
    history = remember(WindowHistory(), report(window(0, blocked=True)), decision("investigate"))
    (found,) = WindowHistory.model_validate_json(history.model_dump_json()).windows

    assert found.blocked()
    assert found.findings == ("'a' is missing",)
    assert (found.drift["a"].effect, found.drift["a"].drifted) == (0.3, True)
