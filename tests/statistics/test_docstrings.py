import importlib
import inspect
import pkgutil
from types import FunctionType

import pytest

from model_lifecycle import statistics

MODULES = [module.name for module in pkgutil.iter_modules(statistics.__path__, f"{statistics.__name__}.")]


def public_functions() -> list[FunctionType]:
    modules = [importlib.import_module(name) for name in MODULES if ".statistics._" not in name]
    return [
        member
        for module in modules
        for name, member in vars(module).items()
        if isinstance(member, FunctionType) and member.__module__ == module.__name__ and not name.startswith("_")
    ]


@pytest.mark.parametrize("function", public_functions(), ids=lambda function: function.__name__)
def test_every_public_function_documents_its_result_errors_source_and_an_example(function: FunctionType) -> None:
    for section in ("Parameters", "Returns", "Raises", "References", "Examples"):
        assert f"\n{section}\n-----" in (inspect.getdoc(function) or ""), section
