"""What moves the predictions of every candidate: SHAP values on a sample of test rows, over all and row by row."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.errors import ModelError
from model_lifecycle.features.tables import to_columns
from model_lifecycle.models.contributions import Contributions, contributions
from model_lifecycle.reporting.evidence import DependenceEvidence, DependencePoint, ImportanceEvidence
from model_lifecycle.reporting.explanations import CandidateExplanation, ContributionEvidence
from model_lifecycle.reporting.figures.shap_summary import shap_strip_figure
from model_lifecycle.scoring import Scorer
from model_lifecycle.statistics.binning import quantile_edges, top_categories

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_SAMPLE = 2_000
_SHOWN = 6  # features whose contribution is told by their value
_BINS = 10
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


def explain(
    fitted: dict[str, Scorer], challenger: Scorer, test: pd.DataFrame, spec: FeatureSpec, run: RunSpec
) -> tuple[dict[str, CandidateExplanation], "Figure"]:
    """Explain every candidate on the same sample of test rows.

    Returns
    -------
    explanations : dict
        By candidate: mean absolute SHAP values, largest first; the contributions of the most important features by
        their value; and the decisions of the highest, the middle and the lowest score, taken apart. Of several classes
        the mean over them says how much a feature counts, and the last which way.
    figure
        The challenger's values, row by row.

    Raises
    ------
    ModelError
        If base value and contributions do not add up to the raw margin.
    """
    rows = _sample(test, run)
    features = to_columns(rows[list(spec.names())])
    told: dict[str, CandidateExplanation] = {}
    for name, scorer in fitted.items():
        found = _contributions(name, scorer, features, run)
        told[name] = _tell(scorer, found, features, rows)
        if name == challenger.facts.model:
            figure = _strip(found, features)
    return told, figure


def weigh(scorer: Scorer, test: pd.DataFrame, spec: FeatureSpec, run: RunSpec) -> list[ImportanceEvidence]:
    """Return how much each feature counts, as `explain` tells it, and no more.

    Raises
    ------
    ModelError
        As for `explain`.
    """
    features = to_columns(_sample(test, run)[list(spec.names())])
    return _importance(_contributions(scorer.facts.model, scorer, features, run), features)


def _sample(test: pd.DataFrame, run: RunSpec) -> pd.DataFrame:
    size = min(_SAMPLE, len(test))
    return test.iloc[np.sort(np.random.default_rng(run.seed).choice(len(test), size, replace=False))]


def _contributions(name: str, scorer: Scorer, features: Columns, run: RunSpec) -> Contributions:
    try:
        return contributions(scorer.model, scorer.task.objective.kind, features, run.seed)
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error


def _importance(found: Contributions, features: Columns) -> list[ImportanceEvidence]:
    size = np.abs(found.values) if found.values.ndim == 2 else np.abs(found.values).mean(axis=2)
    names, mean = list(features), size.mean(axis=0)
    order = np.argsort(-mean, kind="stable").tolist()
    return [{"feature": names[place], "mean_abs_shap": float(mean[place])} for place in order]


def _tell(scorer: Scorer, found: Contributions, features: Columns, rows: pd.DataFrame) -> CandidateExplanation:
    importance, names, values = _importance(found, features), list(features), _of_one_output(found.values, 2)
    largest = [one["feature"] for one in importance[:_SHOWN]]
    shown = [(name, features[name], values[:, names.index(name)]) for name in largest]
    score, base = scorer.task.score(scorer.predict(features)), _of_one_output(found.base, 1)
    ranked = np.argsort(score, kind="stable").tolist()
    examples = {"highest": ranked[-1], "middle": ranked[len(ranked) // 2], "lowest": ranked[0]}
    return {
        "importance": importance,
        "explanation": {
            "output": _output(scorer),
            "method": found.method,
            "rows": len(rows),
            "gap": found.gap,
            "dependence": [_dependence(*one) for one in shown],
        },
        "examples": [
            {
                "which": which,
                "decision": str(rows[model_input.DECISION_ID].iloc[place]),
                "time": rows[model_input.DECISION_TIME].iloc[place].isoformat(),
                "score": float(score[place]),
                "base": float(base[place]),
                "contributions": _parts({name: column[place] for name, column in features.items()}, values[place]),
            }
            for which, place in examples.items()
        ],
    }


def _of_one_output(values: np.ndarray, axes: int) -> np.ndarray:
    """Return the values of the one output, of several classes those of the last."""
    return values if values.ndim == axes else values[..., -1]


def _output(scorer: Scorer) -> str:
    value = scorer.question.value
    if value.task == "multiclass":
        return f"log-probability of {value.classes[-1]!r}, less the mean over the classes"
    return "log-odds of a positive outcome" if value.task == "binary" else "the plan"


def _dependence(feature: str, values: np.ndarray, contribution: np.ndarray) -> DependenceEvidence:
    """Return quantiles of the contribution by the value: of its bins, or of the most frequent categories."""
    points: list[DependencePoint] = []
    if values.dtype == object:
        points += [_point(name, contribution[values == name]) for name in top_categories(values, _BINS)]
        return {"feature": feature, "kind": "category", "points": points}
    known = np.isfinite(values)
    if known.any():
        place = np.searchsorted(quantile_edges(values[known], _BINS), values[known])
        for one in np.unique(place):
            points.append(_point(float(np.median(values[known][place == one])), contribution[known][place == one]))
    if not known.all():
        points.append(_point(None, contribution[~known]))
    return {"feature": feature, "kind": "number", "points": points}


def _point(value: float | str | None, contribution: np.ndarray) -> DependencePoint:
    quantiles = np.quantile(contribution, _QUANTILES).tolist()
    return {"value": value, "rows": len(contribution), "quantiles": quantiles}


def _parts(row: Mapping[str, Any], values: np.ndarray) -> list[ContributionEvidence]:
    parts: list[ContributionEvidence] = [
        {"feature": name, "value": _plain(value), "contribution": float(added)}
        for (name, value), added in zip(row.items(), values, strict=True)
    ]
    return sorted(parts, key=lambda one: -abs(one["contribution"]))


def _plain(value: Any) -> float | str | None:
    return value if isinstance(value, str) else (float(value) if np.isfinite(value) else None)


def _strip(found: Contributions, features: Columns) -> "Figure":
    ranks = pd.DataFrame(dict(features)).rank(pct=True, numeric_only=True).reindex(columns=list(features)).to_numpy()
    return shap_strip_figure(list(features), _of_one_output(found.values, 2), ranks)
