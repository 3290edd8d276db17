"""Signals that end a command as Ctrl-C does, so that what it has started is ended, too."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# SIGTERM is what a supervisor sends, SIGHUP a terminal that closes; the second does not exist everywhere.
TOLD_TO_END = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
_ALL = (signal.SIGINT, *TOLD_TO_END)


@contextmanager
def interrupted_by(numbers: tuple[signal.Signals, ...], say: Callable[[str], object]) -> Iterator[None]:
    """Let the first of these signals raise `KeyboardInterrupt`, and nothing disturb the clearing up after it.

    Python takes signals in its main thread: in another one this does nothing. A SIGHUP that is ignored, as under
    ``nohup``, stays ignored.

    Parameters
    ----------
    numbers : tuple of Signals
        What to listen to.
    say : callable
        Takes the signal's name.
    """

    def interrupt(number: int, _frame: object) -> None:
        for name in _ALL:
            signal.signal(name, signal.SIG_IGN)
        say(signal.Signals(number).name)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = [one for one in numbers if one == signal.SIGINT or signal.getsignal(one) != signal.SIG_IGN]
    before = {one: signal.getsignal(one) for one in _ALL}
    for one in wanted:
        signal.signal(one, interrupt)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, signal.SIG_DFL if handler is None else handler)
