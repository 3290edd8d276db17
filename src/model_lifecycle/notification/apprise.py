"""Everything that apprise reaches: mail, Slack, Teams, Telegram, … (the extra ``notify``)."""

from importlib.util import find_spec
from typing import Any

from model_lifecycle.contracts.records import Notification
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.notification.channel import MayPass
from model_lifecycle.notification.text import lines_of, title_of


class Apprise:
    """Sends a title and one line an alert to every address.

    Raises
    ------
    ConfigurationError
        If apprise is not installed, or does not know an address.
    """

    def __init__(self, urls: str, where: str) -> None:
        if find_spec("apprise") is None:
            raise ConfigurationError(f"{where}: apprise is not installed; pip install 'model-lifecycle[notify]'")
        import apprise

        self._service: Any = apprise.Apprise()
        known = [self._service.add(url) for url in urls.split()]
        if not known or not all(known):
            number = known.index(False) + 1 if known else 0
            raise ConfigurationError(f"{where}: apprise does not know address {number} of {len(known)}")

    def send(self, notification: Notification) -> None:
        """Send to all addresses.

        Raises
        ------
        MayPass
            If one of them could not be reached. apprise tells no more than that; those that were, are told again.
        """
        payload = notification.payload
        kind = "success" if payload["status"] == "resolved" else "warning"
        body = "\n".join(lines_of(payload))
        if not self._service.notify(title=title_of(payload), body=body, notify_type=kind):
            raise MayPass("apprise could not deliver it to every address")
