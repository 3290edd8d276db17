"""The rehearsal keeps to its own folder."""

import os
from pathlib import Path

import pytest

from model_lifecycle.errors import ConfigurationError, RegistryError, RunLocked
from model_lifecycle.locations import DATA_VARIABLE
from model_lifecycle.registry import Registry, ReleaseEntry
from model_lifecycle.rehearsal.folder import check_own, install_champion, make_folder, only_one, users_champion
from model_lifecycle.rehearsal.project import Project, data_in, log_in, read_project
from model_lifecycle.releases import verify_release
from tiny_release import START, tiny_release

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    monkeypatch.delenv("KEDRO_LOGGING_CONFIG", raising=False)


def _project(folder: Path) -> Project:
    with data_in(folder):
        return read_project()


def test_the_project_is_read_for_the_data_folder_of_the_moment(tmp_path: Path) -> None:
    found = _project(tmp_path / "loop")
    assert found.registry == f"sqlite:///{tmp_path}/loop/06_models/registry.db"
    assert found.store == f"sqlite:///{tmp_path}/loop/07_model_output/flight_delays/store.db"
    assert os.environ[DATA_VARIABLE] == str(tmp_path / "data")


def test_outside_a_project_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="has no folder 'conf'"):
        read_project()


def test_without_a_champion_it_says_what_to_do() -> None:
    with pytest.raises(RegistryError, match="no champion yet, so there is nothing to rehearse with; run `make run`"):
        users_champion(read_project())


def test_the_users_champion_is_copied_into_a_registry_of_the_folders_own(tmp_path: Path) -> None:
    place = tiny_release(tmp_path / "data" / "releases")
    digest = verify_release(place).digest
    entry = ReleaseEntry(3, "parcels-1", place, digest, START, {"auc": 0.7}, {"model": "catboost"})
    folder = make_folder(tmp_path / "data" / "loop", "clean")
    project = _project(folder)
    champion = install_champion(entry, project, folder)
    copied = Registry(project.registry, project.case).champion()
    assert copied is not None
    assert (champion.release, champion.as_of) == ("parcels-1", START)
    assert (copied.digest, copied.metrics) == (digest, {"auc": 0.7})
    assert copied.path.is_relative_to(folder)
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["releases", "loop"]


def test_a_registry_outside_the_folder_is_refused(tmp_path: Path) -> None:
    elsewhere = _project(tmp_path / "data")
    with pytest.raises(ConfigurationError, match="conf/globals, registry: it does not lie in the data folder"):
        check_own(elsewhere, tmp_path / "data" / "loop" / "clean")
    check_own(elsewhere, tmp_path / "data")


def test_the_runs_that_are_started_keep_their_log_in_the_folder(tmp_path: Path) -> None:
    with log_in(tmp_path / "logs"):
        found = Path(os.environ["KEDRO_LOGGING_CONFIG"]).read_text()
    assert f"filename: {tmp_path}/logs/lifecycle.log" in found
    assert "KEDRO_LOGGING_CONFIG" not in os.environ


def test_each_start_makes_the_folder_anew(tmp_path: Path) -> None:
    (make_folder(tmp_path, "clean") / "left").touch()
    assert list(make_folder(tmp_path, "clean").iterdir()) == []


def test_a_second_rehearsal_at_the_same_time_is_refused(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(RunLocked, match=f"process {os.getpid()}"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass
