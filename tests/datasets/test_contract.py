import json
from pathlib import Path

import pytest
from kedro.io import DatasetError

from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.datasets.contract import ContractDataset

SPLIT = SplitSpec(time_zone="America/New_York", train_periods=3)


def dataset(folder: Path, contract: str = "contracts.modelling.SplitSpec") -> ContractDataset:
    return ContractDataset(str(folder / "split.json"), contract)


def test_a_contract_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = dataset(tmp_path)
    assert not written.exists()
    written.save(SPLIT)
    assert written.exists()
    assert dataset(tmp_path).load() == SPLIT
    assert json.loads((tmp_path / "split.json").read_bytes())["train_periods"] == 3


@pytest.mark.parametrize("content", ["", "{", "[]", '{"time_zone": "UTC", "priod": "day"}', '{"time_zone": "Mars"}'])
def test_a_file_that_is_no_such_contract_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "split.json").write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"split.json is no contracts.modelling.SplitSpec: 1 validation error"):
        dataset(tmp_path).load()


@pytest.mark.parametrize("contract", ["contracts.modelling.Split", "contracts.modeling.SplitSpec"])
def test_a_class_that_is_not_there_is_named(tmp_path: Path, contract: str) -> None:
    dataset(tmp_path).save(SPLIT)
    with pytest.raises(
        DatasetError, match=r"has no attribute 'Split'|No module named 'model_lifecycle.contracts.modeling'"
    ):
        dataset(tmp_path, contract).load()
