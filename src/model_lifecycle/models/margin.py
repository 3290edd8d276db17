"""The scale on which explanations add up."""

import numpy as np

_TINY = 1e-12


def logit(probability: np.ndarray) -> np.ndarray:
    """Return the log-odds, float64, shape (n,); 0 and 1 are clipped to stay finite."""
    clipped = np.clip(probability, _TINY, 1 - _TINY)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def margin(kind: str, prediction: np.ndarray) -> np.ndarray:
    """Return the raw margin of raw predictions.

    Parameters
    ----------
    kind : {'binary', 'quantile', 'multiclass'}
    prediction : ndarray of float64, shape (n,) or (n, n_classes)

    Returns
    -------
    ndarray of float64
        Of the same shape: log-odds; the prediction itself; log-probabilities less their mean over the classes.
    """
    if kind == "quantile":
        return prediction
    if kind == "binary":
        return logit(prediction)
    logs = np.log(np.clip(prediction, _TINY, 1.0))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))
