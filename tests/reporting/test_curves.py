"""One plain sentence for each curve, that says no more than its interval."""

import pytest

from model_lifecycle.reporting.curves import curves_sections, learning_sentence, staleness_sentence
from model_lifecycle.reporting.evidence import CurvesEvidence, EvaluationEvidence, IntervalEvidence
from model_lifecycle.reporting.figures.curves import learning_curve_figure, staleness_curve_figure


def interval(estimate: float, half: float | None) -> IntervalEvidence:
    ends = (None, None) if half is None else (estimate - half, estimate + half)
    found = {"estimate": estimate, "lower": ends[0], "upper": ends[1]}
    return {**found, "level": 0.95, "n_blocks": 30, "n_effective": 20.0}  # type: ignore[typeddict-item]


@pytest.fixture
def curves(evaluation: EvaluationEvidence) -> CurvesEvidence:
    return evaluation["curves"]


@pytest.mark.parametrize(
    ("estimate", "half", "end"),
    [
        (0.004, 0.003, "loses 0.0040 [0.0010, 0.0070] of log loss."),
        (0.004, 0.005, "of log loss, which may be nothing."),
        (-0.004, 0.003, "of log loss, so age did no harm here."),
        (0.004, None, "loses 0.0040 of log loss, which may be nothing."),
    ],
)
def test_age_is_said_to_cost_only_where_the_interval_says_so(
    curves: CurvesEvidence, estimate: float, half: float | None, end: str
) -> None:
    curves["loss_per_period"] = interval(estimate, half)
    assert staleness_sentence(curves, "log_loss")[0].endswith(end)


@pytest.mark.parametrize(
    ("half", "end"), [(0.001, ": more data helped."), (0.004, ": that more data helps cannot be shown.")]
)
def test_more_data_are_said_to_help_only_where_the_interval_says_so(
    curves: CurvesEvidence, half: float, end: str
) -> None:
    curves["sizes"][1]["difference"] = interval(0.002, half)
    assert learning_sentence(curves, "log_loss")[0].endswith(end)


def test_what_was_not_measured_is_one_reason(curves: CurvesEvidence) -> None:
    curves |= {"sizes": [], "ages": [], "loss_per_period": None, "reason": "switched off"}
    (section,) = curves_sections(curves, "log_loss")
    assert section.text == ("Not all of it could be measured: switched off.",)
    assert section.figure is None
    assert curves_sections(None, "log_loss") == []


def test_the_figures_leave_out_what_has_no_loss(curves: CurvesEvidence) -> None:
    assert list(learning_curve_figure(curves).data[0].x) == [25_000, 50_000, 100_000]
    stale = staleness_curve_figure(curves).data[0]
    assert (list(stale.x), list(stale.y)) == ([0, 2], [0.0, 0.009])
    assert list(stale.error_y.arrayminus) == [0.0, pytest.approx(0.006)]
