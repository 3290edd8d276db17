"""Registered releases with what they say of themselves: gates, figures, who moved them; and promotion by hand."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from model_lifecycle.contracts.gates import PROOF_GATES, PROOF_TAG
from model_lifecycle.contracts.override import OverrideSpec
from model_lifecycle.contracts.records import Move
from model_lifecycle.errors import ContractError, GateBlocked, RegistryError, ReleaseError
from model_lifecycle.registry import Registry, ReleaseEntry
from model_lifecycle.releases import read_release
from model_lifecycle.reporting.checking import checked, checked_evaluation
from model_lifecycle.reporting.evidence import EvaluationEvidence, GateEvidence

CARD = "model_card.html"
_SHOWN_NAMES = 5


@dataclass(frozen=True, slots=True)
class RegisteredRelease:
    """One registered release as it stands on the disk now.

    Attributes
    ----------
    entry : ReleaseEntry
        What the registry knows of it.
    role : str or None
        ``champion``, ``previous``, or None.
    evidence : EvaluationEvidence or None
        Its ``evaluation.json``, read only after every file was verified.
    proof : sequence of GateEvidence
        What it has shown in service; empty when it was registered before that was kept.
    moves : sequence of Move
        The moves of the champion to it, oldest first.
    problem : str or None
        Why its files cannot be trusted or read; it is never promoted then.
    names : mapping of int to str
        Every registered version's release: what a move replaced.
    """

    entry: ReleaseEntry
    role: str | None
    evidence: EvaluationEvidence | None
    proof: Sequence[GateEvidence]
    moves: Sequence[Move]
    problem: str | None
    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def gates(self) -> list[GateEvidence]:
        """All gates whose verdict is known, those of the service included."""
        return [*(self.evidence["gates"] if self.evidence else ()), *self.proof]

    @property
    def failed(self) -> list[GateEvidence]:
        """The gates that did not pass."""
        return [gate for gate in self.gates if not gate["passed"]]

    @property
    def proven(self) -> bool:
        """Whether it has booted and answered in service as offline.

        A release that was promoted before the proof was kept has passed it: nothing was promoted without.
        """
        if not self.proof:
            return any(move.action == "promote" for move in self.moves)
        return set(PROOF_GATES) <= {gate["gate"] for gate in self.proof if gate["passed"]}

    @property
    def overrides(self) -> list[Move]:
        """The promotions that went past a failed gate."""
        return [move for move in self.moves if move.overridden]

    @property
    def card(self) -> Path:
        """Where its model card lies."""
        return self.entry.path / CARD


def registered_releases(registry: Registry) -> list[RegisteredRelease]:
    """Return all releases of the case, newest first; a damaged one is listed with its problem.

    Raises
    ------
    RegistryError
        If the registry cannot be read.
    """
    entries = registry.releases()
    if not entries:
        return []
    champion, previous, moves = registry.champion(), registry.previous(), registry.history()
    roles = {entry.version: role for role, entry in (("previous", previous), ("champion", champion)) if entry}
    names = {entry.version: entry.release_id for entry in entries}
    return [
        replace(
            _read(entry, roles.get(entry.version), [move for move in moves if move.to_version == entry.version]),
            names=names,
        )
        for entry in entries
    ]


def find_release(registry: Registry, name: str) -> RegisteredRelease:
    """Return the release of that name; of several copies the one in production, else the newest.

    Raises
    ------
    RegistryError
        If no release of the case has that name.
    """
    found = registered_releases(registry)
    named = [release for release in found if release.entry.release_id == name]
    if not named:
        names = list(dict.fromkeys(release.entry.release_id for release in found))
        more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        known = f"one of {names[:_SHOWN_NAMES]}{more}" if names else "a registered one, and there is none yet"
        raise RegistryError(f"case {registry.name!r}: no release {name!r}; expected {known}")
    return next((release for release in named if release.role == "champion"), named[0])


def require_sound(release: RegisteredRelease) -> EvaluationEvidence:
    """Return the evidence of a release whose files are whole.

    Raises
    ------
    ReleaseError
        If they are damaged or hold no evaluation that can be read.
    """
    if release.problem is not None or release.evidence is None:
        raise ReleaseError(f"release {release.entry.release_id!r} cannot be used: {release.problem}")
    return release.evidence


def promote_by_hand(registry: Registry, name: str, by: str, reason: str, *, override: bool) -> RegisteredRelease | None:
    """Make a registered release the champion on a person's word; None if it is the champion already.

    Parameters
    ----------
    registry : Registry
        Of the case.
    name : str
        Of the release.
    by, reason : str
        Who answers for it and why; both are kept in the history of the registry.
    override : bool
        Whether failed gates of the evaluation may be passed by. They are kept in the history, too. A release that is
        damaged, or not proven in service, is refused all the same.

    Raises
    ------
    RegistryError
        If there is no such release, or no name or reason is given.
    ReleaseError
        If its files are damaged.
    GateBlocked
        If a gate failed and is not overridden, if the reason of an override is too short, or if the release is not
        proven in service.
    """
    release = find_release(registry, name)
    require_sound(release)
    if release.role == "champion":
        return None
    if not release.proven:
        found = [f"{gate['gate']}: {gate['reason']}" for gate in release.proof if not gate["passed"]]
        raise GateBlocked(
            f"release {name!r} is not proven in service: found {found or 'no proof'}, expected {list(PROOF_GATES)} to "
            f"have passed; this cannot be overridden"
        )
    failed = release.failed
    if override:
        _check_override(by, reason)
    elif failed:
        reasons = "\n  ".join(f"{gate['gate']}: {gate['reason']}" for gate in failed)
        raise GateBlocked(
            f"{len(failed)} of {len(release.gates)} gates hold release {name!r} back:\n  {reasons}\n"
            f"The champion stays. Who answers for it all the same adds --override to --by and --reason."
        )
    registry.promote(release.entry.version, reason, by, [gate["gate"] for gate in failed])
    return replace(release, role="champion")


def _check_override(by: str, reason: str) -> None:
    try:
        OverrideSpec(by=by, reason=reason)
    except ValidationError as error:
        found = "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())
        raise GateBlocked(f"the override is refused: {found}") from error


def _read(entry: ReleaseEntry, role: str | None, moves: Sequence[Move]) -> RegisteredRelease:
    bare = RegisteredRelease(entry, role, None, (), moves, None)
    try:
        proof = [checked(GateEvidence, gate) for gate in json.loads(entry.tags.get(PROOF_TAG, "[]"))]
        files = read_release(entry.path, entry.digest)
        if "evaluation.json" not in files:
            return replace(bare, proof=proof, problem=f"{entry.path}: no evaluation.json, so no gate is known")
        evidence = checked_evaluation(json.loads(files["evaluation.json"]))
    except (ReleaseError, ContractError) as error:
        return replace(bare, problem=str(error))
    except ValueError as error:
        return replace(bare, problem=f"{entry.path}: its evidence is no readable JSON ({error})")
    return replace(bare, evidence=evidence, proof=proof)
