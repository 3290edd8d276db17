"""What a running service lets in and leaves open, over raw sockets and in the tables of the kernel."""

import json
import os
import re
import socket
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]  # it publishes no types
import httpx
import pytest

from listening import Listener, listeners, processes_of
from model_lifecycle.serving.process import RunningService
from tiny_release import record

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and HAProxy is for Linux"),
]
BODY = json.dumps(record(1)).encode()
INNER = b"GET /v1/docs HTTP/1.1\r\nHost: service\r\n\r\n"
MIB = 2**20
# One method of each service that Ray offers over gRPC: whoever has no token gets no answer.
RAY_METHODS = (
    "rpc.CoreWorkerService/GetCoreWorkerStats",
    "rpc.NodeManagerService/GetNodeStats",
    "rpc.NodeInfoGcsService/GetAllNodeInfo",
    "rpc.ObjectManagerService/Pull",
    "rpc.ReporterService/GetTraceback",
    "serve.ASGIService/HandleRequest",
)


def ask_raw(service: RunningService, sent: bytes, seconds: float = 5.0) -> bytes:
    """Send bytes and return all that comes back until the service closes, or is silent for so long."""
    with socket.create_connection(("127.0.0.1", port_of(service)), timeout=seconds) as connection:
        came = b""
        try:
            connection.sendall(sent)
            while part := connection.recv(65536):
                came += part
        except (TimeoutError, ConnectionError):
            pass
        return came


def options(service: RunningService) -> dict[str, Any]:
    headers = {"X-API-Key": service.key, "Content-Type": "application/json"}
    return {"headers": headers, "timeout": 60, "trust_env": False}


def port_of(service: RunningService) -> int:
    return int(service.url.rsplit(":", 1)[1])


def request(service: RunningService, *headers: str, body: bytes = BODY) -> bytes:
    head = ["POST /v1/predict HTTP/1.1", "Host: service", f"X-API-Key: {service.key}", "Content-Type: application/json"]
    return "\r\n".join([*head, *headers, "", ""]).encode("latin-1") + body


def statuses(came: bytes) -> list[int]:
    return [int(one) for one in re.findall(rb"^HTTP/1\.1 (\d{3}) ", came, re.MULTILINE)]


def answered(service: RunningService, path: str) -> float:
    """Return how many requests of a path the replica has answered."""
    text = httpx.get(service.url + "/v1/metrics", **options(service)).text
    found = re.findall(rf'^model_lifecycle_requests_total{{path="{path}",[^}}]*}} (\S+)$', text, re.MULTILINE)
    return sum(map(float, found))


def test_only_the_known_addresses_listen_beyond_loopback_and_they_ask_for_a_token(service: RunningService) -> None:
    """The API, HAProxy's pages, replicas and proxies on loopback; elsewhere Ray's own ports, which want its token."""
    found = listeners(service.pid)
    assert ("haproxy", "127.0.0.1", port_of(service)) in {(one.name, one.address, one.port) for one in found}
    assert {one.address for one in found if one.name == "haproxy"} == {"127.0.0.1"}
    outside = [one for one in found if one.address != "127.0.0.1"]
    known = ("raylet", "gcs_server", "ray::", "python", "ray-dashboard")
    assert [one for one in outside if not one.name.startswith(known)] == []
    with ThreadPoolExecutor(16) as pool:
        said = dict(zip(outside, pool.map(what_it_says, outside), strict=True))
    assert {one: words for one, words in said.items() if words not in ("asks for a token", "metrics of Ray")} == {}


def test_no_other_user_of_the_machine_gets_to_sockets_scripts_and_logs(service: RunningService) -> None:
    environments = (
        Path(f"/proc/{process}/environ").read_bytes().split(b"\0") for process in processes_of(service.pid, "")
    )
    mark = b"MODEL_LIFECYCLE_CLUSTER="
    (folder,) = {
        Path(os.fsdecode(one.removeprefix(mark))) for all_ in environments for one in all_ if one.startswith(mark)
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    opened = {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_socket()}
    assert opened == {"haproxy", "ray"}, "they are elsewhere: are those places private?"


def what_it_says(one: Listener) -> str:
    """Say what a stranger is told there: over gRPC, or else over HTTP."""
    target = f"127.0.0.1:{one.port}" if one.address in ("0.0.0.0", "::") else f"{one.address}:{one.port}"  # noqa: S104
    told = {stranger_calls(target, method) for method in RAY_METHODS} - {grpc.StatusCode.UNIMPLEMENTED}
    if told != {grpc.StatusCode.UNAVAILABLE}:
        return "asks for a token" if told == {grpc.StatusCode.UNAUTHENTICATED} else f"gRPC: {told}"
    answer = httpx.get(f"http://{target}/api/job_agent/jobs/", timeout=10, trust_env=False)
    if answer.status_code == 401:
        return "asks for a token"
    return "metrics of Ray" if answer.text.startswith("# HELP ") else f"HTTP {answer.status_code}: {answer.text[:80]}"


def stranger_calls(target: str, method: str) -> grpc.StatusCode:
    with grpc.insecure_channel(target) as channel:
        try:
            channel.unary_unary(f"/ray.{method}")(b"", timeout=10)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize(
    "smuggled",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding : chunked",),
        ("Transfer-Encoding: chunked, chunked",),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: +5",),
        ("Content-Length: 5, 5, 6",),
        ("Content-Length: -1",),
        ("Content-Length: 0x5",),
        (" Content-Length: 5",),
        ("X-Odd: a\x00b", "Content-Length: 5"),
        ("X-Odd: a\rX-Smuggled: b", "Content-Length: 5"),
        ("X-Odd: a\nContent-Length: 5",),
    ],
)
def test_no_request_hides_in_the_body_of_another(service: RunningService, smuggled: tuple[str, ...]) -> None:
    """Whatever the replica answers has reached who sent it, and the next one gets an answer of their own."""
    before = answered(service, "/docs")
    came = ask_raw(service, request(service, *smuggled, body=b"0\r\n\r\n" + INNER), seconds=1.0)
    assert statuses(came)[:1] in ([400], [415], [422])  # not understood, or no record
    assert httpx.post(service.url + "/v1/predict", json=record(7), **options(service)).json()["parcel"] == "P-7"
    assert answered(service, "/docs") - before == came.count(b"<!doctype html")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY), 200),
        (b"".join(b"1\r\n%c\r\n" % one for one in BODY) + b"0\r\n\r\n", 200),
        (b"%x;extension=1\r\n%b\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(BODY), BODY), 200),
        (b"zz\r\n", 400),
        (b"-1\r\n\r\n", 400),
        (b"ffffffffffffffffff\r\n", 400),
        (b"%x\r\n%bXX" % (len(BODY), BODY), 400),
    ],
)
def test_chunked_bodies_are_taken_and_broken_ones_refused(service: RunningService, body: bytes, status: int) -> None:
    came = ask_raw(service, request(service, "Transfer-Encoding: chunked", "Connection: close", body=body))
    assert statuses(came) == [status], came[:300]


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"A" * 100_000,
        b"GET /%b HTTP/1.1\r\n\r\n" % (b"a" * 40_000),
    ],
)
def test_what_is_not_http_is_refused(service: RunningService, sent: bytes) -> None:
    assert statuses(ask_raw(service, sent, seconds=1.0)) in ([400], [404], [505])


def test_what_asks_for_an_upgrade_is_answered_without_one(service: RunningService) -> None:
    socket_key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    upgrade = ("Connection: close, upgrade", "Upgrade: websocket", socket_key, f"Content-Length: {len(BODY)}")
    assert statuses(ask_raw(service, request(service, *upgrade))) == [200]


@pytest.mark.slow
def test_a_client_whose_headers_or_body_drip_in_is_cut_off(service: RunningService) -> None:
    whole = request(service, f"Content-Length: {len(BODY)}")
    with ThreadPoolExecutor(3) as pool:
        began = time.monotonic()
        parts = (whole[:40], whole[:-5], whole[: -len(BODY)])
        headers, *bodies = pool.map(lambda part: ask_raw(service, part, 15.0), parts)
    assert statuses(headers) == [408]
    for body in bodies:
        assert statuses(body) == [408]
        assert b"the body did not arrive within 10 s" in body
    assert time.monotonic() - began < 60


def test_memory_stays_flat_under_hostile_bodies(service: RunningService, capsys: pytest.CaptureFixture[str]) -> None:
    (replica,) = processes_of(service.pid, "ray::ServeReplica")
    room = 4 * MIB
    hostile = [
        b"[" * (room - 1),
        b'{"records":[' + b"{}," * ((room - 16) // 3) + b"{}]}",
        b'{"records":[' + b'{"a":1},' * ((room - 32) // 8) + b'{"a":1}]}',
        b'{"' + b"x" * (room - 8) + b'":1}',
        json.dumps(record(1, depot="a" * (room - 300))).encode(),
        b'{"parcel":"' + b"\\ud83d" * ((room - 16) // 6) + b'"}',
        b'{"records":[{' + b",".join(b'"%d":%d' % (one, one) for one in range(200_000)) + b"}]}",
    ]

    def ask(body: bytes) -> int:
        return httpx.post(service.url + "/v1/predict", content=body, **options(service)).status_code

    for body in hostile:  # what is loaded or reserved once
        ask(body)
    before = resident(replica)
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(ask, hostile * 5))
    grown = resident(replica) - before
    with capsys.disabled():
        print(f"\nhostile bodies: {len(told)} of up to 4 MiB, memory grew by {grown / MIB:.1f} MiB")  # noqa: T201
    assert set(told) <= {400, 413, 422, 429, 503}
    assert grown < 32 * MIB


def resident(process: int) -> int:
    (kib,) = re.findall(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return int(kib) * 1024
