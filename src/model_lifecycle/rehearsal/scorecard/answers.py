"""What the log says was answered, held against what was asked; read from the store, not from the client's counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from model_lifecycle.errors import StoreError
from model_lifecycle.store import Store

_STEP = pd.Timedelta(days=7)  # read at a time


@dataclass(frozen=True, slots=True)
class Answers:
    """The first answer to each decision that was asked for, and what the log lacks or has twice."""

    first: pd.DataFrame
    asked: int
    lost: int
    twice: int
    strange: int


def read_answers(store: Store, span: tuple[datetime, datetime], asked: Sequence[str]) -> Answers:
    """Read the log of a stretch of time, a part at a time.

    Parameters
    ----------
    store : Store
        The service's own.
    span : pair of datetime
        Of the decisions' times.
    asked : sequence of str
        The decisions that were asked for, each once.

    Raises
    ------
    StoreError
        If nothing was logged.
    """
    names = ["decision_id", "decision_time", "logged_at", "release", "score", "decision", "threshold", "outputs"]
    parts, start, end = [], pd.Timestamp(span[0]), pd.Timestamp(span[1])
    while start < end:
        until = min(start + _STEP, end)
        parts.append(store.predictions_between(start.to_pydatetime(), until.to_pydatetime())[names])
        start = until
    found = pd.concat([part for part in parts if len(part)]) if any(map(len, parts)) else pd.DataFrame()
    if found.empty:
        raise StoreError("the prediction log of the rehearsal is empty, so there is nothing to count")
    ordered = found.sort_values("logged_at", kind="stable")
    first = ordered.drop_duplicates("decision_id", keep="first").set_index("decision_id")
    wanted = set(asked)
    return Answers(
        first=first,
        asked=len(asked),
        lost=len(wanted - set(first.index)),
        twice=len(found) - len(first),
        strange=len(set(first.index) - wanted),
    )
