"""Which features of a window are distributed otherwise than in the reference."""

from dataclasses import dataclass

import numpy as np

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.policy import MonitoringSpec
from model_lifecycle.errors import StatisticError
from model_lifecycle.monitoring.profile import FeatureProfile, ReferenceProfile, without_named_missing
from model_lifecycle.monitoring.verdict import Drift, FeatureDrift
from model_lifecycle.statistics.benjamini_hochberg import benjamini_hochberg
from model_lifecycle.statistics.chi_squared import chi_squared
from model_lifecycle.statistics.jensen_shannon import jensen_shannon_distance
from model_lifecycle.statistics.psi import population_stability_index

SCORE = "(score)"


@dataclass(frozen=True, slots=True)
class _Comparison:
    feature: str
    effect: float
    floor: float
    p_value: float
    stability_index: float
    counts: tuple[int, ...]


def feature_drift(
    features: Columns, score: np.ndarray | None, profile: ReferenceProfile, spec: MonitoringSpec
) -> Drift:
    """Compare every feature of a window, and the score, with the reference.

    A feature has drifted when its chi-squared p-value over the reference's bins, corrected for the number of
    features by Benjamini and Hochberg, is at most ``spec.drift_level`` **and** its Jensen-Shannon distance exceeds
    the floor that windows of the reference itself keep. The test guards small windows, where the effect is mostly
    noise; the floor guards large ones, where rows of a day depend on one another and any difference is significant.

    Parameters
    ----------
    features : columns
        The features as the release computed them; one that is absent or of another type is skipped with its reason.
    score : ndarray of float64, optional
        The scores of the window; compared when the profile has those of the reference.
    """
    found: list[_Comparison] = []
    skipped: dict[str, str] = {}
    pairs = [(name, column, features.get(name)) for name, column in profile.features.items()]
    if profile.score is not None:
        pairs.append((SCORE, profile.score, score))
    for name, column, values in pairs:
        try:
            found.append(_compare(name, column, values, profile.missing_category))
        except (StatisticError, ValueError, TypeError) as error:
            skipped[name] = str(error)
    if not found:
        return Drift(skipped=skipped)
    adjusted = benjamini_hochberg(np.array([one.p_value for one in found]))
    drifts = [_verdict(one, float(p), profile, spec) for one, p in zip(found, adjusted, strict=True)]
    return Drift(features=tuple(sorted(drifts, key=lambda one: one.floor - one.effect)), skipped=skipped)


def _compare(name: str, column: FeatureProfile, values: np.ndarray | None, missing: str) -> _Comparison:
    if values is None:
        raise ValueError("not logged")
    if column.kind == "categorical":
        values = without_named_missing(values, missing)
    expected, actual = np.array(column.counts, dtype=np.int64), column.count(values)
    return _Comparison(
        feature=name,
        effect=jensen_shannon_distance(expected, actual),
        floor=column.floor,
        p_value=chi_squared(expected, actual).p_value,
        stability_index=population_stability_index(expected, actual),
        counts=tuple(actual.tolist()),
    )


def _verdict(one: _Comparison, adjusted: float, profile: ReferenceProfile, spec: MonitoringSpec) -> FeatureDrift:
    return FeatureDrift(
        feature=one.feature,
        effect=one.effect,
        floor=one.floor,
        calibrated=profile.calibrated,
        p_value=one.p_value,
        adjusted_p_value=adjusted,
        stability_index=one.stability_index,
        drifted=adjusted <= spec.drift_level and one.effect > one.floor,
        counts=one.counts,
    )
