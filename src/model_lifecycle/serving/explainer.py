"""Why a score is what it is: SHAP contributions of the release in use, in a thread of their own."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from model_lifecycle.contracts.value import ActionValues
from model_lifecycle.models.contributions import contributions
from model_lifecycle.models.margin import margin
from model_lifecycle.scoring import RecordsRefused, Scorer
from model_lifecycle.serving.champion import Champion
from model_lifecycle.serving.ids import checked_columns
from model_lifecycle.serving.problem import Problem
from model_lifecycle.serving.types import FieldProblem

RETRY_SECONDS = 1
SCALES = {
    "binary": "log-odds before calibration",
    "quantile": "the target's unit, before calibration",
    "multiclass": "log-probability of each class less their mean, before calibration",
}


class Explainer:
    """Explains one request at a time; a few may wait.

    Parameters
    ----------
    most : int
        Requests that may wait or be explained; beyond them, requests are refused with 429.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._asked = 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="explainer")

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown(cancel_futures=True)

    async def explain(
        self, champion: Champion, records: Sequence[Mapping[str, object]], top: int
    ) -> list[dict[str, object]]:
        """Explain the records of one request.

        Returns
        -------
        list of dict
            One explanation a record, in their order.

        Raises
        ------
        Problem
            422 for wrong fields, 429 when too many requests wait.
        """
        if self._asked >= self._most:
            detail = f"{self._asked} requests wait for explanations; try again"
            raise Problem(429, detail, retry_after=RETRY_SECONDS)
        self._asked += 1
        loop = asyncio.get_running_loop()
        work = self._pool.submit(explanations, champion, records, top)
        # A client that goes away does not end the work: it counts until it is done.
        work.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        try:
            return await asyncio.wrap_future(work)
        except RecordsRefused as refused:
            problems = [FieldProblem(one.row, one.field, one.found, one.expected) for one in refused.problems]
            raise Problem(422, f"{len(problems)} wrong fields; nothing was explained", problems) from refused

    def _done(self) -> None:
        self._asked -= 1


def explanations(champion: Champion, records: Sequence[Mapping[str, object]], top: int) -> list[dict[str, object]]:
    """Return for each record its decision, and what the features of the largest contributions added to its margin.

    Raises
    ------
    RecordsRefused
        Naming every wrong field.
    """
    if not records:
        return []
    scorer, snapshot = champion.scorer, champion.history.snapshot
    columns = checked_columns(scorer, records)
    scores = scorer.score(columns, snapshot.history)
    features = {name: scores.features[name] for name in scorer.spec.names()}
    kind = scorer.task.objective.kind
    found = contributions(scorer.model, kind, features, seed=0, background=scorer.examples)
    margins = margin(kind, scorer.model.predict(features))
    ids, decisions = columns[scorer.question.decision_id].tolist(), scorer.task.decisions(scores.action)
    names, shown = list(features), {name: values.tolist() for name, values in features.items()}
    told = []
    for row, values in enumerate(found.values):
        size = np.abs(values) if values.ndim == 1 else np.abs(values).max(axis=1)
        order = np.argsort(-size, kind="stable").tolist()
        first = order[:top]
        told.append(
            {
                scorer.question.decision_id: ids[row],
                "release": scorer.release_id,
                "score": float(scores.score[row]),
                "decision": decisions[row],
                "scale": SCALES[kind],
                "method": found.method,
                "base": _told(scorer, found.base[row]),
                "margin": _told(scorer, margins[row]),
                "contributions": [
                    {
                        "feature": names[place],
                        "value": _plain(shown[names[place]][row]),
                        "contribution": _told(scorer, values[place]),
                    }
                    for place in first
                ],
                "rest": _told(scorer, values[order[top:]].sum(axis=0)),
                "watermark": snapshot.watermark,
            }
        )
    return told


def _told(scorer: Scorer, values: np.ndarray) -> float | dict[str, float]:
    """Return a number, or one a class."""
    assumed = scorer.question.value
    if isinstance(assumed, ActionValues):
        return dict(zip(assumed.classes, np.asarray(values).tolist(), strict=True))
    return float(values)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
