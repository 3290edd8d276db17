"""Model inputs → feasibility → search over folds → choice → every candidate fitted."""

from kedro.pipeline import Node, Pipeline

from model_lifecycle.locations import case_name
from model_lifecycle.pipelines.modelling.nodes.choice import choose, draw_leaderboard
from model_lifecycle.pipelines.modelling.nodes.feasibility import assessor
from model_lifecycle.pipelines.modelling.nodes.fit import fitter
from model_lifecycle.pipelines.modelling.nodes.search import search_candidates
from model_lifecycle.pipelines.modelling.nodes.tracking import report_search
from model_lifecycle.reporting.feasibility import feasibility_page


def create_pipeline() -> Pipeline:
    """Wire the stage."""
    return Pipeline(
        [
            Node(
                assessor(case_name()),
                [
                    "model_input_train",
                    "model_input_test",
                    "params:business_question",
                    "split_plan",
                    "params:gates",
                    "params:monitoring",
                ],
                "feasibility",
                name="assess_feasibility",
            ),
            Node(feasibility_page, "feasibility", "feasibility_page", name="render_feasibility"),
            Node(
                search_candidates,
                [
                    "model_input_train",
                    "split_plan",
                    "params:modelling",
                    "params:features",
                    "params:run",
                    "params:business_question",
                    "feasibility",
                    "leakage_report",
                    "search_journal",
                ],
                ["search_trials", "out_of_fold"],
                name="search_candidates",
            ),
            Node(
                choose,
                ["search_trials", "out_of_fold", "model_input_train", "params:modelling", "params:business_question"],
                ["choices", "leaderboard"],
                name="choose_challenger",
            ),
            Node(report_search, ["search_trials", "choices", "params:run"], "search_log", name="track_search"),
            Node(
                draw_leaderboard,
                ["leaderboard", "params:business_question"],
                "leaderboard_figure",
                name="draw_leaderboard",
            ),
            Node(
                fitter(case_name()),
                [
                    "model_input_train",
                    "choices",
                    "split_plan",
                    "params:features",
                    "feature_state",
                    "params:business_question",
                    "params:contracts",
                    "params:run",
                ],
                ["fitted_models", "challenger", "refit_digests"],
                name="fit_candidates",
            ),
        ],
        tags="modelling",
    )
