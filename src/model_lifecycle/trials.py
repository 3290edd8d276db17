"""Releases on trial beside the champion: a shadow scores the same traffic, a canary answers a share of it.

The registry's aliases ``shadow`` and ``canary`` are the truth, as ``champion`` is; a canary's share stands in a tag of
its version. Running services follow both. What began and ended when, by whom and why stands in the model's tags.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from model_lifecycle.errors import RegistryError
from model_lifecycle.registry import Registry, ReleaseEntry
from model_lifecycle.releases import verify_release

TrialRole = Literal["shadow", "canary"]
SHARE_TAG = "model_lifecycle.canary_share"
_HISTORY = "model_lifecycle.trial."


@dataclass(frozen=True, slots=True)
class Trial:
    """A release on trial; a shadow's ``share`` is 1, a canary's the share of entities that it answers."""

    role: TrialRole
    entry: ReleaseEntry
    share: float


@dataclass(frozen=True, slots=True)
class TrialMove:
    """A trial began or ended."""

    at: str
    action: Literal["begin", "end"]
    role: TrialRole
    version: int
    share: float
    by: str
    reason: str


class Trials:
    """The releases on trial in a registry.

    Parameters
    ----------
    registry : Registry
        Where they are registered; every method raises `RegistryError` if it is unreachable.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def current(self, role: TrialRole) -> Trial | None:
        """Return the release on trial, None without one; the champion itself is on no trial."""
        entry = self._registry.alias(role)
        return None if entry is None else Trial(role, entry, 1.0 if role == "shadow" else _share(entry))

    def begin(self, role: TrialRole, version: int, *, reason: str, by: str, share: float = 1.0) -> Trial:
        """Put a release on trial, instead of one that is; the same call with another share changes the share.

        Parameters
        ----------
        role : {"shadow", "canary"}
            What the release does.
        version : int
            As `Registry.register` returned it; its files are verified first.
        share : float
            The share of entities, in (0, 1], that a canary answers.
        reason, by : str
            Why, and who answers for it; kept in the history.

        Raises
        ------
        RegistryError
            If there is no such version, it is the champion, or the share, the reason or the name is refused.
        ReleaseError
            If its files are damaged.
        """
        if not 0 < share <= 1:
            raise RegistryError(f"{role}: share {share}, expected more than 0 and at most 1")
        entry, champion = self._registry.version(version), self._registry.champion()
        if champion is None or champion.version == version:
            now = "none" if champion is None else f"version {champion.version}"
            raise RegistryError(f"{role}: version {version} beside champion {now}, expected another release beside one")
        verify_release(entry.path, entry.digest)
        self._write_down("begin", role, version, share, reason, by)
        if role == "canary":  # before the alias: whoever sees the canary knows its share
            self._registry.tag_version(version, SHARE_TAG, repr(share))
        self._registry.point(role, version)
        return Trial(role, entry, share)

    def end(self, role: TrialRole, *, reason: str, by: str, version: int | None = None) -> Trial | None:
        """End a trial and return it; None if there was none, or, with a version, another release is on trial."""
        trial = self.current(role)
        if trial is None or version not in (None, trial.entry.version):
            return None
        self._write_down("end", role, trial.entry.version, trial.share, reason, by)
        self._registry.point(role, None)
        return trial

    def history(self) -> list[TrialMove]:
        """Return what began and ended, oldest first."""
        return [TrialMove(**json.loads(text)) for text in self._registry.notes(_HISTORY)]

    def _write_down(
        self, action: Literal["begin", "end"], role: TrialRole, version: int, share: float, reason: str, by: str
    ) -> None:
        self._registry.check_reason(f"{action} a {role}", reason, by)
        now = datetime.now(UTC)
        move = TrialMove(now.isoformat(timespec="microseconds"), action, role, version, share, by, reason)
        self._registry.note(f"{_HISTORY}{now:%Y%m%dT%H%M%S.%fZ}.{version}", json.dumps(asdict(move)))


def _share(entry: ReleaseEntry) -> float:
    try:
        share = float(entry.tags[SHARE_TAG])
    except (KeyError, ValueError) as error:
        raise RegistryError(f"canary version {entry.version}: tag {SHARE_TAG} is {error}, expected a share") from error
    if not 0 < share <= 1:
        raise RegistryError(f"canary version {entry.version}: share {share}, expected more than 0 and at most 1")
    return share
