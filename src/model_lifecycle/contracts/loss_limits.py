"""The limits that are in the unit of the loss: log loss, or what a decision on a quantity costs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from model_lifecycle.errors import ConfigurationError

# As shares of the loss of a usual decision, what conf/base sets for log loss.
_USUAL = {"champion_margin": "0.5%", "maximum_loss_increase": "5%", "limits.maximum_loss_increase": "2%"}
_WHERE_TO_READ = "docs/tasks.md"


def check_loss_limits(parameters: Mapping[str, Any], is_own: Callable[[Sequence[str]], bool]) -> None:
    """Refuse a quantity whose limits are those that ``conf/base`` sets for log loss.

    Parameters
    ----------
    parameters : mapping
        All of them, merged.
    is_own : callable
        Takes the path of a key, outermost first, and says whether a later layer than ``conf/base`` sets it.

    Raises
    ------
    ConfigurationError
        With every such key, the unit, and how to choose.
    """
    question = parameters.get("business_question") or {}
    if question.get("task") != "regression":
        return
    found = {path: value for path, value in _limits(parameters) if not is_own(path)}
    if not found:
        return
    unit = (question.get("value") or {}).get("unit", "the unit of the value")
    lines = "\n  ".join(
        f"{'.'.join(path)}: found {value} of conf/base, which is log loss; expected a value of the case's own, about "
        f"{_usual(path)} of the usual cost"
        for path, value in found.items()
    )
    raise ConfigurationError(
        f"the loss of a quantity is its mean cost a decision, here in {unit}, and so are its limits ({_WHERE_TO_READ}):"
        f"\n  {lines}"
    )


def _limits(parameters: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], object]]:
    policies = (parameters.get("backtest") or {}).get("policies") or {}
    paths = [
        ("gates", "champion_margin"),
        ("policy", "maximum_loss_increase"),
        *(("backtest", "policies", str(name), "limits", "maximum_loss_increase") for name in policies),
    ]
    for path in paths:
        value: Any = parameters
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None:
            yield path, value


def _usual(path: Sequence[str]) -> str:
    return _USUAL["limits.maximum_loss_increase" if path[0] == "backtest" else path[-1]]
