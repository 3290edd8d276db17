"""The folders of batch scoring as a dataset: nothing is read before a worker asks for it."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from model_lifecycle.batch.run import Folders


class BatchFolders(AbstractDataset[NoReturn, Folders]):
    """Where partitions are, and where their scores go.

    Parameters
    ----------
    input : str
        The folder of the files to be scored.
    output : str
        The folder of the scores: for each file one of the same name with ``.scores.parquet`` behind it.
    pattern : str
        Which files below the input folder are partitions; what begins with a dot or an underscore is none.
    metadata : dict, optional
        For kedro-viz.
    """

    def __init__(
        self,
        input: str,  # noqa: A002 - the catalog's word
        output: str,
        pattern: str = "**/*",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._folders = Folders(Path(input), pattern, Path(output))
        self.metadata = metadata

    def load(self) -> Folders:
        """Return the folders."""
        return self._folders

    def save(self, data: NoReturn) -> None:  # noqa: ARG002 - kedro's signature
        """Refuse."""
        raise DatasetError("scores are written partition by partition, by the workers of batch scoring")

    def _describe(self) -> dict[str, Any]:
        return {"input": str(self._folders.input), "output": str(self._folders.output)}
