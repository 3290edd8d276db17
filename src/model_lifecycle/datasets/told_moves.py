"""Moves of the champion by hand: what the registry has written down of them is told in the audit trail, too."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from model_lifecycle.contracts.records import AuditRecord, Move
from model_lifecycle.registry import Registry
from model_lifecycle.store import Store

_KEY = "registry "


def tell_moves(registry: Registry, store_url: str) -> int:
    """Tell the audit trail the registry's moves that it does not know, and return how many there were.

    A move is made first and told then, so a command that was cut off, or that could not reach the store, leaves one
    untold: the next command by hand tells it. What agent and runs tell themselves is recognised by who moved what.

    Raises
    ------
    StoreError
        If the store cannot be reached; the moves stand all the same.
    """
    moves, names = registry.history(), {one.version: one.release_id for one in registry.releases()}
    with Store.open(store_url) as store:
        return store.append_audit_once(untold(moves, names, store.audit()))


def untold(moves: Sequence[Move], names: dict[int, str], trail: Sequence[AuditRecord]) -> list[AuditRecord]:
    """Return the entries that are missing in a trail.

    Parameters
    ----------
    moves : sequence of Move
        The registry's history, the oldest first.
    names : dict
        Version to release.
    trail : sequence of AuditRecord
        What is told already.
    """
    keys = {str(one.details.get("key")) for one in trail}
    by_others = Counter(
        (one.action, one.release, one.actor) for one in trail if not str(one.details.get("key", "")).startswith(_KEY)
    )
    found = []
    for move in moves:
        entry = _entry(move, names)
        who = (entry.action, entry.release, entry.actor)
        if entry.details["key"] in keys:
            continue
        if by_others[who]:
            by_others[who] -= 1
            continue
        found.append(entry)
    return found


def _entry(move: Move, names: dict[int, str]) -> AuditRecord:
    def name(version: int) -> str:
        return names.get(version, f"version {version}")

    word = "withdrawn" if move.action == "rollback" else "replaces"
    before = {} if move.from_version is None else {word: name(move.from_version)}
    past = {"overridden": list(move.overridden)} if move.overridden else {}
    details = {"version": move.to_version, **before, **past, "key": f"{_KEY}{move.at} {move.to_version}"}
    return AuditRecord(
        datetime.fromisoformat(move.at), move.by, move.action, name(move.to_version), move.reason, details
    )
