"""The rehearsal's own data folder: made anew, with a copy of the user's champion in a registry of its own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from model_lifecycle.errors import ConfigurationError, RegistryError
from model_lifecycle.registry import Registry, ReleaseEntry
from model_lifecycle.rehearsal.project import Project, data_in
from model_lifecycle.releases import verify_release

CLEAN = "clean"


@dataclass(frozen=True)
class Champion:
    """The release that the rehearsal begins with, and the moment up to which it knows the world."""

    release: str
    as_of: datetime


def users_champion(project: Project) -> ReleaseEntry:
    """Return the champion of the user's registry.

    Raises
    ------
    RegistryError
        If there is none.
    """
    entry = Registry(project.registry, project.case).champion()
    if entry is None:
        raise RegistryError(
            f"registry {project.case!r}: no champion yet, so there is nothing to rehearse with; run `make run` first"
        )
    return entry


@contextmanager
def only_one(loops: Path) -> Iterator[None]:
    """Keep a second rehearsal out: they would empty each other's folder.

    Raises
    ------
    RunLocked
        Naming the process that is at it.
    """
    from model_lifecycle.hooks import RunLockHook

    lock = RunLockHook()
    with data_in(loops):
        lock.before_pipeline_run({"project_path": Path.cwd()})
    try:
        yield
    finally:
        lock.after_pipeline_run()


def make_folder(loops: Path, name: str) -> Path:
    """Return an empty folder for the rehearsal of that name; an earlier one of the name is gone."""
    folder = loops / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def check_own(project: Project, folder: Path) -> None:
    """Refuse a configuration that would let the rehearsal touch a registry or a store outside its folder.

    Raises
    ------
    ConfigurationError
        Naming the setting.
    """
    for name, place in (("registry", project.registry), ("store", project.store)):
        if not place.startswith(f"sqlite:///{folder}/"):
            raise ConfigurationError(
                f"conf/globals, {name}: it does not lie in the data folder, and a rehearsal must not touch it; "
                f"expected sqlite:///${{data}}/… in the environment that `loop` runs in"
            )


def install_champion(entry: ReleaseEntry, project: Project, folder: Path) -> Champion:
    """Copy a release into the folder, register it there and make it the champion."""
    place = folder / "06_models" / project.case / "releases" / entry.release_id
    shutil.copytree(entry.path, place)
    manifest = verify_release(place, entry.digest)
    registry = Registry(project.registry, project.case)
    version = registry.register(place, entry.digest, entry.metrics, {})
    registry.promote(version, "the user's champion, copied for a rehearsal", "rehearsal")
    return Champion(entry.release_id, datetime.fromisoformat(manifest.created_as_of))
