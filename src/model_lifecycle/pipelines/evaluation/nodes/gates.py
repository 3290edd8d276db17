"""The gates of the evaluation. Each is a figure against a limit; what cannot be computed does not pass."""

import math
from collections.abc import Sequence
from datetime import datetime

from model_lifecycle.contracts.gates import GateLimits, GateResult
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.pipelines.evaluation.nodes.figures import TestFigures
from model_lifecycle.pipelines.evaluation.nodes.scores import ChampionInProduction
from model_lifecycle.reporting.evidence import DifferenceEvidence, GateEvidence, IntervalEvidence
from model_lifecycle.scoring import Scorer
from model_lifecycle.statistics.coverage import covers


def judge(
    figures: TestFigures, gates: GateLimits, plan: SplitPlan, champion: ChampionInProduction | None, challenger: Scorer
) -> list[GateEvidence]:
    """Hold the challenger's figures against every limit.

    Returns
    -------
    list of GateEvidence
        One a gate, in a fixed order: evidence, leakage, each baseline, calibration, slices, champion.
    """
    results = [
        _enough_evidence(figures, gates),
        _no_leak(figures, gates),
        *(_beats(figures, baseline, gates) for baseline in figures["baselines"]),
        _calibrated(figures, gates),
        _slices_hold(figures, gates),
        against_champion(figures["differences"], gates, plan, champion, challenger),
    ]
    return [
        GateEvidence(gate=one.gate, passed=one.passed, reason=one.reason, figures=dict(one.figures))
        for one in map(_closed, results)
    ]


def _closed(result: GateResult) -> GateResult:
    """Fail a gate whose figures are not all finite."""
    wrong = sorted(name for name, value in result.figures.items() if not math.isfinite(value))
    if not wrong:
        return result
    finite = {name: value for name, value in result.figures.items() if name not in wrong}
    return GateResult(result.gate, False, f"{', '.join(wrong)} cannot be computed: insufficient evidence", finite)


def _ends(interval: IntervalEvidence) -> tuple[float, float]:
    """Return the ends, NaN where there is no interval."""
    lower, upper = interval["lower"], interval["upper"]
    return (math.nan if lower is None else lower), (math.nan if upper is None else upper)


def _too_thin(interval: IntervalEvidence, gates: GateLimits) -> str | None:
    """Say why nothing passes on an interval: too few effective blocks, or no method covers as often as it says."""
    worth, coverage = interval["n_effective"], interval.get("coverage")
    if worth >= gates.minimum_effective_blocks and covers(coverage, gates.level):
        return None
    return (
        f"insufficient evidence: {interval['n_blocks']} days, worth {worth:.1f} independent ones, expected at least "
        f"{gates.minimum_effective_blocks:g}; {_covered(coverage)}, expected {gates.level:.0%}"
    )


def _covered(coverage: float | None) -> str:
    return "coverage unknown" if coverage is None else f"simulated coverage {coverage:.1%}"


def _enough_evidence(figures: TestFigures, gates: GateLimits) -> GateResult:
    found, rows = figures["metrics"][figures["subject"]]["log_loss"], figures["labelled"]
    worth = found["n_effective"]
    passed = _too_thin(found, gates) is None and rows >= gates.minimum_test_rows
    reason = (
        f"{'' if passed else 'insufficient evidence: '}{rows:,} labelled test rows on {found['n_blocks']} days, worth "
        f"{worth:.1f} independent ones, expected at least {gates.minimum_test_rows:,} and "
        f"{gates.minimum_effective_blocks:g}; {_covered(found.get('coverage'))}, expected {gates.level:.0%}"
    )
    return GateResult(
        "evidence", passed, reason, {"labelled": rows, "days": found["n_blocks"], "effective_days": worth}
    )


def _no_leak(figures: TestFigures, gates: GateLimits) -> GateResult:
    auc = figures["metrics"][figures["subject"]]["auc"]["estimate"]
    reason = f"AUC {auc:.3f}, above {gates.ceiling_auc:g} it would be taken for a leak"
    return GateResult("leakage", auc <= gates.ceiling_auc, reason, {"auc": auc, "limit": gates.ceiling_auc})


def _difference(differences: Sequence[DifferenceEvidence], against: str) -> IntervalEvidence:
    return next(one["interval"] for one in differences if one["against"] == against and one["metric"] == "log_loss")


def _beats(figures: TestFigures, baseline: str, gates: GateLimits) -> GateResult:
    interval = _difference(figures["differences"], baseline)
    if thin := _too_thin(interval, gates):
        return GateResult(f"beats {baseline}", False, thin, {"effective_days": interval["n_effective"]})
    _, upper = _ends(interval)
    gain = -upper
    reason = (
        f"log loss {-interval['estimate']:+.4f} better than {baseline}, at least {gain:.4f} with {gates.level:.0%} "
        f"confidence, expected above {gates.baseline_margin:g}"
    )
    return GateResult(
        f"beats {baseline}", gain > gates.baseline_margin, reason, {"gain": gain, "limit": gates.baseline_margin}
    )


def _calibrated(figures: TestFigures, gates: GateLimits) -> GateResult:
    found = figures["calibration"]["in_the_large"]
    lower, upper = _ends(found)
    off = abs(found["estimate"])
    passed = off <= gates.calibration_in_the_large
    reason = (
        f"mean prediction {found['estimate']:+.3f} off the observed rate ({lower:+.3f} to {upper:+.3f}), "
        f"allowed {gates.calibration_in_the_large:g}"
    )
    return GateResult("calibration", passed, reason, {"off": off, "lower": lower, "upper": upper})


def _slices_hold(figures: TestFigures, gates: GateLimits) -> GateResult:
    """Fail when an important slice's AUC lies below the limit with its whole interval, or cannot be judged at all."""
    whole = figures["metrics"][figures["subject"]]["auc"]["estimate"]
    limit = whole - gates.slice_auc_drop
    important = [one for one in figures["slices"] if one["kind"] == "important"]
    enough = [(one, one["auc"]) for one in important if one["auc"] is not None and not _too_thin(one["auc"], gates)]
    judged = [(one, auc["estimate"], _ends(auc)[1]) for one, auc in enough]
    judged = [(one, auc, upper) for one, auc, upper in judged if math.isfinite(auc) and math.isfinite(upper)]
    known = [one for one, _, _ in judged]
    unknown = [f"{one['column']}={one['category']}" for one in important if one not in known]
    weak = [f"{one['column']}={one['category']} {auc:.3f}" for one, auc, upper in judged if upper < limit]
    worst = min((auc for _, auc, _ in judged), default=whole)
    passed = not weak and not unknown
    if passed:
        reason = f"worst of {len(judged)} important slices has AUC {worst:.3f}, allowed {limit:.3f}"
    else:
        reason = f"below AUC {limit:.3f}: {weak[:5] or 'none'}; not to be judged: {unknown[:5] or 'none'}"
    return GateResult("slices", passed, reason, {"worst": worst, "limit": limit})


def against_champion(
    differences: Sequence[DifferenceEvidence],
    gates: GateLimits,
    plan: SplitPlan,
    champion: ChampionInProduction | None,
    challenger: Scorer,
) -> GateResult:
    """Fail unless the paired difference in log loss keeps the margin on rows that neither has seen."""
    name = "champion"
    if champion is None:
        return GateResult(name, True, "nothing is in production yet", {})
    facts = champion.scorer.facts
    if _same_model(champion.scorer, challenger):
        return GateResult(name, True, f"the challenger is {facts.release_id}, the champion already", {})
    if datetime.fromisoformat(facts.trained_until) > plan.test.start:
        return GateResult(
            name, False,
            f"champion {facts.release_id} was trained until {facts.trained_until}, after the test begins "
            f"({plan.test.start.isoformat()}): no rows that neither has seen; move run.as_of on", {},
        )  # fmt: skip
    interval = _difference(differences, name)
    if thin := _too_thin(interval, gates):
        return GateResult(name, False, thin, {"effective_days": interval["n_effective"]})
    _, upper = _ends(interval)
    if gates.champion_mode == "superiority":
        passed, wanted = upper < -gates.champion_margin, f"below {-gates.champion_margin:g}"
    else:
        passed, wanted = upper < gates.champion_margin, f"below {gates.champion_margin:g}"
    reason = (
        f"log loss {interval['estimate']:+.4f} against {facts.release_id} on the same rows, at most {upper:+.4f} with "
        f"{gates.level:.0%} confidence, expected {wanted} ({gates.champion_mode.replace('_', '-')})"
    )
    return GateResult(name, passed, reason, {"difference": interval["estimate"], "upper": upper})


def _same_model(champion: Scorer, challenger: Scorer) -> bool:
    """Tell whether both score alike: the same facts and the same model, whatever their releases are called."""
    named = champion.facts.model_copy(update={"release_id": challenger.release_id})
    return named == challenger.facts and champion.model.to_files() == challenger.model.to_files()
