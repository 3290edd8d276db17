import json

import numpy as np
import pytest

from model_lifecycle.errors import ModelError
from model_lifecycle.models import load_family

FAMILY = load_family("seasonal")
FEATURES = {
    "hour": np.array([0.0, 0.0, 23.0, 23.0, 23.0, np.nan]),
    "day": np.array(["sat", "sat", "sat", "mon", "mon", "mon"], dtype=object),
}
TARGET = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 1.0])


def test_a_cell_has_its_own_rate_drawn_towards_the_rate_of_all() -> None:
    model = FAMILY.fit(FEATURES, TARGET, {"by": "hour,day", "bins": 24, "strength": 2.0}, 0, 1)
    expected = [(1 + 1) / 4, (1 + 1) / 4, (1 + 1) / 3, (0 + 1) / 4, (0 + 1) / 4, (1 + 1) / 3]
    assert model.predict(FEATURES).tolist() == pytest.approx(expected)


def test_a_cell_that_was_never_seen_gets_the_rate_of_all() -> None:
    model = FAMILY.fit(FEATURES, TARGET, {"by": "day", "strength": 1.0}, 0, 1)
    assert model.predict({"day": np.array(["sun", None], dtype=object)}).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("by", ["", "hour,week", " , "])
def test_columns_that_are_not_there_are_refused(by: str) -> None:
    with pytest.raises(ModelError, match=r"seasonal: by \[.*\], expected some of the features \['day', 'hour'\]"):
        FAMILY.fit(FEATURES, TARGET, {"by": by}, 0, 1)


@pytest.mark.parametrize("wrong", [{"bins": 0}, {"bins": 2.5}, {"strength": 0.0}, {"strength": "much"}])
def test_bins_and_strength_are_above_zero(wrong: dict[str, float | str]) -> None:
    with pytest.raises(ModelError, match=r"seasonal: bins .* and strength .*, expected both above 0"):
        FAMILY.fit(FEATURES, TARGET, {"by": "hour", **wrong}, 0, 1)


@pytest.mark.parametrize("wrong", [{"mean": [1.0]}, {"means": {"sat": [-0.1]}}, {"means": {"sat": [float("nan")]}}])
def test_rates_that_are_no_shares_are_refused(wrong: dict[str, object]) -> None:
    content = json.loads(FAMILY.fit(FEATURES, TARGET, {"by": "day"}, 0, 1).to_files()["seasonal.json"])
    with pytest.raises(ModelError, match="holds means that are no shares"):
        FAMILY.restore({"seasonal.json": json.dumps({**content, **wrong}).encode()})
