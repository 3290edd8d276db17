"""The service as a process of its own: started on a free port, waited for, stopped and seen gone."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from model_lifecycle.client import Client
from model_lifecycle.cluster import remove_abandoned
from model_lifecycle.contracts.base import format_duration
from model_lifecycle.errors import ServingError
from model_lifecycle.serving.keys import KEY_ENVIRONMENT_VARIABLE, generate_key
from model_lifecycle.serving.ports import check_port_free, free_ports
from model_lifecycle.serving.settings import FOLDERS

START_SECONDS = 150.0
STOP_SECONDS = 60.0
_POLL_SECONDS = 0.1
_LAST_LINES = 20


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that answers."""

    url: str
    key: str
    pid: int
    log: Path
    certificate: Path | None = None

    def client(self, timeout: float = 10.0, retries: int = 5) -> Client:
        """Return a client for it."""
        return Client(self.url, self.key, timeout, retries, certificate=self.certificate)


@contextmanager
def running_service(
    *,
    store_url: str,
    log: Path,
    release: Path | None = None,
    registry_uri: str | None = None,
    registry_name: str | None = None,
    port: int = 0,
    replicas: tuple[int, int] = (1, 1),
    config: Path | None = None,
    history_poll_seconds: float | None = None,
    history_margin: timedelta | None = None,
    start_seconds: float = START_SECONDS,
    certificate: Path | None = None,
) -> Iterator[RunningService]:
    """Start ``python -m model_lifecycle serve`` on loopback, and stop it at the end.

    Parameters
    ----------
    store_url : str
        The prediction log.
    log : Path
        File that takes the service's output.
    release : Path, optional
        A fixed release; without it the registry's champion is served.
    registry_uri, registry_name : str, optional
        The registry; the settings file's by default.
    port : int
        0 takes a free one.
    replicas : (int, int)
        Least and most replicas.
    config : Path, optional
        The settings file; ``conf/serve/local.yml`` by default.
    history_poll_seconds : float, optional
        How often the service asks the store for new events; the settings file's by default.
    history_margin : timedelta, optional
        How much older than the newest event a decision may be and still see its whole window; the settings file's by
        default.
    start_seconds : float
        How long to wait for it to answer.
    certificate : Path, optional
        The certificate to trust, where the settings say TLS.

    Raises
    ------
    ServingError
        If the port is taken, or the service does not come up in time or leaves its port behind.
    """
    remove_abandoned(FOLDERS)
    port = port or free_ports(1)[0]
    check_port_free("127.0.0.1", port)
    key = generate_key()
    command = [sys.executable, "-m", "model_lifecycle", "serve", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--store", store_url, "--min-replicas", str(replicas[0]), "--max-replicas", str(replicas[1])]
    options: dict[str, object] = {
        "--config": config,
        "--release": release,
        "--registry": registry_uri,
        "--registry-name": registry_name,
        "--history-poll-seconds": history_poll_seconds,
        "--history-margin": None if history_margin is None else format_duration(history_margin),
    }
    command += [text for name, value in options.items() if value is not None for text in (name, str(value))]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - this package's own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, KEY_ENVIRONMENT_VARIABLE: key, "PYTHONUNBUFFERED": "1"},
            # Ctrl-C at the terminal is for the one who started us; the service is told by us, in order.
            start_new_session=True,
        )
    scheme = "http" if certificate is None else "https"
    service = RunningService(f"{scheme}://127.0.0.1:{port}", key, process.pid, log, certificate)
    try:
        _wait_until_ready(service, process, start_seconds)
        yield service
    finally:
        _stop(process, port, log)


def _wait_until_ready(service: RunningService, process: "subprocess.Popen[bytes]", seconds: float) -> None:
    deadline = time.monotonic() + seconds
    with service.client(timeout=2.0, retries=0) as client:
        while not _answers(client):
            if process.poll() is not None:
                raise ServingError(f"the service ended with code {process.returncode}; {_tail(service.log)}")
            if time.monotonic() > deadline:
                raise ServingError(f"the service did not answer within {seconds:.0f} s; {_tail(service.log)}")
            time.sleep(_POLL_SECONDS)


def _answers(client: Client) -> bool:
    """Tell whether our service is ready: another one would not take the key that was made for this one."""
    try:
        return client.is_ready() and bool(client.model())
    except ServingError:
        return False


def _stop(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.wait()
        what = f"the service did not stop within {STOP_SECONDS:.0f} s and was killed"
        raise ServingError(f"{what}; {_tail(log)}") from error
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise ServingError(f"the service has ended, and something still listens on port {port}; {_tail(log)}")


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
    return "\n".join([f"the end of {log}:", *(f"  {line}" for line in lines)])
