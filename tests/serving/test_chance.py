import numpy as np
import pytest

from model_lifecycle.serving.chance import chance, drawn_rows, taken
from tiny_release import QUESTION


def columns(rows: int) -> dict[str, np.ndarray]:
    return {
        "parcel": np.array([f"P-{row}" for row in range(rows)], dtype=object),
        "depot": np.array([("north", "south", None)[row % 3] for row in range(rows)], dtype=object),
    }


def test_lots_are_spread_evenly() -> None:
    drawn = np.array([chance("salt", f"P-{number}") for number in range(20_000)])
    counts, _ = np.histogram(drawn, bins=20, range=(0, 1))
    # Chi-squared with 19 degrees of freedom lies below 43.8 in 999 of 1,000 cases; the salt is fixed.
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_a_canary_gets_its_share_of_decisions(share: float) -> None:
    rows = drawn_rows(QUESTION, columns(5000), share, "digest")
    assert len(rows) / 5000 == pytest.approx(share, abs=0.02)


def test_who_is_in_at_a_share_is_in_at_every_larger_one() -> None:
    small, large = (set(drawn_rows(QUESTION, columns(1000), share, "digest").tolist()) for share in (0.1, 0.3))
    assert small < large


def test_all_decisions_on_an_entity_go_to_the_same_release_and_those_without_one_by_their_id() -> None:
    question = QUESTION.model_copy(update={"entity": "depot"})
    rows = set(drawn_rows(question, columns(999), 0.5, "a").tolist())
    for depot in (0, 1):
        assert {row in rows for row in range(depot, 999, 3)} in ({True}, {False})
    without = sum(row in rows for row in range(2, 999, 3))
    assert 100 < without < 233


def test_a_share_of_advice_is_withheld_and_its_propensity_told() -> None:
    ids = [f"P-{number}" for number in range(10_000)]
    found = taken(QUESTION, ids, ["act"] * 10_000, 0.1, "salt")
    assert set(found) == {("act", 0.9), ("leave", 0.1)}
    assert sum(action == "leave" for action, _ in found) / 10_000 == pytest.approx(0.1, abs=0.01)
    assert found == taken(QUESTION, ids, ["act"] * 10_000, 0.1, "salt")


def test_the_value_of_acting_is_found_again_by_inverse_propensity() -> None:
    """Acting gains 2 wherever it is advised, and the log alone shows so: the control share is the comparison."""
    draw = np.random.default_rng(5)
    found = taken(QUESTION, range(40_000), ["act"] * 40_000, 0.2, "salt")
    acted = np.array([action == "act" for action, _ in found])
    propensity = np.array([probability for _, probability in found])
    outcome = draw.normal(10, 3, 40_000) + 2.0 * acted
    effect = np.mean(outcome * acted / propensity) - np.mean(outcome * ~acted / propensity)
    assert effect == pytest.approx(2.0, abs=0.4)


def test_nothing_is_withheld_where_no_action_is_advised_or_no_share_is_set() -> None:
    assert taken(QUESTION, ["P-1"], ["leave"], 0.5, "salt") == [("leave", 1.0)]
    assert taken(QUESTION, ["P-1"], ["act"], 0.0, "salt") == [("act", 1.0)]
