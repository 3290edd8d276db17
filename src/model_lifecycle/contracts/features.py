"""What the model sees: raw fields known at the decision, calendar parts, and history up to the decision time."""

from datetime import UTC, datetime, timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from model_lifecycle.contracts.base import Contract, Duration, PositiveDuration, TimeZone

CalendarPart = Literal["minute_of_day", "hour", "day_of_week", "day_of_month", "month"]
Statistic = Literal["count", "sum", "mean", "rate", "std", "last", "time_since_last"]
_FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
_WITHOUT_VALUE = ("count", "time_since_last")


class CalendarFeature(Contract):
    """Parts of a time as the clock on the wall shows them."""

    column: str
    time_zone: TimeZone
    parts: tuple[CalendarPart, ...] = Field(min_length=1)

    def names(self) -> tuple[str, ...]:
        """Return the names of the features, one a part."""
        return tuple(f"{self.column}_{part}" for part in self.parts)


class HistoryFeature(Contract):
    """An aggregate over the events of one entity that became known in the window before the decision.

    An event counts for a row when ``decision_time - window < known_at <= decision_time``.
    """

    name: str
    event: str = Field(description="the kind of event")
    by: tuple[str, ...] = Field(min_length=1, description="the entity: columns of both the event and the row")
    value: str | None = Field(default=None, description="the event's value; not for 'count' and 'time_since_last'")
    statistic: Statistic
    window: PositiveDuration
    prior_strength: float = Field(default=20.0, ge=0.0, description="'rate': how many events the prior counts for")

    @model_validator(mode="after")
    def _value_fits_statistic(self) -> Self:
        if (self.value is None) != (self.statistic in _WITHOUT_VALUE):
            raise ValueError(
                f"statistic {self.statistic!r} with value {self.value!r}: {' and '.join(_WITHOUT_VALUE)} take none, "
                "others one"
            )
        return self


class EventKind(Contract):
    """A kind of event: which entity columns and values it carries, and how late it arrives."""

    entities: tuple[str, ...] = Field(min_length=1)
    values: tuple[str, ...] = ()
    availability_lag: Duration = Field(
        default=timedelta(0), description="between the event and the moment it can be used"
    )


class FeatureSpec(Contract):
    """The features of a case. Missing categories become ``missing_category``; missing numbers stay NaN."""

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    calendar: tuple[CalendarFeature, ...] = ()
    history: tuple[HistoryFeature, ...] = ()
    events: dict[str, EventKind] = Field(default_factory=dict)
    missing_category: str = "(missing)"
    dropped: tuple[str, ...] = Field(default=(), description="what `drop` has taken out, for the record")

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, given: object) -> object:
        """Take out what ``drop`` names: the specification is then as if it had never been declared."""
        if not isinstance(given, dict) or "drop" not in given:
            return given
        declared = {name: value for name, value in given.items() if name != "drop"}
        names = given["drop"] or ()
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"drop: found {names!r}, expected a list of feature names")
        return cls.model_validate(declared).without(tuple(names)).model_dump() if names else declared

    def without(self, names: tuple[str, ...]) -> Self:
        """Return the specification without some features; kinds of events stay, for what is logged of them.

        Raises
        ------
        ValueError
            If a name is not that of a feature.
        """
        unknown = sorted(set(names) - set(self.names()))
        if unknown:
            raise ValueError(f"drop: found {unknown}, expected some of {list(self.names())}")
        calendar = [
            (one, tuple(part for part in one.parts if f"{one.column}_{part}" not in names)) for one in self.calendar
        ]
        return self.model_copy(
            update={
                "numeric": tuple(name for name in self.numeric if name not in names),
                "categorical": tuple(name for name in self.categorical if name not in names),
                "calendar": tuple(one.model_copy(update={"parts": parts}) for one, parts in calendar if parts),
                "history": tuple(one for one in self.history if one.name not in names),
                "dropped": (*self.dropped, *names),
            }
        )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = self.names()
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"features named twice: {repeated}")
        if not names:
            raise ValueError("no feature is declared, expected at least one")
        for feature in self.history:
            kind = self.events.get(feature.event)
            if kind is None:
                raise ValueError(f"{feature.name}: event {feature.event!r}, expected one of {sorted(self.events)}")
            missing = sorted(set(feature.by) - set(kind.entities))
            if missing:
                raise ValueError(
                    f"{feature.name}: by {missing}, expected entities of {feature.event!r}: {kind.entities}"
                )
            if feature.value is not None and feature.value not in kind.values:
                raise ValueError(f"{feature.name}: value {feature.value!r}, expected one of {kind.values}")
        return self

    def names(self) -> tuple[str, ...]:
        """Return all feature names in the order in which a model sees them."""
        calendar = tuple(name for feature in self.calendar for name in feature.names())
        return (*self.numeric, *calendar, *(feature.name for feature in self.history), *self.categorical)

    def inputs(self) -> tuple[str, ...]:
        """Return the raw columns that a row must bring, each once."""
        by = (column for feature in self.history for column in feature.by)
        times = (feature.column for feature in self.calendar)
        return tuple(dict.fromkeys((*self.numeric, *self.categorical, *times, *by)))

    def longest_window(self) -> timedelta:
        """Return how far back the history reaches, zero without history."""
        return max((feature.window for feature in self.history), default=timedelta(0))

    def reach(self, moment: datetime, margin: timedelta = timedelta()) -> datetime:
        """Return from when on a decision at `moment` sees events, a margin earlier; no earlier than there are dates."""
        try:
            return moment - self.longest_window() - margin
        except OverflowError:
            return _FIRST_MOMENT
