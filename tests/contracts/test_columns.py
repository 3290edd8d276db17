import numpy as np
import pytest

from model_lifecycle.contracts.columns import row_count, take


def test_columns_have_one_length() -> None:
    assert row_count({}) == 0
    assert row_count({"a": np.arange(3), "b": np.zeros(3)}) == 3
    with pytest.raises(ValueError, match=r"columns of different lengths: \{'a': 3, 'b': 2\}"):
        row_count({"a": np.arange(3), "b": np.zeros(2)})


def test_rows_are_taken_by_mask_or_position() -> None:
    columns = {"a": np.arange(3), "b": np.array(["x", None, "z"], dtype=object)}
    assert take(columns, np.array([True, False, True]))["b"].tolist() == ["x", "z"]
    assert take(columns, np.array([2, 0]))["a"].tolist() == [2, 0]
