"""The command `alerts`, from the configuration of the case to a receiver."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from alerted import judgement, spec
from model_lifecycle.cli import cli
from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.monitoring.alert_turn import turn_of
from model_lifecycle.store import Store
from webhook_receiver import Receiver, receiver

__all__ = ["receiver"]  # a fixture
CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with an alert that fires and one that is over, and the project's configuration to change."""
    shutil.copytree(CONF, tmp_path / "conf")
    (tmp_path / "data").mkdir()  # of the log
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODEL_LIFECYCLE_DATA", str(tmp_path / "data"))
    url = f"sqlite:///{tmp_path / 'store.db'}"
    for release, pattern in (("r0", "x"), ("r1", "?x")):
        _judge(url, release, pattern, spec())
    return url


def _judge(url: str, release: str, pattern: str, alerting: AlertingSpec) -> None:
    found = judgement(pattern, alerting, release=release)
    with Store.open(url) as opened:
        opened.alert_book.take_turn(lambda known: turn_of(known, found, datetime.now(UTC)))


def _channels(**channels: object) -> None:
    local = Path("conf/local")
    local.mkdir(exist_ok=True)
    text = yaml.safe_dump({"alerting": {"channels": channels, "tries": 1}})
    (local / "parameters_alerting.yml").write_text(text, encoding="utf-8")


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["alerts", *arguments])


def test_list_shows_what_fires_and_with_all_what_is_over(store: str) -> None:
    told = _run("list", "--store", store).output.splitlines()
    assert len(told) == 1
    assert "firing" in told[0]
    assert "drift (drift.features): week 1 drifted" in told[0]
    found = json.loads(_run("list", "--all", "--json", "--store", store).output)
    assert [(one["labels"]["release"], one["status"]) for one in found] == [("r1", "firing"), ("r0", "resolved")]


def test_list_without_an_alert_says_so(tmp_path: Path, store: str) -> None:
    assert _run("list", "--store", f"sqlite:///{tmp_path / 'new.db'}").output == "no alert\n"


def test_show_tells_history_and_notifications(store: str) -> None:
    (_, over) = json.loads(_run("list", "--all", "--json", "--store", store).output)
    told = _run("show", over["fingerprint"][:6], "--store", store).output
    assert "2024-07-08 00:00  firing    week 0 drifted" in told
    assert "2024-07-15 00:00  resolved  release r0 was replaced by r1" in told
    assert told.count("waiting after 0 tries") == 2


def test_show_of_an_unknown_alert_is_refused(store: str) -> None:
    found = _run("show", "zz", "--store", store)
    assert found.exit_code == 1
    assert "Error: alert 'zz': found 0 of that fingerprint, expected one" in found.output


def test_test_sends_one_notification_that_says_what_it_is(store: str, receiver: Receiver) -> None:
    _channels(hook={"type": "webhook", "url": receiver.url})
    found = _run("test", "hook")
    assert found.output.startswith("channel hook took the test notification msg_test_")
    (got,) = receiver.received
    assert "nothing is wrong" in json.loads(got.body)["alerts"][0]["annotations"]["summary"]


def test_test_of_a_channel_that_fails_ends_in_one_message(store: str, receiver: Receiver) -> None:
    _channels(hook={"type": "webhook", "url": receiver.url})
    receiver.answer = lambda _: (401, {}, b"who?")
    found = _run("test", "hook")
    assert found.exit_code == 1
    assert found.output == f"Error: channel hook: {receiver.url[:-5]}: status 401, expected 2xx: 'who?'\n"


def test_test_of_a_channel_that_is_not_configured_names_those_that_are(store: str) -> None:
    assert "alerting.channels: found no 'hok', expected one of ['log']" in _run("test", "hok").output


def test_deliver_tries_again_and_says_what_it_could_not(store: str, receiver: Receiver) -> None:
    _channels(log={"type": "log"})
    assert _run("deliver", "--store", store).output == "2 delivered, 0 wait, 0 refused, 0 expired\n"
    hook = {"type": "webhook", "url": receiver.url}
    _judge(store, "r1", "?x", spec(channels={"hook": hook}))
    _channels(hook=hook)
    receiver.answer = lambda _: (500, {}, b"")
    failed = _run("deliver", "--store", store)
    assert failed.exit_code == 1
    assert "0 delivered, 1 wait" in failed.output
    assert "status 500, expected 2xx" in failed.output


def test_a_mistake_in_the_configuration_names_its_place(store: str) -> None:
    _channels(hook={"type": "webhook", "url": "http://alerts.example.org"})
    found = _run("test", "hook")
    assert found.exit_code == 1
    assert "parameters, alerting.channels.hook.webhook" in found.output
    assert "expected https://" in found.output
