"""The reference profile: what a release remembers of its training data, as it travels in the release."""

from typing import Literal

import numpy as np
from pydantic import AwareDatetime, Field, FiniteFloat

from model_lifecycle.contracts.base import Contract
from model_lifecycle.monitoring.verdict import Share
from model_lifecycle.statistics.binning import counts_by_category, counts_in_bins


class FeatureProfile(Contract):
    """One column of the reference. The ``*_high`` figures are the highest in any window of it."""

    kind: Literal["numeric", "categorical"]
    edges: tuple[FiniteFloat, ...] = ()
    categories: tuple[str, ...] = ()
    known: tuple[str, ...] | None = Field(default=None, description="every category; null when there are too many")
    counts: tuple[int, ...] = Field(description="per bin or category, then (categories) all others, then missing")
    missing: Share
    missing_high: Share
    most_frequent_high: Share
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    quantiles: tuple[FiniteFloat, ...] = ()
    jump: Share | None = Field(default=None, description="largest Kolmogorov-Smirnov distance of neighbouring windows")
    floor: FiniteFloat = Field(ge=0.0, description="Jensen-Shannon distance that windows of the reference keep")

    def count(self, values: np.ndarray) -> np.ndarray:
        """Count rows in the reference's own bins; at least one row."""
        if self.kind == "numeric":
            return counts_in_bins(values, np.array(self.edges))
        return counts_by_category(values, self.categories)


class ReferenceProfile(Contract):
    """The reference of a release: its columns, its score, and how much its own windows differ."""

    schema_version: Literal[1] = 1
    rows: int = Field(ge=1)
    start: AwareDatetime
    end: AwareDatetime
    window_seconds: FiniteFloat
    windows: int = Field(description="whole windows in the reference")
    calibrated: bool = Field(description="whether the floors come from the reference; else they are conventional")
    rows_low: int = Field(description="fewest rows in a window")
    rows_high: int
    missing_category: str
    features: dict[str, FeatureProfile]
    score: FeatureProfile | None = None


def without_named_missing(values: np.ndarray, missing_category: str) -> np.ndarray:
    """Return categories with the named missing one as None again."""
    text = values.astype(object)
    text[text == missing_category] = None
    return text
