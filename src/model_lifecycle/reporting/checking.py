"""Whether evidence has the shape that a report is made of, told in words when it has not."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from model_lifecycle.errors import ContractError
from model_lifecycle.reporting.evidence import EvaluationEvidence

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SHOWN_PROBLEMS = 8
_SHOWN_TEXT = 60
_Shape = TypeVar("_Shape")


def checked(shape: type[_Shape], evidence: Mapping[str, Any]) -> _Shape:
    """Return the evidence as the given shape, or say which parts of it do not fit.

    Parameters
    ----------
    shape : type
        One of the shapes of `reporting.evidence`.
    evidence : mapping
        The evidence, as a node made it or as it was read back from JSON.

    Raises
    ------
    ContractError
        If a part is missing, unknown, of another type, or not finite; names at most 8 of them.

    Examples
    --------
    >>> from model_lifecycle.reporting.evidence import GateEvidence
    >>> checked(GateEvidence, {"gate": "leak", "passed": True, "reason": "AUC 0.76 <= 0.95", "figures": {}})["gate"]
    'leak'
    """
    try:
        TypeAdapter(shape).validate_python(evidence, strict=True)
    except ValidationError as error:
        raise ContractError(_problems(shape.__name__, error)) from error
    return cast(_Shape, evidence)


def checked_evaluation(evidence: Mapping[str, Any]) -> EvaluationEvidence:
    """Return the evidence of an evaluation whose models all have their metrics.

    Raises
    ------
    ContractError
        If the evidence has another shape, or names a subject, baseline or champion that has no metrics.
    """
    found = checked(EvaluationEvidence, evidence)
    named = {found["subject"], *found["baselines"]} | ({found["champion"]} - {None})
    missing = sorted(str(name) for name in named if not found["metrics"].get(str(name)))
    if missing:
        raise ContractError(
            f"evidence 'EvaluationEvidence': no metrics of {missing}, expected those of every subject, baseline and "
            f"champion; found {sorted(found['metrics'])}"
        )
    return found


def _problems(shape: str, error: ValidationError) -> str:
    found = error.errors(include_url=False)
    lines = [_problem(one) for one in found[:_SHOWN_PROBLEMS]]
    rest = f"; and {len(found) - len(lines)} more" if len(found) > len(lines) else ""
    return f"evidence {shape!r}: {'; '.join(lines)}{rest}"


def _problem(one: "ErrorDetails") -> str:
    place = ".".join(map(str, one["loc"]))
    if one["type"] == "missing":
        return f"{place}: missing"
    value = repr(one["input"])
    return f"{place}: {one['msg']}, found {value if len(value) <= _SHOWN_TEXT else f'{value[:_SHOWN_TEXT]}…'}"
