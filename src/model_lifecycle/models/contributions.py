"""What each feature adds to a prediction, of any model, checked to add up to the raw margin."""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.errors import ModelError
from model_lifecycle.models.base import ExplainedModel, Model
from model_lifecycle.models.margin import margin

_TOLERANCE = 1e-6  # of the raw margin, as a share of its spread where that is above 1
_CERTAIN = 20.0  # log-odds beyond which a probability's last bits tell no more
_OWN, _PERMUTATIONS = "of the model", "permutations"
_BACKGROUND = 5  # rows that a model without an explanation of its own is compared with


@dataclass(frozen=True)
class Contributions:
    """SHAP values of n rows.

    Attributes
    ----------
    values : ndarray of float64, shape (n, n_features) or (n, n_features, n_classes)
        On the scale of the raw margin (`margin`), before calibration; columns in the order of the features.
    base : ndarray of float64, shape (n,) or (n, n_classes)
        What each row adds up from.
    gap : float
        The largest distance between base plus values and the raw margin, as a share of the margin's spread if above 1.
    method : str
        ``of the model`` or ``permutations``.
    """

    values: np.ndarray
    base: np.ndarray
    gap: float
    method: str


def contributions(
    model: Model, kind: str, features: Columns, seed: int, background: Columns | None = None
) -> Contributions:
    """Explain rows by the model itself, or by permutations if it has no ``explain``.

    Parameters
    ----------
    model : Model
    kind : {'binary', 'quantile', 'multiclass'}
        Of the objective that it was fitted for.
    features : columns
        n rows, at least one.
    seed : int
        Of the permutations and of the rows that they compare with.
    background : columns, optional
        Rows that permutations compare with; the explained ones by default.

    Raises
    ------
    ModelError
        If base value and contributions have another shape than they should, or do not add up to the raw margin.
    """
    raw = margin(kind, model.predict(features))
    if isinstance(model, ExplainedModel):
        (values, base), method = model.explain(features), _OWN
    else:
        (values, base), method = _permuted(model, kind, features, background or features, seed), _PERMUTATIONS
    expected = (len(raw), len(features), *raw.shape[1:])
    if values.shape != expected or base.shape != raw.shape:
        raise ModelError(
            f"contributions of shape {values.shape} and base values of {base.shape}, "
            f"expected {expected} and {raw.shape}"
        )
    off = np.abs(_told(kind, base + values.sum(axis=1)) - _told(kind, raw))
    gap = float(off.max() / max(float(np.ptp(raw)), 1.0))
    if not gap <= _TOLERANCE:
        raise ModelError(f"contributions miss the raw margin by {gap:.3g}, expected at most {_TOLERANCE:g}")
    return Contributions(values, base, gap, method)


def _told(kind: str, found: np.ndarray) -> np.ndarray:
    """Return margins as far as probabilities tell them: one that is all but 1 does not say how near it is."""
    if kind == "binary":
        return np.asarray(np.clip(found, -_CERTAIN, _CERTAIN))
    return margin(kind, softmax(found, axis=1)) if kind == "multiclass" else found


def _permuted(
    model: Model, kind: str, features: Columns, background: Columns, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate Shapley values: walk from rows of the background to all rows, feature by feature, in any order and back.

    Each walk ends at the row itself, so the values add up whatever the order. A step costs one prediction of all rows.

    References
    ----------
    Strumbelj and Kononenko (2014), Knowledge and Information Systems 41, 647-665; walks both ways as in Mitchell et
    al. (2022), Journal of Machine Learning Research 23(43).
    """
    draw, names, rows = np.random.default_rng(seed), list(features), row_count(features)
    places = draw.choice(row_count(background), min(_BACKGROUND, row_count(background)), replace=False)
    raw = margin(kind, model.predict(features))
    total, base = np.zeros((rows, len(names), *raw.shape[1:])), np.zeros_like(raw)
    for place in places:
        order = draw.permutation(len(names))
        for walk in (order, order[::-1]):
            mixed = {name: np.repeat(background[name][[place]], rows) for name in names}
            before = margin(kind, model.predict(mixed))
            base += before / (2 * len(places))
            for feature in walk.tolist():
                mixed[names[feature]] = features[names[feature]]
                after = margin(kind, model.predict(mixed))
                total[:, feature] += (after - before) / (2 * len(places))
                before = after
    return total, base
