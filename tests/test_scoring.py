"""From a release's files to a decision, on a small real release."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from model_families import FAMILIES
from model_lifecycle.contracts.table import TableContract
from model_lifecycle.errors import ModelError, ReleaseError
from model_lifecycle.features.history import History, event_columns
from model_lifecycle.models import Parameters, load_family
from model_lifecycle.models.calibration import Calibration
from model_lifecycle.scoring import RecordsRefused, Scorer, Scores, ScoringFacts, input_contract
from tiny_release import CONTRACT, QUESTION, SPEC, event, record, scorer

SCORER = scorer()
RECORDS = [record(number) for number in range(30)]
HISTORY = History.build(SPEC, event_columns(SPEC, [event(number) for number in range(24)]))
NO_HISTORY = History.build(SPEC, {})


def answer(found: Scorer, records: list[dict[str, object]], history: History = HISTORY) -> Scores:
    return found.score(found.columns(records), history)


def smoke(**changes: Any) -> dict[str, Any]:
    scores = answer(SCORER, RECORDS[:3])
    fields = {
        "records": RECORDS[:3],
        "features": {name: values.tolist() for name, values in scores.features.items()},
        "predictions": scores.prediction.tolist(),
    }
    copied: dict[str, Any] = json.loads(json.dumps({**fields, **changes}))
    return copied


def files(**contents: Any) -> dict[str, bytes]:
    """Return the release's files with some changed: a mapping as JSON, None leaves one out."""
    found = {**SCORER.to_files(), "smoke.json": json.dumps(smoke()).encode()}
    for name, content in contents.items():
        key = f"{name}.json"
        found[key] = content if isinstance(content, bytes) else json.dumps(content).encode()
    return found


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("calibration", [Calibration(), Calibration(method="sigmoid", slope=0.7, intercept=-0.2)])
def test_a_scorer_from_its_files_gives_equal_scores(family: str, calibration: Calibration) -> None:
    features = answer(SCORER, RECORDS).features
    target = (np.arange(len(RECORDS)) % 3 == 0).astype(np.float64)
    chosen: dict[str, Parameters] = {"catboost": {"iterations": 5}, "seasonal": {"by": "depot"}}
    model = load_family(family).fit(features, target, chosen.get(family, {}), 0, 1)
    made = Scorer(SCORER.facts.model_copy(update={"family": family, "calibration": calibration}), model)
    restored = Scorer.from_files(made.to_files())
    assert restored.facts == made.facts
    assert answer(restored, RECORDS).score.tobytes() == answer(made, RECORDS).score.tobytes()
    assert restored.to_files() == made.to_files()


def test_the_smoke_request_of_a_whole_release_passes() -> None:
    assert Scorer.from_files(files()).release_id == "parcels-1"


def test_a_score_is_a_probability_of_what_the_model_saw() -> None:
    scores = answer(SCORER, RECORDS)
    assert tuple(scores.features) == SPEC.names()
    assert scores.score.tobytes() == SCORER.predict(dict(reversed(list(scores.features.items())))).tobytes()
    assert ((scores.score >= 0) & (scores.score <= 1)).all()
    assert scores.features["deliveries_7d"].tolist() == [24.0 * (record["depot"] == "north") for record in RECORDS]


def test_a_row_alone_scores_as_among_others() -> None:
    together = answer(SCORER, RECORDS)
    for place, one in enumerate(RECORDS[:10]):
        alone = answer(SCORER, [one])
        assert alone.score.tobytes() == together.score[[place]].tobytes()
        assert alone.flags == together.flags[place : place + 1]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("rows", [1, 10])
def test_records_scored_one_by_one_are_those_scored_in_columns(family: str, rows: int) -> None:
    features = answer(SCORER, RECORDS).features
    target = (np.arange(len(RECORDS)) % 3 == 0).astype(np.float64)
    chosen: dict[str, Parameters] = {"catboost": {"iterations": 5}, "seasonal": {"by": "depot"}}
    model = load_family(family).fit(features, target, chosen.get(family, {}), 0, 1)
    found = Scorer(SCORER.facts.model_copy(update={"family": family}), model)
    records = [record(0, weight=None), record(3, depot="東", weight=None), record(2, depot=None), *RECORDS[:7]][:rows]
    plain = found.plain_rows(records)
    assert plain is not None
    columns = found.columns(records)
    one_by_one, in_columns = found.score_plain(plain, HISTORY), found.by_row(columns, found.score(columns, HISTORY))
    assert [one_by_one.names, repr([*map(tuple, one_by_one.features)]), one_by_one.ids] == [
        in_columns.names,
        repr(in_columns.features),
        in_columns.ids,
    ]
    assert [one_by_one.times, list(one_by_one.flags)] == [
        in_columns.times,
        list(in_columns.flags),
    ]
    assert one_by_one.prediction.tobytes() == in_columns.prediction.tobytes()
    assert one_by_one.score == in_columns.score
    assert one_by_one.action.tolist() == in_columns.action.tolist()


def test_a_score_on_the_threshold_acts() -> None:
    score = float(answer(SCORER, RECORDS[:1]).score[0])
    for threshold, acts in ((score, True), (float(np.nextafter(score, 1)), False), (2.0, False)):
        found = Scorer(SCORER.facts.model_copy(update={"threshold": threshold}), SCORER.model)
        assert answer(found, RECORDS[:1]).action.tolist() == [float(acts)]


def test_missing_and_unknown_inputs_are_flagged() -> None:
    records = [record(0), record(1, weight=None), record(2, depot=None), record(3, depot="東", weight=None)]
    assert answer(SCORER, records).flags == (
        {},
        {"missing": ["weight"]},
        {"missing": ["depot"]},
        {"missing": ["weight"], "unknown": ["depot"]},
    )


def test_a_category_is_known_as_it_was_seen_a_number_too() -> None:
    spec = SPEC.model_copy(update={"numeric": (), "categorical": ("depot", "weight")})
    state = SCORER.facts.state.model_copy(update={"categories": {"depot": (" north",), "weight": ("5",)}})
    facts = SCORER.facts.model_copy(update={"features": spec, "state": state})
    found = Scorer(facts, SCORER.model)
    records = [
        record(0, depot=" north", weight=5),
        record(1, depot="north", weight=6),
        record(2, weight=None, depot=" north"),
    ]
    columns = found.columns(records)
    marks = found.marks(columns, found.features(columns, NO_HISTORY))
    assert marks.by_row() == ({}, {"unknown": ["depot", "weight"]}, {"missing": ["weight"]})


def test_a_wrong_record_is_refused_by_field() -> None:
    with pytest.raises(RecordsRefused, match=r"record 1, field 'weight': found 51, expected a finite number >= 0 and"):
        answer(SCORER, [record(0), record(1, weight=51)])


def changed_score(content: dict[str, Any]) -> None:
    content["predictions"][1] += 1e-9


def fewer_scores(content: dict[str, Any]) -> None:
    content["predictions"].pop()


def no_records(content: dict[str, Any]) -> None:
    content.update(records=[], predictions=[], features={name: [] for name in content["features"]})


def a_score_that_is_no_number(content: dict[str, Any]) -> None:
    content["predictions"][0] = float("nan")


def a_score_of_null(content: dict[str, Any]) -> None:
    content["predictions"] = None


def a_feature_less(content: dict[str, Any]) -> None:
    del content["features"]["weight"]


def features_of_unequal_length(content: dict[str, Any]) -> None:
    content["features"]["weight"].pop()


def features_in_a_list(content: dict[str, Any]) -> None:
    content["features"] = list(content["features"])


def a_refused_record(content: dict[str, Any]) -> None:
    content["records"][0]["weight"] = -1


def a_record_that_is_none(content: dict[str, Any]) -> None:
    content["records"][0] = "P-1"


def a_category_of_null(content: dict[str, Any]) -> None:
    content["features"]["depot"][0] = float("nan")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (changed_score, "smoke predictions differ by 1e-09, expected at most 1e-12"),
        (a_score_that_is_no_number, "smoke predictions differ by nan"),
        (fewer_scores, "3 smoke records and 2 predictions, expected as many"),
        (no_records, "0 smoke records and 0 predictions"),
        (a_score_of_null, "smoke predictions differ by nan|3 smoke records and 1 predictions"),
        (a_feature_less, "smoke request failed: KeyError"),
        (features_of_unequal_length, "smoke request failed: "),
        (features_in_a_list, "smoke request failed: AttributeError"),
        (a_refused_record, "smoke request failed: record 0, field 'weight' is refused"),
        (a_record_that_is_none, "smoke request failed: "),
        (a_category_of_null, "smoke request failed: "),
    ],
)
def test_a_release_that_fails_its_smoke_request_is_refused(
    spoil: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = smoke()
    spoil(content)
    with pytest.raises(ReleaseError, match=f"release parcels-1: {message}"):
        Scorer.from_files(files(smoke=content))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"null"])
def test_a_damaged_smoke_request_is_refused(content: bytes) -> None:
    with pytest.raises(ReleaseError, match="release parcels-1: smoke request failed: "):
        Scorer.from_files(files(smoke=content))


def scoring(**changes: Any) -> dict[str, Any]:
    return {**json.loads(SCORER.to_files()["scoring.json"]), **changes}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON|Invalid UTF-8|invalid unicode"),
        (b"[]", "Input should be an object"),
        (scoring(speed="high"), r"speed: Extra inputs are not permitted"),
        (scoring(threshold="high"), r"threshold: Input should be a valid number"),
        ({name: value for name, value in scoring().items() if name != "constant"}, r"constant: Field required"),
        (
            scoring(state={"priors": {}, "categories": {}}),
            r"state lacks the priors or categories of \['depot', 'late_rate_7d'\]",
        ),
    ],
)
def test_facts_that_are_damaged_or_of_another_version_are_refused(content: Any, found: str) -> None:
    with pytest.raises(
        ReleaseError, match=rf"release (parcels-1|of unknown name): scoring.json is not of this version, .*({found})"
    ):
        Scorer.from_files(files(scoring=content))


def test_a_release_without_facts_or_with_an_unknown_family_is_refused() -> None:
    contents = {name: content for name, content in files().items() if name != "scoring.json"}
    with pytest.raises(ReleaseError, match=r"release has no scoring.json; found \['model/catboost.cbm', 'smoke"):
        Scorer.from_files(contents)
    with pytest.raises(ModelError, match="model family 'forest', expected one of"):
        Scorer.from_files(files(scoring=scoring(family="forest")))


def test_facts_go_through_json() -> None:
    assert ScoringFacts.model_validate_json(SCORER.facts.model_dump_json()) == SCORER.facts


PRIMARY = TableContract.model_validate(
    {
        **CONTRACT.model_dump(),
        "columns": {
            **CONTRACT.model_dump()["columns"],
            "late": {"type": "number", "known": "label"},
            "colour": {"type": "category"},
        },
    }
)


def test_a_request_brings_the_id_the_decision_time_and_the_inputs() -> None:
    contract = input_contract(PRIMARY, QUESTION, SPEC)
    assert tuple(contract.columns) == ("parcel", "asked_at", "weight", "depot", "slot")
    assert contract.columns["weight"] == PRIMARY.columns["weight"]
    assert contract.key == ("parcel",)


def test_an_input_that_is_known_only_with_the_label_is_refused() -> None:
    leaky = SPEC.model_copy(update={"numeric": ("weight", "late")})
    with pytest.raises(ReleaseError, match=r"inputs \[\] are not in the contract .* and \['late'\] are known only"):
        input_contract(PRIMARY, QUESTION, leaky)


def test_an_input_that_the_table_does_not_have_is_refused() -> None:
    with pytest.raises(ReleaseError, match=r"inputs \['height'\] are not in the contract of the primary table"):
        input_contract(PRIMARY, QUESTION, SPEC.model_copy(update={"numeric": ("height",)}))
