"""What moves the predictions of every candidate: SHAP values on a sample of test rows, over all and row by row."""

from collections.abc import Mapping
from dataclasses import dataclass
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
_SHOWN_OF_A_CLASS = 3
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
        the mean over them says how much a feature counts, each class has features of its own by their value, and the
        decision that is most likely of it is taken apart.
    figure
        The challenger's values, row by row; of several classes those of the last.

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
            figure = _strip(_outputs(scorer, found, features)[-1], features)
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


@dataclass(frozen=True, slots=True)
class _Output:
    """One output: what it is of (a class, or nothing), the rows' scores, and what adds up to its margins."""

    of: str | None
    score: np.ndarray
    values: np.ndarray
    base: np.ndarray

    def largest(self, most: int) -> list[int]:
        """Return the places of the features that move it most."""
        order = np.argsort(-np.abs(self.values).mean(axis=0), kind="stable")
        return [int(place) for place in order[:most]]

    def examples(self) -> dict[str, int]:
        """Return the rows that are taken apart, by what they are."""
        ranked = np.argsort(self.score, kind="stable").tolist()
        if self.of is not None:
            return {f"highest probability of {self.of}": ranked[-1]}
        return {"highest score": ranked[-1], "middle score": ranked[len(ranked) // 2], "lowest score": ranked[0]}


def _outputs(scorer: Scorer, found: Contributions, features: Columns) -> list[_Output]:
    predicted, value = scorer.predict(features), scorer.question.value
    if value.task != "multiclass":
        return [_Output(None, scorer.task.score(predicted), found.values, found.base)]
    return [
        _Output(label, predicted[:, place], found.values[..., place], found.base[..., place])
        for place, label in enumerate(value.classes)
    ]


def _tell(scorer: Scorer, found: Contributions, features: Columns, rows: pd.DataFrame) -> CandidateExplanation:
    outputs, names = _outputs(scorer, found, features), list(features)
    most = _SHOWN if len(outputs) == 1 else _SHOWN_OF_A_CLASS
    return {
        "importance": _importance(found, features),
        "explanation": {
            "output": _output(scorer),
            "method": found.method,
            "rows": len(rows),
            "gap": found.gap,
            "dependence": [
                _dependence(names[place], features[names[place]], one.values[:, place], one.of)
                for one in outputs
                for place in one.largest(most)
            ],
        },
        "examples": [
            {
                "which": which,
                "decision": str(rows[model_input.DECISION_ID].iloc[place]),
                "time": rows[model_input.DECISION_TIME].iloc[place].isoformat(),
                "score": float(one.score[place]),
                "base": float(one.base[place]),
                "contributions": _parts({name: column[place] for name, column in features.items()}, one.values[place]),
            }
            for one in outputs
            for which, place in one.examples().items()
        ],
    }


def _output(scorer: Scorer) -> str:
    value = scorer.question.value
    if value.task == "multiclass":
        return "log-probability of a class, less the mean over the classes"
    return "log-odds of a positive outcome" if value.task == "binary" else "the plan"


def _dependence(feature: str, values: np.ndarray, contribution: np.ndarray, of: str | None) -> DependenceEvidence:
    """Return quantiles of the contribution by the value: of its bins, or of the most frequent categories."""
    found: DependenceEvidence = {
        "feature": feature,
        "kind": "category" if values.dtype == object else "number",
        "points": _points(values, contribution),
    }
    return found if of is None else {**found, "of": of}


def _points(values: np.ndarray, contribution: np.ndarray) -> list[DependencePoint]:
    points: list[DependencePoint] = []
    if values.dtype == object:
        return [_point(name, contribution[values == name]) for name in top_categories(values, _BINS)]
    known = np.isfinite(values)
    if known.any():
        place = np.searchsorted(quantile_edges(values[known], _BINS), values[known])
        points += [
            _point(float(np.median(values[known][place == one])), contribution[known][place == one])
            for one in np.unique(place)
        ]
    if not known.all():
        points.append(_point(None, contribution[~known]))
    return points


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


def _strip(output: _Output, features: Columns) -> "Figure":
    ranks = pd.DataFrame(dict(features)).rank(pct=True, numeric_only=True).reindex(columns=list(features)).to_numpy()
    return shap_strip_figure(list(features), output.values, ranks, output.of)
