from typing import Any

import pytest
from pydantic import ValidationError

from model_lifecycle.contracts.modelling import CandidateSpec, ModellingSpec, SplitSpec

BASE = {"family": "constant", "role": "baseline"}


@pytest.mark.parametrize("name", ["Mars/Base", "America", ""])
def test_a_split_in_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=f"time_zone\n  Value error, found '{name}', expected an IANA time zone"):
        SplitSpec(time_zone=name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"search": {"depth": [8, 4]}}, r"search ranges \{'depth': \(8, 4\)\}, expected \[low, high\] with low < high"),
        ({"search": {"depth": [4, 4]}}, r"search ranges \{'depth': \(4, 4\)\}"),
        ({"log_scale": ["rate"]}, r"log_scale names \['rate'\], expected some of \[\]"),
        (
            {"search": {"l2": [0.0, 1.0]}, "log_scale": ["l2"]},
            r"\{'l2': \(0.0, 1.0\)\} in logarithms, expected them above",
        ),
        ({"trials": 3}, "3 trials but nothing to search: give ranges or one trial"),
        ({"search": {"depth": [4, 8]}}, r"search ranges of \['depth'\] but no budget: give trials, minutes or both"),
        ({"minutes": 2.5}, "minutes 2.5 but nothing to search: give ranges or leave minutes out"),
        ({"patience": 3}, "patience 3 but nothing to search: give ranges or leave patience out"),
        ({"search": {"depth": [4, 8]}, "minutes": 0}, "minutes\n  Input should be greater than 0"),
        (
            {"search": {"depth": [4, 8]}, "trials": 9, "patience": 0},
            "patience\n  Input should be greater",
        ),
        ({"startup_trials": 0}, "startup_trials\n  Input should be greater than or equal to 1"),
        ({"startup_folds": 0}, "startup_folds\n  Input should be greater than or equal to 1"),
        ({"pruning": "some"}, "pruning\n  Input should be 'median' or 'none'"),
        ({"trials": 0}, "trials\n  Input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_candidate_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CandidateSpec.model_validate({"family": "catboost", **change})


@pytest.mark.parametrize(
    ("budget", "most"),
    [
        ({}, 1),
        ({"trials": 1}, 1),
        ({"search": {"depth": [4, 8]}, "trials": 7}, 7),
        ({"search": {"depth": [4, 8]}, "trials": 7, "minutes": 5}, 7),
        ({"search": {"depth": [4, 8]}, "minutes": 5}, None),
    ],
)
def test_a_search_is_limited_in_trials_in_minutes_or_in_both(budget: dict[str, Any], most: int | None) -> None:
    assert CandidateSpec.model_validate({"family": "catboost", **budget}).most_trials == most


def test_whole_and_real_parameters_stay_what_they_are_through_json() -> None:
    candidate = CandidateSpec.model_validate(
        {
            "family": "catboost",
            "parameters": {"depth": 6, "rate": 1.0, "fast": True, "mode": "Plain"},
            "search": {"depth": [4, 8], "rate": [1.0, 2.0]},
            "log_scale": ["rate"],
            "trials": 2,
        }
    )
    again = CandidateSpec.model_validate_json(candidate.model_dump_json())
    assert again == candidate
    assert [type(value) for value in again.parameters.values()] == [int, float, bool, str]
    assert [type(low) for low, _ in again.search.values()] == [int, float]


@pytest.mark.parametrize(
    ("candidates", "found"),
    [({}, r"\[\]"), ({"b": BASE}, r"\['baseline'\]"), ({"c": {"family": "catboost"}}, r"\['candidate'\]")],
)
def test_there_is_a_baseline_and_a_candidate(candidates: dict[str, Any], found: str) -> None:
    with pytest.raises(ValidationError, match=f"found roles {found}, expected at least one baseline and one candidate"):
        ModellingSpec.model_validate({"candidates": candidates})


def test_null_takes_a_candidate_out() -> None:
    layers = {"constant": BASE, "linear": {"family": "linear"}, "catboost": None}
    assert list(ModellingSpec.model_validate({"candidates": layers}).candidates) == ["constant", "linear"]
