"""Records of an HTTP API, page by page."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import pandas as pd
from pydantic import Field, ValidationError

from model_lifecycle.contracts.base import Contract
from model_lifecycle.datasets.http_pages import Answer, Fetcher
from model_lifecycle.datasets.source import Source
from model_lifecycle.datasets.typed import ColumnKind, typed_column
from model_lifecycle.errors import SourceError

_log = logging.getLogger(__name__)


class Paging(Contract):
    """How the next page is asked for."""

    by: Literal["none", "number", "offset", "cursor", "link"] = "none"
    parameter: str = Field(default="page", description="query parameter of the page's number, offset or cursor")
    first: int = Field(default=1, ge=0, description="number of the first page")
    size: int | None = Field(default=None, ge=1, description="records a page; for 'offset' it is also the step")
    size_parameter: str | None = Field(default=None, description="query parameter of the size")
    path: str = Field(default="", description="where in the body the cursor or the next link stands")
    maximum_pages: int = Field(default=10_000, ge=1)


class HTTPAPIDataset(Source):
    """A table out of the JSON records of an HTTP API.

    Failures that may pass (no connection, time-out, 429 and 5xx) are tried again after a growing pause, or the one
    that the server asks for. Nothing is returned unless every page has been read. Secrets stand in credentials and
    never in a message.

    Parameters
    ----------
    url : str
        Of the first page, ``https://…``, or ``http://`` on loopback.
    columns : dict of str to str
        Column to its type: text, integer, number, boolean or time. Other fields are left out.
    records : str
        Where in the body the list of records stands, such as ``data.items``; the body itself by default.
    params : dict, optional
        Query parameters.
    paging : dict, optional
        Of `Paging`; one page by default.
    credentials : dict, optional
        ``headers``: names and values that are sent along.
    timeout : float
        Seconds for one answer.
    tries : int
        For each page.
    maximum_mb : float
        Size of one answer above which it is refused.
    metadata : dict, optional
        For kedro-viz.

    Raises
    ------
    SourceError
        If an option is refused.
    """

    def __init__(
        self,
        url: str,
        columns: dict[str, ColumnKind],
        records: str = "",
        params: dict[str, Any] | None = None,
        paging: dict[str, Any] | None = None,
        credentials: dict[str, Any] | None = None,
        timeout: float = 30.0,
        tries: int = 5,
        maximum_mb: float = 64.0,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        try:
            self._paging = Paging.model_validate(paging or {})
        except ValidationError as error:
            raise SourceError(f"paging of {url}: {error}") from error
        headers = {str(name): str(value) for name, value in (credentials or {}).get("headers", {}).items()}
        self._fetcher = Fetcher(url, headers, timeout, tries, maximum_mb)
        self._columns, self._records, self._params = columns, records, params or {}
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read all pages.

        Raises
        ------
        SourceError
            If a page cannot be read, is not of the declared shape, or a value is not of its column's type.
        """
        found: list[Mapping[str, Any]] = []
        pages = 0
        with self._fetcher:
            for page, body in self._pages():
                found += _records_of(body, self._records, page)
                pages += 1
        where, asked = self._fetcher.shown, self._fetcher.asked
        _log.info("%s: %d records on %d pages, %d requests", where, len(found), pages, asked)
        absent = sorted({name for name in self._columns if found and not any(name in record for record in found)})
        if absent:
            raise SourceError(f"{where}: no record has {absent}; the first has {sorted(found[0])[:20]}")
        return pd.DataFrame(
            {
                name: typed_column([record.get(name) for record in found], kind, f"{where}, field {name!r}")
                for name, kind in self._columns.items()
            }
        )

    def _pages(self) -> Iterator[tuple[str, Any]]:
        """Yield each page's body with its name, until there is no next one."""
        paging, asked = self._paging, dict(self._params)
        if paging.size_parameter and paging.size:
            asked[paging.size_parameter] = paging.size
        if paging.by in ("number", "offset"):
            asked[paging.parameter] = paging.first if paging.by == "number" else 0
        following = (self._fetcher.url, asked)
        seen: set[str] = set()
        for number in range(1, paging.maximum_pages + 1):
            page = f"{self._fetcher.shown}, page {number}"
            if str(following) in seen:
                raise SourceError(f"{page}: was read before; the pages go round in a circle")
            seen.add(str(following))
            answer = self._fetcher.get(*following)
            yield page, answer.body
            found = self._following(answer, following[1], page)
            if found is None:
                return
            following = found
        raise SourceError(f"{self._fetcher.shown}: more than {paging.maximum_pages:,} pages")

    def _following(self, answer: Answer, asked: dict[str, Any], page: str) -> tuple[str, dict[str, Any]] | None:
        """Return address and parameters of the next page, None after the last."""
        paging = self._paging
        if paging.by == "none":
            return None
        if paging.by in ("number", "offset"):
            count = len(_records_of(answer.body, self._records, page))
            if count == 0 or (paging.size is not None and count < paging.size):
                return None
            step = 1 if paging.by == "number" else count
            return self._fetcher.url, {**asked, paging.parameter: asked[paging.parameter] + step}
        found = answer.next_link if paging.by == "link" and not paging.path else _at(answer.body, paging.path)
        if not found:
            return None
        if paging.by == "link":
            return self._fetcher.same_origin(str(found)), {}
        return self._fetcher.url, {**asked, paging.parameter: found}

    def _describe(self) -> dict[str, Any]:
        return {"url": self._fetcher.shown, "columns": self._columns, "paging": self._paging.by}


def _records_of(body: Any, path: str, page: str) -> list[Mapping[str, Any]]:
    found = _at(body, path)
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        where = f"at {path!r}" if path else "as the body"
        raise SourceError(f"{page}: found {type(found).__name__} {where}, expected a list of records")
    return found


def _at(body: Any, path: str) -> Any:
    for name in path.split(".") if path else []:
        body = body.get(name) if isinstance(body, dict) else None
    return body
