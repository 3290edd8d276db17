"""When the loss has changed: which segments and which features explain it, ranked, with the evidence.

What inputs do not explain of each row's loss is compared between the bins of every feature, those of the reference.
The whole of it is the concept's ``from_outcomes``; a segment above the rest contributes more than its share of it.
What inputs do explain is told feature by feature, from how the shares of its bins have changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.errors import StatisticError
from model_lifecycle.monitoring.profile import FeatureProfile, ReferenceProfile, without_named_missing
from model_lifecycle.monitoring.verdict import Causes, Drift, FeatureCause, Figure, SegmentCause
from model_lifecycle.statistics.benjamini_hochberg import benjamini_hochberg
from model_lifecycle.statistics.moderated import moderated_variances
from model_lifecycle.statistics.segments import Segments, compare_segments

SHOWN = 12  # segments and features, the first the most
FEWEST = 100  # rows, below which a segment is not compared: losses are skewed
_LEVEL = 0.95  # of the intervals
_TOLERATED = (
    0.025  # share of false ones among those that explain; 0.05 showed one in 10% of 150 quiet weeks, this in 5%
)


@dataclass(frozen=True, slots=True)
class Losses:
    """Labelled rows of a window: their losses, what the hold-out foretells of these, and the day of each.

    Attributes
    ----------
    actual, foretold : ndarray of float64, shape (n,)
        The losses, and those to expect of such inputs.
    day : ndarray of int64, shape (n,)
        Block of time.
    reference_rows : int
        Rows of the hold-out that foretell.
    """

    actual: np.ndarray
    foretold: np.ndarray
    day: np.ndarray
    reference_rows: int


@dataclass(frozen=True, slots=True)
class _Binned:
    """One feature of the rows in the reference's bins."""

    feature: str
    labels: Sequence[str]
    place: np.ndarray
    before: np.ndarray
    found: Segments


def find_causes(
    columns: Columns, losses: Losses, profile: ReferenceProfile, drift: Drift, importance: Mapping[str, float]
) -> Causes:
    """Rank segments and features by how much of the change of the loss they explain.

    Parameters
    ----------
    columns : columns
        The features of the labelled rows, n rows; those that the reference does not know are left out.
    losses : Losses
        Of the same rows.
    profile : ReferenceProfile
        Whose bins are the segments.
    drift : Drift
        Of the whole window.
    importance : mapping of str to float
        Share of each feature in what the champion explains; may be empty.

    Returns
    -------
    Causes
        The segments by what they contribute beyond their share, those that explain first: their difference from the
        rest is significant after Benjamini and Hochberg over all segments. A bad column is in ``skipped``.
    """
    binned, skipped = [], {}
    for name, column in profile.features.items():
        try:
            binned.append(_binned(name, column, columns.get(name), losses, profile.missing_category))
        except (StatisticError, ValueError, TypeError) as error:
            skipped[name] = str(error)
    segments = _segments(binned, losses)
    return Causes(
        rows=len(losses.actual),
        segments=tuple(segments[:SHOWN]),
        compared=len(segments),
        features=tuple(_features(binned, segments, losses, drift, importance)[:SHOWN]),
        skipped=skipped,
    )


def _binned(name: str, column: FeatureProfile, values: np.ndarray | None, losses: Losses, missing: str) -> _Binned:
    if values is None:
        raise ValueError("not logged")
    if column.kind == "categorical":
        values = without_named_missing(values, missing)
    place, labels = column.shown_place(values), column.shown_labels
    found = compare_segments(losses.actual - losses.foretold, place, losses.day, len(labels))
    before = np.array(column.shown_counts, dtype=np.float64)
    return _Binned(name, labels, place, before / max(before.sum(), 1.0), found)


def _segments(binned: Sequence[_Binned], losses: Losses) -> list[SegmentCause]:
    """Return all segments of all features; what days differ by is estimated for all of them together."""
    keys = [(one, place) for one in binned for place in np.flatnonzero(one.found.rows >= FEWEST).tolist()]
    keys = [(one, place) for one, place in keys if one.found.row_error[place] > 0.0]
    if not keys:
        return []
    row_errors = np.array([one.found.row_error[place] for one, place in keys])
    inflated = np.array([one.found.error[place] for one, place in keys]) ** 2 / row_errors**2
    moderated = moderated_variances(inflated, keys[0][0].found.freedom)
    foretelling = 1.0 + len(losses.actual) / max(losses.reference_rows, 1)  # what is foretold is uncertain, too
    errors = row_errors * np.sqrt(moderated.variance * foretelling)
    differences = np.array([one.found.difference[place] for one, place in keys])
    p_values = 2.0 * stdtr(moderated.freedom, -np.abs(differences) / errors)
    halves = stdtrit(moderated.freedom, (1.0 + _LEVEL) / 2.0) * errors
    found = [
        _segment(one, place, float(half), float(adjusted), losses)
        for (one, place), half, adjusted in zip(keys, halves, benjamini_hochberg(p_values), strict=True)
    ]
    return sorted(found, key=lambda one: (not one.explains, -abs(one.contribution)))


def _segment(one: _Binned, place: int, half: float, adjusted: float, losses: Losses) -> SegmentCause:
    inside, rows = one.place == place, int(one.found.rows[place])
    share, difference = rows / len(losses.actual), float(one.found.difference[place])
    return SegmentCause(
        feature=one.feature,
        segment=one.labels[place],
        rows=rows,
        share=share,
        share_before=float(one.before[place]),
        loss=float(losses.actual[inside].mean()),
        foretold=float(losses.foretold[inside].mean()),
        difference=Figure(
            estimate=difference,
            lower=difference - half,
            upper=difference + half,
            level=_LEVEL,
            n_blocks=one.found.freedom + 1,
        ),
        contribution=share * (1.0 - share) * difference,
        adjusted_p_value=adjusted,
        explains=adjusted <= _TOLERATED,
    )


def _features(
    binned: Sequence[_Binned],
    segments: Sequence[SegmentCause],
    losses: Losses,
    drift: Drift,
    importance: Mapping[str, float],
) -> list[FeatureCause]:
    drifts = {one.feature: one for one in drift.features}
    found = []
    for one in binned:
        moved, weight = drifts.get(one.feature), importance.get(one.feature)
        explaining = [part for part in segments if part.feature == one.feature and part.explains]
        found.append(
            FeatureCause(
                feature=one.feature,
                effect=None if moved is None else moved.effect,
                drifted=moved is not None and moved.drifted,
                importance=weight,
                by_outcomes=sum(max(part.contribution, 0.0) for part in explaining),
                by_inputs=_by_inputs(one, losses.foretold),
            )
        )
    return sorted(found, key=_rank, reverse=True)


def _rank(one: FeatureCause) -> tuple[float, float]:
    """Rank by the loss that is put down to a feature, then by its drift as far as the model cares for it."""
    weighted = (one.effect or 0.0) * (one.importance if one.importance is not None else 1.0)
    return one.by_outcomes + (max(one.by_inputs, 0.0) if one.drifted else 0.0), weighted


def _by_inputs(one: _Binned, foretold: np.ndarray) -> float:
    """Return the change of the foretold loss that goes with the other shares of this feature's bins, by itself."""
    counts = np.bincount(one.place, minlength=len(one.labels))
    means = np.bincount(one.place, foretold, minlength=len(one.labels)) / np.maximum(counts, 1)
    means = np.where(counts > 0, means, foretold.mean())
    return float((counts / counts.sum() - one.before) @ means)
