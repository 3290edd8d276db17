from typing import Any

import pytest

from model_lifecycle.contracts.selection import SelectionEvidence, SelectionSpec
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.pipelines.feature_selection.nodes import weigh_features
from model_lifecycle.reporting.figures.selection import selection_figure
from model_lifecycle.reporting.selection import selection_page
from parcels import GATES, QUESTION_WITH_SLICE, RUN, Stages
from tiny_release import SPEC

GROUPS = {"size": ("weight",), "rest": tuple(name for name in SPEC.names() if name != "weight")}


def weigh(stages: Stages, groups: Any = None) -> SelectionEvidence:
    selection = SelectionSpec(groups=GROUPS if groups is None else groups, repeats=2)
    return weigh_features(stages.train, stages.plan, stages.choices, SPEC, selection, GATES, RUN, QUESTION_WITH_SLICE)


@pytest.fixture(scope="module")
def weights(stages: Stages) -> SelectionEvidence:
    return weigh(stages)


def test_the_one_feature_that_decides_is_worth_most_and_the_others_add_nothing(weights: SelectionEvidence) -> None:
    assert weights["features"][0]["feature"] == "weight"
    assert weights["features"][0]["loss_saved"]["lower"] > 0.05
    assert "weight" not in weights["could_drop"]
    assert set(weights["could_drop"]) <= set(SPEC.names()) - {"weight"}
    assert weights["could_drop"]


def test_a_group_is_weighed_by_fitting_without_it(weights: SelectionEvidence) -> None:
    size, rest = weights["groups"]
    assert size["loss_saved"]["lower"] > 0.05
    assert size["ranking_gained"]["lower"] > 0.1
    assert size["inputs"] == ["weight"]
    assert (size["adds_nothing"], rest["adds_nothing"]) == (False, True)


def test_the_same_seed_weighs_the_same(stages: Stages, weights: SelectionEvidence) -> None:
    assert weigh(stages)["features"] == weights["features"]


def test_the_test_window_is_not_looked_at(stages: Stages, weights: SelectionEvidence) -> None:
    later = stages.train["row_decision_time"] >= stages.plan.folds[0].start
    assert weights["rows"] == int((later & (stages.train["row_outcome"] == "observed")).sum())


def test_a_dropped_feature_leaves_its_group(stages: Stages) -> None:
    spec = SPEC.without(("slot_hour",))
    selection = SelectionSpec(groups={"slot": ("slot_hour", "slot_day_of_week"), "gone": ("slot_hour",)}, repeats=1)
    found = weigh_features(stages.train, stages.plan, stages.choices, spec, selection, GATES, RUN, QUESTION_WITH_SLICE)
    assert [(group["group"], group["features"]) for group in found["groups"]] == [("slot", ["slot_day_of_week"])]
    assert "slot_hour" not in [one["feature"] for one in found["features"]]


@pytest.mark.parametrize("groups", [{"size": ["wieght"]}, {"all": list(SPEC.names())}, {"none": []}])
def test_a_group_of_unknown_features_of_all_or_of_none_is_refused(stages: Stages, groups: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"feature_selection.groups.*expected some, and not all, of"):
        weigh(stages, groups)


def test_page_and_figure_show_what_was_weighed(weights: SelectionEvidence) -> None:
    page = selection_page(weights)
    assert "size" in page
    assert "adds nothing" in page
    assert next(iter(selection_figure(weights).data[0].y)).startswith("weight")
