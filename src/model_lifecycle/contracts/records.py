"""What the service writes down and reads back: predictions, labels, events, alerts, audit entries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

# How far ahead of the clock an event may lie: one from the far future would push all others out of the live history.
CLOCK_TOLERANCE = timedelta(days=1)

Json = Mapping[str, object]
Role = Literal["champion", "canary", "shadow"]
AlertStatus = Literal["pending", "firing", "resolved"]
NotificationStatus = Literal["waiting", "delivered", "refused", "expired"]


@dataclass(frozen=True, slots=True)
class PredictionRecord:
    """One answered prediction.

    All times are aware and in UTC. ``watermark`` is the highest event sequence that the replica had read;
    ``flags`` names the inputs that were missing or unknown to the release; ``outputs`` are the numbers that were
    answered besides the score; ``threshold`` is None where none decides. ``decision`` is what the release advises,
    ``action`` what the answer said to do (the same when None) and ``propensity`` the probability, in (0, 1], that it
    would be this action: 1 where nothing is left to chance. Champion and canary answer; a shadow only scores.
    """

    prediction_id: str
    decision_id: str
    decision_time: datetime
    logged_at: datetime
    release: str
    score: float
    decision: str
    threshold: float | None
    watermark: int
    inputs: Json
    features: Json = field(default_factory=dict)
    flags: Json = field(default_factory=dict)
    outputs: Json = field(default_factory=dict)
    role: Role = "champion"
    action: str | None = None
    propensity: float = 1.0


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A request that came with an idempotency key, and its answer.

    ``digest`` is of the request's body, ``answer`` is JSON, ``prediction_ids`` are the predictions that it tells of.
    """

    key: str
    digest: str
    answer: str
    answered_at: datetime
    prediction_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """The true outcome of one decision, known from ``label_time`` on.

    ``value`` is the target when ``outcome`` is ``observed``: 0.0 or 1.0, a quantity, or a class, whose name the service
    takes and whose number the store keeps. It is None when the outcome is ``unavailable``; then ``reason`` says why.
    ``received_at`` is when the service took it in: a client's own is not sent.
    """

    decision_id: str
    label_time: datetime
    outcome: Literal["observed", "unavailable"]
    value: float | str | None
    reason: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that happened at ``event_time`` and may be used from ``known_at`` on.

    A correction is a record of its own: the same kind with another id and a later ``known_at``. ``received_at`` is
    when the store took it in, None before.
    """

    event_id: str
    kind: str
    event_time: datetime
    known_at: datetime
    payload: Json
    received_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """One rule that one monitoring window breaches."""

    alert_id: str
    raised_at: datetime
    window_start: datetime
    window_end: datetime
    severity: Literal["info", "warning", "critical"]
    rule: str
    message: str
    details: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlertState:
    """How one alert, a rule on one metric of one release, stands.

    ``streak`` windows in a row breach the rule, the first since ``active_since``, the last judged until
    ``judged_until``; ``starts_at`` is when it began to fire (None while pending) and ``ends_at`` when it was over, both
    on the clock of what is monitored.
    """

    fingerprint: str
    status: AlertStatus
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    streak: int
    active_since: datetime
    judged_until: datetime
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def key(self) -> str:
        """Return what tells one firing of this alert from the next."""
        return f"{self.fingerprint}@{'' if self.starts_at is None else self.starts_at.isoformat()}"


@dataclass(frozen=True, slots=True)
class AlertChange:
    """An alert became pending, firing or resolved."""

    fingerprint: str
    at: datetime
    status: AlertStatus
    message: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The last notification of a group on a channel: when, and which firings it told."""

    at: datetime
    firing: frozenset[str]


@dataclass(frozen=True, slots=True)
class Notification:
    """What one channel is told of one group of alerts: Alertmanager's payload, version 4."""

    notification_id: str
    channel: str
    group_key: str
    at: datetime
    firing: tuple[str, ...]
    payload: Json
    status: NotificationStatus = "waiting"
    attempts: int = 0
    error: str | None = None
    settled_at: datetime | None = None
    created_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Who or what did what to a release, when and why."""

    at: datetime
    actor: str
    action: str
    release: str
    reason: str
    details: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Move:
    """One move of the champion, written down before it is made; `overridden` names the failed gates it went past."""

    at: str
    action: Literal["promote", "rollback"]
    from_version: int | None
    to_version: int
    by: str
    reason: str
    overridden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricsSnapshot:
    """The service's metrics in Prometheus's text format, or None with the reason."""

    text: str | None
    reason: str
