from datetime import UTC, datetime, timedelta

import pytest

from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.monitoring.policy import NOTHING_LOGGED, Action, PolicyState, breaches, decide
from model_lifecycle.monitoring.verdict import (
    Drift,
    FeatureDrift,
    Figure,
    Finding,
    Maturity,
    Performance,
    WindowVerdict,
)

START = datetime(2024, 7, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
POLICY = PolicySpec.model_validate(
    {"cooldown": "14d", "maximum_age": "180d", "consecutive_windows": 2, "minimum_new_labels": 1000}
)


def _figure(estimate: float, half: float = 0.01) -> Figure:
    return Figure(estimate=estimate, lower=estimate - half, upper=estimate + half, level=0.95, n_blocks=7)


def _verdict(number: int, lost: float | None = 0.0, *, blocked: bool = False, drifted: bool = False) -> WindowVerdict:
    finding = Finding(rule="missing", column="load", severity="critical", found=0.5, limit=0.05, message="load is gone")
    drift = FeatureDrift(
        feature="load",
        effect=0.4,
        floor=0.1,
        calibrated=True,
        p_value=0.0,
        adjusted_p_value=0.0,
        stability_index=0.5,
        drifted=True,
    )
    performance = Performance(
        release="r1", loss="log_loss", rows=1000, block="day", differences={"skill_lost": _figure(lost or 0.0)}
    )
    mature = lost is not None
    return WindowVerdict(
        start=START + number * WEEK,
        end=START + (number + 1) * WEEK,
        decisions=1000,
        maturity=Maturity(
            mature=mature,
            reason="" if mature else "too few outcomes",
            decisions=1000,
            observed=1000 if mature else 0,
            unavailable={},
            waiting=0,
            label_before_decision=0,
            delay_hours={},
        ),
        quality=(finding,) if blocked else (),
        drift=Drift(features=(drift,) if drifted else ()),
        performance=performance if mature else None,
        releases=(),
    )


def _state(**changed: object) -> PolicyState:
    known = {
        "now": START + 4 * WEEK,
        "release": "r1",
        "trained_until": START - WEEK,
        "promoted_at": START - WEEK,
        "new_labels": 5000,
    }
    return PolicyState.model_validate(known | changed)


def _action(*history: WindowVerdict, **changed: object) -> Action:
    return decide(history, POLICY, _state(**changed)).action


def test_quiet_windows_ask_for_nothing() -> None:
    decision = decide([_verdict(0), _verdict(1)], POLICY, _state())
    assert decision.action == "nothing"
    assert decision.reasons == (
        "2024-07-08 to 2024-07-15: performance not shown beyond its limits, no drift, data as expected",
    )


def test_what_other_inputs_explain_of_the_skill_that_is_lost_is_no_breach() -> None:
    performance = _verdict(1, 0.06).performance
    assert performance is not None
    differences = {**performance.differences, "skill_lost_given_inputs": _figure(0.0)}
    assert breaches(performance.model_copy(update={"differences": differences}), POLICY) == ()


@pytest.mark.parametrize(("had", "limit"), [(None, 0.03), (0.2, 0.03), (0.02, 0.01), (-0.01, 0.03)])
def test_the_limit_is_at_most_half_of_the_skill_on_the_hold_out(had: float | None, limit: float) -> None:
    performance = _verdict(1, 0.06).performance
    assert performance is not None
    (found,) = breaches(performance.model_copy(update={"holdout_skill": had}), POLICY)
    assert found.limit == limit


def test_a_loss_of_skill_that_cannot_be_judged_is_told() -> None:
    window = _verdict(1)
    assert window.performance is not None
    unjudged = window.performance.model_copy(update={"differences": {}, "problems": {"skill_lost": "too short"}})
    decision = decide([window.model_copy(update={"performance": unjudged})], POLICY, _state())
    assert decision.reasons == (
        "2024-07-08 to 2024-07-15: no drift, data as expected; the loss of skill is not judged: too short",
    )


def test_no_window_asks_for_nothing() -> None:
    assert decide([], POLICY, _state()).reasons == (NOTHING_LOGGED,)


def test_two_breaches_in_a_row_retrain() -> None:
    assert _action(_verdict(0), _verdict(1, 0.06), _verdict(2, 0.06)) == "retrain"


def test_one_breach_of_two_needed_is_investigated() -> None:
    decision = decide([_verdict(0), _verdict(1, 0.06)], POLICY, _state())
    assert decision.action == "investigate"
    assert "retraining needs 2 such windows in a row" in decision.reasons[0]


def test_a_breach_that_is_over_asks_for_nothing() -> None:
    assert _action(_verdict(0, 0.06), _verdict(1)) == "nothing"


def test_a_limit_counts_only_when_the_whole_interval_is_beyond_it() -> None:
    assert _action(_verdict(1, 0.039), _verdict(2, 0.039)) == "nothing"
    assert _action(_verdict(1, 0.041), _verdict(2, 0.041)) == "retrain"


def test_an_immature_window_between_does_not_interrupt_the_row() -> None:
    assert _action(_verdict(0, 0.06), _verdict(1, None), _verdict(2, 0.06)) == "retrain"


def test_an_immature_newest_window_leaves_the_older_ones_to_decide() -> None:
    assert _action(_verdict(0, 0.06), _verdict(1, 0.06), _verdict(2, None)) == "retrain"


def test_a_blocked_newest_window_is_never_retrained_on() -> None:
    decision = decide([_verdict(0, 0.06), _verdict(1, 0.06), _verdict(2, 0.06, blocked=True)], POLICY, _state())
    assert (decision.action, decision.reasons) == ("investigate", ("data quality: load is gone",))
    assert decision.excluded_windows == ((START + 2 * WEEK, START + 3 * WEEK),)


def test_a_blocked_window_interrupts_a_row_of_breaches() -> None:
    assert _action(_verdict(0, 0.06), _verdict(1, 0.06, blocked=True), _verdict(2, 0.06)) == "investigate"


def test_a_blocked_window_is_excluded_when_later_ones_retrain() -> None:
    decision = decide([_verdict(0, blocked=True), _verdict(1, 0.06), _verdict(2, 0.06)], POLICY, _state())
    assert decision.action == "retrain"
    assert decision.excluded_windows == ((START, START + WEEK),)


def test_the_cooldown_turns_a_retraining_into_an_investigation() -> None:
    history = [_verdict(1, 0.06), _verdict(2, 0.06)]
    recent = START + 4 * WEEK - timedelta(days=13)
    decision = decide(history, POLICY, _state(retrained_at=recent))
    assert decision.action == "investigate"
    assert decision.reasons[-1] == "retraining waits for the cooldown, over at 2024-07-30 00:00"
    assert decide(history, POLICY, _state(retrained_at=recent - timedelta(days=1))).action == "retrain"


def test_too_few_new_labels_turn_a_retraining_into_an_investigation() -> None:
    decision = decide([_verdict(1, 0.06), _verdict(2, 0.06)], POLICY, _state(new_labels=999))
    assert decision.action == "investigate"
    assert decision.reasons[-1] == "retraining waits for new labels: 999 of 1,000"


def test_old_training_data_are_retrained_without_a_breach() -> None:
    decision = decide([_verdict(0)], POLICY, _state(trained_until=START + 4 * WEEK - timedelta(days=181)))
    assert (decision.action, decision.reasons) == ("retrain", ("the training data ended 181 days ago, limit 180",))
    assert _action(_verdict(0), trained_until=START + 4 * WEEK - timedelta(days=180)) == "nothing"


def test_an_age_that_no_retraining_could_keep_counts_from_what_one_would_begin_with() -> None:
    """Labels that take 120 days, and two test months after them: else age would retrain at every cooldown for ever."""
    born = timedelta(days=301)
    aged = [_state(trained_until=START + 4 * WEEK - timedelta(days=days), youngest=born) for days in (301, 481, 482)]
    decisions = [decide([_verdict(0)], POLICY, state) for state in aged]
    assert [one.action for one in decisions] == ["nothing", "nothing", "retrain"]
    assert list(decisions[-1].reasons) == [
        (
            "the training data ended 482 days ago, limit 481 "
            "(`maximum_age` beyond the 301 days that a release made now would begin with)"
        )
    ]


def test_drift_alone_is_investigated_and_never_retrained() -> None:
    decision = decide([_verdict(number, drifted=True) for number in range(6)], POLICY, _state())
    assert (decision.action, decision.reasons) == (
        "investigate",
        ("1 of 1 features drifted: load 0.4 (floor 0.1)",),
    )


@pytest.mark.parametrize(
    ("worse", "age", "action"),
    [
        (_figure(0.02), timedelta(days=27), "rollback"),
        (_figure(0.02), timedelta(days=34), "rollback"),  # the first look at the whole probation
        (_figure(0.02), timedelta(days=35), "nothing"),
        (_figure(0.005), timedelta(days=6), "nothing"),
        (_figure(-0.02), timedelta(days=6), "nothing"),
        (None, timedelta(days=6), "nothing"),
        (_figure(0.02), timedelta(days=-1), "nothing"),
    ],
)
def test_only_a_young_champion_that_is_clearly_worse_is_rolled_back(
    worse: Figure | None, age: timedelta, action: Action
) -> None:
    assert _action(_verdict(3), versus_previous=worse, promoted_at=START + 4 * WEEK - age) == action


def test_nothing_is_rolled_back_on_data_that_cannot_be_trusted() -> None:
    young = {"versus_previous": _figure(0.02), "promoted_at": START + 4 * WEEK - timedelta(days=1)}
    assert _action(_verdict(3, blocked=True), **young) == "investigate"


def test_time_that_cannot_be_trusted_is_none_of_the_probation() -> None:
    late = {"versus_previous": _figure(0.02), "promoted_at": START - 2 * WEEK}  # 42 days ago
    assert _action(_verdict(3), **late) == "nothing"
    spoiled = (START + WEEK, START + 2 * WEEK)
    assert _action(_verdict(3), **late, blocked=(spoiled,)) == "nothing"
    across = (START - 3 * WEEK, START - 2 * WEEK + timedelta(days=1))  # of it, a day after the promotion
    assert _action(_verdict(3), **late, blocked=(across, spoiled)) == "rollback"
    before = (START - 3 * WEEK, START - 2 * WEEK)
    assert _action(_verdict(3), **late, blocked=(before, spoiled)) == "nothing"


def test_a_value_below_its_limit_retrains() -> None:
    windows = [
        window.model_copy(
            update={
                "performance": Performance(
                    release="r1", loss="log_loss", rows=9, block="day", figures={"value_per_1000": _figure(-5)}
                )
            }
        )
        for window in (_verdict(0), _verdict(1))
    ]
    decision = decide(windows, POLICY, _state())
    assert decision.action == "retrain"
    assert "value is -5 (-5.01 to -4.99) per 1,000 decisions, limit 0" in decision.reasons[0]


def test_a_model_worse_than_the_constant_retrains() -> None:
    worse = Performance(
        release="r1", loss="log_loss", rows=9, block="day", differences={"against_constant": _figure(0.02)}
    )
    windows = [_verdict(number).model_copy(update={"performance": worse}) for number in range(2)]
    assert _action(*windows) == "retrain"


def test_the_evidence_names_every_window() -> None:
    evidence = decide([_verdict(0, blocked=True), _verdict(1, 0.06)], POLICY, _state()).evidence
    assert [window["blocked"] for window in evidence["windows"]] == [True, False]  # type: ignore[attr-defined]


def _with(**changes: object) -> PolicySpec:
    return PolicySpec.model_validate({**POLICY.model_dump(), **changes})


BREACHED = (_verdict(2, lost=0.2), _verdict(3, lost=0.2))


def _attempts(*ages: int, seconds: float = 100.0) -> list[dict[str, object]]:
    return [{"at": START + 4 * WEEK - timedelta(days=age), "seconds": seconds} for age in ages]


@pytest.mark.parametrize(
    ("budget", "ages", "action"),
    [
        ({"period": "90d", "retrainings": 2}, (80, 40), "investigate"),
        ({"period": "90d", "retrainings": 2}, (100, 40), "retrain"),
        ({"period": "90d", "compute": "200s"}, (80, 40), "investigate"),
        ({"period": "90d", "compute": "201s"}, (80, 40), "retrain"),
        ({"period": "90d"}, (80, 60, 40), "retrain"),
    ],
)
def test_a_budget_that_is_spent_holds_a_retraining_until_its_period_is_over(
    budget: dict[str, object], ages: tuple[int, ...], action: Action
) -> None:
    found = decide(BREACHED, _with(budget=budget), _state(retrainings=_attempts(*ages)))
    assert found.action == action
    assert any("budget" in reason for reason in found.reasons) == (action == "investigate")


@pytest.mark.parametrize(("rows", "action"), [("hold", "investigate"), ("leave_out", "retrain")])
def test_blocked_rows_are_left_out_or_hold_the_retraining_as_the_policy_says(rows: str, action: Action) -> None:
    span = (START, START + WEEK)
    found = decide(BREACHED, _with(blocked_rows=rows), _state(blocked=[span]))
    assert found.action == action
    assert found.excluded_windows == (span,)


DRIFTED = (_verdict(2, drifted=True), _verdict(3, drifted=True))


@pytest.mark.parametrize(
    ("history", "drift", "importance", "action"),
    [
        (DRIFTED, {"action": "retrain"}, {"load": 0.2}, "retrain"),
        (DRIFTED, {"action": "retrain"}, {"load": 0.01}, "investigate"),
        (DRIFTED, {"action": "retrain"}, {}, "retrain"),
        (DRIFTED, {"action": "retrain", "minimum_share": 0.3}, {"load": 0.2}, "investigate"),
        (DRIFTED, {"action": "retrain", "minimum_share": 0.15}, {"load": 0.2}, "retrain"),
        (DRIFTED, {"action": "investigate"}, {"load": 0.2}, "investigate"),
        (DRIFTED[1:], {"action": "retrain"}, {"load": 0.2}, "investigate"),
        ((_verdict(2), DRIFTED[1]), {"action": "retrain"}, {"load": 0.2}, "investigate"),
        ((_verdict(2), _verdict(3)), {"action": "retrain"}, {"load": 0.2}, "nothing"),
    ],
)
def test_drift_retrains_where_the_policy_says_so_and_important_features_drift_in_a_row(
    history: tuple[WindowVerdict, ...], drift: dict[str, object], importance: dict[str, float], action: Action
) -> None:
    assert decide(history, _with(drift=drift), _state(importance=importance)).action == action


def test_a_score_that_drifts_is_no_feature_that_matters() -> None:
    moved = DRIFTED[0].drift.features[0].model_copy(update={"feature": "(score)"})
    history = [window.model_copy(update={"drift": Drift(features=(moved,))}) for window in DRIFTED]
    decision = decide(history, _with(drift={"action": "retrain"}), _state(importance={"load": 1.0}))
    assert decision.action == "investigate"
    assert "(score)" in decision.reasons[0]


def test_the_reason_tells_how_much_of_what_the_model_explains_has_drifted() -> None:
    decision = decide(DRIFTED, _with(drift={"action": "retrain"}), _state(importance={"load": 0.2}))
    assert decision.reasons[0] == (
        "important features drifted in 2 windows in a row: load, 20% of what the model explains"
    )
