import numpy as np
import pytest

from model_lifecycle.monitoring.drift import feature_drift
from model_lifecycle.monitoring.joint import normal_scores
from monitored_traffic import MONITORING, champion, live

PROFILE = champion().reference_profile


def _paired(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Put the values of one column into the order of another's: each by itself stays as it is."""
    ranks = np.argsort(np.argsort(columns["noise_2"]))
    return {**columns, "noise_3": np.sort(columns["noise_3"])[ranks]}


def test_columns_that_begin_to_move_together_have_drifted_though_each_looks_as_before() -> None:
    columns = live(1).columns
    plain, paired = (feature_drift(one, None, PROFILE, MONITORING) for one in (columns, _paired(columns)))
    assert plain.joint is not None
    assert paired.joint is not None
    assert (plain.joint.drifted, paired.joint.drifted) == (False, True)
    assert paired.joint.pairs[0].features == ("noise_2", "noise_3")
    assert paired.joint.pairs[0].before == pytest.approx(0.0, abs=0.1)
    assert paired.joint.pairs[0].now == pytest.approx(1.0, abs=0.1)
    assert [one.effect for one in paired.features] == [one.effect for one in plain.features]


def test_text_and_absent_columns_leave_their_pairs_out() -> None:
    columns = {name: values for name, values in live(1).columns.items() if name in ("load", "noise_1")}
    found = feature_drift({**columns, "noise_2": np.array(["x"] * 1050, dtype=object)}, None, PROFILE, MONITORING)
    assert found.joint is not None
    assert [one.features for one in found.joint.pairs] == [("load", "noise_1")]
    assert feature_drift({"load": columns["load"]}, None, PROFILE, MONITORING).joint is None


def test_a_constant_column_has_no_correlation() -> None:
    found = feature_drift({**live(1).columns, "load": np.ones(1050)}, None, PROFILE, MONITORING)
    assert found.joint is not None
    assert not found.joint.drifted


def test_normal_scores_have_the_middle_of_the_reference_at_zero() -> None:
    column = PROFILE.features["noise_1"]
    middle = np.array([column.quantiles[50], np.nan])
    assert normal_scores(column, middle) == pytest.approx([0.0, 0.0], abs=0.05)
