"""The trials of a search as runs in MLflow: one parent run a search, one run a trial below it."""

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from kedro.io import AbstractDataset, DatasetError

from model_lifecycle.contracts.trials import SearchReport, Trial
from model_lifecycle.registry import file_of, open_client
from model_lifecycle.registry_errors import translated, without_password

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
_SEARCH = "search"
_LONGEST = 500  # characters of a value that servers of all versions accept
_COSTS = ("seconds", "one_row_microseconds", "size_bytes")


class TrialLog(AbstractDataset[SearchReport, str]):
    """Tracks searches; every save adds a parent run, so that all searches of a case can be compared.

    Parameters
    ----------
    uri : str
        ``sqlite:///<file>`` (made on the first save) or the URL of a team's MLflow server.
    experiment : str
        Its name, one a case.
    metadata : dict, optional
        For kedro-viz.

    Raises
    ------
    RegistryError
        From every method, if the file or the server cannot be used.
    """

    def __init__(self, uri: str, experiment: str, metadata: dict[str, Any] | None = None) -> None:
        self._uri = uri
        self._experiment = experiment
        self.metadata = metadata

    def save(self, data: SearchReport) -> None:
        """Add a parent run and one run a trial; a parent whose trials are not all there has the status FAILED."""
        with translated(self._where(), f"track {len(data['trials'])} trials"):
            client = open_client(self._uri)
            # Dated as if the trials had ended just now, one after the other: their durations are true.
            start = time.time() - sum(trial["seconds"] for trial in data["trials"])
            experiment = _experiment_id(client, self._experiment)
            parent = _start_parent(client, experiment, data, start)
            try:
                for trial in data["trials"]:
                    _track(client, experiment, parent, data, trial, start)
                    start += trial["seconds"]
            except BaseException:
                with suppress(Exception):  # a server that has gone away is told by the first error
                    client.set_terminated(parent, "FAILED")
                raise
            client.set_terminated(parent, "FINISHED", _milliseconds(start))

    def load(self) -> str:
        """Return the id of the newest parent run."""
        with translated(self._where(), "find the newest search"):
            found = self._newest()
        if found is None:
            raise DatasetError(f"{self._where()}: no search yet; run `kedro run` first")
        return found

    def _newest(self) -> str | None:
        if (file := file_of(self._uri)) is not None and not file.exists():
            return None  # without the seconds that making the file takes
        client = open_client(self._uri)
        experiment = client.get_experiment_by_name(self._experiment)
        if experiment is None:
            return None
        runs = client.search_runs(
            [experiment.experiment_id], f"tags.kind = '{_SEARCH}'", max_results=1, order_by=["attributes.end_time DESC"]
        )
        return str(runs[0].info.run_id) if runs else None

    def _exists(self) -> bool:
        with translated(self._where(), "find the newest search"):
            return self._newest() is not None

    def _where(self) -> str:
        return f"tracking {without_password(self._uri)}, experiment {self._experiment!r}"

    def _describe(self) -> dict[str, Any]:
        return {"uri": without_password(self._uri), "experiment": self._experiment}


def _experiment_id(client: "MlflowClient", name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def _start_parent(client: "MlflowClient", experiment: str, report: SearchReport, start: float) -> str:
    from mlflow.entities import Metric

    tags = report["tags"] | {"kind": _SEARCH, "challenger": report["challenger"]}
    name = f"search as of {report['tags'].get('as_of', '?')[:10]}"
    run_id = str(client.create_run(experiment, _milliseconds(start), tags, name).info.run_id)
    states: list[str] = [trial["state"] for trial in report["trials"]]
    figures = {"trials": len(states)} | {state: states.count(state) for state in _STATUS}
    client.log_batch(run_id, [Metric(key, value, _milliseconds(start), 0) for key, value in figures.items()])
    return run_id


def _track(
    client: "MlflowClient", experiment: str, parent: str, report: SearchReport, trial: Trial, start: float
) -> None:
    from mlflow.entities import Param

    name, end = f"{trial['candidate']} {trial['number']}", _milliseconds(start + trial["seconds"])
    best = report["best"].get(trial["candidate"]) == trial["number"]
    tags = report["tags"] | {"mlflow.parentRunId": parent, "kind": "trial", "candidate": trial["candidate"]}
    tags |= {"number": str(trial["number"]), "state": trial["state"], "best": str(best).lower()}
    tags["challenger"] = str(best and trial["candidate"] == report["challenger"]).lower()
    if "error" in trial:
        tags["error"] = trial["error"][:_LONGEST]
    run_id = str(client.create_run(experiment, _milliseconds(start), tags, name).info.run_id)
    client.log_batch(
        run_id, _metrics(trial, end), [Param(key, str(value)[:_LONGEST]) for key, value in trial["parameters"].items()]
    )
    client.set_terminated(run_id, _STATUS[trial["state"]], end)


def _metrics(trial: Trial, moment: int) -> "list[Metric]":
    """Return the loss of every fold at its step, its mean if there are all, and the costs."""
    from mlflow.entities import Metric

    found = [Metric("loss", loss, moment, fold) for fold, loss in enumerate(trial["loss"])]
    figures: dict[str, Any] = {key: trial[key] for key in _COSTS if key in trial}  # type: ignore[literal-required]
    if trial["state"] == "complete":  # the mean of fewer folds would be compared with those of all
        figures["mean_loss"] = float(np.mean(trial["loss"]))
    return found + [Metric(key, value, moment, 0) for key, value in figures.items()]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
