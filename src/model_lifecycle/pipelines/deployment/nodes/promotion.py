"""Move the champion. Has an effect, and only after every gate."""

from collections.abc import Callable

import pandas as pd

from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.releases.packed import WrittenRelease
from model_lifecycle.errors import GateBlocked
from model_lifecycle.pipelines.deployment.nodes.packing import require_passed
from model_lifecycle.registry import Registry
from model_lifecycle.reporting.evidence import EvaluationEvidence, GateEvidence, ReleaseEvidence, RunEvidence
from model_lifecycle.reporting.summary import run_summary


def promoter(case: str) -> Callable[..., ReleaseEvidence]:
    """Return the node that promotes the release of that case."""

    def promote(
        release: WrittenRelease, evidence: EvaluationEvidence, proof: list[GateEvidence], registry_uri: str, run: RunSpec
    ) -> ReleaseEvidence:
        """Register the release and make it the champion.

        Raises
        ------
        GateBlocked
            If a gate failed; the registry is not touched.
        """
        require_passed(evidence)
        failed = [gate for gate in proof if not gate["passed"]]
        if failed:
            reasons = "\n  ".join(f"{gate['gate']}: {gate['reason']}" for gate in failed)
            raise GateBlocked(f"{len(failed)} gates hold release {release.release_id} back:\n  {reasons}")
        registry = Registry(registry_uri, case)
        before = registry.champion()
        version = registry.register(
            release.path, release.digest, _metrics(evidence), {"as_of": run.as_of.isoformat(), "model": evidence["subject"]}
        )
        gates = len(evidence["gates"]) + len(proof)
        registry.promote(version, f"passed all {gates} gates as of {run.as_of.isoformat()}", "kedro run")
        same = before is not None and before.digest == release.digest
        replaced = "the first champion" if before is None else f"replaces {before.release_id}"
        return {
            "release_id": release.release_id,
            "digest": release.digest,
            "version": str(version),
            "promoted": not same,
            "reason": "it was the champion already: same data, configuration and seed" if same else replaced,
            "champion": release.release_id,
        }

    return promote


def _metrics(evidence: EvaluationEvidence) -> dict[str, float]:
    figures = {name: found["estimate"] for name, found in evidence["metrics"][evidence["subject"]].items()}
    return {**figures, "value_per_1000": evidence["value"]["model"]["estimate"]}


def publish_history(history: pd.DataFrame, outcome: ReleaseEvidence) -> pd.DataFrame:
    """Return the events for the service's own store, once there is a champion to serve."""
    if outcome["champion"] is None:
        raise GateBlocked("no champion, so there is no service to backfill")
    return history


def summarise(
    evidence: EvaluationEvidence, proof: list[GateEvidence], outcome: ReleaseEvidence, reports: dict[str, str]
) -> str:
    """Return the short text that the run ends with."""
    run: RunEvidence = {
        "evaluation": evidence,
        "gates": [*evidence["gates"], *proof],
        "release": outcome,
        "reports": reports,
    }
    return run_summary(run)
