"""Model inputs and the challenger's choices → the worth of each feature and group; run after modelling, by name."""

from kedro.pipeline import Node, Pipeline

from model_lifecycle.pipelines.feature_selection.nodes import weigh_features
from model_lifecycle.reporting.figures.selection import selection_figure
from model_lifecycle.reporting.selection import selection_page


def create_pipeline() -> Pipeline:
    """Wire the stage."""
    return Pipeline(
        [
            Node(
                weigh_features,
                [
                    "model_input_train",
                    "split_plan",
                    "choices",
                    "params:features",
                    "params:feature_selection",
                    "params:gates",
                    "params:run",
                    "params:business_question",
                ],
                "feature_weights",
                name="weigh_features",
            ),
            Node(selection_page, "feature_weights", "feature_weights_page", name="render_feature_weights"),
            Node(selection_figure, "feature_weights", "feature_weights_figure", name="draw_feature_weights"),
        ],
        tags="feature_selection",
    )
