import json
import time
from datetime import timedelta

import numpy as np
import pytest

from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.errors import ContractError
from model_lifecycle.monitoring.floors import CONVENTIONAL_FLOOR
from model_lifecycle.monitoring.profile import ReferenceProfile
from model_lifecycle.monitoring.reference import build_reference_profile, with_score_profile
from monitored_traffic import LIVE, MONITORING, SPEC, champion, traffic


def _profile(days: int = 60) -> ReferenceProfile:
    found = traffic(1, days, LIVE)
    return ReferenceProfile.model_validate(build_reference_profile(found.columns, found.times, SPEC, MONITORING))


def test_the_profile_is_json_and_comes_back_the_same() -> None:
    found = traffic(1, 60, LIVE)
    profile = build_reference_profile(found.columns, found.times, SPEC, MONITORING)
    assert json.loads(json.dumps(profile)) == profile


def test_the_order_of_the_rows_does_not_matter() -> None:
    found = traffic(1, 60, LIVE)
    rows = np.random.default_rng(0).permutation(found.times.size)
    mixed = {name: values[rows] for name, values in found.columns.items()}
    assert build_reference_profile(mixed, found.times[rows], SPEC, MONITORING) == build_reference_profile(
        found.columns, found.times, SPEC, MONITORING
    )


def test_missing_values_have_their_own_bin_and_share() -> None:
    profile = _profile()
    sensor, engine = profile.features["sensor"], profile.features["engine"]
    assert sensor.counts[-1] == round(sensor.missing * profile.rows)
    assert engine.missing == pytest.approx(0.2, abs=0.01)
    assert engine.known == ("turbo",)


def test_the_named_missing_category_is_missing() -> None:
    found = traffic(1, 60, LIVE)
    named = np.array([SPEC.missing_category if value is None else value for value in found.columns["engine"]], object)
    columns = {**found.columns, "engine": named}
    profile = ReferenceProfile.model_validate(build_reference_profile(columns, found.times, SPEC, MONITORING))
    assert profile.features["engine"] == _profile().features["engine"]


def test_a_column_whose_days_differ_has_a_higher_floor_than_one_of_independent_rows() -> None:
    floors = {name: column.floor for name, column in champion().reference_profile.features.items()}
    assert floors["temperature"] > 2 * floors["sensor"]


def test_a_reference_of_three_windows_takes_the_conventional_floor() -> None:
    profile = _profile(days=21)
    assert not profile.calibrated
    assert {column.floor for column in profile.features.values()} == {CONVENTIONAL_FLOOR}


def test_a_constant_and_an_empty_column_are_profiled() -> None:
    found = traffic(1, 60, LIVE)
    rows = found.times.size
    columns = {**found.columns, "load": np.ones(rows), "sensor": np.full(rows, np.nan)}
    profile = ReferenceProfile.model_validate(build_reference_profile(columns, found.times, SPEC, MONITORING))
    assert profile.features["load"].floor == 0.0
    assert (profile.features["sensor"].missing, profile.features["sensor"].minimum) == (1.0, None)


def test_the_score_is_added_later() -> None:
    found = traffic(1, 60, LIVE)
    profile = build_reference_profile(found.columns, found.times, SPEC, MONITORING)
    later = with_score_profile(profile, found.score, found.times, MONITORING)
    assert later == build_reference_profile(found.columns, found.times, SPEC, MONITORING, found.score)
    assert ReferenceProfile.model_validate(later).score is not None


def test_an_absent_feature_is_refused() -> None:
    found = traffic(1, 60, LIVE)
    del found.columns["load"]
    with pytest.raises(ContractError, match=r"features \['load'\] absent"):
        build_reference_profile(found.columns, found.times, SPEC, MONITORING)


def test_no_row_is_refused() -> None:
    empty = {"load": np.empty(0)}
    with pytest.raises(ContractError, match="0 times for 0 rows; expected all features and at least one row"):
        build_reference_profile(empty, np.empty(0, "datetime64[us]"), FeatureSpec(numeric=("load",)), MONITORING)


def test_138000_rows_of_30_features_take_under_five_seconds_and_stay_small() -> None:
    random = np.random.default_rng(0)
    rows = 138_000
    spec = FeatureSpec(
        numeric=tuple(f"n{number}" for number in range(24)), categorical=tuple(f"c{number}" for number in range(6))
    )
    names = np.array([f"category {number}" for number in range(120)], dtype=object)
    columns: dict[str, np.ndarray] = {name: random.normal(size=rows) for name in spec.numeric}
    columns |= {name: names[random.integers(0, 120, rows)] for name in spec.categorical}
    times = np.datetime64("2024-01-01", "us") + np.sort(random.integers(0, 150 * 86_400, rows)).astype("timedelta64[s]")
    started = time.process_time()
    profile = build_reference_profile(columns, times, spec, MONITORING)
    assert time.process_time() - started < 5.0
    assert len(json.dumps(profile)) < 200_000


def test_windows_of_another_length_have_other_floors() -> None:
    found = traffic(1, 120, LIVE)
    days = MONITORING.model_copy(update={"window": timedelta(days=1)})
    of_days = ReferenceProfile.model_validate(build_reference_profile(found.columns, found.times, SPEC, days))
    of_weeks = ReferenceProfile.model_validate(build_reference_profile(found.columns, found.times, SPEC, MONITORING))
    assert of_days.features["noise_0"].floor > of_weeks.features["noise_0"].floor
