"""Which pipelines there are, and what a plain ``kedro run`` does."""

from pathlib import Path

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline

from model_lifecycle import pipelines as package
from model_lifecycle.errors import ConfigurationError

_WHOLE = "__default__"
_DEFAULT = ("data_engineering", "feature_engineering", "modelling", "evaluation", "deployment")


def register_pipelines() -> dict[str, Pipeline]:
    """Return all pipelines by name; ``__default__`` runs from raw data to a blessed release and its reports.

    Kedro finds those that the command line asks for and imports no others.

    Raises
    ------
    ConfigurationError
        If one is asked for that does not exist.
    """
    try:
        pipelines = find_pipelines(raise_errors=True)
    except ImportError as error:
        if error.__cause__ is not None:  # a bug in a pipeline's own module
            raise
        raise ConfigurationError(f"--pipelines: {_asked_for(error)}, expected names of {_names()}") from error
    pipelines[_WHOLE] = sum((pipelines[name] for name in _DEFAULT if name in pipelines), Pipeline([]))
    return pipelines


def _asked_for(error: ImportError) -> str:
    """Return the name from Kedro's message, which quotes the module that it would be."""
    _, _, rest = str(error).partition(f"{package.__name__}.")
    return f"found {rest.partition(chr(39))[0]!r}" if rest else str(error)


def _names() -> list[str]:
    folders = {file.parent.name for place in package.__path__ for file in Path(place).glob("*/pipeline.py")}
    return [_WHOLE, *sorted(folders)]
