"""A table of events as the store keeps them."""

from collections.abc import Iterator

import pandas as pd

from model_lifecycle.contracts.records import EventRecord

_FIXED = ("event_id", "kind", "event_time", "known_at")


def event_records(events: pd.DataFrame) -> Iterator[EventRecord]:
    """Yield events, in the order in which they became known, as the store keeps them.

    Parameters
    ----------
    events : DataFrame
        ``event_id``, ``kind``, ``event_time``, ``known_at`` and the payload's columns; missing values are left out of
        the payload.
    """
    ordered = events.sort_values(["known_at", "event_id"], kind="stable")
    payload = ordered.drop(columns=list(_FIXED)).astype(object)
    rows = payload.where(payload.notna(), None).to_dict("records")
    fixed = zip(*(ordered[name].tolist() for name in _FIXED), rows, strict=True)
    for event_id, kind, event_time, known_at, row in fixed:
        found = {name: value for name, value in row.items() if value is not None}
        yield EventRecord(event_id, kind, event_time.to_pydatetime(), known_at.to_pydatetime(), found)
