"""What a release remembers of its errors on the hold-out."""

import numpy as np
import pytest

from model_lifecycle.monitoring.holdout import HoldoutErrors, holdout_errors
from monitored_traffic import TASK, live


def test_the_sums_are_those_of_the_losses_by_day_and_tenth_of_the_score() -> None:
    found = live(1)
    kept = HoldoutErrors.model_validate(holdout_errors(TASK, found.target, found.score, found.times))
    losses = TASK.losses(found.target, found.score)
    assert np.array(kept.rows).shape == (7, 10)
    assert kept.reference().losses.sum() == pytest.approx(losses.sum())
    assert kept.lowest < 0.0 < kept.highest


def test_a_hold_out_of_one_day_keeps_none_and_breaks_nothing() -> None:
    found = live(1)
    first = found.times < found.times.min() + np.timedelta64(1, "D")
    assert holdout_errors(TASK, found.target[first], found.score[first], found.times[first]) is None
