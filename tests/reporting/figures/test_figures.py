"""What the figures show, read back from what plotly was given."""

import numpy as np
import pytest

from model_lifecycle.reporting.evidence import (
    DifferenceEvidence,
    EvaluationEvidence,
    FairnessEvidence,
    PartEvidence,
    SliceEvidence,
    WeakSlicesEvidence,
)
from model_lifecycle.reporting.feasibility_evidence import PeriodRate
from model_lifecycle.reporting.figures import style
from model_lifecycle.reporting.figures.comparison import comparison_figure, difference_figure, value_figure
from model_lifecycle.reporting.figures.distribution import category_figure, histogram_figure
from model_lifecycle.reporting.figures.drift import drift_figure
from model_lifecycle.reporting.figures.groups import group_figure
from model_lifecycle.reporting.figures.leaderboard import leaderboard_figure
from model_lifecycle.reporting.figures.quality import missing_figure
from model_lifecycle.reporting.figures.reliability import reliability_figure
from model_lifecycle.reporting.figures.shap_summary import importance_figure, shap_strip_figure
from model_lifecycle.reporting.figures.slices import slice_figure
from model_lifecycle.reporting.figures.time_series import rate_figure
from model_lifecycle.reporting.figures.value_curve import value_curve_figure
from model_lifecycle.reporting.figures.weak_slices import weak_slice_figure
from model_lifecycle.tasks import ValueCurve

PAPERS = ("#ffffff", "#14171c")


def luminance(color: str) -> float:
    parts = np.array([int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("color", style.SERIES)
def test_every_colour_stands_out_from_light_and_dark_paper(color: str, paper: str) -> None:
    high, low = sorted((luminance(color), luminance(paper)), reverse=True)

    assert (high + 0.05) / (low + 0.05) >= 3.0


def test_labels_that_look_alike_when_cut_stay_apart() -> None:
    labels = style.row_labels(["x" * 40 + "1", "x" * 40 + "2"])

    assert len(set(labels)) == 2


def test_a_label_is_not_read_as_html() -> None:
    assert style.row_labels(["<b>a</b> & b"]) == ["&lt;b&gt;a&lt;/b&gt; &amp; b"]


def test_a_reliability_diagram_holds_its_highest_bin(evaluation: EvaluationEvidence) -> None:
    figure = reliability_figure({"catboost": evaluation["calibration"]["bins"]})

    assert list(figure.data[1].x) == [one["mean_prediction"] for one in evaluation["calibration"]["bins"]]
    assert figure.layout.xaxis.range[1] == pytest.approx(1.05 * 0.75)


def test_a_value_curve_is_thinned_but_keeps_its_ends_and_its_order() -> None:
    threshold = np.linspace(1, 0, 5000)
    figure = value_curve_figure(ValueCurve("threshold", threshold, threshold, 0.4, "break even 0.300"), "minutes")

    assert len(figure.data[0].x) == 400
    assert (figure.data[0].x[0], figure.data[0].x[-1]) == (0.0, 1.0)
    assert [one.text for one in figure.layout.annotations] == ["in use 0.400"]
    assert figure.layout.xaxis.title.text == "threshold (break even 0.300)"
    assert figure.data[0].y[-1] == 1000.0


def test_a_threshold_that_is_never_reached_is_not_drawn() -> None:
    figure = value_curve_figure(ValueCurve("t", np.array([0.1, 0.9]), np.array([-5.0, -1.0]), 1.5, ""), "minutes")

    assert not figure.layout.annotations


def test_the_leaderboard_has_the_best_candidate_on_top(evaluation: EvaluationEvidence) -> None:
    figure = leaderboard_figure(evaluation["leaderboard"][::-1])

    assert figure.layout.yaxis.categoryarray[-1] == "catboost (sigmoid)"
    assert {one.name: list(one.y) for one in figure.data}["chosen"] == ["catboost (sigmoid)"]


def test_the_largest_importance_comes_first(evaluation: EvaluationEvidence) -> None:
    figure = importance_figure(evaluation["importance"][::-1], top=3)

    assert list(figure.data[0].y) == ["feature_1", "feature_2", "feature_3"]


def test_a_shap_strip_draws_every_dot_once_and_missing_values_in_grey() -> None:
    rng = np.random.default_rng(0)
    values, ranks = rng.normal(size=(100, 3)) * [1, 5, 2], rng.uniform(size=(100, 3))
    ranks[:40, 1] = np.nan
    figure = shap_strip_figure(["a", "b", "c"], values, ranks, top=2)

    assert list(figure.layout.yaxis.ticktext) == ["b", "c"]
    grey, colored = figure.data[0], figure.data[1]
    assert len(grey.x) == 40
    assert np.sort([*grey.x, *colored.x]) == pytest.approx(np.sort(values[:, 1]), abs=1e-4)
    assert np.abs(np.asarray(colored.y)).max() <= 0.5


def test_equal_shap_values_of_no_spread_are_drawn() -> None:
    assert len(shap_strip_figure(["a"], np.zeros((5, 1)), np.zeros((5, 1))).data[1].x) == 5


def test_a_forest_plot_leaves_out_a_slice_without_a_figure(
    slices: list[SliceEvidence], evaluation: EvaluationEvidence
) -> None:
    figure = slice_figure(slices, "ranking", "auc", evaluation["metrics"]["catboost"]["auc"])

    assert list(figure.data[0].y) == ["depot: North (9,500)", "depot: South &lt;b&gt; (8,200)"]
    assert figure.data[0].error_x.array == pytest.approx([0.02, 0.02])


def test_a_comparison_draws_the_models_that_have_the_metric(evaluation: EvaluationEvidence) -> None:
    del evaluation["metrics"]["constant"]["auc"]
    figure = comparison_figure(evaluation["metrics"], "auc", "catboost")

    assert [one.y[0] for one in figure.data] == ["catboost", "logistic"]
    assert [one.marker.color for one in figure.data] == [style.ORANGE, style.GREY]


def test_each_policy_has_its_name_in_words(evaluation: EvaluationEvidence) -> None:
    assert [one.y[0] for one in value_figure(evaluation["value"], "minutes").data][1:3] == ["always act", "never act"]


@pytest.mark.parametrize(
    ("metric", "estimate", "color"),
    [
        ("log_loss", -0.1, style.GREEN),
        ("log_loss", 0.1, style.RED),
        ("auc", 0.1, style.GREEN),
        ("auc", 0.01, style.GREY),
    ],
)
def test_a_difference_is_coloured_only_when_its_interval_leaves_zero(metric: str, estimate: float, color: str) -> None:
    difference: DifferenceEvidence = {
        "model": "new",
        "against": "old",
        "metric": metric,
        "interval": {
            "estimate": estimate,
            "lower": estimate - 0.05,
            "upper": estimate + 0.05,
            "level": 0.95,
            "n_blocks": 5,
            "n_effective": 5.0,
        },
    }

    assert difference_figure([difference], metric).data[0].marker.color == color


def test_a_rate_is_drawn_in_the_middle_of_its_period(periods: list[PeriodRate], parts: list[PartEvidence]) -> None:
    figure = rate_figure(periods, parts)

    assert figure.data[0].x[0] == "2021-01-16T12:00:00+00:00"
    assert [one.name for one in figure.layout.shapes] == ["train", "validation", "test", "stream"]


def test_histograms_are_shares_of_their_own_total() -> None:
    figure = histogram_figure(np.array([0.0, 0.5, 1.0]), {"a": np.array([1, 3]), "b": np.array([0, 0])}, "t", "x")

    assert list(figure.data[0].y) == [0.25, 0.75, 0.75]
    assert list(figure.data[1].y) == [0.0, 0.0, 0.0]


def test_categories_are_shares_of_their_own_total() -> None:
    assert list(category_figure(["x", "y"], {"a": np.array([1, 3])}, "t").data[0].y) == [0.25, 0.75]


def test_drift_is_drawn_as_a_multiple_of_each_floor_and_sorted() -> None:
    figure = drift_figure(["a", "b", "c"], [0.1, 0.6, 0.2], [0.1, 0.2, 0.0], [False, True, False])
    alarm, quiet = figure.data

    assert dict(zip(alarm.y, alarm.x, strict=True)) == pytest.approx({"b": 3.0})
    assert dict(zip(quiet.y, quiet.x, strict=True)) == pytest.approx({"c": 2.0, "a": 1.0})
    assert list(figure.layout.yaxis.categoryarray) == ["a", "c", "b"]


def test_columns_that_miss_nothing_are_not_drawn() -> None:
    figure = missing_figure({"a": 0.1, "b": 0.0, "c": 0.2}, {"a": 0.05})

    assert list(figure.data[0].y) == ["c", "a"]
    assert list(figure.data[1].x) == [None, 0.05]


def test_groups_that_could_be_judged_are_drawn_with_their_intervals(fairness: list[FairnessEvidence]) -> None:
    (drawn,) = group_figure(fairness).data

    assert list(drawn.x) == [0.33, 0.27]
    assert list(drawn.y) == ["sender: firm (21,000)", "sender: person &lt;i&gt; (5,900)"]
    assert list(drawn.error_x.array) == pytest.approx([0.02, 0.03])


def test_weak_slices_are_drawn_beside_what_would_be_right(weak_slices: WeakSlicesEvidence) -> None:
    figure = weak_slice_figure(weak_slices)
    level, slope = figure.data

    assert (list(level.x), list(slope.x)) == ([0.12], [0.4])
    assert [line.x0 for line in figure.layout.shapes] == [0.0, 1.0]
    assert len(figure.layout.yaxis.categoryarray) == 2
