"""A JSON file that need not be there yet."""

from typing import Any

from kedro_datasets.json import JSONDataset


class OptionalJSONDataset(JSONDataset):  # type: ignore[misc]  # it publishes no types
    """Kedro's own dataset, but for a file that is absent: it loads as None."""

    def load(self) -> Any:
        """Return the file's content, None where there is no file."""
        return super().load() if self.exists() else None
