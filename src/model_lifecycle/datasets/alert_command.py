"""``python -m model_lifecycle alerts``: alerts listed and shown, a channel tried, what waits delivered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import click

from model_lifecycle.errors import ConfigurationError, ContractError

if TYPE_CHECKING:
    from model_lifecycle.contracts.alerting import AlertingSpec
    from model_lifecycle.store.alert_book import AlertBook

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _of_store(command: _Command) -> _Command:
    """Let the command be told which store is meant."""
    command = click.option("--store", "url", help="Database URL; the configured store by default.")(command)
    return _of_environment(command)


def _of_environment(command: _Command) -> _Command:
    return click.option("--env", envvar="KEDRO_ENV", help="Kedro environment whose configuration is meant.")(command)


@click.group()
def alerts() -> None:
    """Alerts of the case: what fires, how it came about, and whether the channels work."""


@alerts.command("list")
@click.option("--all", "every", is_flag=True, help="Resolved ones, too.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@_of_store
def list_(every: bool, as_json: bool, url: str | None, env: str | None) -> None:
    """List the alerts that are pending or firing, the newest first."""
    import json

    from model_lifecycle.datasets.alert_text import list_text, state_json

    with _book(url, env) as book:
        found = [state for state in book.states() if every or state.status != "resolved"]
    if as_json:
        click.echo(json.dumps([state_json(state) for state in found], indent=2))
    else:
        click.echo(list_text(found) if found else "no alert")


@alerts.command()
@click.argument("fingerprint")
@_of_store
def show(fingerprint: str, url: str | None, env: str | None) -> None:
    """Show one alert: labels, annotations, history, and the notifications that told of it.

    The beginning of FINGERPRINT is enough where it is the only one.
    """
    from model_lifecycle.datasets.alert_text import show_text

    with _book(url, env) as book:
        found = [state for state in book.states() if state.fingerprint.startswith(fingerprint)]
        if len(found) != 1:
            raise ContractError(f"alert {fingerprint!r}: found {len(found)} of that fingerprint, expected one")
        told = [one for one in book.notifications() if _tells(one.payload, found[0].fingerprint)]
        click.echo(show_text(found[0], book.changes(found[0].fingerprint), told))


@alerts.command()
@_of_store
def deliver(url: str | None, env: str | None) -> None:
    """Try again to deliver the notifications that wait. Exits with 1 when some still do."""
    from model_lifecycle.notification.delivery import deliver as deliver_waiting

    alerting = _alerting(env)
    with _book(url, env) as book:
        found = deliver_waiting(book, alerting)
    click.echo(f"{found.delivered} delivered, {found.waiting} wait, {found.refused} refused, {found.expired} expired")
    for problem in found.problems:
        click.echo(f"  {problem}", err=True)
    if found.problems:
        raise click.exceptions.Exit(1)


@alerts.command()
@click.argument("channel")
@_of_environment
def test(channel: str, env: str | None) -> None:
    """Send a test notification to CHANNEL, once; its labels say that it is none."""
    from model_lifecycle.errors import DeliveryError
    from model_lifecycle.monitoring.notifications import trial
    from model_lifecycle.notification.channel import MayPass, Refused
    from model_lifecycle.notification.senders import sender_of

    alerting = _alerting(env)
    if channel not in alerting.channels:
        raise ConfigurationError(
            f"alerting.channels: found no {channel!r}, expected one of {sorted(alerting.channels)}"
        )
    notification = trial(channel, alerting, datetime.now(UTC))
    try:
        sender_of(channel, alerting.channels[channel]).send(notification)
    except (MayPass, Refused) as error:
        raise DeliveryError(f"channel {channel}: {error}") from error
    click.echo(f"channel {channel} took the test notification {notification.notification_id}")


def _tells(payload: Any, fingerprint: str) -> bool:
    return any(alert["fingerprint"] == fingerprint for alert in payload["alerts"])


@contextmanager
def _book(url: str | None, env: str | None) -> "Iterator[AlertBook]":
    from model_lifecycle.store import Store

    with Store.open(url or str(_configured(env)["globals"]["store"])) as store:
        yield store.alert_book


def _alerting(env: str | None) -> "AlertingSpec":
    from pydantic import ValidationError

    from model_lifecycle.contracts.alerting import AlertingSpec

    try:
        return AlertingSpec.model_validate(_configured(env)["parameters"]["alerting"])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"parameters, alerting.{place}: {first['msg']}") from error


def _configured(env: str | None) -> Any:
    """Return the configuration of the chosen case."""
    if find_spec("kedro") is None:
        raise ConfigurationError("kedro is not installed; the configuration of the case is read with it")
    from model_lifecycle.configuration import CaseConfigLoader
    from model_lifecycle.settings import CONFIG_LOADER_ARGS

    options: dict[str, Any] = {**CONFIG_LOADER_ARGS}
    return CaseConfigLoader("conf", env, **options)
