from model_lifecycle.reporting.checking import checked
from model_lifecycle.reporting.conversion import interval_evidence, question_evidence
from model_lifecycle.reporting.evidence import IntervalEvidence, QuestionEvidence
from model_lifecycle.statistics.intervals import Interval
from tiny_release import QUESTION


def test_a_question_becomes_evidence_with_its_value_matrix_and_break_even() -> None:
    evidence = checked(QuestionEvidence, question_evidence("parcels", QUESTION))

    assert evidence["case"] == "parcels"
    worth = {(one["action"], one["outcome"]): one["worth"] for one in evidence["payoffs"]}
    assert worth == {
        **dict.fromkeys([("act", "positive"), ("act", "negative"), ("act", "unavailable")], -5.0),
        ("leave", "positive"): -12.0,
        ("leave", "negative"): 0.0,
        ("leave", "unavailable"): 0.0,
    }
    assert evidence["rule"].endswith("acting breaks even at 0.417")
    assert (evidence["loss"], evidence["ranking"]) == ("log_loss", "auc")


def test_an_interval_becomes_evidence() -> None:
    evidence = interval_evidence(Interval(0.5, 0.4, 0.6, 0.95, 4, 2.5, "autoregression", 0.936, 0.25))

    assert checked(IntervalEvidence, evidence) == {
        "estimate": 0.5,
        "lower": 0.4,
        "upper": 0.6,
        "level": 0.95,
        "n_blocks": 4,
        "n_effective": 2.5,
        "method": "autoregression",
        "coverage": 0.936,
        "dependence": 0.25,
    }
