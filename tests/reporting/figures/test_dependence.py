import pytest

from model_lifecycle.reporting.evidence import DependenceEvidence, EvaluationEvidence
from model_lifecycle.reporting.figures.dependence import dependence_figure


def test_each_feature_is_a_panel_with_missing_values_left_of_all_numbers(evaluation: EvaluationEvidence) -> None:
    figure = dependence_figure(evaluation["explanation"]["dependence"])
    low, high, median, missing, category, never = figure.data
    assert [list(one.y) for one in (low, high, median)] == [
        pytest.approx(values) for values in ([0.1, 0.2, 0.3], [0.5, 1.0, 1.5], [0.3, 0.6, 0.9])
    ]
    assert (missing.type, missing.median[0]) == ("box", 1.2)
    assert missing.x[0] + missing.width / 2 < min(median.x)
    assert (category.type, list(category.x), category.xaxis) == ("box", ["North"], "x2")
    assert (never.xaxis, never.median[0]) == ("x3", 0.0)
    titles = [one.text for one in figure.layout.annotations]
    assert titles[:3] == ["feature_1", "feature_&lt;b&gt;", "never_known"]
    assert titles[3:] == ["missing", "missing"]


def test_nothing_to_show_is_an_empty_figure() -> None:
    assert not dependence_figure([]).data


def test_a_panel_of_one_of_several_classes_names_it_below_the_feature(evaluation: EvaluationEvidence) -> None:
    found: list[DependenceEvidence] = [{**one, "of": "<late>"} for one in evaluation["explanation"]["dependence"]]
    titles = [one.text for one in dependence_figure(found).layout.annotations if one.text != "missing"]
    assert titles[0] == f"{found[0]['feature']}<br>for &lt;late&gt;"
