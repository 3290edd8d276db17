import threading

from sqlalchemy import create_engine, text

from model_lifecycle.store import Store
from model_lifecycle.store.schema import take_turn

from .records import at, event, execute


def test_events_are_written_once_and_read_in_order(store: Store) -> None:
    assert store.append_events([event(3), event(1), event(3)]) == 2
    assert store.append_events(iter([event(1), event(2)])) == 1
    read = store.events_after(0, 10)
    assert [record for _, record in read] == [event(3), event(1), event(2)]
    assert store.latest_sequence() == read[-1][0]
    assert store.events_after(read[0][0], 1) == [read[1]]
    assert store.events_after(store.latest_sequence(), 10) == []


def test_a_store_without_events_is_at_sequence_zero(store: Store) -> None:
    assert store.latest_sequence() == 0


def test_events_are_chosen_by_when_they_became_known(store: Store) -> None:
    store.append_events([event(1, known=9), event(2, kind="arrival", known=9), event(3, known=3)])
    assert [record.event_id for _, record in store.events_known_since(at(9))] == ["e1", "e2"]
    assert [record.event_id for _, record in store.events_known_since(at(0), kind="departure")] == ["e1", "e3"]


def test_a_long_backfill_is_written_whole(store: Store) -> None:
    assert store.append_events(event(number) for number in range(10_500)) == 10_500
    assert store.append_events(event(number) for number in range(10_501)) == 1


def test_a_reader_by_sequence_misses_no_late_commit(postgresql_url: str) -> None:
    with Store.open(postgresql_url) as store, Store.open(postgresql_url) as other:
        slow = create_engine(postgresql_url.replace("postgresql://", "postgresql+psycopg://"))
        with slow.begin() as connection:
            take_turn(connection)
            connection.execute(
                text("INSERT INTO events (event_id, kind, event_time, known_at, payload) VALUES ('early','k',0,0,'{}')")
            )
            thread = threading.Thread(target=other.append_events, args=([event(1)],))
            thread.start()
            thread.join(0.3)
            assert store.events_after(0, 10) == []  # the later number waits for the earlier one
        thread.join(10)
        slow.dispose()
        assert [record.event_id for _, record in store.events_after(0, 10)] == ["early", "e1"]


def test_the_number_of_a_deleted_event_is_not_given_again(store: Store, url: str) -> None:
    store.append_events([event(1)])
    last = store.latest_sequence()
    execute(url, "DELETE FROM events")
    store.append_events([event(2)])
    assert store.latest_sequence() > last


def test_events_are_read_in_parts_that_end_where_the_store_ended_at_the_start(store: Store) -> None:
    assert store.first_known_at() is None
    assert list(store.event_parts_known_since(at(0), 2)) == []
    store.append_events([event(number, known=number) for number in (5, 1, 2, 3, 4)])
    parts = store.event_parts_known_since(at(2), 2)
    first = next(parts)
    store.append_events([event(9, known=9)])
    assert [[record.event_id for _, record in part] for part in (first, *parts)] == [["e5", "e2"], ["e3", "e4"]]
    assert store.first_known_at() == event(1, known=1).known_at
