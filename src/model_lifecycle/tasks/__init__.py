"""The three kinds of question: what is predicted, how it is scored, and how it becomes a decision.

Everything that differs between a yes or no, a quantity and a class stands here; whoever trains, judges, serves or
watches a model asks the question's task.
"""

from typing import cast

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.value import ActionValues, QuantityCost, ValueMatrix
from model_lifecycle.tasks.base import Metric, Promise, Task, Treatment, ValueCurve
from model_lifecycle.tasks.binary import BinaryTask
from model_lifecycle.tasks.multiclass import MulticlassTask
from model_lifecycle.tasks.regression import RegressionTask

__all__ = ["Metric", "Promise", "Task", "Treatment", "ValueCurve", "task_of"]


def task_of(question: BusinessQuestion) -> Task:
    """Return the task of a question."""
    if question.task == "regression":
        return RegressionTask(cast(QuantityCost, question.value))
    if question.task == "multiclass":
        return MulticlassTask(cast(ActionValues, question.value))
    return BinaryTask(cast(ValueMatrix, question.value))
