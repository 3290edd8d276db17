"""Fitted models and untouched rows → scores → figures and verdict → explanations → model card and pictures."""

from kedro.pipeline import Node, Pipeline

from model_lifecycle.locations import case_name
from model_lifecycle.pipelines.evaluation.nodes.curves import measure_curves
from model_lifecycle.pipelines.evaluation.nodes.evidence import assembler, evaluate
from model_lifecycle.pipelines.evaluation.nodes.explanations import explain
from model_lifecycle.pipelines.evaluation.nodes.pictures import (
    draw_curves,
    draw_explanations,
    draw_figures,
    draw_groups,
)
from model_lifecycle.pipelines.evaluation.nodes.scores import score_test
from model_lifecycle.pipelines.evaluation.nodes.weak_slices import find_weak_slices
from model_lifecycle.reporting.figures.weak_slices import weak_slice_figure
from model_lifecycle.reporting.model_card import model_card_markdown, model_card_page

_QUESTION, _RUN, _GATES, _SPEC = "params:business_question", "params:run", "params:gates", "params:features"


def create_pipeline() -> Pipeline:
    """Wire the stage."""
    return Pipeline([*_judging(), *_telling()], tags="evaluation")


def _judging() -> list[Node]:
    return [
        Node(
            score_test,
            [
                "fitted_models",
                "model_input_test",
                "champion",
                "primary_table",
                "events",
                "split_plan",
                _SPEC,
                _QUESTION,
            ],
            "test_scores",
            name="score_test",
        ),
        Node(
            evaluate,
            [
                "test_scores",
                "challenger",
                "leaderboard",
                _QUESTION,
                _GATES,
                "split_plan",
                "champion",
                "refit_digests",
            ],
            ["test_figures", "verdict"],
            name="evaluate",
        ),
    ]


def _telling() -> list[Node]:
    return [
        Node(
            explain,
            ["fitted_models", "challenger", "model_input_test", _SPEC, _RUN],
            ["explanations", "shap_figure"],
            name="explain",
        ),
        Node(
            measure_curves,
            [
                "model_input_train", "split_plan", "params:split", "choices", "out_of_fold", _SPEC, "params:curves",
                _GATES, _RUN, _QUESTION,
            ],
            "curves",
            name="measure_curves",
        ),
        Node(
            draw_curves, ["curves", _QUESTION], ["learning_curve_figure", "staleness_curve_figure"], name="draw_curves"
        ),
        Node(
            find_weak_slices,
            [
                "test_scores", "model_input_test", "model_input_train", "explanations", "challenger",
                "params:weak_slices", _RUN,
            ],
            "weak_slices",
            name="find_weak_slices",
        ),
        Node(
            assembler(case_name()),
            [
                "test_figures", "verdict", "explanations", "curves", "leaderboard", _QUESTION, "split_plan", _RUN,
                "model_input_train", "model_input_test", "weak_slices",
            ],
            "evaluation_evidence",
            name="assemble_evidence",
        ),
        Node(model_card_page, "evaluation_evidence", "model_card_page", name="render_model_card"),
        Node(model_card_markdown, "evaluation_evidence", "model_card_markdown", name="write_model_card"),
        Node(
            draw_explanations,
            ["explanations", "verdict"],
            ["importance_figure", "dependence_figure", "examples_figure"],
            name="draw_explanations",
        ),
        Node(draw_groups, "test_figures", "fairness_figure", name="draw_groups"),
        Node(weak_slice_figure, "weak_slices", "weak_slices_figure", name="draw_weak_slices"),
        Node(
            draw_figures,
            ["test_figures", "test_scores", _QUESTION],
            ["comparison_figure", "value_figure", "value_curve_figure", "reliability_figure", "slices_figure"],
            name="draw_figures",
        ),
    ]  # fmt: skip
