"""The agent's own alert: it fires when a work fails, and is resolved by the next monitoring run."""

from datetime import UTC, datetime

from model_lifecycle.agent.project import AgentProject
from model_lifecycle.contracts.alerting import AlertingSpec, AlertRule
from model_lifecycle.errors import RegistryError
from model_lifecycle.monitoring.alert_turn import turn_of
from model_lifecycle.monitoring.alerts import Judged, Judgement
from model_lifecycle.notification.delivery import deliver
from model_lifecycle.registry import Registry
from model_lifecycle.store import Store

RULE = "agent"
_LONGEST = 2000  # characters of a message; the log has the rest


def judgement_of(alerting: AlertingSpec, release: str, at: datetime, what: str, message: str) -> Judgement:
    """Return the judgement that lets the alert fire."""
    # Unchecked: a configured rule may not name the agent's metric, which no window holds.
    rule = AlertRule.model_construct(
        metric="agent.*", above=0, severity="critical", runbook="docs/retraining.md#when-a-work-fails"
    )
    spec = alerting.model_copy(update={"rules": {**alerting.rules, RULE: rule}})
    judged = Judged(RULE, f"agent.{what.replace(' ', '_')}", at, at, True, message[:_LONGEST], {})
    return Judgement(release, at, spec, (judged,), {}, whole=False)


def raise_alarm(project: AgentProject, at: datetime, what: str, message: str) -> None:
    """Write the alert down and deliver it, as the configuration says.

    Raises
    ------
    LifecycleError
        If the store cannot be reached.
    """
    judgement = judgement_of(project.alerting, _champion(project), at, what, message)
    with Store.open(project.store) as store:
        store.append_alerts(judgement.breaches())
        store.alert_book.take_turn(lambda known: turn_of(known, judgement, datetime.now(UTC)))
        deliver(store.alert_book, judgement.alerting)


def _champion(project: AgentProject) -> str:
    """Return the champion's name; a registry that cannot be read may be the very thing that people have to hear of."""
    try:
        champion = Registry(project.registry, project.case).champion()
    except RegistryError:
        return "unknown"
    return "none" if champion is None else champion.release_id
