"""A table as Parquet, with a preview that can always be shown."""

from kedro_datasets._typing import TablePreview
from kedro_datasets.pandas import ParquetDataset


class TableDataset(ParquetDataset):  # type: ignore[misc]  # it publishes no types
    """Kedro's own dataset, but for its preview: one missing time in it would end the whole of ``kedro viz build``."""

    def preview(self, nrows: int = 5) -> TablePreview:
        """Return the first rows in the form that kedro-viz shows: times as text, missing values as None."""
        found = super().preview(nrows)
        return TablePreview({**found, "data": [[_plain(value) for value in row] for row in found["data"]]})


def _plain(value: object) -> object:
    if value != value:  # noqa: PLR0124 - NaN and NaT
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value
