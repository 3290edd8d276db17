"""The plan of a split in time: boundaries only, no rows."""

from datetime import datetime
from typing import Self

from pydantic import model_validator

from model_lifecycle.contracts.base import Contract, PositiveDuration, TimeZone
from model_lifecycle.contracts.run import Instant


class Fold(Contract):
    """Validation rows with ``start <= decision time < end``; training is what was known before ``start``.

    Rows decided from ``train_end`` on (``start``, where it is missing) are not trained on: too many of their outcomes
    are not known by the start.
    """

    train_start: Instant
    start: Instant
    end: Instant
    train_end: Instant | None = None

    @property
    def trained_until(self) -> datetime:
        """When the last training rows were decided."""
        return self.start if self.train_end is None else self.train_end

    def started_at(self, moment: datetime) -> Self:
        """Return the fold with another start, whose training goes on until there with the same gap."""
        gap = self.start - self.trained_until
        return self.model_copy(update={"start": moment, "train_end": moment - gap if gap else None})

    def retrained_at(self, moment: datetime) -> Self:
        """Return a fold without validation rows whose training goes on until a moment, with the same gap."""
        return self.started_at(moment).model_copy(update={"end": moment})


class SplitPlan(Contract):
    """The folds in time order and the test window after them."""

    time_zone: TimeZone
    folds: tuple[Fold, ...]
    test: Fold
    half_life: PositiveDuration | None = None  # of a row's weight, by its age at the end of its training window

    @model_validator(mode="after")
    def _in_time_order(self) -> Self:
        edges = [edge for fold in (*self.folds, self.test) for edge in (fold.start, fold.end)]
        if edges != sorted(edges):
            raise ValueError(f"folds and test are not in time order: {[str(edge) for edge in edges]}")
        return self

    @property
    def as_of(self) -> datetime:
        """The end of the test window."""
        return self.test.end
