"""Pack the challenger with everything that serving and monitoring it needs."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.leakage import LeakageLimits
from model_lifecycle.contracts.modelling import ModellingSpec, SplitSpec
from model_lifecycle.contracts.override import NO_OVERRIDE, OverrideSpec
from model_lifecycle.contracts.policy import MonitoringSpec
from model_lifecycle.contracts.refit import NOT_REFITTED, RefitReport
from model_lifecycle.contracts.retraining import RetrainingOrder
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.errors import GateBlocked, ReleaseError
from model_lifecycle.features.folds import observed_rows
from model_lifecycle.features.tables import to_columns
from model_lifecycle.monitoring.holdout import holdout_errors
from model_lifecycle.monitoring.performance import holdout_figures
from model_lifecycle.monitoring.reference import with_score_profile
from model_lifecycle.releases.packed import PackedRelease
from model_lifecycle.reporting.evidence import EvaluationEvidence, ImportanceEvidence
from model_lifecycle.scoring import Scorer

_SMOKE_ROWS = 5
_LOCK = Path("requirements-serving.lock")


class PackedChampion(Protocol):
    """What the catalog loads as ``champion``."""

    @property
    def scorer(self) -> Scorer:
        """The champion's scorer."""
        ...

    @property
    def files(self) -> Mapping[str, bytes]:
        """The verified files of its release."""
        ...

    @property
    def info(self) -> Mapping[str, object]:
        """The facts of its manifest."""
        ...


def require_passed(evidence: EvaluationEvidence, override: OverrideSpec = NO_OVERRIDE) -> list[str]:
    """Stop when a gate of the evaluation failed and nobody overrides it; verdict and model card are written by then.

    Returns
    -------
    list of str
        The gates that failed and are overridden.

    Raises
    ------
    GateBlocked
        With each failed gate's reason.
    """
    failed = [gate for gate in evidence["gates"] if not gate["passed"]]
    if failed and not override.given:
        reasons = "\n  ".join(f"{gate['gate']}: {gate['reason']}" for gate in failed)
        raise GateBlocked(f"{len(failed)} of {len(evidence['gates'])} gates hold the release back:\n  {reasons}")
    return [gate["gate"] for gate in failed]


def record_configuration(
    evidence: EvaluationEvidence,
    question: BusinessQuestion,
    features: FeatureSpec,
    contracts: TableContracts,
    leakage: LeakageLimits,
    split: SplitSpec,
    modelling: ModellingSpec,
    gates: GateLimits,
    monitoring: MonitoringSpec,
    run: RunSpec,
) -> dict[str, Any]:
    """Return all that the evidence rests on, defaults and ``--params`` included, by the keys of the parameters.

    Raises
    ------
    ReleaseError
        If the evidence is of another moment than the one configured: a partial run that left the evaluation out.
    """
    found, expected = evidence["reproducibility"]["as_of"], run.as_of.isoformat()
    if found != expected:
        raise ReleaseError(f"evidence as of {found}, expected run.as_of {expected}; run the evaluation again")
    specs = {
        "business_question": question, "features": features, "contracts": contracts, "leakage": leakage, "split": split,
        "modelling": modelling, "gates": gates, "monitoring": monitoring, "run": run,
    }  # fmt: skip
    return {name: spec.model_dump(mode="json") for name, spec in specs.items()}


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
    champion: PackedChampion | None,
    configuration: dict[str, Any],
    override: OverrideSpec = NO_OVERRIDE,
    order: RetrainingOrder | None = None,
    shipped: Scorer | None = None,
    refit: RefitReport = NOT_REFITTED,
) -> PackedRelease:
    """Return the challenger's release: model, feature state, contract, threshold, profile, card, configuration, lock.

    Its name is made of case, moment and content: the same content, the same name, and a change anywhere another one.
    A challenger that would serve and be monitored just as the champion is, is the champion: its release comes back as
    it stands, though the evidence of this run is worded differently (it was compared with itself).
    Where failed gates are overridden, the manifest tells which, by whom and why; the verdict stays as it is. It tells
    the order of a retraining, too. A refit, ``shipped``, is packed with the hold-out figures of the evaluated scorer:
    it has seen those rows.

    Raises
    ------
    GateBlocked
        If a gate of the evaluation failed and is not overridden.
    ReleaseError
        If a figure is not finite.
    """
    overridden = require_passed(evidence, override)
    shipped = shipped or scorer
    features = to_columns(test[list(scorer.spec.names())])
    prediction, times = scorer.predict(features), to_columns(test)[model_input.DECISION_TIME]
    observed = observed_rows(test)
    target = test[model_input.TARGET].to_numpy(dtype=np.float64)
    facts = {
        "trained_until": shipped.facts.trained_until if refit.refitted else plan.test.start.isoformat(),
        "constant": shipped.facts.constant,
        "holdout": holdout_figures(scorer.task, target[observed], prediction[observed], times[observed]),
        "errors": holdout_errors(scorer.task, target[observed], prediction[observed], times[observed]),
        "importance": shares(evidence["importance"]),
        "reference_profile": with_score_profile(profile, scorer.task.score(prediction), times, monitoring),
        "retrained_at": run.as_of.isoformat(),
    }
    smoke = _smoke(shipped, parity)
    if champion is not None:
        named = _renamed(shipped, champion.scorer.release_id)
        if all(champion.files.get(name) == content for name, content in _serving_files(named, facts, smoke).items()):
            return PackedRelease(named.release_id, champion.files, champion.info)
    evidence_files = {
        "configuration.json": _json(configuration),
        "evaluation.json": _json(evidence),
        "model_card.html": card_page.encode(),
        "model_card.md": card_markdown.encode(),
    }
    info: dict[str, object] = {
        "created_as_of": run.as_of.isoformat(),
        "reproducibility": dict(evidence["reproducibility"]),
    }
    if overridden:
        info["override"] = {"by": override.by, "reason": override.reason, "gates": overridden}
    if order is not None:
        info["retraining"] = order.model_dump(mode="json") | {"refit": refit.model_dump(mode="json")}
    content = {**_serving_files(shipped, facts, smoke), **evidence_files, "info": _json(info)}
    named = _renamed(shipped, f"{scorer.facts.case}-{scorer.facts.as_of[:10]}-{_digest(content)[:10]}")
    return PackedRelease(named.release_id, {**_serving_files(named, facts, smoke), **evidence_files}, info)


def shares(importance: Sequence[ImportanceEvidence]) -> dict[str, float]:
    """Return each feature's share in what the model explains; none where it explains nothing."""
    total = math.fsum(one["mean_abs_shap"] for one in importance)
    return {one["feature"]: one["mean_abs_shap"] / total for one in importance} if total > 0.0 else {}


def _serving_files(scorer: Scorer, facts: Mapping[str, object], smoke: Mapping[str, object]) -> dict[str, bytes]:
    """Return what decides how a release answers and is monitored, under the scorer's name."""
    files = {"monitoring.json": _json({"release": scorer.release_id, **facts}), "smoke.json": _json(smoke)}
    if _LOCK.exists():
        files["requirements.lock"] = _LOCK.read_bytes()
    return {**scorer.to_files(), **files}


def _renamed(scorer: Scorer, release_id: str) -> Scorer:
    return Scorer(scorer.facts.model_copy(update={"release_id": release_id}), scorer.model)


def _json(content: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(content, indent=1, sort_keys=True, allow_nan=False).encode()
    except ValueError as error:
        raise ReleaseError(f"release: {sorted(content)[:10]} hold a number that is not finite ({error})") from error


def _digest(files: Mapping[str, bytes]) -> str:
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return hashlib.sha256(_json(hashes)).hexdigest()


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
    names = list(scorer.contract.columns)
    table = parity[names].copy()
    for name in names:
        if isinstance(table[name].dtype, pd.DatetimeTZDtype):
            table[name] = table[name].map(lambda moment: moment.isoformat(), na_action="ignore")
    plain = table.astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _smoke(scorer: Scorer, parity: pd.DataFrame) -> dict[str, object]:
    few = parity.head(_SMOKE_ROWS)
    features = parity_features(few, scorer.spec)
    return {
        "records": parity_records(few, scorer),
        "features": {
            name: [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN
            for name, values in features.items()
        },
        "predictions": scorer.predict(features).tolist(),
    }


def select_history(events: pd.DataFrame, spec: FeatureSpec) -> pd.DataFrame:
    """Return the events that a service starting now needs: two longest windows before the newest one."""
    newest = events["known_at"].max()
    kept: pd.DataFrame = events[events["known_at"] >= newest - 2 * spec.longest_window()]
    return kept.reset_index(drop=True)
