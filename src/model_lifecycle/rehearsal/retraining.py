"""A retraining in the background: the whole default run, as of a moment, and what came of it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from model_lifecycle.agent.runs import KedroRun
from model_lifecycle.errors import LifecycleError
from model_lifecycle.registry import Registry

_VERDICTS = ("verdict.json", "proof.json")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a retraining led to: the release that is the champion now, and why a gate held the challenger back."""

    champion: str
    promoted: bool
    rejected: tuple[str, ...]
    seconds: float


class Retraining:
    """The default run of this project as of a moment, in the rehearsal's own data folder.

    Parameters
    ----------
    as_of : datetime
        The run sees what was known before it.
    parameters : mapping
        Further ones for ``--params``.
    registry : Registry
        Whose champion a passed run moves.
    reporting : Path
        Where the run leaves its verdict.
    log : Path
        File that takes the run's output.
    """

    def __init__(
        self, as_of: datetime, parameters: Mapping[str, str], registry: Registry, reporting: Path, log: Path
    ) -> None:
        self.as_of = as_of
        self._registry = registry
        self._reporting = reporting
        self._before = _champion(registry)
        for name in _VERDICTS:  # those of an earlier run must not be taken for this one's
            (reporting / name).unlink(missing_ok=True)
        self._started = time.monotonic()
        self._run = KedroRun((), {"run.as_of": as_of.isoformat(), **parameters}, log)

    def running(self) -> bool:
        """Tell whether it has not ended yet."""
        return self._run.running()

    def stop(self) -> None:
        """Interrupt it."""
        self._run.stop()

    def outcome(self) -> Outcome:
        """Wait for the end and tell what came of it.

        Raises
        ------
        LifecycleError
            If it failed for another reason than a gate.
        """
        code = self._run.wait()
        seconds = time.monotonic() - self._started
        rejected = tuple(self._failed_gates()) if code else ()
        if code and not rejected:
            raise LifecycleError(f"the retraining ended with code {code} and no gate said no; {self._run.last_lines()}")
        champion = _champion(self._registry)
        return Outcome(champion, champion != self._before, rejected, seconds)

    def _failed_gates(self) -> list[str]:
        reasons = []
        for name in _VERDICTS:
            place = self._reporting / name
            if not place.exists():
                continue
            document = json.loads(place.read_bytes())
            gates = document["gates"] if isinstance(document, dict) else document
            reasons += [f"{gate['gate']}: {gate['reason']}" for gate in gates if not gate["passed"]]
        return reasons


def _champion(registry: Registry) -> str:
    entry = registry.champion()
    return "" if entry is None else entry.release_id
