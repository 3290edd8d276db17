"""What monitoring found, in shapes that are JSON and back without loss."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, FiniteFloat

from model_lifecycle.contracts.base import Contract
from model_lifecycle.monitoring.effects import Statistic
from model_lifecycle.monitoring.service_figures import Operations
from model_lifecycle.statistics.intervals import Interval

Severity = Literal["warning", "critical"]
Rule = Literal[
    "missing", "unknown_category", "out_of_range", "unreadable", "stuck", "unit", "volume", "label_time", "no_outcome",
    "no_prediction"
]  # fmt: skip
Share = Annotated[FiniteFloat, Field(ge=0.0, le=1.0)]


class Figure(Contract):
    """A figure with its interval; the ends are None when there are too few blocks for one."""

    estimate: FiniteFloat
    lower: FiniteFloat | None
    upper: FiniteFloat | None
    level: FiniteFloat
    n_blocks: int

    @classmethod
    def of(cls, interval: Interval) -> "Figure":
        """Return the figure of a statistic's interval."""
        return cls.model_validate({name: getattr(interval, name) for name in cls.model_fields})


class Finding(Contract):
    """One thing that is wrong with the data of a window; a critical one blocks it."""

    rule: Rule
    column: str | None
    severity: Severity
    found: FiniteFloat
    limit: FiniteFloat
    message: str


class EffectTest(Contract):
    """One statistic of one feature: exceeded needs the effect above its floor and the corrected p-value."""

    statistic: Statistic
    effect: Share
    floor: FiniteFloat | None = Field(description="what windows of the reference keep; none where it is too short")
    p_value: Share
    adjusted_p_value: Share
    exceeded: bool


class FeatureDrift(Contract):
    """How far one feature of the window lies from the reference.

    Effect, floor and p-values are those of ``statistic``, the one furthest above its floor; ``tests`` has them all.
    """

    feature: str
    statistic: Statistic = "jensen_shannon"
    effect: Share
    floor: FiniteFloat
    calibrated: bool
    p_value: Share
    adjusted_p_value: Share
    stability_index: FiniteFloat
    wasserstein: FiniteFloat | None = Field(default=None, description="how far it moved on average, in its own unit")
    drifted: bool
    suspected: bool = Field(default=False, description="would have drifted, by a conventional floor: uncalibrated")
    tests: tuple[EffectTest, ...] = ()
    counts: tuple[int, ...] = Field(default=(), description="rows in the bins of `FeatureProfile.shown_counts`")
    importance: FiniteFloat | None = Field(default=None, description="share in what the champion explains")


class Calibration(Contract):
    """What the floors of a window rest on."""

    rows: int = Field(description="of the window, at most what the reference had in as long a time")
    calibrated_rows: int | None = Field(description="of the windows whose floors count; none where none are known")
    independent_windows: FiniteFloat | None = Field(description="of that size in the reference")
    message: str
    silent: tuple[str, ...] = Field(
        default=(), description="features whose distribution cannot alarm: its floors are the largest possible effect"
    )

    def warning(self) -> str:
        """Say which features cannot alarm, and why; empty when all can."""
        if not self.silent:
            return ""
        many = f"{len(self.silent)} feature{'s' * (len(self.silent) > 1)} cannot alarm"
        return f"{many}, since windows of the reference differ too much for so few of them: {', '.join(self.silent)}"


class PairDrift(Contract):
    """The correlation of two features in the reference and in the window."""

    features: tuple[str, str]
    before: FiniteFloat
    now: FiniteFloat


class JointDrift(Contract):
    """How much the numbers of a window move together otherwise than in the reference."""

    effect: Share = Field(description="the largest change of a correlation, halved")
    floor: FiniteFloat | None = Field(description="what windows of the reference keep; none where it is too short")
    p_value: Share = Field(description="corrected for the number of pairs")
    drifted: bool
    pairs: tuple[PairDrift, ...] = Field(description="those that changed most, the first the most")


class SeasonFeature(Contract):
    """A feature of a window against the same season before; ``usual`` when they differ no more than two windows do."""

    feature: str
    statistic: Statistic
    effect: FiniteFloat
    floor: FiniteFloat
    usual: bool


class SeasonDrift(Contract):
    """A window against the same season before; without features, ``reason`` says why there is nothing to compare."""

    start: AwareDatetime
    end: AwareDatetime
    decisions: int
    features: tuple[SeasonFeature, ...] = ()
    reason: str = ""

    def seasonal(self, drift: "Drift") -> tuple[str, ...]:
        """Return the features that drifted and look as they did in the season before."""
        usual = {one.feature for one in self.features if one.usual}
        return tuple(one.feature for one in drift.drifted() if one.feature in usual)


class Drift(Contract):
    """The drift of all features, the furthest above its floor first, and what could not be compared."""

    features: tuple[FeatureDrift, ...] = ()
    skipped: dict[str, str] = Field(default_factory=dict)
    calibration: Calibration | None = None
    joint: JointDrift | None = None
    season: SeasonDrift | None = Field(default=None, description="of the newest window of a run")
    importance_drifted: FiniteFloat | None = Field(
        default=None, description="share of what the champion explains that rests on features that drifted"
    )

    def drifted(self) -> tuple[FeatureDrift, ...]:
        """Return the features that drifted."""
        return tuple(feature for feature in self.features if feature.drifted)


class Maturity(Contract):
    """Whether enough outcomes are known to judge a window, and how long they took."""

    mature: bool
    reason: str
    decisions: int
    observed: int
    unavailable: dict[str, int]
    waiting: int
    label_before_decision: int
    delay_hours: dict[str, FiniteFloat] = Field(description="quantiles of label time - decision time")


class Performance(Contract):
    """How well the champion's decisions of a window turned out.

    ``figures``: the task's metrics, value_per_1000, the rate of each outcome (of a quantity mean_outcome), mean_score.
    ``differences``, in the metric ``loss``: ``skill_lost`` (how much of the advantage over the window's own best
    constant prediction is gone since the hold-out), ``skill_lost_given_inputs`` (the part of it that other inputs do
    not explain), ``loss_increase`` (over the hold-out, the change in the outcome's level included) and
    ``against_constant`` (less that of the release's constant prediction, on the same rows). Of a quantity, the shares
    below the plan, above it and outside the interval, less the promised. What is absent has its reason in ``problems``.
    """

    release: str
    loss: str
    rows: int
    block: Literal["day", "week"]
    holdout_skill: FiniteFloat | None = None  # the loss of the hold-out's best constant prediction less its own
    figures: dict[str, Figure] = Field(default_factory=dict)
    differences: dict[str, Figure] = Field(default_factory=dict)
    problems: dict[str, str] = Field(default_factory=dict)


class Estimated(Contract):
    """A figure estimated without labels; never to be read without its own error on the windows before."""

    estimate: FiniteFloat
    realised: FiniteFloat | None = Field(default=None, description="of the same window, once it is mature")
    past_error: FiniteFloat | None = Field(
        default=None, description="mean absolute error on the mature windows before; none where there was none"
    )
    past_windows: int = 0


class Concept(Contract):
    """The change of the champion's loss since the hold-out, taken apart; ``total`` is the sum of the two others.

    ``from_inputs`` is what the hold-out foretells for inputs such as these, ``from_outcomes`` the rest: the same inputs
    turn out otherwise. ``drifted`` when its interval lies on one side of 0. Without figures, ``reason`` says why.
    """

    rows: int = 0
    total: Figure | None = None
    from_inputs: Figure | None = None
    from_outcomes: Figure | None = None
    drifted: bool = False
    reason: str = ""


class ErrorStream(Contract):
    """The losses that inputs do not explain, row by row over all mature windows, watched by ADWIN.

    ADWIN takes rows for independent, so what it sees is ``confirmed`` only when the days' means changed by more than
    stationary days as dependent as these would (``p_value``); ``since`` is the likeliest day.
    """

    rows: int = 0
    days: int = 0
    seen: tuple[AwareDatetime, ...] = Field(default=(), description="when ADWIN cut its window")
    since: AwareDatetime | None = None
    before: FiniteFloat | None = None
    after: FiniteFloat | None = None
    p_value: FiniteFloat | None = None
    confirmed: bool = False
    reason: str = ""


class SegmentCause(Contract):
    """Rows of one bin of a feature, and how much more of their loss inputs leave unexplained than of the rest's.

    ``contribution`` is its share times how far its unexplained loss lies above that of all rows: what it adds beyond
    its share. Those of all segments of a feature add up to 0.
    """

    feature: str
    segment: str
    rows: int
    share: Share
    share_before: Share = Field(description="in the reference")
    loss: FiniteFloat
    foretold: FiniteFloat = Field(description="loss that the hold-out foretells for such inputs")
    difference: Figure = Field(description="unexplained loss, less that of the rest")
    contribution: FiniteFloat
    adjusted_p_value: Share
    explains: bool


class FeatureCause(Contract):
    """What of the change of the loss goes with one feature, by itself; features that move together share it."""

    feature: str
    effect: FiniteFloat | None = None
    drifted: bool = False
    importance: Share | None = Field(default=None, description="share in what the champion explains; none unknown")
    by_outcomes: FiniteFloat = Field(description="contributions of its segments that explain something")
    by_inputs: FiniteFloat = Field(description="change of the foretold loss by the other shares of its bins")


class Causes(Contract):
    """Which segments and features explain the change of the loss, the first the most."""

    rows: int
    segments: tuple[SegmentCause, ...] = ()
    compared: int = Field(default=0, description="segments of all features")
    features: tuple[FeatureCause, ...] = ()
    skipped: dict[str, str] = Field(default_factory=dict)


class ReleaseShare(Contract):
    """What one release did in a window."""

    release: str
    decisions: int
    observed: int
    decided: dict[str, int]  # decisions in words -> how many
    loss: FiniteFloat | None


class ReleaseVerdict(Contract):
    """The decisions of one release in a window that more than one answered.

    Inputs are held against the champion's reference; differences from the hold-out are the champion's alone.
    """

    release: str
    decisions: int
    maturity: Maturity
    quality: tuple[Finding, ...]
    drift: Drift
    performance: Performance | None
    estimated: dict[str, FiniteFloat] = Field(default_factory=dict)


class ShadowWindow(Contract):
    """The loss of a shadow less the champion's, on the decisions of a window that both scored."""

    start: AwareDatetime
    end: AwareDatetime
    observed: int
    difference: FiniteFloat | None


class ShadowVerdict(Contract):
    """A shadow against the champion, on the decisions of all windows that both scored.

    ``difference`` is the shadow's loss less the champion's; none where the days do not tell, with the reason.
    """

    release: str
    champion: str
    decisions: int
    observed: int
    agreement: FiniteFloat | None = Field(description="share of the decisions on which both would do the same")
    loss: FiniteFloat | None
    champion_loss: FiniteFloat | None
    difference: Figure | None
    reason: str
    windows: tuple[ShadowWindow, ...]


class SliceVerdict(Contract):
    """The champion's decisions in one category of a declared slice.

    Differences of ``performance`` are against the whole hold-out: a slice may be harder by nature.
    """

    column: str
    value: str
    decisions: int
    observed: int
    performance: Performance | None = Field(description="none where the window is immature or the slice has few labels")
    estimated: dict[str, FiniteFloat] = Field(default_factory=dict)


class WindowVerdict(Contract):
    """All that is known about one window; ``blocked`` when its data must not be trusted."""

    start: AwareDatetime
    end: AwareDatetime
    decisions: int
    maturity: Maturity
    quality: tuple[Finding, ...]
    drift: Drift
    performance: Performance | None
    releases: tuple[ReleaseShare, ...]
    estimated: dict[str, Estimated] = Field(default_factory=dict, description="performance before labels arrive")
    slices: tuple[SliceVerdict, ...] = ()
    by_release: tuple[ReleaseVerdict, ...] = Field(default=(), description="where another than the champion answered")
    concept: Concept | None = Field(default=None, description="none where the window is immature")
    causes: Causes | None = Field(default=None, description="none without a concept's figures")

    def critical(self) -> tuple[Finding, ...]:
        """Return the findings that block the window."""
        return tuple(finding for finding in self.quality if finding.severity == "critical")

    def blocked(self) -> bool:
        """Return whether the data of the window must not be trusted."""
        return bool(self.critical())


class MonitoringReport(Contract):
    """The windows up to ``until``, the oldest first, judged with what was known at ``as_of``."""

    release: str
    until: AwareDatetime | None
    as_of: AwareDatetime | None
    window_seconds: FiniteFloat
    windows: tuple[WindowVerdict, ...]
    new_labels: int = Field(ge=0, description="observed outcomes since the champion's training data ended")
    errors: ErrorStream | None = None
    shadows: tuple[ShadowVerdict, ...] = ()
    operations: Operations | None = None

    def newest(self) -> WindowVerdict | None:
        """Return the last window, None when nothing is logged."""
        return self.windows[-1] if self.windows else None


def iso(moment: datetime) -> str:
    """Return a time as people read it: to the minute, in UTC.

    Examples
    --------
    >>> from datetime import UTC
    >>> iso(datetime(2013, 7, 1, 6, 30, tzinfo=UTC))
    '2013-07-01 06:30'
    """
    return moment.strftime("%Y-%m-%d %H:%M")
