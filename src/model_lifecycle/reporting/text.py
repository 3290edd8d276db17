"""How figures are written: one way for numbers, intervals, times and the names of metrics."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from model_lifecycle.reporting.document import Cell
from model_lifecycle.reporting.evidence import (
    IntervalEvidence,
    SuccessEvidence,
    WeakSliceEvidence,
    WeakSlicesEvidence,
)

NOTHING = "n/a"


@dataclass(frozen=True, slots=True)
class Metric:
    """How a metric is called and written, and which way is better."""

    label: str
    digits: int
    better: Literal["lower", "higher", "zero"]


METRICS: Mapping[str, Metric] = {
    "log_loss": Metric("log loss", 4, "lower"),
    "auc": Metric("AUC", 3, "higher"),
    "average_precision": Metric("average precision", 3, "higher"),
    "brier": Metric("Brier score", 4, "lower"),
    "cost": Metric("cost", 3, "lower"),
    "rank_correlation": Metric("rank correlation", 3, "higher"),
    "absolute_error": Metric("absolute error", 3, "lower"),
    "coverage": Metric("coverage of the interval", 3, "higher"),
    "interval_width": Metric("width of the interval", 2, "lower"),
    "below_plan": Metric("outcomes below the plan, beyond the promised share", 3, "lower"),
    "above_plan": Metric("outcomes above the plan, beyond the promised share", 3, "lower"),
    "outside_interval": Metric("outcomes outside the interval, beyond the promised share", 3, "lower"),
    "calibration_in_the_large": Metric("mean prediction - observed rate", 4, "zero"),
    "value_per_1000": Metric("value per 1,000 decisions", 0, "higher"),
}

POLICIES: Mapping[str, str] = {
    "model": "act on the model's advice",
    "champion": "act on the champion's advice",
    "act_always": "always act",
    "act_never": "never act",
    "plan_default": "plan the default",
    "perfect": "act on a perfect prediction",
}


def policy(name: str) -> str:
    """Return how a policy is called.

    Examples
    --------
    >>> policy("act_never"), policy("always_rebook"), policy("seasonal")
    ('never act', 'always rebook', 'act on the advice of seasonal')
    """
    if name.startswith("always_"):
        return name.replace("_", " ", 1)
    return POLICIES.get(name, f"act on the advice of {name}")


def outcomes(counts: Mapping[str, int], rows: int) -> str:
    """Write how often each outcome happened.

    Examples
    --------
    >>> outcomes({"low": 30, "high": 10}, 40), outcomes({"positive": 0}, 0)
    ('low 75.0%, high 25.0%', 'positive n/a')
    """
    return ", ".join(f"{name} {percent(count / rows if rows else None)}" for name, count in counts.items())


def metric_of(name: str) -> Metric:
    """Return how a metric is written; one that is not known keeps its name and three digits."""
    return METRICS.get(name, Metric(name.replace("_", " "), 3, "higher"))


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with thousands separators; None and NaN become ``n/a``.

    Examples
    --------
    >>> number(12345.678, 1), number(None), number(-0.0001, 2)
    ('12,345.7', 'n/a', '0.00')
    """
    if value is None or math.isnan(value):
        return NOTHING
    rounded = round(value, digits)
    return f"{rounded + 0.0:,.{digits}f}"


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share in [0, 1] as a percentage.

    Examples
    --------
    >>> percent(0.2346)
    '23.5%'
    """
    return NOTHING if share is None else f"{number(100 * share, digits)}%"


def interval(value: IntervalEvidence | None, digits: int = 3) -> str:
    """Write an estimate with its interval.

    Examples
    --------
    >>> interval({"estimate": 0.7618, "lower": 0.74, "upper": 0.78, "level": 0.95, "n_blocks": 30, "n_effective": 17.2})
    '0.762 [0.740, 0.780]'
    """
    if value is None:
        return NOTHING
    if value["lower"] is None or value["upper"] is None:
        return number(value["estimate"], digits)
    return f"{number(value['estimate'], digits)} [{number(value['lower'], digits)}, {number(value['upper'], digits)}]"


def interval_note(value: IntervalEvidence) -> str:
    """Say what kind of interval it is.

    Examples
    --------
    >>> interval_note({"estimate": 0.0, "lower": 0.0, "upper": 0.0, "level": 0.95, "n_blocks": 30, "n_effective": 17.2})
    '95% interval over 30 blocks of time, worth 17 independent ones'
    """
    blocks, worth, coverage = value["n_blocks"], value["n_effective"], value.get("coverage")
    held = "" if coverage is None else f", holding the truth in {percent(coverage)} of simulated worlds"
    return f"{100 * value['level']:g}% interval over {blocks} blocks of time, worth {worth:.0f} independent ones{held}"


def success(found: SuccessEvidence, unit: str) -> str:
    """Tell the gain per 1,000 decisions against the least that is declared; shown is what the whole interval holds.

    Examples
    --------
    >>> gain = {"estimate": 295.0, "lower": -352.0, "upper": 942.0, "level": 0.95, "n_blocks": 30, "n_effective": 17.2}
    >>> success({"minimum_value_per_1000": 300.0, "against": "act_never", "gain": gain}, "EUR")
    'success not shown: 295 [-352, 942] EUR over "never act", of at least 300 declared'
    """
    least, lower, upper = found["minimum_value_per_1000"], found["gain"]["lower"], found["gain"]["upper"]
    said = "shown" if lower is not None and lower >= least else "not shown"
    if upper is not None and upper < least:
        said = "not reached"
    gain = f'{interval(found["gain"], 0)} {unit} over "{policy(found["against"])}"'
    return f"success {said}: {gain}, of at least {number(least, 0)} declared"


def conditions(found: Mapping[str, str]) -> str:
    """Write what holds in a slice.

    Examples
    --------
    >>> conditions({"depot": "north", "weight": "12.5 to 25"})
    'depot: north, weight: 12.5 to 25'
    """
    return ", ".join(f"{name}: {value}" for name, value in found.items())


def fault(weak: WeakSliceEvidence) -> str:
    """Say what predictions get wrong in a weak slice."""
    if weak["fault"] == "slope":
        return "too sure"
    return "too low" if weak["effect"]["estimate"] > 0 else "too high"


def weak_slices(found: WeakSlicesEvidence) -> str:
    """Say what the search for weak slices found.

    Examples
    --------
    >>> weak_slices({"searched": 1200, "found": 0, "level": 0.95, "slices": []})
    'weak slices: none among the 1,200 searched'
    """
    if reason := found.get("reason"):
        return f"weak slices: not searched, {reason}"
    if not found["slices"]:
        return f"weak slices: none among the {found['searched']:,} searched"
    surest = found["slices"][0]
    return (
        f"weak slices: {found['found']:,} of the {found['searched']:,} searched; surest "
        f"{conditions(surest['conditions'])}: {surest['event']} {percent(surest['observed'])}, predicted "
        f"{percent(surest['predicted'])}"
    )


def day(time: str, zone: str = "UTC") -> str:
    """Write an ISO time as the day it begins on the clocks of ``zone``, or to the minute when it is not midnight there.

    Examples
    --------
    >>> day("2013-06-01T04:00:00+00:00"), day("2013-06-01T04:00:00+00:00", "America/New_York")
    ('2013-06-01 04:00 UTC', '2013-06-01')
    """
    moment = datetime.fromisoformat(time).astimezone(ZoneInfo(zone))
    return f"{moment:%Y-%m-%d}" if (moment.hour, moment.minute) == (0, 0) else f"{moment:%Y-%m-%d %H:%M %Z}"


def plural(count: int, noun: str) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> plural(1, "row"), plural(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def cell(value: Cell) -> str:
    """Write the cell of a table: yes and no for booleans, at most four significant decimals for a float.

    Examples
    --------
    >>> cell(True), cell(None), cell(336776), cell(0.123456), cell(1234.5)
    ('yes', 'n/a', '336,776', '0.1235', '1,234.5')
    """
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return NOTHING if math.isnan(value) else f"{value:,.4f}".rstrip("0").rstrip(".")
    return value
