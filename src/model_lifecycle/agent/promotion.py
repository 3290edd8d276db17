"""Move the champion once, however often it is asked for: the registry's own history says what was done already."""

from model_lifecycle.agent.state import ACTOR, Candidate
from model_lifecycle.agent.works import Moved
from model_lifecycle.errors import RegistryError
from model_lifecycle.registry import Registry


def promote_once(registry: Registry, candidate: Candidate, reason: str) -> Moved:
    """Make a candidate the champion unless the agent has done so before.

    Returns
    -------
    {'promoted', 'superseded'}
        ``superseded`` when it was promoted before and somebody has moved the champion since, or when the champion is
        another one than the candidate was held against: that person's word stays.

    Raises
    ------
    RegistryError
        If the registry cannot be reached.
    """
    champion, moves = registry.champion(), registry.history()
    if champion is not None and champion.version == candidate.version:
        return "promoted"
    mine = [move for move in moves if move.action == "promote" and move.to_version == candidate.version]
    if any(move.by == ACTOR for move in mine) and registry.cut_off(candidate.version) is None:
        return "superseded"
    if (None if champion is None else champion.release_id) != candidate.replaces:
        return "superseded"
    registry.promote(candidate.version, reason[:2000], ACTOR)
    return "promoted"


def rollback_once(registry: Registry, candidate: Candidate, reason: str) -> str:
    """Bring back the release before a candidate if it still is the champion, and return who is champion then.

    Raises
    ------
    RegistryError
        If there is no release to roll back to.
    """
    champion = registry.champion()
    if champion is None:
        raise RegistryError(f"registry {registry.name!r}: no champion, so there is nothing to roll back")
    if champion.version != candidate.version:
        return champion.release_id
    return registry.rollback(reason[:2000], ACTOR).release_id
