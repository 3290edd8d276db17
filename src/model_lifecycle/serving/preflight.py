"""What is checked before anything is started, so that it fails in a second and with one message."""

from pathlib import Path

from sqlalchemy import make_url

from model_lifecycle.errors import ServingError
from model_lifecycle.registry import Registry
from model_lifecycle.releases import verify_release
from model_lifecycle.serving.champion import fixed_place, registry_place
from model_lifecycle.serving.settings import ServiceSettings
from model_lifecycle.store import Store

_MOUNTS = Path("/proc/mounts")
_OVER_A_NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4"}
    | {"ocfs2", "smb3", "smbfs"}
)


def check_release(settings: ServiceSettings) -> None:
    """Verify the release that is to be served.

    Raises
    ------
    LifecycleError
        If there is none, or it is damaged.
    """
    if settings.release is not None:
        place = fixed_place(settings.release)()
    else:
        place = registry_place(Registry(settings.registry, settings.registry_name))()
    verify_release(place.path, place.digest)


def check_store(settings: ServiceSettings, mounts: Path = _MOUNTS) -> None:
    """Refuse a SQLite file where services on several machines could write to it.

    Replicas of one service are on one machine, for it starts a Ray of its own there. What could span machines is the
    file: SQLite's log of changes needs memory that all its writers share, and over a network they lose rows instead.

    Raises
    ------
    ServingError
        If it lies on a network file system.
    """
    if not settings.store.startswith("sqlite"):
        return
    path = Path(make_url(settings.store).database or "").resolve()
    kind = _file_system(path, mounts.read_text() if mounts.exists() else "")
    if kind in _OVER_A_NETWORK or kind.startswith("fuse.ssh"):
        raise ServingError(
            f"store {settings.store}: SQLite on a network file system ({kind}), which several machines may reach; "
            f"expected a local disk, or a PostgreSQL URL"
        )


def open_store(settings: ServiceSettings) -> None:
    """Open the store once, as each replica will: of one that fails there, Ray may not tell why.

    Raises
    ------
    StoreError
        If it cannot be opened.
    """
    Store.open(settings.store, settings.synchronous).close()


def _file_system(path: Path, mounts: str) -> str:
    """Return the kind of file system that a path lies on, empty if nobody knows."""
    found = [line.split()[1:3] for line in mounts.splitlines() if len(line.split()) > 2]
    places = [(Path(place.replace("\\040", " ")), kind) for place, kind in found]
    under = [
        (len(place.parts), number, kind) for number, (place, kind) in enumerate(places) if path.is_relative_to(place)
    ]
    return max(under)[2] if under else ""
