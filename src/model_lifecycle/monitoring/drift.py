"""Which features of a window are distributed otherwise than in the reference."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase

import numpy as np

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.policy import MonitoringSpec
from model_lifecycle.errors import StatisticError
from model_lifecycle.monitoring.effects import Statistic
from model_lifecycle.monitoring.joint import joint_drift
from model_lifecycle.monitoring.profile import FeatureProfile, ReferenceProfile, without_named_missing
from model_lifecycle.monitoring.verdict import Drift, EffectTest, FeatureDrift
from model_lifecycle.statistics.benjamini_hochberg import benjamini_hochberg
from model_lifecycle.statistics.psi import population_stability_index
from model_lifecycle.statistics.wasserstein import wasserstein_distance

# A Jensen-Shannon distance of 0.2 is a stability index of about 0.25, the usual sign of a significant shift; what is
# shown as floor where the reference is too short to calibrate one.
CONVENTIONAL_FLOOR = 0.2
_TINY = 1e-12
SCORE = "(score)"
_MOST_MOVED_ROWS = 20_000  # of a window, enough for a distance of 1% of its spread

Floors = Mapping[Statistic, float]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One feature of the window beside the reference: its effects, their p-values and floors."""

    feature: str
    effects: Mapping[Statistic, float]
    p_values: Mapping[Statistic, float]
    floors: Floors
    stability_index: float
    moved: float | None
    counts: tuple[int, ...]


def feature_drift(
    features: Columns,
    score: np.ndarray | None,
    profile: ReferenceProfile,
    spec: MonitoringSpec,
    span: timedelta | None = None,
) -> Drift:
    """Compare every feature of a window, and the score, with the reference.

    Each feature is compared by the largest difference of the distribution functions (numbers only), the
    Jensen-Shannon distance over about ten bins, and the change of the missing share. It has drifted when one of these
    has a p-value, corrected over all features and statistics by Benjamini and Hochberg, of at most
    ``spec.drift_level`` **and** exceeds the floor that windows of the reference of the same size keep. The test guards
    small windows, where an effect is mostly noise; the floor guards large ones, where rows of a day depend on one
    another and any difference is significant. Without calibrated floors nothing has drifted: what passes the test
    and the conventional floor is ``suspected``.

    Parameters
    ----------
    features : columns
        The features as the release computed them; one that is absent or of another type is skipped with its reason.
    score : ndarray of float64, optional
        The scores of the window; compared when the profile has those of the reference.
    profile : ReferenceProfile
        Of the release.
    spec : MonitoringSpec
        The level, and overrides by feature.
    span : timedelta, optional
        The time that the window covers; by default ``spec.window``. A window with more rows than the reference had
        in that time is held to the floors of the reference's rows.
    """
    rows = max([len(values) for values in features.values()], default=0 if score is None else len(score))
    size = profile.usual_rows(rows, span or spec.window)
    found: list[_Comparison] = []
    skipped: dict[str, str] = {}
    for name, column, values, floors in _pairs(features, score, profile, size):
        override = _Override.of(name, spec)
        if override.ignored:
            skipped[name] = "ignored by monitoring.drift_overrides"
            continue
        try:
            found.append(_compare(name, column, values, profile.missing_category, override.applied(floors)))
        except (StatisticError, ValueError, TypeError) as error:
            skipped[name] = str(error)
    drifts = _verdicts(found, spec.drift_level) if found else []
    calibration = profile.calibration_of(size)
    silent = tuple(name for name in calibration.silent if name not in skipped)
    return Drift(
        features=tuple(sorted(drifts, key=lambda one: one.floor - one.effect)),
        skipped=skipped,
        calibration=calibration.model_copy(update={"silent": silent}),
        joint=joint_drift(features, profile, size, spec.drift_level),
    )


def weighted(drift: Drift, importance: Mapping[str, float]) -> Drift:
    """Return the drift with the share of each feature in what the champion explains, and of all that drifted together.

    Parameters
    ----------
    drift : Drift
        Of `feature_drift`.
    importance : mapping of str to float
        By feature, adding up to 1; empty when the release does not know.
    """
    if not importance:
        return drift
    features = tuple(one.model_copy(update={"importance": importance.get(one.feature)}) for one in drift.features)
    moved = math.fsum(one.importance or 0.0 for one in features if one.drifted)
    return drift.model_copy(update={"features": features, "importance_drifted": moved})


def _pairs(
    features: Columns, score: np.ndarray | None, profile: ReferenceProfile, size: int
) -> Iterator[tuple[str, FeatureProfile, np.ndarray | None, Floors]]:
    for name, column in profile.features.items():
        yield name, column, features.get(name), profile.floors_of(name, size)
    if profile.score is not None:
        rows = min(size, 0 if score is None else len(score))
        yield SCORE, profile.score, score, profile.score_floors(rows)


@dataclass(frozen=True, slots=True)
class _Override:
    """All overrides whose pattern fits a feature, composed: factors multiply, the highest minimum counts."""

    ignored: bool
    factor: float
    minimum: float

    @classmethod
    def of(cls, name: str, spec: MonitoringSpec) -> "_Override":
        fitting = [one for pattern, one in spec.drift_overrides.items() if fnmatchcase(name, pattern)]
        return cls(
            any(one.ignore for one in fitting),
            math.prod(one.floor_factor for one in fitting),
            max((one.minimum_effect for one in fitting), default=0.0),
        )

    def applied(self, floors: Floors) -> Floors:
        """Return the floors with this override."""
        return {name: min(max(floor * self.factor, self.minimum), 1.0) for name, floor in floors.items()}


def _compare(name: str, column: FeatureProfile, values: np.ndarray | None, missing: str, floors: Floors) -> _Comparison:
    if values is None:
        raise ValueError("not logged")
    if column.kind == "categorical":
        values = without_named_missing(values, missing)
    expected, actual = np.array(column.counts, dtype=np.int64), column.count(values)
    effects = column.binning.effects(expected[np.newaxis], actual[np.newaxis])
    grouped = [column.binning.grouped(counts[np.newaxis])[0] for counts in (expected, actual)]
    return _Comparison(
        feature=name,
        effects={statistic: float(found[0]) for statistic, found in effects.items()},
        p_values=column.binning.p_values(expected, actual),
        floors=floors,
        stability_index=population_stability_index(grouped[0], grouped[1]),
        moved=_moved(column, values),
        counts=tuple(grouped[1].tolist()),
    )


def _moved(column: FeatureProfile, values: np.ndarray) -> float | None:
    """Return how far the numbers have moved on average, in the feature's unit; None without a number on either side."""
    if column.kind != "numeric" or not column.quantiles:
        return None
    known = values[:: max(1, -(-values.size // _MOST_MOVED_ROWS))]
    known = known[np.isfinite(known)]
    return wasserstein_distance(np.array(column.quantiles), known) if known.size else None


def _verdicts(found: Sequence[_Comparison], level: float) -> list[FeatureDrift]:
    keys = [(one, statistic) for one in found for statistic in one.effects]
    adjusted = benjamini_hochberg(np.array([one.p_values.get(statistic, 1.0) for one, statistic in keys]))
    tests: dict[str, list[EffectTest]] = {one.feature: [] for one in found}
    for (one, statistic), corrected in zip(keys, adjusted, strict=True):
        floor = one.floors.get(statistic)
        tests[one.feature].append(
            EffectTest(
                statistic=statistic,
                effect=one.effects[statistic],
                floor=floor,
                p_value=one.p_values.get(statistic, 1.0),
                adjusted_p_value=float(corrected),
                exceeded=floor is not None and bool(corrected <= level) and one.effects[statistic] > floor,
            )
        )
    return [_verdict(one, tests[one.feature], level) for one in found]


def _verdict(one: _Comparison, tests: Sequence[EffectTest], level: float) -> FeatureDrift:
    """Sum a feature up by the statistic that lies furthest above its floor."""
    judged = [test for test in tests if test.floor is not None]
    if judged:
        leading = max(judged, key=lambda test: (test.exceeded, test.effect / max(test.floor or 0.0, _TINY)))
    else:
        leading = next(test for test in tests if test.statistic == "jensen_shannon")
    floor = CONVENTIONAL_FLOOR if leading.floor is None else leading.floor
    return FeatureDrift(
        feature=one.feature,
        statistic=leading.statistic,
        effect=leading.effect,
        floor=floor,
        calibrated=bool(judged),
        p_value=leading.p_value,
        adjusted_p_value=leading.adjusted_p_value,
        stability_index=one.stability_index,
        wasserstein=one.moved,
        drifted=leading.exceeded,
        suspected=not judged and leading.adjusted_p_value <= level and leading.effect > CONVENTIONAL_FLOOR,
        tests=tuple(tests),
        counts=one.counts,
    )
