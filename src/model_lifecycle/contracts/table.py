"""Table contracts: what a table must look like before anything is computed from it."""

import math
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, RootModel, model_validator

from model_lifecycle.contracts.base import Contract, PositiveDuration, TimeZone
from model_lifecycle.errors import ConfigurationError

ColumnType = Literal["category", "integer", "number", "boolean", "time"]
# Beyond it, neither float64 nor the JSON of many a client can tell a whole number from its neighbours.
LARGEST_INTEGER = 2**53 - 1
# What a breach does: stop the run, be told, or set its rows aside in a table of their own.
Severity = Literal["error", "warning", "quarantine"]


class ColumnContract(Contract):
    """One column: its type, its range, how much of it may be missing, and when it is known."""

    type: ColumnType
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    maximum_missing: float = Field(default=0.0, ge=0.0, le=1.0, description="allowed share of missing values")
    unique: bool = False
    severity: Severity = Field(default="error", description="of a breach of type, range, categories or missing values")
    unit: str | None = None
    time_zone: TimeZone | None = Field(
        default=None, description="of a raw table's times that come without a zone: on whose clock they are read"
    )
    known: Literal["decision", "label"] = "decision"
    known_at: str | None = Field(default=None, description="the column that says when a row's value became known")
    private: bool = Field(
        default=False,
        description="personal: logged by the service as a keyed hash, quoted in no error; a category only",
    )
    description: str = ""
    example: str | float | int | bool | None = None

    @model_validator(mode="after")
    def _range_fits_type(self) -> Self:
        numeric = self.type in ("integer", "number")
        if (self.minimum is not None or self.maximum is not None) and not numeric:
            raise ValueError(f"minimum and maximum belong to integer and number, found type {self.type!r}")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} lies above maximum {self.maximum:g}")
        if self.categories is not None and self.type != "category":
            raise ValueError(f"categories belong to type 'category', found type {self.type!r}")
        if self.time_zone is not None and self.type != "time":
            raise ValueError(f"time_zone belongs to type 'time', found type {self.type!r}")
        if self.private and (self.type != "category" or self.categories is not None):
            raise ValueError("private belongs to type 'category' without a list of categories")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest number that the column takes; a whole one is never beyond `LARGEST_INTEGER`."""
        far = LARGEST_INTEGER if self.type == "integer" else math.inf
        low = -far if self.minimum is None else max(self.minimum, -far)
        return low, far if self.maximum is None else min(self.maximum, far)


class Reference(Contract):
    """A foreign key: the values of a column stand in a column of another table; a missing value refers to nothing."""

    to: str = Field(description="'table.column'")
    severity: Severity = "error"
    maximum_share: float = Field(default=0.0, ge=0.0, le=1.0, description="allowed share of rows without a partner")


class Freshness(Contract):
    """How old the newest row may be at the moment of the run."""

    column: str
    maximum_age: PositiveDuration
    severity: Literal["error", "warning"] = "error"


def _reference(given: object) -> object:
    return {"to": given} if isinstance(given, str) else given


class TableContract(Contract):
    """One table: its columns, its key, its order and its size."""

    columns: dict[str, ColumnContract] = Field(min_length=1)
    key: tuple[str, ...] = ()
    not_before: tuple[tuple[str, str], ...] = Field(
        default=(), description="pairs (later, earlier): on no row may the first time lie before the second"
    )
    rows: Severity = Field(default="error", description="of a repeated key and of times that run backwards")
    references: dict[str, Annotated[Reference, BeforeValidator(_reference)]] = Field(
        default_factory=dict, description="column -> 'table.column', or that with a severity and an allowed share"
    )
    ordered_by: tuple[str, ...] = Field(default=(), description="columns in whose ascending order the rows come")
    freshness: Freshness | None = None
    maximum_quarantined: float = Field(
        default=0.01, ge=0.0, le=1.0, description="share of rows that may be set aside before the run stops"
    )
    minimum_rows: int = Field(default=1, ge=0)
    maximum_rows: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        known_at = {column.known_at for column in self.columns.values() if column.known_at is not None}
        fresh = [self.freshness.column] if self.freshness else []
        named = {
            *self.key,
            *self.references,
            *self.ordered_by,
            *fresh,
            *(name for pair in self.not_before for name in pair),
            *known_at,
        }
        unknown = sorted(named - self.columns.keys())
        if unknown:
            raise ValueError(
                f"key, references, ordered_by, freshness, not_before or known_at name {unknown}, expected columns of "
                f"{sorted(self.columns)}"
            )
        untimed = sorted(name for name in {*known_at, *fresh} if self.columns[name].type != "time")
        if untimed:
            raise ValueError(f"known_at and freshness name {untimed}, expected columns of type 'time'")
        if self.maximum_rows is not None and self.maximum_rows < self.minimum_rows:
            raise ValueError(f"maximum_rows {self.maximum_rows}, expected at least minimum_rows {self.minimum_rows}")
        return self


class TableContracts(RootModel[dict[str, TableContract]]):
    """The contracts of all tables of a case, by name."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        columns = {f"{name}.{column}" for name, table in self.root.items() for column in table.columns}
        for name, table in self.root.items():
            unknown = sorted({reference.to for reference in table.references.values()} - columns)
            if unknown:
                raise ValueError(f"table {name!r}: references {unknown}, expected 'table.column' of a declared table")
        return self

    def table(self, name: str) -> TableContract:
        """Return the contract of a table.

        Raises
        ------
        ConfigurationError
            If the case declares none.
        """
        if name not in self.root:
            source = name if name == "primary_table" else f"raw_{name}"
            raise ConfigurationError(
                f"contracts: none for table {name!r}, found {sorted(self.root)}; "
                f"`python -m model_lifecycle contract infer {source}` drafts one"
            )
        return self.root[name]
