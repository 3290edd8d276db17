import subprocess
import sys
from pathlib import Path

import pytest

from eventually import eventually
from model_lifecycle.rehearsal.incidents.kill import kill_soon, kill_tree

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


def _started() -> tuple["subprocess.Popen[str]", int]:
    made = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert made.stdout is not None
    with made.stdout as said:
        return made, int(said.readline())


@pytest.mark.skipif(sys.platform != "linux", reason="finds the children in /proc")
def test_what_a_process_has_started_dies_with_it_even_in_a_session_of_its_own() -> None:
    parent, child = _started()
    assert kill_tree(parent.pid) == 2
    assert parent.wait(10) == -9
    eventually(lambda: _gone(child))


def test_it_comes_in_a_moment_from_a_thread() -> None:
    parent, child = _started()
    kill_soon(parent.pid).join(10)
    assert parent.wait(10) == -9
    kill_tree(child)  # where there is no /proc


def _gone(pid: int) -> bool:
    """Whether a process has ended; one whose parent has not asked for its end yet is a zombie."""
    place = Path(f"/proc/{pid}/stat")
    return not place.exists() or place.read_text().rpartition(")")[2].split()[0] == "Z"
