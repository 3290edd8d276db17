"""A refit is held against the evaluated model before it ships, and the card says so."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.refit import NOT_REFITTED
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.errors import GateBlocked
from model_lifecycle.models import load_family
from model_lifecycle.models.calibration import Calibration
from model_lifecycle.pipelines.retrain.refit import check_refit, tell_refit
from model_lifecycle.scoring import Scorer
from tiny_release import SPEC, scorer

RUN = RunSpec(as_of=datetime(2024, 6, 1, tzinfo=UTC))
GATES = GateLimits()


@pytest.fixture(scope="module")
def evaluated() -> Scorer:
    return scorer()


@pytest.fixture(scope="module")
def test_rows(evaluated: Scorer) -> pd.DataFrame:
    draw, rows = np.random.default_rng(3), 400
    table = pd.DataFrame({name: draw.uniform(0, 1, rows) for name in SPEC.names()})
    table["depot"] = np.array(["north", "south"], dtype=object)[draw.integers(0, 2, rows)]
    prediction = evaluated.predict({name: table[name].to_numpy() for name in SPEC.names()})
    return table.assign(row_target=(draw.uniform(0, 1, rows) < prediction).astype(float), row_outcome="observed")


def test_a_refit_that_ranks_alike_and_loses_nothing_passes(evaluated: Scorer, test_rows: pd.DataFrame) -> None:
    found = check_refit(evaluated, evaluated, test_rows, RUN, GATES)
    assert found.refitted
    assert found.agreement == pytest.approx(1.0)
    assert found.loss_refitted == found.loss_evaluated


def test_a_refit_that_is_no_kin_of_the_evaluated_model_is_blocked(evaluated: Scorer, test_rows: pd.DataFrame) -> None:
    columns = {name: test_rows[name].to_numpy() for name in SPEC.names()}
    other = load_family("catboost").fit(columns, 1 - test_rows["row_target"].to_numpy(), {"iterations": 30}, 0, 1)
    with pytest.raises(GateBlocked, match=r"refit: the model fitted up to 2024-06-01.*ranks agree"):
        check_refit(evaluated, Scorer(evaluated.facts, other), test_rows, RUN, GATES)


def test_a_refit_with_the_same_ranks_and_wrong_levels_is_blocked(evaluated: Scorer, test_rows: pd.DataFrame) -> None:
    columns = {name: test_rows[name].to_numpy() for name in SPEC.names()}
    half = columns["late_rate_7d"] > np.median(columns["late_rate_7d"])
    sure = load_family("catboost").fit(columns, half.astype(float), {"iterations": 200, "learning_rate": 0.5}, 0, 1)
    with pytest.raises(GateBlocked, match="expected at most"):
        check_refit(evaluated, Scorer(evaluated.facts, sure), test_rows, RUN, GATES)


def test_a_refit_keeps_most_of_what_the_evaluated_model_gains_however_wide_the_margin(
    evaluated: Scorer, test_rows: pd.DataFrame
) -> None:
    duller = evaluated.facts.model_copy(update={"calibration": Calibration(method="sigmoid", slope=0.5)})
    wide = GATES.model_copy(update={"champion_margin": 1.0})
    with pytest.raises(GateBlocked, match="expected at most"):
        check_refit(evaluated, Scorer(duller, evaluated.model), test_rows, RUN, wide)
    whole = wide.model_copy(update={"champion_gain_share": 1.0})
    assert check_refit(evaluated, Scorer(duller, evaluated.model), test_rows, RUN, whole).refitted


def test_the_card_says_on_top_that_what_ships_was_refitted(evaluated: Scorer, test_rows: pd.DataFrame) -> None:
    report = check_refit(evaluated, evaluated, test_rows, RUN, GATES)
    page, markdown = tell_refit("<header><h1>Card</h1></header><p>", "# Card\n\ntext", report)
    assert "Refitted.</strong> After the gates had passed" in page.split("</header>")[0]
    assert markdown.startswith("# Card\n\n> **Refitted.** After the gates had passed")
    assert tell_refit("<p>", "# Card", NOT_REFITTED) == ("<p>", "# Card")
