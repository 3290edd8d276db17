import json
from pathlib import Path

import pytest
from kedro.io import DatasetError

from model_lifecycle.datasets import scorers
from model_lifecycle.datasets.atomic import write_atomically
from model_lifecycle.datasets.scorers import ScorerDataset, ScorersDataset
from model_lifecycle.features.history import History
from model_lifecycle.scoring import Scorer
from tiny_release import SPEC, record, scorer

RECORDS = [record(number) for number in range(20)]


def scores(found: Scorer) -> bytes:
    return found.score(found.columns(RECORDS), History.build(SPEC, {})).score.tobytes()


def test_a_scorer_is_read_as_it_was_written(tmp_path: Path) -> None:
    made, dataset = scorer(), ScorerDataset(str(tmp_path / "scorer"))
    assert not dataset.exists()
    dataset.save(made)
    assert dataset.exists()
    restored = dataset.load()
    assert restored.facts == made.facts
    assert scores(restored) == scores(made)
    assert restored.to_files() == made.to_files()


def test_several_scorers_keep_their_names_and_their_order(tmp_path: Path) -> None:
    made = {"b": scorer("b", seed=1), "a": scorer("a", seed=2)}
    ScorersDataset(str(tmp_path)).save(made)
    restored = ScorersDataset(str(tmp_path)).load()
    assert list(restored) == ["b", "a"]
    assert {name: scores(one) for name, one in restored.items()} == {name: scores(one) for name, one in made.items()}
    assert ScorersDataset(str(tmp_path)).exists()


def test_scorers_of_an_earlier_run_are_not_read(tmp_path: Path) -> None:
    dataset = ScorersDataset(str(tmp_path))
    dataset.save({"a": scorer("a"), "b": scorer("b")})
    dataset.save({"b": scorer("b2")})
    assert [one.release_id for one in dataset.load().values()] == ["b2"]


def test_a_file_with_a_wrong_byte_is_refused_before_any_library_reads_it(tmp_path: Path) -> None:
    dataset = ScorerDataset(str(tmp_path))
    dataset.save(scorer())
    path = tmp_path / "model" / "catboost.cbm"
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"model/catboost.cbm: found SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}"):
        dataset.load()


@pytest.mark.parametrize("name", ["index.json", "scoring.json"])
def test_an_absent_file_is_named(tmp_path: Path, name: str) -> None:
    dataset = ScorerDataset(str(tmp_path))
    dataset.save(scorer())
    (tmp_path / name).unlink()
    with pytest.raises(DatasetError, match=name):
        dataset.load()


def test_an_interrupted_save_is_not_read_as_a_mixture_of_old_and_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = ScorersDataset(str(tmp_path))
    dataset.save({"a": scorer("old")})
    written = write_atomically

    def interrupted(path: Path, content: bytes) -> None:
        if path.name == "catboost.cbm":
            raise KeyboardInterrupt
        written(path, content)

    monkeypatch.setattr(scorers, "write_atomically", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dataset.save({"a": scorer("new", seed=3)})
    assert json.loads((tmp_path / "a" / "scoring.json").read_bytes())["release_id"] == "new"
    assert not dataset.exists()
    with pytest.raises(DatasetError, match=r"index.json"):
        dataset.load()
