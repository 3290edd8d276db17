"""Score the partitions, tell what became of them, end with an error if one was refused."""

from collections.abc import Mapping
from typing import Any, Protocol

from model_lifecycle.batch.events import EventReader
from model_lifecycle.batch.run import Folders, Release, score_folder
from model_lifecycle.batch.summary import batch_summary, refusal
from model_lifecycle.contracts.batch import BatchReport, BatchSpec
from model_lifecycle.errors import BatchError, RegistryError
from model_lifecycle.scoring import Scorer


class InProduction(Protocol):
    """The champion, as the registry gives it."""

    @property
    def files(self) -> Mapping[str, bytes]:
        """The verified files of the release."""
        ...

    @property
    def digest(self) -> str:
        """The release's digest."""
        ...

    @property
    def scorer(self) -> Scorer:
        """The scorer made of them."""
        ...


def score_partitions(
    folders: Folders, champion: InProduction | None, events: EventReader, spec: BatchSpec
) -> dict[str, Any]:
    """Score what is not finished. Has an effect: workers write each partition's scores.

    Returns
    -------
    dict
        A `BatchReport` as JSON.

    Raises
    ------
    RegistryError
        If there is no champion.
    """
    if champion is None:
        raise RegistryError("no champion yet, so nothing to score with; run `kedro run` first")
    release = Release(champion.files, champion.digest, champion.scorer)
    return score_folder(folders, release, events, spec).model_dump(mode="json")


def summarise_batch(report: Mapping[str, Any]) -> str:
    """Return the text that the run ends with."""
    return batch_summary(BatchReport.model_validate(report))


def require_every_partition(report: Mapping[str, Any], summary: str) -> None:  # noqa: ARG001 - is to be written first
    """End the run with an error if a partition was refused.

    Raises
    ------
    BatchError
        With every refused partition and its reasons.
    """
    told = refusal(BatchReport.model_validate(report))
    if told is not None:
        raise BatchError(told)
