"""The parameters of a case as a run reads them: base, its sources, itself."""

import os
from pathlib import Path
from typing import Any
from unittest import mock

from model_lifecycle.configuration import CaseConfigLoader
from model_lifecycle.locations import CASE_VARIABLE
from model_lifecycle.settings import CONFIG_LOADER_ARGS

ROOT = Path(__file__).parents[2]


def parameters(case: str = "flight_delays") -> dict[str, Any]:
    """Return them, plain."""
    options: dict[str, Any] = dict(CONFIG_LOADER_ARGS)
    with mock.patch.dict(os.environ, {CASE_VARIABLE: case}):
        found: dict[str, Any] = CaseConfigLoader(ROOT / "conf", **options)["parameters"]
    return found
