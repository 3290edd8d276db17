import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from model_lifecycle.contracts.business_question import BusinessQuestion, Slice
from model_lifecycle.contracts.value import ValueMatrix
from tiny_release import QUESTION

SOURCE = "measured last year"


def matrix(**changes: Any) -> ValueMatrix:
    fields = {
        "unit": "minutes",
        "source": SOURCE,
        "act": {"positive": 30, "negative": -10, "unavailable": 5},
        "leave": {"positive": 0, "negative": 0, "unavailable": 2},
    }
    return ValueMatrix.model_validate({**fields, **changes})


def test_the_gain_is_what_acting_brings_over_leaving() -> None:
    gain = matrix().gain()
    assert (gain.positive, gain.negative, gain.unavailable) == (30, -10, 3)


def test_the_gain_of_a_row_is_that_of_its_outcome_and_an_unavailable_target_is_not_read() -> None:
    target, unavailable = np.array([1.0, 0.0, np.nan]), np.array([False, False, True])
    assert matrix().gains(target, unavailable).tolist() == [30, -10, 3]


@given(st.floats(0.01, 1e6), st.floats(0.01, 1e6))
def test_at_break_even_acting_and_leaving_are_worth_the_same(right: float, wrong: float) -> None:
    value = matrix(act={"positive": right, "negative": -wrong, "unavailable": 0})
    exact = Fraction(wrong) / (Fraction(right) + Fraction(wrong))  # share * right == (1 - share) * wrong
    assert math.isclose(value.break_even(), float(exact), rel_tol=1e-12)


@pytest.mark.parametrize(
    ("act", "found"),
    [
        ({"positive": 0, "negative": -10, "unavailable": 0}, "a gain of 0 and -10 minutes"),
        ({"positive": 30, "negative": 0, "unavailable": 0}, "a gain of 30 and 0 minutes"),
        ({"positive": -5, "negative": 5, "unavailable": 0}, "a gain of -5 and 5 minutes"),
    ],
)
def test_a_question_in_which_acting_rightly_does_not_pay_is_refused(act: dict[str, float], found: str) -> None:
    with pytest.raises(ValidationError, match=f"acting must gain on a positive and lose on a negative .*found {found}"):
        matrix(act=act)


@pytest.mark.parametrize("worth", [math.nan, math.inf])
def test_a_value_that_is_no_finite_number_is_refused(worth: float) -> None:
    with pytest.raises(ValidationError, match=r"act.unavailable\n  Input should be a finite number"):
        matrix(act={"positive": 30, "negative": -10, "unavailable": worth})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "ranking"}, r"task\n  Input should be 'binary', 'regression' or 'multiclass'.*input_value='ranking'"),
        ({"task": "regression"}, r"value.regression.under\n  Field required"),
        ({"question": "why?"}, r"question\n  String should have at least 10 characters.*input_value='why\?'"),
        ({"desicion": "act"}, r"desicion\n  Extra inputs are not permitted"),
        ({"success": {"minimum_value_per_1000": 0}}, r"minimum_value_per_1000\n  Input should be greater than 0"),
        (
            {"slices": [{"column": "depot", "kind": "odd"}]},
            r"slices.0.kind\n  Input should be 'important' or 'sens",
        ),
        ({"target": ""}, r"target\n  String should have at least 1 character"),
    ],
)
def test_a_wrong_question_is_refused_with_the_place(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BusinessQuestion.model_validate({**QUESTION.model_dump(), **change})


def test_columns_of_a_question_must_differ() -> None:
    with pytest.raises(ValidationError, match=r"columns \['asked_at'\] are named twice, expected a column for each"):
        BusinessQuestion.model_validate({**QUESTION.model_dump(), "label_time": "asked_at"})


def test_groups_are_named_of_a_sensitive_slice_alone_and_at_least_two() -> None:
    assert Slice(column="sender", kind="sensitive", groups=("firm", "person")).groups == ("firm", "person")
    with pytest.raises(ValidationError, match=r"slice 'sender' of kind 'important' names groups \['firm', 'person'\]"):
        Slice(column="sender", groups=("firm", "person"))
    with pytest.raises(ValidationError, match=r"expected at least two of a sensitive slice"):
        Slice(column="sender", kind="sensitive", groups=("firm",))
