"""Weigh every feature, and every group, by what later folds lose without it."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.selection import (
    SelectionEvidence,
    SelectionSpec,
    WeighedFeature,
    WeighedGroup,
    WeighedInterval,
)
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.features.folds import features_of, fold_rows, training_rows
from model_lifecycle.models import Model, Objective, load_family
from model_lifecycle.models.calibration import Calibration
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.intervals import Interval, paired_difference_interval
from model_lifecycle.tasks import task_of

_log = logging.getLogger(__name__)


class Choice(Protocol):
    """How a candidate is fitted."""

    @property
    def family(self) -> str:
        """The model family."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the search settled on."""
        ...

    @property
    def calibration(self) -> Calibration:
        """What is applied to its scores."""
        ...


class Choices(Protocol):
    """All candidates and the one that becomes the challenger."""

    @property
    def challenger(self) -> str:
        """Its name."""
        ...

    @property
    def candidates(self) -> Mapping[str, Choice]:
        """By name."""
        ...


@dataclass(frozen=True)
class _Fold:
    """What a model is fitted on, what it is judged on, and how that went."""

    earlier: Columns
    earlier_target: np.ndarray
    later: Columns
    later_target: np.ndarray
    times: np.ndarray


def weigh_features(
    train: pd.DataFrame,
    plan: SplitPlan,
    choices: Choices,
    spec: FeatureSpec,
    selection: SelectionSpec,
    gates: GateLimits,
    run: RunSpec,
    question: BusinessQuestion,
) -> SelectionEvidence:
    """Weigh features by permutation and groups by fitting without them, on folds later than the training.

    The test window is not looked at. A feature, or a group, *adds nothing* when the interval of what it saves does not
    lie above zero; two that say the same can both look dispensable, so drop one and weigh again.

    Raises
    ------
    ConfigurationError
        If a group names a feature that is not declared, or holds all of them.
    """
    _check(spec, selection)
    task = task_of(question)
    chosen = choices.candidates[choices.challenger]
    folds = [_fold(train, spec, plan, number) for number in range(len(plan.folds))]
    target = np.concatenate([fold.later_target for fold in folds])
    block = block_ids(np.concatenate([fold.times for fold in folds]), DAY)
    seconds, models = _fit(folds, chosen, run, task.objective, ())
    score = _score(folds, models, chosen, {})
    base = task.losses(target, score)
    features: list[WeighedFeature] = []
    for name in spec.names():
        losses = np.mean(
            [task.losses(target, _score(folds, models, chosen, {name: seed})) for seed in _seeds(selection, run)],
            axis=0,
        )
        saved = paired_difference_interval(losses, base, block, gates.level)
        features.append({"feature": name, "loss_saved": _told(saved), "adds_nothing": saved.lower <= 0.0})
    groups: list[WeighedGroup] = []
    for group, declared in selection.groups.items():
        names = tuple(name for name in declared if name not in spec.dropped)
        if not names:
            continue
        _log.info("fitting without %s", group)
        without_seconds, without = _fit(folds, chosen, run, task.objective, names)
        other = _score(folds, without, chosen, {}, names)
        saved = paired_difference_interval(task.losses(target, other), base, block, gates.level)
        gained = task.metrics[task.ranking].difference(block, target, score, other, gates.level)
        groups.append(
            {
                "group": group, "features": list(names), "inputs": _inputs_of(spec, names),
                "loss_saved": _told(saved), "ranking_gained": _told(gained), "fit_seconds": seconds - without_seconds,
                "adds_nothing": saved.lower <= 0.0,
            }
        )  # fmt: skip
    return {
        "model": choices.challenger, "rows": len(target), "folds": len(folds), "loss": float(base.mean()),
        "features": sorted(features, key=lambda one: -one["loss_saved"]["estimate"]), "groups": groups,
        "could_drop": [one["feature"] for one in features if one["adds_nothing"]],
    }  # fmt: skip


def _check(spec: FeatureSpec, selection: SelectionSpec) -> None:
    for group, names in selection.groups.items():
        unknown = sorted(set(names) - set(spec.names()) - set(spec.dropped))
        if unknown or not names or set(names) == set(spec.names()):
            raise ConfigurationError(
                f"feature_selection.groups.{group}: found {unknown or list(names)}, expected some, and not all, of "
                f"{list(spec.names())}"
            )


def _fold(train: pd.DataFrame, spec: FeatureSpec, plan: SplitPlan, number: int) -> _Fold:
    fold = plan.folds[number]
    earlier = training_rows(train, fold)
    later = fold_rows(train, fold) & (train[model_input.OUTCOME] == model_input.OBSERVED).to_numpy(dtype=bool)
    target = train[model_input.TARGET].to_numpy(dtype=np.float64)
    times = train.loc[later, model_input.DECISION_TIME].dt.tz_localize(None).to_numpy()
    return _Fold(
        features_of(train, spec, earlier), target[earlier], features_of(train, spec, later), target[later], times
    )


def _fit(
    folds: list[_Fold], chosen: Choice, run: RunSpec, objective: Objective, without: tuple[str, ...]
) -> tuple[float, list[Model]]:
    began = time.perf_counter()
    family = load_family(chosen.family)
    models = [
        family.fit(
            _without(fold.earlier, without), fold.earlier_target, chosen.parameters, run.seed, run.threads, objective
        )
        for fold in folds
    ]
    return (time.perf_counter() - began) / len(folds), models


def _score(
    folds: list[_Fold],
    models: list[Model],
    chosen: Choice,
    shuffled: Mapping[str, int],
    without: tuple[str, ...] = (),
) -> np.ndarray:
    """Score the later rows of all folds; the columns in ``shuffled`` are permuted within their fold by a seed."""
    parts = []
    for fold, model in zip(folds, models, strict=True):
        rows = _without(fold.later, without)
        for name, seed in shuffled.items():
            rows[name] = np.random.default_rng(seed).permutation(rows[name])
        parts.append(chosen.calibration.apply(model.predict(rows)))
    return np.concatenate(parts)


def _without(columns: Columns, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    return {name: values for name, values in columns.items() if name not in names}


def _seeds(selection: SelectionSpec, run: RunSpec) -> list[int]:
    return [run.seed + repeat for repeat in range(selection.repeats)]


def _told(found: Interval) -> WeighedInterval:
    return {"estimate": found.estimate, "lower": found.lower, "upper": found.upper, "level": found.level}


def _inputs_of(spec: FeatureSpec, names: tuple[str, ...]) -> list[str]:
    left = set(spec.without(names).inputs())
    return [name for name in spec.inputs() if name not in left]
