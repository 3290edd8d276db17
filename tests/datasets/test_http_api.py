"""An HTTP API that the test starts: pages, retries, time-outs, secrets and answers of another shape."""

import time
from typing import Any

import pandas as pd
import pytest
from kedro.io import DatasetError

from http_server import Server
from model_lifecycle.datasets.http_api import HTTPAPIDataset
from model_lifecycle.errors import SourceError

COLUMNS: Any = {"id": "integer", "name": "text", "weight": "number", "sent": "time", "express": "boolean"}
ROWS = [
    {
        "id": number, "name": f"P-{number}", "weight": None if number == 2 else number / 4,
        "sent": f"2024-03-01T{number:02}:00:00+01:00", "express": number % 2 == 0, "other": [1],
    }
    for number in range(7)
]  # fmt: skip


@pytest.fixture
def api(http_server: Server) -> Server:
    http_server.answer = lambda _: (200, ROWS, {})
    return http_server


def dataset(api: Server, **options: Any) -> HTTPAPIDataset:
    return HTTPAPIDataset(**{"url": api.url, "columns": COLUMNS, "timeout": 2.0, **options})


def test_records_become_a_typed_table(api: Server) -> None:
    table = dataset(api).load()
    assert table.dtypes.astype("str").to_dict() == {
        "id": "int64", "name": "str", "weight": "float64", "sent": "datetime64[us, UTC]", "express": "bool",
    }  # fmt: skip
    assert table["sent"][3] == pd.Timestamp("2024-03-01T02:00:00Z")
    assert table["weight"].isna().tolist() == [number == 2 for number in range(7)]


def part(start: int, size: int = 3) -> list[dict[str, Any]]:
    return ROWS[start : start + size]


def numbered(query: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
    return 200, {"data": {"items": part((int(query["page"]) - 1) * 3)}}, {}


def by_offset(query: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
    return 200, {"data": {"items": part(int(query["start"]), int(query["limit"]))}}, {}


def by_cursor(query: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
    start = int(query.get("after", 0))
    following = str(start + 3) if start + 3 < len(ROWS) else None
    return 200, {"data": {"items": part(start)}, "meta": {"next": following}}, {}


PAGINGS: list[tuple[Any, dict[str, Any], int]] = [
    (numbered, {"by": "number", "size": 3}, 3),
    (numbered, {"by": "number"}, 4),
    (by_offset, {"by": "offset", "parameter": "start", "size_parameter": "limit", "size": 3}, 3),
    (by_cursor, {"by": "cursor", "parameter": "after", "path": "meta.next"}, 3),
]


@pytest.mark.parametrize(("answer", "paging", "requests"), PAGINGS)
def test_all_pages_are_read_and_no_more(api: Server, answer: Any, paging: dict[str, Any], requests: int) -> None:
    api.answer = answer
    table = dataset(api, records="data.items", paging=paging).load()
    assert table["id"].tolist() == list(range(7))
    assert len(api.asked) == requests


@pytest.mark.parametrize("in_header", [True, False])
def test_links_are_followed_on_the_same_server(api: Server, in_header: bool) -> None:
    def answer(query: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        start = int(query.get("start", 0))
        following = f"/parcels?start={start + 3}" if start + 3 < len(ROWS) else None
        header = {"Link": f'<{following}>; rel="next"'} if following and in_header else {}
        return 200, {"items": part(start), "next": following}, header

    api.answer = answer
    paging = {"by": "link"} if in_header else {"by": "link", "path": "next"}
    assert len(dataset(api, records="items", paging=paging).load()) == 7


def test_a_link_to_another_server_is_refused_so_that_no_secret_leaves(api: Server) -> None:
    api.answer = lambda _: (200, {"items": part(0), "next": "http://127.0.0.2:1/parcels?token=abc"}, {})
    with pytest.raises(DatasetError, match=r"the next page is on http://127.0.0.2:1/parcels, another server"):
        dataset(api, records="items", paging={"by": "link", "path": "next"}).load()


def test_pages_that_go_round_in_a_circle_are_refused(api: Server) -> None:
    api.answer = lambda _: (200, {"items": part(0), "next": "same"}, {})
    with pytest.raises(DatasetError, match=r"page 3: was read before; the pages go round in a circle"):
        dataset(api, records="items", paging={"by": "cursor", "parameter": "after", "path": "next"}).load()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_failure_that_passes_is_tried_again_after_the_pause_asked_for(api: Server, status: int) -> None:
    api.answer = lambda _: (200, ROWS, {}) if len(api.asked) > 2 else (status, {}, {"Retry-After": "0"})
    assert len(dataset(api).load()) == 7
    assert len(api.asked) == 3


def test_a_failure_that_stays_ends_after_the_tries_and_gives_no_half_table(api: Server) -> None:
    api.answer = lambda query: numbered(query) if query["page"] == "1" else (503, {}, {"Retry-After": "0"})
    with pytest.raises(DatasetError, match=r"http://127.0.0.1:\d+/parcels: status 503, 3 times"):
        dataset(api, records="data.items", paging={"by": "number"}, tries=3).load()


def test_a_server_that_does_not_answer_in_time_is_given_up(api: Server) -> None:
    def slow(_: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        time.sleep(0.5)
        return 200, ROWS, {}

    api.answer = slow
    with pytest.raises(DatasetError, match=r"no answer \(ReadTimeout\), 2 times"):
        dataset(api, timeout=0.1, tries=2).load()


def test_a_refusal_is_not_tried_again_and_told_without_query_and_secrets(api: Server) -> None:
    api.answer = lambda _: (401, {"error": "who are you?"}, {})
    secret = {"headers": {"Authorization": "Bearer s3cret"}}
    with pytest.raises(DatasetError) as refused:
        dataset(api, params={"key": "also-s3cret"}, credentials=secret).load()
    assert 'status 401, expected 200: \'{"error": "who are you?"}\'' in str(refused.value)
    assert "s3cret" not in f"{refused.value} {dataset(api, credentials=secret)}"
    assert len(api.asked) == 1
    assert api.headers[0]["Authorization"] == "Bearer s3cret"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", "the answer is no JSON: b'<html>'"),
        ({"items": 3}, "page 1: found dict as the body, expected a list of records"),
        ([1, 2], "expected a list of records"),
        ([{"id": 1.5}], r"no record has \['express', 'name', 'sent', 'weight'\]; the first has \['id'\]"),
        ([{**ROWS[0], "id": "7"}], r"field 'id': 1 of 1 values such as '7' \(record 0\); expected a whole number"),
        ([{**ROWS[0], "id": True}], "expected a whole number"),
        ([{**ROWS[0], "sent": "2024-03-01"}], "expected an ISO 8601 time with its offset"),
        ([{**ROWS[0], "name": 3}], "expected text"),
        ([{**ROWS[0], "express": "yes"}], "expected true or false"),
        (b"x" * 200_000, "an answer is larger than 0.1 MB"),
    ],
)
def test_an_answer_of_another_shape_is_refused(api: Server, body: Any, message: str) -> None:
    api.answer = lambda _: (200, body, {})
    with pytest.raises(DatasetError, match=message):
        dataset(api, maximum_mb=0.1).load()


@pytest.mark.parametrize("url", ["http://example.org/parcels", "ftp://127.0.0.1/parcels", "file:///etc/passwd"])
def test_only_https_or_loopback_is_asked(url: str) -> None:
    with pytest.raises(SourceError, match=r"expected https://…, or http:// on loopback"):
        HTTPAPIDataset(url=url, columns=COLUMNS)


def test_wrong_paging_is_refused_when_the_catalog_is_made(api: Server) -> None:
    with pytest.raises(SourceError, match=r"(?s)paging of .*by.*'none', 'number', 'offset', 'cursor' or 'link'"):
        dataset(api, paging={"by": "magic"})
