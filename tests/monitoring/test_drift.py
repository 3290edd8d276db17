import numpy as np

from model_lifecycle.monitoring.drift import SCORE, feature_drift
from monitored_traffic import MONITORING, champion, live

PROFILE = champion().reference_profile


def test_drift_needs_the_effect_as_well_as_the_test() -> None:
    warm = {"temperature": np.random.default_rng(0).normal(62.0, 10.0, size=200_000)}
    found = feature_drift(warm, None, PROFILE, MONITORING).features[0]
    assert found.adjusted_p_value < MONITORING.drift_level
    assert found.effect < found.floor
    assert not found.drifted


def test_drift_needs_the_test_as_well_as_the_effect() -> None:
    found = feature_drift({"region": np.array(["east"] * 4, dtype=object)}, None, PROFILE, MONITORING).features[0]
    assert found.effect > found.floor
    assert not found.drifted


def test_a_column_of_the_wrong_type_is_skipped_and_the_others_are_compared() -> None:
    columns = {**live(1).columns, "load": np.array(["heavy"] * 1050, dtype=object)}
    found = feature_drift(columns, None, PROFILE, MONITORING)
    assert set(found.skipped) == {"load", SCORE}
    assert len(found.features) == len(PROFILE.features) - 1


def test_a_feature_that_was_not_logged_is_told() -> None:
    found = feature_drift({}, None, PROFILE, MONITORING)
    assert found.skipped["load"] == "not logged"
    assert found.features == ()


def test_a_new_category_drifts() -> None:
    region = live(1).columns["region"].copy()
    region[:200] = "offshore"
    found = feature_drift({"region": region}, None, PROFILE, MONITORING)
    assert [one.feature for one in found.drifted()] == ["region"]


def test_the_score_is_compared_with_that_of_the_hold_out() -> None:
    found = feature_drift({}, np.full(1050, 0.9), PROFILE, MONITORING)
    assert [one.feature for one in found.drifted()] == [SCORE]


def test_the_furthest_above_its_floor_comes_first() -> None:
    columns = live(1).changed("noise_5", lambda values: values + 3).columns
    assert feature_drift(columns, None, PROFILE, MONITORING).features[0].feature == "noise_5"


def test_the_rows_of_a_window_are_told_in_the_bins_of_the_reference() -> None:
    region = np.array(["north"] * 30 + ["offshore"] * 12 + [None] * 8, dtype=object)
    (found,) = feature_drift({"region": region}, None, PROFILE, MONITORING).features
    assert len(found.counts) == len(PROFILE.features["region"].counts)
    assert found.counts[-2:] == (12, 8)  # all other categories, then missing
