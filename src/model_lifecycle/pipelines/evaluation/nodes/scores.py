"""Every model's score on every test row; the champion's from its own features."""

from typing import Protocol

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.features.history import History
from model_lifecycle.features.tables import events_by_kind, to_columns
from model_lifecycle.scoring import Scorer

CHAMPION = "champion"
_SCORE, _ACT = "score_", "act_"
_SHARED = (
    model_input.DECISION_ID, model_input.DECISION_TIME, model_input.LABEL_TIME,
    model_input.TARGET, model_input.OUTCOME, model_input.REASON,
)  # fmt: skip


class ChampionInProduction(Protocol):
    """What the catalog loads as ``champion``."""

    @property
    def scorer(self) -> Scorer:
        """The champion's scorer."""
        ...


def score_test(
    fitted: dict[str, Scorer],
    test: pd.DataFrame,
    champion: ChampionInProduction | None,
    primary: pd.DataFrame,
    events: pd.DataFrame,
    plan: SplitPlan,
    spec: FeatureSpec,
    question: BusinessQuestion,
) -> pd.DataFrame:
    """Score all test rows, those without an outcome too.

    Returns
    -------
    DataFrame
        The ``row_*`` columns of the test, and ``score_<model>`` and ``act_<model>`` for each fitted model and, if
        there is one, the champion. It computes its own features from the same decisions and events.
    """
    slices = [column for column in test.columns if column.startswith(model_input.SLICE)]
    table = test[[*_SHARED, *slices]].copy()
    features = to_columns(test[list(spec.names())])
    for name, scorer in fitted.items():
        _add(table, name, scorer.predict(features), scorer.threshold)
    if champion is not None:
        rows = primary[primary[question.decision_time] >= pd.Timestamp(plan.test.start)]
        _add(table, CHAMPION, _score_anew(champion.scorer, rows, events), champion.scorer.threshold)
    return table


def _add(table: pd.DataFrame, name: str, score: np.ndarray, threshold: float) -> None:
    table[_SCORE + name], table[_ACT + name] = score, score >= threshold


def _score_anew(scorer: Scorer, rows: pd.DataFrame, events: pd.DataFrame) -> np.ndarray:
    history = History.build(scorer.spec, events_by_kind(events, scorer.spec))
    return scorer.score(to_columns(rows[list(scorer.contract.columns)]), history).score


def models_of(scores: pd.DataFrame) -> list[str]:
    """Return the names of the models that have scored."""
    return [column.removeprefix(_SCORE) for column in scores.columns if column.startswith(_SCORE)]


def score_of(scores: pd.DataFrame, model: str) -> np.ndarray:
    """Return a model's scores, float64 in [0, 1], shape (n,)."""
    return scores[_SCORE + model].to_numpy(dtype=np.float64)


def act_of(scores: pd.DataFrame, model: str) -> np.ndarray:
    """Return whether the model says to act, bool, shape (n,)."""
    return scores[_ACT + model].to_numpy(dtype=bool)
