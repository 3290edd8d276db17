"""Contracts and statistics as evidence."""

from model_lifecycle.contracts.business_question import BusinessQuestion, OutcomeValue
from model_lifecycle.reporting.evidence import IntervalEvidence, OutcomeValueEvidence, QuestionEvidence
from model_lifecycle.statistics.intervals import Interval


def question_evidence(case: str, question: BusinessQuestion) -> QuestionEvidence:
    """Return what every report says about the question."""
    return {
        "case": case,
        "question": question.question,
        "owner": question.owner,
        "decision": question.decision,
        "target": question.target,
        "unit": question.value.unit,
        "value_source": question.value.source,
        "act": _outcomes(question.value.act),
        "leave": _outcomes(question.value.leave),
        "break_even": question.value.break_even(),
    }


def _outcomes(value: OutcomeValue) -> OutcomeValueEvidence:
    return {"positive": value.positive, "negative": value.negative, "unavailable": value.unavailable}


def interval_evidence(found: Interval) -> IntervalEvidence:
    """Return an interval as every report shows it."""
    return {
        "estimate": found.estimate,
        "lower": found.lower,
        "upper": found.upper,
        "level": found.level,
        "n_blocks": found.n_blocks,
        "n_effective": found.n_effective,
        "method": found.method,
        "coverage": found.coverage,
    }
