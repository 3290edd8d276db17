"""A row that counts twice is worth two rows, in every family."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from model_families import FAMILIES
from model_lifecycle.contracts.columns import take
from model_lifecycle.contracts.split import Fold
from model_lifecycle.features.folds import row_weights
from model_lifecycle.models import load_family

DRAW = np.random.default_rng(5)
ROWS = 600
FEATURES = {"signal": DRAW.normal(size=ROWS), "kind": np.array(["a", "b"], dtype=object)[DRAW.integers(0, 2, ROWS)]}
TARGET = (DRAW.uniform(size=ROWS) < 1 / (1 + np.exp(-FEATURES["signal"]))).astype(np.float64)
EXACT: dict[str, dict[str, int | str]] = {"constant": {}, "linear": {"max_iter": 2000}, "seasonal": {"by": "kind"}}


@pytest.mark.parametrize("family", sorted(EXACT))
def test_a_row_that_counts_twice_is_worth_two_rows(family: str) -> None:
    twice = np.concatenate([np.arange(ROWS), np.arange(ROWS // 2)])
    weight = np.where(np.arange(ROWS) < ROWS // 2, 2.0, 1.0)
    repeated = load_family(family).fit(take(FEATURES, twice), TARGET[twice], EXACT[family], 0, 1)
    weighted = load_family(family).fit(FEATURES, TARGET, EXACT[family], 0, 1, weight=weight)
    np.testing.assert_allclose(weighted.predict(FEATURES), repeated.predict(FEATURES), atol=0.01)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_heeds_weights(family: str) -> None:
    parameters = {"by": "kind"} if family == "seasonal" else FAMILIES[family]
    weight = np.where(TARGET == 1, 20.0, 1.0)
    plain = load_family(family).fit(FEATURES, TARGET, parameters, 0, 1)
    weighted = load_family(family).fit(FEATURES, TARGET, parameters, 0, 1, weight=weight)
    assert weighted.predict(FEATURES).mean() > plain.predict(FEATURES).mean() + 0.2


def test_a_row_of_one_half_life_counts_half() -> None:
    start = datetime(2024, 3, 1, tzinfo=UTC)
    fold = Fold(train_start=start - timedelta(days=60), start=start, end=start)
    ages = [timedelta(days=30), timedelta(days=60)]
    table = pd.DataFrame({"row_decision_time": [start - age for age in ages]})
    rows = np.ones(2, dtype=bool)
    assert row_weights(table, rows, fold, timedelta(days=30)).tolist() == [0.5, 0.25]  # type: ignore[union-attr]
    assert row_weights(table, rows, fold, None) is None
