"""What a back-test may be asked."""

from datetime import timedelta
from typing import Any, get_args

import pytest
import yaml
from pydantic import ValidationError

from case_conf import ROOT
from model_lifecycle.contracts.backtest import BacktestSpec, PolicyChanges, Trigger
from model_lifecycle.contracts.policy import PolicySpec

NEVER, MONTHLY = {"trigger": "never"}, {"trigger": "calendar", "every": "month"}


def spec(**changes: Any) -> BacktestSpec:
    return BacktestSpec.model_validate(
        {"present": "never", "policies": {"never": NEVER, "monthly": MONTHLY}, **changes}
    )


def test_the_policies_that_are_delivered_are_sound() -> None:
    found = yaml.safe_load((ROOT / "conf" / "base" / "parameters_backtest.yml").read_text(encoding="utf-8"))
    asked = BacktestSpec.model_validate(found["backtest"])
    tried = asked.tried().values()
    assert {one.trigger for one in tried} == set(get_args(Trigger))
    assert {one.every for one in tried if one.every} == {"week", "month", "quarter"}
    assert {type(one.window) for one in tried} == {str, int}
    assert "expanding" in {one.window for one in tried}
    assert any(one.half_life for one in tried)
    assert asked.tried()[asked.present].trigger == "configured"
    assert asked.never() == "never"


def test_the_fast_variant_tries_at_least_six_of_them_on_fewer_rows() -> None:
    layers = [
        (ROOT / "conf" / name / "parameters_backtest.yml").read_text(encoding="utf-8") for name in ("base", "fast")
    ]
    base, fast = (yaml.safe_load(text)["backtest"] for text in layers)
    assert set(fast["policies"]) < set(base["policies"])
    asked = BacktestSpec.model_validate({**base, **fast, "policies": {**base["policies"], **fast["policies"]}})
    assert len(asked.tried()) >= 6
    assert asked.training_rows is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"present": "weekly"}, r"present 'weekly', expected one of the policies \['monthly', 'never'\]"),
        ({"policies": {"never": NEVER}}, "expected at least two, one of them with trigger 'never'"),
        ({"policies": {"never": MONTHLY, "monthly": MONTHLY}}, "one of them with trigger 'never'"),
        ({"policies": {"never": NEVER, "monthly": {"trigger": "calendar"}}}, "found trigger 'calendar' and every None"),
        ({"policies": {"never": {**NEVER, "every": "week"}, "monthly": MONTHLY}}, "'never' and every 'week'"),
        ({"policies": {"never": NEVER, "monthly": {**MONTHLY, "window": 0}}}, "greater than or equal to 1"),
        ({"cost_per_retraining": -1}, "greater than or equal to 0"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(**changes)


def test_null_takes_a_policy_of_a_lower_layer_out() -> None:
    found = spec(policies={"never": NEVER, "monthly": MONTHLY, "weekly": None})
    assert list(found.tried()) == ["never", "monthly"]


def test_a_policy_may_have_a_cost_of_its_own() -> None:
    dear = {**MONTHLY, "cost_per_retraining": 7.0}
    found = spec(cost_per_retraining=2.0, policies={"never": NEVER, "monthly": dear, "other": MONTHLY})
    assert [found.cost(name) for name in ("monthly", "other")] == [7.0, 2.0]


def test_limits_that_are_not_named_stay() -> None:
    policy = PolicySpec.model_validate({"cooldown": "14d", "maximum_age": "180d"})
    found = PolicyChanges.model_validate({"cooldown": "7d"}).applied(policy)
    assert found == policy.model_copy(update={"cooldown": timedelta(days=7)})
