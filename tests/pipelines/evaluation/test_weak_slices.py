"""A slice whose predictions are off is found among all others; where none is, something is rarely found."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.weak_slices import WeakSliceSpec
from model_lifecycle.pipelines.evaluation.nodes.weak_slices import find_weak_slices
from model_lifecycle.reporting.checking import checked
from model_lifecycle.reporting.evidence import WeakSlicesEvidence
from model_lifecycle.statistics.coverage import autoregressions
from model_lifecycle.tasks import task_of
from parcels import RUN, Stages
from task_questions import AMOUNT, KIND
from tiny_release import QUESTION

DAYS, PER_DAY = 30, 160
REGIONS = np.array(["north", "south", "east", "west"], dtype=object)
SPEC = WeakSliceSpec(draws=199)
INPUTS = ("weight", "distance", "age", "region", "kind")


class _World:
    """Days on which more happens, or less, than anybody knew; one region has days of its own beside."""

    def __init__(self, seed: int, dependence: float = 0.4, own_days: float = 0.0) -> None:
        self.draw, n = np.random.default_rng(seed), DAYS * PER_DAY
        self.day = np.repeat(np.arange(DAYS), PER_DAY)
        numbers = {name: self.draw.normal(size=n) for name in ("weight", "distance", "age")}
        self.inputs = pd.DataFrame(numbers).assign(
            region=REGIONS[self.draw.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])],
            kind=np.array(["letter", "box", "bag"], dtype=object)[self.draw.integers(0, 3, n)],
        )
        self.inputs.loc[self.draw.uniform(size=n) < 0.1, "age"] = np.nan
        shocks = autoregressions(5, DAYS, dependence, self.draw)[:, self.day]
        self.shock = 0.4 * shocks[4] + own_days * np.select(
            list(self.inputs["region"].to_numpy() == REGIONS[:, None]), list(shocks[:4])
        )
        self.known = -1.0 + 0.8 * numbers["weight"] + 0.5 * (self.inputs["region"] == "south").to_numpy()

    def slice(self, **conditions: Any) -> np.ndarray:
        return np.asarray((self.inputs[list(conditions)] == pd.Series(conditions)).all(axis=1))

    def binary(self, prediction: np.ndarray | None = None, known: np.ndarray | None = None) -> WeakSlicesEvidence:
        truth = expit((self.known if known is None else known) + self.shock)
        happened = (self.draw.uniform(size=len(truth)) < truth).astype(float)
        promised = expit(self.known) if prediction is None else prediction
        return self.search(QUESTION, happened, {"prediction_m": promised})

    def search(
        self,
        question: BusinessQuestion,
        target: np.ndarray,
        predictions: dict[str, np.ndarray],
        spec: WeakSliceSpec = SPEC,
    ) -> WeakSlicesEvidence:
        times = pd.Timestamp("2024-06-01", tz="UTC") + pd.to_timedelta(
            np.arange(len(self.day)) * (1440 // PER_DAY), unit="min"
        )
        scores = pd.DataFrame(
            {
                model_input.DECISION_TIME: times.astype("datetime64[us, UTC]"),
                model_input.OUTCOME: "observed",
                model_input.TARGET: target,
                **predictions,
            }
        )
        challenger: Any = SimpleNamespace(
            facts=SimpleNamespace(model="m"), task=task_of(question), spec=SimpleNamespace(names=lambda: INPUTS)
        )
        explanations: Any = {"m": {"importance": [{"feature": name, "mean_abs_shap": 1.0} for name in INPUTS]}}
        found = find_weak_slices(scores, self.inputs, self.inputs, explanations, challenger, spec, RUN)
        return checked(WeakSlicesEvidence, found)


def test_a_slice_whose_predictions_are_too_low_is_found_with_its_size() -> None:
    world = _World(1)
    planted = world.slice(region="east")
    found = world.binary(known=world.known + 0.9 * planted)
    first = found["slices"][0]
    assert first["conditions"] == {"region": "east"}
    assert (first["rows"], first["fault"], first["event"]) == (int(planted.sum()), "level", "positive")
    assert first["p_value"] <= 0.05
    gap = (expit(world.known + 0.9) - expit(world.known))[planted].mean()
    assert first["effect"]["lower"] is not None
    assert 0.0 < first["effect"]["lower"] < gap < (first["effect"]["upper"] or 0.0)
    assert first["observed"] - first["predicted"] == pytest.approx(first["effect"]["estimate"], abs=1e-6)


def test_a_slice_in_which_the_scores_mean_nothing_is_found_by_its_slope() -> None:
    """Boxes of the north get one another's predictions: right on the whole, and wrong for each."""
    world = _World(2)
    prediction, rows = expit(world.known), np.flatnonzero(world.slice(region="north", kind="box"))
    prediction[rows] = world.draw.permutation(prediction[rows])
    found = world.binary(prediction)["slices"]
    planted = next(one for one in found if one["conditions"] == {"region": "north", "kind": "box"})
    assert planted["fault"] == "slope"
    assert planted["effect"]["estimate"] == pytest.approx(0.0, abs=0.3)
    assert (planted["effect"]["upper"] or 1.0) < 1.0
    assert planted["loss"] > planted["loss_elsewhere"]


def test_a_slice_with_more_outcomes_has_a_higher_loss_and_is_not_weak_for_it() -> None:
    world = _World(3)
    south = world.slice(region="south")
    loss = -(expit(world.known) * np.log(expit(world.known)) + expit(-world.known) * np.log(expit(-world.known)))
    assert loss[south].mean() > 1.05 * loss[~south].mean()
    assert world.binary()["found"] == 0


def test_predictions_that_are_off_everywhere_alike_have_no_weak_slice() -> None:
    world = _World(4)
    assert world.binary(expit(2.0 * world.known + 0.5))["found"] == 0


def test_slices_that_tell_the_same_story_are_told_once() -> None:
    world = _World(5)
    found = world.binary(known=world.known + 1.2 * world.slice(region="north"))
    assert found["found"] > len(found["slices"])
    assert sum("north" in one["conditions"].values() for one in found["slices"]) == 1


@pytest.mark.parametrize(("dependence", "own_days"), [(0.56, 0.0), (0.56, 0.2)])
def test_where_nothing_is_weak_something_is_found_in_about_5_in_100_worlds(dependence: float, own_days: float) -> None:
    worlds = 60
    found = sum(_World(seed, dependence, own_days).binary()["found"] > 0 for seed in range(worlds))
    assert found <= 8  # 5% of 60 are 3; more than 8 come twice in a thousand times


def test_a_plan_that_is_too_low_in_a_slice_is_found() -> None:
    world = _World(6)
    quantity = 10.0 * world.known + 10.0 * world.draw.normal(size=len(world.day)) + 15.0 * world.slice(kind="bag")
    plan = 10.0 * world.known + 6.7
    ends = {f"prediction_m.{place}": plan + width for place, width in enumerate((-20.0, 0.0, 10.0))}
    found = world.search(AMOUNT, quantity, ends)
    first = found["slices"][0]
    assert first["conditions"] == {"kind": "bag"}
    assert {one["event"] for one in found["slices"]} <= {"above the plan", "outside the interval"}
    assert first["effect"]["estimate"] > 0.2


def test_a_class_that_is_promised_too_often_in_a_slice_is_found() -> None:
    world = _World(7)
    late = expit(world.known)
    true = np.where(world.slice(region="west"), 0.4 * late, late)
    draw = world.draw.uniform(size=len(late))
    target = np.select([draw < true, draw < true + (1 - true) / 2], [2.0, 1.0], 0.0)
    shares = {f"prediction_m.{place}": share for place, share in enumerate(((1 - late) / 2, (1 - late) / 2, late))}
    found = world.search(KIND, target, shares)
    late_found = next(one for one in found["slices"] if one["event"] == "late")
    assert late_found["conditions"] == {"region": "west"}
    assert late_found["effect"]["estimate"] < -0.1


def test_the_same_seed_finds_the_same_and_single_inputs_alone_can_be_asked_for() -> None:
    assert _World(1).binary() == _World(1).binary()
    world = _World(1)
    target = (world.draw.uniform(size=len(world.day)) < 0.4).astype(float)
    alone = WeakSliceSpec(pair_inputs=0)
    assert world.search(QUESTION, target, {"prediction_m": np.full(len(target), 0.4)}, alone)["searched"] == 20


@pytest.mark.parametrize("share", [0.0, 0.01, 1.0])
def test_events_that_hardly_ever_or_always_happen_find_nothing(share: float) -> None:
    """Where most days have none, a sum over days is far from normal: slices without an event would look too low."""
    world = _World(8)
    target = (world.draw.uniform(size=len(world.day)) < share).astype(float)
    found = world.search(QUESTION, target, {"prediction_m": expit(world.known - 2.0)})
    assert found["found"] == 0


def test_too_few_rows_are_told_and_nothing_is_searched() -> None:
    world = _World(1)
    spec = WeakSliceSpec(minimum_rows=5_000)
    found = world.search(QUESTION, np.zeros(len(world.day)), {"prediction_m": expit(world.known)}, spec)
    assert (found["searched"], found["slices"]) == (0, [])
    assert found.get("reason") == "4,800 labelled rows on 30 days hold no slice that can be told"


def test_a_run_searches_the_features_and_the_declared_slices(stages: Stages) -> None:
    found = stages.evidence["weak_slices"]
    assert found["searched"] >= 5
