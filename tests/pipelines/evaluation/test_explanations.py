"""Every candidate is explained on the same rows, over all and row by row, and what does not add up stops the run."""

from dataclasses import replace

import numpy as np
import pytest

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.errors import ModelError
from model_lifecycle.features.tables import to_columns
from model_lifecycle.models.margin import margin
from model_lifecycle.pipelines.evaluation.nodes.explanations import explain
from model_lifecycle.pipelines.evaluation.nodes.pictures import draw_explanations
from model_lifecycle.reporting.explanations import CandidateExplanation
from parcels import RUN, Stages
from tiny_release import SPEC


@pytest.fixture(scope="module")
def explained(stages: Stages) -> dict[str, CandidateExplanation]:
    return explain(stages.fitted, stages.challenger, stages.test, SPEC, RUN)[0]


def test_every_candidate_is_explained_and_what_decides_comes_first(
    stages: Stages, explained: dict[str, CandidateExplanation]
) -> None:
    assert set(explained) == set(stages.fitted) == {"constant", "logistic", "trees"}
    for name in ("logistic", "trees"):
        assert explained[name]["importance"][0]["feature"] == "weight"
        assert explained[name]["explanation"]["output"] == "log-odds of a positive outcome"
        assert explained[name]["explanation"]["rows"] == len(stages.test)
    assert {one["mean_abs_shap"] for one in explained["constant"]["importance"]} == {0.0}
    assert stages.evidence["importance"] == explained[stages.verdict["challenger"]]["importance"]


def test_examples_are_the_ends_and_the_middle_of_the_scores_and_add_up_to_the_raw_margin(
    stages: Stages, explained: dict[str, CandidateExplanation]
) -> None:
    scorer = stages.fitted["trees"]
    features = to_columns(stages.test[list(SPEC.names())])
    raw, score = margin("binary", scorer.model.predict(features)), scorer.predict(features)
    found = explained["trees"]["examples"]
    assert [one["which"] for one in found] == ["highest score", "middle score", "lowest score"]
    assert (found[0]["score"], found[2]["score"]) == (score.max(), score.min())
    for one in found:
        place = int(np.flatnonzero(stages.test["row_id"] == one["decision"])[0])
        total = one["base"] + sum(part["contribution"] for part in one["contributions"])
        assert total == pytest.approx(raw[place], abs=1e-6)
        assert {part["feature"]: part["value"] for part in one["contributions"]} == pytest.approx(
            {name: values[place] for name, values in features.items()}
        )


def test_contributions_are_told_by_value_with_missing_ones_apart(stages: Stages) -> None:
    test = stages.test.assign(weight=stages.test["weight"].mask(np.arange(len(stages.test)) % 5 == 0))
    found = explain(stages.fitted, stages.challenger, test, SPEC, RUN)[0]["trees"]["explanation"]["dependence"]
    told = {one["feature"]: one for one in found}
    weight, depot = told["weight"], told["depot"]
    values = [point["value"] for point in weight["points"]]
    known = [float(value) for value in values if value is not None]
    assert (known, values[-1]) == (sorted(known), None)
    assert weight["points"][-1]["rows"] == int(test["weight"].isna().sum())
    assert sum(point["rows"] for point in weight["points"]) == len(test)
    middles = [point["quantiles"][2] for point in weight["points"][:-1]]
    assert middles[-1] - middles[0] > 1
    assert all(point["quantiles"] == sorted(point["quantiles"]) for point in weight["points"])
    assert (depot["kind"], {point["value"] for point in depot["points"]}) == ("category", {"north", "south"})


def test_what_does_not_add_up_stops_the_run_and_names_the_candidate(stages: Stages) -> None:
    class Wrong:
        def predict(self, features: Columns) -> np.ndarray:
            return np.asarray(stages.fitted["trees"].model.predict(features))

        def explain(self, features: Columns) -> tuple[np.ndarray, np.ndarray]:
            values, base = stages.fitted["trees"].model.explain(features)  # type: ignore[attr-defined]
            return np.asarray(values * 1.001), np.asarray(base)

        def to_files(self) -> dict[str, bytes]:
            return {}

    fitted = {**stages.fitted, "trees": replace(stages.fitted["trees"], model=Wrong())}
    with pytest.raises(ModelError, match=r"trees: contributions miss the raw margin by .*, expected at most 1e-06"):
        explain(fitted, stages.challenger, stages.test, SPEC, RUN)


def test_the_pictures_are_the_challengers(stages: Stages, explained: dict[str, CandidateExplanation]) -> None:
    importance, dependence, examples = draw_explanations(explained, stages.verdict)
    assert next(iter(importance.data[0].y)) == "weight"
    assert {"scatter", "box"} == {trace.type for trace in dependence.data}
    assert len(examples.data) == 3
