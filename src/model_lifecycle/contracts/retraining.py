"""Why a retraining is made, for whom, and on what."""

from pydantic import AwareDatetime, Field

from model_lifecycle.contracts.base import Contract, Words
from model_lifecycle.contracts.policy import TrainingWindow

# Under which the registry keeps why a release was made.
ORDER_TAG, REASON_TAG, REQUESTER_TAG = "order", "made_because", "made_for"


class RetrainingSpec(Contract):
    """What whoever starts the pipeline says; an order's reasons stand in the audit trail under its id."""

    order: str | None = Field(default=None, description="of the agent; null: asked for by hand")
    requester: Words = Field(default="kedro run", min_length=1, description="the person who asks")
    reason: Words = Field(default="asked for by hand", min_length=1, max_length=2000)
    promote: bool = Field(default=True, description="false: end at a registered release that passed; move no alias")


class RetrainingOrder(Contract):
    """A retraining as it is carried out, kept with its release.

    Attributes
    ----------
    order : str or None
        The id of the policy's decision in the audit trail.
    as_of : datetime
        What is known before it is learnt from.
    requester, reason : str
        Who or what asked, and why.
    training : TrainingWindow
        The policy's.
    refit, promote : bool
        Whether a model fitted up to ``as_of`` ships, and whether the champion is moved.
    excluded : tuple of spans
        Failed data quality: their rows are left out.
    """

    order: str | None
    as_of: AwareDatetime
    requester: str
    reason: str
    training: TrainingWindow
    refit: bool
    promote: bool
    excluded: tuple[tuple[AwareDatetime, AwareDatetime], ...] = ()
