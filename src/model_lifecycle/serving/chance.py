"""Lots that replicas draw alike: which entities a canary answers, and which advice is withheld."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.value import ActionValues, ValueMatrix


def chance(salt: str, name: object) -> float:
    """Return a number in [0, 1) that looks random, and is the same whenever and wherever it is asked for.

    Examples
    --------
    >>> chance("a", "P-1") == chance("a", "P-1"), 0 <= chance("a", "P-1") < 1, chance("a", "P-1") == chance("b", "P-1")
    (True, True, False)
    """
    drawn = blake2b(str(name).encode("utf-8", "surrogatepass"), digest_size=8, key=salt.encode()[:64]).digest()
    return (int.from_bytes(drawn) >> 11) / 2**53  # a float holds 53 bits: more could round up to 1


def drawn_rows(question: BusinessQuestion, columns: Columns, share: float, salt: str) -> np.ndarray:
    """Return the places of a share's rows: all rows of an entity or none, as often as it is asked for.

    An entity that is in at a share is in at every larger one. Rows without an entity go by their decision id.
    """
    ids = columns[question.decision_id].tolist()
    entities = ids if question.entity is None or question.entity not in columns else columns[question.entity].tolist()
    names = (name if name is not None and name == name else one for name, one in zip(entities, ids, strict=True))  # noqa: PLR0124 - NaN differs from itself
    return np.array([row for row, name in enumerate(names) if chance(salt, name) < share], dtype=np.int64)


def default_action(question: BusinessQuestion) -> str | None:
    """Return the action in words that is no action; None where every decision is a plan."""
    value = question.value
    if isinstance(value, ValueMatrix):
        return "leave"
    return list(value.actions)[value.default_action()] if isinstance(value, ActionValues) else None


def taken(
    question: BusinessQuestion, decision_ids: Sequence[object], decisions: Sequence[str], share: float, salt: str
) -> list[tuple[str, float]]:
    """Return the action for each decision and its propensity: a random share of what is advised is withheld.

    Parameters
    ----------
    question : BusinessQuestion
        Says which action is none.
    decision_ids, decisions : sequence
        The decisions and what is advised; the same decision, asked for again, draws the same lot.
    share : float
        The probability, in [0, 0.5], that advice to act is withheld.
    salt : str
        What nobody who asks may know, or they could choose their lot.

    Returns
    -------
    list of (str, float)
        The action, and the probability that it would be this one: ``1 - share`` for advice that is followed,
        ``share`` for advice that is withheld, 1 where no action is advised.
    """
    default = default_action(question)
    if not share or default is None:
        return [(advised, 1.0) for advised in decisions]
    found = []
    for name, advised in zip(decision_ids, decisions, strict=True):
        if advised == default:
            found.append((advised, 1.0))
        elif chance(salt, name) < share:
            found.append((default, share))
        else:
            found.append((advised, 1.0 - share))
    return found
