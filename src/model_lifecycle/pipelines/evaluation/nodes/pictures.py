"""The pictures of the evaluation, for kedro-viz and the notebooks."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.pipelines.evaluation.nodes.figures import TestFigures, settled_gains
from model_lifecycle.pipelines.evaluation.nodes.scores import score_of
from model_lifecycle.reporting.figures.comparison import comparison_figure, value_figure
from model_lifecycle.reporting.figures.reliability import reliability_figure
from model_lifecycle.reporting.figures.slices import slice_figure
from model_lifecycle.reporting.figures.value_curve import value_curve_figure
from model_lifecycle.statistics.value import cumulative_value_curve

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def draw_figures(
    figures: TestFigures, scores: pd.DataFrame, question: BusinessQuestion
) -> tuple["Figure", "Figure", "Figure", "Figure", "Figure"]:
    """Draw comparison, value, value against threshold, reliability and slices."""
    subject, unit = figures["subject"], question.value.unit
    return (
        comparison_figure(figures["metrics"], "log_loss", subject, figures["champion"]),
        value_figure(figures["value"], unit),
        _value_curve(figures, scores, question),
        reliability_figure({subject: figures["calibration"]["bins"]}),
        slice_figure(figures["slices"], "auc", figures["metrics"][subject]["auc"]),
    )


def _value_curve(figures: TestFigures, scores: pd.DataFrame, question: BusinessQuestion) -> "Figure":
    settled = scores[scores[model_input.OUTCOME] != model_input.PENDING]
    curve = cumulative_value_curve(score_of(settled, figures["subject"]), settled_gains(settled, question))
    finite = np.isfinite(curve.threshold)
    return value_curve_figure(
        curve.threshold[finite],
        curve.value[finite] / len(settled) * 1000,
        figures["threshold"]["threshold"],
        question.value.break_even(),
        question.value.unit,
    )
