import numpy as np
import pytest

from model_lifecycle.monitoring.estimated import estimate_performance
from model_lifecycle.monitoring.windows import Window, rows_of
from model_lifecycle.statistics.discrimination import expected_auc
from monitored_traffic import LIVE, TASK, WEEK, champion, judged, live, log_of

ROWS = rows_of(log_of(live(1)), Window(LIVE, LIVE + WEEK), None)


def test_an_estimate_comes_near_what_is_realised_while_the_model_is_right() -> None:
    newest = judged(live(1)).windows[-1]
    found = newest.estimated
    assert set(found) == {"log_loss", "auc", "value_per_1000"}
    assert found["log_loss"].estimate == pytest.approx(found["log_loss"].realised, abs=0.03)
    assert found["auc"].estimate == pytest.approx(found["auc"].realised, abs=0.03)
    assert found["value_per_1000"].realised == pytest.approx(found["value_per_1000"].estimate, abs=700.0)


def test_labels_are_not_looked_at() -> None:
    unlabelled = ROWS.assign(outcome=None, value=np.nan)
    assert estimate_performance(unlabelled, champion(), TASK) == estimate_performance(ROWS, champion(), TASK)


def test_every_estimate_after_the_first_mature_window_has_its_past_error() -> None:
    first, second, third = judged(live(2, weeks=3), weeks=3).windows
    loss = [window.estimated["log_loss"] for window in (first, second, third)]
    assert (loss[0].past_error, loss[0].past_windows) == (None, 0)
    errors = [abs(one.estimate - (one.realised or 0.0)) for one in loss[:2]]
    assert loss[2].past_error == pytest.approx(np.mean(errors))
    assert loss[2].past_windows == 2


def test_the_expected_area_is_the_mean_over_outcomes_that_happen_as_predicted() -> None:
    random = np.random.default_rng(0)
    chance = np.round(random.random(400), 2)
    drawn = [_area(random.random(chance.size) < chance, chance) for _ in range(300)]
    assert expected_auc(chance) == pytest.approx(np.mean(drawn), abs=0.004)


def _area(target: np.ndarray, score: np.ndarray) -> float:
    above = np.sign(score[target][:, np.newaxis] - score[~target])
    return float(np.mean((above + 1.0) / 2.0))


def test_another_releases_rows_are_not_estimated() -> None:
    assert estimate_performance(ROWS.assign(release="r0"), champion(), TASK) == {}
