"""Where the search for weak slices looks, and what it tells."""

from pydantic import Field

from model_lifecycle.contracts.base import Contract


class WeakSliceSpec(Contract):
    """The search for parts of the test rows on which predictions cannot be taken at their word."""

    bins: int = Field(default=4, ge=2, description="of each numeric input, of about equal mass in the training rows")
    categories: int = Field(
        default=20, ge=2, description="of each categorical input, the most frequent ones; others are one"
    )
    pair_inputs: int = Field(
        default=30, ge=0, description="inputs that are crossed with one another: those that move the predictions most"
    )
    minimum_rows: int = Field(default=200, ge=1, description="labelled test rows of a slice")
    minimum_events: int = Field(
        default=50, ge=1, description="expected in a slice, and as many rows without: fewer are far from normal"
    )
    level: float = Field(default=0.95, gt=0.5, lt=1.0, description="chance that nothing is found where nothing is weak")
    draws: int = Field(default=999, ge=99, description="random signs of the days")
    top: int = Field(default=10, ge=1, description="slices that are told, the surest first")
