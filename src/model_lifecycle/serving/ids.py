"""The one rule for the ids of decisions and events: what a prediction is logged under, a label can name."""

from collections.abc import Mapping, Sequence

import numpy as np

from model_lifecycle.features.plain_records import Row
from model_lifecycle.scoring import RecordProblem, RecordsRefused, Scorer

# Both databases index ids; PostgreSQL takes some 2,700 bytes, which 200 characters cannot reach.
MAX_ID_LENGTH = 200
EXPECTED_ID = f"1 to {MAX_ID_LENGTH} printable characters"
ID_SCHEMA: Mapping[str, object] = {
    "minLength": 1,
    "maxLength": MAX_ID_LENGTH,
    "pattern": r"^[^\u0000-\u001f\u007f-\u00a0]*$",  # what else cannot be printed takes too long to list
}
_SHOWN = 80


def is_id(value: str) -> bool:
    """Return whether a text can be an id."""
    return 0 < len(value) <= MAX_ID_LENGTH and value.isprintable()


def checked_rows(scorer: Scorer, records: Sequence[Mapping[str, object]]) -> list[Row] | None:
    """Return records as `Scorer.plain_rows` does, None also where `checked_columns` has to look at an id."""
    rows = scorer.plain_rows(records)
    name = scorer.question.decision_id
    return rows if rows is not None and all(_may_be(row[name]) for row in rows) else None


def checked_columns(scorer: Scorer, records: Sequence[Mapping[str, object]]) -> dict[str, np.ndarray]:
    """Return records as `Scorer.columns` does.

    Raises
    ------
    RecordsRefused
        Naming every wrong field, ids that no label could name among them.
    """
    name = scorer.question.decision_id
    odd = [(row, record[name]) for row, record in enumerate(records) if not _may_be(record.get(name))]
    if not odd:
        return scorer.columns(records)
    problems = {(row, name): RecordProblem(row, name, ascii(found)[:_SHOWN], EXPECTED_ID) for row, found in odd}
    try:
        scorer.columns(records)
    except RecordsRefused as refused:
        problems.update({(one.row, one.field): one for one in refused.problems})
    raise RecordsRefused(sorted(problems.values(), key=lambda one: one.row))


def _may_be(value: object) -> bool:
    """Return whether nothing is wrong with an id as such; what is no text is for the contract to judge."""
    return not isinstance(value, str) or is_id(value)
