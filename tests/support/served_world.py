"""One service as it is started for real, for all tests that do it no harm, and all that it runs on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from model_lifecycle.client import Client
from model_lifecycle.registry import Registry
from model_lifecycle.releases import verify_release
from model_lifecycle.serving.process import RunningService, running_service
from model_lifecycle.store import Store
from tiny_release import event, tiny_release

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class World:
    """Everything that one service runs on."""

    folder: Path
    registry: Registry
    store_url: str

    @property
    def keys(self) -> Path:
        """The file of the keys' hashes; there is none until one is added."""
        return self.folder / "api_key.json"

    def settings(self) -> Path:
        """Write a settings file: that of `make serve`, with keys of this world."""
        document = yaml.safe_load((ROOT / "conf/serve/local.yml").read_text(encoding="utf-8"))
        path = self.folder / "serve.yml"
        path.write_text(yaml.safe_dump({**document, "key_hash": str(self.keys), "client_key": None}), encoding="utf-8")
        return path

    def promote(self, release_id: str, **options: float) -> None:
        """Build, register and promote a release."""
        path = tiny_release(self.folder / "releases", release_id, **options)  # type: ignore[arg-type]
        version = self.registry.register(path, verify_release(path).digest, {}, {})
        self.registry.promote(version, "a test", "test")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    made = World(folder, Registry(f"sqlite:///{folder}/registry.db", "parcels"), f"sqlite:///{folder}/store.db")
    made.promote("parcels-1")
    with Store.open(made.store_url) as store:
        store.append_events([event(number) for number in range(20)])
    return made


@pytest.fixture(scope="session")
def service(world: World) -> Iterator[RunningService]:
    with running_service(
        store_url=world.store_url,
        registry_uri=world.registry.uri,
        registry_name=world.registry.name,
        config=world.settings(),
        log=world.folder / "service.log",
    ) as started:
        yield started


@pytest.fixture
def client(service: RunningService) -> Iterator[Client]:
    with service.client() as made:
        yield made
