"""Whether to ask a server again, and how long it asks to be left alone."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # statuses that the next try may not meet


def asked_pause(header: str | None) -> float | None:
    """Return the seconds that a ``Retry-After`` asks for, as a number or as a date, None without one that can be read.

    References
    ----------
    RFC 9110, section 10.2.3.

    Examples
    --------
    >>> asked_pause("120"), asked_pause("Fri, 31 Dec 1999 23:59:59 GMT"), asked_pause("later")
    (120.0, 0.0, None)
    """
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
