import pytest

from model_lifecycle.contracts.leakage import LeakageEvidence
from model_lifecycle.errors import ContractError
from model_lifecycle.reporting.leakage import leakage_page

LEAK = {"check": "known too late", "columns": ["arrival"], "message": "arrival is known with the label"}


def evidence(**changes: object) -> LeakageEvidence:
    return {"passed": True, "leaks": [], "exempt": [], "notes": [], "checks": {"columns": 7}, **changes}  # type: ignore[typeddict-item]


def test_a_clean_page_says_what_was_looked_at() -> None:
    page = leakage_page(evidence())
    assert "No input knows the outcome." in page
    assert "Looked at: 7 columns." in page


def test_leaks_exemptions_and_notes_stand_on_the_page() -> None:
    exempt, note = {**LEAK, "columns": ["refund"], "reason": "checked"}, {**LEAK, "columns": ["driver"]}
    page = leakage_page(evidence(passed=False, leaks=[LEAK], exempt=[exempt], notes=[note]))
    for shown in ("1 leak: nothing is fitted", "arrival", "refund", "checked", "driver"):
        assert shown in page


def test_evidence_of_another_shape_is_refused() -> None:
    with pytest.raises(ContractError, match="checks"):
        leakage_page({"passed": True})  # type: ignore[typeddict-item]
