"""The examples in docstrings hold."""

import doctest
import importlib
from pathlib import Path

import pytest

import model_lifecycle

ROOT = Path(model_lifecycle.__file__).parent
FILES = [path for path in ROOT.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8")]
MODULES = sorted(".".join(path.relative_to(ROOT.parent).with_suffix("").parts) for path in FILES)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0
