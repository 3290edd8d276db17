"""Early stopping: the validation folds choose how many trees there are, and the final fit takes that number."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.modelling import CandidateSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.errors import ModelError
from model_lifecycle.features.folds import features_of, observed_rows
from model_lifecycle.models import Objective, Parameters, TreeFamily, load_family


class TreeCount(NamedTuple):
    """How the number of trees is chosen: of which family, and after how many useless trees a fit stops."""

    family: TreeFamily
    patience: int


def tree_count(name: str, candidate: CandidateSpec) -> TreeCount | None:
    """Return how a candidate's number of trees is chosen, None where it is given or searched.

    Raises
    ------
    ModelError
        If the family has no trees to count, or their number has no upper limit or is searched as well.
    """
    if candidate.early_stopping is None:
        return None
    family = load_family(candidate.family)
    if not isinstance(family, TreeFamily):
        raise ModelError(f"{name}: early_stopping, but family {candidate.family!r} has no trees to count; leave it out")
    if family.trees in candidate.search or family.trees not in candidate.parameters:
        raise ModelError(
            f"{name}: early_stopping chooses {family.trees!r}, expected the most there may be in `parameters` and no "
            "range in `search`"
        )
    return TreeCount(family, candidate.early_stopping)


def best_count(
    counting: TreeCount,
    parameters: Parameters,
    train: pd.DataFrame,
    folds: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray | None]],
    spec: FeatureSpec,
    run: RunSpec,
    objective: Objective,
) -> int:
    """Return the number of trees whose mean loss over the folds is lowest.

    On each fold's past trees are fitted until the loss on the fold's observed rows has not been better for so many
    trees. Numbers that some fold did not reach are not compared.
    """
    target, observed = train[model_input.TARGET].to_numpy(), observed_rows(train)
    losses = []
    for fitted_on, judged, weight in folds:
        later = judged & observed
        found = counting.family.losses_by_trees(
            features_of(train, spec, fitted_on),
            target[fitted_on],
            (features_of(train, spec, later), target[later]),
            counting.patience,
            parameters,
            run.seed,
            run.threads,
            objective,
            weight,
        )
        losses.append(found)
    reached = min(map(len, losses))
    return 1 + int(np.argmin(np.mean([found[:reached] for found in losses], axis=0)))
