"""What the project's configuration says, as the rehearsal needs it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.locations import DATA_VARIABLE, case_name

CONF = Path("conf")
_LOGGING_VARIABLE = "KEDRO_LOGGING_CONFIG"


@dataclass(frozen=True)
class Project:
    """The chosen case's configuration, as of the data folder that was chosen when it was read."""

    case: str
    registry: str
    store: str
    question: BusinessQuestion
    features: FeatureSpec
    split: SplitSpec
    monitoring: MonitoringSpec
    policy: PolicySpec


def read_project() -> Project:
    """Read the configuration of the project in the working folder.

    Raises
    ------
    ConfigurationError
        If there is none, or it is malformed.
    """
    from model_lifecycle.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS

    if not CONF.is_dir():
        raise ConfigurationError(f"{Path.cwd()} has no folder {str(CONF)!r}; run this in the project's folder")
    options: dict[str, Any] = {**CONFIG_LOADER_ARGS}
    loader = CONFIG_LOADER_CLASS(CONF, os.environ.get("KEDRO_ENV"), **options)
    parameters, shared = loader["parameters"], loader["globals"]
    places = {"case": case_name(), "registry": parameters["registry_uri"], "store": shared["store"]}
    parts = {name: parameters[key] for name, key in _PARTS.items()}
    try:
        return TypeAdapter(Project).validate_python({**places, **parts})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"parameters, {place}: found {first['input']!r:.80}, {first['msg']}") from error


_PARTS = {
    "question": "business_question",
    "features": "features",
    "split": "split",
    "monitoring": "monitoring",
    "policy": "policy",
}


@contextmanager
def data_in(folder: Path) -> Iterator[None]:
    """Let this process, and those that it starts, take a folder for the data folder."""
    with _variable(DATA_VARIABLE, str(folder)):
        yield


@contextmanager
def log_in(folder: Path) -> Iterator[None]:
    """Let the runs that are started keep their log in a folder, and not in the user's."""
    import yaml

    own, found = folder / "logging.yml", CONF / "logging.yml"
    document: dict[str, Any] = {"version": 1}
    if found.exists():
        document = yaml.safe_load(found.read_text(encoding="utf-8"))
    for handler in document.get("handlers", {}).values():
        if "filename" in handler:
            handler["filename"] = str(folder / Path(handler["filename"]).name)
    folder.mkdir(parents=True, exist_ok=True)
    own.write_text(yaml.safe_dump(document), encoding="utf-8")
    with _variable(_LOGGING_VARIABLE, str(own)):
        yield


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
