from model_lifecycle.reporting.checking import checked
from model_lifecycle.reporting.conversion import interval_evidence, question_evidence
from model_lifecycle.reporting.evidence import IntervalEvidence, QuestionEvidence
from model_lifecycle.statistics.intervals import Interval
from tiny_release import QUESTION


def test_a_question_becomes_evidence_with_its_value_matrix_and_break_even() -> None:
    evidence = checked(QuestionEvidence, question_evidence("parcels", QUESTION))

    assert evidence["case"] == "parcels"
    assert evidence["act"] == {"positive": -5.0, "negative": -5.0, "unavailable": -5.0}
    assert evidence["leave"] == {"positive": -12.0, "negative": 0.0, "unavailable": 0.0}
    assert evidence["break_even"] == 5 / 12


def test_an_interval_becomes_evidence() -> None:
    evidence = interval_evidence(Interval(0.5, 0.4, 0.6, 0.95, 4, 2.5, "autoregression", 0.936))

    assert checked(IntervalEvidence, evidence) == {
        "estimate": 0.5,
        "lower": 0.4,
        "upper": 0.6,
        "level": 0.95,
        "n_blocks": 4,
        "n_effective": 2.5,
        "method": "autoregression",
        "coverage": 0.936,
    }
