"""How fast simulated time goes by."""

import time
from datetime import datetime


class Pace:
    """Keeps simulated time from running ahead.

    Parameters
    ----------
    speed : float, optional
        Simulated seconds a second at the most; None: nobody waits.
    """

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._began: tuple[datetime, float] | None = None

    def keep(self, at: datetime) -> None:
        """Wait until that simulated moment may have come; what was late is not caught up with in a rush."""
        if self._speed is None:
            return
        now = time.monotonic()
        if self._began is not None:
            due = self._began[1] + (at - self._began[0]).total_seconds() / self._speed
            time.sleep(max(0.0, due - now))
        self._began = (at, time.monotonic())
