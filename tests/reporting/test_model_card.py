from model_lifecycle.reporting.evidence import EvaluationEvidence
from model_lifecycle.reporting.model_card import model_card_markdown, model_card_page

TOLD = (
    "Which parcels shall the depot send by courier",
    "Depot operations",
    "an assumption: 60 minutes saved per late parcel",
    "4,800 of 216,000 decisions (2.2%) have no outcome: lost 3,600, returned 1,200.",
    "0.5310 [0.5010, 0.5610]",
    "-0.0400 [-0.0520, -0.0280]",
    "4,210 [3,310, 5,110]",
    "Acts from a probability of 0.3412 on, chosen on the validation months. Of the test decisions: act 31.0%",
    "of at least 4,000 declared. No gate asks for that much, one for a gain.",
    "expected calibration error",
    "depot: North",
    "320 decisions, expected at least 500",
    "sender: person",
    "80 decisions, expected at least 500",
    "firm - person",
    "Of groups that are not compared: 20 decisions by sender.",
    "Weak slices: 3 of the 1,240 searched; surest depot: East",
    "too sure",
    "too low",
    "0.400 [0.320, 0.480]",
    "feature_1",
    "A model of the most recent 50% of the data loses 0.0020 [-0.0020, 0.0060] of log loss",
    "A model one month older loses 0.0045 [0.0015, 0.0075] of log loss.",
    "catboost: 0 ones",
    "what each feature adds to the log-odds of a positive outcome. They add up to it within 3e-12 of its spread",
    "1.200 [0.400, 2.000]",
    "depth=6, learning_rate=0.08",
    "One test month has 4.3 weeks",
    "data: parcels (SHA-256)",
    "ab" * 32,
)


def test_the_page_and_the_markdown_say_the_same(evaluation: EvaluationEvidence) -> None:
    page, markdown = model_card_page(evaluation), model_card_markdown(evaluation)

    for words in TOLD:
        assert words in page
        assert words in markdown
    ruled = sum(line.startswith("| ---") for line in markdown.splitlines())
    lines = sum(line.startswith("| ") for line in markdown.splitlines())
    assert page.count("<table") == ruled
    assert page.count("<tr>") == lines - ruled


def test_a_failed_gate_stands_first_and_is_called_out(evaluation: EvaluationEvidence) -> None:
    evaluation["gates"].append({"gate": "slice_drop", "passed": False, "reason": "AUC falls by 0.2", "figures": {}})
    markdown = model_card_markdown(evaluation)

    assert "> **✗** 1 of 4 failed: slice_drop." in markdown
    assert markdown.index("| slice_drop | FAILED |") < markdown.index("| evidence_volume | passed |")


def test_no_gates_at_all_is_no_pass(evaluation: EvaluationEvidence) -> None:
    evaluation["gates"] = []

    assert "> **✗**" in model_card_markdown(evaluation)


def test_a_first_model_without_slices_or_differences_has_a_card(evaluation: EvaluationEvidence) -> None:
    evaluation |= {"slices": [], "differences": [], "importance": [], "leaderboard": []}

    assert "No slice is declared in the business question." in model_card_page(evaluation)


def test_nobody_sensitive_and_nothing_weak_are_told_and_an_older_card_says_nothing_of_them(
    evaluation: EvaluationEvidence,
) -> None:
    evaluation["fairness"] = []
    evaluation["weak_slices"] = {"searched": 900, "found": 0, "level": 0.95, "slices": []}
    page = model_card_page(evaluation)
    assert "No slice is declared as sensitive in the business question." in page
    assert "Weak slices: none among the 900 searched." in page
    del evaluation["fairness"], evaluation["weak_slices"]
    assert "Weak slices" not in model_card_page(evaluation)


def test_the_champion_is_named_among_the_models(evaluation: EvaluationEvidence) -> None:
    evaluation["champion"] = "logistic"
    evaluation["baselines"] = ["constant"]

    assert "| logistic | champion |" in model_card_markdown(evaluation)
