from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.errors import ConfigurationError, ContractError
from model_lifecycle.monitoring.judge import Rules, judge_windows, lookback
from model_lifecycle.monitoring.performance import holdout_figures
from model_lifecycle.monitoring.policy import Decision, PolicyState, decide
from model_lifecycle.monitoring.verdict import Figure
from model_lifecycle.monitoring.windows import Window, maturity, resolve_until, rows_of, tile, tile_by_rows
from monitored_traffic import LIVE, MONITORING, POLICY, RELEASE, RULES, TASK, WEEK, champion, live, log_of

DAY = timedelta(days=1)


def test_windows_lie_side_by_side_and_end_at_until() -> None:
    windows = tile(LIVE, LIVE + 3 * WEEK, WEEK, 10)
    assert [window.start for window in windows] == [LIVE, LIVE + WEEK, LIVE + 2 * WEEK]
    assert windows[-1].end == LIVE + 3 * WEEK


def test_windows_before_the_first_decision_are_left_out_and_the_one_that_holds_it_is_kept() -> None:
    assert tile(LIVE, LIVE + 8 * DAY, WEEK, 10)[0] == Window(LIVE - 6 * DAY, LIVE + DAY)
    assert tile(LIVE, LIVE, WEEK, 10) == ()


def test_at_most_so_many_windows_as_asked() -> None:
    assert len(tile(LIVE, LIVE + 9 * WEEK, WEEK, 4)) == 4


def test_until_without_a_zone_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"monitoring_until: found '2024-08-01T00:00' without a zone"):
        resolve_until("2024-08-01T00:00", None)


def test_until_that_is_no_time_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"monitoring_until: found 'tomorrow', expected an ISO time"):
        resolve_until("tomorrow", None)


def test_without_until_the_newest_decision_is_in_the_last_window() -> None:
    log = log_of(live(1))
    report = judge_windows(log, champion(), RULES, None, 3)
    assert sum(window.decisions for window in report.windows) == len(log)
    assert report.as_of == log["label_time"].max()


def test_an_empty_log_gives_no_window() -> None:
    report = judge_windows(log_of(live(1)).iloc[:0], champion(), RULES, None, 3)
    assert report.windows == ()
    assert report.newest() is None


def test_an_empty_window_is_blocked_and_not_judged() -> None:
    report = judge_windows(log_of(live(1)), champion(), RULES, LIVE + 2 * WEEK, 2)
    newest = report.windows[-1]
    assert (newest.decisions, newest.maturity.mature, newest.performance) == (0, False, None)
    assert [one.message for one in newest.critical()] == ["no decision was logged in the window"]


def test_a_window_without_labels_is_not_mature() -> None:
    log = log_of(live(1), delay=2 * WEEK)
    found = maturity(rows_of(log, Window(LIVE, LIVE + WEEK), LIVE + WEEK), MONITORING)
    assert not found.mature
    assert found.reason == "0 of 1,050 decisions (0%) have an outcome, expected 90%"
    assert (found.waiting, found.delay_hours) == (1050, {})


def test_a_label_counts_only_from_its_own_time_on() -> None:
    log, window = log_of(live(1), delay=DAY), Window(LIVE, LIVE + WEEK)
    assert maturity(rows_of(log, window, LIVE + WEEK), MONITORING).mature is False
    assert maturity(rows_of(log, window, LIVE + WEEK + DAY), MONITORING).mature is True


def test_a_window_of_fewer_than_500_labels_is_not_mature() -> None:
    log = log_of(live(1)).iloc[:499]
    assert maturity(log, MONITORING).reason == "499 observed outcomes, expected at least 500"
    assert maturity(log_of(live(1)).iloc[:500], MONITORING).mature


def test_unavailable_outcomes_count_for_maturity_and_are_told_by_reason() -> None:
    log = log_of(live(1))
    log.loc[log.index[:300], ["outcome", "reason"]] = ["unavailable", "cancelled"]
    log.loc[log.index[:300], "value"] = np.nan
    found = maturity(log, MONITORING)
    assert (found.mature, found.observed, found.unavailable) == (True, 750, {"cancelled": 300})


def test_a_label_older_than_its_decision_is_counted_and_not_used() -> None:
    log = log_of(live(1))
    log.loc[log.index[:5], "label_time"] = log["decision_time"].iloc[:5] - DAY
    report = judge_windows(log, champion(), RULES, LIVE + WEEK + DAY, 2)
    assert sum(window.maturity.label_before_decision for window in report.windows) == 5
    assert sum(window.maturity.observed for window in report.windows) == len(log) - 5
    assert any(one.rule == "label_time" and one.severity == "warning" for w in report.windows for one in w.quality)


def _late_positives(seed: int) -> pd.DataFrame:
    """Return six stationary weeks of 5% positives, most of which are known after 45 days, and the rest after one."""
    random = np.random.default_rng(seed)
    log = log_of(live(1, weeks=6))
    logit = -3.9 + 1.6 * random.normal(size=len(log))
    log["score"] = 1 / (1 + np.exp(-logit))
    log["value"] = (random.random(len(log)) < log["score"]).astype(float)
    late = (log["value"] == 1.0) & (random.random(len(log)) < 0.9)
    log["label_time"] = log["decision_time"] + pd.to_timedelta(np.where(late, 45, 1), unit="D")
    return log


def _decided(log: pd.DataFrame, rules: Rules, at: datetime) -> Decision:
    """Decide as of a moment, of a champion whose hold-out was such a world, too, with all outcomes."""
    held = _late_positives(100)
    held = held[held["decision_time"] < LIVE + 4 * WEEK]
    times = held["decision_time"].dt.tz_localize(None).to_numpy()
    figures = holdout_figures(TASK, held["value"].to_numpy(), held["score"].to_numpy(), times)
    facts = champion().model_copy(update={"holdout": {k: Figure.model_validate(one) for k, one in figures.items()}})
    windows, _ = lookback(rules.spec, 2, rules.label_delay)
    report = judge_windows(log, facts, rules, at, windows)
    state = PolicyState(now=at, release=RELEASE, trained_until=facts.trained_until, new_labels=10**5)
    return decide(report.windows, POLICY, state)


@pytest.mark.parametrize("seed", [0, 1])
def test_windows_that_lack_the_outcomes_that_come_late_do_not_retrain(seed: int) -> None:
    log = _late_positives(seed)
    waits = replace(RULES, label_delay=timedelta(days=45))
    assert _decided(log, RULES, LIVE + 6 * WEEK).action == "retrain"
    assert _decided(log, waits, LIVE + 6 * WEEK).action != "retrain"


def test_a_window_is_mature_only_when_it_ended_a_label_delay_ago() -> None:
    log, delay = log_of(live(1)), timedelta(days=45)
    found = maturity(log, MONITORING, delay - DAY, delay)
    assert not found.mature
    assert found.reason.startswith("the window ended 44 days ago, and outcomes take up to 45 (`split.label_delay`)")
    assert maturity(log, MONITORING, delay, delay).mature


def test_windows_that_have_waited_are_among_those_that_are_looked_at() -> None:
    """Of two that the policy counts and three more, none had waited for 45 days."""
    waits = replace(RULES, label_delay=timedelta(days=45))
    windows, span = lookback(MONITORING, 2, waits.label_delay)
    assert (windows, span) == (12, 12 * WEEK)
    report = judge_windows(log_of(live(1, weeks=3)), champion(), waits, LIVE + 9 * WEEK, windows)
    assert [one.maturity.mature for one in report.windows][:4] == [True, True, False, False]


def test_the_delay_of_labels_is_told_in_hours() -> None:
    found = maturity(log_of(live(1), delay=timedelta(hours=3)), MONITORING)
    assert found.delay_hours == {"p50": 3.0, "p90": 3.0, "p99": 3.0, "maximum": 3.0}


def test_of_two_predictions_of_one_decision_the_first_counts() -> None:
    log = log_of(live(1))
    again = log.iloc[:1].assign(logged_at=log["logged_at"].iloc[0] + DAY, score=0.99)
    rows = rows_of(pd.concat([again, log]), Window(LIVE, LIVE + WEEK), None)
    assert len(rows) == len(log)
    assert rows.loc[rows["decision_id"] == "d0", "score"].tolist() == log["score"].iloc[:1].tolist()


def test_an_answer_of_another_release_from_after_the_outcome_does_not_count() -> None:
    log = log_of(live(1))
    log["received_at"] = log["label_time"]
    again = log.iloc[:2].assign(
        release="r2", logged_at=log["received_at"].iloc[:2] + pd.to_timedelta([1, -1], unit="h")
    )
    rows = rows_of(pd.concat([log, again]), Window(LIVE, LIVE + WEEK), None)
    assert rows.loc[rows["release"] == "r2", "decision_id"].tolist() == ["d1"]


def test_an_only_answer_from_after_the_outcome_is_kept() -> None:
    log = log_of(live(1))
    log["received_at"] = log["logged_at"] - timedelta(hours=1)
    assert len(rows_of(log, Window(LIVE, LIVE + WEEK), None)) == len(log)


def test_a_log_without_scores_is_refused() -> None:
    with pytest.raises(ContractError, match=r"prediction_window: columns \['score'\] are absent"):
        judge_windows(log_of(live(1)).drop(columns="score"), champion(), RULES, None, 1)


def test_a_log_with_naive_times_is_refused() -> None:
    log = log_of(live(1))
    log["decision_time"] = log["decision_time"].dt.tz_localize(None)
    with pytest.raises(ContractError, match=r"column 'decision_time': found datetime64\[us\], expected UTC times"):
        judge_windows(log, champion(), RULES, datetime(2024, 8, 1, tzinfo=UTC), 1)


HOURS = np.datetime64("2024-08-01T00:00", "us") + np.arange(10) * np.timedelta64(1, "h")
MIDNIGHT = datetime(2024, 8, 2, tzinfo=UTC)


def test_windows_by_count_lie_side_by_side_and_hold_equally_many_decisions() -> None:
    found = tile_by_rows(HOURS, MIDNIGHT, 4, 9)
    assert [(one.start.hour, one.end.hour) for one in found] == [(2, 6), (6, 0)]
    assert found[-1].end == MIDNIGHT


def test_of_windows_by_count_the_newest_are_kept() -> None:
    assert [one.start.hour for one in tile_by_rows(HOURS, MIDNIGHT, 3, 2)] == [4, 7]


def test_fewer_decisions_than_a_window_holds_are_one_window() -> None:
    assert [one.start.hour for one in tile_by_rows(HOURS, MIDNIGHT, 99, 2)] == [0]


def test_decisions_from_after_the_end_are_in_no_window_by_count() -> None:
    assert [one.start.hour for one in tile_by_rows(HOURS, datetime(2024, 8, 1, 5, tzinfo=UTC), 4, 9)] == [1]


def test_decisions_of_one_moment_make_one_window() -> None:
    found = tile_by_rows(np.repeat(HOURS[:1], 8), MIDNIGHT, 4, 9)
    assert [(one.start.hour, one.end) for one in found] == [(0, MIDNIGHT)]


def test_no_decision_makes_no_window_by_count() -> None:
    assert tile_by_rows(HOURS[:0], MIDNIGHT, 4, 9) == ()


def test_windows_by_count_are_judged_by_their_rows() -> None:
    rules = replace(RULES, spec=RULES.spec.model_copy(update={"window_rows": 400}))
    found = judge_windows(log_of(live(1), timedelta(0)), champion(), rules, LIVE + WEEK, 5).windows
    assert [one.decisions for one in found] == [400, 400]
