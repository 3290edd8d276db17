"""Which pipelines there are, and what a plain ``kedro run`` does."""

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline

_DEFAULT = ("data_engineering", "feature_engineering", "modelling", "evaluation", "deployment")


def register_pipelines() -> dict[str, Pipeline]:
    """Return all pipelines by name; ``__default__`` runs from raw data to a blessed release and its reports."""
    pipelines = find_pipelines(raise_errors=True)
    pipelines["__default__"] = sum((pipelines[name] for name in _DEFAULT if name in pipelines), Pipeline([]))
    return pipelines
