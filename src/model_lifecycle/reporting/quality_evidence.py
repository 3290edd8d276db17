"""The shapes of the evidence that the data quality report is made of, as `reporting.evidence` has the others."""

from typing import NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@with_config(_STRICT)
class HistogramEvidence(TypedDict):
    """Counts between edges; values beyond the outer half percents are counted in the outer bins."""

    edges: list[float]
    counts: list[int]


@with_config(_STRICT)
class ColumnQuality(TypedDict):
    """One column of a table."""

    column: str
    type: str
    missing: float  # share
    distinct: NotRequired[int]
    minimum: NotRequired[float | str | None]
    maximum: NotRequired[float | str | None]
    mean: NotRequired[float]
    standard_deviation: NotRequired[float]
    quantiles: NotRequired[list[float]]  # 5, 25, 50, 75 and 95%
    outliers: NotRequired[int]  # rows more than 3 interquartile ranges beyond the quartiles
    histogram: NotRequired[HistogramEvidence]
    most_frequent: NotRequired[dict[str, float]]  # value -> share of the rows that have one


@with_config(_STRICT)
class OrphanEvidence(TypedDict):
    """Rows whose key finds no partner in another table."""

    key: list[str]
    partner: str
    rows: int
    share: float


@with_config(_STRICT)
class SetAsideEvidence(TypedDict):
    """Rows that went into quarantine, by the reasons."""

    reason: str
    rows: int


@with_config(_STRICT)
class TableQuality(TypedDict):
    """One table as it came in."""

    table: str
    rows: int
    duplicates: int  # rows whose key occurred before
    columns: list[ColumnQuality]
    orphans: list[OrphanEvidence]
    set_aside: NotRequired[list[SetAsideEvidence]]
    contract_passed: bool
    problems: list[str]


@with_config(_STRICT)
class StepEvidence(TypedDict):
    """What one cleaning or joining step did to how many rows."""

    step: str
    rows: int
    cells: int


@with_config(_STRICT)
class ChangeEvidence(TypedDict):
    """Something that is different since the run before."""

    table: str
    column: str  # empty where it concerns the table
    what: str
    before: str
    after: str


@with_config(_STRICT)
class ChangesEvidence(TypedDict):
    """What is different since the run before."""

    as_of: str  # of the run before
    changes: list[ChangeEvidence]
    more: int  # changes that are not listed


@with_config(_STRICT)
class QualityEvidence(TypedDict):
    """The data quality report: raw tables in, primary table out."""

    case: str
    as_of: str
    tables: list[TableQuality]
    steps: list[StepEvidence]
    primary: TableQuality
    changes: NotRequired[ChangesEvidence | None]
