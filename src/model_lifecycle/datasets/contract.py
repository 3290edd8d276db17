"""A contract (a frozen pydantic model) as a JSON file."""

from importlib import import_module
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from pydantic import ValidationError

from model_lifecycle.contracts.base import Contract
from model_lifecycle.datasets.atomic import write_atomically


class ContractDataset(AbstractDataset[Contract, Contract]):
    """Saves a contract as JSON and validates it when it is read.

    Parameters
    ----------
    filepath : str
        The JSON file.
    contract : str
        The class inside this package, as ``module.Class``, such as ``contracts.split.SplitPlan``.
    metadata : dict, optional
        For kedro-viz.
    """

    def __init__(self, filepath: str, contract: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self._contract = contract
        self.metadata = metadata

    def _model(self) -> type[Contract]:
        module, name = self._contract.rsplit(".", 1)
        found: type[Contract] = getattr(import_module(f"model_lifecycle.{module}"), name)
        return found

    def load(self) -> Contract:
        """Read and validate."""
        try:
            return self._model().model_validate_json(self._filepath.read_bytes())
        except ValidationError as error:
            raise DatasetError(f"{self._filepath} is no {self._contract}: {error}") from error

    def save(self, data: Contract) -> None:
        """Write whole or not at all."""
        write_atomically(self._filepath, data.model_dump_json(indent=2).encode())

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "contract": self._contract}
