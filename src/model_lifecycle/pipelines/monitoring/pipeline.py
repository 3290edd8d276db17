"""Prediction log + champion → verdicts on windows → alerts, decision, page."""

from kedro.pipeline import Node, Pipeline

from model_lifecycle.pipelines.monitoring.nodes.alerting import deliver_alerts
from model_lifecycle.pipelines.monitoring.nodes.deciding import (
    compare_with_previous,
    decide_policy,
    tell_blocked,
    tell_policy,
)
from model_lifecycle.pipelines.monitoring.nodes.judging import (
    compare_season,
    count_new_labels,
    judge,
    raise_alerts,
    replay_predictions,
    select_predictions,
    watch_operations,
)
from model_lifecycle.pipelines.monitoring.nodes.reporting import (
    draw_drift,
    draw_performance,
    remember_windows,
    render_over_time,
    render_window,
)


def create_pipeline() -> Pipeline:
    """Wire the stage."""
    return Pipeline([*_judging(), *_deciding(), *_showing()], tags="monitoring")


def _judging() -> list[Node]:
    """Return what makes the report of the logged predictions."""
    return [
        Node(
            select_predictions,
            [
                "prediction_log",
                "params:monitoring_until",
                "params:monitoring",
                "params:policy",
                "params:alerting",
                "params:split",
            ],
            ["prediction_window", "shadow_window"],
            name="select_predictions",
        ),
        Node(
            count_new_labels,
            ["prediction_log", "champion_release", "params:monitoring_until"],
            "new_labels",
            name="count_new_labels",
        ),
        Node(
            judge,
            {
                "predictions": "prediction_window",
                "new_labels": "new_labels",
                "shadows": "shadow_window",
                "champion": "champion_release",
                "until": "params:monitoring_until",
                "monitoring": "params:monitoring",
                "policy": "params:policy",
                "alerting": "params:alerting",
                "features": "params:features",
                "question": "params:business_question",
                "contracts": "params:contracts",
                "split": "params:split",
            },
            "judged_windows",
            name="judge_windows",
        ),
        Node(
            compare_season,
            {
                "report": "judged_windows",
                "predictions": "prediction_window",
                "log": "prediction_log",
                "champion": "champion_release",
                "monitoring": "params:monitoring",
                "features": "params:features",
                "question": "params:business_question",
                "contracts": "params:contracts",
            },
            "seasoned_windows",
            name="compare_season",
        ),
        Node(
            watch_operations,
            ["seasoned_windows", "prediction_window", "event_log", "service_metrics", "champion_release"],
            "monitoring_report",
            name="watch_operations",
        ),
    ]


def _deciding() -> list[Node]:
    """Return what follows from the report: alerts, the policy's decision, the trail."""
    return [
        Node(
            replay_predictions,
            ["prediction_window", "event_log", "champion"],
            "replay_report",
            name="replay_predictions",
        ),
        Node(
            raise_alerts,
            ["monitoring_report", "replay_report", "champion_release", "params:policy", "params:alerting"],
            ["monitoring_alerts", "alert_book", "unjudged_rules"],
            name="raise_alerts",
        ),
        Node(
            deliver_alerts,
            ["alert_book", "unjudged_rules", "params:alerting"],
            ["alert_report", "alert_summary"],
            name="deliver_alerts",
        ),
        Node(
            decide_policy,
            [
                "monitoring_report",
                "champion_release",
                "params:policy",
                "audit_trail",
                "previous_comparison",
                "params:split",
            ],
            "policy_decision",
            name="decide_policy",
        ),
        Node(tell_policy, "policy_decision", "policy_summary", name="tell_policy"),
        Node(
            compare_with_previous,
            {
                "log": "prediction_log",
                "events": "event_log",
                "champion": "champion",
                "previous": "previous_champion",
                "trail": "audit_trail",
                "until": "params:monitoring_until",
                "monitoring": "params:monitoring",
                "policy": "params:policy",
            },
            "previous_comparison",
            name="compare_with_previous",
        ),
        Node(tell_blocked, ["monitoring_report", "audit_trail"], "window_trail", name="tell_blocked"),
    ]


def _showing() -> list[Node]:
    """Return pictures, the history and the pages."""
    return [
        Node(draw_performance, "monitoring_report", "monitoring_performance_figure", name="draw_performance"),
        Node(draw_drift, "monitoring_report", "monitoring_drift_figure", name="draw_drift"),
        Node(
            remember_windows,
            ["monitoring_history_before", "monitoring_report", "policy_decision"],
            "monitoring_history",
            name="remember_windows",
        ),
        Node(
            render_window,
            {
                "report": "monitoring_report",
                "decision": "policy_decision",
                "replayed": "replay_report",
                "alerts": "alert_report",
                "history": "monitoring_history",
                "happenings": "action_log",
                "champion": "champion_release",
                "policy": "params:policy",
            },
            ["monitoring_page", "monitoring_pages"],
            name="render_window",
        ),
        Node(
            render_over_time,
            ["monitoring_history", "action_log", "alert_report", "params:policy"],
            "monitoring_over_time_page",
            name="render_over_time",
        ),
    ]
