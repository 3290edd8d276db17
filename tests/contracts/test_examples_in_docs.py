"""The examples of configuration in the documentation are taken by the contracts."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.contracts.business_question import Slice
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.modelling import CandidateSpec
from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.contracts.value import ActionValues, QuantityCost, ValueMatrix
from model_lifecycle.serving.settings import Retention, TlsSettings

DOCS = Path(__file__).resolve().parents[2] / "docs"
KINDS: dict[str, Any] = {
    "alerting": AlertingSpec,
    "candidates": dict[str, CandidateSpec],
    "contracts": TableContracts,
    "features": FeatureSpec,
    "gates": GateLimits,
    "retention": Retention,
    "slices": list[Slice],
    "tls": TlsSettings,
    "value": ValueMatrix | QuantityCost | ActionValues,
}


def _examples() -> Iterator[Any]:
    for file in sorted(DOCS.rglob("*.md")):
        for text in re.findall(r"```yaml\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL):
            found = yaml.safe_load(text)
            parts = {**found, **found.get("modelling", {}), **found.get("business_question", {})}
            for key in sorted(KINDS.keys() & parts.keys()):
                if isinstance(parts[key], dict) and parts[key].keys() == {"drop"}:
                    continue  # it changes the features that a case has declared
                yield pytest.param(KINDS[key], parts[key], id=f"{file.stem}-{key}")


EXAMPLES = list(_examples())


def test_every_kind_of_example_is_found() -> None:
    assert {str(example.id).rsplit("-", maxsplit=1)[1] for example in EXAMPLES} == KINDS.keys()


@pytest.mark.parametrize(("kind", "example"), EXAMPLES)
def test_an_example_is_taken(kind: Any, example: object) -> None:
    TypeAdapter(kind).validate_python(example)
