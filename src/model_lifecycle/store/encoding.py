"""How values stand in the database, so that SQLite and PostgreSQL compare and return them alike.

Times are whole microseconds since 1970 in UTC, in 64-bit integers: SQLite has no time type, PostgreSQL's answers in
the session's zone, and an integer sorts, indexes and round-trips exactly on both and becomes a numpy
``datetime64[us]`` without parsing.

JSON is ASCII text: PostgreSQL's own type refuses NaN, U+0000 and lone surrogates, and what a client once sent must
come back as it was.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import starmap
from typing import Any

import msgspec
import numpy as np

from model_lifecycle.errors import StoreError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_PER_DAY = 86_400
_PLAIN = {str, int, float, bool, type(None)}
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def to_micros(name: str, moment: object) -> int:
    """Return microseconds since 1970 in UTC.

    Raises
    ------
    StoreError
        If the time has no zone, or is no time at all.
    """
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise StoreError(f"{name} is {moment!r}, expected a time with its zone")
    since = moment - _EPOCH
    return (since.days * _SECONDS_PER_DAY + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int) -> datetime:
    """Return the time in UTC, exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=micros)


def to_json(name: str, value: Mapping[str, object]) -> str:
    """Return ASCII JSON; numpy scalars are written as the Python numbers they hold.

    Raises
    ------
    StoreError
        If a value is no JSON.
    """
    if not value:
        return "{}"
    try:
        return _plain_json(value) or json.dumps(value, separators=(",", ":"), default=_plain)
    except (TypeError, ValueError) as error:
        raise StoreError(f"{name}: {error}; expected JSON values") from error


def from_json(text: str) -> Any:
    """Return what the JSON holds, in whatever way it was written."""
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError:  # NaN or half a surrogate pair, which the general way takes
        return json.loads(text)


def _plain_json(value: Mapping[str, object]) -> str | None:
    """Return the JSON of numbers and ASCII texts by name, None for anything else: ten times as fast as the general way.

    What is not finite is left to the general way too: msgspec would write null for it.
    """
    values = value.values()
    if not set(map(type, values)) <= _PLAIN or not math.isfinite(sum(one for one in values if type(one) is float)):
        return None
    try:
        text = _encoder.encode(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return text.decode() if text.isascii() else None


def plain_jsons(values: Sequence[object]) -> list[str]:
    r"""Return what `to_json` does of each, of lists, texts, truths and numbers: the quickest way, NaN is null.

    Examples
    --------
    >>> plain_jsons([{"a": 1.5, "b": None}, {"a": "é"}])
    ['{"a":1.5,"b":null}', '{"a":"\\u00e9"}']
    """
    try:
        text = _encoder.encode_lines(values)  # a text's own line ends are escaped
    except OverflowError:  # a whole number beyond 64 bits
        return [_ascii(value) for value in values]
    if not text.isascii():
        lines = text.split(b"\n")[:-1]
        return [line.decode() if line.isascii() else _ascii(msgspec.json.decode(line)) for line in lines]
    return text.decode().split("\n")[:-1]


def rows_in_json(names: Sequence[str], rows: Sequence[Sequence[float | str]]) -> list[str]:
    r"""Return what `plain_jsons` does of the names with each row's values; no mapping is made of them.

    Examples
    --------
    >>> rows_in_json(["a", "b"], [(1.5, "x"), (float("nan"), "é")])
    ['{"a":1.5,"b":"x"}', '{"a":null,"b":"\\u00e9"}']
    """
    return plain_jsons(list(starmap(_named(tuple(names)), rows)))


@lru_cache
def _named(names: tuple[str, ...]) -> Callable[..., Any]:
    """Return what makes of values an object that JSON shows with these names."""
    fields = [f"f{place}" for place in range(len(names))]
    try:
        return msgspec.defstruct("Named", fields, rename=dict(zip(fields, names, strict=True)), gc=False)
    except ValueError:  # a name with a quotation mark or the like
        return lambda *row: dict(zip(names, row, strict=True))


def _ascii(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _plain(value: object) -> object:
    if isinstance(value, np.bool_ | np.integer | np.floating):
        return value.item()
    raise TypeError(f"found {value!r:.80} of type {type(value).__name__}")


def finite(name: str, value: object) -> float:
    """Return the number as a Python float; SQLite would silently turn NaN into NULL.

    Raises
    ------
    StoreError
        If it is no finite number.
    """
    if not isinstance(value, int | float | np.integer | np.floating) or not math.isfinite(value):
        raise StoreError(f"{name} is {value!r}, expected a finite number")
    return float(value)
