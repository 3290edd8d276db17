"""The back-test through the real nodes, on a history of invented parcels."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import pandas as pd
import pytest

from backtest_parcels import JULY, JUNE, production, project, schedule, spec, tried
from model_lifecycle.backtest.memo import InMemory
from model_lifecycle.contracts.backtest import TriedPolicy
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.policy import TrainingWindow
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.pipelines.backtest.nodes import stages
from model_lifecycle.pipelines.deployment.nodes.packing import shares
from model_lifecycle.pipelines.evaluation.nodes.explanations import weigh
from model_lifecycle.pipelines.evaluation.nodes.scores import with_champion
from model_lifecycle.reporting.backtest import backtest_page, verdict
from model_lifecycle.reporting.backtest_evidence import BacktestEvidence
from model_lifecycle.reporting.backtest_summary import backtest_summary
from model_lifecycle.reporting.figures.policies import frontier_figure, gained_figure
from parcels import CASE, GATES, QUESTION_WITH_SLICE, RUN, run_stages
from parcels import decisions as parcels
from task_questions import AMOUNT, KIND, asked
from tiny_release import SPEC

MONTHLY = {"monthly": {"trigger": "calendar", "every": "month", "gated": False}}
GATED = {**MONTHLY, "gated": {"trigger": "calendar", "every": "month"}}
ALL = {
    **GATED,
    "refitted": {"trigger": "calendar", "every": "month", "refit": True, "window": 1},
    "configured": {"trigger": "configured"},
}


@pytest.fixture(scope="module")
def report() -> BacktestEvidence:
    return tried(project(), spec(ALL))


def _of(report: BacktestEvidence, policy: str):  # type: ignore[no-untyped-def]
    return next(one for one in report["policies"] if one["policy"] == policy)


def test_a_retraining_is_what_production_would_have_shipped() -> None:
    shipped = run_stages().fitted["logistic"]
    found = project(challenger="logistic")
    made, _ = production(found, spec(MONTHLY))
    release = made.train(RUN.as_of, TriedPolicy(trigger="never"))
    scorer = made.scorer(release.name)
    assert scorer.model.to_files() == shipped.model.to_files()
    same = {"release_id": "", "as_of": ""}
    assert scorer.facts.model_copy(update=same) == shipped.facts.model_copy(update=same)


def test_a_release_knows_what_each_feature_counts_as_production_tells_it_where_a_policy_asks() -> None:
    run = run_stages()
    packed = shares(weigh(run.fitted["logistic"], run.test, SPEC, RUN))
    for explained in (True, False):
        found = replace(project(challenger="logistic"), explained=explained)
        made, _ = production(found, spec(MONTHLY))
        importance = made.train(RUN.as_of, TriedPolicy(trigger="never")).facts.importance
        assert importance == (packed if explained else {})


def test_every_policy_begins_with_the_same_release_and_retrains_as_it_says(report: BacktestEvidence) -> None:
    assert [one["retrainings"] for one in report["policies"]][:4] == [0, 2, 2, 2]
    assert [event["at"][:10] for event in _of(report, "monthly")["events"]] == ["2024-06-30", "2024-07-31"]
    june = [one["months"][0]["value"] for one in report["policies"]]
    assert june[0] is not None
    assert june == june[:1] * 5
    assert _of(report, "configured")["events"][0]["reasons"][0].startswith("the training data ended")


def test_the_gates_of_production_hold_the_challengers_of_a_gated_policy_back() -> None:
    strict = GATES.model_copy(update={"ceiling_auc": 0.6})
    found = tried(project(gates=strict), spec(GATED))
    gated, free = _of(found, "gated"), _of(found, "monthly")
    assert (gated["promotions"], gated["rejections"]) == (0, 2)
    assert any(re.match(r"leakage: AUC 0\.\d+, above 0\.6", reason) for reason in gated["events"][0]["reasons"])
    assert free["promotions"] == 2
    assert gated["value"] == _of(found, "never")["value"]


def test_what_happens_later_changes_nothing_before(report: BacktestEvidence) -> None:
    table = parcels()
    later = (table["asked_at"] >= pd.Timestamp(JULY)) | (table["delivered_at"] >= pd.Timestamp(JULY))
    observed = later & (table["outcome"] == "observed")
    table.loc[observed, "late"] = 1.0 - table.loc[observed, "late"]
    after = tried(project(table), spec(GATED))
    assert len(after["policies"]) == 3
    for one, other in zip(report["policies"], after["policies"], strict=False):
        early = [event for event in one["events"] if event["at"] <= JULY.isoformat()]
        assert [event for event in other["events"] if event["at"] <= JULY.isoformat()] == early
    assert _of(report, "monthly")["value"] != _of(after, "monthly")["value"]


def test_a_live_row_is_answered_as_production_would_have() -> None:
    found = project()
    made, live = production(found, spec(MONTHLY))
    release = made.train(JUNE, TriedPolicy(trigger="never"))
    known = stages.look(found, JULY, TrainingWindow())
    champion = stages.Champion(made.scorer(release.name))
    scored = with_champion(known.test, champion, known.primary, known.events, known.plan, found.question)
    answers = made.answer(release, slice(0, len(scored)))
    assert live.times[0] == known.test["row_decision_time"].iloc[0].to_datetime64()
    assert answers.prediction.tolist() == scored["prediction_champion"].tolist()
    assert answers.action.tolist() == scored["action_champion"].tolist()


class Killed(Exception):
    """What a killed run leaves behind is what it had written."""


class Mortal(InMemory):
    """Dies before it writes for the n-th time."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.left, self.written = writes, 0

    def write(self, key: str, files: Mapping[str, bytes]) -> None:
        """Write, or die."""
        if self.left == 0:
            raise Killed
        self.left -= 1
        self.written += 1
        super().write(key, files)


def test_a_killed_run_goes_on_where_it_was_ends_alike_and_then_fits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, memo = Mortal(1000), Mortal(3)
    found = tried(project(), spec(MONTHLY), whole)
    with pytest.raises(Killed):
        tried(project(), spec(MONTHLY), memo)
    memo.left = 1000
    assert tried(project(), spec(MONTHLY), memo) == found
    assert memo.written == whole.written
    monkeypatch.setattr(stages, "train", None)
    assert tried(project(), spec(MONTHLY), memo) == found


@pytest.mark.parametrize("question", [pytest.param(AMOUNT, marks=pytest.mark.slow), KIND], ids=["quantity", "classes"])
def test_every_kind_of_question_can_be_tried(question: BusinessQuestion) -> None:
    found = tried(project(asked(), question), spec({"gated": GATED["gated"], "on value": {"trigger": "value"}}))
    assert found["recommendation"]["policy"] in [one["policy"] for one in found["policies"]]
    assert all(one["ranking"] is not None for one in found["policies"])
    _shown(found)


def test_the_report_becomes_a_page_pictures_and_a_summary(report: BacktestEvidence) -> None:
    _shown(report)


def test_a_policy_that_is_not_shown_to_earn_less_is_told_with_all_that_was_compared(report: BacktestEvidence) -> None:
    least, best, worse = (one["policy"] for one in report["policies"][:3])
    against = [{"policy": name, "interval": None} for name in (least, worse)]
    told = {**report["recommendation"], "policy": least, "best": best, "worse": [worse], "against_best": against}
    found = cast(BacktestEvidence, {**report, "recommendation": told})
    assert f"Take {least!r}: it retrains" in verdict(found)
    assert f"to earn less than {best!r} (the days do not tell how much, one of 2 comparisons at once)" in verdict(found)


def test_that_no_window_could_be_judged_by_its_labels_is_told(report: BacktestEvidence) -> None:
    assert all(0 < one["judged"] < one["windows"] for one in report["policies"])
    assert "labels to be judged" not in backtest_summary(report)
    policies = [{**one, "judged": 0} for one in report["policies"]]
    found = cast(BacktestEvidence, {**report, "policies": policies})
    told = f"None of the {policies[0]['windows']} monitoring windows had the labels to be judged by"
    assert told in backtest_summary(found)
    assert told in backtest_page(found)


def _shown(found: BacktestEvidence) -> None:
    page, summary = backtest_page(found), backtest_summary(found)
    assert found["recommendation"]["policy"] in page
    assert "Recommendation" in page
    assert summary.startswith(f"back-test of {CASE}: ")
    assert all(figure.data for figure in (gained_figure(found), frontier_figure(found)))


def test_the_fast_variant_trains_on_fewer_rows_and_counts_all_decisions(report: BacktestEvidence) -> None:
    easy = QUESTION_WITH_SLICE.success.model_copy(update={"minimum_positives": 50})
    found = project(question=QUESTION_WITH_SLICE.model_copy(update={"success": easy}), training_rows=400)
    assert tried(found, spec(MONTHLY))["decisions"] == report["decisions"]
    known = stages.look(found, JULY, TrainingWindow())
    assert 300 <= len(known.train) <= 400
    assert len(known.test) == 30 * 20


def test_a_short_history_is_told_with_what_is_missing() -> None:
    found = project(parcels(days=100))
    with pytest.raises(ConfigurationError, match=r"2024-03-01.* to 2024-06-08.*; expected 3 periods of a month before"):
        schedule(found, spec(MONTHLY))


def _rare(question: BusinessQuestion, minimum: int) -> BusinessQuestion:
    """Ask for so many outcomes of each class."""
    success = question.success.model_copy(update={"minimum_positives": minimum})
    return question.model_copy(update={"success": success})


def test_a_rare_class_makes_the_first_release_wait_until_it_has_enough() -> None:
    assert schedule(project(asked(), KIND), spec(MONTHLY)).start == JUNE
    known = [stages.look(project(asked(), KIND), moment, TrainingWindow()).train for moment in (JUNE, JULY)]
    june, july = (int(train["row_target"].value_counts().min()) for train in known)
    assert june < july
    assert schedule(project(asked(), _rare(KIND, june)), spec(MONTHLY)).start == JUNE
    assert schedule(project(asked(), _rare(KIND, june + 1)), spec(MONTHLY)).start == JULY
    assert schedule(project(asked(), _rare(KIND, july)), spec(MONTHLY)).start == JULY


def test_a_class_that_never_has_enough_is_told_with_moment_count_and_remedy() -> None:
    found = project(asked(), _rare(KIND, 2_000), training_rows=500)
    with pytest.raises(
        ConfigurationError,
        match=r"as of 2024-07-01T00:00:00\+02:00, the last of 2 starts .*, \d+ early outcomes, expected at least 2,000 "
        r"with backtest\.training_rows: 500; give more history or another backtest\.start",
    ):
        schedule(found, spec(MONTHLY))


def test_a_given_start_at_which_nothing_can_be_trained_is_told_with_moment_and_remedy() -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"first release, as of 2024-05-31T22:00:00\+00:00, cannot be trained: feasibility says no-go: \d+ \w+ "
        r"outcomes, expected at least 2,000; give another backtest\.start or more history",
    ):
        tried(project(asked(), _rare(KIND, 2_000)), spec(MONTHLY, start=JUNE.isoformat()))
