"""How test rows are cut: bins and categories of the training rows, missing a slice of its own."""

import numpy as np

from model_lifecycle.contracts.weak_slices import WeakSliceSpec
from model_lifecycle.pipelines.evaluation.nodes.cuts import Cut, cuts

SPEC = WeakSliceSpec(minimum_rows=1, categories=2)
TRAIN = {
    "weight": np.arange(100.0),
    "pieces": np.array([1.0] * 60 + [2.0] * 40),
    "depot": np.array(["north"] * 50 + ["south"] * 30 + ["east"] * 20, dtype=object),
}
ROWS = {
    "weight": np.array([3.0, 30.0, 60.0, 990.0, np.nan]),
    "pieces": np.array([1.0, 1.0, 2.0, 3.0, np.nan]),
    "depot": np.array(["north", "south", "east", "west", None], dtype=object),
}


def _named(cut: Cut) -> list[dict[str, str]]:
    return [dict(cut.labels[code]) for code in cut.code.tolist()]


def test_numbers_are_cut_at_quantiles_of_the_training_rows_and_missing_is_a_slice() -> None:
    one, *_ = (cut for _, cut in cuts(ROWS, TRAIN, [], SPEC))
    names = ["below 24", "24 to 49", "49 to 74", "from 74", "(missing)"]
    assert _named(one) == [{"weight": name} for name in names]


def test_a_frequent_number_is_a_slice_of_its_own() -> None:
    _, one, _ = (cut for _, cut in cuts(ROWS, TRAIN, [], SPEC))
    assert [named["pieces"] for named in _named(one)] == ["1", "1", "2", "from 2", "(missing)"]


def test_rare_and_new_categories_are_one_slice() -> None:
    *_, one = (cut for _, cut in cuts(ROWS, TRAIN, [], SPEC))
    assert [named["depot"] for named in _named(one)] == ["north", "south", "(other)", "(other)", "(missing)"]


def test_inputs_are_crossed_in_the_order_given_and_only_so_many() -> None:
    spec = WeakSliceSpec(minimum_rows=1, pair_inputs=2)
    found = [cut for size, cut in cuts(ROWS, TRAIN, ["depot", "weight", "pieces"], spec) if size == 2]
    assert len(found) == 1
    assert _named(found[0])[0] == {"depot": "north", "weight": "below 24"}
    assert [size for size, _ in cuts(ROWS, TRAIN, ["depot"], SPEC)] == [1, 1, 1]


def test_slices_of_few_rows_and_those_that_leave_few_over_are_not_searched() -> None:
    rows = {"depot": np.array(["north"] * 95 + ["south"] * 5, dtype=object)}
    ((_, cut),) = cuts(rows, {"depot": TRAIN["depot"]}, [], WeakSliceSpec(minimum_rows=6))
    assert cut.kept.tolist() == []
    ((_, cut),) = cuts(rows, {"depot": TRAIN["depot"]}, [], WeakSliceSpec(minimum_rows=5))
    assert [cut.labels[code]["depot"] for code in cut.kept] == ["north", "south"]
