"""What the features are weighed by."""

from pydantic import Field, PositiveInt
from typing_extensions import TypedDict

from model_lifecycle.contracts.base import Contract


class SelectionSpec(Contract):
    """Groups of features that come and go together, such as those of one source."""

    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="group -> names of its features")
    repeats: PositiveInt = Field(default=3, description="permutations of each feature")


class WeighedInterval(TypedDict):
    """A paired difference with its interval; above zero where the feature, or the group, helps."""

    estimate: float
    lower: float
    upper: float
    level: float


class WeighedFeature(TypedDict):
    """What loss a feature saves on later folds, against its own values in random order."""

    feature: str
    loss_saved: WeighedInterval
    adds_nothing: bool


class WeighedGroup(TypedDict):
    """What a group saves on later folds against a model that was fitted without it, and what it costs."""

    group: str
    features: list[str]
    inputs: list[str]  # fields that a request would no longer have to bring
    loss_saved: WeighedInterval
    ranking_gained: WeighedInterval
    fit_seconds: float  # that the group adds to a fit
    adds_nothing: bool


class SelectionEvidence(TypedDict):
    """All features and groups, on the validation folds."""

    model: str
    rows: int
    folds: int
    loss: float
    features: list[WeighedFeature]
    groups: list[WeighedGroup]
    could_drop: list[str]
