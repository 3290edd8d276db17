"""What the end of a run is told from: the shapes behind its summary."""

from typing import NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from model_lifecycle.reporting.evidence import EvaluationEvidence, GateEvidence

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@with_config(_STRICT)
class PromotionEvidence(TypedDict):
    """How a release became the champion, as the registry keeps it."""

    by: str
    reason: str
    replaces: str | None  # a release
    overridden: list[str]  # failed gates


@with_config(_STRICT)
class ReleaseEvidence(TypedDict):
    """What became of the challenger."""

    release_id: str | None  # None when a gate blocked it before it was packed
    digest: str | None
    version: str | None  # in the registry
    promoted: bool
    reason: str
    champion: str | None  # the release in production after this run
    made_champion: NotRequired[PromotionEvidence | None]  # where it was the champion before this run


@with_config(_STRICT)
class RunEvidence(TypedDict):
    """What the end of a run is told from; ``gates`` are all of them, deployment's included."""

    evaluation: EvaluationEvidence
    gates: list[GateEvidence]
    release: ReleaseEvidence
    reports: dict[str, str]  # title -> path, as the user can open it
