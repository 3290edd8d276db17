import numpy as np
import pytest

from model_lifecycle.contracts.policy import MonitoringSpec
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


def test_a_missing_share_that_grew_drifts_by_that_statistic() -> None:
    sensor = live(1).columns["sensor"].copy()
    sensor[::4] = np.nan
    found = feature_drift({"sensor": sensor}, None, PROFILE, MONITORING).features[0]
    assert (found.drifted, found.statistic) == (True, "missing_share")


def test_every_statistic_is_told_with_its_floor() -> None:
    found = feature_drift(live(1).columns, None, PROFILE, MONITORING)
    by_name = {one.feature: [test.statistic for test in one.tests] for one in found.features}
    assert by_name["load"] == ["kolmogorov_smirnov", "jensen_shannon", "missing_share"]
    assert by_name["region"] == ["jensen_shannon", "missing_share"]
    assert all(test.floor is not None for one in found.features for test in one.tests)


def test_how_far_a_number_moved_is_told_in_its_own_unit() -> None:
    warm = {"temperature": live(1).columns["temperature"] + 40.0}
    found = feature_drift(warm, None, PROFILE, MONITORING).features[0]
    assert found.wasserstein == pytest.approx(40.0, abs=5.0)


def test_without_calibrated_floors_a_large_drift_is_suspected_and_raises_no_alarm() -> None:
    short = PROFILE.model_copy(
        update={
            "sizes": (),
            "features": {name: one.model_copy(update={"floors": {}}) for name, one in PROFILE.features.items()},
        }
    )
    far = {"noise_1": live(1).columns["noise_1"] + 3.0}
    drift = feature_drift(far, None, short, MONITORING)
    assert (drift.features[0].suspected, drift.features[0].drifted, drift.features[0].calibrated) == (
        True,
        False,
        False,
    )
    assert drift.calibration is not None
    assert "too short" in drift.calibration.message


def test_a_feature_whose_floor_no_effect_can_exceed_is_told_as_one_that_cannot_alarm() -> None:
    """The week is another altogether: no value of the reference; a missing share alone would still alarm."""
    region = PROFILE.features["region"]
    ones = {"jensen_shannon": (1.0,) * len(PROFILE.sizes), "missing_share": (0.0,) * len(PROFILE.sizes)}
    deaf = region.model_copy(update={"floors": ones})
    profile = PROFILE.model_copy(update={"features": {**PROFILE.features, "region": deaf}})
    columns = {"region": np.array(["offshore"] * 1050, dtype=object)}
    drift = feature_drift(columns, None, profile, MONITORING)
    assert (drift.features[0].adjusted_p_value, drift.drifted()) == (0.0, ())
    assert drift.calibration is not None
    assert drift.calibration.warning() == (
        "1 feature cannot alarm, since windows of the reference differ too much for so few of them: region"
    )
    assert PROFILE.calibration_of(1050).warning() == ""


def test_overrides_compose() -> None:
    spec = MonitoringSpec.model_validate(
        {
            "window": "7d",
            "drift_overrides": {
                "noise_*": {"floor_factor": 2},
                "noise_1": {"floor_factor": 1.5},
                "noise_2": {"minimum_effect": 0.9},
                "engine": {"ignore": True},
            },
        }
    )
    plain = {one.feature: one for one in feature_drift(live(1).columns, None, PROFILE, MONITORING).features}
    drift = feature_drift(live(1).columns, None, PROFILE, spec)
    found = {one.feature: one for one in drift.features}
    for name, factor in (("noise_1", 3.0), ("noise_3", 2.0), ("load", 1.0)):
        floors = [[test.floor for test in side[name].tests] for side in (found, plain)]
        assert floors[0] == pytest.approx([factor * (floor or 0.0) for floor in floors[1]])
    assert {test.floor for test in found["noise_2"].tests} == {0.9}
    assert drift.skipped["engine"] == "ignored by monitoring.drift_overrides"


def test_the_rows_of_a_window_are_told_in_the_bins_of_the_reference() -> None:
    region = np.array(["north"] * 30 + ["offshore"] * 12 + [None] * 8, dtype=object)
    (found,) = feature_drift({"region": region}, None, PROFILE, MONITORING).features
    assert len(found.counts) == len(PROFILE.features["region"].counts)
    assert found.counts[-2:] == (12, 8)  # all other categories, then missing


def test_a_category_of_a_hundred_thousand_values_is_compared_like_any_other() -> None:
    region = np.array([f"place {number}" for number in range(100_000)], dtype=object)
    found = feature_drift({"region": region}, None, PROFILE, MONITORING).features[0]
    assert (found.drifted, found.counts[-2]) == (True, 100_000)


def test_a_category_that_keeps_its_shares_does_not_drift_and_a_new_one_does() -> None:
    for name, values, drifted in (("engine", ["turbo"] * 840 + [None] * 210, False), ("engine", ["new"] * 1050, True)):
        found = feature_drift({name: np.array(values, dtype=object)}, None, PROFILE, MONITORING).features[0]
        assert found.drifted is drifted
