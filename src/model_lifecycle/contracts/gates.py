"""The gates between a challenger and production. Each blocks by default and fails closed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from model_lifecycle.contracts.base import Contract

PROOF_GATES = ("package boots", "parity")  # what a release shows in service; nobody can override them
PROOF_TAG = "proof"  # under which the registry keeps what a release has shown
COMPARED_TAG = "compared_with"  # likewise, the champion that the gates compared it with


_Gap = Annotated[float, Field(gt=0.0, le=1.0)]


class FairnessLimits(Contract):
    """How far groups of a sensitive slice may differ; what is null is told and not held to a limit."""

    demographic_parity_difference: _Gap | None = Field(
        default=0.1, description="largest difference in the share of decisions that act; of classes, in each action too"
    )
    demographic_parity_ratio: Annotated[float, Field(gt=0.0, lt=1.0)] | None = Field(
        default=0.8, description="smallest ratio of these shares: the four-fifths rule"
    )
    equalized_odds_difference: _Gap | None = Field(
        default=0.1, description="largest difference in true positive rates, and in false positive rates"
    )
    accuracy_difference: _Gap | None = Field(default=0.1, description="of classes: largest difference in accuracy")
    signed_error_share: _Gap | None = Field(
        default=0.25, description="of a quantity: largest difference in mean error, as a share of the absolute error"
    )
    absolute_error_share: _Gap | None = Field(
        default=0.25, description="of a quantity: largest difference in absolute error, as a share of it"
    )
    coverage_difference: _Gap | None = Field(
        default=0.1, description="of a quantity: largest difference in the share of outcomes inside the interval"
    )
    minimum_rows: int = Field(default=100, ge=1, description="rows that every figure of a group must rest on")


class GateLimits(Contract):
    """The limits of every gate; the defaults block. Losses are in the unit of the question's loss."""

    minimum_effective_blocks: float = Field(
        default=8.0, ge=2.0, description="independent days that the test days are worth, below which nothing passes"
    )
    minimum_test_rows: int = Field(default=1000, ge=1)
    minimum_label_share: float = Field(
        default=0.9, ge=0.0, le=1.0, description="share of the test decisions whose outcome has arrived"
    )
    level: float = Field(default=0.95, gt=0.5, lt=1.0, description="level of every interval")
    baseline_margin: float = Field(
        default=0.0, ge=0.0, description="lower bound of the gain in loss over every baseline must exceed this"
    )
    value_margin: float = Field(
        default=0.0,
        ge=0.0,
        description="gain per 1,000 decisions over the best trivial policy, in the question's unit, to exceed",
    )
    ceiling_auc: float = Field(default=0.95, gt=0.5, le=1.0, description="an AUC above this is taken for a leak")
    ceiling_rank_correlation: float = Field(
        default=0.99, gt=0.0, le=1.0, description="a rank correlation of a quantity above this is taken for a leak"
    )
    calibration_in_the_large: float = Field(
        default=0.1, gt=0.0, description="largest |mean prediction - observed rate|, or |coverage - what it should be|"
    )
    calibration_margin: float = Field(
        default=0.02,
        ge=0.0,
        description="share of its loss that recalibration may save the challenger more than champion or baselines",
    )
    calibration_value_share: float = Field(
        default=0.1, gt=0.0, le=1.0, description="share of the value to gain that miscalibration may cost"
    )
    slice_auc_drop: float = Field(
        default=0.15,
        ge=0.0,
        description="largest loss of AUC, or of rank correlation, in an important slice, against all and its promise",
    )
    fairness: FairnessLimits = FairnessLimits()
    worse_folds: int = Field(
        default=0, ge=0, description="validation folds on which the challenger may lose to a baseline"
    )
    maximum_size_bytes: int = Field(default=100_000_000, ge=1, description="of the model's files")
    maximum_one_row_milliseconds: float = Field(
        default=50.0, gt=0.0, description="median processor time to predict one row"
    )
    champion_mode: Literal["non_inferiority", "superiority"] = "non_inferiority"
    champion_margin: float = Field(default=0.003, ge=0.0, description="loss that the challenger may lose, or must gain")
    champion_gain_share: float = Field(
        default=0.1,
        ge=0.0,
        le=1.0,
        description="share of the champion's gain over the best baseline, the most that the challenger may lose of it",
    )
    parity_tolerance: float = Field(default=0.0, ge=0.0, description="largest |service score - offline score|")
    parity_rows: int = Field(default=200, ge=1)


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdict of one gate: a figure against a limit, and the reason in words."""

    gate: str
    passed: bool
    reason: str
    figures: Mapping[str, float]
