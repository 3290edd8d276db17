"""Build the reference profile of a release from its training features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.policy import MonitoringSpec
from model_lifecycle.errors import ContractError
from model_lifecycle.monitoring.effects import Statistic, coarse_bins
from model_lifecycle.monitoring.floors import calibrated_floors, sizes_for, window_starts
from model_lifecycle.monitoring.joint import MOST_FEATURES, joint_profile, normal_scores
from model_lifecycle.monitoring.profile import FeatureProfile, ReferenceProfile, without_named_missing
from model_lifecycle.statistics.binning import quantile_edges, top_categories
from model_lifecycle.statistics.ks import kolmogorov_smirnov

_BINS = 10
_FINE_BINS = 50  # the largest difference of distribution functions is then missed by 0.02 at the most
_CATEGORIES = 20
_MOST_KNOWN = 2000  # categories that are remembered one by one, so that a new one is seen
_QUANTILES = np.linspace(0.0, 1.0, 101)
_SMALLEST_SHARE = 0.2  # a window with less than this share of the usual rows says little about the others
_MOST_JUMP_ROWS = 2000  # of a window, enough for a distance to within 0.03
_WINDOWS_AN_OUTAGE = 20  # of fewer windows none is taken for an outage
# The alarms that a stationary window may raise, shared out: each feature by itself, the score, correlations.
FEATURES_SHARE, SCORE_SHARE, JOINT_SHARE = 0.8, 0.1, 0.1

Windows = Sequence[slice]
Effects = list[dict[Statistic, np.ndarray]]  # per size of window


def build_reference_profile(
    features: Columns,
    times: np.ndarray,
    spec: FeatureSpec,
    monitoring: MonitoringSpec,
    score: np.ndarray | None = None,
) -> dict[str, object]:
    """Profile the features that a model is trained on.

    Parameters
    ----------
    features : columns
        The features of `spec` (float64; object for categorical ones), n rows, at least one.
    times : ndarray of datetime64, shape (n,)
        Decision times in UTC, in any order.
    spec : FeatureSpec
        Says which features are categorical and which are raw inputs.
    monitoring : MonitoringSpec
        The window, and the share of stationary windows that may raise an alarm.
    score : ndarray of float64, shape (n,), optional
        The release's scores of the same rows; or add them later with `with_score_profile`.

    Returns
    -------
    dict
        A `ReferenceProfile` as JSON.

    Raises
    ------
    ContractError
        If there is no row, a feature is absent, or the lengths differ.
    """
    absent = sorted(set(spec.names()) - set(features))
    lengths = {len(times), row_count(features)}
    if absent or len(lengths) != 1 or lengths == {0}:
        raise ContractError(
            f"reference profile: features {absent} absent, {len(times):,} times for {row_count(features):,} rows; "
            f"expected all features and at least one row"
        )
    order = np.argsort(times, kind="stable")
    moments = times[order]
    windows = time_windows(moments, monitoring.window)
    sizes = sizes_for(len(times))
    profiles: dict[str, FeatureProfile] = {}
    effects: dict[str, Effects] = {}
    scores: dict[str, np.ndarray] = {}
    for name in spec.names():
        values = features[name][order]  # one column at a time: the whole table again would not fit twice
        column = _column(values, name in spec.categorical, spec, windows)
        effects[name] = _effects(column, values, spec, sizes)
        if column.kind == "numeric" and len(scores) < MOST_FEATURES:
            scores[name] = normal_scores(column, values.astype(np.float64))
        profiles[name] = column.model_copy(
            update={"jump": None if name in spec.categorical else _jump(values, windows)}
        )
    calibrated = _calibrate(effects, sizes, FEATURES_SHARE * monitoring.drift_level)
    rows_of_windows = [rows.stop - rows.start for rows in windows]
    profile = ReferenceProfile(
        rows=len(times),
        start=_aware(moments[0]),
        end=_aware(moments[-1]),
        window_seconds=monitoring.window.total_seconds(),
        level=monitoring.drift_level,
        sizes=calibrated.sizes,
        independent=calibrated.independent,
        rows_low=usual_low(rows_of_windows),
        rows_high=max(rows_of_windows, default=0),
        missing_category=spec.missing_category,
        features={
            name: column.model_copy(update={"floors": calibrated.floors.get(name, {})})
            for name, column in profiles.items()
        },
        joint=joint_profile(scores, calibrated.sizes, JOINT_SHARE * monitoring.drift_level),
    ).model_dump(mode="json")
    return profile if score is None else with_score_profile(profile, score, times, monitoring)


def with_score_profile(
    profile: Mapping[str, object], score: np.ndarray, times: np.ndarray, monitoring: MonitoringSpec
) -> dict[str, object]:
    """Return the profile with that of the release's scores on reference rows added.

    Parameters
    ----------
    profile : mapping
        Of `build_reference_profile`.
    score : ndarray of float64, shape (n,)
        At least one.
    times : ndarray of datetime64, shape (n,)
        Decision times of these rows in UTC; they need not be the rows of the features.
    """
    found = ReferenceProfile.model_validate(profile)
    order = np.argsort(times, kind="stable")
    values = score[order].astype(np.float64)
    column, sizes = _numeric(values, time_windows(times[order], monitoring.window)), sizes_for(len(values))
    effects = {"score": block_effects(column, values, sizes)}
    calibrated = _calibrate(effects, sizes, SCORE_SHARE * monitoring.drift_level)
    column = column.model_copy(update={"floors": calibrated.floors.get("score", {})})
    return found.model_copy(update={"score": column, "score_sizes": calibrated.sizes}).model_dump(mode="json")


def time_windows(times: np.ndarray, width: timedelta) -> list[slice]:
    """Return the rows of the whole windows of time side by side; those with hardly a row are left out.

    Parameters
    ----------
    times : ndarray of datetime64, shape (n,)
        Ascending, at least one.
    width : timedelta
        Of a window.
    """
    moments = times.astype("datetime64[us]").astype(np.int64)
    step = width // timedelta(microseconds=1)
    whole = (int(moments[-1] - moments[0]) + 1) // step
    bounds = np.searchsorted(moments, moments[0] + step * np.arange(whole + 1)).tolist()
    fewest = max(1.0, _SMALLEST_SHARE * float(np.median(np.diff(bounds)))) if whole else 1.0
    return [slice(first, last) for first, last in pairwise(bounds) if last - first >= fewest]


def usual_low(rows: Sequence[int]) -> int:
    """Return the fewest rows of a window without outages, 0 without a window.

    Windows of less than half the rows of all others are outages, as long as they are no more than one in twenty.

    Parameters
    ----------
    rows : sequence of int
        Of each window, in any order.

    Examples
    --------
    >>> usual_low([124, *range(430, 470)]), usual_low([124, 430, 470])
    (430, 124)
    """
    ordered = sorted(rows)
    for outages in range(len(ordered) // _WINDOWS_AN_OUTAGE, 0, -1):
        if 2 * ordered[outages - 1] < ordered[outages]:
            return ordered[outages]
    return ordered[0] if ordered else 0


def block_effects(column: FeatureProfile, values: np.ndarray, sizes: Sequence[int]) -> Effects:
    """Return the effect of contiguous windows of each size against the rest, values in the order of time."""
    code = column.place(values)
    bins = len(column.counts)
    whole = np.array(column.counts)
    found: Effects = []
    for size in sizes:
        starts = window_starts(len(values), size)
        inside = np.stack([np.bincount(code[start : start + size], minlength=bins) for start in starts])
        found.append(column.binning.effects(whole - inside, inside))
    return found


@dataclass(frozen=True, slots=True)
class _Calibration:
    sizes: tuple[int, ...]
    independent: tuple[float, ...]
    floors: Mapping[str, Mapping[Statistic, tuple[float, ...]]]


def _calibrate(effects: Mapping[str, Effects], sizes: Sequence[int], level: float) -> _Calibration:
    """Return the floors of all columns together at each size that has enough independent windows."""
    keys = [(name, statistic) for name, found in effects.items() if found for statistic in found[0]]
    kinds = np.array([statistic for _, statistic in keys])
    made = {}
    for place, size in enumerate(sizes):
        together = np.column_stack([effects[name][place][statistic] for name, statistic in keys])
        found = calibrated_floors(together, kinds, level)
        if found is not None:
            made[size] = found
    floors: dict[str, dict[Statistic, tuple[float, ...]]] = {}
    for number, (name, statistic) in enumerate(keys):
        if made:
            found_floors = np.array([one.floors[number] for one in made.values()])
            # Larger windows differ less; where chance says otherwise the higher floor counts for the smaller, too.
            per_size = np.maximum.accumulate(found_floors[::-1])[::-1]
            floors.setdefault(name, {})[statistic] = tuple(per_size.tolist())
    return _Calibration(tuple(made), tuple(one.independent for one in made.values()), floors)


def _column(values: np.ndarray, categorical: bool, spec: FeatureSpec, windows: Windows) -> FeatureProfile:
    if categorical:
        return _categorical(without_named_missing(values, spec.missing_category), windows)
    return _numeric(values.astype(np.float64), windows)


def _effects(column: FeatureProfile, values: np.ndarray, spec: FeatureSpec, sizes: Sequence[int]) -> Effects:
    if column.kind == "categorical":
        return block_effects(column, without_named_missing(values, spec.missing_category), sizes)
    return block_effects(column, values.astype(np.float64), sizes)


def _numeric(values: np.ndarray, windows: Windows) -> FeatureProfile:
    coarse = quantile_edges(values, _BINS)
    edges = np.union1d(quantile_edges(values, _FINE_BINS), coarse)
    known = values[np.isfinite(values)]
    blank = FeatureProfile(
        kind="numeric",
        edges=tuple(edges.tolist()),
        coarse=coarse_bins(edges, coarse.tolist()),
        counts=(),
        missing=0,
        missing_high=0,
        most_frequent_high=0,
    )
    update = {
        "counts": tuple(blank.count(values).tolist()),
        "minimum": float(known.min()) if known.size else None,
        "maximum": float(known.max()) if known.size else None,
        "quantiles": tuple(np.quantile(known, _QUANTILES).tolist()) if known.size else (),
    }
    return blank.model_copy(update=update | _shares(values, np.isnan(values), windows))


def _categorical(values: np.ndarray, windows: Windows) -> FeatureProfile:
    known = sorted({value for value in values.tolist() if value is not None})
    blank = FeatureProfile(
        kind="categorical",
        categories=top_categories(values, _CATEGORIES),
        known=tuple(known) if len(known) <= _MOST_KNOWN else None,
        counts=(),
        missing=0,
        missing_high=0,
        most_frequent_high=0,
    )
    missing = np.array([value is None for value in values.tolist()], dtype=bool)
    update: dict[str, object] = {
        "counts": tuple(blank.count(values).tolist()),
        "unknown_high": _unknown_high(values, windows),
    }
    return blank.model_copy(update=update | _shares(values, missing, windows))


def _shares(values: np.ndarray, missing: np.ndarray, windows: Windows) -> dict[str, object]:
    """Return how much is missing, and how much the most frequent value makes up: over all, and the most in a window."""
    codes = pd.factorize(values)[0]
    spans = windows or [slice(0, len(values))]
    frequent = [most_frequent_share(codes[rows][codes[rows] >= 0]) for rows in spans]
    return {
        "missing": float(missing.mean()),
        "missing_high": max(float(missing[rows].mean()) for rows in spans),
        "most_frequent_high": max(frequent),
    }


def _unknown_high(values: np.ndarray, windows: Windows) -> float | None:
    """Return the largest share of a window's rows whose category no row before it had, over the later half of windows.

    The earlier half has seen too little: everything is new to the first window. None with fewer than two windows.
    """
    if len(windows) < 2:
        return None
    codes, categories = pd.factorize(values)  # -1 is missing
    first = np.full(len(categories) + 1, -1)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    first[-1] = -1  # what is missing is not new
    return max(float(np.mean(first[codes[rows]] >= rows.start)) for rows in windows[len(windows) // 2 :])


def most_frequent_share(codes: np.ndarray) -> float:
    """Return the share of the most frequent code, 0 without a row; codes are whole numbers from 0 on."""
    return float(np.bincount(codes).max() / codes.size) if codes.size else 0.0


def _jump(values: np.ndarray, windows: Windows) -> float | None:
    """Return the largest distance between neighbouring windows, on evenly thinned rows."""
    parts = [values[rows][np.isfinite(values[rows])] for rows in windows]
    thin = [part[:: max(1, part.size // _MOST_JUMP_ROWS)] for part in parts if part.size]
    return max((kolmogorov_smirnov(before, after).effect for before, after in pairwise(thin)), default=None)


def _aware(moment: np.datetime64) -> datetime:
    instant: datetime = moment.astype("datetime64[us]").item()
    return instant.replace(tzinfo=UTC)
