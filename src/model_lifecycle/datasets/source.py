"""What all sources share: they are read and never written."""

from typing import NoReturn

import pandas as pd
from kedro.io import AbstractDataset

from model_lifecycle.errors import SourceError


class Source(AbstractDataset[NoReturn, pd.DataFrame]):
    """A dataset that gives a table."""

    def save(self, data: NoReturn) -> None:  # noqa: ARG002 - kedro's signature
        """Refuse to write.

        Raises
        ------
        SourceError
            Always.
        """
        raise SourceError(f"{type(self).__name__}: a source is only read")
