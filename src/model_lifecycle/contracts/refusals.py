"""What a contract refuses, told as place, key, found and expected."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from inspect import isclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, RootModel, ValidationError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SHOWN_TEXT = 80
_ABSENT = object()
Place = Callable[[Sequence[str]], str]


def refusals(kind: type[BaseModel], name: str, value: object, place: Place) -> list[str]:
    """Return one line for each part of a configured value that its contract refuses.

    Parameters
    ----------
    kind : type
        The contract.
    name : str
        The key under which the value stands.
    value : object
        As it was read.
    place : callable
        Takes the path of a key, outermost first, and says which file it comes from.

    Returns
    -------
    list of str
        ``<place>: <dotted key>: found <what>, expected <what>``; empty when the contract takes the value.
    """
    try:
        kind.model_validate(value)
    except ValidationError as error:
        return [_line(kind, name, value, one, place) for one in error.errors(include_url=False)]
    return []


def _line(kind: type[BaseModel], name: str, value: object, one: "ErrorDetails", place: Place) -> str:
    path = [name, *_keys(value, one["loc"])]
    if one["type"] == "missing":
        path.append(str(one["loc"][-1]))
    return f"{place(path)}: {'.'.join(path)}: {_told(kind, one)}"


def _keys(value: object, loc: Sequence[int | str]) -> list[str]:
    """Return the keys that lead to the place; the names that pydantic gives to the branches of a union are none."""
    keys = []
    for part in loc:
        inside = _inside(value, part)
        if inside is not _ABSENT:
            keys.append(str(part))
            value = inside
    return keys


def _inside(value: object, part: int | str) -> object:
    if isinstance(value, Mapping):
        return value.get(part, _ABSENT)
    within = isinstance(value, list | tuple) and isinstance(part, int) and part < len(value)
    return value[part] if within else _ABSENT  # type: ignore[index]


def _told(kind: type[BaseModel], one: "ErrorDetails") -> str:
    found, said = _shown(one["input"]), one["msg"]
    if one["type"] == "missing":
        return "found nothing, expected a value"
    if one["type"] == "extra_forbidden":
        known = _known_keys(kind, one["loc"][:-1])
        nearest = get_close_matches(str(one["loc"][-1]), known, n=1)
        hint = f"; nearest known key {nearest[0]!r}" if nearest else ""
        return f"found an unknown key with value {found}, expected one of {known}{hint}"
    if one["type"] == "value_error":
        own = said.removeprefix("Value error, ")
        return own if "found" in own or "expected" in own else f"found {found}: {own}"
    wanted = said.removeprefix("Input should be ")
    return f"found {found}, expected {wanted}" if wanted != said else f"found {found}: {said[0].lower()}{said[1:]}"


def _known_keys(kind: Any, loc: Sequence[int | str]) -> list[str]:
    for part in loc:
        kind = _kind_of(_unwrapped(kind), part)
    model = _model(kind)
    return sorted(model.model_fields) if model is not None else []


def _unwrapped(kind: Any) -> Any:
    return kind.model_fields["root"].annotation if isclass(kind) and issubclass(kind, RootModel) else kind


def _kind_of(kind: Any, part: int | str) -> Any:
    """Return the type of what stands under a key: a model's field, or the item of a mapping or sequence."""
    model = _model(kind)
    if model is not None:
        field = model.model_fields.get(str(part))
        return None if field is None else field.annotation
    if branch := _branch(kind, part):
        return branch
    items = [item for item in get_args(kind) if item is not Ellipsis]
    return items[-1] if items else None


def _branch(kind: Any, tag: int | str) -> type[BaseModel] | None:
    """Return the model of a union that pydantic calls by that tag."""
    models = [one for one in get_args(kind) if isclass(one) and issubclass(one, BaseModel)]
    return next((one for one in models if any(field.default == tag for field in one.model_fields.values())), None)


def _model(kind: Any) -> type[BaseModel] | None:
    """Return the model that a type is or may be (``Model | None``)."""
    choices = get_args(kind) if type(None) in get_args(kind) else (kind,)
    return next((one for one in choices if isclass(one) and issubclass(one, BaseModel)), None)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_TEXT else f"{text[:_SHOWN_TEXT]}…"
