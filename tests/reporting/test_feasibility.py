import pytest

from model_lifecycle.errors import ContractError
from model_lifecycle.reporting.feasibility import feasibility_page
from model_lifecycle.reporting.feasibility_evidence import FeasibilityEvidence


def test_a_stakeholder_reads_the_verdict_the_rate_the_room_and_the_smallest_gain(
    feasibility: FeasibilityEvidence,
) -> None:
    page = feasibility_page(feasibility)

    for words in (
        "Go. Every criterion is met.",
        "Of the decisions with an outcome. Positive: 24.1% (95% interval 22.1% to 26.1%), by period 21.0% to 26.0%.",
        "A perfect prediction would be worth 9,600 minutes per 1,000 decisions more than the best trivial policy",
        "The question asks for at least 500, 5.2% of that.",
        'data-name="smallest gain">310</td>',
        "9,600 minutes of room &gt;= 500 asked for",
    ):
        assert words in page


def test_a_no_go_gives_its_reasons_at_the_top(feasibility: FeasibilityEvidence) -> None:
    feasibility["go"] = False
    feasibility["reasons"] = [
        {"gate": "positives", "passed": False, "reason": "120 positives, 200 needed.", "figures": {}}
    ]

    assert "<strong>✗</strong> No-go. 120 positives, 200 needed.</p>" in feasibility_page(feasibility)


def test_the_room_is_measured_from_the_better_trivial_action(feasibility: FeasibilityEvidence) -> None:
    feasibility["value"]["act_always"]["estimate"] = 9_600.0

    assert "asks for at least 500, more than all of that." in feasibility_page(feasibility)


def test_a_period_without_labels_has_no_rate(feasibility: FeasibilityEvidence) -> None:
    feasibility["periods"][2] |= {"labelled": 0, "outcome": {}}

    assert "n/a" in feasibility_page(feasibility)


def test_evidence_of_another_shape_is_refused(feasibility: FeasibilityEvidence) -> None:
    with pytest.raises(
        ContractError, match=r"evidence 'FeasibilityEvidence': go: Input should be a valid boolean, found 1"
    ):
        feasibility_page({**feasibility, "go": 1})  # type: ignore[typeddict-item]
