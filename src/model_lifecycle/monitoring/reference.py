"""Build the reference profile of a release from its training features."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pandas as pd

from model_lifecycle.contracts.columns import Columns, row_count, take
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.policy import MonitoringSpec
from model_lifecycle.errors import ContractError
from model_lifecycle.monitoring.floors import CONVENTIONAL_FLOOR, Blocks, calibrated_floors
from model_lifecycle.monitoring.profile import FeatureProfile, ReferenceProfile, without_named_missing
from model_lifecycle.statistics.binning import quantile_edges, top_categories
from model_lifecycle.statistics.ks import kolmogorov_smirnov

_BINS = 10
_CATEGORIES = 20
_MOST_KNOWN = 2000  # categories that are remembered one by one, so that a new one is seen
_QUANTILES = np.linspace(0.0, 1.0, 101)
_MOST_JUMP_ROWS = 2000  # of a window, enough for a distance to within 0.03


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
        The window and the quantile that the floors are calibrated for.
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
    sizes = {len(times), row_count(features)}
    if absent or len(sizes) != 1 or sizes == {0}:
        raise ContractError(
            f"reference profile: features {absent} absent, {len(times):,} times for {row_count(features):,} rows; "
            f"expected all features and at least one row"
        )
    order = np.argsort(times, kind="stable")
    rows, moments = take({name: features[name] for name in spec.names()}, order), times[order]
    blocks = Blocks(moments, monitoring.window)
    profiles = {name: _column(values, name in spec.categorical, spec, blocks) for name, values in rows.items()}
    effects = {name: _effects(profile, rows[name], spec, blocks) for name, profile in profiles.items()}
    floors = calibrated_floors(effects, monitoring.drift_floor_quantile, blocks.whole) if blocks.calibrated else {}
    for name in spec.numeric:
        profiles[name] = profiles[name].model_copy(update={"jump": _jump(rows[name], blocks)})
    sizes_of_windows = [rows_.stop - rows_.start for rows_ in blocks.slices()]
    profile = ReferenceProfile(
        rows=len(times),
        start=_aware(moments[0]),
        end=_aware(moments[-1]),
        window_seconds=monitoring.window.total_seconds(),
        windows=blocks.whole,
        calibrated=blocks.calibrated,
        rows_low=min(sizes_of_windows, default=0),
        rows_high=max(sizes_of_windows, default=0),
        missing_category=spec.missing_category,
        features=_with_floors(profiles, floors),
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
    values, blocks = score[order].astype(np.float64), Blocks(times[order], monitoring.window)
    column = _numeric(values, blocks)
    if blocks.calibrated:
        effects = {"score": _cell_effects(column, values, blocks)}
        floors = calibrated_floors(effects, monitoring.drift_floor_quantile, blocks.whole)
        column = column.model_copy(update={"floor": floors["score"]})
    return found.model_copy(update={"score": column}).model_dump(mode="json")


def _with_floors(profiles: Mapping[str, FeatureProfile], floors: Mapping[str, float]) -> dict[str, FeatureProfile]:
    return {
        name: profile.model_copy(update={"floor": floors.get(name, CONVENTIONAL_FLOOR)})
        for name, profile in profiles.items()
    }


def _column(values: np.ndarray, categorical: bool, spec: FeatureSpec, blocks: Blocks) -> FeatureProfile:
    if categorical:
        return _categorical(without_named_missing(values, spec.missing_category), blocks)
    return _numeric(values.astype(np.float64), blocks)


def _effects(profile: FeatureProfile, values: np.ndarray, spec: FeatureSpec, blocks: Blocks) -> np.ndarray:
    if profile.kind == "categorical":
        return _cell_effects(profile, without_named_missing(values, spec.missing_category), blocks)
    return _cell_effects(profile, values.astype(np.float64), blocks)


def _cell_effects(profile: FeatureProfile, values: np.ndarray, blocks: Blocks) -> np.ndarray:
    parts = np.split(values, blocks.cells[1:-1])
    empty = np.zeros(len(profile.counts), dtype=np.int64)
    return blocks.effects(np.stack([profile.count(part) if part.size else empty for part in parts]))


def _numeric(values: np.ndarray, blocks: Blocks) -> FeatureProfile:
    edges = quantile_edges(values, _BINS)
    known = values[np.isfinite(values)]
    blank = FeatureProfile(
        kind="numeric", edges=tuple(edges.tolist()), counts=(), missing=0, missing_high=0, most_frequent_high=0, floor=0
    )
    update = {
        "counts": tuple(blank.count(values).tolist()),
        "minimum": float(known.min()) if known.size else None,
        "maximum": float(known.max()) if known.size else None,
        "quantiles": tuple(np.quantile(known, _QUANTILES).tolist()) if known.size else (),
    }
    return blank.model_copy(update=update | _shares(values, np.isnan(values), blocks))


def _categorical(values: np.ndarray, blocks: Blocks) -> FeatureProfile:
    known = sorted({value for value in values.tolist() if value is not None})
    blank = FeatureProfile(
        kind="categorical",
        categories=top_categories(values, _CATEGORIES),
        known=tuple(known) if len(known) <= _MOST_KNOWN else None,
        counts=(),
        missing=0,
        missing_high=0,
        most_frequent_high=0,
        floor=0,
    )
    missing = np.array([value is None for value in values.tolist()], dtype=bool)
    update: dict[str, object] = {"counts": tuple(blank.count(values).tolist())}
    return blank.model_copy(update=update | _shares(values, missing, blocks))


def _shares(values: np.ndarray, missing: np.ndarray, blocks: Blocks) -> dict[str, object]:
    """Return how much is missing, and how much the most frequent value makes up: over all, and the most in a window."""
    codes = pd.factorize(values)[0]
    windows = blocks.slices() or [slice(0, len(values))]
    frequent = [most_frequent_share(codes[rows][codes[rows] >= 0]) for rows in windows]
    return {
        "missing": float(missing.mean()),
        "missing_high": max(float(missing[rows].mean()) for rows in windows),
        "most_frequent_high": max(frequent),
    }


def most_frequent_share(codes: np.ndarray) -> float:
    """Return the share of the most frequent code, 0 without a row; codes are whole numbers from 0 on."""
    return float(np.bincount(codes).max() / codes.size) if codes.size else 0.0


def _jump(values: np.ndarray, blocks: Blocks) -> float | None:
    """Return the largest distance between neighbouring windows, on evenly thinned rows."""
    parts = [values[rows][np.isfinite(values[rows])] for rows in blocks.slices()]
    thin = [part[:: max(1, part.size // _MOST_JUMP_ROWS)] for part in parts if part.size]
    return max((kolmogorov_smirnov(before, after).effect for before, after in pairwise(thin)), default=None)


def _aware(moment: np.datetime64) -> datetime:
    instant: datetime = moment.astype("datetime64[us]").item()
    return instant.replace(tzinfo=UTC)
