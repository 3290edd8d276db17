"""Which pipelines there are, and what a name that does not exist is told."""

from collections.abc import Iterator

import pytest
from kedro.framework.project import configure_project, pipelines

from model_lifecycle.errors import ConfigurationError
from model_lifecycle.pipeline_registry import register_pipelines


@pytest.fixture
def _project() -> Iterator[None]:
    configure_project("model_lifecycle")
    yield
    pipelines.set_requested(None)


@pytest.mark.usefixtures("_project")
def test_a_name_that_does_not_exist_is_told_with_those_that_do() -> None:
    pipelines.set_requested(["modelling", "evalution"])
    with pytest.raises(
        ConfigurationError, match=r"^--pipelines: found 'evalution', expected names of \['__default__', 'batch_scoring', 'data_eng.*'\]$"
    ):
        register_pipelines()


@pytest.mark.usefixtures("_project")
def test_a_bug_in_a_pipelines_module_is_no_wrong_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*, raise_errors: bool) -> None:
        assert raise_errors
        raise ImportError("while importing 'model_lifecycle.pipelines.modelling'") from ZeroDivisionError()

    monkeypatch.setattr("model_lifecycle.pipeline_registry.find_pipelines", broken)
    with pytest.raises(ImportError, match="while importing"):
        register_pipelines()


@pytest.mark.usefixtures("_project")
def test_the_default_runs_from_the_raw_tables_to_the_registry_and_starts_no_monitoring() -> None:
    found = register_pipelines()
    nodes = {name: {node.name for node in pipeline.nodes} for name, pipeline in found.items()}
    assert nodes["data_engineering"] | nodes["deployment"] <= nodes["__default__"]
    assert not nodes["monitoring"] & nodes["__default__"]
