"""The moments at which a back-test looks up: its start and end, calendar periods, monitoring windows."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from model_lifecycle.contracts.backtest import BacktestSpec, Every
from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.policy import TrainingWindow
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.features.folds import PERIODS

_FREQUENCY = {"year": "MS", "quarter": "MS", "month": "MS", "week": "W-MON", "day": "D"}  # where a history begins
_BEFORE_TEST = 2  # periods: one to train on, one to choose calibration and threshold on
_JUDGED = 2  # periods after the first release, below which nothing is learnt about policies
_MICROSECOND = timedelta(microseconds=1)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Decisions with ``start <= decision time < end`` count."""

    start: datetime
    end: datetime
    time_zone: str

    def calendar(self, every: Every) -> list[datetime]:
        """Return the starts of the periods after the first, on the clocks of the time zone.

        Examples
        --------
        >>> from datetime import UTC
        >>> found = Schedule(datetime(2024, 1, 31, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC), "UTC")
        >>> [moment.strftime("%m-%d") for moment in found.calendar("month")]
        ['02-29', '03-31', '04-30']
        """
        return [moment for moment in self._steps(PERIODS[every]) if moment > self.start]

    def checks(self, window: timedelta) -> list[datetime]:
        """Return the ends of the monitoring windows."""
        count = (self.end - self.start) // window
        return [self.start + number * window for number in range(1, count + 1)]

    def _steps(self, step: pd.DateOffset) -> Iterator[datetime]:
        first, number = pd.Timestamp(self.start).tz_convert(self.time_zone), 0
        while (moment := (first + step * number).tz_convert("UTC").to_pydatetime()) < self.end:
            yield moment
            number += 1


def plan_schedule(
    times: pd.Series, spec: BacktestSpec, split: SplitSpec, lacking: Callable[[datetime], str]
) -> Schedule:
    """Return from when to when policies are compared.

    The first release needs a period to train on, one to choose calibration and threshold on, the split's test periods,
    and its label delay twice: between training and the first of them, and after the last. It goes live at the first
    period at which the history has them and nothing is lacking to train it, or at ``spec.start``.

    Parameters
    ----------
    times : Series
        Decision times, aware.
    spec : BacktestSpec
        Says start and end, or leaves them to the data.
    split : SplitSpec
        Of production: its periods, its time zone.
    lacking : callable
        Says in words what a release of a moment could not be trained for; nothing where it could. It is not asked
        where ``spec.start`` is given.

    Raises
    ------
    ConfigurationError
        If the history is too short, or at no period long enough to train on, saying what is missing.
    """
    first, last = times.min(), times.max()
    needed = _BEFORE_TEST + split.test_periods
    step = PERIODS[split.period]
    begin = _nearest_boundary(first.tz_convert(split.time_zone), split)
    earliest = begin + step * needed + _gaps(split)
    start = earliest if spec.start is None else pd.Timestamp(spec.start).tz_convert(split.time_zone)
    end = last + _MICROSECOND if spec.end is None else min(pd.Timestamp(spec.end), last + _MICROSECOND)
    until = pd.Timestamp(end) + _slack(split)
    if start < earliest or start + step * _JUDGED > until:
        raise ConfigurationError(
            f"backtest: decisions run from {first.isoformat()} to {last.isoformat()}; expected {needed} periods of a "
            f"{split.period}{_told(split)} before the first release (found {start.isoformat()} as its start, "
            f"{earliest.isoformat()} is the earliest) and at least {_JUDGED} after it (until "
            f"{(start + step * _JUDGED).isoformat()}); give more history, another backtest.start or a shorter "
            "split.period"
        )
    if spec.start is None:
        start = _as_soon_as_enough(lambda count: begin + step * (needed + count) + _gaps(split), step, until, lacking)
    return Schedule(start.tz_convert("UTC").to_pydatetime(), end.tz_convert("UTC").to_pydatetime(), split.time_zone)


def _as_soon_as_enough(
    start_of: Callable[[int], pd.Timestamp],
    step: pd.DateOffset,
    until: pd.Timestamp,
    lacking: Callable[[datetime], str],
) -> pd.Timestamp:
    """Return the first start at which nothing is lacking and enough periods follow.

    Raises
    ------
    ConfigurationError
        If there is none, with what was lacking at the last.
    """
    count, start, missing = 0, start_of(0), ""
    while start_of(count) + step * _JUDGED <= until:
        start = start_of(count)
        missing = lacking(start.tz_convert("UTC").to_pydatetime())
        if not missing:
            return start
        _log.info("backtest: no first release as of %s yet: %s", start.isoformat(), missing)
        count += 1
    raise ConfigurationError(
        f"backtest: no first release can be trained: as of {start.isoformat()}, the last of {count} starts that leave "
        f"{_JUDGED} periods to compare policies on, {missing}; give more history or another backtest.start, or ask for "
        "less"
    )


def _nearest_boundary(first: pd.Timestamp, split: SplitSpec) -> pd.Timestamp:
    """Return the start of a period that lies nearest to the first decision: a month may lack its first hours."""
    wall = first.tz_localize(None)
    starts = pd.date_range(
        wall.normalize() - PERIODS[split.period], wall + PERIODS[split.period], freq=_FREQUENCY[split.period]
    )
    nearest = min(starts, key=lambda one: abs(one - wall))
    return nearest.tz_localize(split.time_zone, nonexistent="shift_forward", ambiguous=True)


def _gaps(split: SplitSpec) -> timedelta:
    """Return the time that a split leaves out for labels that take long, between training and test and after it."""
    return 2 * split.label_delay


def _told(split: SplitSpec) -> str:
    return f" and twice the label delay of {split.label_delay}" if split.label_delay else ""


def _slack(split: SplitSpec) -> timedelta:
    """Return how much the last period may lack: its last decisions come before its end."""
    return {"week": timedelta(days=1), "day": timedelta(hours=6)}.get(split.period, timedelta(days=2))


def split_at(split: SplitSpec, as_of: datetime, times: pd.Series, window: TrainingWindow) -> SplitSpec:
    """Return the split of a retraining: production's, with the policy's training window.

    Early in the history there are fewer validation periods than production takes; as many as there are then, one at
    the least.

    Parameters
    ----------
    split : SplitSpec
        Of production.
    as_of : datetime
        Of the retraining.
    times : Series
        Decision times, aware.
    window : TrainingWindow
        The policy's.
    """
    step = PERIODS[split.period]
    begin = _nearest_boundary(times.min().tz_convert(split.time_zone), split)
    moment = pd.Timestamp(as_of).tz_convert(split.time_zone)
    fitting = [
        count
        for count in range(1, split.validation_periods + 1)
        if moment - _gaps(split) - step * (1 + count + split.test_periods) >= begin
    ]
    return window.applied(split).model_copy(update={"validation_periods": max(fitting, default=1)})
