import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from model_lifecycle.serving import log_writer
from model_lifecycle.store import Store
from tiny_release import START, record

Start = Callable[..., Any]
FAR = (START - timedelta(days=1), datetime.now(UTC) + timedelta(days=1))


def ask(api: Any, key: str, *records: dict[str, object]) -> httpx.Response:
    answer: httpx.Response = api.ask("POST", "/v1/predict", json={"records": records}, headers={"Idempotency-Key": key})
    return answer


def ask_together(api: Any, key: str, bodies: list[Any]) -> list[httpx.Response]:
    async def send() -> list[httpx.Response]:
        headers = {"Idempotency-Key": key}
        return list(
            await asyncio.gather(*(api._client.post("/v1/predict", json=body, headers=headers) for body in bodies))
        )

    answers: list[httpx.Response] = api._runner.run(send())
    return answers


def test_a_request_that_comes_again_with_its_key_gets_the_same_answer_and_one_row(api: Any, store: Store) -> None:
    first, again = ask(api, "k-1", record(1), record(2)), ask(api, "k-1", record(1), record(2))
    assert first.status_code == 200
    assert again.content == first.content
    assert len(store.predictions_between(*FAR)) == 2


def test_a_decision_without_its_time_is_decided_when_it_was_asked_first(api: Any) -> None:
    answers = [ask(api, "k-1", record(1, asked_at=None)) for _ in range(2)]
    assert answers[0].content == answers[1].content


def test_the_answer_is_the_same_after_a_restart_and_on_another_replica(start: Start, store: Store) -> None:
    first = start()
    answer = ask(first, "k-1", record(1))
    first.service.close()
    assert ask(start(), "k-1", record(1)).content == answer.content
    assert len(store.predictions_between(*FAR)) == 1


def test_a_key_with_another_body_is_refused_and_nothing_is_predicted(api: Any, store: Store) -> None:
    ask(api, "k-1", record(1))
    refused = ask(api, "k-1", record(2))
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    assert "another body" in refused.json()["detail"]
    assert len(store.predictions_between(*FAR)) == 1


def test_twins_of_the_same_moment_get_one_answer_and_one_row(api: Any, store: Store) -> None:
    answers = ask_together(api, "k-1", [{"records": [record(1)]}] * 10)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(store.predictions_between(*FAR)) == 1


def test_of_two_bodies_of_the_same_moment_one_is_refused(api: Any, store: Store) -> None:
    answers = ask_together(api, "k-1", [{"records": [record(1)]}, {"records": [record(2)]}])
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(store.predictions_between(*FAR)) == 1


def test_twins_at_two_replicas_get_one_answer_and_one_row(start: Start, store: Store) -> None:
    replicas = [start(), start()]
    keys = [f"k-{number}" for number in range(20)]

    def all_keys(api: Any) -> list[httpx.Response]:
        return [ask(api, key, record(1)) for key in keys]

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(all_keys, replicas)
    assert {answer.status_code for answer in (*one, *other)} == {200}
    assert [answer.content for answer in one] == [answer.content for answer in other]
    assert len(store.predictions_between(*FAR)) == len(keys)


def test_a_key_that_is_taken_between_the_look_and_the_commit_gives_the_first_answer(
    start: Start, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, late = start(), start()
    answer = ask(first, "k-1", record(1))
    seen = late.service._store.request
    looks = iter([None])
    monkeypatch.setattr(late.service._store, "request", lambda key: next(looks, seen(key)))
    assert ask(late, "k-1", record(1)).content == answer.content
    assert list(looks) == []
    assert len(store.predictions_between(*FAR)) == 1


def test_a_refused_request_may_be_corrected_under_its_key(api: Any) -> None:
    assert ask(api, "k-1", record(1, weight=-1)).status_code == 422
    assert ask(api, "k-1", record(1)).status_code == 200


def test_requests_with_and_without_a_key_share_one_call_of_the_model(api: Any, store: Store) -> None:
    async def send() -> list[httpx.Response]:
        posts = [
            api._client.post(
                "/v1/predict",
                json={"records": [record(number), record(100 + number)]},
                headers={"Idempotency-Key": f"k-{number}"} if number % 3 == 0 else {},
            )
            for number in range(12)
        ]
        return list(await asyncio.gather(*posts))

    answers = api._runner.run(send())
    told = [[found["parcel"] for found in answer.json()["predictions"]] for answer in answers]
    assert told == [[f"P-{number}", f"P-{100 + number}"] for number in range(12)]
    logged = store.predictions_between(*FAR)
    ids = {found["prediction_id"]: found["parcel"] for one in answers for found in one.json()["predictions"]}
    assert dict(zip(logged.prediction_id, logged.decision_id, strict=True)) == ids


@pytest.mark.parametrize("key", ["", "two words", "x" * 256])
def test_a_malformed_key_is_refused(api: Any, key: str) -> None:
    refused = ask(api, key, record(1))
    assert (refused.status_code, "printable" in refused.json()["detail"]) == (400, True)


def test_old_keys_are_forgotten_and_their_predictions_stay(
    api: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(api, "k-1", record(1))
    monkeypatch.setattr(log_writer, "REQUESTS_KEPT", timedelta(0))
    api.service._writer._forgotten_at = -log_writer.FORGET_SECONDS
    ask(api, "k-2", record(1))
    api.service._writer.close()
    assert store.request("k-1") is None
    assert len(store.predictions_between(*FAR)) == 2
