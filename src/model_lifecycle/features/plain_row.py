"""The features of one row in plain numbers: for a few rows several times as fast as columns, and the same bits.

`transform.compute_features` says what they are; a property test holds the two against each other.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from model_lifecycle.contracts.features import CalendarFeature, CalendarPart, FeatureSpec
from model_lifecycle.contracts.table import TableContract
from model_lifecycle.features.calendar import calendar_parts, transitions
from model_lifecycle.features.encoding import category_text
from model_lifecycle.features.history import History
from model_lifecycle.features.plain_records import Row

_NAN = float("nan")
_MINUTE, _HOUR, _DAY = 60_000_000, 3_600_000_000, 86_400_000_000
# Days and months are left to numpy, whose calendar has no first and no last year.
_OF_A_DAY: Mapping[CalendarPart, Callable[[int], float]] = {
    "minute_of_day": lambda local: float(local % _DAY // _MINUTE),
    "hour": lambda local: float(local % _DAY // _HOUR),
    "day_of_week": lambda local: float((local // _DAY + 3) % 7),
}


class PlainFeatures:
    """Computes the features of a row at a time.

    Parameters
    ----------
    spec : FeatureSpec
        What to compute; the result has its order.
    priors : mapping
        As in the release's feature state.
    """

    def __init__(self, spec: FeatureSpec, priors: Mapping[str, float]) -> None:
        self._spec, self._priors = spec, priors
        self._calendar = [_calendar(feature) for feature in spec.calendar]

    @staticmethod
    def serves(spec: FeatureSpec, contract: TableContract) -> bool:
        """Whether every input has a type that is read here as it is in columns."""
        types = {name: column.type for name, column in contract.columns.items()}
        keys = {name for feature in spec.history for name in feature.by}
        return (
            all(types[name] in ("integer", "number", "boolean") for name in spec.numeric)
            and all(types[feature.column] == "time" for feature in spec.calendar)
            and all(types[name] != "time" for name in keys.union(spec.categorical))
        )

    def compute(self, row: Row, at: int, history: History) -> list[float | str]:
        """Return the features of a row as of a moment, in microseconds."""
        found: list[float | str] = [_NAN if row[name] is None else float(row[name]) for name in self._spec.numeric]
        for parts in self._calendar:
            found += parts(row)
        found += history.plain.compute(row, at, self._priors)
        missing = self._spec.missing_category
        for name in self._spec.categorical:
            value = row[name]
            found.append(value if type(value) is str else missing if value is None else category_text(value))
        return found


def _calendar(feature: CalendarFeature) -> Callable[[Row], list[float]]:
    """Return what computes the parts of one time."""
    starts, offsets = (found.tolist() for found in transitions(feature.time_zone))
    nothing = [_NAN] * len(feature.parts)
    quick = [_OF_A_DAY[part] for part in feature.parts if part in _OF_A_DAY]
    column, zone, parts = feature.column, feature.time_zone, feature.parts

    def of_a_day(row: Row) -> list[float]:
        instant = row[column]
        if instant is None:
            return nothing
        local = instant + offsets[max(bisect_right(starts, instant) - 1, 0)]
        return [part(local) for part in quick]

    def of_a_year(row: Row) -> list[float]:
        instant: Any = row[column]
        if instant is None:
            return nothing
        return [float(found[0]) for found in calendar_parts(np.array([instant], "datetime64[us]"), zone, parts)]

    return of_a_day if len(quick) == len(parts) else of_a_year
