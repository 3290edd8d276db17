"""A signal ends a command as Ctrl-C does, once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from model_lifecycle.interrupting import TOLD_TO_END, interrupted_by


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, *TOLD_TO_END)}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.parametrize("number", TOLD_TO_END)
def test_a_signal_is_told_and_raises_as_ctrl_c_does_and_later_ones_do_not_disturb(number: signal.Signals) -> None:
    before, said = signal.getsignal(number), list[str]()

    def work() -> None:
        with interrupted_by(TOLD_TO_END, said.append):
            try:
                signal.raise_signal(number)
            finally:
                signal.raise_signal(number)
                signal.raise_signal(signal.SIGINT)
                said.append("cleared up")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert said == [number.name, "cleared up"]
    assert signal.getsignal(number) == before


def test_a_hangup_that_is_ignored_as_under_nohup_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    said: list[str] = []
    with interrupted_by(TOLD_TO_END, said.append):
        signal.raise_signal(signal.SIGHUP)
    assert said == []


def test_outside_the_main_thread_it_does_nothing() -> None:
    code = (
        "import threading; from model_lifecycle.interrupting import TOLD_TO_END, interrupted_by\n"
        "def work():\n    with interrupted_by(TOLD_TO_END, print): print('worked')\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ}, capture_output=True, text=True, check=True)
    assert done.stdout == "worked\n"
