"""From the verdicts on windows to an action: nothing, investigate, retrain or roll back. Pure: no clock, no store."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from model_lifecycle.contracts.base import Contract
from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.contracts.trail import probation_end
from model_lifecycle.monitoring.drift import SCORE
from model_lifecycle.monitoring.promised import BEYOND_PROMISE
from model_lifecycle.monitoring.verdict import Figure, Performance, WindowVerdict, iso

Action = Literal["nothing", "investigate", "retrain", "rollback"]
BreachRule = Literal[
    "skill_lost", "against_constant", "value_per_1000", "below_plan", "above_plan", "outside_interval", "class_share"
]
_NAMED_FEATURES = 5
_PROMISED: dict[BreachRule, str] = {
    "below_plan": "outcomes below the plan",
    "above_plan": "outcomes above the plan",
    "outside_interval": "outcomes outside the interval",
}
NOTHING_LOGGED = (
    "no prediction is logged in the store that is monitored (`store` in globals.yml; a service logs where its own "
    "settings say)"
)
Span = tuple[AwareDatetime, AwareDatetime]


class Attempt(Contract):
    """One retraining: when it began, and how long it took; 0 while that is not known."""

    at: AwareDatetime
    seconds: float = Field(default=0.0, ge=0.0)


class PolicyState(Contract):
    """What is known besides the windows.

    ``now`` is the moment of the decision, on the same clock as all other times (a replay's own, not the wall's).
    ``retrained_at`` is the last retraining, whether its challenger was promoted or not; ``retrainings`` are those that
    the budget counts. ``versus_previous`` is the champion's loss less that of the release before it, on the same live
    rows. ``importance`` is each feature's share in what the champion explains; a feature that is not in it counts as
    important. ``blocked`` are spans that failed data quality; ``learns_since`` is when the decisions begin that a
    retraining would learn from, None for all of them. ``youngest`` is how old the training data of a release made now
    would be.
    """

    now: AwareDatetime
    release: str
    trained_until: AwareDatetime
    promoted_at: AwareDatetime | None = None
    retrained_at: AwareDatetime | None = None
    retrainings: tuple[Attempt, ...] = ()
    new_labels: int = Field(ge=0)
    versus_previous: Figure | None = None
    importance: dict[str, float] = Field(default_factory=dict)
    blocked: tuple[Span, ...] = ()
    learns_since: AwareDatetime | None = None
    youngest: timedelta = timedelta(0)


class Breach(Contract):
    """A limit that a figure lies beyond with its whole interval."""

    rule: BreachRule
    figure: Figure
    limit: float
    message: str


class Decision(Contract):
    """What to do, why, and on what evidence; ``excluded_windows`` are not to be trained on."""

    action: Action
    reasons: tuple[str, ...]
    evidence: dict[str, object]
    excluded_windows: tuple[Span, ...] = ()

    @property
    def release(self) -> str | None:
        """The champion that was judged, None where the evidence does not tell."""
        state = self.evidence.get("state")
        return str(state["release"]) if isinstance(state, Mapping) else None


def breaches(performance: Performance | None, policy: PolicySpec) -> tuple[Breach, ...]:
    """Return the limits that a window's realised performance is beyond, each with its whole interval.

    A loss is counted against a constant prediction on the same rows: when positives become rarer, every model's log
    loss falls, and when they become more frequent, it rises, though no model has changed. Of the skill that is
    lost, what the inputs no longer offer does not count either. Of a quantity, plan and interval are held to the
    shares that they promise, too, and of classes the probability of each to its share.
    """
    if performance is None:
        return ()
    found: list[Breach] = []
    loss = performance.loss.replace("_", " ")
    lost, limit = performance.differences.get("skill_lost"), skill_limit(performance, policy)
    given_inputs = performance.differences.get("skill_lost_given_inputs", lost)
    if lost is not None and _beyond(lost, limit) and _beyond(given_inputs, limit):
        text = f"{loss} rose by {_shown(lost)} beyond what the level of the outcome explains"
        found.append(_breach("skill_lost", lost, limit, text))
    worse = performance.differences.get("against_constant")
    if worse is not None and _beyond(worse, 0.0):
        text = f"{loss} is {_shown(worse)} above that of always predicting what was usual in training"
        found.append(_breach("against_constant", worse, 0.0, text))
    value = performance.figures.get("value_per_1000")
    if value is not None and value.upper is not None and value.upper < policy.minimum_value_per_1000:
        text = f"value is {_shown(value)} per 1,000 decisions"
        found.append(_breach("value_per_1000", value, policy.minimum_value_per_1000, text))
    return (*found, *_broken_promises(performance, policy.maximum_share_beyond_promise))


def skill_limit(performance: Performance, policy: PolicySpec) -> float:
    """Return how much skill may be lost: the policy's limit, and at most half of what there was on the hold-out.

    Of a rare event all skill there is may be less than any fixed limit.
    """
    had = performance.holdout_skill
    return policy.maximum_loss_increase if had is None or had <= 0.0 else min(policy.maximum_loss_increase, had / 2.0)


def _beyond(figure: Figure | None, limit: float) -> bool:
    return figure is not None and figure.lower is not None and figure.lower > limit


def _below(figure: Figure, limit: float) -> bool:
    return figure.upper is not None and figure.upper < limit


def _broken_promises(performance: Performance, limit: float) -> Iterator[Breach]:
    """Yield what a quantity's plan and interval, or the probabilities of classes, promised and did not keep.

    Shares are bounded: they tell a change that the costs of a heavy tail hide, or that the loss of all classes does.
    """
    for rule, what in _PROMISED.items():
        share = performance.differences.get(rule)
        if share is not None and _beyond(share, limit):
            yield _breach(rule, share, limit, f"{what}: {_shown(share)} beyond the promised share")
    for name, share in performance.differences.items():
        if name.endswith(BEYOND_PROMISE) and (_beyond(share, limit) or _below(share, -limit)):
            text = f"share of {name.removesuffix(BEYOND_PROMISE)!r} less the promised one: {_shown(share)}"
            yield _breach("class_share", share, limit, text)


def _breach(rule: BreachRule, figure: Figure, limit: float, text: str) -> Breach:
    return Breach(rule=rule, figure=figure, limit=limit, message=f"{text}, limit {limit:.4g}")


def _shown(figure: Figure) -> str:
    if figure.lower is None or figure.upper is None:
        return f"{figure.estimate:.4g}"
    return f"{figure.estimate:.4g} ({figure.lower:.4g} to {figure.upper:.4g})"


def decide(history: Sequence[WindowVerdict], policy: PolicySpec, state: PolicyState) -> Decision:
    """Decide what to do after the last of the windows.

    1. The newest window's data cannot be trusted: *investigate*; nothing is trained or rolled back on it.
    2. The champion is in its probation, or this is the first look after it, and its loss on the same rows lies above
       that of the release before it with the whole interval: *roll back*.
    3. The last ``consecutive_windows`` mature windows all breach, or the training data are older than
       ``maximum_age``, or important features drifted in ``drift.consecutive_windows`` windows and ``drift.action``
       says so: *retrain*, unless a guard holds it (cooldown, ``minimum_new_labels``, budget, blocked rows); then
       *investigate*.
    4. A mature window breaches, or a feature of the newest has drifted: *investigate*.

    Parameters
    ----------
    history : sequence of WindowVerdict
        The oldest first. Blocked windows do not count for rule 3, and interrupt a row of breaches.
    policy : PolicySpec
        The limits.
    state : PolicyState
        The champion's age and what has come in since.
    """
    excluded = tuple(dict.fromkeys([*state.blocked, *((one.start, one.end) for one in history if one.blocked())]))
    evidence = _evidence(history, policy, state)

    def answer(action: Action, *reasons: str) -> Decision:
        return Decision(action=action, reasons=reasons, evidence=evidence, excluded_windows=excluded)

    if not history:
        return answer("nothing", NOTHING_LOGGED)
    newest = history[-1]
    if newest.blocked():
        return answer("investigate", *(f"data quality: {finding.message}" for finding in newest.critical()))
    if (reason := _rollback(policy, state, excluded, newest.end - newest.start)) is not None:
        return answer("rollback", reason)
    wanted = [
        *_breached_in_a_row(history, policy),
        *_too_old(policy, state),
        *_drifted_in_a_row(history, policy, state),
    ]
    if wanted:
        waiting = [*_waiting(policy, state), *_over_budget(policy, state), *_held(policy, state, excluded)]
        return answer("investigate" if waiting else "retrain", *wanted, *waiting)
    reasons = [*_single_breach(history, policy), *_drifted(newest)]
    return answer("investigate", *reasons) if reasons else answer("nothing", _quiet(history))


def _rollback(policy: PolicySpec, state: PolicyState, excluded: Sequence[Span], window: timedelta) -> str | None:
    found, since = state.versus_previous, state.promoted_at
    if found is None or found.lower is None or found.lower <= 0.0 or since is None:
        return None
    # The whole probation is seen only by the first look after it.
    if not since <= state.now < probation_end(since, policy.rollout.probation, excluded) + window:
        return None
    return f"release {state.release}: its loss is {_shown(found)} above that of the previous release on the same rows"


def _mature(history: Sequence[WindowVerdict]) -> list[WindowVerdict]:
    return [window for window in history if window.maturity.mature]


def _breached_in_a_row(history: Sequence[WindowVerdict], policy: PolicySpec) -> list[str]:
    last = _mature(history)[-policy.consecutive_windows :]
    breached = [window for window in last if not window.blocked() and breaches(window.performance, policy)]
    if len(breached) < policy.consecutive_windows:
        return []
    return [f"{_span(window)}: {one.message}" for window in breached for one in breaches(window.performance, policy)]


def _single_breach(history: Sequence[WindowVerdict], policy: PolicySpec) -> list[str]:
    last = _mature(history)[-1:]
    return [
        f"{_span(window)}: {one.message}; retraining needs {policy.consecutive_windows} such windows in a row"
        for window in last
        if not window.blocked()
        for one in breaches(window.performance, policy)
    ]


def _too_old(policy: PolicySpec, state: PolicyState) -> list[str]:
    """Say if the training data are too old; a limit that no retraining could keep counts from what one begins with."""
    age, limit, counted = state.now - state.trained_until, policy.maximum_age, ""
    if limit <= state.youngest:
        counted = f" (`maximum_age` beyond the {state.youngest.days} days that a release made now would begin with)"
        limit += state.youngest
    return [f"the training data ended {age.days} days ago, limit {limit.days}{counted}"] if age > limit else []


def _drifted_in_a_row(history: Sequence[WindowVerdict], policy: PolicySpec, state: PolicyState) -> list[str]:
    """Return the important features that drifted in each of the last windows, where that is to retrain."""
    rule, last = policy.drift, history[-policy.drift.consecutive_windows :]
    if rule.action != "retrain" or len(last) < rule.consecutive_windows or any(one.blocked() for one in last):
        return []
    drifted = [{one.feature for one in window.drift.drifted()} - {SCORE} for window in last]  # it explains nothing
    important = [
        name
        for name in sorted(set.intersection(*drifted), key=lambda name: -state.importance.get(name, 1.0))
        if state.importance.get(name, 1.0) >= rule.minimum_importance
    ]
    share = sum(state.importance.get(name, 1.0) for name in important)
    if not important or share < rule.minimum_share:
        return []
    weight = f", {share:.0%} of what the model explains" if state.importance else ""
    named = ", ".join(important[:_NAMED_FEATURES])
    return [f"important features drifted in {len(last)} windows in a row: {named}{weight}"]


def _over_budget(policy: PolicySpec, state: PolicyState) -> list[str]:
    budget = policy.budget
    spent = [one for one in state.retrainings if state.now - budget.period < one.at <= state.now]
    reasons, seconds = [], sum(one.seconds for one in spent)
    if budget.retrainings is not None and len(spent) >= budget.retrainings:
        over = iso(sorted(one.at for one in spent)[-budget.retrainings] + budget.period)
        reasons.append(
            f"retraining waits for the budget: {len(spent)} of {budget.retrainings} retrainings in "
            f"{budget.period.days} days are spent; the next from {over} on"
        )
    if budget.compute is not None and seconds >= budget.compute.total_seconds():
        reasons.append(
            f"retraining waits for the budget: {seconds:.0f} s of {budget.compute.total_seconds():.0f} s of computing "
            f"in {budget.period.days} days are spent"
        )
    return reasons


def _held(policy: PolicySpec, state: PolicyState, excluded: Sequence[Span]) -> list[str]:
    since = state.learns_since
    holding = [span for span in excluded if since is None or span[1] > since]
    if policy.blocked_rows != "hold" or not holding:
        return []
    spans = ", ".join(f"{_short(start)} to {_short(end)}" for start, end in holding[:_NAMED_FEATURES])
    return [f"retraining is held: the data of {spans} failed data quality"]


def _waiting(policy: PolicySpec, state: PolicyState) -> list[str]:
    """Say why a retraining that is wanted has to wait."""
    reasons = []
    # A time after `now` is not known yet: somebody looks back at a window from before the champion.
    known = [at for at in (state.retrained_at, state.promoted_at) if at is not None and at <= state.now]
    last = max(known, default=None)
    if last is not None and state.now - last < policy.cooldown:
        reasons.append(f"retraining waits for the cooldown, over at {iso(last + policy.cooldown)}")
    if state.new_labels < policy.minimum_new_labels:
        reasons.append(f"retraining waits for new labels: {state.new_labels:,} of {policy.minimum_new_labels:,}")
    return reasons


def _drifted(newest: WindowVerdict) -> list[str]:
    drifted = newest.drift.drifted()
    if not drifted:
        return []
    named = ", ".join(f"{one.feature} {one.effect:.2g} (floor {one.floor:.2g})" for one in drifted[:_NAMED_FEATURES])
    return [f"{len(drifted)} of {len(newest.drift.features)} features drifted: {named}"]


def _quiet(history: Sequence[WindowVerdict]) -> str:
    mature = _mature(history)
    if not mature:
        return f"no window is mature yet: {history[-1].maturity.reason}"
    judged = mature[-1].performance
    if judged is not None and (reason := judged.problems.get("skill_lost")):
        return f"{_span(mature[-1])}: no drift, data as expected; the loss of skill is not judged: {reason}"
    return f"{_span(mature[-1])}: performance not shown beyond its limits, no drift, data as expected"


def _span(window: WindowVerdict) -> str:
    return f"{_short(window.start)} to {_short(window.end)}"


def _short(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def _evidence(history: Sequence[WindowVerdict], policy: PolicySpec, state: PolicyState) -> dict[str, object]:
    windows: list[Mapping[str, object]] = [
        {
            "start": window.start.isoformat(),
            "end": window.end.isoformat(),
            "mature": window.maturity.mature,
            "blocked": window.blocked(),
            "breaches": [one.rule for one in breaches(window.performance, policy)],
            "drifted": [one.feature for one in window.drift.drifted()],
        }
        for window in history
    ]
    return {"state": state.model_dump(mode="json"), "policy": policy.model_dump(mode="json"), "windows": windows}
