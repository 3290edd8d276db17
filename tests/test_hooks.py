"""A run that needs the champion finds out before its first node whether it can be read."""

import pytest
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Pipeline, node

from model_lifecycle.datasets.champion import ChampionDataset
from model_lifecycle.errors import ReleaseError
from model_lifecycle.hooks import ChampionHook


class Damaged(ChampionDataset):
    """A champion whose release is damaged."""

    def load(self) -> None:
        """Refuse."""
        raise ReleaseError("release folder r, file 'm': changed")


def _catalog() -> DataCatalog:
    return DataCatalog({"champion": Damaged("sqlite:///none.db", "parcels")})


def test_a_run_that_reads_a_damaged_champion_is_refused() -> None:
    reads = Pipeline([node(lambda champion: champion, "champion", "scores", name="score")])
    with pytest.raises(DatasetError, match="file 'm': changed"):
        ChampionHook().before_pipeline_run(reads, _catalog())


def test_a_run_that_does_not_read_the_champion_goes_on() -> None:
    other = Pipeline([node(lambda rows: rows, "rows", "decisions", name="build")])
    ChampionHook().before_pipeline_run(other, _catalog())
