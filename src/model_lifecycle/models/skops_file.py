"""A scikit-learn object as a skops file whose bytes depend on nothing but the object.

skops numbers what it writes by memory address and stamps the files in its archive with the time; both are made
plain here, so that the same fit gives the same bytes.
"""

import io
import json
from collections.abc import Sequence
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
import pandas as pd

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.errors import ModelError

_SCHEMA = "schema.json"
_ARRAY = ".npy"


def dump(fitted: object) -> bytes:
    """Return a fitted scikit-learn object as the bytes of a skops file."""
    from skops import io as skops_io

    with ZipFile(io.BytesIO(skops_io.dumps(fitted))) as archive:
        written = {name: archive.read(name) for name in archive.namelist()}
    numbers: dict[str, int] = {}
    schema = _renumbered(json.loads(written.pop(_SCHEMA)), numbers)
    arrays = {numbers[name.removesuffix(_ARRAY)]: content for name, content in written.items()}
    plain = io.BytesIO()
    with ZipFile(plain, "w") as archive:
        for number in sorted(arrays):
            archive.writestr(ZipInfo(f"{number}{_ARRAY}"), arrays[number])
        archive.writestr(ZipInfo(_SCHEMA), json.dumps(schema))
    return plain.getvalue()


def load(content: bytes, trusted: Sequence[str]) -> Any:
    """Return the object that a skops file holds, if it holds no type beyond skops' own list and the trusted ones.

    Raises
    ------
    Exception
        Whatever a damaged file makes skops raise.
    """
    from skops import io as skops_io

    with ZipFile(io.BytesIO(content)) as archive:
        if wrong := archive.testzip():
            raise BadZipFile(f"{wrong} has a wrong checksum")
    return skops_io.loads(content, trusted=list(trusted))


def load_pipeline(family: str, content: bytes, file: str, steps: Sequence[str], trusted: Sequence[str]) -> Any:
    """Return the scikit-learn pipeline of exactly these steps that a skops file holds.

    Raises
    ------
    ModelError
        If the file is damaged, holds any type that is not expected, or another object.
    """
    try:
        pipeline = load(content, trusted)
        found = list(pipeline.named_steps)
    except Exception as error:  # skops raises whatever the file makes it raise
        raise ModelError(f"{family}: {file} is not a trusted pipeline: {error}") from error
    if found != list(steps):
        raise ModelError(f"{family}: {file} holds a pipeline of {found}, expected {list(steps)}")
    return pipeline


def predict(pipeline: Any, features: Columns) -> np.ndarray:
    """Return a pipeline's probabilities (of the second class, if there are two), or its number; float64."""
    table, final = pd.DataFrame(dict(features)), pipeline.steps[-1][1]
    if not hasattr(final, "predict_proba"):
        return np.asarray(pipeline.predict(table), dtype=np.float64) if len(table) else np.empty(0)
    classes = len(final.classes_)
    found = np.asarray(pipeline.predict_proba(table)) if len(table) else np.empty((0, classes))
    return found[:, 1] if classes == 2 else found


def _renumbered(node: object, numbers: dict[str, int]) -> object:
    """Return the schema with addresses, and files named by them, numbered from 1 in order of appearance."""
    if isinstance(node, list):
        return [_renumbered(item, numbers) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _renumbered(value, numbers) for key, value in node.items()}
    if isinstance(address := node.get("__id__"), int):
        plain["__id__"] = numbers.setdefault(str(address), len(numbers) + 1)
    if isinstance(file := node.get("file"), str) and file.endswith(_ARRAY):
        plain["file"] = f"{numbers.setdefault(file.removesuffix(_ARRAY), len(numbers) + 1)}{_ARRAY}"
    return plain
