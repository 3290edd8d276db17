"""What an interval must be worth before a gate rests on it."""

import math

from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.reporting.evidence import IntervalEvidence
from model_lifecycle.statistics.coverage import covers


def one_sided(level: float) -> float:
    """Return the level of the interval either end of which holds with this confidence by itself.

    A gate asks for one end alone: is the loss larger by the margin, or is it not? At a confidence of 95% an interval of
    90% answers that (Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15, 657-680).
    """
    return 2.0 * level - 1.0


def ends(interval: IntervalEvidence) -> tuple[float, float]:
    """Return the ends, NaN where there is no interval."""
    lower, upper = interval["lower"], interval["upper"]
    return (math.nan if lower is None else lower), (math.nan if upper is None else upper)


def too_thin(interval: IntervalEvidence, gates: GateLimits) -> str | None:
    """Say why nothing passes on an interval: too few effective blocks, or no method covers as often as it says."""
    worth, coverage = interval["n_effective"], interval.get("coverage")
    if worth >= gates.minimum_effective_blocks and covers(coverage, interval["level"]):
        return None
    return (
        f"insufficient evidence: {interval['n_blocks']} days, worth {shown_worth(worth)} independent ones, expected at "
        f"least {gates.minimum_effective_blocks:g}; {covered(coverage)}, expected {interval['level']:.0%}"
    )


def covered(coverage: float | None) -> str:
    """Say how often the interval holds the truth."""
    return "coverage unknown" if coverage is None else f"simulated coverage {coverage:.1%}"


def shown_worth(days: float) -> str:
    """Return how many independent days there are, rounded down: 7.99 of 8 must not look like enough.

    >>> shown_worth(7.9876), shown_worth(8.0), shown_worth(30.3)
    ('7.9', '8.0', '30.3')
    """
    return f"{math.floor(10.0 * days) / 10.0:.1f}"
