"""Which policy to take: the one that retrains least among those that are not shown to earn less than the best."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.coverage import covers
from model_lifecycle.statistics.intervals import Interval, clustered_mean_interval


@dataclass(frozen=True)
class Earned:
    """What a policy earned.

    Attributes
    ----------
    value : ndarray of float64, shape (n,)
        Of each decision, per 1,000, before the cost of retraining.
    cost : float
        Of all its retrainings, per 1,000 decisions.
    retrainings : int
        How many.
    """

    value: np.ndarray
    cost: float
    retrainings: int

    @property
    def net(self) -> float:
        """Value less cost, per 1,000 decisions."""
        return float(self.value.mean()) - self.cost


@dataclass(frozen=True)
class Recommendation:
    """What to do.

    Attributes
    ----------
    policy, best : str
        What is recommended, and what earned most on these decisions.
    against_best : dict of str to Interval or None
        Net value of each other policy less that of the best; None where the days do not tell.
    level : float
        Of these intervals: all of them hold together as often as one of the gates' level.
    """

    policy: str
    best: str
    against_best: Mapping[str, Interval | None]
    level: float

    def worse(self) -> list[str]:
        """Return the policies that are shown to earn less than the best."""
        return [name for name, found in self.against_best.items() if found is not None and found.upper < 0.0]


def recommend(earned: Mapping[str, Earned], block: np.ndarray, gates: GateLimits) -> Recommendation:
    """Recommend the policy that retrains least among those that are not shown to earn less than the best.

    The best is picked after the fact, so its lead is held against every other one at a level corrected for as many
    comparisons (Bonferroni): a policy that earns as much as any other is passed over in at most ``1 - gates.level`` of
    histories.

    Parameters
    ----------
    earned : mapping of str to Earned
        By policy, on the same decisions; at least 2. Of policies that retrain as often the first one is taken.
    block : ndarray of shape (n,)
        The day of each decision (`block_ids`).
    gates : GateLimits
        Level of the intervals, and how many independent days they need.

    Returns
    -------
    Recommendation

    References
    ----------
    Hsu (1996), Multiple Comparisons, ch. 4 (comparisons with the best).
    """
    best = max(earned, key=lambda name: earned[name].net)
    level = 1.0 - (1.0 - gates.level) / (len(earned) - 1)
    against = {
        name: difference(found, earned[best], block, level, gates) for name, found in earned.items() if name != best
    }
    undecided = Recommendation(best, best, against, level)
    rest = [name for name in earned if name not in undecided.worse()]
    return replace(undecided, policy=min(rest, key=lambda name: earned[name].retrainings))


def difference(mine: Earned, other: Earned, block: np.ndarray, level: float, gates: GateLimits) -> Interval | None:
    """Return the net value of one policy less that of another, decision by decision; None where the days do not tell.

    Raises
    ------
    StatisticError
        If the two are not of the same decisions.
    """
    if mine.value.shape != other.value.shape:
        raise StatisticError(f"difference: {mine.value.size:,} and {other.value.size:,} decisions, expected the same")
    gap = mine.value - other.value
    shift = other.cost - mine.cost
    try:
        found = clustered_mean_interval(gap, block, level)
    except StatisticError:  # a single day
        return None
    if gap.any() and (found.n_effective < gates.minimum_effective_blocks or not covers(found.coverage, level)):
        return None
    return replace(found, estimate=found.estimate + shift, lower=found.lower + shift, upper=found.upper + shift)
