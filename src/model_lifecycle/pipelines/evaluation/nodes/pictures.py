"""The pictures of the evaluation, for kedro-viz and the notebooks."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.features.folds import decision_times, unavailable_rows
from model_lifecycle.pipelines.evaluation.nodes.evidence import Verdict
from model_lifecycle.pipelines.evaluation.nodes.figures import TestFigures
from model_lifecycle.pipelines.evaluation.nodes.scores import prediction_of
from model_lifecycle.reporting.evidence import CurvesEvidence
from model_lifecycle.reporting.explanations import CandidateExplanation
from model_lifecycle.reporting.figures.comparison import comparison_figure, value_figure
from model_lifecycle.reporting.figures.curves import learning_curve_figure, staleness_curve_figure
from model_lifecycle.reporting.figures.dependence import dependence_figure
from model_lifecycle.reporting.figures.examples import examples_figure
from model_lifecycle.reporting.figures.groups import group_figure
from model_lifecycle.reporting.figures.reliability import reliability_figure
from model_lifecycle.reporting.figures.shap_summary import importance_figure
from model_lifecycle.reporting.figures.slices import slice_figure
from model_lifecycle.reporting.figures.value_curve import value_curve_figure
from model_lifecycle.tasks import ValueCurve, task_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def draw_figures(
    figures: TestFigures, scores: pd.DataFrame, question: BusinessQuestion
) -> tuple["Figure", "Figure", "Figure", "Figure", "Figure"]:
    """Draw comparison, value, value by where the decision is drawn, reliability and slices."""
    subject, unit = figures["subject"], question.value.unit
    ranking = figures["ranking"]
    return (
        comparison_figure(figures["metrics"], figures["loss"], subject, figures["champion"]),
        value_figure(figures["value"], unit),
        value_curve_figure(_value_curve(figures, scores, question), unit),
        reliability_figure({subject: figures["calibration"]["bins"]}, question.task != "regression"),
        slice_figure(figures["slices"], "ranking", ranking, figures["metrics"][subject][ranking]),
    )


def draw_curves(curves: CurvesEvidence, question: BusinessQuestion) -> tuple["Figure", "Figure"]:
    """Draw the learning curve and the staleness curve under the name of the question's loss."""
    loss = task_of(question).loss
    return learning_curve_figure(curves, loss), staleness_curve_figure(curves, loss)


def draw_explanations(
    explanations: dict[str, CandidateExplanation], verdict: Verdict
) -> tuple["Figure", "Figure", "Figure"]:
    """Draw the challenger's importance, the contributions by the features' values, and decisions taken apart."""
    found = explanations[verdict["challenger"]]
    return (
        importance_figure(found["importance"]),
        dependence_figure(found["explanation"]["dependence"]),
        examples_figure(found["examples"]),
    )


def draw_groups(figures: TestFigures) -> "Figure":
    """Draw the groups of the sensitive slices side by side."""
    return group_figure(figures["fairness"])


def _value_curve(figures: TestFigures, scores: pd.DataFrame, question: BusinessQuestion) -> ValueCurve:
    settled = scores[scores[model_input.OUTCOME] != model_input.PENDING]
    return task_of(question).value_curve(
        settled[model_input.TARGET].to_numpy(dtype=np.float64),
        unavailable_rows(settled),
        prediction_of(settled, figures["subject"]),
        decision_times(settled),
        figures["threshold"]["threshold"],
    )
