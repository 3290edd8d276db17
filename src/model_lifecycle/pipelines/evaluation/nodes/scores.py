"""Every model's prediction and action on every test row; the champion's from its own features."""

from typing import Protocol

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.features.history import History
from model_lifecycle.features.tables import events_by_kind, outputs_of, to_columns, with_outputs
from model_lifecycle.scoring import Scorer

CHAMPION = "champion"
_PREDICTION, _ACTION = "prediction_", "action_"
_COMPARED = "champion_release"
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
        The ``row_*`` columns of the test, and ``prediction_<model>`` (`with_outputs`) and ``action_<model>`` for each
        fitted model and, if there is one, the champion, which computes its own features from the same events; then
        ``champion_release`` says which one it was.
    """
    slices = [column for column in test.columns if column.startswith(model_input.SLICE)]
    table = test[[*_SHARED, *slices]].copy()
    features = to_columns(test[list(spec.names())])
    for name, scorer in fitted.items():
        table = _with(table, name, scorer, scorer.predict(features))
    return table if champion is None else with_champion(table, champion, primary, events, plan, question)


def with_champion(
    table: pd.DataFrame,
    champion: ChampionInProduction,
    primary: pd.DataFrame,
    events: pd.DataFrame,
    plan: SplitPlan,
    question: BusinessQuestion,
) -> pd.DataFrame:
    """Return the scored test rows with the champion's predictions and actions, from its own features."""
    decided = primary[question.decision_time]
    rows = primary[(decided >= pd.Timestamp(plan.test.start)) & (decided < pd.Timestamp(plan.test.end))]
    found = _with(table, CHAMPION, champion.scorer, _score_anew(champion.scorer, rows, events))
    return found.assign(**{_COMPARED: champion.scorer.release_id})


def _with(table: pd.DataFrame, name: str, scorer: Scorer, prediction: np.ndarray) -> pd.DataFrame:
    found = with_outputs(table, _PREDICTION + name, prediction)
    return found.assign(**{_ACTION + name: scorer.task.actions(prediction, scorer.threshold)})


def _score_anew(scorer: Scorer, rows: pd.DataFrame, events: pd.DataFrame) -> np.ndarray:
    history = History.build(scorer.spec, events_by_kind(events, scorer.spec))
    return scorer.score(to_columns(rows[list(scorer.contract.columns)]), history).prediction


def models_of(scores: pd.DataFrame) -> list[str]:
    """Return the names of the models that have scored."""
    return [column.removeprefix(_ACTION) for column in scores.columns if column.startswith(_ACTION)]


def compared_with(scores: pd.DataFrame) -> str | None:
    """Return the release that scored as the champion, None where none was in production."""
    return str(scores[_COMPARED].iloc[0]) if _COMPARED in scores and len(scores) else None


def prediction_of(scores: pd.DataFrame, model: str) -> np.ndarray:
    """Return a model's predictions, float64, shape (n,) or (n, n_outputs)."""
    return outputs_of(scores, _PREDICTION + model)


def action_of(scores: pd.DataFrame, model: str) -> np.ndarray:
    """Return what the model says to do, float64, shape (n,)."""
    return scores[_ACTION + model].to_numpy(dtype=np.float64)
