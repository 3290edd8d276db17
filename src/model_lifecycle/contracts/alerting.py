"""Alerting: which figures of monitoring raise an alert, and where people are told."""

import re
from datetime import timedelta
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator

from model_lifecycle.contracts.base import LOOPBACK, Contract, PositiveDuration

AlertSeverity = Literal["info", "warning", "critical"]
METRIC_FAMILIES = (
    "traffic", "labels", "quality", "drift", "concept", "policy", "performance", "releases", "skew", "lateness",
    "operations",
)  # fmt: skip
# Measured over all windows of a run at once, so there is no row of windows to count.
_WHOLE_RUN = ("skew", "lateness", "operations")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")  # as Prometheus and Alertmanager take them
_GIVEN_LABELS = frozenset({"alertname", "metric", "severity", "release"})

Labels = dict[str, str]


def _checked_labels(labels: Labels) -> Labels:
    wrong = sorted(name for name in labels if not _LABEL.fullmatch(name) or name in _GIVEN_LABELS)
    if wrong:
        raise ValueError(f"found labels {wrong}, expected letters, digits and _, and none of {sorted(_GIVEN_LABELS)}")
    return labels


class AlertRule(Contract):
    """When a figure of a window is an alert. Exactly one of ``above`` and ``below`` is given.

    A metric with ``*`` in it stands for all that match, each an alert of its own.
    """

    model_config = ConfigDict(validate_by_name=True)

    metric: str = Field(
        min_length=1, description="as docs/alerts.md lists them, e.g. performance.auc or quality.critical.*"
    )
    comparison: Literal["absolute", "relative", "interval"] = Field(
        default="absolute",
        description="of the figure itself; of its change relative to its reference (the hold-out, or a drift's floor), "
        "0.1 being a tenth; or of its interval, the whole of which must lie beyond the limit",
    )
    above: float | None = Field(default=None, description="the alert is raised above this")
    below: float | None = Field(default=None, description="the alert is raised below this")
    for_windows: int = Field(
        default=1, ge=1, le=50, alias="for", description="windows in a row, of those in which the figure can be judged"
    )
    severity: AlertSeverity = "warning"
    labels: Labels = Field(default_factory=dict, description="more labels, for grouping and routing")
    notes: str = Field(default="", description="told with the alert: what it means and what to do first")
    runbook: str | None = Field(default=None, description="link to what to do")

    _labels = field_validator("labels")(_checked_labels)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError(f"found above {self.above} and below {self.below}, expected exactly one of them")
        family = self.metric.split(".")[0]
        if family not in METRIC_FAMILIES:
            raise ValueError(
                f"found metric {self.metric!r}, expected one that begins with {', '.join(METRIC_FAMILIES)}"
            )
        if family in _WHOLE_RUN and self.for_windows > 1:
            raise ValueError(f"metric {self.metric!r} is measured once a run; found for {self.for_windows}, expected 1")
        return self


class _Channel(Contract):
    send_resolved: bool = Field(default=True, description="tell also when an alert is over")


class LogChannel(_Channel):
    """One line an alert in the log of the run."""

    type: Literal["log"]


class FileChannel(_Channel):
    """One JSON object a notification, appended to a file."""

    type: Literal["file"]
    path: str = Field(min_length=1)


class WebhookChannel(_Channel):
    """A POST in Alertmanager's words, signed as Standard Webhooks say."""

    type: Literal["webhook"]
    body: Literal["webhook", "alertmanager"] = Field(
        default="webhook",
        description="what Alertmanager posts (version 4), or what Alertmanager itself takes at /api/v2/alerts",
    )
    hold: PositiveDuration = Field(
        default=timedelta(days=2), description="body alertmanager: how long an alert counts without being told again"
    )
    url: str | None = Field(default=None, description="https://…, or http:// on loopback")
    url_env: str | None = Field(default=None, description="environment variable with the address, when it is a secret")
    secret_env: str | None = Field(default=None, description="environment variable with the secret, whsec_…")
    allow_http: bool = Field(default=False, description="plain http to other machines: anyone between can read along")
    timeout: PositiveDuration = timedelta(seconds=5)
    max_alerts: int = Field(default=100, ge=1, description="alerts of one notification; the rest is counted")

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("expected exactly one of url and url_env")
        if self.url is not None:
            check_address(self.url, self.allow_http)
        return self


class AppriseChannel(_Channel):
    """Whatever apprise reaches: mail, Slack, Teams, … Its addresses hold secrets, so the environment names them."""

    type: Literal["apprise"]
    url_env: str = Field(min_length=1, description="environment variable with apprise URLs, separated by spaces")


Channel = Annotated[LogChannel | FileChannel | WebhookChannel | AppriseChannel, Field(discriminator="type")]


class AlertingSpec(Contract):
    """Rules, how alerts are grouped and repeated, and the channels. Silences and routes are Alertmanager's."""

    rules: dict[str, AlertRule | None] = Field(default_factory=dict, description="by name; null switches one off")
    labels: Labels = Field(default_factory=dict, description="of every alert")
    group_by: tuple[str, ...] = Field(default=("case",), description="alerts equal in these labels are told together")
    repeat_interval: PositiveDuration = Field(
        default=timedelta(days=1), description="until alerts that still fire are told again"
    )
    external_url: str = Field(default="", description="where people find the monitoring page")
    channels: dict[str, Channel] = Field(default_factory=dict)
    deliver: bool = Field(default=True, description="false: states and history are kept, nobody is told")
    deliver_within: PositiveDuration = Field(
        default=timedelta(seconds=20), description="for all channels together; what is left waits for the next run"
    )
    tries: int = Field(default=4, ge=1, le=20, description="of one notification in one run")
    keep_trying: PositiveDuration = Field(
        default=timedelta(days=7), description="until an undelivered notification is given up"
    )

    _labels = field_validator("labels")(_checked_labels)

    def active(self) -> dict[str, AlertRule]:
        """Return the rules that are not switched off."""
        return {name: rule for name, rule in self.rules.items() if rule is not None}

    def longest_row(self) -> int:
        """Return the most windows in a row that a rule asks for."""
        return max((rule.for_windows for rule in self.active().values()), default=1)


def check_address(url: str, allow_http: bool) -> str:
    """Return an address that may be told of alerts.

    Raises
    ------
    ValueError
        If it is neither https nor on loopback, unless plain http is allowed.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    safe = parts.scheme == "https" or (parts.scheme == "http" and (allow_http or host in LOOPBACK))
    if not host or not safe:
        raise ValueError(f"found {shown_address(url)}, expected https://…, or http:// on loopback (allow_http: true)")
    if parts.username or parts.password:
        raise ValueError(
            f"found a user or password in {shown_address(url)}, expected url_env for an address with secrets"
        )
    return url


def shown_address(url: str) -> str:
    """Return scheme and host of an address: its path and query may hold secrets."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return "an address that cannot be read"
