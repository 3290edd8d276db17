"""A refused value is told by place, key, what was found and what was expected."""

from typing import Any

import pytest
import yaml

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.modelling import ModellingSpec
from model_lifecycle.contracts.refusals import refusals
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.table import TableContracts
from tiny_release import QUESTION

CANDIDATES = "candidates: {a: {family: constant, role: baseline}, b: {family: catboost, %s}}"


def _told(kind: Any, text: str, name: str = "name") -> list[str]:
    return refusals(kind, name, yaml.safe_load(text), lambda keys: f"file of {keys[-1]}")


def test_a_value_that_the_contract_takes_gives_no_line() -> None:
    assert _told(GateLimits, "level: 0.9") == []


@pytest.mark.parametrize(
    ("kind", "text", "line"),
    [
        (GateLimits, "level: 2", "file of level: name.level: found 2, expected less than 1"),
        (
            GateLimits,
            "lvel: 0.9",
            (
                "file of lvel: name.lvel: found an unknown key with value 0.9, expected one of "
                "['baseline_margin', 'calibration_in_the_large', 'calibration_margin', 'calibration_value_share', "
                "'ceiling_auc', 'ceiling_rank_correlation', 'champion_gain_share', 'champion_margin', 'champion_mode', "
                "'fairness', 'level', 'maximum_one_row_milliseconds', 'maximum_size_bytes', "
                "'minimum_effective_blocks', 'minimum_label_share', 'minimum_test_rows', 'parity_rows', "
                "'parity_tolerance', 'slice_auc_drop', 'value_margin', 'worse_folds']; nearest known key 'level'"
            ),
        ),
        (RunSpec, "seed: 1", "file of as_of: name.as_of: found nothing, expected a value"),
        (RunSpec, "as_of: '2013-07-01'", "file of as_of: name.as_of: found '2013-07-01', expected "),
        (RunSpec, "as_of: soon", "file of as_of: name.as_of: found 'soon'"),
        (
            TableContracts,
            "{rows: {columns: {id: {type: text}}}}",
            (
                "file of type: name.rows.columns.id.type: found 'text', "
                "expected 'category', 'integer', 'number', 'boolean' or 'time'"
            ),
        ),
        (
            TableContracts,
            "{rows: {columns: {id: {type: category, uniqe: true}}}}",
            (
                "file of uniqe: "
                "name.rows.columns.id.uniqe: found an unknown key with value True, expected one of ['categories', "
            ),
        ),
        (
            TableContracts,
            "{rows: {columns: {id: {type: number, minimum: 2, maximum: 1}}}}",
            (
                "file of id: "
                "name.rows.columns.id: found {'type': 'number', 'minimum': 2, 'maximum': 1}: minimum 2 lies above"
            ),
        ),
        (
            ModellingSpec,
            CANDIDATES % "search: {depth: [x, 4]}",
            ("file of 0: name.candidates.b.search.depth.0: found 'x', expected a valid integer"),
        ),
        (ModellingSpec, CANDIDATES % "trials: 3", "file of b: name.candidates.b: found {"),
        (GateLimits, "null", "file of name: name: found None, expected "),
        (GateLimits, "[1, 2]", "file of name: name: found [1, 2], expected "),
    ],
)
def test_each_kind_of_refusal_names_key_found_and_expected(kind: Any, text: str, line: str) -> None:
    assert _told(kind, text)[0].startswith(line)


def test_every_refused_part_has_its_own_line() -> None:
    question: Any = QUESTION.model_dump()
    del question["owner"]
    question["task"] = "clustering"
    question["value"]["act"]["postive"] = 1
    question["slices"] = [{"column": "depot", "knd": "sensitive"}]
    told = refusals(BusinessQuestion, "business_question", question, lambda _: "here")
    assert [line.split(": ")[1] for line in told] == [
        "business_question.owner",
        "business_question.task",
        "business_question.value.act.postive",
        "business_question.slices.0.knd",
    ]
    assert told[2].endswith("expected one of ['negative', 'positive', 'unavailable']; nearest known key 'positive'")
    assert told[3].endswith("expected one of ['column', 'groups', 'kind', 'minimum_rows']; nearest known key 'kind'")


def test_a_long_value_is_cut() -> None:
    assert len(_told(GateLimits, f"level: {'x' * 10_000}")[0]) < 250
