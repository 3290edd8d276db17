"""The catalog as kedro-viz reads it."""

from pathlib import Path
from typing import Any

import pytest
from kedro.framework.project import configure_project, find_pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from model_lifecycle.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS

ROOT = Path(__file__).resolve().parents[1]
LAYERS = [
    "raw", "intermediate", "primary", "feature", "model_input", "models", "model_output", "reporting", "release",
]  # fmt: skip


@pytest.fixture(scope="module")
def pipelines() -> dict[str, Pipeline]:
    configure_project("model_lifecycle")
    found: dict[str, Pipeline] = find_pipelines(raise_errors=True)
    return found


@pytest.fixture(scope="module")
def layers(pipelines: dict[str, Pipeline]) -> dict[str, str]:
    """The layer of each dataset that a pipeline names."""
    options: dict[str, Any] = {**CONFIG_LOADER_ARGS}
    catalog = DataCatalog.from_config(CONFIG_LOADER_CLASS(str(ROOT / "conf"), "test", **options)["catalog"])
    names = {name for pipeline in pipelines.values() for name in pipeline.datasets() if not name.startswith("params:")}
    datasets: dict[str, Any] = {name: catalog.get(name) for name in names}
    return {name: dataset.metadata["kedro-viz"]["layer"] for name, dataset in datasets.items()}


def test_every_dataset_has_a_layer_that_is_known(layers: dict[str, str]) -> None:
    assert set(layers.values()) == set(LAYERS)


def test_no_dataset_stands_in_a_layer_before_one_that_it_is_made_from(
    pipelines: dict[str, Pipeline], layers: dict[str, str]
) -> None:
    backwards = [
        f"{node.name}: {source} ({layers[source]}) -> {result} ({layers[result]})"
        for pipeline in pipelines.values()
        for node in pipeline.nodes
        for source in node.inputs
        for result in node.outputs
        if not source.startswith("params:") and LAYERS.index(layers[source]) > LAYERS.index(layers[result])
    ]
    assert not backwards, "kedro-viz shows no layers at all when they go round in a circle"
