"""Concept drift apart from data drift: labels that flip, inputs that move, and neither."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.concept import adwin_cuts, judge_concept, watch_errors
from model_lifecycle.monitoring.judge import judge_windows, with_error_stream
from model_lifecycle.monitoring.verdict import Concept, ErrorStream, MonitoringReport
from model_lifecycle.monitoring.windows import Window, rows_of
from monitored_traffic import LIVE, RULES, TASK, WEEK, Traffic, champion, live, log_of

WINDOW = Window(LIVE, LIVE + WEEK)


def _flipped(found: Traffic, share: float, after: np.datetime64 | None = None) -> Traffic:
    """Turn the outcome of a share of the rows round; inputs and scores stay."""
    chosen = np.random.default_rng(1).random(found.target.size) < share
    if after is not None:
        chosen &= found.times >= after
    return replace(found, target=np.where(chosen, 1.0 - found.target, found.target))


def _moved(found: Traffic) -> Traffic:
    """Ask for fewer decisions with a low score: other inputs, and the outcome given the inputs stays what it was."""
    kept = np.random.default_rng(2).random(found.score.size) < np.clip(2.0 * found.score, 0.1, 1.0)
    columns = {name: values[kept] for name, values in found.columns.items()}
    return Traffic(columns, found.times[kept], found.score[kept], found.target[kept])


def _concept(found: Traffic, facts: ChampionFacts | None = None) -> Concept:
    return judge_concept(rows_of(log_of(found), WINDOW, None), facts or champion(), TASK, 0.05)[0]


def test_labels_that_flip_are_concept_drift_and_no_drift_of_inputs() -> None:
    found = _concept(_flipped(live(1), 0.2))
    assert found.drifted
    assert found.from_outcomes is not None
    assert found.from_inputs is not None
    assert found.from_outcomes.estimate > 5 * abs(found.from_inputs.estimate)


def test_inputs_that_move_with_equal_outcomes_given_them_are_no_concept_drift() -> None:
    found = _concept(_moved(live(1)))
    assert not found.drifted
    assert found.from_inputs is not None
    assert found.from_outcomes is not None
    assert found.from_inputs.estimate > 5 * abs(found.from_outcomes.estimate)


def test_both_parts_add_up_to_the_change_of_the_loss_that_performance_tells() -> None:
    report = judge_windows(log_of(_flipped(live(1), 0.1)), champion(), RULES, LIVE + WEEK + timedelta(days=1), 2)
    window = report.windows[-1]
    found = window.concept
    assert found is not None
    assert found.total is not None
    assert found.from_inputs is not None
    assert found.from_outcomes is not None
    assert window.performance is not None
    assert found.total.estimate == pytest.approx(found.from_inputs.estimate + found.from_outcomes.estimate)
    assert found.total.estimate == pytest.approx(window.performance.differences["loss_increase"].estimate)


def test_a_release_without_errors_of_its_hold_out_says_so() -> None:
    found = _concept(live(1), champion().model_copy(update={"errors": None}))
    assert (found.drifted, found.from_outcomes) == (False, None)
    assert "keeps no errors of its hold-out" in found.reason


def test_a_window_of_one_day_says_that_it_has_one_block() -> None:
    rows = rows_of(log_of(live(1)), Window(LIVE, LIVE + timedelta(days=1)), None)
    assert "found 1 block" in judge_concept(rows, champion(), TASK, 0.05)[0].reason


def _streamed(found: Traffic, weeks: int) -> ErrorStream:
    log = log_of(found, timedelta(0))
    report = judge_windows(log, champion(), RULES, LIVE + weeks * WEEK, weeks)
    errors = with_error_stream(report, log, champion(), RULES).errors
    assert errors is not None
    return errors


def test_a_change_in_the_stream_of_errors_is_found_on_its_day() -> None:
    after = np.datetime64((LIVE + 3 * WEEK).replace(tzinfo=None), "us")
    found = _streamed(_flipped(live(2, weeks=5), 0.25, after), 5)
    assert found.confirmed
    assert found.since is not None
    assert abs(found.since - (LIVE + 3 * WEEK)) <= timedelta(days=2)
    assert found.seen[0] > LIVE + 3 * WEEK
    assert (found.days, found.rows) == (35, 5250)


def test_a_stationary_stream_is_not_confirmed() -> None:
    assert not _streamed(live(3, weeks=5), 5).confirmed


def test_adwin_alone_takes_dependent_days_for_a_change_and_the_days_do_not_confirm_it() -> None:
    """Independent rows at 14,000 a day make differences of days look like news to ADWIN; a fact kept in sight."""
    rng = np.random.default_rng(0)
    level = np.repeat(0.5 + 0.03 * rng.standard_normal(35), 14_000)
    stream = np.clip(level + 0.2 * rng.standard_normal(level.size), 0.0, 1.0)
    assert list(adwin_cuts(stream, 0.002))


def test_adwin_sees_the_published_change_of_river_and_nothing_in_equal_rows() -> None:
    """The series of river's documentation: 1,000 draws of 0 or 1, then 1,000 of 4 to 7, brought to [0, 1]."""
    rng = np.random.default_rng(12345)
    stream = np.concatenate([rng.integers(0, 2, 1_000), rng.integers(4, 8, 1_000)]) / 8.0
    assert [place for place in adwin_cuts(stream, 0.002) if place < 1_000] == []
    assert 1_000 <= next(iter(adwin_cuts(stream, 0.002))) < 1_064
    assert list(adwin_cuts(np.full(5_000, 0.5), 0.002)) == []


def test_without_a_label_the_stream_says_so() -> None:
    assert watch_errors([], champion(), TASK, 0.002, 0.05).reason == "found no labelled row of the champion"


def test_a_report_from_before_reads_as_one_without_concept_drift() -> None:
    report = judge_windows(log_of(live(1)), champion(), RULES, LIVE + WEEK, 1).model_dump(mode="json")
    del report["errors"]
    for window in report["windows"]:
        del window["concept"]
    found = MonitoringReport.model_validate(report)
    assert (found.errors, found.windows[0].concept) == (None, None)
