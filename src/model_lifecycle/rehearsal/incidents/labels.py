"""Labels that come late: the feed to the service is behind, the world is not."""

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd

from model_lifecycle.rehearsal.incidents.plan import LATE_LABELS, Incident

DELAY = timedelta(days=7)


def told_at(label_time: pd.Series, incidents: Sequence[Incident]) -> pd.Series:
    """Return when each label reaches the service: at its time, or `DELAY` later while the feed is behind."""
    found = label_time.copy()
    for one in incidents:
        if one.kind == LATE_LABELS:
            found = found.mask(label_time.between(one.start, one.end, inclusive="left"), label_time + DELAY)
    return found
