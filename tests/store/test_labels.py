from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from model_lifecycle.errors import StoreError
from model_lifecycle.store import LabelReceipt, Store

from .records import LATER, START, at, observed, prediction, unavailable


def test_the_same_label_again_is_no_new_row(store: Store) -> None:
    store.append_predictions([prediction(1), prediction(2)])
    batch = [observed(1, 1.0, known=5), unavailable(2, known=6)]
    assert store.append_labels([*batch, batch[0]]) == LabelReceipt(2, 1, 0, 0)
    assert store.append_labels([replace(label, received_at=at(99)) for label in batch]) == LabelReceipt(0, 2, 0, 0)


def test_the_last_received_of_contradicting_labels_counts(store: Store) -> None:
    store.append_predictions([prediction(1)])
    store.append_labels([observed(1, 1.0, known=5)])
    assert store.append_labels([observed(1, 0.0, known=5, received=8)]) == LabelReceipt(1, 0, 1, 0)
    assert list(store.labelled_predictions_between(START, LATER, LATER)["value"]) == [0.0]


def test_a_repeated_delivery_does_not_undo_a_correction(store: Store) -> None:
    store.append_predictions([prediction(1)])
    first, correction = observed(1, 1.0, known=5), observed(1, 0.0, known=5, received=8)
    store.append_labels([first, correction])
    assert store.append_labels([replace(first, received_at=at(9))]) == LabelReceipt(0, 1, 0, 0)
    assert list(store.labelled_predictions_between(START, LATER, LATER)["value"]) == [0.0]


def test_a_correction_can_be_taken_back_later(store: Store) -> None:
    store.append_predictions([prediction(1)])
    store.append_labels([observed(1, 1.0, known=5), unavailable(1, known=6), observed(1, 1.0, known=7)])
    (row,) = store.labelled_predictions_between(START, LATER, LATER).to_dict("records")
    assert (row["outcome"], row["value"], row["label_time"]) == ("observed", 1.0, at(7))


def test_labels_that_a_caller_flips_or_replays_are_counted_kept_beside_the_first_and_can_be_put_right(
    store: Store,
) -> None:
    store.append_predictions([prediction(number) for number in range(100)])
    told = [observed(number, 1.0, known=200) for number in range(100)]
    flipped = [replace(one, value=0.0, received_at=at(300)) for one in told[:5]]
    assert store.append_labels(told) == LabelReceipt(100, 0, 0, 0)
    assert store.append_labels(flipped) == LabelReceipt(5, 0, 5, 0)
    assert store.append_labels([replace(one, received_at=at(400)) for one in told]) == LabelReceipt(0, 100, 0, 0)
    assert store.labelled_predictions_between(START, LATER, LATER)["value"].sum() == 95
    right = [replace(one, label_time=at(201), received_at=at(500)) for one in told[:5]]
    assert store.append_labels(right) == LabelReceipt(5, 0, 5, 0)
    assert store.labelled_predictions_between(START, LATER, LATER)["value"].sum() == 100


def test_a_label_counts_from_its_label_time_on(store: Store) -> None:
    store.append_predictions([prediction(1)])
    store.append_labels([observed(1, 1.0, known=5), observed(1, 0.0, known=7)])
    values = [
        store.labelled_predictions_between(START, LATER, moment)["value"].item()
        for moment in (at(5) - timedelta(microseconds=1), at(5), at(6), at(7))
    ]
    np.testing.assert_array_equal(values, [np.nan, 1.0, 1.0, 0.0])


def test_unlabelled_predictions_stay_in_the_window(store: Store) -> None:
    store.append_predictions([prediction(1), prediction(2), prediction(3, decision=1)])
    store.append_labels([unavailable(1, known=5)])
    window = store.labelled_predictions_between(START, LATER, LATER)
    assert list(window["outcome"]) == ["unavailable", None, "unavailable"]
    assert list(window["reason"]) == ["cancelled", None, "cancelled"]
    assert list(window["label_time"].isna()) == [False, True, False]


def test_labels_for_decisions_that_were_never_predicted_are_kept_and_counted(store: Store) -> None:
    assert store.append_labels([observed(1, 1.0, known=5)]) == LabelReceipt(1, 0, 0, 1)
    store.append_predictions([prediction(1)])
    assert list(store.labelled_predictions_between(START, LATER, LATER)["value"]) == [1.0]


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "observed", "value": None},
        {"outcome": "observed", "value": float("inf")},
        {"outcome": "unavailable", "value": None, "reason": None},
        {"outcome": "unavailable", "value": 1.0, "reason": "cancelled"},
        {"outcome": "lost", "value": None, "reason": "cancelled"},
    ],
)
def test_a_label_whose_parts_do_not_go_together_is_refused(store: Store, change: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match=r"label of decision 'd1', (value|outcome) .*expected"):
        store.append_labels([replace(observed(1, 1.0, known=5), **change)])


def test_two_writers_of_the_same_labels_write_them_once(url: str) -> None:
    batch = [observed(number, 1.0, known=number) for number in range(300)]
    with Store.open(url) as first, Store.open(url) as second, ThreadPoolExecutor(2) as pool:
        receipts = list(pool.map(lambda store: store.append_labels(batch), (first, second)))
    assert sum(receipt.accepted for receipt in receipts) == 300


def test_a_backfill_of_labels_is_taken_at_once(store: Store) -> None:
    store.append_predictions([prediction(number) for number in range(2500)])
    batch = [observed(number, 1.0, known=number) for number in range(2501)]
    assert store.append_labels(batch) == LabelReceipt(2501, 0, 0, 1)
    assert store.append_labels(batch) == LabelReceipt(0, 2501, 0, 0)
