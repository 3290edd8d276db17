"""What is known of a question before any model: the shapes behind the feasibility page."""

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from model_lifecycle.reporting.evidence import GateEvidence, IntervalEvidence, QuestionEvidence

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@with_config(_STRICT)
class PeriodRate(TypedDict):
    """What happened in one period; ``outcome`` is empty without a labelled decision."""

    period: str
    start: str
    end: str
    part: str
    rows: int
    labelled: int
    outcome: dict[str, float]  # share of each outcome, or the mean of a quantity


@with_config(_STRICT)
class DetectableEvidence(TypedDict):
    """The smallest true gain that the test data would show with ``power``."""

    metric: str  # value_per_1000, log_loss, …
    gain: float
    power: float
    level: float
    n_blocks: int


@with_config(_STRICT)
class FeasibilityEvidence(TypedDict):
    """Whether the question can be answered with these data, before any model is fitted."""

    question: QuestionEvidence
    time_zone: str  # in which the periods begin
    start: str
    end: str
    rows: int
    unavailable: dict[str, int]
    outcome: dict[str, IntervalEvidence]  # share of each outcome, or the mean of a quantity
    periods: list[PeriodRate]
    value: dict[str, IntervalEvidence]  # by policy: perfect and the trivial ones
    minimum_value_per_1000: float  # over the best trivial action, from the success criteria
    detectable: list[DetectableEvidence]
    go: bool
    reasons: list[GateEvidence]
