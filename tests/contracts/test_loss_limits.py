import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from case_conf import ROOT
from model_lifecycle.configuration import CaseConfigLoader
from model_lifecycle.contracts.loss_limits import check_loss_limits
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.locations import CASE_VARIABLE
from model_lifecycle.settings import CONFIG_LOADER_ARGS

BASE = """
gates: {champion_margin: 0.003}
policy: {maximum_loss_increase: 0.03}
business_question: {}
backtest:
  policies:
    never: {trigger: never}
    on performance: {trigger: performance, limits: {maximum_loss_increase: 0.01}}
"""
QUANTITY = "business_question: {task: regression, value: {unit: EUR}}\n"
OWN = (
    "gates: {champion_margin: 10.0}\n"
    "policy: {maximum_loss_increase: 150.0}\n"
    "backtest: {policies: {on performance: {limits: {maximum_loss_increase: 60.0}}}}\n"
)


def _check(conf: Path, case: str, **options: Any) -> None:
    with mock.patch.dict(os.environ, {CASE_VARIABLE: case}):
        loader = CaseConfigLoader(conf, **{**CONFIG_LOADER_ARGS, **options})
        check_loss_limits(loader["parameters"], loader.is_own)


def _claims(folder: Path, case: str, **options: Any) -> None:
    for name, content in {"base": BASE, "cases/claims": case, "local": ""}.items():
        (folder / name).mkdir(parents=True)
        if content:
            (folder / name / "parameters_all.yml").write_text(content, encoding="utf-8")
    _check(folder, "claims", **options)


def test_a_quantity_with_the_limits_of_log_loss_is_refused_with_keys_unit_and_how_to_choose(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="mean cost a decision, here in EUR") as found:
        _claims(tmp_path, QUANTITY)
    told = str(found.value).splitlines()[1:]
    assert [line.split(":")[0].strip() for line in told] == [
        "gates.champion_margin",
        "policy.maximum_loss_increase",
        "backtest.policies.on performance.limits.maximum_loss_increase",
    ]
    assert "found 0.003 of conf/base, which is log loss; expected a value of the case's own, about 0.5%" in told[0]


def test_a_quantity_with_limits_of_its_own_is_taken(tmp_path: Path) -> None:
    _claims(tmp_path, QUANTITY + OWN)


def test_a_back_tested_policy_that_is_taken_out_needs_no_limit(tmp_path: Path) -> None:
    policies = "backtest: {policies: {on performance: null}}\n"
    _claims(tmp_path, QUANTITY + OWN.split("backtest", maxsplit=1)[0] + policies)


def test_a_limit_can_be_given_on_the_command_line(tmp_path: Path) -> None:
    case = QUANTITY + OWN.replace("policy: {maximum_loss_increase: 150.0}\n", "")
    _claims(tmp_path, case, runtime_params={"policy": {"maximum_loss_increase": 150.0}})


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_questions_with_log_loss_keep_the_limits_of_base(tmp_path: Path, task: str) -> None:
    _claims(tmp_path, f"business_question: {{task: {task}}}\n")


@pytest.mark.parametrize("case", ["flight_delays", "cancellations", "arrival_minutes", "outcome"])
def test_every_case_of_the_project_has_limits_in_its_own_unit(case: str) -> None:
    _check(ROOT / "conf", case)
