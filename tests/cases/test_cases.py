import pytest

from model_lifecycle.cases import load_case, load_faults
from model_lifecycle.errors import ConfigurationError


def test_a_case_offers_its_sources_and_its_tables() -> None:
    case = load_case("flight_delays")
    assert case.SOURCES == ("flights", "weather", "planes", "airports", "airlines")
    assert callable(case.build_tables)
    assert load_faults("flight_delays")


@pytest.mark.parametrize("load", [load_case, load_faults])
@pytest.mark.parametrize("name", ["parcels", "", "flight_delays.tables", "../errors"])
def test_a_case_that_is_not_there_is_refused(load: object, name: str) -> None:
    assert callable(load)
    with pytest.raises(
        ConfigurationError,
        match=rf"case '{name}' has no package .*, expected one of \['arrival_minutes', 'cancel",
    ):
        load(name)
