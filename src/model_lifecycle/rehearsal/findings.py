"""What monitoring has written down about the last window."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_lifecycle.monitoring.policy import Decision
from model_lifecycle.monitoring.verdict import MonitoringReport


@dataclass(frozen=True)
class Findings:
    """The report of a monitoring run, its alerts by id, and the policy's decision."""

    report: MonitoringReport
    alerts: dict[str, dict[str, Any]]
    decision: Decision


def read_findings(reporting: Path) -> Findings:
    """Read the files of the last monitoring run from the folder of reports."""
    alerts = json.loads((reporting / "alerts.json").read_text(encoding="utf-8"))
    return Findings(
        report=MonitoringReport.model_validate_json((reporting / "monitoring.json").read_bytes()),
        alerts={alert["alert_id"]: alert for alert in alerts},
        decision=Decision.model_validate_json((reporting / "policy_decision.json").read_bytes()),
    )
