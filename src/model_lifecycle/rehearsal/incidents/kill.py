"""Kill the service as a machine that fails does: no signal that can be caught, no process spared."""

import contextlib
import os
import signal
import threading
from collections import defaultdict
from pathlib import Path

_IN_FLIGHT_SECONDS = 0.05  # after the traffic has begun, so that requests are cut off in the middle


def kill_tree(pid: int) -> int:
    """Kill a process and all that it has started (where there is a /proc; elsewhere its group), and count them."""
    children = _children()
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += children[one]
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:  # never the group of who kills
            os.killpg(pid, signal.SIGKILL)
    for one in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(one, signal.SIGKILL)
    return len(found)


def kill_soon(pid: int) -> threading.Timer:
    """Kill it in a moment, from a thread of its own, and return that thread."""
    timer = threading.Timer(_IN_FLIGHT_SECONDS, kill_tree, (pid,))
    timer.daemon = True
    timer.start()
    return timer


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name in parentheses may hold anything; the parent is the second field after it.
            parent = int(place.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
            found[parent].append(int(place.parent.name))
    return found
