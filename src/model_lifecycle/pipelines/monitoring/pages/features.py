"""Drill-down: every feature against its reference, in the window and over time."""

from collections.abc import Sequence

from model_lifecycle.monitoring.history import RememberedWindow
from model_lifecycle.monitoring.profile import FeatureProfile
from model_lifecycle.monitoring.verdict import FeatureDrift, WindowVerdict
from model_lifecycle.pipelines.monitoring.pages.parts import day, over_windows
from model_lifecycle.reporting.document import Callout, Cell, Fold, Panel, Section
from model_lifecycle.reporting.drawing import distribution_panel

_P_VALUE_DIGITS = 2


def features_section(
    window: WindowVerdict, profiles: dict[str, FeatureProfile], past: Sequence[RememberedWindow]
) -> Section:
    """Return the drift of each feature with its distribution, those that drifted first and open."""
    calibration = window.drift.calibration
    silent = () if calibration is None else calibration.silent
    rows: list[dict[str, Cell]] = [
        {
            "feature": one.feature,
            "drifted": "cannot alarm" if one.feature in silent and not one.drifted else one.drifted,
            "statistic": one.statistic.replace("_", " "),
            "distance": round(one.effect, 4),
            "floor": round(one.floor, 4),
            "corrected p-value": float(f"{one.adjusted_p_value:.{_P_VALUE_DIGITS}g}"),
            "stability index": round(one.stability_index, 4),
            **({} if one.importance is None else {"importance": f"{one.importance:.1%}"}),
        }
        for one in window.drift.features
    ]
    words = (
        "A feature drifted when a statistic is significant after correction and above its floor.",
        "Shown is the statistic that lies furthest above its floor.",
        "The floor is what windows of the training data keep among themselves. Drift alone never retrains.",
        *_weight(window),
        *_season(window),
        *((calibration.message + ".",) if calibration else ()),
        *(f"Not compared: {name}, {reason}." for name, reason in window.drift.skipped.items()),
    )
    ordered = sorted(window.drift.features, key=lambda one: not one.drifted)
    folds = tuple(_fold(one, profiles.get(one.feature), past) for one in ordered)
    callout = Callout("note", f"{calibration.warning()}.") if calibration and silent else None
    return Section("Features against the training data", callout=callout, text=words, table=rows or None, folds=folds)


def _weight(window: WindowVerdict) -> tuple[str, ...]:
    share = window.drift.importance_drifted
    return () if share is None else (f"Features that drifted make up {share:.0%} of what the release explains.",)


def _season(window: WindowVerdict) -> tuple[str, ...]:
    found = window.drift.season
    if found is None:
        return ()
    when = f"{day(found.start)} to {day(found.end)}"
    if found.reason:
        return (f"Not compared with the same season before ({when}): {found.reason}.",)
    usual, drifted = found.seasonal(window.drift), window.drift.drifted()
    named = f": {', '.join(usual)}" if usual else ""
    said = (
        f"{len(usual)} of {len(drifted)} features that drifted look as they did in the season before ({when}){named}."
    )
    return (said,)


def _fold(one: FeatureDrift, profile: FeatureProfile | None, past: Sequence[RememberedWindow]) -> Fold:
    quiet = "within its floor" if one.effect <= one.floor else "not significant"
    state = "drifted" if one.drifted else "suspected" if one.suspected else quiet
    panels = [distance_panel(one.feature, past)]
    if profile is not None and len(profile.shown_counts) == len(one.counts):
        panels.insert(0, _distribution(profile, one))
    return Fold(f"{one.feature}: {state}, {one.effect:.3f} against {one.floor:.3f}", (), tuple(panels), one.drifted)


def _distribution(profile: FeatureProfile, one: FeatureDrift) -> Panel:
    caption = "Share of rows: grey in training, blue in this window"
    return distribution_panel(caption, profile.shown_labels, profile.shown_counts, one.counts)


def distance_panel(feature: str, windows: Sequence[RememberedWindow]) -> Panel:
    """Draw the distance of a feature from its reference over time; the dashed line is its floor, red has drifted."""
    floors = [window.drift[feature].floor for window in windows if feature in window.drift]
    return over_windows(
        "Distance from training over time (dashed: its floor)",
        windows,
        (),
        lambda window: window.drift[feature].effect if feature in window.drift else None,
        floors[-1] if floors else None,
        lambda window: window.drift[feature].drifted,
    )
