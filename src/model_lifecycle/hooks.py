"""What happens around a run: one at a time, a champion that can be read, plain progress, the summary at the end."""

import logging
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from model_lifecycle.locations import data_folder
from model_lifecycle.locking import RUN_LOCK, take_lock

_log = logging.getLogger(__name__)

CHAMPION = "champion"
SUMMARIES = ("run_summary", "policy_summary", "alert_summary", "backtest_summary", "batch_summary")
_STILL_RUNNING_SECONDS = 15.0


class RunLockHook:
    """Refuses a run while another one writes to the same data folder; reading, as kedro-viz does, needs no lock."""

    def __init__(self) -> None:
        self._held: IO[str] | None = None
        self._thread: int | None = None

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Take the lock, or raise `RunLocked` with the holder's process id and start time."""
        if self._held is not None and self._thread == threading.get_ident():
            self._release()  # a run of this very thread was interrupted: a notebook cell, stopped by hand
        path = Path(run_params["project_path"]) / data_folder() / RUN_LOCK
        self._held, self._thread = take_lock(path), threading.get_ident()

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Give the lock back."""
        self._release()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        """Give the lock back."""
        self._release()

    def _release(self) -> None:
        if self._held is not None:
            self._held.close()
        self._held = self._thread = None


class ChampionHook:
    """Refuses a run that would find out after the search that it cannot read the champion it has to beat."""

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
        """Load the champion once, where the run needs it: its release is whole and of this version."""
        if CHAMPION in pipeline.inputs():
            catalog.load(CHAMPION)


class ProgressHook:
    """One plain line a node, with its place in the run and its seconds; a slow node says that it is still at work."""

    def __init__(self) -> None:
        self._total = 0
        self._done = 0
        self._run_started = 0.0
        self._started: dict[str, tuple[float, threading.Event]] = {}

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Count the nodes to come."""
        self._total, self._done, self._run_started = len(pipeline.nodes), 0, time.monotonic()
        _log.info("nodes to run: %d", self._total)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Start the node's clock."""
        finished = threading.Event()
        self._started[node.name] = (time.monotonic(), finished)
        threading.Thread(target=self._watch, args=(node.name, finished), daemon=True).start()

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Say that the node is done, and how long it took."""
        seconds = self._stop(node.name)
        self._done += 1
        _log.info("%s %s  %.1f s", self._place(self._done), node.name, seconds)

    @hook_impl
    def on_node_error(self, node: Node) -> None:
        """Say which node failed; the error itself is told once, by the command."""
        seconds = self._stop(node.name)
        _log.error("%s %s  failed after %.1f s", self._place(self._done + 1), node.name, seconds)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Say how long the whole run took."""
        _log.info("nodes done: %d, in %.0f s", self._done, time.monotonic() - self._run_started)

    def _place(self, number: int) -> str:
        width = len(str(self._total))
        return f"[{number:>{width}}/{self._total}]"

    def _stop(self, name: str) -> float:
        started, finished = self._started.pop(name, (time.monotonic(), threading.Event()))
        finished.set()
        return time.monotonic() - started

    def _watch(self, name: str, finished: threading.Event) -> None:
        waited = 0.0
        while not finished.wait(_STILL_RUNNING_SECONDS):
            waited += _STILL_RUNNING_SECONDS
            _log.info("%s %s  … %.0f s so far", self._place(self._done + 1), name, waited)


class SummaryHook:
    """Prints the summaries that the run has written."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
        """Print each of the summaries that this run produced and the catalog keeps."""
        for summary in SUMMARIES:
            if summary in pipeline.all_outputs() and catalog.exists(summary):
                sys.stdout.write(f"\n{str(catalog.load(summary)).rstrip()}\n")
