"""What the environment chooses: the case and the data folder; and data that a Python package ships."""

import os
from importlib.util import find_spec
from pathlib import Path

from model_lifecycle.errors import ConfigurationError

CASE_VARIABLE = "MODEL_LIFECYCLE_CASE"
DATA_VARIABLE = "MODEL_LIFECYCLE_DATA"
DEFAULT_CASE = "flight_delays"


def case_name() -> str:
    """Return the chosen case: ``MODEL_LIFECYCLE_CASE``, ``flight_delays`` by default."""
    return os.environ.get(CASE_VARIABLE) or DEFAULT_CASE


def data_folder() -> Path:
    """Return the folder that all layers of data live in: ``MODEL_LIFECYCLE_DATA``, ``data`` by default."""
    return Path(os.environ.get(DATA_VARIABLE) or "data")


def package_data(package: str, folder: str) -> str:
    """Return a folder inside an installed package, without importing it.

    Raises
    ------
    ConfigurationError
        If the package is not installed or has no such folder.
    """
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):  # a dotted name whose parent is absent; an empty name
        spec = None
    places = [Path(place) / folder for place in (spec.submodule_search_locations or ())] if spec else []
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise ConfigurationError(f"package {package!r} has no folder {folder!r}; expected it installed with its data")
    return str(found)
