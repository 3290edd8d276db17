from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from model_lifecycle.contracts.table import ColumnContract
from model_lifecycle.errors import ReleaseError, ServingError
from model_lifecycle.monitoring.replay import replay
from model_lifecycle.scoring import input_contract
from model_lifecycle.serving.privacy import Pseudonyms
from model_lifecycle.store import Store
from tiny_release import CONTRACT, QUESTION, SPEC, START, event, private_scorer, record, scorer, write_release

Start = Callable[..., Any]
FAR = (START - timedelta(days=1), datetime.now(UTC) + timedelta(days=1))


@pytest.fixture
def api(start: Start, tmp_path: Path) -> Any:
    return start(release=write_release(tmp_path / "releases", private_scorer()))


def test_a_private_field_is_in_the_log_as_a_keyed_hash_alone_and_is_scored_as_ever(
    api: Any, store: Store, tmp_path: Path
) -> None:
    answers = api.predict(record(1), record(3), record(2), record(4, depot=None))
    plain = scorer()
    assert [one["score"] for one in answers[:1]] == plain.score(
        plain.columns([record(1)]), _no_history()
    ).score.tolist()
    logged = store.predictions_between(*FAR)
    depots = [one.get("depot") for one in logged.sort_values("decision_id").inputs]
    assert depots[0] == depots[2] != depots[1]
    assert str(depots[0]).startswith("private:")
    assert depots[3] is None
    assert all("depot" not in features and "weight" in features for features in logged.features)
    database = b"".join(file.read_bytes() for file in tmp_path.glob("store.db*"))
    assert b"north" not in database
    assert b"south" not in database


def _no_history() -> Any:
    from model_lifecycle.features.history import History

    return History.build(SPEC, {})


def test_pseudonyms_need_the_key_of_the_installation_which_its_owner_alone_can_read(
    api: Any, store: Store, tmp_path: Path
) -> None:
    api.predict(record(1))
    file = tmp_path / "privacy_key"
    assert file.stat().st_mode & 0o777 == 0o600
    (mine,) = store.predictions_between(*FAR).inputs
    again, other = Pseudonyms(file), Pseudonyms(tmp_path / "another")
    private = private_scorer().private
    ((first,), (second,)) = (one.hidden(private, [{"depot": "south"}]) for one in (again, other))
    assert [first["depot"] == mine["depot"], second["depot"] == mine["depot"]] == [True, False]


def test_a_spoiled_key_stops_the_start(start: Start, tmp_path: Path) -> None:
    (tmp_path / "privacy_key").write_text("short")
    with pytest.raises(ServingError, match="privacy_key: not the key of private fields"):
        start(release=write_release(tmp_path / "releases", private_scorer()))


def test_an_error_about_a_private_field_does_not_quote_it(api: Any) -> None:
    response = api.ask("POST", "/v1/predict", json=record(1, depot=4711))
    (fault,) = response.json()["errors"]
    assert (fault["field"], fault["found"]) == ("depot", "a private value")
    assert "4711" not in response.text


def test_what_the_log_cannot_give_back_is_not_replayed_and_the_rest_is(api: Any, store: Store) -> None:
    store.append_events([event(number) for number in range(5)])
    while api.predict(record(0))[0]["history"]["watermark"] < 5:
        pass
    api.predict(record(1), record(2))
    found = replay(store.predictions_between(*FAR), store.events_after(0, 100), private_scorer())
    assert (found.skewed, found.predictions) == (0, len(store.predictions_between(*FAR)))
    assert private_scorer().unlogged == {"depot", "late_rate_7d", "deliveries_7d"}


def test_a_private_id_or_a_private_number_is_refused() -> None:
    columns = {**CONTRACT.columns, "parcel": CONTRACT.columns["parcel"].model_copy(update={"private": True})}
    with pytest.raises(ReleaseError, match="'parcel' is private, but labels find their prediction by it"):
        input_contract(CONTRACT.model_copy(update={"columns": columns}), QUESTION, SPEC)
    with pytest.raises(ValueError, match="private belongs to type 'category' without a list of categories"):
        ColumnContract(type="number", private=True)
