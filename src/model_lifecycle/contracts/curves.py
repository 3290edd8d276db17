"""How the worth of more data and the cost of age are measured."""

from pydantic import Field

from model_lifecycle.contracts.base import Contract


class CurvesSpec(Contract):
    """Whether the learning curve and the staleness curve are measured, and how far back."""

    enabled: bool = True
    ages: int = Field(default=3, ge=1, description="age of the oldest model, in periods, as far as history goes")
