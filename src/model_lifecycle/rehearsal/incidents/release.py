"""A bad release: the champion with a calibration that was fitted to a world which is not this one."""

import json
from datetime import datetime

import numpy as np

from model_lifecycle.errors import ConfigurationError
from model_lifecycle.models.calibration import Calibration
from model_lifecycle.registry import Registry, ReleaseEntry
from model_lifecycle.releases import build_release, read_release, verify_release
from model_lifecycle.scoring import Scorer

BY = "Sam Hastings"
REASON = "the quarterly figures are due tonight and the gates take too long"
OVERRIDDEN = ("calibration", "champion")
_SHIFT = 1.5  # log-odds: a base rate of 24% becomes one of 58%


def promote_bad_release(registry: Registry, at: datetime) -> ReleaseEntry:
    """Make the champion worse and promote it past the gates, as a person in a hurry would.

    Raises
    ------
    ConfigurationError
        If there is no champion, or its question is no yes or no.
    """
    champion = registry.champion()
    if champion is None:
        raise ConfigurationError("a bad release is made of the champion, and there is none")
    files = read_release(champion.path, champion.digest)
    scorer = Scorer.from_files(files)
    name = f"{scorer.facts.case}-{at:%Y-%m-%d}-hurried"
    place = build_release(
        champion.path.parent, name, {**files, **_worse(scorer, files, name)}, {"created_as_of": at.isoformat()}
    )
    version = registry.register(place, verify_release(place).digest, {}, {})
    return registry.promote(version, REASON, BY, OVERRIDDEN)


def _worse(scorer: Scorer, files: dict[str, bytes], name: str) -> dict[str, bytes]:
    """Return the files that differ, consistent among themselves: the release boots and passes its smoke request."""
    before = scorer.facts.calibration
    if before.method not in ("none", "sigmoid") or scorer.question.task != "binary":
        raise ConfigurationError(f"a bad release is made for a yes or no, found the task {scorer.question.task}")
    calibration = Calibration(method="sigmoid", slope=before.slope, intercept=before.intercept + _SHIFT)
    worse = Scorer(scorer.facts.model_copy(update={"release_id": name, "calibration": calibration}), scorer.model)
    smoke, facts = json.loads(files["smoke.json"]), json.loads(files["monitoring.json"])
    recorded = {
        feature: np.array(values, dtype=object if feature in scorer.spec.categorical else np.float64)
        for feature, values in smoke["features"].items()
    }
    smoke["predictions"] = worse.predict(recorded).tolist()
    return {
        **worse.to_files(),
        "smoke.json": json.dumps(smoke).encode(),
        "monitoring.json": json.dumps({**facts, "release": name}).encode(),
    }
