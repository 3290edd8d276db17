"""What recurs every year is no news."""

from datetime import timedelta

import numpy as np
import pandas as pd

from model_lifecycle.monitoring.judge import judge_windows
from model_lifecycle.monitoring.season import season_of, with_season
from model_lifecycle.monitoring.verdict import Drift, SeasonDrift
from monitored_traffic import LIVE, RULES, WEEK, Traffic, champion, live, log_of

YEAR = timedelta(days=364)


def _hot(found: Traffic) -> Traffic:
    return found.changed("temperature", lambda values: values + 25.0)


def _year_before(found: Traffic) -> pd.DataFrame:
    return log_of(Traffic(found.columns, found.times - np.timedelta64(364, "D"), found.score, found.target))


def _season(now: Traffic, before: pd.DataFrame) -> tuple[SeasonDrift, Drift]:
    log = log_of(now)
    report = judge_windows(log, champion(), RULES, LIVE + WEEK, 1)
    drift = with_season(report, log, before, champion(), RULES).windows[-1].drift
    assert drift.season is not None
    return drift.season, drift


def test_a_summer_like_the_last_one_has_drifted_and_is_usual() -> None:
    found, drift = _season(_hot(live(1)), _year_before(_hot(live(2))))
    assert "temperature" in {one.feature for one in drift.drifted()}
    assert "temperature" in found.seasonal(drift)
    assert (found.start, found.end, found.decisions) == (LIVE - YEAR, LIVE + WEEK - YEAR, 1050)


def test_a_summer_unlike_the_last_one_is_not_usual() -> None:
    found, drift = _season(_hot(live(1)), _year_before(live(2)))
    assert "temperature" not in found.seasonal(drift)
    assert not next(one for one in found.features if one.feature == "temperature").usual


def test_a_log_that_does_not_go_back_so_far_says_so() -> None:
    found, _ = _season(live(1), log_of(live(2)))
    assert (found.decisions, found.features) == (0, ())
    assert found.reason == "0 decisions are logged of the season before, expected at least 50"


def test_a_column_that_was_not_logged_then_is_left_out_and_the_others_are_compared() -> None:
    before = _year_before(live(2))
    for row in before["inputs"]:
        del row["engine"]
    found, _ = _season(live(1), before)
    assert {"engine", "(score)"}.isdisjoint(one.feature for one in found.features)
    assert len(found.features) == 12


def test_without_a_window_there_is_no_season() -> None:
    empty = log_of(live(1)).head(0)
    report = judge_windows(empty, champion(), RULES, LIVE, 1)
    assert season_of(report, YEAR) is None
    assert with_season(report, empty, empty, champion(), RULES) == report
