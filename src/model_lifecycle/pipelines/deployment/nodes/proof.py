"""The release proves itself: it boots in a real service, answers, and scores as it did offline. Has an effect."""

import math
import tempfile
from pathlib import Path
from typing import TypedDict

import numpy as np
import pandas as pd

from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.errors import ServingError
from model_lifecycle.pipelines.deployment.nodes.packing import parity_features, parity_records
from model_lifecycle.releases.packed import WrittenRelease
from model_lifecycle.reporting.evidence import GateEvidence
from model_lifecycle.scoring import Scorer
from model_lifecycle.serving.process import running_service
from model_lifecycle.store import Store
from model_lifecycle.store.backfill import event_records


class Proof(TypedDict):
    """What a release has shown in service; it counts for the release of that digest alone."""

    digest: str
    gates: list[GateEvidence]


def prove_in_service(
    release: WrittenRelease, scorer: Scorer, parity: pd.DataFrame, events: pd.DataFrame, gates: GateLimits
) -> Proof:
    """Boot the release behind HTTP on loopback, with a store of its own, and ask it what is known offline.

    Its store ends where the parity rows were decided, which may be long before the newest event.

    Returns
    -------
    Proof
        ``package boots`` and ``parity``; a service that does not come up or answer fails both, with its last words.
    """
    offline = scorer.predict(parity_features(parity, scorer.spec))
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        url = f"sqlite:///{folder}/store.db"
        with Store.open(url) as store:
            store.append_events(event_records(_seen(events, parity, scorer)))
        try:
            live, decisions, answered_by = _ask(release, scorer, parity, url, Path(folder) / "service.log")
        except ServingError as error:
            reason = f"the service failed: {error}"
            failed = [_gate("package boots", False, reason), _gate("parity", False, "nothing to compare")]
            return Proof(digest=release.digest, gates=failed)
    booted = answered_by == {release.release_id}
    boots = _gate(
        "package boots", booted, f"{len(live):,} predictions answered by {sorted(answered_by)} in a real Ray Serve",
        answered=float(len(live)),
    )  # fmt: skip
    return Proof(digest=release.digest, gates=[boots, _parity(live, decisions, offline, scorer, gates)])


def _seen(events: pd.DataFrame, parity: pd.DataFrame, scorer: Scorer) -> pd.DataFrame:
    """Return the events that any of the parity rows may have seen."""
    known, times = events["known_at"], parity[scorer.question.decision_time]
    seen: pd.DataFrame = events[(known > times.min() - scorer.spec.longest_window()) & (known <= times.max())]
    return seen


def _ask(
    release: WrittenRelease, scorer: Scorer, parity: pd.DataFrame, url: str, log: Path
) -> tuple[np.ndarray, list[str], set[str]]:
    times = parity[scorer.question.decision_time]
    span = (times.max() - times.min()).ceil("s").to_pytimedelta()
    running = running_service(release=release.path, store_url=url, log=log, history_margin=span)
    with running as service, service.client() as client:
        answers = client.predict(parity_records(parity, scorer))
    live = scorer.task.logged(np.array([answer.score for answer in answers]), [answer.outputs for answer in answers])
    return live, [answer.decision for answer in answers], {answer.release for answer in answers}


def _parity(
    live: np.ndarray, decisions: list[str], offline: np.ndarray, scorer: Scorer, gates: GateLimits
) -> GateEvidence:
    if live.shape != offline.shape or not len(offline):
        return _gate("parity", False, f"{len(live)} answers to {len(offline)} requests")
    difference = float(np.max(np.abs(live - offline)))
    expected = scorer.task.decisions(scorer.task.actions(offline, scorer.threshold))
    flipped = sum(one != other for one, other in zip(decisions, expected, strict=True))
    passed = difference <= gates.parity_tolerance and flipped == 0
    reason = (
        f"{len(live):,} predictions in service differ from the offline ones by at most {difference:.3g}, expected at "
        f"most {gates.parity_tolerance:g}; {flipped} decisions differ"
    )
    return _gate("parity", passed, reason, difference=difference, flipped=float(flipped))


def _gate(gate: str, passed: bool, reason: str, **figures: float) -> GateEvidence:
    finite = {name: value for name, value in figures.items() if math.isfinite(value)}
    return {"gate": gate, "passed": passed and finite == figures, "reason": reason, "figures": finite}
