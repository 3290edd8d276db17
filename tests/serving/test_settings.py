from pathlib import Path

import pytest

from model_lifecycle.errors import ConfigurationError
from model_lifecycle.serving.settings import load_settings

LOCAL = Path(__file__).resolve().parents[2] / "conf" / "serve" / "local.yml"


def test_the_committed_settings_are_read_for_the_chosen_case_and_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_LIFECYCLE_CASE", "parcels")
    monkeypatch.setenv("MODEL_LIFECYCLE_DATA", "/elsewhere")
    settings = load_settings(LOCAL, {})
    assert settings.is_loopback()
    assert settings.registry_name == "parcels"
    assert settings.store.startswith("sqlite:////elsewhere/")
    assert "parcels" in settings.store


def test_options_override_the_file_where_they_are_given() -> None:
    settings = load_settings(LOCAL, {"port": 9000, "host": None, "replicas": {"maximum": 5}})
    assert (settings.port, settings.host, settings.replicas.minimum, settings.replicas.maximum) == (
        9000,
        "127.0.0.1",
        1,
        5,
    )


def test_hashes_elsewhere_leave_a_new_key_beside_them(tmp_path: Path) -> None:
    configured = load_settings(LOCAL, {})
    assert configured.client_key is not None
    elsewhere = (tmp_path / "k.json", configured.key_hash.with_name("k.json"))
    left = [load_settings(LOCAL, {"key_hash": place}).client_key for place in elsewhere]
    assert left == [place.with_name("k.json.client_key") for place in elsewhere]
    for same in (configured.key_hash, configured.key_hash.absolute()):
        assert load_settings(LOCAL, {"key_hash": same}).client_key == configured.client_key


def test_where_no_key_is_left_none_is_left_beside_hashes_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "serve.yml"
    file.write_text("registry: r\nregistry_name: n\nstore: s\nkey_hash: k\n")
    assert load_settings(file, {"key_hash": tmp_path / "k.json"}).client_key is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("prot: 1", r"prot: found 1, Extra inputs are not permitted"),
        ("port: 70000", r"port: found 70000, Input should be less than or equal to 65535"),
        ("replicas: {minimum: 3, maximum: 2}", "minimum 3 lies above maximum 2"),
        ("replicas: {max_ongoing_requests: 20}", "max_ongoing_requests is 20, expected at least twice"),
        ("replicas: 2", "replicas: found 2, Input should be a valid dictionary"),
        ("replicas: [1, 2]", r"replicas: found \[1, 2\], Input should be a valid dictionary"),
        ("limits: 5", "limits: found 5, Input should be a valid dictionary"),
        ("1: 2", "1: found 1, Keys should be strings"),
        ("history_margin: soon", "found 'soon', expected a duration"),
        ("store: [", "not readable"),
        ("store: ${nothing}", "not readable: 'nothing'"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "serve.yml"
    file.write_text(
        f"registry: r\nregistry_name: n\nstore: s\nkey_hash: k\n{line}\n".replace("store: s\nstore", "store")
    )
    with pytest.raises(ConfigurationError, match=message):
        load_settings(file, {})


@pytest.mark.parametrize("name", ["replicas", "limits", "canary", "control", "retention", "tls"])
def test_a_section_without_a_line_has_its_defaults(tmp_path: Path, name: str) -> None:
    file = tmp_path / "serve.yml"
    file.write_text(f"registry: r\nregistry_name: n\nstore: s\nkey_hash: k\n{name}:\n")
    settings = load_settings(file, {"replicas": {"maximum": 5}})
    file.write_text("registry: r\nregistry_name: n\nstore: s\nkey_hash: k\n")
    assert settings == load_settings(file, {"replicas": {"maximum": 5}})


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "serve.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="not readable"):
        load_settings(tmp_path / "serve.yml", {})


def test_a_missing_file_and_a_strange_case_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"serve\.yml: cannot be read \(No such file"):
        load_settings(tmp_path / "serve.yml", {})
    monkeypatch.setenv("MODEL_LIFECYCLE_CASE", "../elsewhere")
    with pytest.raises(ConfigurationError, match=r"MODEL_LIFECYCLE_CASE: found '\.\./elsewhere'"):
        load_settings(LOCAL, {})
