"""What Ray leaves open in the configuration of its HAProxy, closed before HAProxy reads it.

Ray 2.60 writes that configuration from a template of its own and starts the program that
``RAY_SERVE_HAPROXY_BINARY_PATH`` names. Here that is a short script: it edits the file and becomes HAProxy. So the
pages of statistics and metrics listen on loopback alone, TLS ends in HAProxy, headers that drip in are cut off, idle
connections are closed soon, no address holds all of them, HTTP/2 and upgrades are off, no line a request goes to the
machine's syslog, and a missing replica is told by a problem document with its own status (Ray makes it a 500, or a 404
while there is no application yet). What HAProxy cannot parse gets its built-in page, which nothing can replace.
"""

import shlex
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from model_lifecycle.errors import ServingError
from model_lifecycle.serving.problem import Problem
from model_lifecycle.serving.settings import TlsSettings

HEADER_SECONDS = 10
# A client that neither sends nor takes anything for so long, while it is served, is gone.
IDLE_SECONDS = 60
# How long a connection may wait for its next request; Ray's own 90 s let a stranger hold all of them.
KEEP_ALIVE_SECONDS = 10
# A quarter of what Ray's HAProxy takes in all, and as many requests as two replicas run at once.
ADDRESS_CONNECTIONS = 1024
_METHODS = "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE CONNECT"  # for the application to answer; others are no HTTP
# A network of IPv6 (/64) is one address: whoever has one of its addresses has them all. In HTTP/2, which TLS does not
# offer either, one connection holds a hundred requests and the memory of their answers. An upgrade would wait for a
# server that knows none. Each line ends with the mark by which it is found again.
_ADDED = " # added"
_FRONTEND = """\
    stick-table type ipv6 size 10k expire 10s store conn_cur
    tcp-request connection track-sc0 src,ipmask(32,64)
    tcp-request connection reject if {{ sc0_conn_cur gt {limit} }}
    option disable-h2-upgrade
    acl known_method method {methods}
    http-request return status 405 content-type {kind} file {refusal} hdr allow "GET, HEAD, POST" unless known_method
    http-request del-header Upgrade"""
# For each direction of a connection in use; a request's line and headers must fit in, too.
BUFFER_BYTES = 64 * 1024
_KIND = "application/problem+json"
_ERRORS = {
    502: "the replica went away while it answered; it may have done what was asked",
    503: "no replica can answer now; nothing was done",
    504: "the replica did not answer in time; it may have done what was asked",
}


def write_wrapper(folder: Path, binary: str, tls: TlsSettings | None) -> Path:
    """Write what stands in for HAProxy, and return its path.

    Parameters
    ----------
    folder : Path
        Private to this service; it is made.
    binary : str
        HAProxy itself.
    tls : TlsSettings, optional
        Certificate and key, if TLS ends here.

    Raises
    ------
    ServingError
        If one of the two cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    edits = [
        # The file may come by twice: what is added is taken out first.
        "/^    timeout http-request /d",
        f"/^    option httplog$/a\\    timeout http-request {HEADER_SECONDS}s",
        f"s/^    timeout http-keep-alive .*/    timeout http-keep-alive {KEEP_ALIVE_SECONDS}s/",
        f"/{_ADDED}$/d",
        "/^frontend http_frontend$/a\\" + _added(folder).replace("\n", "\\n"),
        # Ray logs paths, with whatever a client has put into them, to the machine's syslog.
        "/^    log 127\\.0\\.0\\.1:514 /d",
        # The one application answers every path, so without it the service has not begun, or ends.
        f"s|^    http-request return status 404 .*|    {_nobody(folder)}|",
        *(f"s|^    errorfile {one} .*|    errorfile {one} {_error(folder, one)}|" for one in _ERRORS),
        "/^frontend prometheus$/,/^ *mode http$/s/bind :/bind 127.0.0.1:/",
        r"/^listen stats$/,$s/bind \*:/bind 127.0.0.1:/",
    ]
    if tls is not None:
        words = f"ssl crt {_joined(folder, tls)} ssl-min-ver TLSv1.2 alpn http/1.1"
        edits.append(f"/^frontend http_frontend$/,/^ *bind /s|^ *bind [^ ]*$|& {words}|")
    wrapper = folder / "haproxy"
    wrapper.write_text(_script(edits, binary))
    wrapper.chmod(0o700)
    return wrapper


def _added(folder: Path) -> str:
    """Return the lines that the frontend gets."""
    refusal = folder / "405.json"
    refusal.write_bytes(Problem(405, f"this method is none of {_METHODS.replace(' ', ', ')}").body())
    lines = _FRONTEND.format(limit=ADDRESS_CONNECTIONS, refusal=refusal, methods=_METHODS, kind=_KIND)
    return "\n".join(line + _ADDED for line in lines.splitlines())


def _nobody(folder: Path) -> str:
    """Return the rule for a request that no application is there for."""
    body = folder / "503.json"
    body.write_bytes(Problem(503, _ERRORS[503]).body())
    return f"http-request return status 503 content-type {_KIND} file {body} hdr retry-after 1"


def _script(edits: Sequence[str], binary: str) -> str:
    script = " ".join(f"-e {shlex.quote(edit)}" for edit in edits)
    return (
        f'#!/bin/sh\n# Called as: haproxy -db -f <file> ...\nsed -i {script} "$3" && exec {shlex.quote(binary)} "$@"\n'
    )


def _error(folder: Path, status: int) -> Path:
    """Write the answer for an error of HAProxy's own, and return its file."""
    phrase = HTTPStatus(status).phrase
    body = Problem(status, _ERRORS[status]).body()
    headers = [
        f"HTTP/1.1 {status} {phrase}",
        f"content-type: {_KIND}",
        f"content-length: {len(body)}",
        "cache-control: no-store",
        *(["retry-after: 1"] if status == HTTPStatus.SERVICE_UNAVAILABLE else []),
        "connection: close",
    ]
    file = folder / f"{status}.http"
    file.write_bytes("\r\n".join([*headers, "", ""]).encode() + body)
    return file


def _joined(folder: Path, tls: TlsSettings) -> Path:
    """Put certificate and key into one file, as HAProxy reads them, for this user alone."""
    joined = folder / "service.pem"
    joined.touch(mode=0o600)
    try:
        joined.write_bytes(tls.certificate.read_bytes() + b"\n" + tls.key.read_bytes())
    except OSError as error:
        raise ServingError(f"TLS: {error.filename} cannot be read ({error.strerror})") from error
    return joined
