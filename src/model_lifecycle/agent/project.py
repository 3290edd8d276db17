"""The chosen case's configuration, as the agent needs it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.contracts.base import Contract
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.contracts.refusals import refusals
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.locations import case_name, data_folder

CONF = Path("conf")
_PARTS: dict[str, type[Contract]] = {"policy": PolicySpec, "monitoring": MonitoringSpec, "alerting": AlertingSpec}


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
    if (by := parameters["override"]["by"]) is not None:
        raise ConfigurationError(
            f"{loader.place_of(['override_by'])}: override_by: found {by!r}, expected none: an override is a person's "
            "word for one run, the agent's runs are many; `kedro release promote NAME --override` is for one release"
        )
    if refused := [
        line for name, kind in _PARTS.items() for line in refusals(kind, name, parameters[name], loader.place_of)
    ]:
        raise ConfigurationError("\n  ".join(["the configuration is refused:", *refused]))
    return AgentProject(
        case=case_name(),
        registry=parameters["registry_uri"],
        store=shared["store"],
        data=data_folder(),
        policy=PolicySpec.model_validate(parameters["policy"]),
        monitoring=MonitoringSpec.model_validate(parameters["monitoring"]),
        alerting=AlertingSpec.model_validate(parameters["alerting"]),
        env=env,
    )
