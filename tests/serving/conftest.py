"""The application with a real tiny release and a real SQLite store, called over ASGI."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from model_lifecycle.serving.application import Application
from model_lifecycle.serving.keys import KeyHash
from model_lifecycle.serving.service import Service
from model_lifecycle.serving.settings import ServiceSettings
from model_lifecycle.store import Store
from tiny_release import tiny_release

KEY = "a-key-that-only-the-tests-know"


class Api:
    """A service and a client for it that blocks."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.application = Application(lambda: Service(settings, KeyHash.of(KEY), "replica"))
        self.application.start()
        self.service = self.application.service
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.application), base_url="http://service", headers={"X-API-Key": KEY}
        )

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request."""
        return self._runner.run(self._client.request(method, path, **options))

    def ask_together(self, path: str, bodies: list[Any]) -> list[httpx.Response]:
        """Send several requests at the same moment."""

        async def ask() -> list[httpx.Response]:
            return await asyncio.gather(*(self._client.post(path, json=body) for body in bodies))

        return self._runner.run(ask())

    def predict(self, *records: dict[str, object]) -> list[dict[str, Any]]:
        """Predict, and expect an answer."""
        response = self.ask("POST", "/v1/predict", json={"records": records})
        assert response.status_code == 200, response.text
        predictions: list[dict[str, Any]] = response.json()["predictions"]
        return predictions

    def close(self) -> None:
        """Close the client and the service."""
        self._runner.run(self._client.aclose())
        self._runner.close()
        self.service.close()


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny release that most tests serve."""
    return tiny_release(tmp_path_factory.mktemp("releases"))


@pytest.fixture
def settings(tmp_path: Path, release: Path) -> ServiceSettings:
    """Settings that serve the tiny release from a new store."""
    return ServiceSettings(
        release=release,
        registry=f"sqlite:///{tmp_path}/registry.db",
        registry_name="parcels",
        store=f"sqlite:///{tmp_path}/store.db",
        key_hash=tmp_path / "key.json",
        history_poll_seconds=0.02,
        swap_poll_seconds=0.02,
    )


@pytest.fixture
def start(settings: ServiceSettings) -> Iterator[Callable[..., Api]]:
    """Start a service with changed settings."""
    started: list[Api] = []

    def make(**changes: object) -> Api:
        started.append(Api(settings.model_copy(update=changes)))
        return started[-1]

    yield make
    for api in started:
        api.close()


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    """A running service."""
    return start()


@pytest.fixture
def store(settings: ServiceSettings) -> Iterator[Store]:
    """The store that the service writes to."""
    with Store.open(settings.store) as opened:
        yield opened
