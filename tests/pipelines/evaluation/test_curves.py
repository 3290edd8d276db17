"""The challenger in other sizes and ages: fitted before each fold, judged on it, compared row by row."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.curves import CurvesSpec
from model_lifecycle.errors import ModelError
from model_lifecycle.features.folds import fold_rows, observed_rows
from model_lifecycle.models import load_family
from model_lifecycle.pipelines.evaluation.nodes import curves
from model_lifecycle.pipelines.evaluation.nodes.curves import measure_curves
from model_lifecycle.reporting.evidence import CurvesEvidence, IntervalEvidence
from parcels import CURVES, GATES, QUESTION_WITH_SLICE, RUN, SPLIT, Stages
from tiny_release import SPEC

APRIL, MAY, JUNE = (pd.Timestamp(f"2024-0{month}-01", tz="Europe/Berlin") for month in (4, 5, 6))


def measure(stages: Stages, **changes: Any) -> CurvesEvidence:
    given = {"train": stages.train, "plan": stages.plan, "out_of_fold": stages.out_of_fold, **changes}
    return measure_curves(
        given["train"], given["plan"], given.get("split", SPLIT), stages.choices, given["out_of_fold"], SPEC,
        given.get("spec", CURVES), GATES, RUN, QUESTION_WITH_SLICE,
    )  # fmt: skip


class Fits:
    """Fits for real, and knows the rows of each fit by their weights, which are all different."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, train: pd.DataFrame, refused: int = -1) -> None:
        self.rows: list[pd.DataFrame] = []
        self._train, self._refused = train.set_index("weight"), refused
        monkeypatch.setattr(curves, "load_family", lambda _: self)

    def fit(self, features: Any, target: np.ndarray, *given: Any) -> Any:
        self.rows.append(self._train.loc[features["weight"]])
        if len(self.rows) - 1 == self._refused:
            raise ModelError("linear: 0 ones")
        return load_family("linear").fit(features, target, *given)


def both_ends(interval: IntervalEvidence | None) -> tuple[float, float]:
    assert interval is not None
    assert interval["lower"] is not None
    assert interval["upper"] is not None
    return interval["lower"], interval["upper"]


def test_models_of_another_age_have_windows_of_one_length_and_see_nothing_later(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = Fits(monkeypatch, stages.train)
    found = measure(stages)
    # The models that are fresh in May and in June, and one that is a month old in May; what is fresh in May is a month
    # old in June.
    begins = [APRIL, MAY, APRIL - pd.DateOffset(months=1)]
    for rows, start, end in zip(fits.rows[:3], begins, [MAY, JUNE, APRIL], strict=True):
        assert (rows[model_input.OUTCOME] == "observed").all()
        assert rows[model_input.DECISION_TIME].min() >= start
        assert rows[model_input.DECISION_TIME].min() < start + pd.Timedelta(days=1)
        assert rows[model_input.LABEL_TIME].max() < end
    assert [point["at"] for point in found["ages"]] == [0, 1, 2]
    assert [point["difference"] is None for point in found["ages"]] == [True, False, False]
    assert "reason" not in found


def test_smaller_windows_are_the_most_recent_part_and_all_data_are_what_the_search_has_fitted(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = Fits(monkeypatch, stages.train)
    found = measure(stages)
    assert [point["at"] for point in found["sizes"]] == [0.25, 0.5, 1.0, None]
    assert len(fits.rows) == 3 + 4
    assert both_ends(found["sizes"][0]["difference"])[0] > 0
    assert fits.rows[3][model_input.DECISION_TIME].min() >= MAY - pd.Timedelta(days=7.5)
    assert both_ends(found["sizes"][0]["difference"])[0] > 0
    assert fits.rows[3][model_input.LABEL_TIME].max() < MAY
    judged = np.any([fold_rows(stages.train, fold) for fold in stages.plan.folds], axis=0) & observed_rows(stages.train)
    score = stages.out_of_fold[stages.choices.challenger].reindex(np.flatnonzero(judged)).to_numpy()
    late = stages.train[model_input.TARGET].to_numpy()[judged] == 1.0
    everything = found["sizes"][-1]["loss"]
    assert everything is not None
    assert everything["estimate"] == pytest.approx(-np.log(np.where(late, score, 1 - score)).mean())


def _drifting(stages: Stages) -> pd.DataFrame:
    """Return rows on which what is late moves by three of 50 kg a month."""
    train = stages.train
    months = (train[model_input.DECISION_TIME] - APRIL).dt.total_seconds() / (30 * 86_400)
    chance = 1 / (1 + np.exp(-0.5 * (train["weight"] - 25 - 3 * months)))
    late = (np.random.default_rng(2).uniform(size=len(train)) < chance).astype(float)
    return train.assign(row_target=pd.Series(late, train.index).where(train[model_input.TARGET].notna()))


def test_age_costs_where_the_world_moves_and_nothing_that_shows_where_it_does_not(stages: Stages) -> None:
    moves, stays = measure(stages, train=_drifting(stages)), measure(stages)
    assert both_ends(moves["loss_per_period"])[0] > 0.01
    assert both_ends(moves["ages"][2]["difference"])[0] > both_ends(moves["ages"][1]["difference"])[0] > 0
    low, high = both_ends(stays["loss_per_period"])
    assert low < 0 < high


def test_an_age_that_is_judged_on_the_later_folds_alone_says_so(stages: Stages) -> None:
    """Their cost is that of other decisions: beside that of a younger model it had looked as if age cost or gained."""
    found = measure(stages)
    assert ["reason" in point for point in found["ages"]] == [False, False, True]
    days = [point["loss"]["n_blocks"] for point in found["ages"] if point["loss"] is not None]
    assert days[0] == days[1] > days[2]
    assert re.fullmatch(
        r"on the latest [\d,]+ of [\d,]+ decisions alone: compare what is lost", found["ages"][2]["reason"]
    )


def test_what_cannot_be_fitted_is_told_and_the_rest_is_measured(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    Fits(monkeypatch, stages.train, refused=2)
    found = measure(stages)
    assert found["ages"][1] == {"at": 1, "rows": 0, "loss": None, "difference": None, "reason": "linear: 0 ones"}
    assert found["ages"][2]["loss"] is not None
    assert found["loss_per_period"] is not None


def _since(stages: Stages, moment: pd.Timestamp) -> dict[str, Any]:
    """Return what is left if the history begins at a moment, and the last fold is the only one."""
    kept = (stages.train[model_input.DECISION_TIME] >= moment).to_numpy()
    out = stages.out_of_fold.loc[kept[stages.out_of_fold.index.to_numpy()]]
    return {
        "train": stages.train[kept].reset_index(drop=True),
        "out_of_fold": out.set_axis(out.index - int((~kept).sum())),
        "plan": stages.plan.model_copy(update={"folds": stages.plan.folds[1:]}),
    }


def test_a_history_of_one_period_has_no_model_of_another_age(stages: Stages) -> None:
    found = measure(stages, **_since(stages, MAY))
    assert found.get("reason") == "history is too short for a model that is a month older"
    assert [point["at"] for point in found["ages"]] == [0]
    assert found["loss_per_period"] is None


def test_without_a_whole_period_before_the_folds_nothing_is_measured(stages: Stages) -> None:
    found = measure(stages, **_since(stages, JUNE - pd.Timedelta(days=9)))
    assert found == {
        "model": stages.choices.challenger, "period": "month", "sizes": [], "ages": [], "loss_per_period": None,
        "reason": "no whole month before the first fold to fit on",
    }  # fmt: skip


def test_what_is_switched_off_is_told(stages: Stages) -> None:
    found = measure(stages, spec=CurvesSpec(enabled=False))
    assert found.get("reason") == "switched off by curves.enabled"
    assert found["sizes"] == found["ages"] == []


@pytest.mark.parametrize(("train_periods", "length"), [(None, 2), (3, 2), (2, 1)])
def test_windows_are_half_of_the_history_or_of_the_rolling_window_in_whole_periods(
    stages: Stages, train_periods: int | None, length: int
) -> None:
    """From 1 May to the fold in June are four whole weeks."""
    split = SPLIT.model_copy(update={"period": "week", "train_periods": train_periods})
    found = measure(stages, split=split, spec=CurvesSpec(ages=2), **_since(stages, MAY))
    assert [point["at"] for point in found["sizes"]] == [length / 4, length / 2, length, None]
    assert [point["at"] for point in found["ages"]] == [0, 1, 2]
    assert found["period"] == "week"
