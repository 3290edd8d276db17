from datetime import UTC, datetime
from pathlib import Path

import pytest
from kedro.io import DatasetError

from model_lifecycle.contracts.records import AuditRecord
from model_lifecycle.datasets.action_log import ActionLog
from model_lifecycle.registry import Registry
from model_lifecycle.releases import verify_release
from model_lifecycle.store import Store
from tiny_release import tiny_release

AT = datetime(2013, 7, 1, tzinfo=UTC)


def log(folder: Path) -> ActionLog:
    return ActionLog(f"sqlite:///{folder / 'store.db'}", f"sqlite:///{folder / 'registry.db'}", "test")


def test_where_nothing_was_done_there_is_nothing(tmp_path: Path) -> None:
    assert log(tmp_path).load() == []


def test_the_audit_trail_is_told_in_the_order_of_time(tmp_path: Path) -> None:
    entries = [
        AuditRecord(AT.replace(day=day), "ada", action, "r1", "because")
        for day, action in ((9, "promote"), (2, "retrain"))
    ]
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.append_audit(entries)

    assert [(one.what, one.who) for one in log(tmp_path).load()] == [("retrain r1", "ada"), ("promote r1", "ada")]


def test_moves_of_the_registry_are_told_with_their_names_and_only_once(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path / 'registry.db'}", "test")
    for number, overridden in ((1, ()), (2, ("champion",))):
        name = f"parcels-{number}"
        place = tiny_release(tmp_path / "releases", name, seed=number)
        version = registry.register(place, verify_release(place).digest, {}, {})
        registry.promote(version, "so that something is live", "ada", overridden)
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.append_audit([AuditRecord(AT, "ada", "promote", "parcels-1", "on the clock of what is monitored")])
    first, second = log(tmp_path).load()

    assert (first.what, first.at) == ("promote parcels-1", AT)
    assert (second.what, second.who) == ("promote parcels-2", "ada")
    assert second.why == "so that something is live; overrides champion"


def test_nobody_writes_it_but_those_who_act(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="written down by those who did it"):
        log(tmp_path).save([])  # type: ignore[arg-type]  # what is tested
