"""The gates of the evaluation. Each is a figure against a limit; what cannot be computed does not pass."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from model_lifecycle.contracts.gates import GateLimits, GateResult
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.pipelines.evaluation.nodes.enough import covered, ends, one_sided, shown_worth, too_thin
from model_lifecycle.pipelines.evaluation.nodes.fairness import treated_alike
from model_lifecycle.pipelines.evaluation.nodes.figures import VALUE, TestFigures
from model_lifecycle.pipelines.evaluation.nodes.scores import CHAMPION, ChampionInProduction
from model_lifecycle.reporting import text
from model_lifecycle.reporting.evidence import (
    DifferenceEvidence,
    GateEvidence,
    IntervalEvidence,
    LeaderboardRow,
    SliceEvidence,
)
from model_lifecycle.scoring import Scorer
from model_lifecycle.statistics.dependence import effective_blocks, pooled_dependence

_NO_BASELINE = "a baseline"  # where there is none, the gate that asks for it fails


class Differences(TypedDict):
    """What `against_champion` reads of the figures."""

    loss: str
    differences: list[DifferenceEvidence]


def judge(
    figures: TestFigures,
    gates: GateLimits,
    plan: SplitPlan,
    champion: ChampionInProduction | None,
    challenger: Scorer,
    leaderboard: Sequence[LeaderboardRow],
    refit: Mapping[str, str],
) -> list[GateEvidence]:
    """Hold the challenger's figures against every limit.

    Returns
    -------
    list of GateEvidence
        One a gate, in a fixed order: evidence, leakage, each baseline, value, calibration, slices, fairness, stability,
        size and latency, reproducibility, champion. ``refit`` holds the SHA-256 of each file of the challenger as it
        was fitted a second time.
    """
    mine = next(row for row in leaderboard if row["model"] == figures["subject"])
    results = [
        _enough_evidence(figures, gates, mine),
        _no_leak(figures, gates),
        *(_beats(figures, baseline, gates) for baseline in figures["baselines"] or [_NO_BASELINE]),
        _pays(figures, gates),
        _calibrated(figures, gates),
        _slices_hold(figures, gates),
        treated_alike(figures["fairness"], gates),
        _stable(mine, leaderboard, gates),
        _light(mine, gates),
        _reproduced(challenger, refit),
        against_champion(figures, gates, plan, champion, challenger),
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


def _counted(interval: IntervalEvidence, together: float) -> IntervalEvidence:
    """Return the interval with its days counted by the dependence that several runs show together."""
    days = interval["n_blocks"]
    own = effective_blocks(days, interval.get("dependence", 0.0))
    return {**interval, "n_effective": interval["n_effective"] * effective_blocks(days, together) / own}


def _enough_evidence(figures: TestFigures, gates: GateLimits, mine: LeaderboardRow) -> GateResult:
    """Fail when days, rows or outcomes that have arrived are few.

    Days are counted by the dependence that folds and test window show together.
    """
    found, rows = figures["metrics"][figures["subject"]][figures["loss"]], figures["labelled"]
    days, folds = found["n_blocks"], (mine.get("days", 0), mine.get("dependence", 0.0))
    counted = _counted(found, pooled_dependence([(days, found.get("dependence", 0.0)), folds]))
    worth = counted["n_effective"]
    arrived = figures["settled"] / figures["rows"]
    stale = (
        ""
        if arrived >= gates.minimum_label_share
        else (
            f"{arrived:.0%} of the test window's outcomes have arrived, expected {gates.minimum_label_share:.0%} "
            "(`split.label_delay` waits for them); "
        )
    )
    passed = too_thin(counted, gates) is None and rows >= gates.minimum_test_rows and not stale
    reason = (
        f"{'' if passed else 'insufficient evidence: '}{stale}{rows:,} labelled test rows on {days} days, worth "
        f"{shown_worth(worth)} independent ones, expected at least {gates.minimum_test_rows:,} and "
        f"{gates.minimum_effective_blocks:g}; {covered(found.get('coverage'))}, expected {gates.level:.0%}"
    )
    return GateResult(
        "evidence", passed, reason, {"labelled": rows, "days": days, "effective_days": worth, "arrived": arrived}
    )


def _no_leak(figures: TestFigures, gates: GateLimits) -> GateResult:
    metric = text.metric_of(figures["ranking"])
    found = figures["metrics"][figures["subject"]][figures["ranking"]]["estimate"]
    limit = gates.ceiling_auc if figures["ranking"] == "auc" else gates.ceiling_rank_correlation
    reason = f"{metric.label} {found:.3f}, above {limit:g} it would be taken for a leak"
    return GateResult("leakage", found <= limit, reason, {figures["ranking"]: found, "limit": limit})


def _paired(figures: Differences, against: str, metric: str) -> DifferenceEvidence | None:
    found = (one for one in figures["differences"] if (one["against"], one["metric"]) == (against, metric))
    return next(found, None)


def _bounds(figures: Differences, against: str, gates: GateLimits) -> IntervalEvidence:
    """Return the bounds of the paired difference in loss; none where there was nobody to compare with."""
    nothing: IntervalEvidence = {
        "estimate": math.nan, "lower": None, "upper": None, "level": one_sided(gates.level), "n_blocks": 0,
        "n_effective": 0.0,
    }  # fmt: skip
    found = _paired(figures, against, figures["loss"])
    return nothing if found is None else found.get("bounds", nothing)


def _beats(figures: TestFigures, baseline: str, gates: GateLimits) -> GateResult:
    interval = _bounds(figures, baseline, gates)
    if thin := too_thin(interval, gates):
        return GateResult(f"beats {baseline}", False, thin, {"effective_days": interval["n_effective"]})
    _, upper = ends(interval)
    gain = -upper
    reason = (
        f"{text.metric_of(figures['loss']).label} {-interval['estimate']:+.4f} better than {baseline}, at least "
        f"{gain:.4f} with {gates.level:.0%} confidence, expected above {gates.baseline_margin:g}"
    )
    return GateResult(
        f"beats {baseline}", gain > gates.baseline_margin, reason, {"gain": gain, "limit": gates.baseline_margin}
    )


def _pays(figures: TestFigures, gates: GateLimits) -> GateResult:
    """Fail when decisions gain nothing over the best trivial policy, nor over the champion, or surely less than it.

    By the estimate, as an action is chosen by what it gains on average (Claxton 1999, Journal of Health Economics 18,
    341-364): that predictions are better for sure, other gates ask.
    """
    found, limit = figures["success"], gates.value_margin
    gain, over = found["gain"], text.policy(found["against"])
    reason = f'decisions gain {text.interval(gain, 0)} per 1,000 over "{over}", expected above {limit:g}'
    told, passed = {"gain": gain["estimate"], "limit": limit}, gain["estimate"] > limit
    if (champion := figures["champion"]) is not None:
        if (paired := _paired(figures, champion, VALUE)) is None:
            return GateResult("value", False, "what the champion's decisions gain is not known", told)
        change, (_, upper) = paired["interval"], ends(paired["interval"])
        reason += f" or no less than the champion's; {text.interval(change, 0)} over that, expected not surely below 0"
        told |= {"change": change["estimate"], "upper": upper}
        passed = (passed or change["estimate"] >= 0.0) and upper >= 0.0
    return GateResult("value", passed, reason, told)


def _calibrated(figures: TestFigures, gates: GateLimits) -> GateResult:
    """Fail when predictions are off on average, worse calibrated than others', or cost too much for being so."""
    found, loss = figures["calibration"], figures["metrics"][figures["subject"]][figures["loss"]]["estimate"]
    off, label = found["in_the_large"]["estimate"], text.metric_of(figures["loss"]).label
    lower, upper = ends(found["in_the_large"])
    about = "predictions" if (name := found.get("in_the_large_of")) is None else f"predictions of {name!r}"
    about = about if figures["ranking"] == "auc" else "the share of outcomes in the interval"
    worst = max(figures["recalibration"], key=lambda one: one["interval"]["estimate"], default=None)
    more, against = (0.0, "nothing") if worst is None else (worst["interval"]["estimate"], worst["against"])
    margin, limit = gates.calibration_margin * loss, gates.calibration_value_share * found["value_room"]
    passed = abs(off) <= gates.calibration_in_the_large and more <= margin and found["value_lost"] <= limit
    reason = (
        f"{about} {off:+.3f} off on average ({lower:+.3f} to {upper:+.3f}), allowed "
        f"{gates.calibration_in_the_large:g}; recalibration would save {label} {more:+.4f} more than {against}, "
        f"allowed {margin:.4f}, and bring {found['value_lost']:,.0f} per 1,000 decisions, allowed {limit:,.0f}"
    )
    return GateResult(
        "calibration", passed, reason,
        {"off": abs(off), "lower": lower, "upper": upper, "more": more, "value lost": found["value_lost"]},
    )  # fmt: skip


def _slices_hold(figures: TestFigures, gates: GateLimits) -> GateResult:
    """Fail when an important slice ranks below its limit with its whole interval, or cannot be judged at all.

    The drop that counts is that against all rows, as far as the slice also falls short of what its own predictions
    promise: outcomes may be harder to tell there. A category with too few rows is only told, unless its column has no
    other.
    """
    label = text.metric_of(figures["ranking"]).label
    whole = figures["metrics"][figures["subject"]][figures["ranking"]]["estimate"]
    declared = [one for one in figures["slices"] if one["kind"] == "important"]
    important, small = ([one for one in declared if ("too_small" in one) is told] for told in (False, True))
    known = [found for one in important if (found := one["ranking"]) is not None]
    together = pooled_dependence([(found["n_blocks"], found.get("dependence", 0.0)) for found in known])
    enough = [
        (one, found["estimate"], ends(found)[1], _least(one, whole) - gates.slice_auc_drop)
        for one in important
        if (found := one["ranking"]) is not None and not too_thin(_counted(found, together), gates)
    ]
    judged = [one for one in enough if all(map(math.isfinite, one[1:]))]
    told = [one for one, *_ in judged]
    unknown = [
        f"{one['column']}={one['category']}{f' ({why})' if (why := one.get('reason')) else ''}"
        for one in important
        if one not in told
    ]
    columns = {one["column"] for one in important}
    unknown += [f"{one['column']} ({one.get('reason')})" for one in small if one["column"] not in columns]
    weak = [
        f"{one['column']}={one['category']} {found:.3f}, allowed {limit:.3f}"
        for one, found, upper, limit in judged
        if upper < limit
    ]
    worst, limit = min(
        ((found, limit) for _, found, _, limit in judged),
        key=lambda one: one[0] - one[1],
        default=(whole, whole - gates.slice_auc_drop),
    )
    passed = not weak and not unknown
    if not declared:
        reason = "no important slices are declared"
    elif passed:
        left = sum(one["too_small"] for one in small)
        reason = (
            f"worst of {len(judged)} important slices has {label} {worst:.3f}, allowed {limit:.3f}"
            f"{f'; {left} more are too small to judge' if left else ''}"
        )
    else:
        reason = f"{label} below what is allowed: {weak[:5] or 'none'}; not to be judged: {unknown[:5] or 'none'}"
    return GateResult("slices", passed, reason, {"worst": worst, "limit": limit})


def _least(one: SliceEvidence, whole: float) -> float:
    """Return what the slice is held against: the ranking of all rows, or what its predictions promise if that is less.

    NaN where either is.
    """
    promised = one.get("promised")
    if promised is None:
        return whole
    return min(promised, whole) if math.isfinite(promised + whole) else math.nan


def _stable(mine: LeaderboardRow, leaderboard: Sequence[LeaderboardRow], gates: GateLimits) -> GateResult:
    """Fail when a baseline does better on too many of the validation folds: a mean may hide a month that fails."""
    baselines = [row for row in leaderboard if row["role"] == "baseline"]
    folds = len(mine["loss_by_fold"])
    worse = [
        number + 1
        for number, loss in enumerate(mine["loss_by_fold"])
        if not all(loss < row["loss_by_fold"][number] for row in baselines)
    ]
    reason = (
        f"better than every baseline on {folds - len(worse)} of {folds} validation folds"
        f"{f', not on {worse}' if worse else ''}, allowed {gates.worse_folds} others"
    )
    passed = bool(baselines) and folds > 0 and len(worse) <= gates.worse_folds
    return GateResult("stability", passed, reason, {"worse": float(len(worse)), "folds": float(folds)})


def _light(mine: LeaderboardRow, gates: GateLimits) -> GateResult:
    """Fail when the model is too large or too slow to serve.

    A time that passes is not told: the verdict is packed, and the same run shall pack the same bytes.
    """
    name, size = "size and latency", mine.get("size_bytes", math.nan)
    slow = mine.get("one_row_microseconds", math.nan) / 1000
    in_time, allowed = slow <= gates.maximum_one_row_milliseconds, f"{gates.maximum_one_row_milliseconds:g} ms"
    reason = (
        f"{size / 1e6:,.1f} MB, allowed {gates.maximum_size_bytes / 1e6:g}; one row "
        f"{f'within {allowed}' if in_time else f'in {slow:,.1f} ms, allowed {allowed}'}"
    )
    return GateResult(name, size <= gates.maximum_size_bytes and in_time, reason, {"bytes": float(size)})


def _reproduced(challenger: Scorer, refit: Mapping[str, str]) -> GateResult:
    """Fail unless a second fit on the same rows with the same seed and threads gave the same bytes."""
    files = {name: hashlib.sha256(content).hexdigest() for name, content in challenger.model.to_files().items()}
    other = sorted(name for name in files.keys() | refit.keys() if files.get(name) != refit.get(name))
    same = f"a second fit gave the same {len(files)} files, byte by byte"
    reason = f"a second fit gave other bytes in {other}" if other else same
    return GateResult("reproducibility", not other, reason, {"files": float(len(files)), "other": float(len(other))})


def against_champion(
    figures: Differences,
    gates: GateLimits,
    plan: SplitPlan,
    champion: ChampionInProduction | None,
    challenger: Scorer,
) -> GateResult:
    """Fail unless the paired difference in loss keeps the margin on rows that neither has seen."""
    name = CHAMPION
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
    interval = _bounds(figures, name, gates)
    if thin := too_thin(interval, gates):
        return GateResult(name, False, thin, {"effective_days": interval["n_effective"]})
    _, upper = ends(interval)
    if gates.champion_mode == "superiority":
        limit, why = -gates.champion_margin, "superiority"
    else:
        limit, counts = _margin(figures, gates)
        why = f"non-inferiority: {counts}"
    label = text.metric_of(figures["loss"]).label
    reason = (
        f"{label} {interval['estimate']:+.4g} against {facts.release_id} on the same rows, "
        f"at most {upper:+.4g} with {gates.level:.0%} confidence, expected below {limit:.4g} ({why})"
    )
    return GateResult(name, upper < limit, reason, {"difference": interval["estimate"], "upper": upper, "limit": limit})


def _margin(figures: Differences, gates: GateLimits) -> tuple[float, str]:
    """Return what the challenger may lose and which rule says so; NaN where no baseline was compared.

    A margin in the unit of the loss alone may be all that the champion is worth, where outcomes are rare or costs
    small. So most of its gain over the best baseline is preserved (ICH E10, 2000, 1.5.1.1; FDA, Non-Inferiority
    Clinical Trials to Establish Effectiveness, 2016).
    """
    found = (one for one in figures["differences"] if one["metric"] == figures["loss"])
    difference = {one["against"]: one["interval"]["estimate"] for one in found}
    gains = {name: difference[CHAMPION] - mine for name, mine in difference.items() if name != CHAMPION}
    if not gains or not all(map(math.isfinite, gains.values())):
        return math.nan, "what the champion gains over a baseline is not known"
    best = min(gains, key=lambda name: gains[name])
    most = gates.champion_gain_share * max(gains[best], 0.0)
    share = f"{gates.champion_gain_share:.0%} of the {gains[best]:.4g} that the champion gains over {best}"
    if most < gates.champion_margin:
        return most, share
    return gates.champion_margin, f"the configured margin, no more than {share}"


def _same_model(champion: Scorer, challenger: Scorer) -> bool:
    """Tell whether both score alike: the same facts and the same model, whatever their releases are called."""
    named = champion.facts.model_copy(update={"release_id": challenger.release_id})
    return named == challenger.facts and champion.model.to_files() == challenger.model.to_files()
