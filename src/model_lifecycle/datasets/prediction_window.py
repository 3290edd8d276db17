"""The prediction log as a dataset: loading it gives a reader, since only a node knows which window it needs."""

from datetime import datetime
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset
from sqlalchemy import func, make_url, select

from model_lifecycle.errors import StoreError
from model_lifecycle.store import Store
from model_lifecycle.store.encoding import from_micros, to_micros
from model_lifecycle.store.engine import open_engine, reading
from model_lifecycle.store.schema import predictions

_TIMEOUT = 10.0  # seconds to wait for a lock
_SKEW = 86_400_000_000  # microseconds of a day


class LoggedPredictions:
    """Reads windows of the prediction log; nothing is read before it is asked for.

    Parameters
    ----------
    url : str
        Of the store, ``sqlite:///<file>`` or ``postgresql://…``.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def newest(self) -> datetime | None:
        """Return the latest decision time in the log, None when it is empty.

        One that lies more than a day after it was logged comes from a clock that is wrong: it would push every window
        out of sight, and does not count unless there is no other.

        Raises
        ------
        StoreUnavailable
            If the database cannot be reached.
        """
        engine = open_engine(self._url, "NORMAL", _TIMEOUT)
        try:
            with reading(engine, "read the newest prediction") as connection:
                time = predictions.c.decision_time
                sane = select(time).where(time <= predictions.c.logged_at + _SKEW).order_by(time.desc()).limit(1)
                found = connection.scalar(sane) or connection.scalar(select(func.max(time)))
        finally:
            engine.dispose()
        return None if found is None else from_micros(found)

    def start_of(self, end: datetime, rows: int) -> datetime | None:
        """Return the time of the decision that is so many before ``end``, None where there are fewer."""
        engine = open_engine(self._url, "NORMAL", _TIMEOUT)
        time = predictions.c.decision_time
        query = select(time).where(time < to_micros("end", end), predictions.c.role != "shadow")
        try:
            with reading(engine, "read the first prediction of a window") as connection:
                found = connection.scalar(query.order_by(time.desc()).offset(rows - 1).limit(1))
        finally:
            engine.dispose()
        return None if found is None else from_micros(found)

    def read(self, start: datetime, end: datetime, as_of: datetime) -> pd.DataFrame:
        """Return the predictions with ``start <= decision_time < end``, each with its label as known at ``as_of``."""
        with Store.open(self._url, timeout=_TIMEOUT) as store:
            return store.labelled_predictions_between(start, end, as_of)

    def observed_outcomes(self, start: datetime, end: datetime, as_of: datetime) -> int:
        """Return how many decisions with ``start <= decision_time < end`` had an observed outcome at ``as_of``."""
        with Store.open(self._url, timeout=_TIMEOUT) as store:
            return store.observed_outcomes_between(start, end, as_of)

    def read_shadows(self, start: datetime, end: datetime, as_of: datetime) -> pd.DataFrame:
        """Return what shadows scored of the decisions of a window, each with its label as known at ``as_of``."""
        with Store.open(self._url, timeout=_TIMEOUT) as store:
            return store.labelled_predictions_between(start, end, as_of, shadow=True)


class PredictionWindow(AbstractDataset[object, LoggedPredictions]):
    """The prediction log of the service. Read only: the service alone writes it.

    Parameters
    ----------
    url : str
        Of the store.
    metadata : any, optional
        Ignored by Kedro; read by kedro-viz.
    """

    def __init__(self, url: str, metadata: Any = None) -> None:
        self._url = url
        self.metadata = metadata

    def load(self) -> LoggedPredictions:
        """Return a reader.

        Raises
        ------
        StoreError
            If the log is a SQLite file that is not there.
        """
        if not self._exists():
            raise StoreError(
                f"prediction log {self._shown()} does not exist; "
                f"it begins with the first prediction that the service answers"
            )
        return LoggedPredictions(self._url)

    def save(self, data: object) -> None:  # noqa: ARG002 - the interface of a dataset
        """Refuse to write.

        Raises
        ------
        StoreError
            Always.
        """
        raise StoreError(f"prediction log {self._shown()}: only the service writes predictions")

    def _exists(self) -> bool:
        return Store.exists(self._url)

    def _describe(self) -> dict[str, Any]:
        return {"url": self._shown()}

    def _shown(self) -> str:
        return make_url(self._url).render_as_string(hide_password=True)
