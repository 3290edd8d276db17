"""The rules and the dashboard in deploy/ speak of metrics that the service has, and do what they say."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from model_lifecycle.serving.metrics import Metrics

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
NAME = re.compile(r"\b(?:model_lifecycle|process)_[a-z0-9_]+|\bmodel_lifecycle:[a-z0-9_:]+")
PROMTOOL = shutil.which("promtool")
promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not here: apt-get install prometheus")


def _rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "rules.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _dashboard() -> Iterator[str]:
    found = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
    for panel in found["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def _exposed() -> set[str]:
    text = Metrics("r").render("one", {}).decode()
    kinds = dict(re.findall(r"# TYPE (\S+) (\S+)", text))
    histograms = {
        f"{name}_{end}" for name, kind in kinds.items() if kind == "histogram" for end in ("bucket", "sum", "count")
    }
    return {*kinds, *histograms}


def test_every_metric_of_rules_and_dashboard_is_one_that_the_service_has() -> None:
    recorded = {rule["record"] for rule in _rules() if "record" in rule}
    expressions = [*(rule["expr"] for rule in _rules()), *_dashboard()]
    jobs = re.compile(r'job="[^"]*"')
    named = {name for expression in expressions for name in NAME.findall(jobs.sub("", expression))}
    assert len(named) > 10
    assert named <= _exposed() | recorded


def test_every_metric_of_the_service_itself_is_on_the_dashboard() -> None:
    text = Metrics("r").render("one", {}).decode()
    own = {name for name in re.findall(r"# TYPE (\S+) \S+", text) if not name.startswith(("process_", "python_"))}
    shown = " ".join(_dashboard())
    assert {name for name in own if name not in shown and not name.endswith("_created")} == set()


def test_every_alert_has_a_severity_and_a_runbook_that_is_there() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    anchors = {heading.strip().lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", page, re.MULTILINE)}
    alerts = [rule for rule in _rules() if "alert" in rule]
    assert {rule["labels"]["severity"] for rule in alerts} == {"warning", "critical"}
    conf = yaml.safe_load((ROOT / "conf" / "base" / "parameters_monitoring.yml").read_text(encoding="utf-8"))
    links = [rule["runbook"] for rule in conf["alerting"]["rules"].values()]
    runbooks = [link.split("#") for link in (*links, *(rule["annotations"]["runbook_url"] for rule in alerts))]
    assert {file for file, _ in runbooks} == {"docs/alerts.md"}
    assert {anchor for _, anchor in runbooks} <= anchors


def test_samples_of_two_replicas_can_be_told_apart() -> None:
    first = Metrics("one").render("r1", {}).decode()
    assert 'model_lifecycle_log_waiting{replica="one"} 0.0' in first
    assert "process_resident_memory_bytes{" in first


def _promtool(*arguments: str) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
@pytest.mark.parametrize(
    "command", ["check rules rules.yml", "test rules rules_test.yml", "check config --syntax-only prometheus.yml"]
)
def test_promtool_is_content(command: str) -> None:
    _promtool(*command.split())


@promtool
def test_every_expression_of_the_dashboard_is_one_of_prometheus(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel_{number}", "expr": expr.replace("$job", "x")} for number, expr in enumerate(_dashboard())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    _promtool("check", "rules", str(file))
