"""A quantity and classes go all the way from parcels to a verdict, and a release of theirs answers as it was judged."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.errors import FeatureError
from model_lifecycle.features.tables import to_columns
from model_lifecycle.models.margin import margin
from model_lifecycle.monitoring.performance import holdout_figures
from model_lifecycle.pipelines.evaluation.nodes.explanations import explain
from model_lifecycle.pipelines.evaluation.nodes.pictures import draw_figures
from model_lifecycle.pipelines.evaluation.nodes.scores import action_of, prediction_of
from model_lifecycle.reporting.checking import checked_evaluation
from model_lifecycle.reporting.feasibility import feasibility_page
from model_lifecycle.reporting.model_card import model_card_markdown, model_card_page
from model_lifecycle.scoring import Scorer
from parcels import RUN, Stages, run_stages
from task_questions import AMOUNT, KIND, asked
from tiny_release import SPEC


@pytest.fixture(scope="module")
def amount() -> Stages:
    return run_stages(parcels=asked(), question=AMOUNT)


@pytest.fixture(scope="module")
def kind() -> Stages:
    return run_stages(parcels=asked(), question=KIND)


@pytest.fixture(params=["amount", "kind"])
def stages(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_a_model_that_can_tell_passes_every_gate(stages: Stages) -> None:
    assert [gate for gate in stages.verdict["gates"] if not gate["passed"]] == []
    assert "beats constant" in [gate["gate"] for gate in stages.verdict["gates"]]


def test_the_evidence_is_whole_and_every_page_and_picture_is_made_of_it(stages: Stages) -> None:
    question = stages.challenger.question
    evidence = checked_evaluation(stages.evidence)
    assert evidence["importance"][0]["feature"] == "weight"
    page, markdown = model_card_page(evidence), model_card_markdown(evidence)
    assert question.value.source in markdown
    assert "If an assumption is off" in page
    assert "<h1" in feasibility_page(stages.feasibility)
    assert all(figure.data for figure in draw_figures(stages.figures, stages.scores, question))


def test_the_plan_costs_less_than_any_other_constant_shift_of_it(amount: Stages) -> None:
    rows = amount.scores[amount.scores[model_input.OUTCOME] == "observed"]
    subject, target = amount.verdict["challenger"], rows[model_input.TARGET].to_numpy()
    plan = action_of(rows, subject)
    cost = amount.challenger.task.losses(target, prediction_of(rows, subject)).mean()
    assert cost == pytest.approx(np.where(target > plan, 3.0 * (target - plan), plan - target).mean())
    for shift in (-8.0, 8.0):
        assert np.where(target > plan + shift, 3.0 * (target - plan - shift), plan + shift - target).mean() > cost


def test_the_interval_holds_its_share_of_later_outcomes(amount: Stages) -> None:
    coverage = amount.figures["metrics"][amount.verdict["challenger"]]["coverage"]
    assert coverage["estimate"] == pytest.approx(0.8, abs=0.06)


def test_the_action_is_the_one_of_the_highest_expected_value(kind: Stages) -> None:
    subject = kind.verdict["challenger"]
    shares = prediction_of(kind.scores, subject)
    worth = np.array([[0.0, 0.0, 0.0], [-2.0, -2.0, 6.0], [4.0, -1.0, -1.0]])
    assert action_of(kind.scores, subject).tolist() == (shares @ worth.T).argmax(axis=1).tolist()
    decided = kind.figures["threshold"]["decisions"]
    assert set(decided) == {"wait", "call", "store"}
    assert sum(decided.values()) == pytest.approx(1.0)
    model, best = (
        kind.figures["value"]["model"],
        max(kind.figures["value"][f"always_{name}"]["estimate"] for name in decided),
    )
    assert model["lower"] is not None
    assert model["lower"] > best


def test_each_class_is_explained_by_its_own_features_and_the_decision_that_is_most_likely_of_it(kind: Stages) -> None:
    told = explain(kind.fitted, kind.challenger, kind.test, SPEC, RUN)[0][kind.verdict["challenger"]]
    classes = list(kind.challenger.task.shares(np.zeros(1)))
    by_class = {label: [one for one in told["explanation"]["dependence"] if one["of"] == label] for label in classes}
    assert all(len(found) == 3 for found in by_class.values())
    rises = {}
    for label in ("early", "late"):
        weight = next(one for one in by_class[label] if one["feature"] == "weight")
        known = [point["quantiles"][2] for point in weight["points"] if point["value"] is not None]
        rises[label] = known[-1] - known[0]
    assert rises["early"] < 0 < rises["late"]
    features = to_columns(kind.test[list(SPEC.names())])
    shares, raw = kind.challenger.predict(features), margin("multiclass", kind.challenger.model.predict(features))
    assert [one["which"] for one in told["examples"]] == [f"highest probability of {label}" for label in classes]
    for number, one in enumerate(told["examples"]):
        place = int(np.flatnonzero(kind.test["row_id"] == one["decision"])[0])
        assert one["score"] == shares[:, number].max() == shares[place, number]
        total = one["base"] + sum(part["contribution"] for part in one["contributions"])
        assert total == pytest.approx(raw[place, number], abs=1e-6)
    assert "weight, for late" in model_card_markdown(kind.evidence)


def test_the_calibration_gate_and_the_card_name_the_class_that_is_furthest_off(kind: Stages) -> None:
    rows = kind.scores[kind.scores[model_input.OUTCOME] == "observed"]
    happened = rows[model_input.TARGET].to_numpy()[:, None] == np.arange(3)
    off = (prediction_of(rows, kind.verdict["challenger"]) - happened).mean(axis=0)
    name = ("early", "in time", "late")[np.abs(off).argmax()]
    gate = next(one for one in kind.verdict["gates"] if one["gate"] == "calibration")
    assert gate["reason"].startswith(f"predictions of {name!r} {off[np.abs(off).argmax()]:+.3f} off on average")
    assert f"of the class where it is largest: {name}" in model_card_markdown(kind.evidence)


def test_what_has_no_classes_names_none_in_its_calibration(amount: Stages) -> None:
    gate = next(one for one in amount.verdict["gates"] if one["gate"] == "calibration")
    assert re.match(r"the share of outcomes in the interval [+-]0\.\d+ off on average", gate["reason"])


def test_a_scorer_from_its_files_answers_the_same(stages: Stages) -> None:
    features = {name: stages.test[name].to_numpy() for name in SPEC.names()}
    features = {name: values.astype(object if name in SPEC.categorical else float) for name, values in features.items()}
    again = Scorer.from_files(stages.challenger.to_files())
    assert again.predict(features).tobytes() == stages.challenger.predict(features).tobytes()
    assert again.threshold is None


def test_what_is_logged_is_what_was_predicted(stages: Stages) -> None:
    task, prediction = stages.challenger.task, prediction_of(stages.scores, stages.verdict["challenger"])
    columns = task.outputs(prediction)
    rows = [{name: float(values[row]) for name, values in columns.items()} for row in range(len(prediction))]
    action = task.actions(prediction, None)
    found = task.logged(task.score(prediction), rows)
    np.testing.assert_array_equal(found, prediction)
    nothing = np.full(len(prediction), np.nan)
    np.testing.assert_array_equal(
        task.logged_actions(task.decisions(action), task.score(prediction), nothing, found), action
    )
    assert np.isnan(task.logged(task.score(prediction)[:1], [{}])).all()


def test_the_hold_out_figures_have_a_loss_and_a_skill_below_nothing(stages: Stages) -> None:
    rows = stages.scores[stages.scores[model_input.OUTCOME] == "observed"]
    found = holdout_figures(
        stages.challenger.task,
        rows[model_input.TARGET].to_numpy(),
        prediction_of(rows, stages.verdict["challenger"]),
        rows[model_input.DECISION_TIME].dt.tz_localize(None).to_numpy(),
    )
    assert found["loss"] == found[stages.challenger.task.loss]
    assert float(str(found["skill"]["upper"])) < 0


@pytest.mark.parametrize(
    ("question", "column", "value", "message"),
    [
        (
            KIND,
            "kind",
            "lost",
            r"observed outcomes such as 'lost', expected a target for a multiclass question, one of",
        ),
        (AMOUNT, "minutes", np.inf, "."),
    ],
)
def test_an_outcome_that_the_question_does_not_know_is_refused(
    question: BusinessQuestion, column: str, value: object, message: str
) -> None:
    table = asked()
    row = int(np.flatnonzero((table["outcome"] == "observed").to_numpy())[7])
    table[column] = pd.Series([value if place == row else one for place, one in enumerate(table[column])])
    with pytest.raises(FeatureError if column == "kind" else Exception, match=message):
        run_stages(parcels=table, question=question)
