"""The quality report says what came in, what was changed and what came out."""

from types import SimpleNamespace
from typing import cast

import pandas as pd

from model_lifecycle.cases import Case
from model_lifecycle.contracts.table import ColumnContract, TableContract, TableContracts
from model_lifecycle.pipelines.data_engineering.nodes.quality import reporter
from model_lifecycle.reporting.quality_report import quality_page
from parcels import CONTRACTS, RUN, decisions

DEPOTS = TableContract(columns={"depot": ColumnContract(type="category", unique=True)}, key=("depot",))
VISITS = TableContract(
    columns={"depot": ColumnContract(type="category", maximum_missing=1.0)}, references={"depot": "depots.depot"}
)
STEPS = [{"step": "weight above 100 kg set to missing", "rows": 2, "cells": 2}]


def test_orphans_missing_values_and_extremes_are_counted() -> None:
    case = cast(Case, SimpleNamespace(SOURCES=("depots", "visits")))
    contracts = TableContracts({**CONTRACTS.root, "depots": DEPOTS, "visits": VISITS})
    depots, visits = pd.DataFrame({"depot": ["north"]}), pd.DataFrame({"depot": ["north", "moon", None, "moon"]})
    primary = decisions(days=2)
    none, told = pd.DataFrame(), {"depots": [], "visits": ["column 'depot': 2 of 4 values such as moon"]}
    report = reporter(case, "parcels")
    found = report(primary, STEPS, told, None, contracts, RUN, depots, visits, none, none)
    described = {table["table"]: table for table in found["tables"]}
    assert described["visits"]["orphans"] == [{"key": ["depot"], "partner": "depots.depot", "rows": 2, "share": 0.5}]
    assert described["visits"]["columns"][0]["missing"] == 0.25
    weight = next(column for column in found["primary"]["columns"] if column["column"] == "weight")
    assert (weight["minimum"], weight["maximum"]) == (primary["weight"].min(), primary["weight"].max())
    assert found["steps"] == STEPS
    assert "weight above 100 kg set to missing" in quality_page(found)


def test_no_private_value_stands_in_the_report() -> None:
    case = cast(Case, SimpleNamespace(SOURCES=("visits",)))
    phone = ColumnContract(type="category", private=True, maximum_missing=1.0)
    contracts = TableContracts({**CONTRACTS.root, "visits": TableContract(columns={"phone": phone})})
    visits = pd.DataFrame({"phone": ["+49 secret", "+49 secret", None, "+49 other"]})
    found = reporter(case, "parcels")(
        decisions(days=2), STEPS, {"visits": []}, None, contracts, RUN, visits, pd.DataFrame()
    )
    (column,) = found["tables"][0]["columns"]
    assert (column["missing"], column["distinct"]) == (0.25, 2)
    assert "+49 " not in str(found)
    assert "+49 " not in quality_page(found)
