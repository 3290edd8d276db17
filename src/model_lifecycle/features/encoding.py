"""Raw categories as a model sees them: text, with missing values named."""

import numpy as np


def encode_category(values: np.ndarray, missing: str) -> np.ndarray:
    """Return every value as text; a missing one becomes the named category.

    Parameters
    ----------
    values : ndarray of object, int64 or bool, shape (n,)
        None and NaN count as missing.
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
    text = [missing if value is None or value != value else str(value) for value in plain]  # noqa: PLR0124 - NaN
    encoded = np.empty(len(text), dtype=object)
    encoded[:] = text
    return encoded
