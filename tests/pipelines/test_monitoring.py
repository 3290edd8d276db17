"""The monitoring pipeline over a real store, through Kedro's runner."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from kedro.io import DataCatalog, DatasetError, MemoryDataset
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset
from kedro_datasets.partitions import PartitionedDataset
from kedro_datasets.text import TextDataset

from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.records import AlertRecord, LabelRecord, MetricsSnapshot, PredictionRecord
from model_lifecycle.contracts.table import ColumnContract, TableContract, TableContracts
from model_lifecycle.datasets.action_log import ActionLog
from model_lifecycle.datasets.alert_book import AlertBookDataset
from model_lifecycle.datasets.alert_log import AlertLog
from model_lifecycle.datasets.event_log import EventLog
from model_lifecycle.datasets.optional_json import OptionalJSONDataset
from model_lifecycle.datasets.prediction_window import PredictionWindow
from model_lifecycle.datasets.trail import TrailDataset
from model_lifecycle.errors import ContractError
from model_lifecycle.hooks import SUMMARIES
from model_lifecycle.monitoring.policy import NOTHING_LOGGED
from model_lifecycle.pipelines.monitoring import create_pipeline
from model_lifecycle.store import Store
from monitored_traffic import (
    CONTRACT,
    LIVE,
    MONITORING,
    POLICY,
    QUESTION,
    RELEASE,
    SPEC,
    THRESHOLD,
    WEEK,
    Traffic,
    champion,
    live,
)
from tiny_release import scorer
from webhook_receiver import Receiver, receiver, receiving

__all__ = ["receiver"]  # a fixture

LAG = timedelta(hours=3)
CONF = yaml.safe_load((Path(__file__).parents[2] / "conf/base/parameters_monitoring.yml").read_text(encoding="utf-8"))
ALERTING = AlertingSpec.model_validate(CONF["alerting"] | {"labels": {"case": "test"}})


def _fill(url: str, found: Traffic) -> None:
    times = [moment.replace(tzinfo=LIVE.tzinfo) for moment in found.times.tolist()]
    names = list(found.columns)
    rows = list(zip(*(found.columns[name].tolist() for name in names), strict=True))
    predictions = [
        PredictionRecord(
            prediction_id=f"p{number}",
            decision_id=f"d{number}",
            decision_time=time,
            logged_at=time,
            release=RELEASE,
            score=float(score),
            decision="act" if score >= THRESHOLD else "leave",
            threshold=THRESHOLD,
            watermark=0,
            inputs={
                name: None if value is None or value != value else value  # noqa: PLR0124 - NaN
                for name, value in zip(names, row, strict=True)
            },
        )
        for number, (time, score, row) in enumerate(zip(times, found.score, rows, strict=True))
    ]
    labels = [
        LabelRecord(
            decision_id=f"d{number}",
            label_time=time + LAG,
            outcome="observed",
            value=float(value),
            reason=None,
            received_at=time + LAG,
        )
        for number, (time, value) in enumerate(zip(times, found.target, strict=True))
    ]
    with Store.open(url) as store:
        store.append_predictions(predictions)
        store.append_labels(labels)


def _catalog(
    folder: Path, until: str | None, facts: dict[str, Any] | None = None, alerting: AlertingSpec | None = None
) -> DataCatalog:
    url = f"sqlite:///{folder / 'store.db'}"
    given = {
        "champion_release": facts or champion().model_dump(mode="json"),
        "params:monitoring_until": until,
        "params:monitoring": MONITORING,
        "params:policy": POLICY,
        "params:alerting": alerting or ALERTING,
        "params:split": SplitSpec(time_zone="UTC"),
        "params:features": SPEC,
        "params:business_question": QUESTION,
        "params:contracts": TableContracts({"primary_table": TableContract(columns=CONTRACT)}),
    }
    return DataCatalog(
        {
            **{name: MemoryDataset(value) for name, value in given.items()},
            "prediction_log": PredictionWindow(url),
            "event_log": EventLog(url),
            "service_metrics": MemoryDataset(MetricsSnapshot(None, "no service in this test")),
            "champion": MemoryDataset(SimpleNamespace(scorer=scorer("of another release")), copy_mode="assign"),
            "previous_champion": MemoryDataset(None),
            "audit_trail": TrailDataset(url),
            "window_trail": TrailDataset(url),
            "monitoring_alerts": AlertLog(str(folder / "alerts.json"), url),
            "alert_book": AlertBookDataset(url),
            "alert_report": JSONDataset(filepath=str(folder / "alert_report.json")),
            "alert_summary": TextDataset(filepath=str(folder / "alert_summary.txt")),
            "policy_summary": TextDataset(filepath=str(folder / "policy_summary.txt")),
            "monitoring_report": JSONDataset(filepath=str(folder / "monitoring.json")),
            "policy_decision": JSONDataset(filepath=str(folder / "decision.json")),
            "action_log": ActionLog(url, f"sqlite:///{folder / 'registry.db'}", "test"),
            "monitoring_history_before": OptionalJSONDataset(filepath=str(folder / "history.json")),
            "monitoring_history": JSONDataset(filepath=str(folder / "history.json")),
            "monitoring_page": TextDataset(filepath=str(folder / "monitoring.html")),
            "monitoring_pages": PartitionedDataset(
                path=str(folder / "windows"), dataset="text.TextDataset", filename_suffix=".html"
            ),
            "monitoring_over_time_page": TextDataset(filepath=str(folder / "over_time.html")),
        }
    )


def test_a_calendar_of_the_decision_time_is_no_missing_input(tmp_path: Path) -> None:
    """The log keeps a decision's id and time beside its inputs."""
    _fill(f"sqlite:///{tmp_path / 'store.db'}", live(1))
    catalog = _catalog(tmp_path, (LIVE + 2 * WEEK).isoformat())
    calendar = {"column": QUESTION.decision_time, "time_zone": "UTC", "parts": ["hour"]}
    spec = FeatureSpec.model_validate(SPEC.model_dump() | {"calendar": [calendar]})
    columns = {**CONTRACT, QUESTION.decision_time: ColumnContract(type="time")}
    catalog["params:features"] = MemoryDataset(spec)
    catalog["params:contracts"] = MemoryDataset(TableContracts({"primary_table": TableContract(columns=columns)}))
    SequentialRunner().run(create_pipeline(), catalog)
    window = catalog.load("monitoring_report")["windows"][0]
    assert window["decisions"] == 1_050
    assert window["quality"] == []


def _run(folder: Path, until: datetime | None, alerting: AlertingSpec | None = None) -> DataCatalog:
    catalog = _catalog(folder, None if until is None else until.isoformat(), alerting=alerting)
    SequentialRunner().run(create_pipeline(), catalog)
    return catalog


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    _fill(f"sqlite:///{tmp_path / 'store.db'}", live(1, weeks=2))
    return tmp_path


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    found = live(1, weeks=2).changed_from(LIVE + WEEK, "temperature", lambda values: (values - 32) / 1.8)
    _fill(f"sqlite:///{tmp_path / 'store.db'}", found)
    return tmp_path


def test_quiet_traffic_ends_in_nothing_and_warns_of_its_first_hour_alone(quiet: Path) -> None:
    catalog = _run(quiet, LIVE + 2 * WEEK + timedelta(hours=1))
    assert catalog.load("policy_decision")["action"] == "nothing"
    assert [alert.rule for alert in catalog.load("monitoring_alerts")] == [
        "data_quality_warning.volume"
    ]  # its first hour
    report = catalog.load("monitoring_report")
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert [window["maturity"]["mature"] for window in report["windows"]] == [False, True, True]


def test_a_run_says_in_words_what_was_decided_and_why(quiet: Path) -> None:
    """Without a mature window no alert fires, which is no verdict."""
    catalog = _run(quiet, LIVE + timedelta(hours=1))
    assert catalog.load("alert_summary").startswith("alerts: ")
    told, because = catalog.load("policy_summary").splitlines()
    assert told == "policy: nothing"
    assert because.startswith("  because no window is mature yet: ")
    assert "not judged, see Windows" in catalog.load("monitoring_page")
    assert "policy_summary" in SUMMARIES


def test_a_planted_change_of_unit_is_investigated_and_never_retrained_on(faulty: Path) -> None:
    catalog = _run(faulty, LIVE + 2 * WEEK)
    decision = catalog.load("policy_decision")
    assert decision["action"] == "investigate"
    assert "'temperature' looks as if its unit had changed" in decision["reasons"][0]
    assert [start[:10] for start, _ in decision["excluded_windows"]] == [(LIVE + WEEK).date().isoformat()]


def test_alerts_stand_in_the_store_once_however_often_the_window_is_judged(faulty: Path) -> None:
    first = _run(faulty, LIVE + 2 * WEEK).load("monitoring_alerts")
    second = _run(faulty, LIVE + 2 * WEEK).load("monitoring_alerts")
    assert first
    assert first == second
    with Store.open(f"sqlite:///{faulty / 'store.db'}") as store:
        assert [alert.alert_id for alert in store.alerts()] == [alert.alert_id for alert in first]


def test_a_run_raises_resolves_and_delivers_each_once(faulty: Path, receiver: Receiver) -> None:
    channels = {"hook": {"type": "webhook", "url": receiver.url}}
    alerting = AlertingSpec.model_validate({**ALERTING.model_dump(by_alias=True), "channels": channels})
    for weeks in (1, 1, 2, 2):
        catalog = _run(faulty, LIVE + weeks * WEEK, alerting)
    report = catalog.load("alert_report")
    assert {alert["labels"]["alertname"] for alert in report["alerts"]} == {"data_quality", "drift"}
    assert (report["firing"], report["delivered"], report["problems"]) == (2, 0, [])
    assert catalog.load("alert_summary").splitlines()[0] == ("alerts: 2 firing, 0 pending; 0 notifications delivered")
    (told,) = [json.loads(got.body) for got in receiver.received]
    assert (told["status"], told["groupLabels"], len(told["alerts"])) == ("firing", {"case": "test"}, 2)
    assert "looks as if its unit had changed" in told["alerts"][0]["annotations"]["summary"]
    assert "looks as if its unit had changed" in catalog.load("monitoring_page")


def test_a_channel_that_fails_fails_no_run_and_stands_in_report_page_and_summary(faulty: Path) -> None:
    with receiving() as gone:
        url = gone.url
    channels = {"hook": {"type": "webhook", "url": url}}
    options = {"channels": channels, "tries": 1}
    catalog = _run(
        faulty, LIVE + 2 * WEEK, AlertingSpec.model_validate({**ALERTING.model_dump(by_alias=True), **options})
    )
    assert catalog.load("policy_decision")["action"] == "investigate"
    for told in (
        *catalog.load("alert_report")["problems"],
        catalog.load("alert_summary"),
        catalog.load("monitoring_page"),
    ):
        assert "no answer (ConnectionRefusedError)" in told
    assert catalog.load("alert_report")["waiting"] == 1


def test_a_rule_that_asks_for_a_long_row_of_windows_makes_the_run_look_back_so_far(quiet: Path) -> None:
    rule = {"metric": "drift.features", "above": 0, "for": 9}
    node = next(node for node in create_pipeline().nodes if node.name == "select_predictions")
    log = PredictionWindow(f"sqlite:///{quiet / 'store.db'}").load()
    asked: list[timedelta] = []

    def read(start: datetime, end: datetime, _: datetime) -> Any:
        asked.append(end - start)
        return log.read(end, end, end)

    reader = SimpleNamespace(newest=log.newest, start_of=log.start_of, read=read, read_shadows=log.read_shadows)
    alerting = AlertingSpec.model_validate({"rules": {"long": rule}})
    node.func(reader, None, MONITORING, POLICY, alerting, SplitSpec(time_zone="UTC"))
    assert asked[0] >= 9 * WEEK


def test_windows_by_count_are_read_and_judged_as_far_back_as_the_policy_looks(quiet: Path) -> None:
    catalog = _catalog(quiet, (LIVE + 2 * WEEK).isoformat())
    catalog["params:monitoring"] = MemoryDataset(MONITORING.model_copy(update={"window_rows": 300}))
    SequentialRunner().run(create_pipeline(), catalog)
    assert [one["decisions"] for one in catalog.load("monitoring_report")["windows"]] == [300] * 5


def test_the_report_tells_that_the_log_has_no_season_before(quiet: Path) -> None:
    found = _run(quiet, LIVE + WEEK).load("monitoring_report")["windows"][-1]["drift"]["season"]
    assert found["reason"].startswith("0 decisions are logged of the season before")


def test_labels_from_after_until_are_not_seen(quiet: Path) -> None:
    report = _run(quiet, LIVE + timedelta(hours=2)).load("monitoring_report")
    assert report["windows"][-1]["maturity"]["observed"] == 0
    assert report["new_labels"] == 0


def test_labels_count_as_new_since_the_training_data_however_far_the_windows_look_back(tmp_path: Path) -> None:
    _fill(f"sqlite:///{tmp_path / 'store.db'}", live(1, weeks=8))
    report = _run(tmp_path, LIVE + 9 * WEEK).load("monitoring_report")
    assert report["windows"][0]["start"] > (LIVE + 2 * WEEK).isoformat()
    assert report["new_labels"] == len(live(1, weeks=8).times)


def test_without_until_the_window_ends_at_the_newest_decision(quiet: Path) -> None:
    report = _run(quiet, None).load("monitoring_report")
    assert sum(window["decisions"] for window in report["windows"]) == len(live(1, weeks=2).times)
    assert report["windows"][-1]["maturity"]["waiting"] == 0


def test_an_empty_log_gives_a_report_without_windows(tmp_path: Path) -> None:
    Store.open(f"sqlite:///{tmp_path / 'store.db'}").close()
    catalog = _run(tmp_path, None)
    assert catalog.load("policy_decision")["reasons"] == [NOTHING_LOGGED]
    assert "no prediction is logged" in catalog.load("monitoring_page")


def test_a_log_that_has_been_silent_for_longer_than_is_looked_back_is_no_empty_one(quiet: Path) -> None:
    catalog = _run(quiet, LIVE + 20 * WEEK)
    assert catalog.load("policy_decision")["action"] == "investigate"
    assert catalog.load("policy_decision")["reasons"] == ["data quality: no decision was logged in the window"]
    assert [one["decisions"] for one in catalog.load("monitoring_report")["windows"]] == [0] * 5


def test_the_page_tells_the_decision_and_its_reason(faulty: Path) -> None:
    page = _run(faulty, LIVE + 2 * WEEK).load("monitoring_page")
    assert "Investigate." in page
    assert "&#39;temperature&#39; looks as if its unit had changed" in page


def test_a_log_that_does_not_exist_is_refused_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"store.db does not exist; it begins with the first prediction"):
        PredictionWindow(f"sqlite:///{tmp_path / 'store.db'}").load()
    assert list(tmp_path.iterdir()) == []


def test_only_the_service_writes_the_log(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="only the service writes predictions"):
        PredictionWindow(f"sqlite:///{tmp_path / 'store.db'}").save([])


def test_alerts_come_back_from_the_file_as_they_were(tmp_path: Path) -> None:
    alert = AlertRecord("a", LIVE, LIVE - WEEK, LIVE, "warning", "drift", "load drifted", {"features": ["load"]})
    log = AlertLog(str(tmp_path / "deep" / "alerts.json"), f"sqlite:///{tmp_path / 'store.db'}")
    log.save([alert])
    assert log.load() == [alert]


def test_a_damaged_champion_stops_the_run_before_anything_is_written(quiet: Path) -> None:
    facts = champion().model_dump(mode="json")
    facts["holdout"] = {}
    with pytest.raises(ContractError, match="champion_release, holdout"):
        SequentialRunner().run(create_pipeline(), _catalog(quiet, None, facts))
    assert not (quiet / "alerts.json").exists()


def test_the_pipeline_is_wired_from_logs_and_champion_alone() -> None:
    inputs = create_pipeline().inputs()
    assert {name for name in inputs if not name.startswith("params:")} == {
        "prediction_log",
        "event_log",
        "service_metrics",
        "champion",
        "champion_release",
        "previous_champion",
        "audit_trail",
        "action_log",
        "monitoring_history_before",
    }


def test_a_window_has_its_own_page_beside_one_of_all_windows_and_neither_needs_a_script(faulty: Path) -> None:
    for weeks in (1, 2):
        catalog = _run(faulty, LIVE + weeks * WEEK)
    pages = {name: load() for name, load in catalog.load("monitoring_pages").items()}
    over_time = catalog.load("monitoring_over_time_page")
    ends = [f"{LIVE + weeks * WEEK:%Y-%m-%dT%H%M}" for weeks in (1, 2)]

    assert sorted(pages) == ends
    assert all(f'href="monitoring/{end}.html"' in over_time for end in ends)
    assert 'href="../monitoring_over_time.html"' in pages[ends[1]]
    assert "looks as if its unit had changed" in over_time
    assert all("<script" not in page and len(page) < 1_000_000 for page in (*pages.values(), over_time))


def test_the_page_says_what_is_new_and_draws_each_feature_beside_its_reference(faulty: Path) -> None:
    page = _run(faulty, LIVE + 2 * WEEK).load("monitoring_page")
    changed = page.split("What changed since the window before</h2>")[1].split("</section>")[0]

    assert "<p>New: &#39;temperature&#39; looks as if its unit had changed" in changed
    assert "Drifted now and not before: temperature." in changed
    assert "<details open><summary>temperature: drifted" in page
    assert page.count("<figcaption>Share of rows: grey in training") == page.count("<details") > 1
