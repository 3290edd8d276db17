"""Which ports are free."""

import contextlib
import os
import random
import socket

from model_lifecycle.errors import ServingError

# Below what systems give to outgoing connections: one of those might take the port in the seconds between the look
# here and the start of whoever listens.
_PORTS = range(20_000, 30_000)


def check_port_free(host: str, port: int) -> None:
    """Refuse a taken port before anything is started.

    Raises
    ------
    ServingError
        If the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name != "nt":
            # A port whose last connections still wait for late packets counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServingError(
                f"{host}:{port} cannot be used ({error.strerror}); stop what listens there, or choose another --port"
            ) from error


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on now, drawn by lot.

    Raises
    ------
    ServingError
        If there are not so many.
    """
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
            probe = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):  # taken
                probe.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
    raise ServingError(f"{len(found)} of the ports {_PORTS.start} to {_PORTS.stop - 1} are free, expected {count}")
