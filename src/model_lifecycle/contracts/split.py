"""The plan of a split in time: boundaries only, no rows."""

from datetime import datetime
from typing import Self

from pydantic import model_validator

from model_lifecycle.contracts.base import Contract, PositiveDuration, TimeZone
from model_lifecycle.contracts.run import Instant


class Fold(Contract):
    """Validation rows with ``start <= decision time < end``; training is what was known before ``start``."""

    train_start: Instant
    start: Instant
    end: Instant


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
