import json
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from model_lifecycle.errors import ReleaseError
from model_lifecycle.releases import build_release, read_release, verify_release
from model_lifecycle.releases.manifest import sha256

FILES = {"model.cbm": b"CBM1" + bytes(range(256)), "state/history.json": b"{}", "empty.txt": b""}
INFO = {"created_as_of": "2013-06-01T00:00:00+00:00", "case": "demo", "threshold": 0.3}


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return build_release(tmp_path / "releases", "demo-1", FILES, INFO)


def rewrite(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def edit_manifest(release: Path, change: Callable[[dict[str, object]], object]) -> None:
    manifest = json.loads((release / "manifest.json").read_bytes())
    change(manifest)
    rewrite(release / "manifest.json", json.dumps(manifest).encode())


# Building


def test_a_release_is_read_back_as_it_was_built(release: Path) -> None:
    manifest = verify_release(release)
    assert read_release(release, manifest.digest) == FILES
    assert (manifest.release_id, manifest.created_as_of) == ("demo-1", "2013-06-01T00:00:00+00:00")
    assert manifest.info == {"case": "demo", "threshold": 0.3}
    assert manifest.files["model.cbm"].model_dump() == {"sha256": sha256(FILES["model.cbm"]), "size": 260}


def test_the_digest_is_that_of_the_manifest_alone(release: Path) -> None:
    assert verify_release(release).digest == sha256((release / "manifest.json").read_bytes())


def test_the_same_content_gives_the_same_digest_in_any_order_and_place(release: Path, tmp_path: Path) -> None:
    shuffled = build_release(tmp_path / "other", "demo-1", dict(reversed(FILES.items())), dict(reversed(INFO.items())))
    assert verify_release(shuffled).digest == verify_release(release).digest


def test_files_are_read_only_and_nothing_is_left_beside_the_release(release: Path) -> None:
    files = [path for path in release.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o444}
    assert [path.name for path in release.parent.iterdir()] == ["demo-1"]


def test_building_the_same_again_changes_nothing(release: Path) -> None:
    before = (release / "manifest.json").stat()
    assert build_release(release.parent, "demo-1", FILES, INFO) == release
    assert (release / "manifest.json").stat() == before


@pytest.mark.parametrize(
    ("files", "info"), [({**FILES, "model.cbm": b"other"}, INFO), (FILES, {**INFO, "threshold": 0.4})]
)
def test_an_id_that_exists_with_other_content_is_refused(
    release: Path, files: dict[str, bytes], info: dict[str, object]
) -> None:
    digest = verify_release(release).digest
    with pytest.raises(ReleaseError, match=rf"release 'demo-1' exists in .* digest {digest}; releases never change"):
        build_release(release.parent, "demo-1", files, info)
    assert read_release(release, digest) == FILES


def test_a_damaged_release_is_not_taken_for_the_same(release: Path) -> None:
    rewrite(release / "model.cbm", b"")
    with pytest.raises(ReleaseError, match=r"file 'model.cbm': changed"):
        build_release(release.parent, "demo-1", FILES, INFO)


@pytest.mark.parametrize("release_id", ["", ".", "..", "../x", "a/b", "/etc", "a\n", ".hidden", "é", "a" * 101])
def test_an_id_that_is_no_plain_name_is_refused_before_it_becomes_a_path(tmp_path: Path, release_id: str) -> None:
    with pytest.raises(ReleaseError, match=r"release id '.*' is refused; expected 1 to 100 letters"):
        build_release(tmp_path / "releases", release_id, FILES, INFO)
    assert not (tmp_path / "releases").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../model.cbm", "not a plain relative path"),
        ("/model.cbm", "not a plain relative path"),
        ("a//b", "not a plain relative path"),
        ("a\\b", "not a plain relative path"),
        ("model.PKL", "pickles run code"),
        ("state/model.pickle", "pickles run code"),
        ("model.joblib", "pickles run code"),
        ("Manifest.json", "collides with 'manifest.json'"),
        ("MODEL.cbm", "collides with 'model.cbm'"),
        ("model.cbm/x", "is both a file and a folder"),
    ],
)
def test_a_file_name_that_is_not_safe_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ReleaseError, match=rf"release 'demo-1'.*{message}"):
        build_release(tmp_path / "releases", "demo-1", {**FILES, name: b""}, INFO)
    assert not (tmp_path / "releases").exists()


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({}, "'created_as_of' is None, expected an ISO 8601 instant"),
        ({"created_as_of": "yesterday"}, "created_as_of: .*; found 'yesterday'"),
        ({"created_as_of": "2013-06-01T00:00:00"}, "created_as_of: .*timezone"),
        ({**INFO, "auc": float("nan")}, "info: .*; expected finite JSON values"),
        ({**INFO, "path": Path("x")}, "info: .*; expected finite JSON values"),
    ],
)
def test_info_that_is_no_json_or_has_no_time_is_refused(
    tmp_path: Path, info: Mapping[str, object], message: str
) -> None:
    with pytest.raises(ReleaseError, match=message):
        build_release(tmp_path, "demo-1", FILES, info)


def test_a_root_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReleaseError, match=r"release 'demo-1': cannot write .*file"):
        build_release(tmp_path / "file", "demo-1", FILES, INFO)


def test_builders_of_the_same_release_at_once_agree(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        built = pool.starmap(build_release, [(tmp_path, "demo-1", FILES, INFO)] * 8)
    assert set(built) == {tmp_path / "demo-1"}
    assert [path.name for path in tmp_path.iterdir()] == ["demo-1"]


BUILDER = """
import sys
from pathlib import Path
from model_lifecycle.releases import build_release
print("started", flush=True)
files = {f"part-{number}": bytes(20_000) for number in range(3000)}
build_release(Path(sys.argv[1]), "big", files, {"created_as_of": "2013-06-01T00:00:00+00:00"})
"""


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_build_leaves_no_release(tmp_path: Path, kind: signal.Signals) -> None:
    source = str(Path(__file__).parents[2] / "src")
    with subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": source},
    ) as builder:
        assert builder.stdout is not None
        builder.stdout.readline()
        while not list(tmp_path.glob(".building-*/part-9")):
            time.sleep(0.001)
        builder.send_signal(kind)
    assert builder.returncode != 0
    assert not (tmp_path / "big").exists()
    assert bool(list(tmp_path.iterdir())) == (kind is signal.SIGKILL)


# Verifying


def missing(release: Path) -> None:
    (release / "model.cbm").unlink()


def changed(release: Path) -> None:
    rewrite(release / "model.cbm", bytes(260))


def longer(release: Path) -> None:
    rewrite(release / "model.cbm", FILES["model.cbm"] + b"!")


def extra(release: Path) -> None:
    (release / "state" / "hook.py").write_text("import os")


def extra_folder(release: Path) -> None:
    (release / "plugins").mkdir()


def link_to_the_same_bytes(release: Path) -> None:
    (release / "model.cbm").rename(release.parent / "model.cbm")
    (release / "model.cbm").symlink_to(release.parent / "model.cbm")


def linked_folder(release: Path) -> None:
    (release / "state").rename(release.parent / "state")
    (release / "state").symlink_to(release.parent / "state")


def named_pipe(release: Path) -> None:
    (release / "model.cbm").unlink()
    os.mkfifo(release / "model.cbm")


def no_manifest(release: Path) -> None:
    (release / "manifest.json").unlink()


def linked_manifest(release: Path) -> None:
    (release / "manifest.json").rename(release.parent / "m.json")
    (release / "manifest.json").symlink_to(release.parent / "m.json")


def torn_manifest(release: Path) -> None:
    rewrite(release / "manifest.json", (release / "manifest.json").read_bytes()[:100])


def huge_manifest(release: Path) -> None:
    rewrite(release / "manifest.json", bytes(5 * 1024 * 1024))


def deep_manifest(release: Path) -> None:
    rewrite(release / "manifest.json", b"[" * 200_000)


def too_new(release: Path) -> None:
    edit_manifest(release, lambda manifest: manifest.update(schema_version=2))


def unknown_field(release: Path) -> None:
    edit_manifest(release, lambda manifest: manifest.update(surprise=1))


def escaping_name(release: Path) -> None:
    (release.parent / "secret").write_bytes(b"")
    entry = {"sha256": sha256(b""), "size": 0}
    edit_manifest(release, lambda manifest: manifest.update(files={"../secret": entry}))


def pickled(release: Path) -> None:
    (release / "model.pkl").write_bytes(b"")
    entry = {"sha256": sha256(b""), "size": 0}
    edit_manifest(release, lambda manifest: manifest.update(files={"model.pkl": entry}))


def another_id(release: Path) -> None:
    edit_manifest(release, lambda manifest: manifest.update(release_id="demo-2"))


def no_folder(release: Path) -> None:
    release.rename(release.parent / "elsewhere")


def linked_release(release: Path) -> None:
    release.rename(release.parent / "elsewhere")
    release.symlink_to(release.parent / "elsewhere")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (missing, "file 'model.cbm': missing"),
        (changed, r"file 'model.cbm': changed; found 260 bytes with sha256 \w{64}, expected 260 bytes with \w{64}"),
        (longer, "file 'model.cbm': changed or too large; found 261 bytes, expected at most 260"),
        (extra, "'state/hook.py': not in manifest.json, expected nothing beside it"),
        (extra_folder, "'plugins': not in manifest.json, expected nothing beside it"),
        (link_to_the_same_bytes, "'model.cbm': a link, expected a regular file"),
        (linked_folder, "'state': a link, expected a regular file"),
        (named_pipe, "file 'model.cbm': not a regular file"),
        (no_manifest, "file 'manifest.json': missing"),
        (linked_manifest, "file 'manifest.json': a link, expected a regular file"),
        (torn_manifest, "manifest.json is not readable JSON"),
        (huge_manifest, "file 'manifest.json': changed or too large; found 5242880 bytes"),
        (deep_manifest, "manifest.json is not readable JSON"),
        (too_new, "manifest.json has schema version 2, expected 1"),
        (unknown_field, "manifest.json, surprise: Extra inputs are not permitted; found 1"),
        (escaping_name, "file '../secret': not a plain relative path"),
        (pickled, "file 'model.pkl': pickles run code"),
        (another_id, "holds release 'demo-2', expected 'demo-1'"),
        (no_folder, "no folder, expected a release folder"),
        (linked_release, "a link, expected a release folder"),
    ],
)
def test_a_release_that_is_not_as_it_was_built_is_refused(
    release: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(release)
    with pytest.raises(ReleaseError, match=message):
        verify_release(release)
    with pytest.raises(ReleaseError, match=message):
        read_release(release)


def test_a_forged_release_is_refused_by_its_digest_before_its_manifest_is_read(release: Path) -> None:
    digest = verify_release(release).digest
    rewrite(release / "manifest.json", b"not json")
    with pytest.raises(ReleaseError, match=rf"digest \w{{64}}, expected {digest}"):
        read_release(release, digest)


def test_the_bytes_returned_are_the_bytes_that_were_checked(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real_open = os.open

    def counting(path: Path, flags: int, *rest: int) -> int:
        opened.append(Path(path).name)
        return real_open(path, flags, *rest)

    monkeypatch.setattr(os, "open", counting)
    read_release(release)
    assert sorted(opened) == ["empty.txt", "history.json", "manifest.json", "model.cbm"]
