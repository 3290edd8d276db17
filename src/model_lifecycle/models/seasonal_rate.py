"""The seasonal baseline: the share of positive outcomes at that hour, on that weekday, or of whatever else recurs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.errors import ModelError
from model_lifecycle.models.base import Parameters
from model_lifecycle.models.calibration import logit
from model_lifecycle.models.checks import check_training_rows, required_file

_FILE = "seasonal_rate.json"
_PARAMETERS: Parameters = {"by": "", "bins": 24, "strength": 20.0}
_BETWEEN = "\x1f"  # the parts of a cell's key


@dataclass(frozen=True)
class SeasonalRate:
    """A rate for each cell of the columns ``by``; a number's part of the cell is its bin between ``edges``."""

    by: tuple[str, ...]
    edges: Mapping[str, tuple[float, ...]]
    rates: Mapping[str, float]
    rate: float

    def predict(self, features: Columns) -> np.ndarray:
        """Return each row's cell's rate, the rate of all for a cell that was never seen."""
        cells = _cells(features, self.by, self.edges) if row_count(features) else []
        return np.array([self.rates.get(cell, self.rate) for cell in cells], dtype=np.float64)

    def explain(self, features: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Return how far the cell lies from the rate of all, in equal shares to the columns that make the cell."""
        base = np.full(row_count(features), float(logit(np.array([self.rate]))[0]))
        share = (logit(self.predict(features)) - base) / len(self.by)
        return np.stack([share if name in self.by else np.zeros_like(share) for name in features], axis=1), base

    def to_files(self) -> dict[str, bytes]:
        """Return one JSON file."""
        content = {"by": self.by, "edges": self.edges, "rates": self.rates, "rate": self.rate}
        return {_FILE: json.dumps(content, sort_keys=True).encode()}


class SeasonalRateFamily:
    """Fits and restores `SeasonalRate`."""

    def fit(  # rates need neither seed nor threads
        self,
        features: Columns,
        target: np.ndarray,
        parameters: Parameters,
        seed: int,  # noqa: ARG002
        threads: int,  # noqa: ARG002
    ) -> SeasonalRate:
        """Take the rate of each cell, ``(positives + strength * rate of all) / (rows + strength)``.

        ``by`` names the columns, with commas between them; numbers are cut into ``bins`` of equal width.
        """
        check_training_rows("seasonal_rate", features, target)
        if unknown := sorted(set(parameters) - set(_PARAMETERS)):
            raise ModelError(f"seasonal_rate: parameters {unknown}, expected some of {sorted(_PARAMETERS)}")
        chosen = {**_PARAMETERS, **parameters}
        by = tuple(name.strip() for name in str(chosen["by"]).split(",") if name.strip())
        if not by or not set(by) <= set(features):
            raise ModelError(f"seasonal_rate: by {list(by)}, expected some of the features {sorted(features)}")
        bins, strength = chosen["bins"], chosen["strength"]
        if not isinstance(bins, int) or bins < 1 or not isinstance(strength, float | int) or not strength > 0:
            raise ModelError(f"seasonal_rate: bins {bins!r} and strength {strength!r}, expected both above 0")
        edges = {name: _edges(features[name], bins) for name in by if features[name].dtype != object}
        cells, rate = _cells(features, by, edges), float(target.mean())
        counts: dict[str, list[float]] = {}
        for cell, value in zip(cells, target.tolist(), strict=True):
            found = counts.setdefault(cell, [0.0, 0.0])
            found[0] += 1.0
            found[1] += value
        rates = {cell: (ones + strength * rate) / (rows + strength) for cell, (rows, ones) in counts.items()}
        return SeasonalRate(by, edges, rates, rate)

    def restore(self, files: Mapping[str, bytes]) -> SeasonalRate:
        """Read the rates back."""
        try:
            content = json.loads(required_file("seasonal_rate", files, _FILE))
            model = SeasonalRate(
                tuple(str(name) for name in content["by"]),
                {str(name): tuple(float(edge) for edge in found) for name, found in content["edges"].items()},
                {str(cell): float(rate) for cell, rate in content["rates"].items()},
                float(content["rate"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"seasonal_rate: {_FILE} holds no rates: {error}") from error
        if not model.by or not all(0 < rate < 1 for rate in (model.rate, *model.rates.values())):
            raise ModelError(f"seasonal_rate: {_FILE} holds rates that are no shares, expected each between 0 and 1")
        return model


def _edges(values: np.ndarray, bins: int) -> tuple[float, ...]:
    known = values[np.isfinite(values.astype(np.float64))]
    return tuple(np.linspace(known.min(), known.max(), bins + 1)[1:-1].tolist()) if len(known) else ()


def _cells(features: Columns, by: tuple[str, ...], edges: Mapping[str, tuple[float, ...]]) -> list[str]:
    parts = []
    for name in by:
        values = features[name]
        if name in edges:
            bins = np.searchsorted(np.array(edges[name]), values.astype(np.float64), "right")
            parts.append(np.where(np.isnan(values.astype(np.float64)), "missing", bins.astype(str)).tolist())
        else:
            parts.append([str(value) for value in values.tolist()])
    return [_BETWEEN.join(cell) for cell in zip(*parts, strict=True)]


FAMILY = SeasonalRateFamily()
