import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from eventually import eventually
from webhook_receiver import receiver

__all__ = ["receiver"]


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[str]:
    """A real Alertmanager on loopback that tells nobody."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.skip("Alertmanager is not on this machine (apt-get install prometheus-alertmanager)")
    (tmp_path / "conf.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n", encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"127.0.0.1:{probe.getsockname()[1]}"
    folders = [f"--config.file={tmp_path / 'conf.yml'}", f"--storage.path={tmp_path / 'alertmanager'}"]
    running = subprocess.Popen(
        [program, *folders, f"--web.listen-address={url}", "--cluster.listen-address="],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def ready() -> bool:
        try:
            with urlopen(f"http://{url}/-/ready") as answer:
                return bool(answer.status == 200)
        except URLError:
            return False

    try:
        eventually(ready)
        yield f"http://{url}"
    finally:
        running.terminate()
        running.wait()
