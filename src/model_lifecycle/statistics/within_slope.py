"""The slope of a figure along an axis, from rows of which each was measured at several places."""

import numpy as np

from model_lifecycle.errors import StatisticError


def within_slopes(values: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Contributions of rows to the slope of ``values`` over ``at``, by least squares with an intercept a row.

    What makes a row easy or hard is the same at all of its places and cancels, so rows may be measured at different
    places.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_places)
        In any unit; NaN where a row was not measured.
    at : ndarray of shape (n_places,)
        The places on the axis.

    Returns
    -------
    rows : ndarray of bool, shape (n_rows,)
        Those that were measured at two places at least.
    contributions : ndarray of shape (rows.sum(),)
        Their mean is the slope ``sum_ij (x_ij - x_i) y_ij / sum_ij (x_ij - x_i)^2``, with x_i the mean place of row i;
        its interval is that of a mean.

    Raises
    ------
    StatisticError
        If no row was measured at two places.

    References
    ----------
    Wooldridge (2010), Econometric Analysis of Cross Section and Panel Data, section 10.5 (fixed effects).

    Examples
    --------
    >>> rows, found = within_slopes(np.array([[1.0, 3.0, 5.0], [9.0, 10.0, np.nan]]), np.array([0.0, 1.0, 2.0]))
    >>> found.mean().round(3)
    np.float64(1.8)
    """
    known = np.isfinite(values)
    centre = (known * at).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    distance = np.where(known, at - centre[:, None], 0.0)
    spread = (distance**2).sum(axis=1)
    rows = spread > 0
    if not rows.any():
        raise StatisticError(f"within_slopes: no row of {len(values)} has two places, expected some")
    return rows, (distance * np.where(known, values, 0.0)).sum(axis=1)[rows] / spread[rows].mean()
