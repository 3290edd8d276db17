"""The chosen case's configuration, as the agent needs it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.locations import case_name, data_folder

CONF = Path("conf")
_PARTS = ("policy", "monitoring", "alerting")


@dataclass(frozen=True)
class AgentProject:
    """Where registry, store and reports are, and what the agent goes by."""

    case: str
    registry: str
    store: str
    data: Path
    policy: PolicySpec
    monitoring: MonitoringSpec
    alerting: AlertingSpec
    env: str | None = None

    @property
    def reporting(self) -> Path:
        """Where runs leave their reports."""
        return self.data / "08_reporting" / self.case


def read_project(env: str | None = None, parameters: Mapping[str, str] | None = None) -> AgentProject:
    """Read the configuration of the project in the working folder.

    Parameters
    ----------
    env : str, optional
        Kedro environment.
    parameters : mapping, optional
        By dotted name, as for ``kedro run --params``: what its runs are given holds for the agent, too.

    Raises
    ------
    ConfigurationError
        If there is none, or it is malformed.
    """
    from omegaconf import OmegaConf

    from model_lifecycle.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS

    if not CONF.is_dir():
        raise ConfigurationError(f"{Path.cwd()} has no folder {str(CONF)!r}; run this in the project's folder")
    options: dict[str, Any] = {**CONFIG_LOADER_ARGS}
    given: Any = OmegaConf.to_container(
        OmegaConf.from_dotlist([f"{name}={value}" for name, value in (parameters or {}).items()])
    )
    env = env or os.environ.get("KEDRO_ENV") or None
    loader = CONFIG_LOADER_CLASS(CONF, env, runtime_params=given, **options)
    parameters, shared = loader["parameters"], loader["globals"]
    places = {
        "case": case_name(),
        "registry": parameters["registry_uri"],
        "store": shared["store"],
        "data": data_folder(),
        "env": env,
    }
    try:
        return TypeAdapter(AgentProject).validate_python({**places, **{name: parameters[name] for name in _PARTS}})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"parameters, {place}: found {first['input']!r:.80}, {first['msg']}") from error
