"""What is refused before anything is started."""

from pathlib import Path

import pytest

from model_lifecycle.errors import ServingError
from model_lifecycle.serving.preflight import check_store
from model_lifecycle.serving.settings import ServiceSettings

MOUNTS = """\
/dev/vda / ext4 rw,relatime 0 0
server:/exports /srv nfs4 rw,relatime 0 0
ada@host: /home/ada/far\\040away fuse.sshfs rw 0 0
tmpfs /srv/near tmpfs rw 0 0
"""


def check(settings: ServiceSettings, folder: Path, store: str) -> None:
    mounts = folder / "mounts"
    mounts.write_text(MOUNTS)
    check_store(settings.model_copy(update={"store": store}), mounts)


@pytest.mark.parametrize(
    ("store", "kind"),
    [("sqlite:////srv/case/store.db", "nfs4"), ("sqlite:////home/ada/far away/store.db", "fuse.sshfs")],
)
def test_sqlite_that_several_machines_may_reach_is_refused(
    settings: ServiceSettings, tmp_path: Path, store: str, kind: str
) -> None:
    with pytest.raises(ServingError, match=rf"SQLite on a network file system \({kind}\).*or a PostgreSQL URL"):
        check(settings, tmp_path, store)


@pytest.mark.parametrize(
    "store",
    ["sqlite:////var/store.db", "sqlite:////srv/near/store.db", "sqlite:///data/store.db", "postgresql://host/db"],
)
def test_a_local_file_and_a_server_are_taken(settings: ServiceSettings, tmp_path: Path, store: str) -> None:
    check(settings, tmp_path, store)


def test_this_machines_own_mounts_can_be_read(settings: ServiceSettings) -> None:
    check_store(settings)
