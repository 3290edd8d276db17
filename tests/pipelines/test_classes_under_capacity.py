"""Classes under a capacity: one threshold, by which the service, the evaluation, batches and monitoring act alike."""

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.batch.output import scores_table
from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.features.folds import decision_times, unavailable_rows
from model_lifecycle.features.history import History
from model_lifecycle.features.tables import events_by_kind, to_columns
from model_lifecycle.monitoring.performance import gains
from model_lifecycle.pipelines.deployment.nodes.packing import parity_records
from model_lifecycle.pipelines.evaluation.nodes.pictures import draw_figures
from model_lifecycle.pipelines.evaluation.nodes.scores import action_of, prediction_of
from model_lifecycle.reporting.checking import checked_evaluation
from model_lifecycle.reporting.model_card import model_card_markdown
from model_lifecycle.scoring import Scorer
from parcels import Stages, run_stages
from task_questions import KIND, asked
from tiny_release import SPEC

SHARE = 0.2
LIMITED = BusinessQuestion.model_validate(
    KIND.model_dump()
    | {"value": KIND.value.model_dump() | {"capacity": {"share": SHARE, "time_zone": "Europe/Berlin"}}}
)
WORTH = np.array([[0.0, 0.0, 0.0], [-2.0, -2.0, 6.0], [4.0, -1.0, -1.0]])
WAIT = 0.0


@pytest.fixture(scope="module")
def stages() -> Stages:
    return run_stages(parcels=asked(), question=LIMITED)


def _threshold(stages: Stages) -> float:
    assert stages.challenger.threshold is not None
    return stages.challenger.threshold


def test_the_evaluation_acts_where_the_expected_gain_reaches_the_threshold(stages: Stages) -> None:
    subject = stages.verdict["challenger"]
    expected = prediction_of(stages.scores, subject) @ WORTH.T
    reached = expected.max(axis=1) >= _threshold(stages)
    assert 0.1 < reached.mean() < 0.5  # and far from all
    wanted = np.where(reached, expected.argmax(axis=1), WAIT)
    assert action_of(stages.scores, subject).tolist() == wanted.tolist()


def test_the_threshold_gains_over_first_come_on_later_rows(stages: Stages) -> None:
    settled = stages.scores[stages.scores[model_input.OUTCOME] != model_input.PENDING]
    task, times = stages.challenger.task, decision_times(settled)
    anyone = task.actions(prediction_of(settled, stages.verdict["challenger"]), None)
    outcome = settled[model_input.TARGET].to_numpy(dtype=np.float64), unavailable_rows(settled)
    first_come = 1000 * task.gains(*outcome, task.done(anyone, times)).mean()
    value = stages.figures["value"]
    assert value["model"]["estimate"] > 1.2 * first_come
    assert value["perfect"]["estimate"] > value["model"]["estimate"]


def test_perfection_takes_the_best_of_each_day(stages: Stages) -> None:
    """Of twenty parcels a day four can be handled: late ones are worth 6 each, early ones 4."""
    settled = stages.scores[stages.scores[model_input.OUTCOME] != model_input.PENDING]
    local = settled[model_input.DECISION_TIME].dt.tz_convert("Europe/Berlin").dt.date.to_numpy()
    best = np.where(
        unavailable_rows(settled), 0.0, WORTH.max(axis=0)[settled[model_input.TARGET].fillna(0).astype(int)]
    )
    total = 0.0
    for day in np.unique(local):
        mine = np.sort(best[local == day])[::-1]
        total += mine[: len(mine) * 20 // 100].sum()
    perfect = 1000 * total / len(settled)
    assert stages.figures["value"]["perfect"]["estimate"] == pytest.approx(perfect)
    trivial = max(stages.figures["value"][name]["estimate"] for name in stages.challenger.task.policies)
    assert stages.figures["calibration"]["value_room"] == pytest.approx(perfect - trivial)


def test_what_feasibility_promises_is_no_less_than_what_any_actions_gain(stages: Stages) -> None:
    settled = stages.train[stages.train[model_input.OUTCOME] != model_input.PENDING]
    task, times = stages.challenger.task, decision_times(settled)
    outcome = settled[model_input.TARGET].to_numpy(dtype=np.float64), unavailable_rows(settled)
    only_late = np.where(outcome[0] == 2.0, 1.0, WAIT)
    found = 1000 * task.gains(*outcome, task.done(only_late, times)).mean()
    assert stages.feasibility["value"]["perfect"]["estimate"] >= found


def test_the_service_a_batch_and_monitoring_act_as_the_evaluation(stages: Stages) -> None:
    scorer = Scorer.from_files(stages.challenger.to_files())
    assert scorer.threshold == _threshold(stages)
    rows = stages.scores[stages.scores[model_input.OUTCOME] != model_input.PENDING].set_index(model_input.DECISION_ID)
    primary = stages.primary.set_index("parcel", drop=False).loc[rows.index].reset_index(drop=True)
    expected = action_of(rows, stages.verdict["challenger"])
    history = History.build(SPEC, events_by_kind(stages.events, SPEC))
    columns = to_columns(primary[list(scorer.contract.columns)])

    scores = scorer.score(columns, history)
    assert scores.action.tolist() == expected.tolist()
    plain = scorer.plain_rows(parity_records(primary, scorer))
    assert plain is not None
    found = scorer.score_plain(plain, history)
    assert found.action.tolist() == expected.tolist()
    one_by_one = [scorer.score_plain([row], history).action[0] for row in plain[:200]]
    assert one_by_one == expected[:200].tolist()

    table, counts = scores_table(scorer, columns, scores, np.ones(len(rows), dtype=bool), with_features=False)
    assert table["decision"].to_pylist() == scorer.task.decisions(expected)
    assert counts.decisions["wait"] == (expected == WAIT).sum()

    outputs = scorer.task.outputs(scores.prediction)
    log = primary.assign(
        decision=table["decision"].to_pylist(),
        decision_time=primary["asked_at"],
        score=scores.score,
        threshold=scorer.threshold,
        outputs=pd.Series(
            [{name: float(values[place]) for name, values in outputs.items()} for place in range(len(rows))]
        ),
        value=rows[model_input.TARGET].to_numpy(dtype=np.float64),
    )
    worth = 1000 * gains(log, scorer.task).mean()
    assert worth == pytest.approx(stages.figures["value"]["model"]["estimate"])


def test_the_card_and_the_pictures_tell_the_threshold_in_the_questions_unit(stages: Stages) -> None:
    evidence = checked_evaluation(stages.evidence)
    told = model_card_markdown(evidence)
    assert f"Acts from an expected gain of {_threshold(stages):.4f} EUR on, chosen on the validation folds" in told
    assert "when its expected gain is at least the threshold" in told
    assert all(figure.data for figure in draw_figures(stages.figures, stages.scores, LIMITED))


def test_what_becomes_of_it_if_an_assumption_is_off_spends_the_capacity_by_what_is_promised(stages: Stages) -> None:
    """The default's values are 0: twice as much leaves every figure as it was."""
    found = {(one["assumption"], one["factor"]): one["model"] for one in stages.figures["sensitivity"]}
    settled = stages.scores[stages.scores[model_input.OUTCOME] != model_input.PENDING]
    task, times = stages.challenger.task, decision_times(settled)
    outcome = settled[model_input.TARGET].to_numpy(dtype=np.float64), unavailable_rows(settled)
    prediction = prediction_of(settled, stages.verdict["challenger"])
    by_promise, first_come = (
        1000 * task.gains(*outcome, task.done(action, times)).mean()
        for action in (task.at_its_word(prediction, times), task.actions(prediction, None))
    )
    assert found["values of wait", 2.0] == pytest.approx(by_promise)
    assert by_promise > 0.9 * stages.figures["value"]["model"]["estimate"]
    assert by_promise > 1.2 * first_come
