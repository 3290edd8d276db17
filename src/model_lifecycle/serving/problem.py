"""Errors as the client sees them: problem details (RFC 9457), never a stack trace."""

from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from model_lifecycle.serving.types import FieldProblem

# A refused batch of thousands of records must not be answered by megabytes of problems.
MAX_PROBLEMS = 100


class Problem(Exception):
    """A request that is answered with an error.

    Parameters
    ----------
    status : int
        HTTP status.
    detail : str
        What is wrong with this request, for a person.
    errors : sequence of FieldProblem
        Every wrong field.
    retry_after : int, optional
        Seconds after which the same request may succeed.
    headers : sequence of (bytes, bytes)
        Further headers.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[FieldProblem] = (),
        retry_after: int | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = [*headers]
        if retry_after is not None:
            self.headers.append((b"retry-after", str(retry_after).encode()))

    def body(self) -> bytes:
        """Return the document as JSON."""
        document: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = self.errors[:MAX_PROBLEMS]
            document["error_count"] = len(self.errors)
        return msgspec.json.encode(document)
