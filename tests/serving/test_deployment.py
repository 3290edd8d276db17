"""A start that fails, without a real Ray."""

import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import pytest
import ray

from model_lifecycle.cluster import rays_folder
from model_lifecycle.errors import ServingError
from model_lifecycle.serving.deployment import run_service
from model_lifecycle.serving.settings import ServiceSettings

SAID = "[2026-11-28 00:29:11,550 C 20614 20614] (raylet) file.cc:43:  Timed out waiting for file /x/metrics_agent_port"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the start sets in it goes with the test."""
    monkeypatch.setattr(os, "environ", {**os.environ, "RAY_ADDRESS": "team:6379"})


@pytest.fixture
def inits(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The addresses that Ray was to be started with or asked at; each time it fails and says why in its log."""
    asked: list[str | None] = []

    def fail(address: str | None = None, _temp_dir: str = tempfile.gettempdir(), **_: object) -> None:
        asked.append(address)
        if address == "local":
            logs = Path(_temp_dir) / f"session_2026-{len(asked)}" / "logs"
            logs.mkdir(parents=True)
            (logs / "raylet.out").write_text(f"[2026-11-28 00:29:10,000 I 1 1] (raylet) fine\n{SAID}\n")
        raise RuntimeError("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", fail)
    # As the real one: it connects to a Ray when there is none yet, by RAY_ADDRESS or a new one.
    serve = ModuleType("ray.serve")
    serve.delete = serve.shutdown = lambda *_: fail()  # type: ignore[attr-defined]
    monkeypatch.setattr(ray, "serve", serve, raising=False)
    monkeypatch.setitem(sys.modules, "ray.serve", serve)
    return asked


def test_a_failed_start_is_tried_once_more_says_what_ray_said_and_asks_no_other_ray(
    settings: ServiceSettings, inits: list[str | None]
) -> None:
    expected = (
        r"^the service did not come up: The current node timed out during startup\.; raylet: Timed out waiting for "
    )
    with pytest.raises(ServingError, match=expected + "file /x/metrics_agent_port$"):
        run_service(settings, None)
    assert inits == ["local", "local"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_a_failed_start_left_is_killed_before_the_next_try(
    settings: ServiceSettings, inits: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[tuple[int, bool]] = []
    monkeypatch.setattr(
        "model_lifecycle.serving.deployment.kill_remains",
        lambda folder: killed.append((len(inits), rays_folder(folder).is_dir())),
    )
    with pytest.raises(ServingError, match="did not come up"):
        run_service(settings, None)
    assert killed == [(1, True), (2, True)]
