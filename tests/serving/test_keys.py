import os
import stat
from pathlib import Path

import pytest

from model_lifecycle.errors import ServingError
from model_lifecycle.serving.keys import KEY_ENVIRONMENT_VARIABLE, KeyHash, client_key, key_for_start, read_key_hash


def test_on_the_first_start_a_key_is_made_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    file, left = tmp_path / "service" / "key.json", tmp_path / "service" / "client"
    hashed, key = key_for_start(file, left, loopback=True)
    assert key is not None
    assert hashed.matches(key.encode())
    assert key not in file.read_text()
    assert left.read_text() == key + "\n"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (file, left)} == {0o600}


def test_on_a_later_start_the_same_key_opens_and_is_not_shown_again(tmp_path: Path) -> None:
    _, key = key_for_start(tmp_path / "key.json", None, loopback=True)
    hashed, shown = key_for_start(tmp_path / "key.json", None, loopback=False)
    assert shown is None
    assert hashed.matches(str(key).encode())
    assert not hashed.matches(b"another")


def test_two_keys_and_two_hashes_of_one_key_differ() -> None:
    assert KeyHash.of("key").digest != KeyHash.of("key").digest


def test_a_key_from_the_environment_is_used_and_taken_out_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_ENVIRONMENT_VARIABLE, "k" * 24)
    hashed, shown = key_for_start(tmp_path / "key.json", tmp_path / "client", loopback=False)
    assert hashed.matches(b"k" * 24)
    assert (shown, KEY_ENVIRONMENT_VARIABLE in os.environ, list(tmp_path.iterdir())) == (None, False, [])


def test_a_weak_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENVIRONMENT_VARIABLE, "secret")
    with pytest.raises(ServingError, match="has 6 characters, expected 24 random ones or more"):
        key_for_start(tmp_path / "key.json", None, loopback=True)


def test_a_start_that_others_can_reach_is_refused_without_a_key(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="needs an API key before it starts: set MODEL_LIFECYCLE_API_KEY"):
        key_for_start(tmp_path / "key.json", None, loopback=False)


@pytest.mark.parametrize("content", ["", "{}", '{"salt": "zz", "sha256": "00"}', "[]"])
def test_a_spoiled_hash_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key.json"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(ServingError, match=r"key\.json: not the hash of an API key"):
        read_key_hash(file)


def test_a_hash_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    key_for_start(file, None, loopback=True)
    file.chmod(0o644)
    with pytest.raises(ServingError, match="mode 644, expected 600"):
        read_key_hash(file)


def test_a_client_takes_its_key_from_the_environment_or_else_from_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_ENVIRONMENT_VARIABLE, raising=False)
    with pytest.raises(ServingError, match=r"MODEL_LIFECYCLE_API_KEY is not set and .*client cannot be read"):
        client_key(tmp_path / "client")
    (tmp_path / "client").write_text("from the file\n")
    assert client_key(tmp_path / "client") == "from the file"
    monkeypatch.setenv(KEY_ENVIRONMENT_VARIABLE, "from the environment")
    assert client_key(tmp_path / "client") == "from the environment"
