from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.errors import StoreError
from model_lifecycle.store import LabelReceipt, Store

from .records import LATER, START, at, observed, prediction, unavailable


def test_a_prediction_comes_back_as_it_was_written(store: Store) -> None:
    written = prediction(1)
    store.append_predictions([written])
    (row,) = store.predictions_between(START, LATER).to_dict("records")
    assert row == {name: getattr(written, name) for name in written.__dataclass_fields__}
    assert (row["logged_at"].microsecond, row["score"]) == (1, 0.1 + 0.2)


def test_what_a_shadow_scored_is_no_answer(store: Store) -> None:
    shadow = replace(prediction(2, decision=1), role="shadow", score=0.9)
    store.append_predictions(
        [prediction(1), shadow, replace(prediction(3), role="canary", action="leave", propensity=0.1)]
    )
    answers = store.labelled_predictions_between(START, LATER, LATER)
    assert answers["role"].tolist() == ["champion", "canary"]
    assert list(zip(answers["action"], answers["propensity"], strict=True)) == [("act", 1.0), ("leave", 0.1)]
    for scored in (
        store.predictions_between(START, LATER, shadow=True),
        store.labelled_predictions_between(START, LATER, LATER, shadow=True),
    ):
        assert list(zip(scored["prediction_id"], scored["score"], strict=True)) == [("p2", 0.9)]


def test_what_a_client_sent_comes_back_whatever_it_was(store: Store) -> None:
    inputs = {"nul": "a\x00b", "half": "\ud800", "café": "✈", "missing": None, "nested": {"deep": [1, 2.5, True]}}
    store.append_predictions([replace(prediction(1), inputs=inputs, features={"rate": np.float32(0.5)})])
    (row,) = store.predictions_between(START, LATER).to_dict("records")
    assert row["inputs"] == inputs
    assert row["features"] == {"rate": 0.5}


def test_a_missing_feature_comes_back_as_nan(store: Store) -> None:
    store.append_predictions([replace(prediction(1), features={"rate": float("nan")})])
    (features,) = store.predictions_between(START, LATER)["features"]
    assert np.isnan(features["rate"])


def test_the_start_of_a_window_is_in_it_and_its_end_is_not(store: Store) -> None:
    store.append_predictions([prediction(number) for number in (3, 2, 1, 0)])
    window = store.predictions_between(at(1), at(3))
    assert list(window["prediction_id"]) == ["p1", "p2"]


def test_an_empty_window_has_the_columns_and_types_of_a_full_one(store: Store) -> None:
    empty = store.labelled_predictions_between(START, LATER, LATER)
    store.append_predictions([prediction(1)])
    full = store.labelled_predictions_between(START, LATER, LATER)
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)


def test_a_repeated_prediction_id_refuses_the_whole_batch(store: Store) -> None:
    store.append_predictions([prediction(1)])
    with pytest.raises(StoreError, match=r"cannot append 2 predictions: .*prediction"):
        store.append_predictions([prediction(2), prediction(1)])
    assert list(store.predictions_between(START, LATER)["prediction_id"]) == ["p1"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": float("nan")}, "prediction 'p1', score is nan, expected a finite number"),
        ({"threshold": float("inf")}, "prediction 'p1', threshold is inf, expected a finite number"),
        ({"decision_time": datetime(2013, 1, 1)}, r"decision_time is .*, expected a time with its zone"),  # noqa: DTZ001
        ({"decision_time": "2013-01-01"}, "decision_time is '2013-01-01', expected a time with its zone"),
        ({"inputs": {"a": {1, 2}}}, "prediction 'p1', inputs: found {1, 2} of type set; expected JSON values"),
        ({"decision_id": "\ud800"}, "cannot append 1 predictions: .*surrogates not allowed"),
        ({"watermark": 2**63}, "cannot append 1 predictions: .*"),
        ({"release": None}, "cannot append 1 predictions: .*release"),
    ],
)
def test_a_prediction_that_cannot_be_kept_exactly_is_refused(
    store: Store, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(StoreError, match=message):
        store.append_predictions([replace(prediction(1), **change)])


def test_outcomes_are_counted_once_a_decision_as_they_were_known_and_never_those_older_than_it(store: Store) -> None:
    shadow = replace(prediction(9, decision=5, minutes=5), role="shadow")
    again = prediction(8, decision=1, minutes=1)
    store.append_predictions([*(prediction(number) for number in (0, 1, 2, 3, 4, 7)), again, shadow])
    store.append_labels([observed(number, 1.0, known=10) for number in (0, 1, 5, 7)])
    store.append_labels([unavailable(2, known=10), observed(3, 1.0, known=2), observed(4, 1.0, known=20)])
    store.append_labels([unavailable(7, known=30)])
    counted = [store.observed_outcomes_between(START, LATER, at(known)) for known in (9, 10, 20, 30)]
    assert counted == [0, 3, 4, 3]
    assert store.observed_outcomes_between(at(1), at(7), LATER) == 2


def test_nothing_is_a_batch_too(store: Store) -> None:
    store.append_predictions([])
    store.append_audit([])
    assert (store.append_alerts([]), store.append_events([])) == (0, 0)
    assert store.append_labels([]) == LabelReceipt(0, 0, 0, 0)
