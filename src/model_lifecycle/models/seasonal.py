"""The seasonal baseline: what usually happens at that hour, on that weekday, or of whatever else recurs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.errors import ModelError
from model_lifecycle.models.base import BINARY, Objective, Parameters
from model_lifecycle.models.checks import check_training_rows, required_file
from model_lifecycle.models.margin import margin

_FILE = "seasonal.json"
_PARAMETERS: Parameters = {"by": "", "bins": 24, "strength": 20.0}
_BETWEEN = "\x1f"  # the parts of a cell's key


@dataclass(frozen=True)
class Seasonal:
    """A mean for each cell of the columns ``by``; a number's part of the cell is its bin between ``edges``."""

    kind: str
    by: tuple[str, ...]
    edges: Mapping[str, tuple[float, ...]]
    means: Mapping[str, tuple[float, ...]]
    mean: tuple[float, ...]

    def predict(self, features: Columns) -> np.ndarray:
        """Return each row's cell's mean, the mean of all for a cell that was never seen."""
        cells = _cells(features, self.by, self.edges) if row_count(features) else []
        found = np.array([self.means.get(cell, self.mean) for cell in cells], dtype=np.float64)
        found = found.reshape(-1, len(self.mean))
        return found if self.kind == "multiclass" else found[:, 0]

    def explain(self, features: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Return how far the cell lies from the mean of all, in equal shares to the columns that make the cell."""
        found = self.predict(features)
        everywhere = np.array([self.mean]) if self.kind == "multiclass" else np.array(self.mean)
        base = np.broadcast_to(margin(self.kind, everywhere), found.shape)
        share = (margin(self.kind, found) - base) / len(self.by)
        return np.stack([share if name in self.by else np.zeros_like(share) for name in features], axis=1), base

    def to_files(self) -> dict[str, bytes]:
        """Return one JSON file."""
        content = {"kind": self.kind, "by": self.by, "edges": self.edges, "means": self.means, "mean": self.mean}
        return {_FILE: json.dumps(content, sort_keys=True).encode()}


class SeasonalFamily:
    """Fits and restores `Seasonal`."""

    def fit(  # means need neither seed nor threads
        self,
        features: Columns,
        target: np.ndarray,
        parameters: Parameters,
        seed: int,  # noqa: ARG002
        threads: int,  # noqa: ARG002
        objective: Objective = BINARY,
        weight: np.ndarray | None = None,
    ) -> Seasonal:
        """Take the mean of each cell, ``(sum + strength * mean of all) / (rows + strength)``.

        The mean is that of the target, or of each class's indicator. ``by`` names the columns, with commas between
        them; numbers are cut into ``bins`` of equal width.
        """
        check_training_rows("seasonal", features, target, objective)
        if unknown := sorted(set(parameters) - set(_PARAMETERS)):
            raise ModelError(f"seasonal: parameters {unknown}, expected some of {sorted(_PARAMETERS)}")
        chosen = {**_PARAMETERS, **parameters}
        by = tuple(name.strip() for name in str(chosen["by"]).split(",") if name.strip())
        if not by or not set(by) <= set(features):
            raise ModelError(f"seasonal: by {list(by)}, expected some of the features {sorted(features)}")
        bins, strength = chosen["bins"], chosen["strength"]
        if not isinstance(bins, int) or bins < 1 or not isinstance(strength, float | int) or not strength > 0:
            raise ModelError(f"seasonal: bins {bins!r} and strength {strength!r}, expected both above 0")
        edges = {name: _edges(features[name], bins) for name in by if features[name].dtype != object}
        names, place = np.unique(np.array(_cells(features, by, edges), dtype=object), return_inverse=True)
        values = target[:, None]
        if objective.kind == "multiclass":
            values = (values == np.arange(objective.classes)).astype(np.float64)
        share = np.ones(len(target)) if weight is None else weight
        mean, rows = np.average(values, axis=0, weights=weight), np.bincount(place, share)
        sums = np.stack([np.bincount(place, column * share) for column in values.T], axis=1)
        means = (sums + strength * mean) / (rows + strength)[:, None]
        cells = {str(name): tuple(row) for name, row in zip(names, means.tolist(), strict=True)}
        return Seasonal(objective.kind, by, edges, cells, tuple(mean.tolist()))

    def restore(self, files: Mapping[str, bytes]) -> Seasonal:
        """Read the means back."""
        try:
            content = json.loads(required_file("seasonal", files, _FILE))
            model = Seasonal(
                str(content["kind"]),
                tuple(str(name) for name in content["by"]),
                {str(name): tuple(float(edge) for edge in found) for name, found in content["edges"].items()},
                {str(cell): tuple(float(one) for one in found) for cell, found in content["means"].items()},
                tuple(float(one) for one in content["mean"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"seasonal: {_FILE} holds no means: {error}") from error
        every = [model.mean, *model.means.values()]
        shares = model.kind == "quantile" or all(0 < one < 1 for found in every for one in found)
        if not model.by or not model.mean or not shares or {len(found) for found in every} != {len(model.mean)}:
            raise ModelError(f"seasonal: {_FILE} holds means that are no shares, expected each between 0 and 1")
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


FAMILY = SeasonalFamily()
