from model_lifecycle.reporting.quality_evidence import QualityEvidence
from model_lifecycle.reporting.quality_report import quality_page


def test_the_page_shows_every_table_its_columns_and_its_lost_keys(quality: QualityEvidence) -> None:
    page = quality_page(quality)

    for words in (
        "Case parcels, as of 2021-07-01: 1 raw table and the 216,000 decisions made of them.",
        "All 2 tables keep their contracts.",
        '<td class="number">3.10%</td>',
        "Keys of parcels without a partner",
        '<td class="number">0.06%</td>',
        "weight above 100 kg set to missing: a broken scale",
        "primary_table",
    ):
        assert words in page


def test_a_broken_contract_is_called_out_with_its_problems(quality: QualityEvidence) -> None:
    quality["tables"][0] |= {"contract_passed": False, "problems": ["column 'weight': 3 of 216,000 values below 0"]}
    page = quality_page(quality)

    assert "<strong>✗</strong> Contracts broken: parcels." in page
    assert "column &#39;weight&#39;: 3 of 216,000 values below 0" in page


def test_a_clean_empty_table_has_a_page(quality: QualityEvidence) -> None:
    quality["tables"][0] |= {"rows": 0, "columns": [], "orphans": []}
    quality["steps"] = []
    page = quality_page(quality)

    assert "No value is missing." in page
    assert "Nothing: every row went through as it came." in page
