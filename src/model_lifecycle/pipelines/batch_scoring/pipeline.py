"""Files of a folder + champion + events → a file of scores for each, a report, a summary."""

from kedro.pipeline import Node, Pipeline

from model_lifecycle.pipelines.batch_scoring.nodes import (
    require_every_partition,
    score_partitions,
    summarise_batch,
)


def create_pipeline() -> Pipeline:
    """Wire the stage."""
    return Pipeline(
        [
            Node(
                score_partitions,
                ["batch_folders", "champion", "event_log", "params:batch_scoring"],
                "batch_report",
                name="score_partitions",
            ),
            Node(summarise_batch, "batch_report", "batch_summary", name="summarise_batch"),
            Node(
                require_every_partition,
                ["batch_report", "batch_summary"],
                None,
                name="require_every_partition",
            ),
        ],
        tags="batch_scoring",
    )
