"""Verdict passed → release → proof in a real service → champion moves → the store and the summary follow."""

from kedro.pipeline import Node, Pipeline

from model_lifecycle.locations import case_name
from model_lifecycle.pipelines.deployment.nodes.packing import (
    pack_release,
    record_configuration,
    select_history,
    select_parity_rows,
)
from model_lifecycle.pipelines.deployment.nodes.promotion import promoter, publish_history, summarise
from model_lifecycle.pipelines.deployment.nodes.proof import prove_in_service

_SPEC, _GATES, _RUN, _OVERRIDE = "params:features", "params:gates", "params:run", "params:override"


def create_pipeline() -> Pipeline:
    """Wire the stage."""
    return Pipeline([*_packing(), *_shipping()], tags="deployment")


def _packing() -> list[Node]:
    return [
        Node(
            select_parity_rows,
            ["primary_table", "model_input_test", _SPEC, "params:business_question", _GATES],
            "parity_rows",
            name="select_parity_rows",
        ),
        Node(
            record_configuration,
            [
                "evaluation_evidence", "params:business_question", _SPEC, "params:contracts", "params:leakage",
                "params:split", "params:modelling", _GATES, "params:monitoring", _RUN,
            ],
            "configuration",
            name="record_configuration",
        ),
        Node(
            pack_release,
            [
                "challenger", "evaluation_evidence", "model_card_page", "model_card_markdown", "reference_profile",
                "model_input_test", "parity_rows", "split_plan", "params:monitoring", _RUN, "champion",
                "configuration", _OVERRIDE,
            ],
            "release",
            name="pack_release",
        ),
        Node(select_history, ["events", _SPEC], "service_history", name="select_history"),
    ]  # fmt: skip


def _shipping() -> list[Node]:
    return [
        Node(
            prove_in_service,
            ["release", "challenger", "parity_rows", "service_history", _GATES],
            "proof",
            name="prove_in_service",
        ),
        Node(
            promoter(case_name()),
            ["release", "evaluation_evidence", "proof", "params:registry_uri", _RUN, _OVERRIDE],
            "release_outcome",
            name="promote",
        ),
        Node(publish_history, ["service_history", "release_outcome"], "event_history", name="publish_history"),
        Node(
            summarise,
            ["evaluation_evidence", "proof", "release_outcome", "params:reports"],
            "run_summary",
            name="summarise",
        ),
    ]
