import pytest
from pydantic import ValidationError

from model_lifecycle.contracts.override import NO_OVERRIDE, OverrideSpec


def test_nobody_overrides_by_default() -> None:
    assert OverrideSpec.model_validate({"by": None, "reason": None}) == NO_OVERRIDE
    assert not NO_OVERRIDE.given


def test_a_name_and_a_reason_override() -> None:
    assert OverrideSpec(by="ada", reason="0123456789").given


@pytest.mark.parametrize(
    ("by", "reason", "found"),
    [
        ("ada", None, "by 'ada' with a reason of 0 characters"),
        (None, "needed before the season", "by '' with a reason of 24 characters"),
        ("  ", "needed before the season", "by '' with a reason of 24 characters"),
        ("ada", "because  ", "by 'ada' with a reason of 7 characters"),
    ],
)
def test_half_an_override_is_refused(by: str | None, reason: str | None, found: str) -> None:
    with pytest.raises(ValidationError, match=f"found an override {found}, expected a name and a reason of at least 1"):
        OverrideSpec(by=by, reason=reason)
