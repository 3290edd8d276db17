import numpy as np
import pytest

from model_lifecycle.features.encoding import encode_category


@pytest.mark.parametrize(
    ("values", "encoded"),
    [
        (np.array(["ü", "", None, " a "], dtype=object), ["ü", "", "(missing)", " a "]),
        (np.array([5, -1], dtype=np.int64), ["5", "-1"]),
        (np.array([5.0, np.nan, 2.5, -0.0]), ["5", "(missing)", "2.5", "0"]),
        (np.array([True, False]), ["True", "False"]),
        (np.array(["2024-03-01T08:00", "NaT"], dtype="datetime64[us]"), ["2024-03-01 08:00:00", "(missing)"]),
        (np.empty(0, dtype=object), []),
    ],
)
def test_every_value_is_text_and_missing_has_a_name(values: np.ndarray, encoded: list[str]) -> None:
    found = encode_category(values, "(missing)")
    assert found.dtype == object
    assert found.tolist() == encoded
