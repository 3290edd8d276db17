"""Counting, and the table that it ends in."""

import json
from concurrent.futures import ThreadPoolExecutor

from model_lifecycle.rehearsal.counts import Counts
from model_lifecycle.rehearsal.telling import closing_table


def test_a_lost_request_counts_as_a_request_and_as_an_error() -> None:
    counts = Counts()
    counts.answered("first", ["act"] * 4 + ["leave"] * 12)
    counts.told(labels=3, unavailable=1, events=5)
    counts.failed("predict: no answer")
    assert (counts.requests, counts.errors, counts.records, counts.decisions) == (3, 1, 16, {"act": 4, "leave": 12})
    assert (counts.labels, counts.labels_unavailable, counts.events) == (3, 1, 5)


def test_releases_stand_in_the_order_of_their_first_answer() -> None:
    counts = Counts()
    for release in ("first", "second", "first"):
        counts.answered(release, ["plan"] * 10)
    assert list(counts.releases.items()) == [("first", 20), ("second", 10)]


def test_threads_lose_no_count() -> None:
    counts = Counts()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2_000):
            pool.submit(counts.answered, "first", ["act", "leave"])
    assert (counts.requests, counts.records, counts.releases) == (2_000, 4_000, {"first": 4_000})
    assert counts.decisions == {"act": 2_000, "leave": 2_000}


def test_only_the_first_errors_are_kept() -> None:
    counts = Counts()
    for number in range(8):
        counts.failed(f"predict: {number}")
    assert counts.errors == 8
    assert counts.first_errors == [f"predict: {number}" for number in range(5)]


def test_all_counts_are_json() -> None:
    found = json.loads(json.dumps(Counts(requests=3, releases={"first": 2}).as_json()))
    assert (found["requests"], found["releases"]) == (3, {"first": 2})
    assert not [name for name in found if name.startswith("_")]


def test_the_table_shows_each_count_each_release_and_what_was_lost() -> None:
    counts = Counts(
        requests=1234, records=10, alerts=7, promotions=1, releases={"first": 4, "second": 6},
        decisions={"rebook": 7, "as planned": 3},
    )  # fmt: skip
    counts.failed("predict: no answer")
    table = "\n".join(closing_table(counts, 12.6, {"counts": "rehearsal.json"}))
    assert "  decisions   as planned 3, rebook 7\n" in table
    for line in ("requests    1,235", "alerts      7", "promotions  1", "seconds     13"):
        assert f"  {line}\n" in table
    assert "  releases    first 4\n              second 6\n" in table
    assert table.endswith("  lost: predict: no answer\n  counts:     rehearsal.json")
