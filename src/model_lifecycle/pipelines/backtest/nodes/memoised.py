"""The stages of production, each computed once and kept on disk."""

import hashlib
import io
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from model_lifecycle.backtest.memo import Memo
from model_lifecycle.backtest.production import Answers, Live, Release, Review, release_name
from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.backtest import TriedPolicy
from model_lifecycle.contracts.policy import TrainingWindow
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.errors import LifecycleError
from model_lifecycle.features.folds import decision_times, observed_rows
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.drift import feature_drift
from model_lifecycle.monitoring.holdout import holdout_errors
from model_lifecycle.monitoring.performance import holdout_figures
from model_lifecycle.monitoring.reference import with_score_profile
from model_lifecycle.monitoring.verdict import Drift
from model_lifecycle.pipelines.backtest.nodes import stages
from model_lifecycle.pipelines.backtest.nodes.stages import Champion, Known, Project, Trained
from model_lifecycle.pipelines.deployment.nodes.packing import shares
from model_lifecycle.pipelines.evaluation.nodes.explanations import weigh
from model_lifecycle.pipelines.evaluation.nodes.scores import prediction_of
from model_lifecycle.pipelines.feature_engineering.nodes import profile_reference
from model_lifecycle.pipelines.modelling.nodes.choice import Choices
from model_lifecycle.scoring import Scorer

_CHUNK = 8192  # live rows that are answered and kept together
_SCORER = "scorer/"
_ANY: TypeAdapter[Any] = TypeAdapter(Any)


class Memoised:
    """A `backtest.production.Production` made of the nodes of this project.

    Parameters
    ----------
    project : Project
        Data and configuration.
    live : Live
        The decisions that count, and ``rows``, the same as a table.
    memo : Memo
        Where everything is kept that took long.
    had : callable
        Told of every release, and the seconds that it took, None where it was there already.
    clock : callable
        Seconds that only go forward.
    """

    def __init__(
        self,
        project: Project,
        live: Live,
        rows: pd.DataFrame,
        memo: Memo,
        had: Callable[[str, float | None], None],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._project, self._live, self._memo, self._had, self._clock = project, live, memo, had, clock
        self._base = _digest_of(project)
        self._span = f"{live.times[0]} {len(live.times)}"
        self._inputs, self._history = stages.live_inputs(project, rows, _end(rows, project))
        self._look = lru_cache(maxsize=1)(lambda as_of, window: stages.look(project, as_of, window))
        self.scorer = lru_cache(maxsize=4)(self._read_scorer)
        self._chunks: dict[tuple[str, int], Answers] = {}

    def train(self, as_of: datetime, policy: TriedPolicy) -> Release:
        """Return the challenger of a retraining."""
        return self._release(as_of, policy.training, refit=False)

    def review(self, challenger: Release, champion: Release) -> Review:
        """Hold a challenger against all gates of production, the champion among them."""
        what = f"review {challenger.name} against {champion.name}"
        files, _ = self._kept(what, lambda: self._review(challenger, champion))
        about = json.loads(files["about.json"])
        return Review(about["failed"], about["seconds"])

    def shipped(self, challenger: Release, policy: TriedPolicy) -> Release:
        """Return the challenger, or its refit."""
        return self._release(challenger.as_of, policy.training, refit=True) if policy.refit else challenger

    def answer(self, release: Release, rows: slice) -> Answers:
        """Return what a release answers on live rows."""
        if rows.stop <= rows.start:
            raise IndexError(f"rows {rows}, expected at least one")
        chunks = range(rows.start // _CHUNK, (rows.stop - 1) // _CHUNK + 1)
        found = [self._chunk(release, number) for number in chunks]
        inside = slice(rows.start - chunks.start * _CHUNK, rows.stop - chunks.start * _CHUNK)
        return Answers(
            np.concatenate([one.prediction for one in found])[inside],
            np.concatenate([one.action for one in found])[inside],
        )

    def drift(self, release: Release, rows: slice) -> Drift:
        """Compare live rows with the release's reference."""
        files, _ = self._kept(
            f"drift {release.name} {self._span} {rows.start} {rows.stop}", lambda: self._drift(release, rows)
        )
        return Drift.model_validate_json(files["drift.json"])

    def _release(self, as_of: datetime, window: TrainingWindow, *, refit: bool) -> Release:
        name, fit = release_name(as_of, window, refit=refit), self._refit if refit else self._train
        files, seconds = self._kept(f"train {name}", lambda: fit(as_of, window))
        about = json.loads(files["about.json"])
        self._had(name, seconds)
        facts = ChampionFacts.model_validate({"release": name, **about["facts"]})
        return Release(name, as_of, facts, about["threshold"], about["seconds"])

    def _kept(self, what: str, compute: Callable[[], dict[str, bytes]]) -> tuple[dict[str, bytes], float | None]:
        """Return the files, and the seconds that they took if they were not there yet."""
        key = f"{self._base} {what}"
        found = self._memo.read(key)
        if found is not None:
            return found, None
        began = self._clock()
        found = compute()
        seconds = self._clock() - began
        if "about.json" in found:
            found["about.json"] = _json({**json.loads(found["about.json"]), "seconds": seconds})
        self._memo.write(key, found)
        return found, seconds

    def _need(self, what: str) -> dict[str, bytes]:
        """Return what was computed before."""
        found = self._memo.read(f"{self._base} {what}")
        if found is None:
            raise LifecycleError(f"backtest: {what!r} is gone from the memo; was its folder removed? Run once more")
        return found

    def _train(self, as_of: datetime, window: TrainingWindow) -> dict[str, bytes]:
        known = self._look(as_of, window)
        made = stages.train(self._project, known)
        about = {
            "facts": self._facts(made, known),
            "leaderboard": made.leaderboard,
            "choices": made.choices.model_dump(mode="json"),
            "plan": made.plan.model_dump(mode="json"),
        }
        buffer = io.BytesIO()
        made.scores.to_parquet(buffer)
        return _packed(made.challenger, release_name(as_of, window), about) | {"scores.parquet": buffer.getvalue()}

    def _facts(self, made: Trained, known: Known) -> dict[str, Any]:
        """Return what monitoring needs to know, as a release packs it."""
        scorer, scores, project = made.challenger, made.scores, self._project
        observed, times = observed_rows(scores), decision_times(scores)
        prediction = prediction_of(scores, scorer.facts.model)
        target = scores[model_input.TARGET].to_numpy(dtype=np.float64)
        profile = profile_reference(known.train, project.features, project.monitoring)
        counts = weigh(scorer, known.test, project.features, known.run) if project.explained else []
        return {
            "trained_until": made.plan.test.start.isoformat(),
            "constant": scorer.facts.constant,
            "holdout": holdout_figures(scorer.task, target[observed], prediction[observed], times[observed]),
            "errors": holdout_errors(scorer.task, target[observed], prediction[observed], times[observed]),
            "importance": shares(counts),
            "reference_profile": with_score_profile(profile, scorer.task.score(prediction), times, project.monitoring),
        }

    def _refit(self, as_of: datetime, window: TrainingWindow) -> dict[str, bytes]:
        about = json.loads(self._need(f"train {release_name(as_of, window)}")["about.json"])
        scorer = stages.refit(self._project, self._look(as_of, window), Choices.model_validate(about["choices"]))
        facts = {**about["facts"], "trained_until": as_of.isoformat(), "constant": scorer.facts.constant}
        return _packed(scorer, release_name(as_of, window, refit=True), {"facts": facts})

    def _review(self, challenger: Release, champion: Release) -> dict[str, bytes]:
        files = self._need(f"train {challenger.name}")
        about = json.loads(files["about.json"])
        trained = Trained(
            self.scorer(challenger.name),
            Choices.model_validate(about["choices"]),
            about["leaderboard"],
            SplitPlan.model_validate(about["plan"]),
            pd.read_parquet(io.BytesIO(files["scores.parquet"])),
        )
        verdict = stages.judge(self._project, trained, Champion(self.scorer(champion.name)))
        return {"about.json": _json({"failed": {g["gate"]: g["reason"] for g in verdict["gates"] if not g["passed"]}})}

    def _drift(self, release: Release, rows: slice) -> dict[str, bytes]:
        scorer, profile = self.scorer(release.name), release.facts.reference_profile
        score = scorer.task.score(self.answer(release, rows).prediction)
        found = feature_drift(self._features(scorer, rows), score, profile, self._project.monitoring)
        return {"drift.json": found.model_dump_json().encode()}

    def _features(self, scorer: Scorer, rows: slice) -> dict[str, np.ndarray]:
        return scorer.features({name: values[rows] for name, values in self._inputs.items()}, self._history)

    def _chunk(self, release: Release, number: int) -> Answers:
        if (release.name, number) not in self._chunks:
            files, _ = self._kept(
                f"answers {release.name} {self._span} {number}", lambda: self._answer(release, number)
            )
            arrays = [np.load(io.BytesIO(files[name]), allow_pickle=False) for name in ("prediction", "action")]
            self._chunks[release.name, number] = Answers(*arrays)
        return self._chunks[release.name, number]

    def _answer(self, release: Release, number: int) -> dict[str, bytes]:
        rows = slice(number * _CHUNK, min((number + 1) * _CHUNK, len(self._live.times)))
        scorer = self.scorer(release.name)
        prediction = scorer.predict(self._features(scorer, rows))
        return {"prediction": _array(prediction), "action": _array(scorer.task.actions(prediction, scorer.threshold))}

    def _read_scorer(self, name: str) -> Scorer:
        files = self._need(f"train {name}")
        kept = {path.removeprefix(_SCORER): content for path, content in files.items() if path.startswith(_SCORER)}
        return Scorer.from_files(kept)


def _packed(scorer: Scorer, name: str, about: Mapping[str, Any]) -> dict[str, bytes]:
    named = Scorer(scorer.facts.model_copy(update={"release_id": name}), scorer.model)
    files = {_SCORER + place: content for place, content in named.to_files().items()}
    return {**files, "about.json": _json({**about, "threshold": scorer.threshold})}


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content).encode()


def _array(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _end(rows: pd.DataFrame, project: Project) -> datetime:
    last: pd.Timestamp = rows[project.question.decision_time].max() + pd.Timedelta(microseconds=1)
    return last.to_pydatetime()


def _digest_of(project: Project) -> str:
    """Return the SHA-256 over all that the stages are made of but the code: tables, and what is configured."""
    digest = hashlib.sha256()
    for table in (project.decisions, project.events):
        digest.update(json.dumps([(name, str(kind)) for name, kind in table.dtypes.items()], default=str).encode())
        digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy(dtype=np.uint64).tobytes())
    configured = {
        name: _ANY.dump_python(getattr(project, name), mode="json")
        for name in (
            "case", "choices", "leakage", "question", "features", "contracts",
            "split", "gates", "modelling", "monitoring", "training_rows", "explained",
        )
    }  # fmt: skip
    configured["run"] = project.run.model_dump(mode="json", exclude={"as_of"})
    digest.update(json.dumps(configured, sort_keys=True, default=str).encode())
    return digest.hexdigest()
