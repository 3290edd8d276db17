"""The shape of what a back-test found; JSON, as all evidence (`reporting.evidence`).

Values are per 1,000 decisions; *net* is less the cost of retraining.
"""

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from model_lifecycle.reporting.evidence import IntervalEvidence, QuestionEvidence

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@with_config(_STRICT)
class PolicyMonth(TypedDict):
    """One month under a policy; a figure that is not defined is None."""

    month: str
    decisions: int
    value: IntervalEvidence | None
    loss: IntervalEvidence | None
    ranking: IntervalEvidence | None


@with_config(_STRICT)
class PolicyEvent(TypedDict):
    """A retraining (promoted, rejected or failed) or an alarm, with its reasons."""

    at: str
    kind: str
    release: str
    reasons: list[str]
    seconds: float


@with_config(_STRICT)
class PolicyEvidence(TypedDict):
    """What a policy did and earned; the figures of all decisions are None where they are not defined."""

    policy: str
    rule: str  # in words
    value: IntervalEvidence | None
    loss: IntervalEvidence | None
    ranking: IntervalEvidence | None
    months: list[PolicyMonth]
    net: float
    total: float  # net, over all decisions
    cost: float  # of all its retrainings, over all decisions
    retrainings: int
    promotions: int
    rejections: int
    failures: int
    alarms: int
    windows: int  # of monitoring that ended
    judged: int  # of these, with the labels to be judged by
    seconds: float  # of computing
    events: list[PolicyEvent]
    gained: list[float]  # net, up to the end of each of `days`, less that of never retraining


@with_config(_STRICT)
class NetDifference(TypedDict):
    """Net value of one policy less that of another on the same decisions; None where the days do not tell."""

    policy: str
    against: str
    interval: IntervalEvidence | None


@with_config(_STRICT)
class RecommendationEvidence(TypedDict):
    """Which policy to take, and how sure that is."""

    policy: str
    best: str  # earned most on these decisions
    worse: list[str]  # shown to earn less than the best
    against_best: list[NetDifference]  # at a level that holds for all of them together
    level: float
    regret: NetDifference  # of the present policy against the best
    change: NetDifference  # of the recommended policy against the present one


@with_config(_STRICT)
class BacktestEvidence(TypedDict):
    """All that a back-test found."""

    question: QuestionEvidence
    start: str
    end: str
    time_zone: str
    decisions: int
    days: list[str]
    never: str
    present: str
    training_rows: int | None
    policies: list[PolicyEvidence]
    against_never: list[NetDifference]
    recommendation: RecommendationEvidence
