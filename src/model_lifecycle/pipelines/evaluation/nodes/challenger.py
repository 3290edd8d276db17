"""The challenger: the candidate that was chosen on the folds."""

from dataclasses import dataclass

from model_lifecycle.errors import ModelError
from model_lifecycle.scoring import Scorer


@dataclass(frozen=True)
class Challenger:
    """The chosen candidate's name and its scorer."""

    name: str
    scorer: Scorer


def pick_challenger(fitted: dict[str, Scorer], leaderboard: list[dict[str, object]]) -> Challenger:
    """Return the chosen candidate.

    Raises
    ------
    ModelError
        If the leaderboard does not choose exactly one fitted model.
    """
    chosen = [str(row["model"]) for row in leaderboard if row["chosen"]]
    if len(chosen) != 1 or chosen[0] not in fitted:
        raise ModelError(f"leaderboard chooses {chosen}, expected exactly one of {sorted(fitted)}")
    return Challenger(chosen[0], fitted[chosen[0]])
