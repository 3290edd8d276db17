"""One column in figures: what is missing, how it is distributed, what lies far out."""

import numpy as np
import pandas as pd

from model_lifecycle.contracts.table import ColumnContract
from model_lifecycle.reporting.quality_evidence import ColumnQuality

_BINS = 20
_SHOWN_VALUES = 10
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_FAR_OUT = 3.0  # interquartile ranges beyond the quartiles (Tukey 1977, Exploratory Data Analysis: "far out")


def describe_column(name: str, values: pd.Series, contract: ColumnContract) -> ColumnQuality:
    """Describe a column of a kept table; of a private one no value is quoted."""
    present = values.dropna()
    quoted = present.iloc[:0] if contract.private else present
    described: ColumnQuality = {
        "column": name,
        "type": contract.type,
        "missing": float(values.isna().mean()) if len(values) else 0.0,
        "distinct": int(present.nunique()),
        "minimum": _extreme(quoted, smallest=True),
        "maximum": _extreme(quoted, smallest=False),
    }
    if quoted.empty:
        return described
    if contract.type in ("integer", "number"):
        return described | _numbers(present.to_numpy(dtype=np.float64))  # type: ignore[return-value]
    if contract.type in ("category", "boolean"):
        shares = present.astype("str").value_counts(normalize=True).head(_SHOWN_VALUES)
        return described | {"most_frequent": {str(value): float(share) for value, share in shares.items()}}
    return described


def _numbers(values: np.ndarray) -> dict[str, object]:
    quantiles = np.quantile(values, _QUANTILES)
    lower, upper = quantiles[1], quantiles[3]
    reach = _FAR_OUT * (upper - lower)
    outliers = int(((values < lower - reach) | (values > upper + reach)).sum()) if reach > 0 else 0
    # The middle of the values is binned, so that one wild value does not empty all bins but two.
    inside = np.clip(values, *np.quantile(values, (0.005, 0.995)))
    counts, edges = np.histogram(inside, bins=_BINS)
    return {
        "mean": float(values.mean()),
        "standard_deviation": float(values.std()),
        "quantiles": quantiles.tolist(),
        "outliers": outliers,
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
    }


def _extreme(present: pd.Series, *, smallest: bool) -> float | str | None:
    if present.empty:
        return None
    value = present.min() if smallest else present.max()
    return float(value) if pd.api.types.is_numeric_dtype(present.dtype) else str(value)
