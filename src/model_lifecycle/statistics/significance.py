"""What a test of equal distributions returns."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Significance:
    """The outcome of a two-sample test.

    Attributes
    ----------
    statistic : float
        The test's own statistic.
    p_value : float
        Probability of a statistic at least as large between two samples of one distribution with independent rows,
        in [0, 1]. Rows that depend on one another make it too small: read it with `effect`.
    effect : float
        Size of the difference, in [0, 1], whatever the number of rows: the largest difference of the distribution
        functions (Kolmogorov-Smirnov) or the share of rows that would have to move (categories).
    """

    statistic: float
    p_value: float
    effect: float
