"""All decisions and events → every policy over the history → what each earned → pictures, page, summary."""

from kedro.pipeline import Node, Pipeline

from model_lifecycle.locations import case_name
from model_lifecycle.pipelines.backtest.nodes.compare import comparer
from model_lifecycle.reporting.backtest import backtest_page
from model_lifecycle.reporting.backtest_summary import backtest_summary
from model_lifecycle.reporting.figures.policies import frontier_figure, gained_figure


def create_pipeline() -> Pipeline:
    """Wire the stage."""
    return Pipeline(
        [
            Node(
                comparer(case_name()),
                {
                    "decisions": "decisions",
                    "events": "all_events",
                    "choices": "choices",
                    "leakage": "leakage_report",
                    "question": "params:business_question",
                    "features": "params:features",
                    "contracts": "params:contracts",
                    "split": "params:split",
                    "run": "params:run",
                    "modelling": "params:modelling",
                    "gates": "params:gates",
                    "monitoring": "params:monitoring",
                    "policy": "params:policy",
                    "backtest": "params:backtest",
                    "memo": "backtest_memo",
                },
                "backtest_report",
                name="compare_policies",
            ),
            Node(backtest_page, "backtest_report", "backtest_page", name="render_backtest"),
            Node(gained_figure, "backtest_report", "backtest_gained_figure", name="draw_backtest_gained"),
            Node(frontier_figure, "backtest_report", "backtest_frontier_figure", name="draw_backtest_frontier"),
            Node(backtest_summary, "backtest_report", "backtest_summary", name="summarise_backtest"),
        ],
        tags="backtest",
    )
