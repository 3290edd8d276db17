"""One agent leads; a lease that is renewed in the background says so to the others."""

import logging
import os
import secrets
import socket
import threading
from datetime import timedelta
from types import TracebackType
from typing import Self

from model_lifecycle.errors import LeaseLost, StoreError
from model_lifecycle.store.agent_book import AgentBook, Lease

_log = logging.getLogger(__name__)
LEASE = timedelta(seconds=30)
_RENEWALS = 3  # in the time of a lease


def holder_name() -> str:
    """Return a name of this agent that no other one has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


class Lead:
    """The lead, kept while the block runs and given back at its end.

    A process that dies keeps the lead until its lease is over; one that is only slow and lost it is told at its next
    write, which is refused.

    Parameters
    ----------
    book : AgentBook
        Where the lease stands.
    holder : str
        This agent.
    length : timedelta
        For which each renewal holds.

    Raises
    ------
    LeaseLost
        On entry, while another agent leads.
    """

    def __init__(self, book: AgentBook, holder: str, length: timedelta = LEASE) -> None:
        self._book, self._holder, self._length = book, holder, length
        self._over = threading.Event()
        self._lease: Lease | None = None

    @property
    def lease(self) -> Lease:
        """The lease as it was last renewed."""
        if self._lease is None:
            raise LeaseLost(f"the agent {self._holder} does not lead")
        return self._lease

    def __enter__(self) -> Self:
        self._lease = self._book.lead(self._holder, self._length)
        if self._lease is None:
            other = self._book.leader()
            raise LeaseLost(
                "another agent leads: "
                + (f"{other.holder}, until {other.until:%H:%M:%S} UTC unless it goes on" if other else "it just ended")
            )
        self._thread = threading.Thread(target=self._renew, name="agent-lease", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        try:
            self._book.resign(self.lease)
        except StoreError as refused:
            _log.warning("the lead was not given back, it ends by itself: %s", refused)

    def _renew(self) -> None:
        while not self._over.wait(self._length.total_seconds() / _RENEWALS):
            try:
                if self._book.lead(self._holder, self._length) is None:
                    _log.error("another agent has taken the lead; this one stops at its next write")
                    return
            except StoreError as error:
                _log.warning("the lease is not renewed: %s", error)
