"""Verdict passed → release → proof in a real service → champion moves → the store and the summary follow."""

from kedro.pipeline import Node, Pipeline

from model_lifecycle.locations import case_name
from model_lifecycle.pipelines.deployment.nodes.packing import (
    pack_release,
    record_configuration,
    select_history,
    select_parity_rows,
)
from model_lifecycle.pipelines.deployment.nodes.promotion import promoter, publish_history, summarise, tell_trail
from model_lifecycle.pipelines.deployment.nodes.proof import prove_in_service

_SPEC, _GATES, _RUN, _OVERRIDE = "params:features", "params:gates", "params:run", "params:override"


def create_pipeline(*, retraining: bool = False) -> Pipeline:
    """Wire the stage.

    Parameters
    ----------
    retraining : bool
        Whether an order stands behind the run: it goes into release, registry and trail, and what ships may be a refit.
    """
    shipped = "shipped_model" if retraining else "challenger"
    order = ["retraining_order"] if retraining else []
    nodes = [*_packing(retraining, order), *_shipping(shipped, order)]
    return Pipeline(nodes, tags="deployment")


def _packing(retraining: bool, order: list[str]) -> list[Node]:
    card = "shipped_card" if retraining else "model_card"
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
                "challenger", "evaluation_evidence", f"{card}_page", f"{card}_markdown", "reference_profile",
                "model_input_test", "parity_rows", "split_plan", "params:monitoring", _RUN, "champion",
                "configuration", _OVERRIDE, *order, *(["shipped_model", "refit_report"] if retraining else []),
            ],
            "release",
            name="pack_release",
        ),
        Node(select_history, ["events", _SPEC], "service_history", name="select_history"),
    ]  # fmt: skip


def _shipping(shipped: str, order: list[str]) -> list[Node]:
    return [
        Node(
            prove_in_service,
            ["release", shipped, "parity_rows", "events", _GATES],
            "proof",
            name="prove_in_service",
        ),
        Node(
            promoter(case_name()),
            ["release", "evaluation_evidence", "proof", "params:registry_uri", _RUN, _OVERRIDE, *order],
            "release_outcome",
            name="promote",
        ),
        Node(
            tell_trail,
            ["release_outcome", _RUN, "audit_trail", _OVERRIDE, *order],
            "release_trail",
            name="tell_trail",
        ),
        Node(publish_history, ["service_history", "release_outcome"], "event_history", name="publish_history"),
        Node(
            summarise,
            ["evaluation_evidence", "proof", "release_outcome", "params:reports"],
            "run_summary",
            name="summarise",
        ),
    ]
