"""A person's word for letting a release past a gate that failed."""

from typing import Self

from pydantic import Field, model_validator

from model_lifecycle.contracts.base import Contract, Words

SHORTEST_REASON = 10  # characters: long enough that "ok" and "because" do not pass for one


class OverrideSpec(Contract):
    """Who overrides the failed gates, and why: both or neither. What a service proves cannot be overridden."""

    by: Words | None = Field(default=None, description="the person who answers for it")
    reason: Words | None = Field(default=None, max_length=2000, description=f"at least {SHORTEST_REASON} characters")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.by is None and self.reason is None:
            return self
        by, reason = self.by or "", self.reason or ""
        if not by or len(reason) < SHORTEST_REASON:
            raise ValueError(
                f"found an override by {by!r} with a reason of {len(reason)} characters, expected a name and a reason "
                f"of at least {SHORTEST_REASON} characters"
            )
        return self

    @property
    def given(self) -> bool:
        """Whether somebody overrides at all."""
        return self.by is not None


NO_OVERRIDE = OverrideSpec()
