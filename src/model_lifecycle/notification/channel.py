"""What every channel does, and how it says that it could not."""

from typing import Protocol

from model_lifecycle.contracts.records import Notification


class Refused(Exception):
    """The receiver will not take this notification, however often it is sent."""


class MayPass(Exception):
    """A failure that another try may mend; ``pause`` are the seconds to wait before it, infinite: not in this run."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        self.pause = pause
        super().__init__(message)


class Sender(Protocol):
    """A channel, ready to send."""

    def send(self, notification: Notification) -> None:
        """Send one notification.

        Raises
        ------
        Refused, MayPass
            If it was not taken.
        """
