"""The registry: which release is live, which was before, and who moved it when and why.

The aliases ``champion`` and ``previous`` of one registered model are the truth; the history stands in that model's
tags. A move is written down before it is made, and of the aliases ``champion`` is at every instant a registered
release; what a crash has cut off is completed by the same call again.
"""

import json
import logging
import os
import re
import sqlite3
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from model_lifecycle.contracts.records import Move
from model_lifecycle.errors import RegistryError
from model_lifecycle.registry_errors import translated, without_password
from model_lifecycle.registry_moves import replaced_by
from model_lifecycle.releases import verify_release

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

CHAMPION = "champion"
PREVIOUS = "previous"
_TAG = "model_lifecycle."
_METRIC = "metric."
_HISTORY = f"{_TAG}history."
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_MAX_REASON = 2000
_NOT_FOUND = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}  # the latter is a missing alias
# Read by the client when it is imported: it must not report to anybody, nor print hints.
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_DISABLE_AGENT_HINT": "1"}
# Its own defaults keep a caller waiting for many minutes when a server is away; who set others keeps them.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


@dataclass(frozen=True, slots=True)
class ReleaseEntry:
    """One registered release; `metrics` and `tags` are what it was registered with."""

    version: int
    release_id: str
    path: Path
    digest: str
    registered_at: datetime
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


class Registry:
    """Releases of one case in an MLflow registry; safe to share by threads.

    Parameters
    ----------
    uri : str
        ``sqlite:///<file>`` (made on the first write) or the URL of a team's MLflow server.
    name : str
        The registered model, one a case.

    Raises
    ------
    RegistryError
        Here if the name is refused; from every method if the registry is unreachable or damaged.
    """

    def __init__(self, uri: str, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise RegistryError(f"registry name {name!r} is refused, expected letters, digits, '_', '.' or '-'")
        self.uri = uri
        self.name = name
        self._file = file_of(uri)
        self._opened: MlflowClient | None = None
        self._lock = threading.Lock()

    def register(self, release_path: Path, digest: str, metrics: Mapping[str, float], tags: Mapping[str, str]) -> int:
        """Register a release and return its version; one that is registered already keeps its version.

        Parameters
        ----------
        release_path : Path
            The release folder; it is verified against `digest` first.
        digest : str
            The digest of the release.
        metrics, tags : mapping
            Facts shown with it, such as hold-out figures and the run that made it.

        Raises
        ------
        ReleaseError
            If the release is damaged or has another digest.
        """
        path = release_path.resolve()
        manifest = verify_release(path, digest)
        facts = {"release_id": manifest.release_id, "digest": digest, "path": str(path)}
        all_tags = {f"{_TAG}{key}": value for key, value in facts.items()}
        all_tags |= {f"{_METRIC}{key}": repr(float(value)) for key, value in metrics.items()} | dict(tags)
        with self._translated(f"register release {manifest.release_id!r}"):
            for version in self._versions():
                if version.tags.get(f"{_TAG}digest") == digest and version.tags.get(f"{_TAG}path") == str(path):
                    return int(version.version)
            self._ensure_model()
            # Servers refuse a local path as the source of a version, so the path is a tag of its own.
            source = f"release:/{manifest.release_id}"
            made = self._client().create_model_version(self.name, source=source, tags=all_tags, await_creation_for=0)
            return int(made.version)

    def releases(self) -> list[ReleaseEntry]:
        """Return all registered releases, newest first."""
        if self._is_new():
            return []
        with self._translated("list the releases"):
            return sorted(map(self._entry, self._versions()), key=lambda entry: entry.version, reverse=True)

    def alias(self, name: str) -> ReleaseEntry | None:
        """Return the release that an alias points to, or None."""
        if self._is_new():
            return None
        with self._translated(f"read the alias {name!r}"):
            try:
                return self._entry(self._client().get_model_version_by_alias(self.name, name))
            except Exception as error:
                if getattr(error, "error_code", None) in _NOT_FOUND:
                    return None
                raise

    def champion(self) -> ReleaseEntry | None:
        """Return the release that is live, or None before the first promotion."""
        return self.alias(CHAMPION)

    def previous(self) -> ReleaseEntry | None:
        """Return the release that a rollback would bring back, or None."""
        champion, previous = self.champion(), self.alias(PREVIOUS)
        if champion is None or previous is None or champion.version != previous.version:
            return previous
        # A move was cut off between its two aliases; the history knows what the champion had replaced.
        before = self._replaced_by(champion.version)
        return None if before is None else self.version(before)

    def promote(self, version: int, reason: str, by: str, overridden: Sequence[str] = ()) -> ReleaseEntry:
        """Make a version the champion and the champion until now the previous one; again changes nothing.

        Parameters
        ----------
        version : int
            As `register` returned it; its files are verified first.
        reason, by : str
            Why, and who answers for it; kept in the history.
        overridden : sequence of str
            The failed gates that are overridden; kept in the history. Whether they may be is the caller's to judge.

        Raises
        ------
        RegistryError
            If there is no such version, or no reason or name is given.
        ReleaseError
            If its files are damaged.
        """
        entry = self.version(version)
        champion = self.champion()
        if champion is not None and champion.version == version:
            return champion
        verify_release(entry.path, entry.digest)
        begun = self.cut_off(version)
        if begun is None or (begun.by, begun.reason, begun.overridden) != (by, reason, tuple(overridden)):
            self._write_down("promote", champion, entry, reason, by, overridden)
        if champion is not None:
            self.point(PREVIOUS, champion.version)
        with self._translated(f"promote version {version}"):
            self._client().set_registered_model_alias(self.name, CHAMPION, str(version))
        return entry

    def rollback(self, reason: str, by: str) -> ReleaseEntry:
        """Make the previous release the champion again and return it.

        Then `previous` is what that release had replaced, past what rollbacks have withdrawn since, so a second
        rollback goes further back and never forward to a release that was withdrawn.

        Raises
        ------
        RegistryError
            If there is no previous release, or no reason or name is given.
        ReleaseError
            If the files of the previous release are damaged.
        """
        champion, target = self.champion(), self.alias(PREVIOUS)
        if champion is not None and self._is_cut_off_rollback(champion, target):
            self.point(PREVIOUS, self._replaced_by(champion.version))
            return champion
        target = self.previous()
        if champion is None or target is None:
            current = "none" if champion is None else f"version {champion.version} ({champion.release_id})"
            raise RegistryError(f"{self._where()}: nothing to roll back to; champion is {current}, previous is none")
        verify_release(target.path, target.digest)
        self._write_down("rollback", champion, target, reason, by)
        with self._translated(f"roll back to version {target.version}"):
            # The live release first: it is the bad one that has to go.
            self._client().set_registered_model_alias(self.name, CHAMPION, str(target.version))
        self.point(PREVIOUS, self._replaced_by(target.version))
        return target

    def history(self) -> list[Move]:
        """Return the moves of the champion, oldest first; a move that a crash cut off stands there too."""
        return [_move(value) for value in self.notes(_HISTORY)]

    def version(self, version: int) -> ReleaseEntry:
        """Return a registered release by its number."""
        with self._translated(f"read version {version}"):
            return self._entry(self._client().get_model_version(self.name, str(version)))

    def point(self, alias: str, version: int | None) -> None:
        """Let an alias besides `champion` point to a version, or to none."""
        with self._translated(f"make version {version} the {alias}"):
            if version is None:
                self._client().delete_registered_model_alias(self.name, alias)
            else:
                self._client().set_registered_model_alias(self.name, alias, str(version))

    def tag_version(self, version: int, key: str, value: str) -> None:
        """Set a tag of a version."""
        with self._translated(f"tag version {version}"):
            self._client().set_model_version_tag(self.name, str(version), key, value)

    def note(self, key: str, text: str) -> None:
        """Write something down that `notes` reads."""
        with self._translated(f"write down {key}"):
            self._client().set_registered_model_tag(self.name, key, text)

    def notes(self, prefix: str) -> list[str]:
        """Return what was written down under keys with a prefix, in the order of the keys."""
        if self._is_new():
            return []
        with self._translated("read the history"):
            try:
                tags = self._client().get_registered_model(self.name).tags
            except Exception as error:
                if getattr(error, "error_code", None) in _NOT_FOUND:
                    return []
                raise
            return [value for key, value in sorted(tags.items()) if key.startswith(prefix)]

    def check_reason(self, what: str, reason: str, by: str) -> None:
        """Refuse a move without a reason and a name.

        Raises
        ------
        RegistryError
            If one is missing, or the reason is too long.
        """
        if not reason.strip() or not by.strip() or len(reason) > _MAX_REASON:
            raise RegistryError(
                f"{self._where()}: {what} by {by!r} with a reason of {len(reason)} characters; expected a name and "
                f"a reason of 1 to {_MAX_REASON} characters"
            )

    def _is_new(self) -> bool:
        """Whether nothing was ever registered: answered without the seconds that making the file takes."""
        return self._file is not None and self._opened is None and not self._file.exists()

    def cut_off(self, version: int) -> Move | None:
        """Return the promotion of a version that was written down last, if a crash came before the alias moved."""
        moves, champion = self.history(), self.champion()
        last, now = (moves[-1] if moves else None), (None if champion is None else champion.version)
        if last is None or (last.action, last.to_version, last.from_version) != ("promote", version, now):
            return None
        return last

    def _is_cut_off_rollback(self, champion: ReleaseEntry, previous: ReleaseEntry | None) -> bool:
        if previous is None or previous.version != champion.version:
            return False
        moves = self.history()
        return bool(moves) and moves[-1].action == "rollback" and moves[-1].to_version == champion.version

    def _replaced_by(self, version: int) -> int | None:
        """Return the champion that a version replaced, past those that were withdrawn since."""
        return replaced_by(self.history(), version)

    def _write_down(
        self,
        action: Literal["promote", "rollback"],
        champion: ReleaseEntry | None,
        target: ReleaseEntry,
        reason: str,
        by: str,
        overridden: Sequence[str] = (),
    ) -> None:
        self.check_reason(action, reason, by)
        now = datetime.now(UTC)
        old = None if champion is None else champion.version
        move = Move(now.isoformat(timespec="microseconds"), action, old, target.version, by, reason, tuple(overridden))
        # What is empty stays out: a program of before this field reads the history, too.
        facts = {name: value for name, value in asdict(move).items() if name != "overridden" or value}
        # The time makes the order, the version keeps two moves of one instant apart.
        self.note(f"{_HISTORY}{now:%Y%m%dT%H%M%S.%fZ}.{target.version}", json.dumps(facts))

    def _versions(self) -> Iterator["ModelVersion"]:
        token = None
        while True:
            page = self._client().search_model_versions(f"name='{self.name}'", page_token=token)
            yield from page
            if not (token := page.token):
                return

    def _ensure_model(self) -> None:
        try:
            self._client().create_registered_model(self.name)
        except Exception as error:
            if getattr(error, "error_code", None) != "RESOURCE_ALREADY_EXISTS":
                raise

    def _entry(self, version: "ModelVersion") -> ReleaseEntry:
        tags: dict[str, str] = dict(version.tags)
        try:
            own = {key: tags.pop(f"{_TAG}{key}") for key in ("release_id", "path", "digest")}
        except KeyError as error:
            raise RegistryError(
                f"{self._where()}: version {version.version} has no tag {error}; it was not registered by this program"
            ) from error
        metrics = {key: float(value) for key, value in tags.items() if key.startswith(_METRIC)}
        return ReleaseEntry(
            version=int(version.version),
            release_id=own["release_id"],
            path=Path(own["path"]),
            digest=own["digest"],
            registered_at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
            metrics={key.removeprefix(_METRIC): value for key, value in metrics.items()},
            tags={key: value for key, value in tags.items() if key not in metrics},
        )

    def _client(self) -> "MlflowClient":
        with self._lock:
            if self._opened is None:
                self._opened = open_client(self.uri)
            return self._opened

    def _where(self) -> str:
        return f"registry {without_password(self.uri)}, model {self.name!r}"

    def _translated(self, what: str) -> AbstractContextManager[None]:
        return translated(self._where(), what)


def _move(text: str) -> Move:
    facts = json.loads(text)
    return Move(**{**facts, "overridden": tuple(facts.get("overridden", ()))})


def file_of(uri: str) -> Path | None:
    """Return the local file of a registry, None for a server."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def open_client(uri: str) -> "MlflowClient":
    """Return a quiet client of the registry and of the experiments beside it; a local file is made if there is none."""
    os.environ.update(_QUIET)
    file = file_of(uri)
    for key, value in _PATIENCE.items():
        os.environ.setdefault(key, value)
    if file is not None and file.exists():
        _check_file(file)
    with warnings.catch_warnings():
        # The client uses what its own libraries have deprecated; nothing here can change that.
        warnings.simplefilter("ignore", DeprecationWarning)
        from mlflow.tracking import MlflowClient

        # It reports each creation step, and each error that is raised as well.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
        if file is not None and not file.exists():
            _create_file(file)
        return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _check_file(file: Path) -> None:
    """Refuse a damaged file at once; the client would try for minutes."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _create_file(file: Path) -> None:
    """Make the registry beside its place and link it in: no process ever sees one whose tables are half made."""
    from mlflow.tracking import MlflowClient

    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".registry-", dir=file.parent) as folder:
        made = Path(folder) / file.name
        uri = f"sqlite:///{made}"
        MlflowClient(tracking_uri=uri, registry_uri=uri).search_registered_models(max_results=1)
        with suppress(FileExistsError):  # another process was first, with the same tables
            os.link(made, file)
