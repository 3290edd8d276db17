"""Each gate, planted to fire and not to fire; what cannot be computed never passes."""

import copy
import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import numpy as np
import pytest

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.errors import StatisticError
from model_lifecycle.pipelines.evaluation.nodes.enough import too_thin
from model_lifecycle.pipelines.evaluation.nodes.evidence import evaluate
from model_lifecycle.pipelines.evaluation.nodes.figures import compute_figures
from model_lifecycle.pipelines.evaluation.nodes.gates import judge
from model_lifecycle.pipelines.evaluation.nodes.scores import score_test
from model_lifecycle.reporting.evidence import GateEvidence, LeaderboardRow
from model_lifecycle.scoring import Scorer
from parcels import GATES, QUESTION_WITH_SLICE, Stages, later
from tiny_release import SPEC

NAMES = [
    "evidence", "leakage", "beats constant", "value", "calibration", "slices", "fairness", "stability",
    "size and latency", "reproducibility", "champion",
]  # fmt: skip

UNCALIBRATED = {"calibration_margin": 9.0, "calibration_value_share": 1.0}


@dataclass(frozen=True)
class InProduction:
    """A champion, as the catalog loads it."""

    scorer: Scorer


def _other(stages: Stages, **facts: Any) -> InProduction:
    """Return the tree model, by default trained until the test window began, in production."""
    trees = stages.fitted["trees"]
    return InProduction(Scorer(trees.facts.model_copy(update={"release_id": "parcels-before", **facts}), trees.model))


def _evaluate(
    stages: Stages,
    gates: GateLimits = GATES,
    champion: InProduction | None = None,
    scores: Any = None,
    leaderboard: list[LeaderboardRow] | None = None,
    refit: dict[str, str] | None = None,
) -> tuple[Any, dict[str, GateEvidence]]:
    """Evaluate the challenger again, with other limits, scores, a champion, or another past."""
    if scores is None:
        scores = score_test(
            stages.fitted, stages.test, champion, stages.primary, stages.events, stages.plan, SPEC, QUESTION_WITH_SLICE
        )
    figures, verdict = evaluate(
        scores,
        stages.challenger,
        leaderboard or stages.leaderboard,
        QUESTION_WITH_SLICE,
        gates,
        stages.plan,
        champion,
        stages.refit if refit is None else refit,
    )
    found = {gate["gate"]: gate for gate in verdict["gates"]}
    assert list(found) == NAMES
    assert verdict["passed"] == all(gate["passed"] for gate in found.values())
    return figures, found


def _failed(found: dict[str, GateEvidence]) -> list[str]:
    return [name for name, gate in found.items() if not gate["passed"]]


def _limits(**changes: Any) -> GateLimits:
    return GateLimits.model_validate({**GATES.model_dump(), **changes})


def _scores(stages: Stages, score: Any) -> Any:
    """Return the test scores with others for the challenger."""
    subject = stages.challenger.facts.model
    threshold = stages.challenger.threshold or 0.0
    return stages.scores.assign(
        **{f"prediction_{subject}": score, f"action_{subject}": (score >= threshold).astype(float)}
    )


def _challenger_score(stages: Stages) -> Any:
    return stages.scores[f"prediction_{stages.challenger.facts.model}"].to_numpy()


def test_a_good_challenger_passes_every_gate(stages: Stages) -> None:
    assert _failed(_evaluate(stages)[1]) == []


def test_too_few_rows_block(stages: Stages) -> None:
    found = _evaluate(stages, _limits(minimum_test_rows=10_000))[1]
    assert _failed(found) == ["evidence"]
    assert found["evidence"]["reason"].startswith(
        "insufficient evidence: 567 labelled test rows on 31 days, worth 30.3 independent ones, expected"
    )


def test_too_few_independent_days_block_all_that_rests_on_them(stages: Stages) -> None:
    found = _evaluate(stages, _limits(minimum_effective_blocks=31))[1]
    assert _failed(found) == ["evidence", "beats constant", "slices"]
    assert re.match(
        r"insufficient evidence: 31 days, worth 30\.\d independent ones, expected at least 31; "
        r"simulated coverage \d\d\.\d%, expected 90%$",
        found["beats constant"]["reason"],
    )


def test_days_that_are_nearly_enough_are_not_told_as_enough() -> None:
    limits = _limits(minimum_effective_blocks=8)
    nearly = {"n_blocks": 30, "n_effective": 7.99, "level": 0.9, "coverage": 0.9}
    assert "worth 7.9 independent ones, expected at least 8;" in str(too_thin(cast("Any", nearly), limits))


def test_a_gate_goes_by_the_end_that_holds_with_its_confidence_by_itself(stages: Stages) -> None:
    """An interval of 90% ends at 5% on either side."""
    figures, found = _evaluate(stages)
    loss = next(one for one in figures["differences"] if (one["against"], one["metric"]) == ("constant", "log_loss"))
    assert (loss["interval"]["level"], loss["bounds"]["level"]) == (0.95, pytest.approx(0.9))
    upper, wider = loss["bounds"]["upper"], loss["interval"]["upper"]
    assert upper is not None
    assert wider is not None
    assert loss["interval"]["estimate"] < upper < wider
    assert found["beats constant"]["figures"]["gain"] == -upper
    assert [one["metric"] for one in figures["differences"] if "bounds" in one] == ["log_loss"]


def test_days_are_counted_by_the_dependence_that_folds_and_test_show_together(stages: Stages) -> None:
    figures = copy.deepcopy(_evaluate(stages)[0])
    loss = figures["metrics"][figures["subject"]]["log_loss"]
    loss["n_blocks"], loss["dependence"], loss["n_effective"] = 30, 0.65, 30 * 0.35 / 1.65
    for days, dependence, passes in ((60, 0.2, True), (60, 0.7, False), (0, 0.0, False)):
        leaderboard = _leaderboard(stages, days=days, dependence=dependence)
        results = judge(figures, GATES, stages.plan, None, stages.challenger, leaderboard, stages.refit)
        evidence = next(one for one in results if one["gate"] == "evidence")
        assert evidence["passed"] is passes
        together = (days * dependence + 30 * 0.65) / (days + 30)
        assert evidence["figures"]["effective_days"] == pytest.approx(30 * (1 - together) / (1 + together))


def test_an_interval_that_covers_too_rarely_or_by_an_unknown_method_blocks(stages: Stages) -> None:
    figures = _evaluate(stages)[0]
    for coverage, said in ((0.912, "simulated coverage 91.2%"), (None, "coverage unknown")):
        changed = copy.deepcopy(figures)
        changed["metrics"][changed["subject"]]["log_loss"]["coverage"] = coverage
        results = judge(changed, GATES, stages.plan, None, stages.challenger, stages.leaderboard, stages.refit)
        failed = {one["gate"]: one["reason"] for one in results if not one["passed"]}
        assert list(failed) == ["evidence"]
        assert failed["evidence"].startswith("insufficient evidence: ")
        assert said in failed["evidence"]


def test_a_leaked_target_blocks(stages: Stages) -> None:
    """The challenger's score is the outcome itself, a little blurred: too good to be true."""
    target = stages.scores[model_input.TARGET].fillna(0).to_numpy()
    leaked = 0.02 + 0.9 * target + np.random.default_rng(1).uniform(0, 0.06, len(target))
    found = _evaluate(stages, scores=_scores(stages, leaked))[1]
    assert _failed(found) == ["leakage"]
    assert found["leakage"]["reason"] == "AUC 1.000, above 0.95 it would be taken for a leak"


def test_a_challenger_no_better_than_the_baseline_blocks(stages: Stages) -> None:
    """Scores shuffled between rows: calibrated on the whole, and worth nothing."""
    shuffled = np.random.default_rng(1).permutation(_challenger_score(stages))
    found = _evaluate(stages, _limits(slice_auc_drop=1.0, **UNCALIBRATED), scores=_scores(stages, shuffled))[1]
    assert _failed(found) == ["beats constant", "value"]
    assert found["beats constant"]["figures"]["gain"] < 0


def test_decisions_that_lose_money_block_however_good_the_predictions(stages: Stages) -> None:
    """Predictions stay as they are; a wrong threshold acts on the parcels that least need it."""
    subject = stages.challenger.facts.model
    backwards = (_challenger_score(stages) < 0.2).astype(float)
    found = _evaluate(stages, scores=stages.scores.assign(**{f"action_{subject}": backwards}))[1]
    assert "value" in _failed(found)
    assert set(_failed(found)) <= {"value", "fairness", "calibration"}
    assert found["value"]["figures"]["gain"] < 0
    assert re.match(
        r'decisions gain -[\d,]+ \[-[\d,]+, -?[\d,]+\] per 1,000 over "(never|always) act", expected above 0$',
        found["value"]["reason"],
    )


def test_a_gain_in_value_below_the_margin_blocks(stages: Stages) -> None:
    gain = _evaluate(stages)[1]["value"]["figures"]["gain"]
    assert _failed(_evaluate(stages, _limits(value_margin=gain + 1))[1]) == ["value"]
    assert _failed(_evaluate(stages, _limits(value_margin=gain - 1))[1]) == []


def test_decisions_that_never_act_gain_nothing_and_block(stages: Stages) -> None:
    never = stages.scores.assign(**{f"action_{stages.challenger.facts.model}": 0.0})
    found = _evaluate(stages, scores=never)[1]
    assert not found["value"]["passed"]
    assert found["value"]["figures"]["gain"] <= 0


@pytest.mark.parametrize(
    ("mine", "champions", "passes"),
    [
        ("good", "good", True),
        ("good", "backwards", True),
        ("backwards", "backwards", True),  # a loss, but no less than what is in production
        ("backwards", "good", False),
        ("late", "good", False),  # gains over doing nothing, and surely less than the champion
    ],
)
def test_value_is_held_against_the_champion_on_the_same_rows(
    stages: Stages, mine: str, champions: str, passes: bool
) -> None:
    scores, score = _with_champion(stages), _challenger_score(stages)
    actions = {"good": stages.scores[f"action_{stages.challenger.facts.model}"].to_numpy(), "backwards": score < 0.2}
    actions["late"] = actions["good"] * (np.arange(len(score)) % 4 == 0)
    subject = stages.challenger.facts.model
    decided = {f"action_{subject}": actions[mine].astype(float), "action_champion": actions[champions].astype(float)}
    found = _evaluate(stages, _limits(champion_margin=1.0), _other(stages), scores.assign(**decided))[1]["value"]
    assert found["passed"] is passes
    assert "or no less than the champion's; " in found["reason"]
    assert set(found["figures"]) == {"gain", "limit", "change", "upper"}


def _with_champion(stages: Stages) -> Any:
    return score_test(
        stages.fitted, stages.test, _other(stages), stages.primary, stages.events, stages.plan, SPEC,
        QUESTION_WITH_SLICE,
    )  # fmt: skip


def test_a_gain_below_the_margin_blocks(stages: Stages) -> None:
    assert _failed(_evaluate(stages, _limits(baseline_margin=0.24))[1]) == ["beats constant"]


def test_scores_far_from_the_observed_rate_block(stages: Stages) -> None:
    found = _evaluate(stages, scores=_scores(stages, _challenger_score(stages) * 0.5))[1]
    assert "calibration" in _failed(found)
    assert "off on average" in found["calibration"]["reason"]


def test_a_slice_in_which_the_scores_mean_nothing_blocks(stages: Stages) -> None:
    """In the southern depot the scores are shuffled between parcels; in the northern one they are as good as before."""
    score = _challenger_score(stages).copy()
    south = (stages.scores["row_slice_depot"] == "south").to_numpy()
    score[south] = np.random.default_rng(1).permutation(score[south])
    found = _evaluate(stages, _limits(slice_auc_drop=0.0, **UNCALIBRATED), scores=_scores(stages, score))[1]
    assert found["calibration"]["passed"]
    assert not found["slices"]["passed"]
    assert re.match(
        r"AUC below what is allowed: \['depot=south 0\.[45]\d+, allowed 0\.\d+'\]; not to be judged: none",
        found["slices"]["reason"],
    )


def test_a_slice_that_cannot_be_judged_blocks(stages: Stages) -> None:
    """A depot with outcomes of one class alone has no AUC."""
    south = stages.scores["row_slice_depot"] == "south"
    target = stages.scores[model_input.TARGET].mask(south & stages.scores[model_input.TARGET].notna(), 0.0)
    found = _evaluate(stages, _limits(calibration_in_the_large=1.0), scores=stages.scores.assign(row_target=target))[1]
    assert not found["slices"]["passed"]
    assert (
        "not to be judged: ['depot=south (found 0 of 307 rows with another outcome than most"
        in found["slices"]["reason"]
    )


def test_a_worse_challenger_blocks_and_one_within_the_margin_does_not(stages: Stages) -> None:
    champion = _other(stages)
    figures, found = _evaluate(stages, _limits(champion_margin=1.0), champion)
    assert found["champion"]["passed"]
    blurred = 0.4 + 0.2 * _challenger_score(stages)
    scores = score_test(
        stages.fitted, stages.test, champion, stages.primary, stages.events, stages.plan, SPEC, QUESTION_WITH_SLICE
    )
    subject = stages.challenger.facts.model
    worse = scores.assign(**{f"prediction_{subject}": blurred})
    found = _evaluate(stages, champion=champion, scores=worse)[1]
    assert not found["champion"]["passed"]
    assert "against parcels-before on the same rows" in found["champion"]["reason"]
    assert "expected below 0.01 (non-inferiority: the configured margin" in found["champion"]["reason"]
    assert (figures["champion"], figures["compared_with"]) == ("champion", "parcels-before")


def test_superiority_wants_a_gain_and_not_only_no_loss(stages: Stages) -> None:
    champion = _other(stages, threshold=0.9)
    assert _evaluate(stages, _limits(champion_margin=0.05), champion)[1]["champion"]["passed"]
    found = _evaluate(stages, _limits(champion_margin=0.05, champion_mode="superiority"), champion)[1]
    assert _failed(found) == ["champion"]
    assert "expected below -0.05 (superiority)" in found["champion"]["reason"]
    subject = stages.challenger.facts.model
    scores = score_test(
        stages.fitted, stages.test, champion, stages.primary, stages.events, stages.plan, SPEC, QUESTION_WITH_SLICE
    )
    useless = scores.assign(prediction_champion=0.4)
    found = _evaluate(stages, _limits(champion_margin=0.05, champion_mode="superiority"), champion, useless)[1]
    assert found["champion"]["passed"], subject


def test_a_champion_that_was_trained_on_test_rows_is_no_yardstick(stages: Stages) -> None:
    start = stages.plan.test.start
    until = later(start, 1).isoformat()
    found = _evaluate(stages, _limits(champion_margin=1.0), _other(stages, trained_until=until))[1]
    assert _failed(found) == ["champion"]
    assert f"was trained until {until}, after the test begins" in found["champion"]["reason"]
    assert datetime.fromisoformat(stages.challenger.facts.trained_until) == start


@pytest.mark.parametrize("mode", ["non_inferiority", "superiority"])
def test_a_challenger_that_is_the_champion_is_not_compared_with_itself(stages: Stages, mode: str) -> None:
    facts = stages.challenger.facts.model_copy(update={"release_id": "parcels-2024"})
    found = _evaluate(stages, _limits(champion_mode=mode), InProduction(Scorer(facts, stages.challenger.model)))[1]
    assert found["champion"]["passed"]
    assert found["champion"]["reason"] == "the challenger is parcels-2024, the champion already"
    changed = facts.model_copy(update={"threshold": 0.9})
    found = _evaluate(stages, _limits(champion_mode=mode), InProduction(Scorer(changed, stages.challenger.model)))[1]
    assert "against parcels-2024 on the same rows" in found["champion"]["reason"]


def _without_figure(figures: Any, path: list[Any], value: Any) -> Any:
    changed = copy.deepcopy(figures)
    inner = changed
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return changed


@pytest.mark.parametrize("value", [math.nan, None])
def test_a_gate_whose_figure_is_not_known_does_not_pass(stages: Stages, value: float | None) -> None:
    champion = _other(stages)
    figures, _ = _evaluate(stages, _limits(champion_margin=1.0), champion)
    subject = stages.challenger.facts.model
    place = {(one["against"], one["metric"]): number for number, one in enumerate(figures["differences"])}
    ends: dict[str, list[Any]] = {
        "beats constant": ["differences", place["constant", "log_loss"], "bounds", "upper"],
        "calibration": ["calibration", "in_the_large", "upper"],
        "slices": ["slices", 0, "ranking", "upper"],
        "value": ["differences", place["champion", "value_per_1000"], "interval", "upper"],
        "champion": ["differences", place["champion", "log_loss"], "bounds", "upper"],
    }
    if value is not None:
        ends["leakage"] = ["metrics", subject, "auc", "estimate"]
        ends["slices"] = ["slices", 1, "ranking", "estimate"]
    for gate, path in ends.items():
        results = judge(
            _without_figure(figures, path, value),
            _limits(champion_margin=1.0),
            stages.plan,
            champion,
            stages.challenger,
            stages.leaderboard,
            stages.refit,
        )
        failed = [result["gate"] for result in results if not result["passed"]]
        assert gate in failed, gate
        told = [figure for result in results for figure in result["figures"].values()]
        assert told
        assert all(map(math.isfinite, told))


def test_one_day_of_test_rows_passes_no_gate_that_needs_an_interval(stages: Stages) -> None:
    champion = _other(stages)
    scores = score_test(
        stages.fitted, stages.test, champion, stages.primary, stages.events, stages.plan, SPEC, QUESTION_WITH_SLICE
    ).head(15)
    found = _evaluate(stages, _limits(champion_margin=1.0, minimum_test_rows=1), champion, scores)[1]
    assert set(_failed(found)) >= {"evidence", "beats constant", "calibration", "champion"}
    assert found["champion"]["reason"].startswith("insufficient evidence: 1 days, worth 1.0 independent ones")


def test_a_test_window_without_outcomes_is_refused(stages: Stages) -> None:
    with pytest.raises(StatisticError, match=r"test window: no observed outcome, expected some; labels may not have"):
        _evaluate(stages, scores=stages.scores.assign(row_outcome="pending"))


def test_the_figures_that_are_judged_give_the_same_verdict_alone(stages: Stages) -> None:
    champion = _other(stages)
    scores = score_test(
        stages.fitted, stages.test, champion, stages.primary, stages.events, stages.plan, SPEC, QUESTION_WITH_SLICE
    )
    verdicts = []
    for only_judged in (False, True):
        figures = compute_figures(
            scores, stages.challenger.facts.model, ["constant"], QUESTION_WITH_SLICE, GATES,
            stages.challenger.threshold, only_judged=only_judged,
        )  # fmt: skip
        verdicts.append(
            judge(figures, GATES, stages.plan, champion, stages.challenger, stages.leaderboard, stages.refit)
        )
    assert verdicts[0] == verdicts[1]
    assert [gate["gate"] for gate in verdicts[0]] == NAMES


def test_the_verdict_tells_the_gain_over_the_best_trivial_policy_beside_the_least_declared(stages: Stages) -> None:
    scores, told_by = stages.scores, (stages.leaderboard, QUESTION_WITH_SLICE, GATES, stages.plan, None, stages.refit)
    figures, verdict = evaluate(scores, stages.challenger, *told_by)
    told, value = verdict["success"], figures["value"]
    trivial = {name: value[name]["estimate"] for name in ("act_always", "act_never")}
    assert told["minimum_value_per_1000"] == QUESTION_WITH_SLICE.success.minimum_value_per_1000
    assert told["against"] == max(trivial, key=lambda name: trivial[name])
    assert told["gain"]["estimate"] == pytest.approx(value["model"]["estimate"] - max(trivial.values()))


def test_outcomes_that_have_stopped_arriving_block(stages: Stages) -> None:
    times = stages.scores[model_input.DECISION_TIME]
    for day, passes in ((29, True), (20, False)):
        late = times >= stages.plan.test.start + timedelta(days=day)
        scores = stages.scores.assign(row_outcome=stages.scores[model_input.OUTCOME].mask(late, "pending"))
        found = _evaluate(stages, scores=scores)[1]
        assert _failed(found) == ([] if passes else ["evidence"])
    assert found["evidence"]["reason"].startswith(
        "insufficient evidence: 65% of the test window's outcomes have arrived, expected 90% "
        "(`split.label_delay` waits for them); "
    )


def test_without_a_baseline_nothing_passes(stages: Stages) -> None:
    alone = [row for row in stages.leaderboard if row["role"] != "baseline"]
    _, verdict = evaluate(
        stages.scores, stages.challenger, alone, QUESTION_WITH_SLICE, GATES, stages.plan, None, stages.refit
    )
    failed = {gate["gate"]: gate["reason"] for gate in verdict["gates"] if not gate["passed"]}
    assert list(failed) == ["beats a baseline", "stability"]
    assert failed["beats a baseline"].startswith("insufficient evidence: 0 days")


def test_a_baseline_or_champion_that_was_not_compared_blocks(stages: Stages) -> None:
    champion = _other(stages)
    figures, _ = _evaluate(stages, _limits(champion_margin=1.0), champion)
    for against, gates in (("constant", ["beats constant", "champion"]), ("champion", ["value", "champion"])):
        lacking = copy.deepcopy(figures)
        lacking["differences"] = [one for one in figures["differences"] if one["against"] != against]
        results = judge(
            lacking, _limits(champion_margin=1.0), stages.plan, champion, stages.challenger,
            stages.leaderboard, stages.refit,
        )  # fmt: skip
        assert [one["gate"] for one in results if not one["passed"]] == gates


def test_less_than_eight_independent_days_are_insufficient_evidence(stages: Stages) -> None:
    early = stages.scores[model_input.DECISION_TIME] < stages.plan.test.start + timedelta(days=6)
    found = _evaluate(stages, _limits(minimum_test_rows=1), scores=stages.scores[early])[1]
    assert "evidence" in _failed(found)
    assert "on 6 days, worth" in found["evidence"]["reason"]


def _leaderboard(stages: Stages, **changes: Any) -> list[LeaderboardRow]:
    """Return the leaderboard with another row for the challenger."""
    mine = stages.challenger.facts.model
    return [{**row, **changes} if row["model"] == mine else row for row in stages.leaderboard]  # type: ignore[typeddict-item]


def test_a_fold_that_a_baseline_wins_blocks_unless_it_is_allowed(stages: Stages) -> None:
    mine = next(row for row in stages.leaderboard if row["model"] == stages.challenger.facts.model)
    lost = _leaderboard(stages, loss_by_fold=[*mine["loss_by_fold"][:-1], 5.0])
    found = _evaluate(stages, leaderboard=lost)[1]
    assert _failed(found) == ["stability"]
    folds = len(mine["loss_by_fold"])
    assert f"on {folds - 1} of {folds} validation folds, not on [{folds}]" in found["stability"]["reason"]
    assert _failed(_evaluate(stages, _limits(worse_folds=1), leaderboard=lost)[1]) == []
    assert _failed(_evaluate(stages, leaderboard=_leaderboard(stages, loss_by_fold=[]))[1]) == ["stability"]
    assert "stability" in _failed(
        _evaluate(stages, leaderboard=_leaderboard(stages, loss_by_fold=[math.nan] * folds))[1]
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"size_bytes": 200_000_000}, "200.0 MB, allowed 100"),
        ({"one_row_microseconds": 80_000.0}, "one row in 80.0 ms, allowed 50 ms"),
        ({"one_row_microseconds": math.nan}, "allowed 50 ms"),
    ],
)
def test_a_model_too_large_or_too_slow_blocks(stages: Stages, changes: dict[str, Any], reason: str) -> None:
    found = _evaluate(stages, leaderboard=_leaderboard(stages, **changes))[1]
    assert _failed(found) == ["size and latency"]
    assert reason in found["size and latency"]["reason"]


def test_a_second_fit_with_other_bytes_blocks(stages: Stages) -> None:
    other = dict.fromkeys(stages.refit, "0" * 64)
    found = _evaluate(stages, refit=other)[1]
    assert _failed(found) == ["reproducibility"]
    assert str(sorted(other)) in found["reproducibility"]["reason"]
    assert _failed(_evaluate(stages, refit={**stages.refit, "more": ""})[1]) == ["reproducibility"]


def test_a_miscalibration_that_leaves_the_mean_right_blocks(stages: Stages) -> None:
    score = _challenger_score(stages)
    sharp = 1 / (1 + np.exp(-6 * (np.log(score / (1 - score)) - np.log(score.mean() / (1 - score.mean())))))
    loose = _limits(calibration_in_the_large=1.0, calibration_value_share=1.0)
    found = _evaluate(stages, loose, scores=_scores(stages, sharp))[1]
    assert "calibration" in _failed(found)
    assert "recalibration would save log loss +0." in found["calibration"]["reason"]
    assert "calibration" not in _failed(
        _evaluate(stages, _limits(**{**loose.model_dump(), "calibration_margin": 9.0}), scores=_scores(stages, sharp))[
            1
        ]
    )


def test_value_that_miscalibration_costs_blocks(stages: Stages) -> None:
    score = _challenger_score(stages) * 0.3  # ranks as well, and acts far too seldom
    loose = {"calibration_in_the_large": 1.0, "calibration_margin": 9.0}
    found = _evaluate(stages, _limits(**loose), scores=_scores(stages, score))[1]
    assert "calibration" in _failed(found)
    assert found["calibration"]["figures"]["value lost"] > 0
    free = _evaluate(stages, _limits(**loose, calibration_value_share=1.0), scores=_scores(stages, score))[1]
    assert "calibration" not in _failed(free)
