"""Changes in how numbers move together, though each by itself may look as before."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.monitoring.floors import calibrated_floors, floor_at, window_starts
from model_lifecycle.monitoring.profile import FeatureProfile, JointProfile, ReferenceProfile
from model_lifecycle.monitoring.verdict import JointDrift, PairDrift

MOST_FEATURES = 40  # 780 pairs: what a profile can carry, and a million rows can be multiplied out for in seconds
_NAMED_PAIRS = 5
_FEWEST_ROWS = 50
_MOST_ROWS = 200_000  # evenly thinned: they tell a correlation to within 0.005
_NEARLY_ONE = 0.9999  # keeps Fisher's transformation finite
_DIGITS = 4
_KIND = np.array(["correlation"])


def normal_scores(column: FeatureProfile, values: np.ndarray) -> np.ndarray:
    """Return each number's place in the reference as a normal deviate, float32; missing ones stand in the middle.

    Parameters
    ----------
    column : FeatureProfile
        Of a number.
    values : ndarray of float64, shape (n,)
    """
    counts = np.array(column.counts[:-1], dtype=np.float64)
    middle = (np.cumsum(counts) - counts / 2.0 + 0.5) / (counts.sum() + 1.0)
    return np.asarray(np.append(ndtri(middle), 0.0).astype(np.float32)[column.place(values)])


def joint_profile(scores: Mapping[str, np.ndarray], sizes: Sequence[int], level: float) -> JointProfile | None:
    """Return the correlations of the reference, and how much those of its own windows differ.

    Parameters
    ----------
    scores : mapping of ndarray of float32, shape (n,)
        Of `normal_scores`, in the order of time.
    sizes : sequence of int
        Rows of the windows to calibrate for.
    level : float
        Share of stationary windows that may exceed the floor.

    Returns
    -------
    JointProfile or None
        None for fewer than two features.
    """
    if len(scores) < 2:
        return None
    table = np.column_stack(list(scores.values()))
    whole = _moments(table)
    kept: dict[int, float] = {}
    for size in sizes:
        effects = []
        for start in window_starts(len(table), size):
            inside = _moments(table[start : start + size])
            rest = (whole[0] - inside[0], whole[1] - inside[1], whole[2] - inside[2])
            effects.append(_effect(_correlations(*inside), _correlations(*rest)))
        found = calibrated_floors(np.array(effects)[:, np.newaxis], _KIND, level)
        if found is not None:
            kept[size] = float(found.floors[0])
    floors = np.maximum.accumulate(list(kept.values())[::-1])[::-1].tolist() if kept else []
    correlation = np.round(_correlations(*whole), _DIGITS)
    return JointProfile(
        features=tuple(scores), correlation=tuple(correlation.tolist()), sizes=tuple(kept), floors=tuple(floors)
    )


def joint_drift(features: Columns, profile: ReferenceProfile, size: int, level: float) -> JointDrift | None:
    """Compare how the numbers of a window move together with how they did in the reference.

    The effect is the largest change of a rank correlation (of normal scores) over all pairs, halved, so that it lies in
    [0, 1]. As for a single feature, it has drifted when the test, corrected for the number of pairs, is significant
    and the effect exceeds the floor that windows of the reference keep.

    Parameters
    ----------
    features : columns
        Of the window; a feature that is absent or no number leaves its pairs out.
    profile : ReferenceProfile
        Of the release.
    size : int
        Rows by which to look up the floor (`ReferenceProfile.usual_rows`).
    level : float
        Of the test.

    Returns
    -------
    JointDrift or None
        None where the profile has no correlations, or fewer than two features or 50 rows can be compared.

    References
    ----------
    Fisher (1921), Metron 1, 3-32 (the transformation of a correlation); van der Waerden (1952), Indagationes
    Mathematicae 14, 453-458 (normal scores).
    """
    known = profile.joint
    if known is None:
        return None
    used = [name for name in known.features if name in features and features[name].dtype.kind in "biuf"]
    rows = len(features[used[0]]) if used else 0
    if len(used) < 2 or rows < _FEWEST_ROWS:
        return None
    step = max(1, rows // _MOST_ROWS)
    table = np.column_stack([normal_scores(profile.features[name], features[name][::step]) for name in used])
    now, before = _correlations(*_moments(table)), known.among(used)
    change = np.abs(now - before)
    pairs = [(used[a], used[b]) for a, b in zip(*np.triu_indices(len(used), 1), strict=True)]
    steps = [np.arctanh(np.clip(side, -_NEARLY_ONE, _NEARLY_ONE)) for side in (now, before)]
    spread = np.sqrt(1.0 / (len(table) - 3) + 1.0 / max(profile.rows - 3, 1))
    p_value = min(1.0, float(2.0 * ndtr(-np.max(np.abs(steps[0] - steps[1])) / spread)) * len(pairs))
    effect = float(change.max() / 2.0)
    floor = floor_at(known.sizes, known.floors, size) if known.sizes else None
    return JointDrift(
        effect=effect,
        floor=floor,
        p_value=p_value,
        drifted=floor is not None and effect > floor and p_value <= level,
        pairs=tuple(
            PairDrift(features=pairs[place], before=float(before[place]), now=float(now[place]))
            for place in np.argsort(-change, kind="stable")[:_NAMED_PAIRS].tolist()
        ),
    )


def _moments(table: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    return float(len(table)), table.sum(axis=0, dtype=np.float64), (table.T @ table).astype(np.float64)


def _correlations(rows: float, total: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """Return the correlations of all pairs, 0 where a column does not vary."""
    covariance = cross / rows - np.outer(total, total) / rows**2
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    scale = np.outer(spread, spread)
    varies = scale > 1e-6
    found = np.where(varies, covariance / np.where(varies, scale, 1.0), 0.0)
    return np.asarray(np.clip(found, -1.0, 1.0)[np.triu_indices(len(total), 1)])


def _effect(now: np.ndarray, before: np.ndarray) -> float:
    return float(np.max(np.abs(now - before)) / 2.0)
