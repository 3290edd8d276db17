import socket
from pathlib import Path

import pytest

from model_lifecycle.errors import ServingError
from model_lifecycle.serving import ports


def test_free_ports_differ_and_are_none_that_an_outgoing_connection_may_take() -> None:
    found = ports.free_ports(20)
    assert len(set(found)) == 20
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    assert all(1024 < port < lowest for port in found)


def test_a_taken_port_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    (free,) = ports.free_ports(1)
    monkeypatch.setattr(ports, "_PORTS", range(free, free + 1))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free))
        with pytest.raises(ServingError, match=f"0 of the ports {free} to {free} are free, expected 1"):
            ports.free_ports(1)
    assert ports.free_ports(1) == [free]
