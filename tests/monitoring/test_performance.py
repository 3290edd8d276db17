from datetime import timedelta

import numpy as np
import pytest

from model_lifecycle.errors import ContractError
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.judge import judge_windows
from model_lifecycle.monitoring.performance import gains, holdout_figures, judge_performance, release_shares
from model_lifecycle.monitoring.verdict import Figure, Performance
from model_lifecycle.monitoring.windows import Window, rows_of
from model_lifecycle.statistics.discrimination import roc_auc
from model_lifecycle.statistics.proper_scores import log_losses
from monitored_traffic import LIVE, RELEASE, RULES, TASK, WEEK, champion, live, log_of, traffic

WINDOW = Window(LIVE, LIVE + WEEK)


def test_figures_are_those_of_the_labelled_rows() -> None:
    log = log_of(live(1))
    found = judge_performance(rows_of(log, WINDOW, None), champion(), TASK, WEEK)
    target, score = log["value"].to_numpy(), log["score"].to_numpy()
    assert found.problems == {}
    assert found.figures["log_loss"].estimate == pytest.approx(log_losses(target, score).mean())
    assert found.figures["auc"].estimate == pytest.approx(roc_auc(target, score))
    assert found.block == "day"


def test_a_window_of_four_weeks_has_weekly_blocks() -> None:
    log = log_of(live(1, weeks=4))
    rows = rows_of(log, Window(LIVE, LIVE + 4 * WEEK), None)
    found = judge_performance(rows, champion(), TASK, 4 * WEEK)
    assert (found.block, found.figures["log_loss"].n_blocks) == ("week", 4)


def test_skill_is_lost_against_the_constant_on_the_same_rows() -> None:
    log = log_of(live(1))
    found = judge_performance(rows_of(log, WINDOW, None), champion(), TASK, WEEK)
    target, score = log["value"].to_numpy(), log["score"].to_numpy()
    skill = np.mean(log_losses(target, score) - log_losses(target, np.full(target.size, target.mean())))
    assert found.differences["skill_lost"].estimate == pytest.approx(skill - champion().holdout["skill"].estimate)


def test_value_counts_unavailable_outcomes_and_only_acted_rows() -> None:
    rows = log_of(live(1)).iloc[:4].copy()
    rows["score"] = [0.9, 0.9, 0.9, 0.1]
    rows["value"] = [1.0, 0.0, np.nan, 1.0]
    rows["outcome"] = ["observed", "observed", "unavailable", "observed"]
    assert gains(rows, TASK).tolist() == [30.0, -10.0, 5.0, 0.0]


def test_other_releases_are_left_out_of_the_champions_figures_and_told_beside_them() -> None:
    log = log_of(live(1))
    log.loc[log.index[::2], "release"] = "r0"
    found = judge_windows(log, champion(), RULES, LIVE + WEEK + timedelta(days=1), 2).windows[-1]
    rows = rows_of(log, Window(LIVE + timedelta(days=1), LIVE + WEEK + timedelta(days=1)), None)
    shares = {one.release: one.decisions for one in release_shares(rows, TASK)}
    assert found.performance is not None
    assert found.performance.rows == shares[RELEASE]
    assert set(shares) == {"r0", RELEASE}


def test_one_class_only_leaves_the_other_figures_standing() -> None:
    log = log_of(live(1))
    log["value"] = 0.0
    found = judge_performance(rows_of(log, WINDOW, None), champion(), TASK, WEEK)
    assert set(found.problems) == {"auc", "average_precision"}
    assert {"log_loss", "brier", "value_per_1000"} <= set(found.figures)


def test_a_release_without_a_row_has_reasons_instead_of_figures() -> None:
    other = champion().model_copy(update={"release": "r9"})
    found = judge_performance(rows_of(log_of(live(1)), WINDOW, None), other, TASK, WEEK)
    assert (found.rows, found.figures, found.differences) == (0, {}, {})
    assert {"log_loss", "skill_lost"} <= set(found.problems)


def test_rows_of_a_single_day_have_figures_without_an_interval() -> None:
    rows = log_of(live(1)).iloc[:100]
    found = judge_performance(rows, champion(), TASK, WEEK)
    assert found.figures["log_loss"].lower is None
    assert found.differences["skill_lost"].lower is None


def _judged_after(hold_out_days: int) -> Performance:
    """Judge a stationary week against a hold-out of so many days."""
    held = traffic(0, 150, LIVE).part(LIVE - timedelta(days=hold_out_days), LIVE)
    figures = holdout_figures(TASK, held.target, held.score, held.times)
    facts = champion().model_copy(update={"holdout": {k: Figure.model_validate(one) for k, one in figures.items()}})
    return judge_performance(rows_of(log_of(live(1)), WINDOW, None), facts, TASK, WEEK)


def test_a_hold_out_of_nine_positives_has_a_bare_auc_and_intervals_of_what_needs_none() -> None:
    """A release of it could not be packed: the run ended after every gate had passed."""
    held = traffic(0, 150, LIVE).part(LIVE - timedelta(days=60), LIVE)
    target = np.zeros(len(held.target))
    target[np.linspace(0, len(target) - 1, 9).astype(int)] = 1.0
    figures = holdout_figures(TASK, target, held.score, held.times)
    auc, skill = (Figure.model_validate(figures[name]) for name in ("auc", "skill"))
    assert auc.estimate == pytest.approx(roc_auc(target, held.score))
    assert (auc.lower, auc.upper) == (None, None)
    assert skill.lower is not None


@pytest.mark.parametrize("days", [8, 10, 14, 24])
def test_a_hold_out_of_less_than_four_weeks_has_an_interval_over_its_days(days: int) -> None:
    held = traffic(0, 150, LIVE).part(LIVE - timedelta(days=days), LIVE)
    figures = holdout_figures(TASK, held.target, held.score, held.times)
    skill = Figure.model_validate(figures["skill"])
    assert (skill.n_blocks, Figure.model_validate(figures["auc"]).n_blocks) == (days, days)
    assert skill.upper is not None
    week, lost = judge_performance(rows_of(log_of(live(1)), WINDOW, None), champion(), TASK, WEEK), _judged_after(days)
    found = lost.differences["skill_lost"]
    assert found.lower is not None
    assert found.estimate - found.lower > skill.upper - skill.estimate
    assert week.figures == lost.figures


def test_a_hold_out_of_four_weeks_keeps_its_weekly_blocks() -> None:
    assert champion().holdout["skill"].n_blocks == 4


def test_a_hold_out_without_an_interval_gives_no_difference_and_the_reason() -> None:
    found = _judged_after(1)
    assert set(found.differences) == {"against_constant"}
    assert (
        found.problems["skill_lost"] == "the hold-out is too short for an interval, so nothing can be held against it"
    )


def test_a_champion_without_its_skill_on_the_hold_out_is_refused() -> None:
    facts = champion().model_dump(mode="json")
    del facts["holdout"]["skill"]
    with pytest.raises(ContractError, match=r"champion_release, holdout: found .*, expected \['loss', 'skill'\]"):
        ChampionFacts.read(facts)


def test_an_incomplete_champion_is_refused_with_the_place() -> None:
    facts = champion().model_dump(mode="json")
    del facts["trained_until"]
    with pytest.raises(ContractError, match=r"champion_release, trained_until: Field required \(1 in all\)"):
        ChampionFacts.read(facts)
