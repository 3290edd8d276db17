"""From a channel's declaration to the channel, secrets taken from the environment."""

import os
from pathlib import Path

from model_lifecycle.contracts.alerting import (
    AppriseChannel,
    Channel,
    FileChannel,
    LogChannel,
    WebhookChannel,
    check_address,
)
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.notification.apprise import Apprise
from model_lifecycle.notification.channel import Sender
from model_lifecycle.notification.local import File, Log
from model_lifecycle.notification.signature import signing_key
from model_lifecycle.notification.webhook import Webhook


def sender_of(name: str, channel: Channel) -> Sender:
    """Return a channel, ready to send.

    Raises
    ------
    ConfigurationError
        If a variable is not set, or what it holds cannot be used. What it holds is never told.
    """
    where = f"alerting.channels.{name}"
    match channel:
        case LogChannel():
            return Log()
        case FileChannel():
            return File(Path(channel.path))
        case WebhookChannel():
            url = channel.url or _given(channel.url_env, f"{where}.url_env")
            try:
                check_address(url, channel.allow_http)
            except ValueError as error:
                raise ConfigurationError(f"{where}.url_env: {error}") from error
            secret = channel.secret_env and _given(channel.secret_env, f"{where}.secret_env")
            key = signing_key(secret, f"{where}.secret_env, variable {channel.secret_env}") if secret else None
            hold = channel.hold if channel.body == "alertmanager" else None
            return Webhook(url, key, channel.timeout.total_seconds(), hold)
        case AppriseChannel():
            return Apprise(_given(channel.url_env, f"{where}.url_env"), where)


def _given(variable: str | None, where: str) -> str:
    value = os.environ.get(variable or "", "").strip()
    if not value:
        raise ConfigurationError(f"{where}: environment variable {variable} is not set")
    return value
