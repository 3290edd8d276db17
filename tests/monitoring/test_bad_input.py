"""Windows as bad as they come: each is judged as far as it can be, and nothing is trained on what is wrong."""

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.errors import ContractError
from model_lifecycle.monitoring.alerts import judge_alerts
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.judge import judge_windows
from model_lifecycle.monitoring.policy import Decision, PolicyState, decide
from model_lifecycle.monitoring.verdict import MonitoringReport
from monitored_traffic import LIVE, POLICY, RELEASE, RULES, WEEK, champion, judged, live, log_of


def _decided(report: MonitoringReport, weeks: int, new_labels: int) -> Decision:
    state = PolicyState(
        now=LIVE + weeks * WEEK, release=RELEASE, trained_until=champion().trained_until, new_labels=new_labels
    )
    return decide(report.windows, POLICY, state)


def test_without_any_label_ever_nothing_is_judged_nothing_retrained_and_people_are_told() -> None:
    log = log_of(live(3, weeks=2))
    log["outcome"], log["value"] = None, np.nan
    log["label_time"] = log["label_time"].mask(np.ones(len(log), dtype=bool))
    report = judge_windows(log, champion(), RULES, LIVE + 2 * WEEK, 2)
    assert [window.performance for window in report.windows] == [None, None]
    policy = POLICY.model_copy(update={"maximum_age": WEEK})  # long since too old
    state = PolicyState(now=LIVE + 2 * WEEK, release=RELEASE, trained_until=champion().trained_until, new_labels=0)
    decision = decide(report.windows, policy, state)
    assert decision.action == "investigate"
    assert "retraining waits for new labels: 0 of 2,000" in decision.reasons
    rule = {"metric": "labels.waiting_share", "above": 0.5, "severity": "warning"}
    alerting = AlertingSpec.model_validate({"rules": {"labels_late": rule}})
    (late,) = {one.rule for one in judge_alerts(report, None, POLICY, champion().holdout, alerting).breaches()}
    assert late.startswith("labels_late")


def test_a_window_in_which_a_column_changes_its_type_half_way_accuses_that_column_alone() -> None:
    def as_text(values: np.ndarray) -> np.ndarray:
        return np.array([f"{value:.1f} F" for value in values], dtype=object)

    changed = live(4).changed_from(LIVE + WEEK / 2, "temperature", as_text)
    window = judged(changed).windows[0]
    assert {finding.column for finding in window.critical()} == {"temperature"}
    assert {one.feature for one in window.drift.features} >= {"load", "noise_0", "region"}
    assert _decided(judged(changed), 1, 5000).action == "investigate"


def test_a_window_in_which_a_field_gets_another_name_half_way_tells_that_the_old_one_is_missing() -> None:
    log = log_of(live(4))
    half = len(log) // 2
    renamed = [
        row if number < half else {("temp_f" if name == "temperature" else name): value for name, value in row.items()}
        for number, row in enumerate(log["inputs"])
    ]
    log["inputs"] = pd.Series(renamed, index=log.index)
    window = judge_windows(log, champion(), RULES, LIVE + WEEK, 1).windows[0]
    assert [(one.rule, one.column) for one in window.critical()] == [("missing", "temperature")]


@pytest.mark.parametrize("seed", range(5, 9))
def test_labels_of_which_a_caller_flips_a_twentieth_do_not_retrain_a_model_that_is_right(seed: int) -> None:
    log = log_of(live(seed, weeks=2))
    flipped = np.random.default_rng(seed).random(len(log)) < 0.05
    log["value"] = np.where(flipped, 1.0 - log["value"], log["value"])
    report = judge_windows(log, champion(), RULES, LIVE + 2 * WEEK, 2)
    assert _decided(report, 2, 5000).action != "retrain"


def test_the_reference_of_another_release_is_refused() -> None:
    with pytest.raises(
        ContractError, match=f"release: found '{RELEASE}', expected 'r2'; windows would be held against"
    ):
        ChampionFacts.read(champion(), "r2")


def test_a_score_that_is_no_probability_is_told_and_left_out_of_every_figure() -> None:
    """One damaged row is a warning beside figures of all others; from one in a hundred on the window is not trusted."""
    log = log_of(live(3))
    spoiled = log.copy()
    spoiled.loc[spoiled.index[7], "score"] = 1.5
    spoiled.loc[spoiled.index[9], "score"] = np.nan
    report, rest = (
        judge_windows(one, champion(), RULES, LIVE + WEEK, 1) for one in (spoiled, log.drop(log.index[[7, 9]]))
    )
    (window,), (other,) = report.windows, rest.windows
    told = [(one.severity, one.message) for one in window.quality if one.rule == "no_prediction"]
    text = f"2 of {len(log):,} logged predictions are none (missing or out of range); no figure counts them"
    assert told == [("warning", text)]
    assert window.performance is not None
    assert other.performance is not None
    assert window.performance.figures == other.performance.figures
    assert window.concept == other.concept
    spoiled["score"] = np.where(np.arange(len(log)) % 50 == 0, -0.1, log["score"])
    assert judge_windows(spoiled, champion(), RULES, LIVE + WEEK, 1).windows[0].blocked()
