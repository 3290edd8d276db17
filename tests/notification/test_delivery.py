"""Delivery from a real store to real receivers."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from alerted import judgement, spec
from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.monitoring.alert_turn import turn_of
from model_lifecycle.notification.delivery import Delivery, deliver
from model_lifecycle.store import Store
from model_lifecycle.store.alert_book import AlertBook
from webhook_receiver import Answer, Receiver, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the specification's own example
OK: Answer = (204, {}, b"")
IMPORTS_IMGHDR = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise does


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AlertBook]:
    monkeypatch.setenv("ALERTS_SECRET", SECRET)
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store.alert_book


def _hook(url: str, **options: Any) -> dict[str, Any]:
    return {"type": "webhook", "url": url, "secret_env": "ALERTS_SECRET", "timeout": "1s", **options}


def _judged(book: AlertBook, alerting: AlertingSpec, pattern: str = "x") -> None:
    book.take_turn(lambda known: turn_of(known, judgement(pattern, alerting), datetime.now(UTC)))


def _told(book: AlertBook, alerting: AlertingSpec, pattern: str = "x") -> Delivery:
    _judged(book, alerting, pattern)
    return deliver(book, alerting)


def test_a_webhook_arrives_whole_and_signed_as_standard_webhooks_say(book: AlertBook, receiver: Receiver) -> None:
    assert _told(book, spec(channels={"hook": _hook(receiver.url)})) == Delivery(delivered=1)
    (got,) = receiver.received
    (sent,) = book.notifications()
    assert Webhook(SECRET).verify(got.body, got.headers) == sent.payload
    assert json.loads(got.body) == sent.payload
    assert (got.headers["webhook-id"], got.headers["content-type"]) == (sent.notification_id, "application/json")
    with pytest.raises(WebhookVerificationError, match="No matching signature found"):
        Webhook("whsec_" + "A" * 32).verify(got.body, got.headers)
    with pytest.raises(WebhookVerificationError, match="No matching signature found"):
        Webhook(SECRET).verify(got.body.replace(b"drift", b"draft"), got.headers)


def test_without_a_secret_nothing_is_signed(book: AlertBook, receiver: Receiver) -> None:
    _told(book, spec(channels={"hook": _hook(receiver.url, secret_env=None)}))
    assert "webhook-signature" not in receiver.received[0].headers
    assert "webhook-id" in receiver.received[0].headers


def test_beginning_and_end_arrive_once_each(book: AlertBook, receiver: Receiver) -> None:
    alerting = spec(channels={"hook": _hook(receiver.url)})
    for pattern in ("x", "x", "x.", "x."):
        _told(book, alerting, pattern)
    assert [json.loads(got.body)["status"] for got in receiver.received] == ["firing", "resolved"]


def test_a_receiver_that_stumbles_is_tried_again_under_the_same_id(book: AlertBook, receiver: Receiver) -> None:
    receiver.answer = lambda number: (503, {}, b"") if number < 3 else OK
    assert _told(book, spec(channels={"hook": _hook(receiver.url)})) == Delivery(delivered=1)
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    assert len(receiver.received) == 3
    assert [one.attempts for one in book.notifications()] == [3]


def test_retry_after_is_kept_to(book: AlertBook, receiver: Receiver) -> None:
    times: list[float] = []

    def answer(number: int) -> Answer:
        times.append(time.monotonic())
        return (429, {"Retry-After": "1"}, b"") if number == 1 else OK

    receiver.answer = answer
    assert _told(book, spec(channels={"hook": _hook(receiver.url)})).delivered == 1
    assert times[1] - times[0] >= 1.0


def test_what_is_not_delivered_waits_for_the_next_run_and_is_told(
    book: AlertBook, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    alerting = spec(channels={"hook": _hook(receiver.url)}, tries=2)
    receiver.answer = lambda _: (500, {}, b"")
    found = _told(book, alerting)
    assert (found.delivered, found.waiting) == (0, 1)
    assert "status 500, expected 2xx" in found.problems[0]
    assert found.problems[0] in caplog.text
    receiver.answer = lambda _: OK
    assert _told(book, alerting) == Delivery(delivered=1)
    assert [one.attempts for one in book.notifications()] == [3]


def test_nobody_listening_is_told_within_the_time_of_the_run(book: AlertBook) -> None:
    with receiving() as gone:
        url = gone.url
    found = _told(book, spec(channels={"hook": _hook(url)}, tries=2))
    assert "no answer (ConnectionRefusedError)" in found.problems[0]


def test_a_receiver_that_hangs_holds_neither_the_run_nor_the_other_channels_up(
    book: AlertBook, receiver: Receiver, tmp_path: Path
) -> None:
    ended = threading.Event()
    receiver.answer = lambda _: (204, {"X": str(ended.wait(20))}, b"")
    file = tmp_path / "told.jsonl"
    channels = {"hook": _hook(receiver.url, timeout="30s"), "file": {"type": "file", "path": str(file)}}
    started = time.monotonic()
    found = _told(book, spec(channels=channels, deliver_within="1s"))
    assert time.monotonic() - started < 15
    ended.set()
    assert (found.delivered, found.waiting) == (1, 1)
    assert "no answer within 1 s" in found.problems[0]
    assert len(file.read_text().splitlines()) == 1


def test_an_end_never_overtakes_its_beginning(book: AlertBook, receiver: Receiver) -> None:
    alerting = spec(channels={"hook": _hook(receiver.url)}, tries=1)
    receiver.answer = lambda _: (500, {}, b"")
    _told(book, alerting)
    assert _told(book, alerting, "x.").waiting == 2
    assert {json.loads(got.body)["status"] for got in receiver.received} == {"firing"}
    receiver.answer = lambda _: OK
    receiver.received.clear()
    assert deliver(book, alerting) == Delivery(delivered=2)
    assert [json.loads(got.body)["status"] for got in receiver.received] == ["firing", "resolved"]


def test_one_sent_by_a_process_that_died_before_writing_it_down_comes_again_under_the_same_id(
    book: AlertBook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerting = spec(channels={"hook": _hook(receiver.url)})

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    _judged(book, alerting)
    with monkeypatch.context() as patched:
        patched.setattr(book, "settle", die)
        with pytest.raises(KeyboardInterrupt):
            deliver(book, alerting)
    assert deliver(book, alerting) == Delivery()  # the claim of the dead process still holds
    (mine,) = book.notifications()
    book.settle(mine.notification_id, "waiting", 1, None)  # as if it had run out
    assert deliver(book, alerting) == Delivery(delivered=1)
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    assert len(receiver.received) == 2


def test_a_receiver_that_does_not_want_the_message_is_not_asked_again(book: AlertBook, receiver: Receiver) -> None:
    receiver.answer = lambda _: (422, {}, b"what is this?")
    alerting = spec(channels={"hook": _hook(receiver.url)})
    found = _told(book, alerting)
    assert found.refused == 1
    assert "status 422, expected 2xx: 'what is this?'" in found.problems[0]
    deliver(book, alerting)
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [301, 307, 401, 404])
def test_a_redirect_is_not_followed_and_what_people_must_mend_waits_without_hammering(
    book: AlertBook, receiver: Receiver, status: int
) -> None:
    with receiving() as elsewhere:
        receiver.answer = lambda _: (status, {"Location": elsewhere.url}, b"")
        assert _told(book, spec(channels={"hook": _hook(receiver.url)})).waiting == 1
        assert (len(receiver.received), len(elsewhere.received)) == (1, 0)


def test_an_answer_without_end_is_not_read_to_its_end(book: AlertBook, receiver: Receiver) -> None:
    receiver.answer = lambda _: (200, {}, b"x" * 50_000_000)
    started = time.monotonic()
    assert _told(book, spec(channels={"hook": _hook(receiver.url)})).delivered == 1
    assert time.monotonic() - started < 5


def test_a_missing_secret_holds_the_channel_back_and_not_the_others(
    book: AlertBook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("ALERTS_SECRET")
    caplog.set_level(logging.INFO)
    found = _told(book, spec(channels={"hook": _hook(receiver.url), "log": {"type": "log"}}))
    assert (found.delivered, found.waiting, receiver.received) == (1, 1, [])
    assert "alerting.channels.hook.secret_env: environment variable ALERTS_SECRET is not set" in found.problems[0]
    assert "alert firing: warning drift: week 0 drifted | look | https://runbook/drift" in caplog.text


def test_secrets_are_told_nowhere(
    book: AlertBook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("HOOK", receiver.url + "/T0KEN?key=T0KEN")
    receiver.answer = lambda _: (404, {}, b"")
    channel = {"type": "webhook", "url_env": "HOOK", "secret_env": "ALERTS_SECRET"}
    found = _told(book, spec(channels={"hook": channel}))
    assert receiver.received[0].path.endswith("/T0KEN?key=T0KEN")
    told = f"{found}{book.notifications()}{caplog.text}"
    assert "T0KEN" not in told
    assert SECRET.removeprefix("whsec_") not in told


def test_a_channel_that_is_gone_is_told_and_given_up_in_the_end(book: AlertBook, receiver: Receiver) -> None:
    _judged(book, spec(channels={"hook": _hook(receiver.url)}))
    without = spec(channels={"log": {"type": "log"}})
    assert "alerting.channels.hook: there is no such channel any more" in deliver(book, without).problems[0]
    time.sleep(1.1)
    assert deliver(book, without.model_copy(update={"keep_trying": timedelta(seconds=1)})).expired == 1
    assert deliver(book, without) == Delivery()


def test_a_file_holds_one_json_object_a_notification(book: AlertBook, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "told.jsonl"
    alerting = spec(channels={"file": {"type": "file", "path": str(file)}})
    _told(book, alerting)
    _told(book, alerting, "x.")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["status"], line["notification_id"]) for line in lines] == [
        (one.payload["status"], one.notification_id) for one in book.notifications()
    ]


@IMPORTS_IMGHDR
def test_apprise_reaches_what_it_knows(book: AlertBook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("apprise", reason="the extra `notify` is not installed")
    monkeypatch.setenv("CHAT", receiver.url.replace("http://", "json://"))
    assert _told(book, spec(channels={"chat": {"type": "apprise", "url_env": "CHAT"}})) == Delivery(delivered=1)
    got = json.loads(receiver.received[0].body)
    assert got["title"] == "[FIRING:1] parcels"
    assert got["message"].startswith("alert firing: warning drift: week 0 drifted | look | https://runbook/drift")


@IMPORTS_IMGHDR
def test_apprise_that_fails_waits_and_an_address_it_does_not_know_is_told_by_its_place(
    book: AlertBook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("apprise", reason="the extra `notify` is not installed")
    receiver.answer = lambda _: (500, {}, b"")
    good = receiver.url.replace("http://", "json://")
    alerting = spec(channels={"chat": {"type": "apprise", "url_env": "CHAT"}}, tries=1)
    monkeypatch.setenv("CHAT", good)
    assert "apprise could not deliver it to every address" in _told(book, alerting).problems[0]
    monkeypatch.setenv("CHAT", f"{good} nosuch://T0KEN")
    (problem,) = deliver(book, alerting).problems
    assert "apprise does not know address 2 of 2" in problem
    assert "T0KEN" not in problem


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        ({"type": "webhook", "url": "http://alerts.example.org"}, "found http://alerts.example.org, expected https://"),
        ({"type": "webhook", "url": "ftp://127.0.0.1"}, "expected https://"),
        ({"type": "webhook", "url": "https://ada:pw@example.org/x"}, "found a user or password in https://example.org"),
        ({"type": "webhook", "url": "https://[bad"}, "expected https://"),
        ({"type": "webhook"}, "expected exactly one of url and url_env"),
        ({"type": "carrier-pigeon"}, "carrier-pigeon"),
    ],
)
def test_a_channel_that_would_not_be_safe_is_refused(channel: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spec(channels={"hook": channel})


def test_plain_http_to_other_machines_has_to_be_asked_for() -> None:
    channel = {"type": "webhook", "url": "http://alerts.example.org", "allow_http": True}
    assert spec(channels={"hook": channel}).channels


@pytest.mark.parametrize("secret", ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_!!!"])
def test_a_secret_that_is_none_is_refused_without_being_told(
    book: AlertBook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("ALERTS_SECRET", secret)
    (problem,) = _told(book, spec(channels={"hook": _hook(receiver.url)})).problems
    assert "secret_env, variable ALERTS_SECRET: expected whsec_ and at least 24 bytes in base64" in problem
    assert secret not in problem


def test_alertmanager_itself_takes_the_alerts_under_their_own_fingerprint_and_hears_of_the_end(
    book: AlertBook, alertmanager: str
) -> None:
    channel = {"type": "webhook", "url": f"{alertmanager}/api/v2/alerts", "body": "alertmanager"}
    alerting = spec(channels={"team": channel})

    def active() -> list[Any]:
        with urlopen(f"{alertmanager}/api/v2/alerts") as answer:  # noqa: S310 - on loopback
            return list(json.load(answer))

    assert _told(book, alerting) == Delivery(delivered=1)
    (found,) = active()
    (state,) = book.states()
    assert found["fingerprint"] == state.fingerprint
    assert found["annotations"] == state.annotations
    assert datetime.fromisoformat(found["endsAt"]) - datetime.now(UTC) > timedelta(days=1)
    assert _told(book, alerting, "x.") == Delivery(delivered=1)
    assert active() == []
