"""The examples in the docstrings of the back-test hold."""

import doctest
import importlib
import pkgutil

import pytest

from model_lifecycle import backtest

MODULES = [module.name for module in pkgutil.iter_modules(backtest.__path__, f"{backtest.__name__}.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
