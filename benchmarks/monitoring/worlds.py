"""Seeded stationary worlds whose days depend on one another, and whose rows of a day do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from model_lifecycle.contracts.features import FeatureSpec

START = np.datetime64("2024-01-01", "us")
_DAY = 86_400_000_000
_LEVELS = np.array([f"level {number}" for number in range(8)], dtype=object)
_CUTS = np.array([-1.5, -0.8, -0.3, 0.1, 0.6, 1.2, 2.2])
_SHARES = (0.0, 0.05, 0.1, 0.2, 0.3)  # of a feature's variance that its day makes
_MEMORY = (0.3, 0.56, 0.56, 0.8)  # autocorrelation of the days
_MISSING = (0.0, 0.0, 0.001, 0.05, 0.2)


@dataclass(frozen=True)
class World(Mapping[str, np.ndarray]):
    """Features of consecutive rows, made when they are asked for; the same rows of the same world are the same.

    ``first`` and ``rows`` choose a contiguous part. Every fifth feature is text; others are normal, skewed, or whole
    numbers; some are missing in a share of rows that the day decides.
    """

    seed: int
    features: int
    rows_a_day: int
    first: int
    rows: int

    def names(self) -> list[str]:
        """Return the features."""
        return [f"f{number}" for number in range(self.features)]

    def spec(self) -> FeatureSpec:
        """Return which of them are text."""
        names = self.names()
        text = tuple(names[4::5])
        return FeatureSpec(numeric=tuple(name for name in names if name not in text), categorical=text)

    def times(self) -> np.ndarray:
        """Return the decision times: rows spread evenly over their day."""
        place = np.arange(self.first, self.first + self.rows)
        return START + (place * (_DAY / self.rows_a_day)).astype("timedelta64[us]")

    def __len__(self) -> int:
        return self.features

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __getitem__(self, name: str) -> np.ndarray:
        number = int(name[1:])
        rng = np.random.default_rng([self.seed, number])
        share, memory, missing = rng.choice(_SHARES), rng.choice(_MEMORY), rng.choice(_MISSING)
        day = np.arange(self.first, self.first + self.rows) // self.rows_a_day
        level, gaps = self.days(rng, memory, int(day[-1]) + 1)
        rows = np.random.default_rng([self.seed, number, self.first])
        values = np.sqrt(share) * level[day] + np.sqrt(1.0 - share) * rows.standard_normal(self.rows)
        if number % 5 == 4:
            return np.asarray(_LEVELS[np.searchsorted(_CUTS, values)])
        if number % 5 == 1:
            values = np.exp(values)
        elif number % 5 == 2:
            values = np.round(2.0 * values)
        if missing and number:
            values[rows.random(self.rows) < missing * np.exp(0.3 * gaps[day])] = np.nan
        return values

    @staticmethod
    def days(rng: np.random.Generator, memory: float, days: int) -> tuple[np.ndarray, np.ndarray]:
        """Return two stationary autoregressions; the first days are the same however many are asked for."""
        shocks = rng.standard_normal((days, 2)).T
        shocks[:, 1:] *= np.sqrt(1.0 - memory**2)
        level, gaps = lfilter([1.0], [1.0, -memory], shocks, axis=1)
        return level, gaps
