"""What the processes of a service listen on, from the tables of the kernel."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"


@dataclass(frozen=True, order=True)
class Listener:
    """One listening socket: the name of its process, its address and its port."""

    name: str
    address: str
    port: int


def listeners(ancestor: int) -> set[Listener]:
    """Return every listening socket of a process and of all below it."""
    sockets = dict(_listening())
    found = set()
    for process in _family(ancestor):
        try:
            name = command(process).split(" ")[0].rsplit("/", 1)[-1]
            for descriptor in Path(f"/proc/{process}/fd").iterdir():
                inode = str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]")
                if inode in sockets:
                    found.add(Listener(name, *sockets[inode]))
        except OSError:  # it has ended
            continue
    return found


def processes_of(ancestor: int, part: str) -> list[int]:
    """Return a process and all below it whose command lines hold a text."""
    return [process for process in _family(ancestor) if part in command(process)]


def command(process: int) -> str:
    """Return the command line of a process, empty when it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _family(ancestor: int) -> list[int]:
    parents, sessions = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)], sessions[int(folder.name)] = int(fields[1]), int(fields[3])

    def descends(process: int) -> bool:
        while process in parents and process != ancestor:
            process = parents[process]
        return process == ancestor

    # What has lost its parent is still of its session.
    return [process for process in parents if sessions[process] == ancestor or descends(process)]


def _listening() -> Iterator[tuple[str, tuple[str, int]]]:
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN:
                raw, port = fields[1].split(":")
                yield fields[9], (_address(bytes.fromhex(raw)), int(port, 16))


def _address(raw: bytes) -> str:
    if len(raw) == 4:
        return socket.inet_ntoa(raw[::-1])
    packed = b"".join(raw[start : start + 4][::-1] for start in range(0, 16, 4))
    return socket.inet_ntop(socket.AF_INET6, packed).removeprefix("::ffff:")
