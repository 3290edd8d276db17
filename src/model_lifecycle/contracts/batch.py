"""How partitioned files are scored, and what is told about each of them."""

from typing import Literal

from pydantic import Field

from model_lifecycle.contracts.base import Contract

WrongRows = Literal["refuse", "set_aside"]
Status = Literal["scored", "finished before", "refused"]


class ClusterSpec(Contract):
    """Where the work is done."""

    address: str | None = Field(
        default=None, min_length=1, description="host:port of a running Ray cluster; null starts one inside this run"
    )
    workers: int = Field(default=2, ge=1, description="partitions at a time, each on one core")


class BatchSpec(Contract):
    """How partitions are read, judged and written."""

    wrong_rows: WrongRows = Field(
        default="refuse", description="refuse: one wrong row refuses its partition; set_aside: into a file of their own"
    )
    extra_columns: Literal["refuse", "ignore"] = Field(
        default="refuse", description="of columns that the release does not ask for"
    )
    features: bool = Field(default=False, description="write what the model saw beside every score")
    again: bool = Field(default=False, description="score partitions that are finished, too")
    delimiter: str = Field(default=",", min_length=1, max_length=1, description="between the fields of a CSV file")
    batch_rows: int = Field(default=50_000, ge=1, description="rows in memory at a time, per worker")
    cluster: ClusterSpec = ClusterSpec()


class WrongField(Contract):
    """Rows that break the contract in one field and one way, with the first of them."""

    field: str
    expected: str
    rows: int
    first_row: int = Field(description="counted from 0, as the service does")
    found: str

    def told(self) -> str:
        """Say it in one line."""
        return (
            f"{self.field}: {self.rows:,} {'row' if self.rows == 1 else 'rows'}, first row {self.first_row}: "
            f"found {self.found}, expected {self.expected}"
        )


class Counts(Contract):
    """What the rows of a partition, or of several, came to."""

    rows: int = 0
    decisions: dict[str, int] = Field(default_factory=dict)
    missing: int = Field(default=0, description="rows with an input that was missing")
    unknown: int = Field(default=0, description="rows with a category that the release does not know")
    incomplete: int = Field(default=0, description="rows whose longest window reaches back before the first event")
    wrong_rows: int = Field(default=0, description="rows that were set aside")

    def plus(self, other: "Counts") -> "Counts":
        """Return the sum."""
        words = dict.fromkeys((*self.decisions, *other.decisions))
        decisions = {word: self.decisions.get(word, 0) + other.decisions.get(word, 0) for word in words}
        names = ("rows", "missing", "unknown", "incomplete", "wrong_rows")
        return Counts(decisions=decisions, **{name: getattr(self, name) + getattr(other, name) for name in names})


class Outcome(Contract):
    """What became of one partition."""

    partition: str = Field(description="its path below the input folder")
    status: Status
    counts: Counts = Counts()
    reasons: tuple[str, ...] = Field(default=(), description="why it is refused")
    wrong: tuple[WrongField, ...] = Field(default=(), description="wrong fields, of the rows set aside too")
    seconds: float = Field(default=0.0, description="of the worker")
    processor_seconds: float = 0.0
    peak_mib: float = Field(default=0.0, description="the most memory that the worker had used by then")


class BatchReport(Contract):
    """What a run of batch scoring did."""

    release: str
    threshold: float | None
    input: str
    output: str
    watermark: int = Field(description="sequence of the newest event that features could see")
    newest_event: str | None
    seconds: float = Field(description="from the first partition given out to the last one back")
    left_over: int = Field(default=0, description="scores in the output folder whose partition is no longer there")
    outcomes: tuple[Outcome, ...]

    def of(self, status: Status) -> list[Outcome]:
        """Return the partitions that ended so."""
        return [outcome for outcome in self.outcomes if outcome.status == status]
