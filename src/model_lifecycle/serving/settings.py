"""The settings of the service: ``conf/serve/<name>.yml``, then the command line."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from string import Template
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from model_lifecycle.contracts.base import LOOPBACK, Contract, Duration
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.locations import CASE_VARIABLE, DEFAULT_CASE, case_name, data_folder

FOLDERS = "mls-"  # how the names of services' private folders begin


class ReplicaSettings(Contract):
    """How many replicas answer, and when another one is started."""

    minimum: int = Field(default=1, ge=1)
    maximum: int = Field(default=2, ge=1)
    target_ongoing_requests: float = Field(default=16, gt=0, description="per replica; above it, one more is started")
    upscale_delay_seconds: float = Field(default=5, ge=0, description="how long the load must last for one more")
    downscale_delay_seconds: float = Field(default=120, ge=0, description="and be gone for one less")
    max_ongoing_requests: int = Field(default=512, ge=1, description="per replica; beyond it, requests are refused")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} lies above maximum {self.maximum}")
        if self.max_ongoing_requests < 2 * self.target_ongoing_requests:
            raise ValueError(
                f"max_ongoing_requests is {self.max_ongoing_requests}, expected at least twice "
                f"target_ongoing_requests ({self.target_ongoing_requests:g}): only running requests are counted, "
                f"so a lower bound would hide the load from the autoscaler"
            )
        return self


class TlsSettings(Contract):
    """Certificate (with its chain) and key, as PEM files."""

    certificate: Path
    key: Path


class Limits(Contract):
    """What one request may bring, and how much may wait."""

    body_bytes: int = Field(default=4 * 2**20, ge=1024)
    body_seconds: float = Field(default=10.0, gt=0, description="how long a body may take to arrive")
    chunks: int = Field(default=10_000, ge=1, description="parts that a body may arrive in")
    arriving_bytes: int = Field(
        default=16 * 2**20, ge=1024, description="of bodies that are not whole yet, per replica"
    )
    fields: int = Field(default=250_000, ge=1, description="of one request, by its colons: memory grows with them")
    rows: int = Field(default=5_000, ge=1, description="records, labels or events of one request")
    explained_rows: int = Field(default=100, ge=1, description="records of one request for explanations")
    waiting_explanations: int = Field(default=8, ge=1, description="requests that wait for explanations, per replica")
    waiting_feedback: int = Field(default=64, ge=1, description="requests with labels or events, per replica")
    waiting_rows: int = Field(default=20_000, ge=1, description="records that wait for an answer, per replica")


class CanaryLimits(Contract):
    """When a canary has to stop, in each replica by itself."""

    error_share: float = Field(default=0.01, ge=0, lt=1, description="of the last decisions, that it could not answer")
    latency_seconds: float = Field(default=0.1, gt=0, description="for the p99 of its model calls")
    window: int = Field(default=1000, ge=1, description="decisions, and model calls, that are looked back on")
    minimum_breaches: int = Field(default=3, ge=1, description="failed decisions or slow calls below which it goes on")
    value_margin: float = Field(default=0.0, ge=0, description="that a decision may earn less than the champion's")
    value_error: float = Field(default=0.01, gt=0, lt=0.5, description="chance to stop one that earns as much")
    value_entities: int = Field(default=200, ge=2, description="with an outcome, on each side, before it is judged")
    value_poll_seconds: float = Field(default=60.0, gt=0, description="how often outcomes are looked at")


class Retention(Contract):
    """How long the prediction log keeps what it holds, back from its newest decision; null keeps all."""

    answers: Duration | None = Field(default=None, description="answers whose outcome is known")
    shadows: Duration | None = Field(default=None, description="what shadows scored")
    monitored: Duration = Field(default=timedelta(days=120), description="how far monitoring looks back")

    @model_validator(mode="after")
    def _monitoring_finds_its_windows(self) -> Self:
        for name in ("answers", "shadows"):
            kept = getattr(self, name)
            if kept is not None and kept < self.monitored:
                raise ValueError(f"{name} {kept.days} days, expected at least the {self.monitored.days} of `monitored`")
        return self


class ControlSettings(Contract):
    """A random share of advised actions that is withheld, so that their effect can be told."""

    share: float = Field(default=0.0, ge=0, le=0.5, description="of the decisions for which an action is advised")
    salt: str = Field(default="control", min_length=1, description="of the lots; keep it from those who ask")


class ServiceSettings(Contract):
    """All settings of one service."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    tls: TlsSettings | None = Field(default=None, description="HTTPS; without it a TLS terminator may stand in front")
    release: Path | None = Field(default=None, description="a fixed release; without it the registry's champion")
    registry: str
    registry_name: str
    store: str
    synchronous: Literal["NORMAL", "FULL", "EXTRA"] = "NORMAL"
    log: Literal["acknowledged", "relaxed"] = Field(
        default="acknowledged",
        description="relaxed: answers do not wait for the log; see docs/serving.md for what is lost",
    )
    key_hash: Path = Field(description="file with the salted hash of the API key")
    client_key: Path | None = Field(default=None, description="where a new key is left for this user's own tools")
    replicas: ReplicaSettings = ReplicaSettings()
    limits: Limits = Limits()
    canary: CanaryLimits = CanaryLimits()
    control: ControlSettings = ControlSettings()
    retention: Retention = Retention()
    history_margin: Duration = timedelta(days=2)
    history_poll_seconds: float = Field(default=0.25, gt=0)
    swap_poll_seconds: float = Field(default=1.0, gt=0)
    drain_seconds: float = Field(default=10.0, gt=0, description="how long a stopping replica waits for its requests")
    log_folder: Path | None = Field(default=None, description="keeps Ray's logs; without it they go with the service")

    def is_loopback(self) -> bool:
        """Tell whether the service is reached from this machine alone."""
        return self.host in LOOPBACK

    def url(self) -> str:
        """Return where the service answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{host}:{self.port}"


_SECTIONS = frozenset({"replicas", "limits", "canary", "control", "retention"})


def load_settings(path: Path, overrides: dict[str, object]) -> ServiceSettings:
    """Read a settings file; overrides that are None count as not given.

    ``${case}`` and ``${data}`` in texts stand for the chosen case and the data folder (environment variables
    ``MODEL_LIFECYCLE_CASE`` and ``MODEL_LIFECYCLE_DATA``).

    Raises
    ------
    ConfigurationError
        If the file is missing or malformed, or a key is unknown or out of range.
    """
    import yaml

    try:
        document = yaml.safe_load(Template(path.read_text()).substitute(_names()))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, KeyError, ValueError) as error:
        raise ConfigurationError(f"{path}: not readable: {error}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path}: found {type(document).__name__}, expected keys and values")
    given = {name: value for name, value in overrides.items() if value is not None}
    # A section without a line, as when all of its lines are comments, is one that is not there.
    document = {name: value for name, value in document.items() if value is not None or name not in _SECTIONS}
    replicas = document.get("replicas", {})
    if isinstance(replicas, dict):  # else the model refuses it
        given["replicas"] = {**replicas, **given.get("replicas", {})}  # type: ignore[dict-item]
    else:
        given.pop("replicas", None)
    given.update(_key_left_beside(document, given))
    try:
        return ServiceSettings.model_validate({**document, **given})
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'settings'}: found {fault['input']!r}, {fault['msg']}"
            for fault in error.errors()
        )
        raise ConfigurationError(f"{path}: {faults}") from error


def _key_left_beside(document: Mapping[object, object], given: Mapping[str, object]) -> dict[str, object]:
    """Say where a new key is left if the hashes lie elsewhere than the file says: its place is another service's."""
    configured, chosen = document.get("key_hash"), given.get("key_hash")
    if not isinstance(configured, str) or not isinstance(chosen, str | Path) or document.get("client_key") is None:
        return {}
    place = Path(chosen)
    if "client_key" in given or place.resolve() == Path(configured).resolve():
        return {}
    return {"client_key": place.with_name(f"{place.name}.client_key")}


def _names() -> dict[str, str]:
    case = case_name()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", case):
        raise ConfigurationError(f"{CASE_VARIABLE}: found {case!r}, expected a name such as {DEFAULT_CASE!r}")
    return {"case": case, "data": str(data_folder())}
