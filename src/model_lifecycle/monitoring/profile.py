"""The reference profile: what a release remembers of its training data, as it travels in the release."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

import numpy as np
from pydantic import AwareDatetime, Field, FiniteFloat, model_validator

from model_lifecycle.contracts.base import Contract
from model_lifecycle.monitoring.effects import Binning, Statistic
from model_lifecycle.monitoring.floors import floor_at
from model_lifecycle.monitoring.verdict import Calibration, Share
from model_lifecycle.statistics.binning import bins_of, categories_of, counts_by_category, counts_in_bins

_FORMER = 1  # profiles before windows of any size were calibrated


class FeatureProfile(Contract):
    """One column of the reference. The ``*_high`` figures are the highest in any window of it."""

    kind: Literal["numeric", "categorical"]
    edges: tuple[FiniteFloat, ...] = Field(default=(), description="of the fine bins")
    coarse: tuple[int, ...] = Field(default=(), description="first fine bin of each bin that shares are compared over")
    categories: tuple[str, ...] = ()
    known: tuple[str, ...] | None = Field(default=None, description="every category; null when there are too many")
    counts: tuple[int, ...] = Field(description="per bin or category, then (categories) all others, then missing")
    missing: Share
    missing_high: Share
    most_frequent_high: Share
    unknown_high: Share | None = Field(
        default=None, description="most rows of a later window with a category not seen before it; null: not measured"
    )
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    quantiles: tuple[FiniteFloat, ...] = ()
    jump: Share | None = Field(default=None, description="largest Kolmogorov-Smirnov distance of neighbouring windows")
    floors: dict[Statistic, tuple[FiniteFloat, ...]] = Field(
        default_factory=dict, description="of each effect, per size of window; empty when nothing is calibrated"
    )

    def count(self, values: np.ndarray) -> np.ndarray:
        """Count rows in the reference's own bins; at least one row."""
        if self.kind == "numeric":
            return counts_in_bins(values, np.array(self.edges))
        return counts_by_category(values, self.categories)

    def place(self, values: np.ndarray) -> np.ndarray:
        """Return the bin of each row, as int64; at least one row."""
        if self.kind == "numeric":
            return bins_of(values, np.array(self.edges))
        return categories_of(values, self.categories)

    @property
    def shown_counts(self) -> tuple[int, ...]:
        """Rows of the reference per bin that people are shown: the coarse ones or the categories, then missing."""
        return tuple(self.binning.grouped(np.array([self.counts]))[0].tolist())

    def shown_place(self, values: np.ndarray) -> np.ndarray:
        """Return the place of each row among `shown_counts`, as int64; at least one row."""
        place = self.place(values)
        if not self.coarse:
            return place
        shown = np.searchsorted(np.array(self.coarse), place, side="right") - 1
        return np.asarray(np.where(place == len(self.counts) - 1, len(self.coarse), shown), dtype=np.int64)

    @property
    def shown_labels(self) -> list[str]:
        """What people call the bins of `shown_counts`.

        Examples
        --------
        >>> blank = {"counts": (), "missing": 0, "missing_high": 0, "most_frequent_high": 0}
        >>> FeatureProfile(kind="numeric", edges=(0.0, 1500.0), coarse=(0, 1, 2), **blank).shown_labels
        ['< 0', '0', '≥ 1500', 'missing']
        >>> FeatureProfile(kind="categorical", categories=("UA",), **blank).shown_labels
        ['UA', 'other', 'missing']
        """
        if self.kind == "categorical":
            return [*self.categories, "other", "missing"]
        edges = [f"{edge:.4g}" for edge in self.shown_edges]
        if not edges:
            return ["all", "missing"]
        return [f"< {edges[0]}", *edges[:-1], f"≥ {edges[-1]}", "missing"]

    @property
    def shown_edges(self) -> tuple[float, ...]:
        """The edges between the coarse bins of a number."""
        return tuple(self.edges[first - 1] for first in self.coarse[1:])

    @property
    def binning(self) -> Binning:
        """How counts become effects."""
        return Binning(self.coarse)


class JointProfile(Contract):
    """How the numbers of the reference move together: correlations of normal scores, pair by pair."""

    features: tuple[str, ...]
    correlation: tuple[FiniteFloat, ...] = Field(description="of the first with all later ones, then of the second, …")
    sizes: tuple[int, ...]
    floors: tuple[FiniteFloat, ...] = Field(description="of the largest change of a pair, per size of window")

    def among(self, features: Sequence[str]) -> np.ndarray:
        """Return the correlations of the pairs of these features, which stand in the profile's order."""
        table = np.zeros((len(self.features),) * 2)
        table[np.triu_indices(len(self.features), 1)] = self.correlation
        chosen = [self.features.index(name) for name in features]
        return np.asarray(table[np.ix_(chosen, chosen)][np.triu_indices(len(chosen), 1)])


class ReferenceProfile(Contract):
    """The reference of a release: its columns, its score, and how much windows of it differ.

    A profile of schema version 1 is read as one whose floors are known at one size only, that of its usual window,
    and for the Jensen-Shannon distance only.
    """

    schema_version: Literal[2] = 2
    rows: int = Field(ge=1)
    start: AwareDatetime
    end: AwareDatetime
    window_seconds: FiniteFloat
    level: Share = Field(description="share of stationary windows of which any feature may exceed a floor")
    sizes: tuple[int, ...] = Field(description="rows of the windows that floors are calibrated for, ascending")
    independent: tuple[FiniteFloat, ...] = Field(description="independent windows that each size rests on")
    rows_low: int = Field(description="fewest rows in a window of `window_seconds`")
    rows_high: int
    missing_category: str
    features: dict[str, FeatureProfile]
    score: FeatureProfile | None = None
    score_sizes: tuple[int, ...] = ()
    joint: JointProfile | None = None

    def usual_rows(self, rows: int, span: timedelta) -> int:
        """Return the rows by which to look up a window's floor: its own, at most what the reference had in that time.

        With more traffic than the reference had, a window covers no more days, and the days are what differs.
        """
        whole = (self.end - self.start).total_seconds()
        expected = self.rows * span.total_seconds() / whole if whole > 0.0 else rows
        return max(1, min(rows, round(expected)))

    def floors_of(self, name: str, rows: int) -> dict[Statistic, float]:
        """Return the floors of a feature's effects in a window of so many rows; empty where none is calibrated."""
        return _floors(self.features[name], self.sizes, rows)

    def score_floors(self, rows: int) -> dict[Statistic, float]:
        """Return the floors of the score's effects in a window of so many rows."""
        return {} if self.score is None else _floors(self.score, self.score_sizes, rows)

    def calibration_of(self, rows: int) -> Calibration:
        """Return what the floors of a window of so many rows rest on."""
        largest = max(self.sizes, default=0)
        if not largest:
            message = f"the reference of {self.rows:,} rows is too short to tell how its windows differ: nothing alarms"
            return Calibration(rows=rows, calibrated_rows=None, independent_windows=None, message=message)
        used = min(max(rows, self.sizes[0]), largest)
        worth = float(np.interp(np.log(used), np.log(self.sizes), self.independent))
        message = f"floors of windows of {used:,} rows; the reference holds about {worth:.0f} independent ones"
        if largest < rows / 2:
            message += f", and too few of {rows:,}: the smaller windows' higher floors count"
        return Calibration(
            rows=rows, calibrated_rows=used, independent_windows=worth, message=message, silent=self.silent(rows)
        )

    def silent(self, rows: int) -> tuple[str, ...]:
        """Return the features whose distribution no window of so many rows can drift in: its floors are 1.

        A share that is missing may still alarm.
        """
        floors = {name: self.floors_of(name, rows) for name in self.features}
        return tuple(
            name
            for name, found in floors.items()
            if found and all(floor >= 1.0 for statistic, floor in found.items() if statistic != "missing_share")
        )

    @model_validator(mode="before")
    @classmethod
    def _from_former(cls, found: Any) -> Any:
        if not isinstance(found, Mapping) or found.get("schema_version") != _FORMER:
            return found
        usual = [max(1, (int(found["rows_low"]) + int(found["rows_high"])) // 2)] if found["calibrated"] else []
        left = {name: found[name] for name in found if name not in {"schema_version", "windows", "calibrated"}}
        return {
            **left,
            "level": 0.05,
            "sizes": usual,
            "independent": [float(found["windows"])] * len(usual),
            "features": {name: _column_of_former(column, bool(usual)) for name, column in found["features"].items()},
            "score": None if found.get("score") is None else _column_of_former(found["score"], bool(usual)),
            "score_sizes": usual,
        }


def _floors(column: FeatureProfile, sizes: tuple[int, ...], rows: int) -> dict[Statistic, float]:
    return {name: floor_at(sizes, floors, rows) for name, floors in column.floors.items() if sizes}


def _column_of_former(column: Mapping[str, Any], calibrated: bool) -> dict[str, Any]:
    kept = {name: value for name, value in column.items() if name != "floor"}
    bins = len(column["counts"]) - 1
    kept["coarse"] = list(range(bins)) if column["kind"] == "numeric" else []
    kept["floors"] = {"jensen_shannon": [column["floor"]]} if calibrated else {}
    return kept


def without_named_missing(values: np.ndarray, missing_category: str) -> np.ndarray:
    """Return categories with the named missing one as None again."""
    text = values.astype(object)
    text[text == missing_category] = None
    return text
