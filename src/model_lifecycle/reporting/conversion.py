"""Contracts and statistics as evidence."""

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.reporting.evidence import IntervalEvidence, QuestionEvidence
from model_lifecycle.statistics.intervals import Interval
from model_lifecycle.tasks import task_of


def question_evidence(case: str, question: BusinessQuestion) -> QuestionEvidence:
    """Return what every report says about the question."""
    task = task_of(question)
    return {
        "case": case,
        "question": question.question,
        "owner": question.owner,
        "task": question.task,
        "loss": task.loss,
        "ranking": task.ranking,
        "decision": question.decision,
        "target": question.target,
        "unit": question.value.unit,
        "value_source": question.value.source,
        "payoffs": [
            {"action": action, "outcome": outcome, "worth": worth} for action, outcome, worth in task.payoffs()
        ],
        "rule": task.rule(),
        "policies": list(task.policies),
    }


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
        "dependence": found.dependence,
        "coverage": found.coverage,
    }
