"""Move the champion. Has an effect, and only after every gate."""

import json
from collections.abc import Callable, Sequence

import pandas as pd

from model_lifecycle.contracts.gates import COMPARED_TAG, PROOF_TAG
from model_lifecycle.contracts.override import NO_OVERRIDE, OverrideSpec
from model_lifecycle.contracts.records import AuditRecord
from model_lifecycle.contracts.retraining import ORDER_TAG, REASON_TAG, REQUESTER_TAG, RetrainingOrder
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.trail import PROMOTED, RETRAINED, UNCHANGED, promoted_at
from model_lifecycle.errors import GateBlocked
from model_lifecycle.pipelines.deployment.nodes.packing import require_passed
from model_lifecycle.pipelines.deployment.nodes.proof import Proof
from model_lifecycle.registry import Registry, ReleaseEntry
from model_lifecycle.releases.packed import WrittenRelease
from model_lifecycle.reporting.evidence import EvaluationEvidence
from model_lifecycle.reporting.run_evidence import PromotionEvidence, ReleaseEvidence, RunEvidence
from model_lifecycle.reporting.summary import run_summary

KEDRO = "kedro run"


def promoter(case: str) -> Callable[..., ReleaseEvidence]:
    """Return the node that promotes the release of that case."""

    def promote(
        release: WrittenRelease,
        evidence: EvaluationEvidence,
        proof: Proof,
        registry_uri: str,
        run: RunSpec,
        override: OverrideSpec = NO_OVERRIDE,
        order: RetrainingOrder | None = None,
    ) -> ReleaseEvidence:
        """Register the release and make it the champion; if it is already, nothing is touched.

        Gates of the evaluation may be overridden, which the registry keeps; the proof in service may not, nor may that
        the champion is still the one that the gates compared with. An order may say that somebody else moves the
        champion: then the release is only registered, with whom it was compared with.

        Raises
        ------
        GateBlocked
            If a gate failed, the proof is of another release, or the champion was moved since the evaluation; the
            registry is not touched.
        """
        overridden = require_passed(evidence, override)
        if proof["digest"] != release.digest:
            raise GateBlocked(
                f"release {release.release_id} is not proven: found the proof of digest {proof['digest']}, expected "
                f"{release.digest}; run the node prove_in_service"
            )
        failed = [gate for gate in proof["gates"] if not gate["passed"]]
        if failed:
            reasons = "\n  ".join(f"{gate['gate']}: {gate['reason']}" for gate in failed)
            count = f"{len(failed)} of {len(proof['gates'])} gates"
            raise GateBlocked(f"{count} in service hold release {release.release_id} back:\n  {reasons}")
        registry = Registry(registry_uri, case)
        before = registry.champion()
        if before is not None and before.digest == release.digest:
            reason = "it was the champion already: same data, configuration and seed"
            found = _outcome(release, before.version, promoted=False, reason=reason)
            return found | {"made_champion": _made_champion(registry, before.version)}
        facts = {"as_of": run.as_of.isoformat(), "model": evidence["subject"], PROOF_TAG: json.dumps(proof["gates"])}
        facts |= _compared(evidence) | _made_for(order)
        if order is None or order.promote:
            _require_compared(release, evidence, before)
        version = registry.register(release.path, release.digest, _metrics(evidence), facts)
        if order is not None and not order.promote:
            current = None if before is None else before.release_id
            reason = f"registered, not promoted: {order.requester} decides"
            return _outcome(release, version, promoted=False, reason=reason, champion=current)
        replaced = "the first champion" if before is None else f"replaces {before.release_id}"
        if overridden:
            by, reason = str(override.by), str(override.reason)
            registry.promote(version, reason, by, overridden)
            replaced += f"; {by} overrides {', '.join(overridden)}: {reason}"
        else:
            gates = len(evidence["gates"]) + len(proof["gates"])
            why = f"passed all {gates} gates as of {run.as_of.isoformat()}"
            by = KEDRO if order is None else order.requester
            registry.promote(version, why if order is None else f"{order.reason:.1800}; {why}", by)
        return _outcome(release, version, promoted=True, reason=replaced)

    return promote


def _require_compared(release: WrittenRelease, evidence: EvaluationEvidence, champion: ReleaseEntry | None) -> None:
    """Hold a release back whose gates looked at another champion than the one that it would replace."""
    compared, live = evidence.get("compared_with"), None if champion is None else champion.release_id
    if compared != live:
        raise GateBlocked(
            f"release {release.release_id} is held back: its gates compared it with {compared or 'no champion'}, and "
            f"{live or 'nothing'} is in production now; run again, so that it is compared with that"
        )


def _compared(evidence: EvaluationEvidence) -> dict[str, str]:
    compared = evidence.get("compared_with")
    return {} if compared is None else {COMPARED_TAG: compared}


def _made_champion(registry: Registry, version: int) -> PromotionEvidence | None:
    """Return what the registry keeps of the last promotion of a version, None without one."""
    moves = [move for move in registry.history() if move.action == "promote" and move.to_version == version]
    if not moves:
        return None
    last = moves[-1]
    return {
        "by": last.by,
        "reason": last.reason,
        "replaces": None if last.from_version is None else registry.version(last.from_version).release_id,
        "overridden": list(last.overridden),
    }


def _made_for(order: RetrainingOrder | None) -> dict[str, str]:
    """Return the tags that say why a release was made, and who asked for it."""
    if order is None:
        return {}
    known = {} if order.order is None else {ORDER_TAG: order.order}
    return {**known, REASON_TAG: order.reason, REQUESTER_TAG: order.requester}


def tell_trail(
    outcome: ReleaseEvidence,
    run: RunSpec,
    trail: Sequence[AuditRecord],
    override: OverrideSpec = NO_OVERRIDE,
    order: RetrainingOrder | None = None,
) -> list[AuditRecord]:
    """Return what the audit trail is to tell of a run; of an order that the agent carries out it tells itself.

    A run that was killed after it had moved the champion is told by the same run made again, as the registry keeps it.
    """
    if order is not None and order.order is not None:
        return []
    release, entries = str(outcome["release_id"]), []
    details = {"version": outcome["version"], "key": f"{release} {run.as_of.isoformat()}"}
    who, why = (KEDRO, "the whole job was run") if order is None else (order.requester, order.reason)
    made = outcome.get("made_champion") if promoted_at(trail, release) is None else None
    if order is not None:
        action = RETRAINED if outcome["promoted"] or made or not order.promote else UNCHANGED
        entries.append(AuditRecord(run.as_of, who, action, release, why, details))
    if outcome["promoted"]:
        who = override.by or who
        replaced = {**details, "replaces": outcome["reason"]}
        entries.append(AuditRecord(run.as_of, who, PROMOTED, release, override.reason or why, replaced))
    elif made:
        kept = {"replaces": made["replaces"], "overridden": made["overridden"]}
        entries.append(AuditRecord(run.as_of, made["by"], PROMOTED, release, made["reason"], {**details, **kept}))
    return entries


def _outcome(
    release: WrittenRelease, version: int, *, promoted: bool, reason: str, champion: str | None = ""
) -> ReleaseEvidence:
    return {
        "release_id": release.release_id,
        "digest": release.digest,
        "version": str(version),
        "promoted": promoted,
        "reason": reason,
        "champion": release.release_id if champion == "" else champion,
    }


def _metrics(evidence: EvaluationEvidence) -> dict[str, float]:
    figures = {name: found["estimate"] for name, found in evidence["metrics"][evidence["subject"]].items()}
    return {**figures, "value_per_1000": evidence["value"]["model"]["estimate"]}


def publish_history(history: pd.DataFrame, outcome: ReleaseEvidence) -> pd.DataFrame:
    """Return the events for the service's own store, once there is a champion to serve."""
    if outcome["champion"] is None:
        raise GateBlocked("no champion, so there is no service to backfill")
    return history


def summarise(evidence: EvaluationEvidence, proof: Proof, outcome: ReleaseEvidence, reports: dict[str, str]) -> str:
    """Return the short text that the run ends with."""
    run: RunEvidence = {
        "evaluation": evidence,
        "gates": [*evidence["gates"], *proof["gates"]],
        "release": outcome,
        "reports": reports,
    }
    return run_summary(run)
