"""The release in production, as the registry names it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from model_lifecycle.errors import RegistryError
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.registry import Registry, ReleaseEntry
from model_lifecycle.releases.verify import read_release, verify_release
from model_lifecycle.scoring import Scorer


@dataclass(frozen=True)
class Champion:
    """The champion's entry in the registry, its verified files and facts, and the scorer made of them."""

    entry: ReleaseEntry
    files: dict[str, bytes]
    info: Mapping[str, object]
    scorer: Scorer

    @property
    def digest(self) -> str:
        """The release's digest, which the registry knows."""
        return self.entry.digest


class ChampionDataset(AbstractDataset[NoReturn, Champion | None]):
    """Loads the champion, None before the first promotion; only deployment moves it, so it cannot be saved.

    Parameters
    ----------
    uri : str
        Of the registry, ``sqlite:///<file>`` or the URL of an MLflow server.
    name : str
        The registered model, one a case.
    metadata : dict, optional
        For kedro-viz.
    """

    def __init__(self, uri: str, name: str, metadata: dict[str, Any] | None = None) -> None:
        self._uri = uri
        self._name = name
        self.metadata = metadata

    def load(self) -> Champion | None:
        """Read the alias, verify the release and restore its scorer."""
        entry = self._entry()
        if entry is None:
            return None
        manifest, files = verify_release(entry.path, entry.digest), read_release(entry.path, entry.digest)
        info = {"created_as_of": manifest.created_as_of, **manifest.info}
        return Champion(entry, files, info, Scorer.from_files(files))

    def _entry(self) -> ReleaseEntry | None:
        return Registry(self._uri, self._name).champion()

    def save(self, data: NoReturn) -> None:  # noqa: ARG002 - kedro's signature
        """Refuse."""
        raise DatasetError("the champion is moved by the deployment pipeline, never saved")

    def _describe(self) -> dict[str, Any]:
        return {"uri": self._uri, "name": self._name}


class PreviousDataset(ChampionDataset):
    """Loads the release that a rollback would bring back, None where there is none.

    Takes the parameters of `ChampionDataset`.
    """

    def _entry(self) -> ReleaseEntry | None:
        return Registry(self._uri, self._name).previous()


class ChampionFactsDataset(ChampionDataset):
    """Loads what monitoring must know about the champion: ``monitoring.json`` of its release.

    Takes the parameters of `ChampionDataset`.
    """

    def load(self) -> ChampionFacts:  # type: ignore[override]
        """Read the champion's own file.

        Raises
        ------
        RegistryError
            If there is no champion yet.
        ContractError
            If its reference is that of another release.
        """
        champion = super().load()
        if champion is None:
            raise RegistryError(
                f"registry {self._name!r}: no champion yet, so nothing to monitor; run `kedro run` first"
            )
        return ChampionFacts.read(json.loads(champion.files["monitoring.json"]), champion.scorer.release_id)
