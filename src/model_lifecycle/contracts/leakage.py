"""When something among the inputs is taken for a leak of the outcome."""

from pydantic import Field
from typing_extensions import TypedDict

from model_lifecycle.contracts.base import Contract


class LeakageLimits(Contract):
    """The limits of the leakage gate. It blocks by default."""

    ceiling_auc: float = Field(
        default=0.95, gt=0.5, le=1.0, description="AUC on later rows above which an input knows the outcome"
    )
    ceiling_r2: float = Field(
        default=0.999, gt=0.5, le=1.0, description="share of a numeric target's variance that no input may explain"
    )
    sample_rows: int = Field(default=20_000, ge=1_000, description="rows of each side on which columns are tried")
    largest_sum: int = Field(default=3, ge=2, le=5, description="columns in a sum that is tried")
    chance: float = Field(
        default=1e-4, gt=0.0, lt=0.05, description="how often honest rows may look like a leak by accident"
    )
    exempt: dict[str, str] = Field(
        default_factory=dict,
        description="input column -> why it may stay although it looks like a leak; of a pair or a sum, each column",
    )


class Finding(TypedDict):
    """Something that knows what it should not."""

    check: str
    columns: list[str]
    message: str


class ExemptFinding(Finding):
    """A finding that a person has declared harmless."""

    reason: str


class LeakageEvidence(TypedDict):
    """What the leakage gate found; ``leaks`` block, the others are told."""

    passed: bool
    leaks: list[Finding]
    exempt: list[ExemptFinding]
    notes: list[Finding]
    checks: dict[str, int]  # what each check looked at: columns, pairs, sums, rows
