"""What moves the challenger's predictions: SHAP values on a sample of test rows."""

import numpy as np
import pandas as pd

from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.errors import ModelError
from model_lifecycle.features.tables import to_columns
from model_lifecycle.models.margin import margin
from model_lifecycle.reporting.evidence import ImportanceEvidence
from model_lifecycle.reporting.figures.shap_summary import shap_strip_figure
from model_lifecycle.scoring import Scorer

_SAMPLE = 2_000
_TOLERANCE = 1e-6  # of the raw margin, as a share of its spread where that is above 1


def explain(
    challenger: Scorer, test: pd.DataFrame, spec: FeatureSpec, run: RunSpec
) -> tuple[list[ImportanceEvidence], object]:
    """Return mean absolute SHAP values, largest first, and the picture of them row by row.

    Raises
    ------
    ModelError
        If base value and contributions do not add up to the raw margin.
    """
    size = min(_SAMPLE, len(test))
    chosen = np.sort(np.random.default_rng(run.seed).choice(len(test), size, replace=False))
    sample = to_columns(test.iloc[chosen][list(spec.names())])
    values, base = challenger.model.explain(sample)
    raw = margin(challenger.task.objective.kind, challenger.model.predict(sample))
    off = float(np.abs(base + values.sum(axis=1) - raw).max() / max(float(np.ptp(raw)), 1.0))
    if not off <= _TOLERANCE:
        raise ModelError(
            f"{challenger.facts.model}: SHAP values miss the raw margin by {off:.3g}, expected {_TOLERANCE:g}"
        )
    if values.ndim > 2:  # of several classes: the mean over them says how much, the last how high
        size_of, values = np.abs(values).mean(axis=2), values[:, :, -1]
    else:
        size_of = np.abs(values)
    mean = size_of.mean(axis=0)
    importance: list[ImportanceEvidence] = [
        {"feature": spec.names()[place], "mean_abs_shap": float(mean[place])}
        for place in np.argsort(-mean, kind="stable")
    ]
    ranks = pd.DataFrame(sample).rank(pct=True, numeric_only=True).reindex(columns=list(spec.names())).to_numpy()
    return importance, shap_strip_figure(spec.names(), values, ranks)
