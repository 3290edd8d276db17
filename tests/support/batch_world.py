"""A folder of parcels to be scored, a store of events, and the workers in this very process."""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from model_lifecycle.batch.run import Folders, Release, score_folder
from model_lifecycle.contracts.batch import BatchReport, BatchSpec, Outcome
from model_lifecycle.datasets.event_log import StoredEvents
from model_lifecycle.releases import read_release, verify_release
from model_lifecycle.scoring import Scorer
from model_lifecycle.serving.keys import KeyHash
from model_lifecycle.serving.service import Service
from model_lifecycle.serving.settings import ServiceSettings
from model_lifecycle.store import Store
from tiny_release import event, record, scorer, write_release

ROWS = 60


def spread_here(
    items: Sequence[Mapping[str, Any]], make: Callable[[Any], Any], shared: object, workers: int, address: str | None
) -> Iterator[Mapping[str, Any]]:
    """Do what `cluster.spread` does, without Ray, and all that is sent as JSON."""
    work: Callable[[Any], Iterable[Any]] = make(shared) if items else list
    for item in json.loads(json.dumps(list(items))):
        for found in work(item):
            yield json.loads(json.dumps(found))


class BatchWorld:
    """Folders, a release and a store."""

    def __init__(self, folder: Path, made: Scorer | None = None) -> None:
        self.input, self.output = folder / "input", folder / "output"
        self.url = f"sqlite:///{folder}/store.db"
        self.input.mkdir()
        self._folder = folder
        self.promote(made or scorer())
        with Store.open(self.url) as store:
            # From well before the longest window of the first decision, and into the decisions.
            store.append_events([event(number, "north", number % 3 == 0) for number in range(-300, 40)])

    def promote(self, made: Scorer) -> None:
        """Make a release the one that scores."""
        self.path = write_release(self._folder / "releases", made)
        self.release = Release(read_release(self.path), verify_release(self.path).digest, made)

    def put(self, name: str, records: Sequence[Mapping[str, object]] | None = None) -> None:
        """Write a partition, Parquet or CSV by its name."""
        table = pd.DataFrame(list(records if records is not None else some_records()))
        path = self.input / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            for column in ("asked_at", "slot"):
                table[column] = pd.to_datetime(table[column], format="ISO8601")
            table.to_parquet(path, index=False)
        else:
            table.to_csv(path, index=False)

    def run(self, pattern: str = "**/*", **options: Any) -> BatchReport:
        """Score the folder."""
        folders = Folders(self.input, pattern, self.output)
        return score_folder(folders, self.release, StoredEvents(self.url), BatchSpec(**options))

    def outcome(self, name: str, **options: Any) -> Outcome:
        """Score the folder, and return what became of a partition."""
        return next(one for one in self.run(**options).outcomes if one.partition == name)

    def scores(self, name: str) -> list[dict[str, Any]]:
        """Return the scores of a partition, a dict a row."""
        rows: list[dict[str, Any]] = pq.read_table(self.output / f"{name}.scores.parquet").to_pylist()
        return rows

    def files(self) -> list[str]:
        """Return what stands in the output folder, but for the lock."""
        found = (path.relative_to(self.output).as_posix() for path in self.output.rglob("*") if path.is_file())
        return sorted(name for name in found if name != ".batch.lock")

    def answers(self, records: Sequence[Mapping[str, object]]) -> list[dict[str, Any]]:
        """Return what the service answers with the same release and the same events."""
        settings = ServiceSettings(
            release=self.path, registry="sqlite://", registry_name="parcels", store=self.url,
            key_hash=self._folder / "key.json",
        )  # fmt: skip
        service = Service(settings, KeyHash.of("a key"))
        try:
            answer: dict[str, Any] = asyncio.run(service.predict(json.dumps({"records": list(records)}).encode()))
            predictions: list[dict[str, Any]] = answer["predictions"]
            return predictions
        finally:
            service.close()


def some_records(first: int = 0, rows: int = ROWS) -> list[dict[str, object]]:
    """Return records of which some lack an input or bring a category that the release has not seen."""
    changes: list[dict[str, object]] = [{}, {"weight": None}, {"depot": "東"}, {"depot": None}]
    return [record(number, **changes[number % 4 if number > 10 else 0]) for number in range(first, first + rows)]
