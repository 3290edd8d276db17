"""The shapes of the evidence that reports are made of.

Everything here is JSON: text, numbers, lists and dicts, so that evidence can be kept in the catalog, put into a release
and read again. Times are ISO 8601 in UTC. Shares and rates lie in [0, 1]. Values are in the question's own unit
*per 1,000 decisions*. Where a figure could not be computed it is None, and a `reason` beside it says why; nothing is
left out silently. The shapes refuse what they do not know; `reporting.checking` says so in words.
"""

from typing import NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@with_config(_STRICT)
class IntervalEvidence(TypedDict):
    """An estimate with its interval: `dataclasses.asdict` of a `statistics` Interval.

    ``lower`` and ``upper`` are None when there are too few blocks for an interval.
    """

    estimate: float
    lower: float | None
    upper: float | None
    level: float
    n_blocks: int
    n_effective: float  # independent blocks that they are worth
    method: NotRequired[str]  # how it was computed
    dependence: NotRequired[float]  # autocorrelation of neighbouring blocks
    coverage: NotRequired[float | None]  # share of simulated worlds of this dependence that it holds the truth in


@with_config(_STRICT)
class PayoffEvidence(TypedDict):
    """What one action is worth per decision, for one outcome."""

    action: str
    outcome: str
    worth: float


@with_config(_STRICT)
class QuestionEvidence(TypedDict):
    """The business question as its contract states it."""

    case: str
    question: str
    owner: str
    task: str  # binary | regression | multiclass
    loss: str  # the metric that is minimised and compared
    ranking: str  # the metric of order
    decision: str
    target: str
    unit: str
    value_source: str
    payoffs: list[PayoffEvidence]
    rule: str  # how a prediction becomes a decision
    policies: list[str]  # the trivial ones


@with_config(_STRICT)
class PartEvidence(TypedDict):
    """One part of the split in time: decisions with ``start <= decision time < end``."""

    part: str  # train | validation | test | stream; other names are shown as they are
    start: str
    end: str
    rows: int
    labelled: int  # with an observed outcome
    outcomes: dict[str, int]  # rows by outcome
    unavailable: dict[str, int]  # rows by reason


@with_config(_STRICT)
class SplitEvidence(TypedDict):
    """The split by ``as_of``."""

    as_of: str
    time_zone: str
    parts: list[PartEvidence]


@with_config(_STRICT)
class LeaderboardRow(TypedDict):
    """One candidate on the validation folds (never on the test months)."""

    model: str
    family: str
    role: str  # baseline | candidate
    calibration: str
    loss: float  # mean over the folds, before calibration
    loss_by_fold: list[float]
    days: NotRequired[int]  # of the folds
    dependence: NotRequired[float]  # autocorrelation of their daily losses
    ranking: float
    value_per_1000: float | None
    trials: int  # pruned and failed ones included
    pruned: NotRequired[int]
    failed: NotRequired[int]
    seconds: NotRequired[float]  # left out of a release: a run on the same data and seed gives the same bytes
    one_row_microseconds: NotRequired[float]  # likewise
    size_bytes: NotRequired[int]
    chosen: bool
    parameters: dict[str, float | int | str | bool]


@with_config(_STRICT)
class DifferenceEvidence(TypedDict):
    """A paired difference on the same rows: ``metric(model) - metric(against)``.

    ``bounds``, of the loss alone, is what gates go by: an interval either end of which holds with the confidence of
    ``interval`` by itself.
    """

    model: str
    against: str
    metric: str  # log_loss | brier | auc | value_per_1000 | …
    interval: IntervalEvidence
    bounds: NotRequired[IntervalEvidence]


@with_config(_STRICT)
class ReliabilityBin(TypedDict):
    """One equal-mass bin of the reliability diagram."""

    mean_prediction: float
    observed_rate: float
    n: int


@with_config(_STRICT)
class CalibrationEvidence(TypedDict):
    """How far the predictions can be taken at their word."""

    bins: list[ReliabilityBin]
    expected_error: float  # mean distance of the bins from the diagonal
    slope: IntervalEvidence | None
    intercept: IntervalEvidence | None
    in_the_large: IntervalEvidence  # mean prediction - outcome; of an interval, its coverage - what it should hold
    in_the_large_of: NotRequired[str | None]  # of several classes the one where it is largest; releases of before: none
    miscalibration: dict[str, IntervalEvidence]  # by model: loss that a recalibration on these very rows would save
    value_lost: float  # per 1,000 decisions, that such a recalibration would bring
    value_room: float  # perfect prediction, of a day's capacity the best use, over the best trivial policy


@with_config(_STRICT)
class ThresholdEvidence(TypedDict):
    """How the decision is taken."""

    threshold: float | None  # in the score, beyond any when acting never pays; None where no threshold decides
    chosen_on: str  # which rows, in words
    decisions: dict[str, float]  # share of the test decisions by what was decided


@with_config(_STRICT)
class MonthEvidence(TypedDict):
    """What each policy was worth in a month of the test window."""

    month: str
    rows: int
    value: dict[str, IntervalEvidence]


@with_config(_STRICT)
class SensitivityEvidence(TypedDict):
    """What the model and the best trivial policy are worth if an assumption is off by a factor."""

    assumption: str
    factor: float
    model: float
    trivial: float


@with_config(_STRICT)
class SliceEvidence(TypedDict):
    """One category of one column, on the test rows; or all of its categories that have too few of them."""

    column: str
    category: str
    kind: str  # important | sensitive
    rows: int
    outcomes: dict[str, int]
    ranking: IntervalEvidence | None
    loss: IntervalEvidence | None
    promised: NotRequired[float | None]  # the ranking that its own probabilities lead one to expect; None of a quantity
    value_per_1000: NotRequired[IntervalEvidence | None]
    reason: NotRequired[str]  # why a figure is None
    too_small: NotRequired[int]  # categories with too few rows to be judged, which this entry stands for


@with_config(_STRICT)
class GroupEvidence(TypedDict):
    """How the decisions on one group of a sensitive slice were made."""

    group: str
    rows: int  # on which the figure rests
    value: IntervalEvidence | None
    reason: NotRequired[str]  # why it is None


@with_config(_STRICT)
class GapEvidence(TypedDict):
    """How far groups lie apart, and the pair that decides: one surely beyond the limit, else one that may be."""

    measure: str  # difference | ratio
    widest: float  # largest difference, or smallest ratio, of any two groups (fairlearn's, between groups)
    first: str
    second: str
    interval: IntervalEvidence | None  # of first - second, at least 0, or of first / second, at most 1
    reason: NotRequired[str]  # why it is None


@with_config(_STRICT)
class FairnessEvidence(TypedDict):
    """One figure of decisions, compared between the groups of a sensitive slice."""

    column: str
    figure: str
    limits: dict[str, float | None]  # by measure, in the unit of the figure; None where none is set
    groups: list[GroupEvidence]
    gaps: list[GapEvidence]  # by measure; none when fewer than two groups can be judged
    left_out: int  # decisions on groups that are not compared


@with_config(_STRICT)
class WeakSliceEvidence(TypedDict):
    """A part of the test rows on which predictions cannot be taken at their word."""

    conditions: dict[str, str]  # by input
    rows: int
    event: str  # what the predictions promise: an outcome, or that it lies above the plan or outside the interval
    fault: str  # level | slope
    observed: float  # share of the rows
    predicted: float  # the same, by predictions as good as elsewhere
    effect: IntervalEvidence  # observed - predicted, or the slope; holds for all slices that were searched at once
    p_value: float  # adjusted for all of them
    loss: float
    loss_elsewhere: float


@with_config(_STRICT)
class WeakSlicesEvidence(TypedDict):
    """What the search for weak slices found."""

    searched: int  # slices
    found: int  # all that are weak, overlapping ones included
    level: float
    slices: list[WeakSliceEvidence]  # the surest first
    reason: NotRequired[str]  # why nothing was searched


@with_config(_STRICT)
class GateEvidence(TypedDict):
    """The verdict of one gate: `dataclasses.asdict` of a `contracts.gates.GateResult`."""

    gate: str
    passed: bool
    reason: str
    figures: dict[str, float]


@with_config(_STRICT)
class ImportanceEvidence(TypedDict):
    """The mean absolute SHAP value of one feature over a sample of test rows, on the scale of the raw margin."""

    feature: str
    mean_abs_shap: float


@with_config(_STRICT)
class DependencePoint(TypedDict):
    """What rows of about one value of a feature have as its SHAP value."""

    value: float | str | None  # the median of a bin, a category, or None where it is missing
    rows: int
    quantiles: list[float]  # 10, 25, 50, 75 and 90%


@with_config(_STRICT)
class DependenceEvidence(TypedDict):
    """How a feature's contribution depends on its value."""

    feature: str
    of: NotRequired[str]  # of several classes the one whose log-probability it adds to
    kind: str  # number | category, of which the most frequent are told
    points: list[DependencePoint]


@with_config(_STRICT)
class ExplanationEvidence(TypedDict):
    """How SHAP values were computed, and those of the most important features by their value."""

    output: str  # what they add up to, in words
    method: str  # of the model | permutations
    rows: int  # of the test, a sample
    gap: float  # by which they miss the raw margin, as a share of its spread
    dependence: list[DependenceEvidence]


@with_config(_STRICT)
class CurvePoint(TypedDict):
    """The challenger's configuration fitted on another window, judged on the validation folds.

    ``difference`` is paired to the model of all data (sizes) or to the freshest (ages), None for that one itself.
    """

    at: float | None  # periods that the window is long, None for all there is (sizes); that the model is old (ages)
    rows: int  # fitted on, the mean over the folds
    loss: IntervalEvidence | None
    difference: IntervalEvidence | None
    reason: NotRequired[str]  # why there is no loss, or why it is not beside the others'


@with_config(_STRICT)
class CurvesEvidence(TypedDict):
    """How the loss moves with the amount of data and with the age of the model."""

    model: str
    period: str  # month | week | day
    sizes: list[CurvePoint]  # up to the fold's start
    ages: list[CurvePoint]  # windows of one length
    loss_per_period: IntervalEvidence | None
    reason: NotRequired[str]  # why something is not there


@with_config(_STRICT)
class ReproducibilityEvidence(TypedDict):
    """What a second run needs to give the same result."""

    code_version: str
    as_of: str
    seed: int
    data_fingerprints: dict[str, str]  # SHA-256 by dataset
    lock_digest: str | None


@with_config(_STRICT)
class SuccessEvidence(TypedDict):
    """What the model's decisions gain on the test rows, beside the least that the question declares."""

    minimum_value_per_1000: float
    against: str  # the best trivial policy
    gain: IntervalEvidence  # over it, paired, per 1,000 decisions


@with_config(_STRICT)
class EvaluationEvidence(TypedDict):
    """Everything the model card says. All metrics are on the untouched test rows.

    ``subject`` names the judged model among the keys of ``metrics``: the challenger of this run.
    """

    question: QuestionEvidence
    split: SplitEvidence
    subject: str
    baselines: list[str]
    champion: str | None  # key of metrics; None when nothing is in production yet
    compared_with: NotRequired[str | None]  # that champion's release; releases of before do not tell
    metrics: dict[str, dict[str, IntervalEvidence]]  # by model, by metric, the loss first
    differences: list[DifferenceEvidence]
    value: dict[str, IntervalEvidence]  # by policy: model, perfect, champion, baselines and the trivial ones
    success: NotRequired[SuccessEvidence]  # releases of before do not tell
    value_by_month: list[MonthEvidence]
    sensitivity: list[SensitivityEvidence]
    threshold: ThresholdEvidence
    calibration: CalibrationEvidence
    slices: list[SliceEvidence]
    fairness: NotRequired[list[FairnessEvidence]]  # releases of before have none
    weak_slices: NotRequired[WeakSlicesEvidence]  # likewise
    gates: list[GateEvidence]
    importance: list[ImportanceEvidence]
    explanation: NotRequired[ExplanationEvidence]  # releases of before have neither this
    curves: NotRequired[CurvesEvidence]  # nor this
    leaderboard: list[LeaderboardRow]
    limits: list[str]  # known weaknesses, one a sentence
    reproducibility: ReproducibilityEvidence
