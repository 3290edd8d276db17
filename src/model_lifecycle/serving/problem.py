"""Errors as the client sees them: problem details (RFC 9457), never a stack trace."""

import traceback
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import msgspec

from model_lifecycle.errors import LifecycleError
from model_lifecycle.scoring import RecordsRefused
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

    Attributes
    ----------
    instance : str or None
        Names this occurrence; the service's log has it beside a fault of its own.
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
        self.instance: str | None = None
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
        if self.instance is not None:
            document["instance"] = self.instance
        if self.errors:
            document["errors"] = self.errors[:MAX_PROBLEMS]
            document["error_count"] = len(self.errors)
        return msgspec.json.encode(document)


def where(error: BaseException) -> str:
    """Say what kind of error happened and where, without its message, which may hold what a person has sent."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return f"{type(error).__name__} at " + " < ".join(
        f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames
    )


def reason(error: Exception) -> str:
    """Say why a release cannot be used: our own message, which quotes no record, or else what kind of error it is.

    Of refused records only the names of the fields are told.
    """
    if isinstance(error, RecordsRefused):
        return f"refused records: fields {sorted({problem.field for problem in error.problems})}"
    return str(error) if isinstance(error, LifecycleError) else where(error)


def forget_frames(error: BaseException | None) -> None:
    """Let go of where an error that is answered came from.

    Its frames hold the body and the future that holds the error: a circle that would keep megabytes until the garbage
    collector looks at old objects, which it seldom does.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
