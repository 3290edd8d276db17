"""``kedro run`` as a process of its own: waited for, or in the background while traffic goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from model_lifecycle.errors import LifecycleError

# An interrupted run stops the service that it may be testing; only then is it gone.
STOP_SECONDS = 90.0
_LAST_LINES = 15


class Background:
    """A command of this project that has been started; leaving the block stops it if it still runs.

    Parameters
    ----------
    arguments : sequence of str
        For this Python.
    log : Path
        File that takes its output.
    """

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - this project's own command
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                # Ctrl-C at the terminal is for who started this; it tells its runs, once.
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def running(self) -> bool:
        """Tell whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return self._process.wait()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Interrupt it as Ctrl-C does, and wait for its end; kill it after so many seconds."""
        if not self.running():
            return
        self._process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_lines(self) -> str:
        """Return the end of its output."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        return "\n".join([f"the end of {self.log}:", *(f"  {line}" for line in lines)])


class KedroRun(Background):
    """One ``kedro run``.

    Parameters
    ----------
    pipelines : sequence of str
        None of them: the default pipeline.
    parameters : mapping
        For ``--params``.
    log : Path
        File that takes its output.
    env : str, optional
        Kedro environment; that of ``KEDRO_ENV`` by default.
    """

    def __init__(
        self, pipelines: Sequence[str], parameters: Mapping[str, str], log: Path, env: str | None = None
    ) -> None:
        options = {"--env": env, "--pipelines": ",".join(pipelines), "--params": written(parameters)}
        given = [text for name, value in options.items() if value for text in (name, value)]
        super().__init__(["-m", "kedro", "run", *given], log)


def written(parameters: Mapping[str, str]) -> str:
    """Return parameters as ``--params`` takes them."""
    return ",".join(f"{name}={value}" for name, value in parameters.items())


def run_pipelines(pipelines: Sequence[str], parameters: Mapping[str, str], log: Path, env: str | None = None) -> None:
    """Run pipelines and wait for their end.

    Raises
    ------
    LifecycleError
        If the run fails.
    """
    with KedroRun(pipelines, parameters, log, env) as run:
        if code := run.wait():
            what = f"kedro run --pipelines {','.join(pipelines)}"
            raise LifecycleError(f"{what} ended with code {code}; {run.last_lines()}")
