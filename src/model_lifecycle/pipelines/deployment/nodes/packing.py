"""Pack the challenger with everything that serving and monitoring it needs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.policy import MonitoringSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.releases.packed import PackedRelease
from model_lifecycle.errors import GateBlocked
from model_lifecycle.features.tables import to_columns
from model_lifecycle.monitoring.performance import holdout_figures
from model_lifecycle.monitoring.reference import with_score_profile
from model_lifecycle.reporting.evidence import EvaluationEvidence
from model_lifecycle.scoring import Scorer

_SMOKE_ROWS = 5
_LOCK = Path("requirements-serving.lock")


def require_passed(evidence: EvaluationEvidence) -> None:
    """Stop when a gate of the evaluation failed; verdict and model card are written by then.

    Raises
    ------
    GateBlocked
        With each failed gate's reason.
    """
    failed = [gate for gate in evidence["gates"] if not gate["passed"]]
    if failed:
        reasons = "\n  ".join(f"{gate['gate']}: {gate['reason']}" for gate in failed)
        raise GateBlocked(f"{len(failed)} of {len(evidence['gates'])} gates hold the release back:\n  {reasons}")


def pack_release(
    scorer: Scorer,
    evidence: EvaluationEvidence,
    card_page: str,
    card_markdown: str,
    profile: dict[str, Any],
    test: pd.DataFrame,
    parity: pd.DataFrame,
    plan: SplitPlan,
    monitoring: MonitoringSpec,
    run: RunSpec,
) -> PackedRelease:
    """Return the challenger's release: model, feature state, contract, threshold, profile, card, requirements.

    Raises
    ------
    GateBlocked
        If a gate of the evaluation failed.
    """
    require_passed(evidence)
    features = to_columns(test[list(scorer.spec.names())])
    score, times = scorer.predict(features), to_columns(test)[model_input.DECISION_TIME]
    observed = (test[model_input.OUTCOME] == model_input.OBSERVED).to_numpy(dtype=bool)
    target = test[model_input.TARGET].to_numpy(dtype=np.float64)
    facts = {
        "release": scorer.release_id,
        "trained_until": plan.test.start.isoformat(),
        "base_rate": scorer.facts.base_rate,
        "holdout": holdout_figures(target[observed], score[observed], times[observed]),
        "reference_profile": with_score_profile(profile, score, times, monitoring),
        "retrained_at": run.as_of.isoformat(),
    }
    documents = {"monitoring.json": facts, "evaluation.json": evidence, "smoke.json": _smoke(scorer, parity)}
    files = {name: json.dumps(content, indent=1, sort_keys=True).encode() for name, content in documents.items()}
    files |= {"model_card.html": card_page.encode(), "model_card.md": card_markdown.encode()}
    if _LOCK.exists():
        files["requirements.lock"] = _LOCK.read_bytes()
    info: dict[str, object] = {
        "created_as_of": run.as_of.isoformat(),
        "reproducibility": dict(evidence["reproducibility"]),
    }
    return PackedRelease(scorer.release_id, {**scorer.to_files(), **files}, info)


def select_parity_rows(
    primary: pd.DataFrame, test: pd.DataFrame, spec: FeatureSpec, question: BusinessQuestion, gates: GateLimits
) -> pd.DataFrame:
    """Return the last test decisions with their raw fields and, as ``feature_<name>``, their offline features."""
    last = test.tail(gates.parity_rows)
    features = last[list(spec.names())].add_prefix("feature_")
    raw = primary.set_index(question.decision_id, drop=False).loc[last[model_input.DECISION_ID]]
    return pd.concat([raw.reset_index(drop=True), features.reset_index(drop=True)], axis=1)


def parity_features(parity: pd.DataFrame, spec: FeatureSpec) -> dict[str, np.ndarray]:
    """Return the offline features of the parity rows."""
    return to_columns(parity[[f"feature_{name}" for name in spec.names()]].set_axis(list(spec.names()), axis=1))


def parity_records(parity: pd.DataFrame, scorer: Scorer) -> list[dict[str, object]]:
    """Return the parity rows as the requests that a client would send, JSON values only."""
    names = [name for name in scorer.contract.columns]
    table = parity[names].copy()
    for name in names:
        if isinstance(table[name].dtype, pd.DatetimeTZDtype):
            table[name] = table[name].map(lambda moment: moment.isoformat())
    plain = table.astype(object)
    return [dict(row) for row in plain.where(plain.notna(), None).to_dict("records")]


def _smoke(scorer: Scorer, parity: pd.DataFrame) -> dict[str, object]:
    few = parity.head(_SMOKE_ROWS)
    features = parity_features(few, scorer.spec)
    return {
        "records": parity_records(few, scorer),
        "features": {
            name: [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN
            for name, values in features.items()
        },
        "scores": scorer.predict(features).tolist(),
    }


def select_history(events: pd.DataFrame, spec: FeatureSpec) -> pd.DataFrame:
    """Return the events that a service starting now needs: two longest windows before the newest one."""
    newest = events["known_at"].max()
    return events[events["known_at"] >= newest - 2 * spec.longest_window()].reset_index(drop=True)
