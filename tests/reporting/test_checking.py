import json
from dataclasses import asdict

import pytest

from model_lifecycle.contracts.gates import GateResult
from model_lifecycle.errors import ContractError
from model_lifecycle.reporting.checking import checked, checked_evaluation
from model_lifecycle.reporting.evidence import EvaluationEvidence, GateEvidence, IntervalEvidence
from model_lifecycle.reporting.run_evidence import RunEvidence
from model_lifecycle.statistics.intervals import Interval


def test_a_gate_result_and_an_interval_are_evidence_as_they_are() -> None:
    gate = asdict(GateResult("leak", passed=True, reason="AUC 0.76 <= 0.95", figures={"auc": 0.76}))
    found = asdict(Interval(estimate=0.5, lower=0.4, upper=0.6, level=0.95, n_blocks=5, n_effective=5.0))

    assert checked(GateEvidence, gate) == gate
    assert checked(IntervalEvidence, found) == found


def test_evidence_comes_back_from_json_with_its_shape(run: RunEvidence) -> None:
    assert checked(RunEvidence, json.loads(json.dumps(run))) == run


def test_a_missing_part_is_named_with_its_place(evaluation: EvaluationEvidence) -> None:
    question = {key: value for key, value in evaluation["question"].items() if key != "owner"}

    with pytest.raises(ContractError, match=r"evidence 'EvaluationEvidence': question\.owner: missing"):
        checked(EvaluationEvidence, {**evaluation, "question": question})


def test_an_unknown_part_is_refused(gates: list[GateEvidence]) -> None:
    with pytest.raises(ContractError, match=r"verdict: Extra inputs are not permitted, found 'yes'"):
        checked(GateEvidence, {**gates[0], "verdict": "yes"})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_figure_that_json_cannot_hold_is_refused(gates: list[GateEvidence], value: float) -> None:
    with pytest.raises(ContractError, match=rf"figures\.auc: Input should be a finite number, found {value}"):
        checked(GateEvidence, {**gates[0], "figures": {"auc": value}})


def test_only_the_first_eight_problems_are_listed() -> None:
    with pytest.raises(ContractError, match=r"; and 12 more$") as caught:
        checked(EvaluationEvidence, {f"unknown_{n}": n for n in range(2)})

    assert str(caught.value).count(": missing") == 8


def test_a_baseline_without_metrics_is_refused(evaluation: EvaluationEvidence) -> None:
    with pytest.raises(
        ContractError, match=r"no metrics of \['always'\].*found \['catboost', 'constant', 'logistic'\]"
    ):
        checked_evaluation({**evaluation, "baselines": ["always"]})
