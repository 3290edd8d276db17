"""What the history of the champion's moves tells; pure."""

from collections.abc import Sequence

from model_lifecycle.contracts.records import Move


def replaced_by(moves: Sequence[Move], version: int) -> int | None:
    """Return the champion before the last promotion of a version.

    A release that a rollback has withdrawn, and nobody has promoted since, is passed by: what that one had replaced
    when it was promoted counts instead.

    Parameters
    ----------
    moves : sequence of Move
        The oldest first.
    version : int
        The champion now.

    Examples
    --------
    >>> first, second = Move("1", "promote", None, 1, "ada", "first"), Move("2", "promote", 1, 2, "ada", "better")
    >>> replaced_by([first, second], 2)
    1
    """
    passed_by: set[int | None] = {version}
    for move in moves:
        if move.action == "rollback":
            passed_by.add(move.from_version)
        elif move.to_version != version:
            passed_by.discard(move.to_version)
    wanted: int | None = version
    for move in reversed(moves):
        if move.action == "promote" and move.to_version == wanted:
            if move.from_version not in passed_by:
                return move.from_version
            wanted = move.from_version
    return None
