"""Table contracts: what a table must look like before anything is computed from it."""

from typing import Literal, Self

from pydantic import ConfigDict, Field, RootModel, model_validator

from model_lifecycle.contracts.base import Contract
from model_lifecycle.errors import ConfigurationError

ColumnType = Literal["category", "integer", "number", "boolean", "time"]


class ColumnContract(Contract):
    """One column: its type, its range, how much of it may be missing, and when it is known."""

    model_config = ConfigDict(str_strip_whitespace=False)  # a category may begin or end with a blank

    type: ColumnType
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    maximum_missing: float = Field(default=0.0, ge=0.0, le=1.0, description="allowed share of missing values")
    unique: bool = False
    unit: str | None = None
    known: Literal["decision", "label"] = "decision"
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
        return self


class TableContract(Contract):
    """One table: its columns, its key and its size."""

    columns: dict[str, ColumnContract] = Field(min_length=1)
    key: tuple[str, ...] = ()
    not_before: tuple[tuple[str, str], ...] = Field(
        default=(), description="pairs (later, earlier): on no row may the first time lie before the second"
    )
    references: dict[str, str] = Field(
        default_factory=dict, description="column -> 'table.column' that should hold its values; reported, not refused"
    )
    minimum_rows: int = Field(default=1, ge=0)
    maximum_rows: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        named = {*self.key, *self.references, *(name for pair in self.not_before for name in pair)}
        unknown = sorted(named - self.columns.keys())
        if unknown:
            raise ValueError(
                f"key, references or not_before name {unknown}, expected columns of {sorted(self.columns)}"
            )
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
            unknown = sorted(set(table.references.values()) - columns)
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
            raise ConfigurationError(f"contracts: none for table {name!r}, expected one of {sorted(self.root)}")
        return self.root[name]
