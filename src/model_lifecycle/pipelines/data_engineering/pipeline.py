"""Raw tables → contract check → decisions and events → primary table as of a moment, with a quality report."""

from kedro.pipeline import Node, Pipeline

from model_lifecycle.cases import load_case
from model_lifecycle.locations import case_name
from model_lifecycle.pipelines.data_engineering.nodes.primary import (
    as_known,
    builder,
    check_decisions,
    known_events,
)
from model_lifecycle.pipelines.data_engineering.nodes.quality import reporter
from model_lifecycle.pipelines.data_engineering.nodes.sources import source_checker
from model_lifecycle.reporting.quality_report import quality_page


def create_pipeline() -> Pipeline:
    """Wire the stage for the sources of the chosen case."""
    case = load_case(case_name())
    checked = [f"checked_{source}" for source in case.SOURCES]
    aside = [f"quarantine_{source}" for source in case.SOURCES]
    return Pipeline(
        [
            Node(
                source_checker(case),
                ["params:contracts", "params:run", *(f"raw_{source}" for source in case.SOURCES)],
                [*checked, *aside, "contract_warnings"],
                name="check_sources",
            ),
            Node(
                builder(case),
                ["params:case_settings", *checked],
                ["joined_decisions", "all_events", "preparation_steps"],
                name="build_tables",
            ),
            Node(
                check_decisions,
                ["joined_decisions", "params:contracts", "params:business_question"],
                "decisions",
                name="check_decisions",
            ),
            Node(as_known, ["decisions", "params:business_question", "params:run"], "primary_table", name="as_known"),
            Node(known_events, ["all_events", "params:features", "params:run"], "events", name="known_events"),
            Node(
                reporter(case, case_name()),
                [
                    "primary_table",
                    "preparation_steps",
                    "contract_warnings",
                    "previous_quality_report",
                    "params:contracts",
                    "params:run",
                    *checked,
                    *aside,
                ],
                "data_quality_report",
                name="describe_quality",
            ),
            Node(quality_page, "data_quality_report", "data_quality_page", name="render_quality"),
        ],
        tags="data_engineering",
    )
