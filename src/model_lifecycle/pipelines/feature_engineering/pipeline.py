"""Primary table and events → split plan, fitted constants, model inputs, a search for leaks, reference profile."""

from kedro.pipeline import Node, Pipeline

from model_lifecycle.pipelines.feature_engineering.leakage.nodes import find_leaks
from model_lifecycle.pipelines.feature_engineering.nodes import (
    fit_state,
    make_model_input,
    plan_split,
    profile_reference,
)
from model_lifecycle.reporting.leakage import leakage_page


def create_pipeline() -> Pipeline:
    """Wire the stage."""
    return Pipeline(
        [
            Node(
                plan_split,
                ["primary_table", "params:split", "params:run", "params:business_question"],
                "split_plan",
                name="plan_split",
            ),
            Node(
                fit_state,
                ["primary_table", "events", "params:features", "split_plan", "params:business_question"],
                "feature_state",
                name="fit_state",
            ),
            Node(
                make_model_input,
                [
                    "primary_table",
                    "events",
                    "params:features",
                    "feature_state",
                    "split_plan",
                    "params:business_question",
                ],
                ["model_input_train", "model_input_test"],
                name="make_model_input",
            ),
            Node(
                find_leaks,
                [
                    "decisions",
                    "primary_table",
                    "model_input_train",
                    "params:features",
                    "params:contracts",
                    "split_plan",
                    "params:business_question",
                    "params:leakage",
                ],
                "leakage_report",
                name="find_leaks",
            ),
            Node(leakage_page, "leakage_report", "leakage_page", name="render_leakage"),
            Node(
                profile_reference,
                ["model_input_train", "params:features", "params:monitoring"],
                "reference_profile",
                name="profile_reference",
            ),
        ],
        tags="feature_engineering",
    )
