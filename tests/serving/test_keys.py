import errno
import hashlib
import json
import os
import stat
import sys
from pathlib import Path
from unittest import mock

import pytest
from click.testing import CliRunner

from model_lifecycle.cli import cli
from model_lifecycle.errors import ServingError
from model_lifecycle.serving import keys as keys_module
from model_lifecycle.serving.keys import (
    ALL_SCOPES,
    KEY_ENVIRONMENT_VARIABLE,
    KeyHash,
    KeyRing,
    add_key,
    client_key,
    key_for_start,
    read_keys,
    revoke_key,
)

TWO = frozenset(["predict", "feedback"])


def test_on_the_first_start_a_key_is_made_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    file, left = tmp_path / "service" / "key.json", tmp_path / "service" / "client"
    _, key = key_for_start(file, left, loopback=True)
    assert key is not None
    assert KeyRing(file).scopes(key.encode()) == ALL_SCOPES
    assert key not in file.read_text()
    assert left.read_text() == key + "\n"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (file, left)} == {0o600}


def test_a_key_that_was_left_for_a_hash_that_is_gone_is_replaced(tmp_path: Path) -> None:
    file, left = tmp_path / "service" / "key.json", tmp_path / "service" / "client"
    _, old = key_for_start(file, left, loopback=True)
    file.unlink()
    _, new = key_for_start(file, left, loopback=True)
    assert left.read_text() == f"{new}\n" != f"{old}\n"


def test_the_key_that_another_service_has_left_stays(tmp_path: Path) -> None:
    left, other = tmp_path / "service" / "client", tmp_path / "other" / "key.json"
    _, key = key_for_start(tmp_path / "service" / "key.json", left, loopback=True)
    with pytest.raises(ServingError, match=r"service/client: is there, and not beside .*other/key\.json: it may be of"):
        key_for_start(other, left, loopback=True)
    assert left.read_text() == f"{key}\n"
    assert not other.exists()


def test_on_a_later_start_the_same_key_opens_and_is_not_shown_again(tmp_path: Path) -> None:
    _, key = key_for_start(tmp_path / "key.json", None, loopback=True)
    assert key_for_start(tmp_path / "key.json", None, loopback=False) == (None, None)
    ring = KeyRing(tmp_path / "key.json")
    assert ring.scopes(str(key).encode()) == ALL_SCOPES
    assert ring.scopes(b"another") is None


def test_hashes_of_one_key_differ_from_file_to_file() -> None:
    assert KeyHash.of("key").digest != KeyHash.of("key").digest


def test_a_key_from_the_environment_is_taken_besides_those_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = add_key(tmp_path / "key.json", "kept", ["predict"])
    monkeypatch.setenv(KEY_ENVIRONMENT_VARIABLE, "k" * 24)
    given, shown = key_for_start(tmp_path / "key.json", tmp_path / "client", loopback=False)
    ring = KeyRing(tmp_path / "key.json", given)
    assert (ring.scopes(b"k" * 24), ring.scopes(kept.encode())) == (ALL_SCOPES, frozenset(["predict"]))
    assert (shown, KEY_ENVIRONMENT_VARIABLE in os.environ, (tmp_path / "client").exists()) == (None, False, False)


def test_a_file_of_one_key_without_a_name_is_still_read(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps({"salt": "00ff", "sha256": hashlib.sha256(b"\x00\xffsecret").hexdigest()}))
    file.chmod(0o600)
    assert KeyRing(file).scopes(b"secret") == ALL_SCOPES


def test_a_running_service_follows_added_and_revoked_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "LOOK_SECONDS", 0.0)
    file = tmp_path / "key.json"
    old = add_key(file, "old", ["admin"]).encode()
    ring = KeyRing(file)
    new = add_key(file, "new", ["predict", "feedback"]).encode()
    assert (ring.scopes(old), ring.scopes(new)) == (frozenset(["admin"]), TWO)
    revoke_key(file, "old")
    assert (ring.scopes(old), ring.scopes(new)) == (None, TWO)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("spoil", [lambda file: file.write_text("{"), Path.unlink, lambda file: file.chmod(0o644)])
def test_a_file_that_is_spoiled_while_it_runs_leaves_the_keys_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: object
) -> None:
    monkeypatch.setattr(keys_module, "LOOK_SECONDS", 0.0)
    key = add_key(tmp_path / "key.json", "only", ["predict"]).encode()
    ring = KeyRing(tmp_path / "key.json")
    spoil(tmp_path / "key.json")  # type: ignore[operator]
    assert ring.scopes(key) == frozenset(["predict"])


@pytest.mark.parametrize("repairs", ["the mode", "what was short for a moment"])
def test_a_file_that_could_not_be_read_is_followed_once_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, repairs: str
) -> None:
    monkeypatch.setattr(keys_module, "LOOK_SECONDS", 0.0)
    file = tmp_path / "key.json"
    revoked, kept = (add_key(file, name, ["predict"]).encode() for name in ("revoked", "kept"))
    ring = KeyRing(file)
    revoke_key(file, "revoked")
    with monkeypatch.context() as short:
        if repairs == "the mode":
            file.chmod(0o644)
        else:
            short.setattr(Path, "read_text", mock.Mock(side_effect=OSError(errno.EMFILE, "Too many open files")))
        assert {ring.scopes(revoked) for _ in range(3)} == {frozenset(["predict"])}
    if repairs == "the mode":
        file.chmod(0o600)
    assert (ring.scopes(revoked), ring.scopes(kept)) == (None, frozenset(["predict"]))
    assert len(caplog.records) == 1  # however often it was tried


def test_without_a_file_and_without_a_given_key_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match=r"key\.json: not the hashes of API keys"):
        KeyRing(tmp_path / "key.json")


def test_the_same_name_the_last_key_and_unknown_names_and_scopes_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    add_key(file, "one", ["predict"])
    before = file.read_bytes()
    with pytest.raises(ServingError, match="there is a key 'one'; revoke it first"):
        add_key(file, "one", ["predict"])
    with pytest.raises(ServingError, match="'one' is the only key; add another one first"):
        revoke_key(file, "one")
    with pytest.raises(ServingError, match=r"no key 'two', expected one of \['one'\]"):
        revoke_key(file, "two")
    with pytest.raises(ServingError, match=r"scopes \['root'\], expected one or more of"):
        add_key(file, "two", ["root"])
    with pytest.raises(ServingError, match=r"key name '\.\./x': expected 1 to 64 letters"):
        add_key(file, "../x", ["predict"])
    assert file.read_bytes() == before


def test_keys_are_made_listed_and_revoked_by_command(tmp_path: Path) -> None:
    file = ("--key-hash", str(tmp_path / "key.json"))
    made = CliRunner().invoke(cli, ["keys", "add", "scanner", "--scope", "predict", "--scope", "feedback", *file])
    key = made.output.splitlines()[-1]
    assert KeyRing(tmp_path / "key.json").scopes(key.encode()) == TWO
    assert CliRunner().invoke(cli, ["keys", "add", "chief", "--scope", "admin", *file]).exit_code == 0
    listed = CliRunner().invoke(cli, ["keys", "list", *file]).output
    assert [line.split()[:2] for line in listed.splitlines()] == [
        ["scanner", "feedback,predict"],
        ["chief", "admin"],
    ]
    assert key not in listed
    assert CliRunner().invoke(cli, ["keys", "revoke", "scanner", *file]).exit_code == 0
    assert [one.name for one in read_keys(tmp_path / "key.json")] == ["chief"]
    refused = CliRunner().invoke(cli, ["keys", "revoke", "scanner", *file])
    assert (refused.exit_code, "no key 'scanner'" in refused.output) == (1, True)


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
    with pytest.raises(ServingError, match=r"key\.json: not the hashes of API keys"):
        read_keys(file)


def test_a_hash_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    key_for_start(file, None, loopback=True)
    file.chmod(0o644)
    with pytest.raises(ServingError, match="mode 644, expected 600"):
        read_keys(file)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no mode and no owner")
def test_the_folder_of_new_hashes_is_this_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        key_for_start(tmp_path / "new" / "keys" / "key.json", tmp_path / "left" / "client", loopback=True)
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new", "new/keys", "left")}
    assert modes == {"new": 0o755, "new/keys": 0o700, "left": 0o700}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no mode and no owner")
def test_hashes_of_another_user_are_refused_and_those_of_root_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key.json"
    add_key(file, "one", ["predict"])
    found = os.stat_result([*file.stat()[:4], 4321, *file.stat()[5:]])
    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", lambda _: found)
        patched.setattr(os, "geteuid", lambda: 1234)
        with pytest.raises(ServingError, match=r"key\.json: belongs to user 4321, expected 1234 or 0"):
            read_keys(file)
        for owner in (1234, 0):
            found = os.stat_result([*found[:4], owner, *found[5:]])
            assert [one.name for one in read_keys(file)] == ["one"]


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
