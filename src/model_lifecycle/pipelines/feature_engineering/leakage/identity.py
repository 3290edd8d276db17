"""Ids that encode the outcome, and test rows that stand among the training rows."""

import numpy as np
import pandas as pd
from scipy.special import pdtrc

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.leakage import Finding, LeakageLimits
from model_lifecycle.pipelines.feature_engineering.leakage.evidence import Trial

_MANY = 50  # distinct values from which text is taken for an id
_ENDS = 4
_MODULI = (2, 3, 5, 7, 10, 100)


def telling_ids(trial: Trial, skip: set[str]) -> list[Finding]:
    """Return text columns of which a part (ends, length, number) reproduces the target."""
    found = []
    for name, values in trial.earlier.items():
        if name in skip or values.dtype != object or len(pd.unique(values)) < _MANY:
            continue
        earlier, later = _parts(values), _parts(trial.later[name])
        for part in earlier:
            figure = trial.too_good(trial.learned(earlier[part], later[part]))
            if figure is not None:
                message = f"{name}, by {part}: {figure:.4f} on {len(trial.later_target):,} later rows"
                found.append(Finding(check="id encodes the target", columns=[name], message=message))
                break
    return found


def _parts(values: np.ndarray) -> dict[str, np.ndarray]:
    text = pd.Series(values).fillna("").astype(str)
    digits = pd.to_numeric(text.str.extract(r"(\d{1,15})\D*$")[0], errors="coerce").fillna(-1).to_numpy(np.int64)
    parts = {f"its first {n} characters": text.str[:n].to_numpy(dtype=str) for n in range(1, _ENDS + 1)}
    parts |= {f"its last {n} characters": text.str[-n:].to_numpy(dtype=str) for n in range(1, _ENDS + 1)}
    parts |= {f"character {n + 1}": text.str[n].fillna("").to_numpy(dtype=str) for n in range(1, 12)}
    parts["its length"] = text.str.len().to_numpy()
    parts |= {f"its number modulo {modulus}": digits % modulus for modulus in _MODULI}
    return parts


def rows_in_both(
    train: Columns, test: Columns, train_ids: np.ndarray, test_ids: np.ndarray, limits: LeakageLimits
) -> list[Finding]:
    """Return what shows that rows of the test window stand among the training rows.

    The same id is one thing; the other is the same content under another id, more often than rows of the training
    window repeat earlier rows of their own.

    Parameters
    ----------
    train, test : columns
        Raw inputs without times, and the target, of rows in time order.
    train_ids, test_ids : ndarray of shape (n,)
        Decision ids.
    limits : LeakageLimits
        ``chance`` bounds the Poisson probability of so many repetitions.
    """
    found = []
    shared = np.intersect1d(train_ids.astype(str), test_ids.astype(str))
    if shared.size:
        message = f"{shared.size:,} decision ids stand in training and test rows, such as {shared[:3].tolist()}"
        found.append(Finding(check="row in train and test", columns=[], message=message))
    before, after = _hashes(train), _hashes(test)
    if not len(before) or not len(after):
        return found
    cut = max(len(before) - len(after), len(before) // 2)
    repeated = int(np.isin(before[cut:], before[:cut]).sum())
    expected = (repeated + 1) / max(len(before) - cut, 1) * len(after)
    twins = int(np.isin(after, before).sum())
    if twins > 2 * expected and pdtrc(twins - 1, expected) < limits.chance:
        message = (
            f"{twins:,} of {len(after):,} test rows repeat a training row in every input and the target; "
            f"training rows repeat earlier ones {repeated:,} times in {len(before) - cut:,}"
        )
        found.append(Finding(check="row in train and test", columns=[], message=message))
    return found


def _hashes(columns: Columns) -> np.ndarray:
    return pd.util.hash_pandas_object(pd.DataFrame(dict(columns)), index=False).to_numpy()
