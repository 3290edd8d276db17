"""The book of alerts on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from alerted import START, WEEK, judgement, spec
from model_lifecycle.contracts.records import AlertState
from model_lifecycle.monitoring.alert_turn import turn_of
from model_lifecycle.monitoring.alerts import Judgement
from model_lifecycle.store import Store
from model_lifecycle.store.alert_book import AlertBook, Known, Turn

LEASE = timedelta(minutes=1)
NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def book(store: Store) -> AlertBook:
    return store.alert_book


def _turn(book: AlertBook, found: Judgement, now: datetime = NOW) -> Turn:
    return book.take_turn(lambda known: turn_of(known, found, now))


def _contents(book: AlertBook) -> tuple[object, ...]:
    states = book.states()
    return states, [book.changes(state.fingerprint) for state in states], book.notifications()


def test_states_history_and_notifications_come_back_as_they_were(book: AlertBook) -> None:
    turn = _turn(book, judgement("x", spec()))
    assert tuple(book.states()) == tuple(turn.states)
    assert book.changes(turn.states[0].fingerprint) == list(turn.changes)
    assert book.notifications() == list(turn.notifications)
    assert len(turn.notifications) == 1


def test_the_same_judgement_again_writes_nothing_new(book: AlertBook) -> None:
    found = judgement("x", spec())
    _turn(book, found)
    before = _contents(book)
    again = _turn(book, found)
    assert (again.states, again.changes, again.notifications) == ([], [], [])
    assert _contents(book) == before


def test_the_history_tells_every_change(book: AlertBook) -> None:
    alerting = spec(row=2)
    for end in range(1, 5):
        _turn(book, judgement("xx.x"[:end], alerting))
    (state,) = book.states()
    assert [(change.status, change.at) for change in book.changes(state.fingerprint)] == [
        ("pending", START + WEEK),
        ("firing", START + 2 * WEEK),
        ("resolved", START + 3 * WEEK),
        ("pending", START + 4 * WEEK),
    ]
    assert [one.payload["status"] for one in book.notifications()] == ["firing", "resolved"]


def test_a_turn_that_fails_half_way_leaves_nothing(book: AlertBook) -> None:
    def half(known: Known) -> Turn:
        turn = turn_of(known, judgement("x", spec()), NOW)
        broken = AlertState("f", "firing", {}, {}, 1, datetime(2024, 1, 1), START)  # noqa: DTZ001 - refused on writing
        return Turn(turn.clock, [*turn.states, broken], turn.changes, turn.notifications)

    with pytest.raises(Exception, match="expected a time with its zone"):
        book.take_turn(half)
    assert _contents(book) == ([], [], [])
    _turn(book, judgement("x", spec()))
    assert len(book.notifications()) == 1


def test_a_run_that_looks_back_pages_nobody(book: AlertBook) -> None:
    _turn(book, judgement("...", spec()))
    turn = _turn(book, judgement("x", spec()))
    assert turn == Turn()
    assert book.states() == []


def test_a_date_in_the_future_does_not_freeze_the_alerts(book: AlertBook) -> None:
    now = START + WEEK
    _turn(book, judgement("x", spec(), first=50_000), now)
    _turn(book, judgement(".", spec(), first=1), now + WEEK)
    assert [state.status for state in book.states()] == ["resolved"]


def test_a_clock_that_was_ahead_does_not_freeze_the_alerts(book: AlertBook) -> None:
    _turn(book, judgement("x", spec(), first=50_000), START + 60_000 * WEEK)
    _turn(book, judgement(".", spec(), first=1), START + 2 * WEEK)
    assert [state.status for state in book.states()] == ["resolved"]


def test_agents_that_judge_at_once_tell_once(url: str) -> None:
    def run(_: int) -> None:
        with Store.open(url) as store:
            _turn(store.alert_book, judgement("x", spec()))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    with Store.open(url) as store:
        assert len(store.alert_book.notifications()) == 1
        assert len(store.alert_book.changes(store.alert_book.states()[0].fingerprint)) == 1


def test_a_claimed_notification_is_nobody_elses_until_it_is_settled_or_the_claim_runs_out(book: AlertBook) -> None:
    _turn(book, judgement("x", spec()))
    (mine,) = book.claim(NOW, LEASE, 10)
    assert book.claim(NOW, LEASE, 10) == []
    assert book.claim(NOW + 2 * LEASE, LEASE, 10) == [mine]
    book.settle(mine.notification_id, "waiting", 3, "no answer")
    (again,) = book.claim(NOW, LEASE, 10)
    assert (again.attempts, again.error) == (3, "no answer")
    book.settle(mine.notification_id, "delivered", 1, None)
    assert book.claim(NOW + 9 * LEASE, LEASE, 10) == []
    (done,) = book.notifications()
    assert (done.status, done.attempts, done.error) == ("delivered", 4, None)
    assert done.settled_at is not None


def test_nobody_is_told_where_delivery_is_off(book: AlertBook) -> None:
    _turn(book, judgement("x", spec(deliver=False)))
    assert len(book.states()) == 1
    assert book.notifications() == []
