"""Raw categories as a model sees them: text, with missing values named."""

import numpy as np


def encode_category(values: np.ndarray, missing: str) -> np.ndarray:
    """Return every value as text; a missing one becomes the named category.

    Parameters
    ----------
    values : ndarray of object, int64, float64 or bool, shape (n,)
        None and NaN count as missing. A whole number reads the same whether it comes as 5 or as 5.0.
    missing : str
        The name of the missing category.

    Returns
    -------
    ndarray of object (str), shape (n,)

    Examples
    --------
    >>> encode_category(np.array(["UA", None], dtype=object), "(missing)").tolist()
    ['UA', '(missing)']
    """
    plain = values.tolist()
    if values.dtype == object and set(map(type, plain)) == {str}:  # nearly always
        return values.copy()
    text = [missing if value is None or value != value else category_text(value) for value in plain]  # noqa: PLR0124 - NaN
    encoded = np.empty(len(text), dtype=object)
    encoded[:] = text
    return encoded


def category_text(value: object) -> str:
    """Return a value that is not missing as text."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
