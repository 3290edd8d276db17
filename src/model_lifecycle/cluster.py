"""Ray: a cluster of one's own for as long as it is needed, or another one by its address, and work spread over it."""

import json
import logging
import os
import secrets
import shutil
import signal
import stat
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from model_lifecycle.errors import ClusterError, RunLocked
from model_lifecycle.locking import take_lock

Json = Mapping[str, object]
Work = Callable[[Json], Iterable[Json]]
"""What is done with one item: results, one after another."""

# A Unix socket's path is at most 107 bytes, and Ray needs about 70 of them below its folder.
_MAX_FOLDER_LENGTH = 36
# Ray opens its folder to all users of the machine; the one around it stays its owner's alone.
_RAYS = "ray"
_LOCK_FILE = ".lock"
_SHOWN = 200  # characters of what Ray says
_MARK = "MODEL_LIFECYCLE_CLUSTER"  # by it a process that outlived Ray is known
_END_SECONDS = 10.0  # that the system may take to end what was killed
_SILENT = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {},
    "filters": {},
    "handlers": {},
    "loggers": {"ray.data": {"level": "CRITICAL", "handlers": [], "propagate": False}},
}


def spread(
    items: Sequence[Json], make: Callable[[Any], Work], shared: object, workers: int, address: str | None
) -> Iterator[Json]:
    """Do work on every item with Ray Data, each on one core, and yield the results as they come.

    Parameters
    ----------
    items : sequence
        As JSON has them.
    make : callable
        Makes the work from what is shared, once a worker; a function of a module, so that it can be sent there.
    shared : object
        Sent to each machine once.
    workers : int
        Items at a time, at the most.
    address : str or None
        Of a running cluster, ``host:port``; None starts one in this process, and ends it.

    Yields
    ------
    mapping
        Results of one item come in their order.

    Raises
    ------
    ClusterError
        If the cluster cannot be started or reached, or a worker died.
    """
    if not items:
        return
    with _connected(workers, address):
        import ray.data

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.target_max_block_size = 1  # a result is passed on when it is there, not when many are
        sent = ray.put(shared)
        rows = [{"item": json.dumps(item)} for item in items]
        size = min(workers, len(items))
        least = size if address is None else 1
        with warnings.catch_warnings():
            # Ray 2.60 deprecates naming this and has no other name for it; by default it restarts without end.
            warnings.simplefilter("ignore", ray.util.annotations.RayDeprecationWarning)
            results = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
                _Worker,
                fn_constructor_args=(make, [sent]),
                batch_size=1,
                num_cpus=1,
                compute=ray.data.ActorPoolStrategy(min_size=least, max_size=size, max_tasks_in_flight_per_actor=1),
                max_restarts=0,
            )
        try:
            for row in results.iter_rows():
                yield json.loads(row["result"])
        except ray.exceptions.RayError as error:
            what = "the work on Ray ended; what is finished stays, and a run goes on from there"
            raise ClusterError(f"{what}: {_last_line(error)}") from error


class _Worker:
    """One worker of a pool."""

    def __init__(self, make: Callable[[Any], Work], sent: Sequence[Any]) -> None:
        import ray

        self._work = make(ray.get(sent[0]))

    def __call__(self, batch: Mapping[str, Any]) -> Iterator[dict[str, list[str]]]:
        for item in batch["item"].tolist():
            for result in self._work(json.loads(item)):
                yield {"result": [json.dumps(result)]}


@contextmanager
def _connected(workers: int, address: str | None) -> Iterator[None]:
    with private_folder("mlb-") as folder, _environment(_quiet(folder) | (_own(folder) if address is None else {})):
        import ray

        try:
            if address is None:
                _start(ray, workers, folder)
            else:
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (RuntimeError, ValueError, OSError) as error:
            what = "Ray could not be started" if address is None else f"Ray cluster {address} could not be reached"
            raise ClusterError(f"{what}: {_last_line(error)}") from error
        try:
            yield
        finally:
            ray.shutdown()


def _start(ray: Any, workers: int, folder: Path) -> None:
    ray.init(
        address="local",
        num_cpus=workers,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _node_ip_address="127.0.0.1",
        _temp_dir=str(rays_folder(folder)),
    )


def _own(folder: Path) -> dict[str, str]:
    return private_environment(folder) | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _quiet(folder: Path) -> dict[str, str]:
    """Return what makes Ray tell errors by raising them alone."""
    silent = folder / "logging.yml"
    silent.write_text(json.dumps(_SILENT), encoding="utf-8")
    return {
        "RAY_DATA_LOGGING_CONFIG": str(silent),
    }


def private_environment(folder: Path) -> dict[str, str]:
    """Return what Ray reads when it is imported and hands on to its processes, for a cluster of one's own."""
    return {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": _token(),
        _MARK: str(folder),
        # Workers are started when they are needed: each costs a second of a core.
        "RAY_enable_worker_prestart": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }


@contextmanager
def private_folder(prefix: str, log_folder: Path | None = None) -> Iterator[Path]:
    """Make a folder, its owner's alone, for Ray's sockets and logs, and take it away afterwards; the logs can be kept.

    Those of processes that were killed are taken away, too.
    """
    remove_abandoned(prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_place(prefix)))  # for its owner alone
    try:
        with take_lock(folder / _LOCK_FILE):
            yield folder
    finally:
        if log_folder is not None:
            for logs in rays_folder(folder).glob("session_2*/logs"):
                shutil.copytree(logs, log_folder / logs.parent.name, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def rays_folder(folder: Path) -> Path:
    """Return Ray's own part of a private folder."""
    return folder / _RAYS


def kill_remains(folder: Path) -> None:
    """Kill what was started with the environment of a private folder and has outlived Ray; Linux tells which.

    Their ports are free afterwards.
    """
    deadline, killed = time.monotonic() + _END_SECONDS, set[Path]()
    while time.monotonic() < deadline:
        killed.update(_kill_marked(os.fsencode(f"{_MARK}={folder}")))
        if not any(map(_lives, killed)):
            return
        time.sleep(0.01)


def _kill_marked(mark: bytes) -> Iterator[Path]:
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it is gone, or another user's
            if int(place.name) != os.getpid() and mark in (place / "environ").read_bytes().split(b"\0"):
                os.kill(int(place.name), signal.SIGKILL)
                yield place


def _lives(process: Path) -> bool:
    """Whether a process still holds anything: one that only waits for its parent to take note of its end does not."""
    try:
        state = (process / "stat").read_bytes().rpartition(b") ")[2][:1]
    except OSError:
        return False
    return state not in b"ZX"


def remove_abandoned(prefix: str) -> None:
    """Take away the private folders of processes that were killed, and what these left running."""
    for lock in _place(prefix).glob(f"{prefix}*/{_LOCK_FILE}"):
        with suppress(RunLocked, OSError):
            if not _is_own(lock.parent):
                continue
            with take_lock(lock):
                kill_remains(lock.parent)
                shutil.rmtree(lock.parent, ignore_errors=True)


def _place(prefix: str) -> Path:
    """Return where private folders are: the folder for temporary files, unless its path is too long."""
    root, needed = tempfile.gettempdir(), len(f"/{prefix}12345678/{_RAYS}")
    return Path(root if len(root) + needed <= _MAX_FOLDER_LENGTH else "/tmp")  # noqa: S108


def _is_own(folder: Path) -> bool:
    """Whether it is a folder of this user, and no link to one: what others leave in a shared place is not touched."""
    found, user = folder.lstat(), getattr(os, "getuid", None)
    return stat.S_ISDIR(found.st_mode) and (user is None or found.st_uid == user())


@cache
def _token() -> str:
    """Return a token for this process's clusters alone: nothing is written to the home folder, nothing outlives it.

    Ray reads it once a process.
    """
    return secrets.token_hex(32)


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:_SHOWN] if lines else type(error).__name__
