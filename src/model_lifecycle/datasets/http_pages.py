"""One answer after the other from an HTTP server, tried again while that makes sense."""

import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from model_lifecycle.contracts.base import LOOPBACK
from model_lifecycle.errors import SourceError
from model_lifecycle.retry_after import PASSING, asked_pause

_LONGEST_PAUSE = 60.0
_MEGABYTE = 1 << 20


class _MayPass(Exception):
    """A failure that another try may mend."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        self.pause = pause
        super().__init__(message)


@dataclass(frozen=True)
class Answer:
    """The body as JSON, and the address that the Link header names as the next one."""

    body: Any
    next_link: str | None


class Fetcher:
    """Asks one server, with time-outs, bounded answers and bounded tries.

    Parameters
    ----------
    url : str
        First address; others must be of the same origin, so that secrets go nowhere else.
    headers : dict
        Sent along.
    timeout : float
        Seconds for one answer.
    tries : int
        For each address.
    maximum_mb : float
        Of one answer.

    Raises
    ------
    SourceError
        If the address is no HTTPS address, nor one on loopback.
    """

    def __init__(self, url: str, headers: dict[str, str], timeout: float, tries: int, maximum_mb: float) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise SourceError(f"{_shown(url)}: expected https://…, or http:// on loopback")
        if tries < 1 or timeout <= 0 or maximum_mb <= 0:
            raise SourceError(f"{_shown(url)}: expected tries, timeout and maximum_mb above 0")
        self.url, self.shown, self.asked = url, _shown(url), 0
        self._headers, self._timeout, self._tries = headers, timeout, tries
        self._limit = int(maximum_mb * _MEGABYTE)
        self._client: httpx.Client | None = None

    def __enter__(self) -> Self:
        self._client = httpx.Client(headers={"Accept": "application/json", **self._headers}, timeout=self._timeout)
        self.asked = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None

    def get(self, url: str, params: dict[str, Any]) -> Answer:
        """Return the answer at an address.

        Raises
        ------
        SourceError
            If it is refused, too large, no JSON, or all tries have failed.
        """
        growing = wait_exponential_jitter(multiplier=0.2, max=_LONGEST_PAUSE)

        def pause(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.pause if isinstance(error, _MayPass) else None
            return growing(state) if asked is None else min(asked, _LONGEST_PAUSE)

        tried = Retrying(
            retry=retry_if_exception_type(_MayPass), stop=stop_after_attempt(self._tries), wait=pause, reraise=True
        )
        try:
            answer: Answer = tried(self._once, url, params)
        except _MayPass as error:
            raise SourceError(f"{self.shown}: {error}, {self._tries} times") from error
        return answer

    def same_origin(self, link: str) -> str:
        """Return a link as an absolute address.

        Raises
        ------
        SourceError
            If it leads to another server.
        """
        absolute = urljoin(self.url, link)
        if urlsplit(absolute)[:2] != urlsplit(self.url)[:2]:
            raise SourceError(f"{self.shown}: the next page is on {_shown(absolute)}, another server")
        return absolute

    def _once(self, url: str, params: dict[str, Any]) -> Answer:
        if self._client is None:
            raise SourceError(f"{self.shown}: not open")
        self.asked += 1
        try:
            with self._client.stream("GET", url, params=params or None) as response:
                content = self._content(response)
        except httpx.TransportError as error:
            raise _MayPass(f"no answer ({type(error).__name__})") from error
        status = response.status_code
        if status in PASSING:
            raise _MayPass(f"status {status}", asked_pause(response.headers.get("Retry-After")))
        if status != httpx.codes.OK:
            raise SourceError(
                f"{self.shown}: status {status}, expected 200: {content[:200].decode(errors='replace')!r}"
            )
        try:
            body = json.loads(content)
        except ValueError as error:
            raise SourceError(f"{self.shown}: the answer is no JSON: {content[:80]!r}") from error
        return Answer(body, response.links.get("next", {}).get("url"))

    def _content(self, response: httpx.Response) -> bytes:
        content = bytearray()
        for part in response.iter_bytes():
            content += part
            if len(content) > self._limit:
                raise SourceError(f"{self.shown}: an answer is larger than {self._limit / _MEGABYTE:.3g} MB")
        return bytes(content)


def _shown(url: str) -> str:
    """Return an address without user, password and query, which may hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
