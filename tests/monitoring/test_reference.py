import json

import numpy as np
import pytest

from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.errors import ContractError
from model_lifecycle.monitoring.profile import ReferenceProfile
from model_lifecycle.monitoring.reference import build_reference_profile, usual_low, with_score_profile
from monitored_traffic import LIVE, MONITORING, PER_DAY, SPEC, WEEK, champion, traffic


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
    profile = champion().reference_profile
    temperature, sensor = (profile.floors_of(name, 1050)["kolmogorov_smirnov"] for name in ("temperature", "sensor"))
    assert temperature > 2 * sensor


def test_floors_are_calibrated_up_to_an_eighth_of_the_reference() -> None:
    profile = _profile(days=60)
    assert profile.sizes == (50, 100, 200, 400, 800)
    assert min(profile.independent) >= 8


def test_a_reference_too_short_for_the_window_keeps_the_floors_of_smaller_windows_and_says_so() -> None:
    found = _profile(days=60).calibration_of(4000)
    assert found.calibrated_rows == 800
    assert "too few of 4,000" in found.message


def test_a_reference_of_three_hundred_rows_calibrates_nothing_and_says_so() -> None:
    profile = _profile(days=2)
    assert profile.sizes == ()
    assert {len(column.floors) for column in profile.features.values()} == {0}
    assert profile.calibration_of(100).message == (
        "the reference of 300 rows is too short to tell how its windows differ: nothing alarms"
    )


def test_a_constant_and_an_empty_column_are_profiled() -> None:
    found = traffic(1, 60, LIVE)
    rows = found.times.size
    columns = {**found.columns, "load": np.ones(rows), "sensor": np.full(rows, np.nan)}
    profile = ReferenceProfile.model_validate(build_reference_profile(columns, found.times, SPEC, MONITORING))
    floors = profile.floors_of("load", 400).values()
    assert 0.01 <= min(floors) <= max(floors) < 0.03
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


def test_a_profile_of_30_features_stays_small() -> None:
    random = np.random.default_rng(0)
    rows = 50_000
    spec = FeatureSpec(
        numeric=tuple(f"n{number}" for number in range(24)), categorical=tuple(f"c{number}" for number in range(6))
    )
    names = np.array([f"category {number}" for number in range(120)], dtype=object)
    columns: dict[str, np.ndarray] = {name: random.normal(size=rows) for name in spec.numeric}
    columns |= {name: names[random.integers(0, 120, rows)] for name in spec.categorical}
    times = np.datetime64("2024-01-01", "us") + np.sort(random.integers(0, 150 * 86_400, rows)).astype("timedelta64[s]")
    profile = build_reference_profile(columns, times, spec, MONITORING)
    assert len(json.dumps(profile)) < 300_000


def test_smaller_windows_have_higher_floors() -> None:
    profile = champion().reference_profile
    floors = [profile.floors_of("noise_0", rows)["kolmogorov_smirnov"] for rows in (20, 50, 70, 150, 1050)]
    assert floors == sorted(floors, reverse=True)


def test_more_traffic_in_as_much_time_does_not_lower_the_floor() -> None:
    profile = champion().reference_profile
    assert profile.usual_rows(1_000_000, WEEK) == pytest.approx(7 * PER_DAY, rel=0.02)
    assert profile.usual_rows(100, WEEK) == 100


@pytest.mark.parametrize(
    ("outages", "others", "low"),
    [([124], 51, 430), ([90, 124], 51, 430), ([90, 124, 130], 51, 90), ([220], 51, 220), ([124], 12, 124)],
)
def test_single_outages_of_the_reference_lower_no_usual_volume(outages: list[int], others: int, low: int) -> None:
    """Two of fifty windows may be outages, and none of twelve; more than half of the usual rows is no outage."""
    usual = np.random.default_rng(0).integers(440, 740, others - 1)
    assert usual_low([430, *usual.tolist(), *outages]) == low


@pytest.mark.parametrize("windows", [4, 12, 20, 52])
def test_stationary_windows_of_uneven_volume_seldom_lie_below_half_the_usual_low(windows: int) -> None:
    random = np.random.default_rng(1)
    rows = random.lognormal(6.0, 0.6, size=(400, windows + 1)).astype(int).tolist()
    told = sum(later < usual_low(reference) / 2 for *reference, later in rows)
    assert told <= 0.05 * len(rows), f"{told} of {len(rows)} windows"


def test_no_window_has_no_usual_volume() -> None:
    assert usual_low([]) == 0


def test_a_profile_of_the_former_schema_keeps_its_one_floor_at_its_usual_size() -> None:
    column = {
        "kind": "numeric",
        "edges": [0.0],
        "categories": [],
        "known": None,
        "counts": [50, 50, 0],
        "missing": 0.0,
        "missing_high": 0.0,
        "most_frequent_high": 0.1,
        "minimum": -3.0,
        "maximum": 3.0,
        "quantiles": [-3.0, 0.0, 3.0],
        "jump": 0.1,
        "floor": 0.15,
    }
    former = {
        "schema_version": 1,
        "rows": 100,
        "start": "2024-01-01T00:00:00Z",
        "end": "2024-02-01T00:00:00Z",
        "window_seconds": 604800.0,
        "windows": 4,
        "calibrated": True,
        "rows_low": 20,
        "rows_high": 30,
        "missing_category": "(missing)",
        "features": {"load": column},
        "score": column,
    }
    profile = ReferenceProfile.model_validate(former)
    assert (profile.sizes, profile.floors_of("load", 25)) == ((25,), {"jensen_shannon": 0.15})
    assert profile.score_floors(25) == {"jensen_shannon": 0.15}
    assert ReferenceProfile.model_validate({**former, "calibrated": False}).floors_of("load", 25) == {}
