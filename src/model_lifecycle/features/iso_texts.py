"""Texts that are times: the CSV of a zone with daylight saving has two offsets, and pandas leaves it as text."""

import pandas as pd

_OFFSET = r"[T ]\d.*?(Z|[+-]\d{2}(?::?\d{2})?)$"


def offsets_of(values: pd.Series) -> tuple[str, ...]:
    """Return the offsets from UTC of texts that all are ISO times with one; none where any is something else.

    Parameters
    ----------
    values : Series
        Of any type; missing values are left out.

    Returns
    -------
    tuple of str
        Each once, as they are written, but for the colon.

    Examples
    --------
    >>> offsets_of(pd.Series(["2025-03-29T09:00:00+0100", None, "2025-03-30T09:00:00+02:00"]))
    ('+0100', '+0200')
    >>> offsets_of(pd.Series(["2025-03-29T09:00:00+0100", "on Sunday"]))
    ()
    >>> offsets_of(pd.Series(["2025-03-29T09:00:00"]))
    ()
    """
    texts = values.dropna()
    if texts.empty or not pd.api.types.is_string_dtype(texts) or not _are_times(texts.head(1)):
        return ()
    return tuple(sorted(_offsets(texts).unique())) if _are_times(texts) else ()


def _are_times(texts: pd.Series) -> bool:
    parsed = pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601")
    return bool(parsed.notna().all() and _offsets(texts).notna().all())


def _offsets(texts: pd.Series) -> pd.Series:
    found = texts.astype("str").str.strip().str.extract(_OFFSET, expand=False)
    return found.str.replace(":", "", regex=False)
