"""Channels on this machine: the log of the run, and a file of JSON lines."""

import json
import logging
import os
from pathlib import Path

from model_lifecycle.contracts.records import Notification
from model_lifecycle.notification.channel import MayPass
from model_lifecycle.notification.text import lines_of

_log = logging.getLogger(__name__)


class Log:
    """One line an alert."""

    def send(self, notification: Notification) -> None:
        """Write the lines: a warning while something fires."""
        level = logging.WARNING if notification.payload["status"] == "firing" else logging.INFO
        for line in lines_of(notification.payload):
            _log.log(level, "%s", line)


class File:
    """One JSON object a notification and line: its id, then Alertmanager's payload."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, notification: Notification) -> None:
        """Append the notification, on the disk when this returns.

        Raises
        ------
        MayPass
            If the file cannot be written.
        """
        document = {"notification_id": notification.notification_id, **notification.payload}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(document) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise MayPass(f"{self._path}: {error.strerror}") from error
