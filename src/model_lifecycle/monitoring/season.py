"""The newest window against the same season before: what recurs every year is no news."""

from datetime import timedelta

import numpy as np
import pandas as pd

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.errors import StatisticError
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.effects import Statistic
from model_lifecycle.monitoring.judge import Rules, feature_columns
from model_lifecycle.monitoring.profile import FeatureProfile, without_named_missing
from model_lifecycle.monitoring.verdict import FeatureDrift, MonitoringReport, SeasonDrift, SeasonFeature
from model_lifecycle.monitoring.windows import Window, rows_of

FEWEST = 50  # decisions in the season before
# A floor is what one window keeps against the whole reference; two windows differ by the root of two more.
_TWO_WINDOWS = float(np.sqrt(2.0))


def season_of(report: MonitoringReport, season: timedelta) -> Window | None:
    """Return the season before the newest window, None without one."""
    newest = report.newest()
    return None if newest is None else Window(newest.start - season, newest.end - season)


def with_season(
    report: MonitoringReport, now: pd.DataFrame, before: pd.DataFrame, champion: ChampionFacts, rules: Rules
) -> MonitoringReport:
    """Return the report with the newest window compared with the same season before.

    Parameters
    ----------
    report : MonitoringReport
        The judged windows.
    now, before : DataFrame
        Logged predictions of the report's windows, and of `season_of`.
    champion, rules
        As for `judge_windows`.

    Returns
    -------
    MonitoringReport
        The newest window's ``drift.season`` tells, feature by feature, whether it looks as it did then; or why not: the
        log does not go back so far.
    """
    newest, window = report.newest(), season_of(report, rules.spec.season)
    if newest is None or window is None:
        return report
    then = rows_of(before, window, None) if len(before) else before
    found = SeasonDrift(start=window.start, end=window.end, decisions=len(then))
    if len(then) < FEWEST:
        reason = f"{len(then):,} decisions are logged of the season before, expected at least {FEWEST}"
        found = found.model_copy(update={"reason": reason})
    else:
        current = feature_columns(rows_of(now, Window(newest.start, newest.end), None), champion, rules)
        past = feature_columns(then, champion, rules)
        found = found.model_copy(update={"features": _compare(current, past, newest.drift.features, champion)})
    drift = newest.drift.model_copy(update={"season": found})
    return report.model_copy(update={"windows": (*report.windows[:-1], newest.model_copy(update={"drift": drift}))})


def _compare(
    now: Columns, before: Columns, drifts: tuple[FeatureDrift, ...], champion: ChampionFacts
) -> tuple[SeasonFeature, ...]:
    profile = champion.reference_profile
    found = []
    for one in drifts:
        if one.feature not in now or one.feature not in before or one.feature not in profile.features:
            continue
        column = profile.features[one.feature]
        sides = [_values(column, columns[one.feature], profile.missing_category) for columns in (before, now)]
        try:
            effect = _effect(column, sides[0], sides[1], one.statistic)
        except (StatisticError, ValueError, TypeError):
            continue  # the drift has told that it cannot be read
        floor = min(_TWO_WINDOWS * one.floor, 1.0)
        found.append(
            SeasonFeature(
                feature=one.feature, statistic=one.statistic, effect=effect, floor=floor, usual=effect <= floor
            )
        )
    return tuple(found)


def _values(column: FeatureProfile, values: np.ndarray, missing: str) -> np.ndarray:
    return without_named_missing(values, missing) if column.kind == "categorical" else values


def _effect(column: FeatureProfile, before: np.ndarray, now: np.ndarray, statistic: Statistic) -> float:
    counts = [column.count(values)[np.newaxis] for values in (before, now)]
    return float(column.binning.effects(counts[0], counts[1])[statistic][0])
