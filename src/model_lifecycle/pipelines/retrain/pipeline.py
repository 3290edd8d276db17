"""An order → what is known → the policy's split on trusted rows → the stages of the whole job → a gated release."""

from kedro.pipeline import Node, Pipeline, pipeline

from model_lifecycle.locations import case_name
from model_lifecycle.pipelines import (
    data_engineering,
    evaluation,
    feature_engineering,
    modelling,
)
from model_lifecycle.pipelines.deployment.pipeline import create_pipeline as deploy
from model_lifecycle.pipelines.retrain.nodes import order_retraining, plan_retraining
from model_lifecycle.pipelines.retrain.refit import refitter, tell_refit

_QUESTION, _RUN = "params:business_question", "params:run"


def create_pipeline() -> Pipeline:
    """Wire the stages of the other pipelines round the order."""
    data = pipeline(data_engineering.create_pipeline(), outputs={"primary_table": "known_table"})
    features = feature_engineering.create_pipeline()
    own = features.only_nodes("plan_split")
    return Pipeline(
        [
            *_order(),
            data,
            features - own,
            modelling.create_pipeline(),
            evaluation.create_pipeline(),
            *_refit(),
            deploy(retraining=True),
        ],
    )


def _order() -> list[Node]:
    return [
        Node(
            order_retraining,
            ["params:retraining", _RUN, "params:policy", "audit_trail", "champion_before", "params:split"],
            "retraining_order",
            name="order_retraining",
        ),
        Node(
            plan_retraining,
            [
                "known_table",
                "retraining_order",
                "params:split",
                _RUN,
                _QUESTION,
                "params:monitoring",
                "champion_before",
            ],
            ["split_plan", "primary_table"],
            name="plan_retraining",
        ),
    ]


def _refit() -> list[Node]:
    return [
        Node(
            refitter(case_name()),
            {
                "order": "retraining_order",
                "challenger": "challenger",
                "evidence": "evaluation_evidence",
                "choices": "choices",
                "train": "model_input_train",
                "test": "model_input_test",
                "plan": "split_plan",
                "spec": "params:features",
                "state": "feature_state",
                "question": _QUESTION,
                "contracts": "params:contracts",
                "run": _RUN,
                "gates": "params:gates",
            },
            ["shipped_model", "refit_report"],
            name="refit_challenger",
        ),
        Node(
            tell_refit,
            ["model_card_page", "model_card_markdown", "refit_report"],
            ["shipped_card_page", "shipped_card_markdown"],
            name="tell_refit",
        ),
    ]
