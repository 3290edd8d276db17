"""What monitoring must know about the release in production."""

from collections.abc import Mapping
from typing import Any

from pydantic import AwareDatetime, Field, FiniteFloat, ValidationError

from model_lifecycle.contracts.base import Contract
from model_lifecycle.errors import ContractError
from model_lifecycle.monitoring.holdout import HoldoutErrors
from model_lifecycle.monitoring.profile import ReferenceProfile
from model_lifecycle.monitoring.verdict import Figure

_NEEDED = {"loss", "skill"}


class ChampionFacts(Contract):
    """The champion's training data, its figures on the hold-out and its reference profile.

    ``versus_previous`` is the champion's loss less that of the release before it, on the same live rows; it is
    there only when both have scored them.
    """

    release: str = Field(min_length=1)
    trained_until: AwareDatetime
    constant: tuple[FiniteFloat, ...] = Field(description="best constant prediction of the training data")
    holdout: dict[str, Figure] = Field(description="of `performance.holdout_figures`; loss and skill are needed")
    reference_profile: ReferenceProfile
    promoted_at: AwareDatetime | None = None
    retrained_at: AwareDatetime | None = Field(default=None, description="last retraining, promoted or not")
    versus_previous: Figure | None = None
    importance: dict[str, float] = Field(
        default_factory=dict, description="share of each feature in what the release explains; empty in old releases"
    )
    errors: HoldoutErrors | None = Field(default=None, description="of `holdout.holdout_errors`; none in old releases")

    @classmethod
    def read(cls, found: "Mapping[str, Any] | ChampionFacts", of: str | None = None) -> "ChampionFacts":
        """Return the facts, checked.

        Parameters
        ----------
        found : mapping or ChampionFacts
            As a release keeps them.
        of : str, optional
            The release that they are to be of.

        Raises
        ------
        ContractError
            If a field is missing, unknown or of another type, the hold-out lacks a figure, or they are of another
            release.
        """
        try:
            facts = found if isinstance(found, cls) else cls.model_validate(found)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise ContractError(f"champion_release, {place}: {first['msg']} ({error.error_count()} in all)") from error
        if not set(facts.holdout) >= _NEEDED:
            found_names, needed = sorted(facts.holdout), sorted(_NEEDED)
            raise ContractError(f"champion_release, holdout: found {found_names}, expected {needed} among them")
        if of not in (None, facts.release):
            raise ContractError(
                f"champion_release, release: found {facts.release!r}, expected {of!r}; windows would be held against "
                f"the reference of another release"
            )
        return facts
