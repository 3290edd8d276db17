"""The service's metrics as a dataset: asked once, and no fault when nobody answers."""

from pathlib import Path
from typing import Any, NoReturn

import httpx
from kedro.io import AbstractDataset, DatasetError

from model_lifecycle.contracts.records import MetricsSnapshot

_MEGABYTE = 1 << 20


class ServiceMetrics(AbstractDataset[NoReturn, MetricsSnapshot]):
    """What the service's metrics endpoint says now. Read only.

    Parameters
    ----------
    url : str
        Of the service, such as ``http://127.0.0.1:8000``.
    key_file : str
        The file that holds the API key.
    timeout : float
        Seconds to wait for an answer.
    metadata : any, optional
        Ignored by Kedro; read by kedro-viz.
    """

    def __init__(self, url: str, key_file: str, timeout: float = 2.0, metadata: Any = None) -> None:
        self._url = url.rstrip("/")
        self._key = Path(key_file)
        self._timeout = timeout
        self.metadata = metadata

    def load(self) -> MetricsSnapshot:
        """Return the metrics in Prometheus's text format, or why there are none: monitoring goes on without."""
        place = f"{self._url}/metrics"
        try:
            key = self._key.read_text(encoding="utf-8").strip() if self._key.is_file() else ""
            answer = httpx.get(place, headers={"X-API-Key": key}, timeout=self._timeout, trust_env=False)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return MetricsSnapshot(None, f"no answer from {place} ({type(error).__name__})")
        if answer.status_code != httpx.codes.OK:
            return MetricsSnapshot(None, f"{place} answered {answer.status_code}")
        if len(answer.content) > _MEGABYTE:
            return MetricsSnapshot(None, f"{place} answered {len(answer.content):,} bytes, expected at most 1 MiB")
        return MetricsSnapshot(answer.text, "")

    def save(self, data: NoReturn) -> None:  # noqa: ARG002 - kedro's signature
        """Refuse to write."""
        raise DatasetError("metrics are the service's own; nothing is saved there")

    def _describe(self) -> dict[str, Any]:
        return {"url": self._url}
