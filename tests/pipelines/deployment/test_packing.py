"""The same content gives the same bytes and the same name; a change anywhere gives another name."""

import copy
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.leakage import LeakageLimits
from model_lifecycle.contracts.modelling import ModellingSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.errors import GateBlocked, ReleaseError
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.pipelines.deployment.nodes.packing import (
    pack_release,
    parity_features,
    parity_records,
    record_configuration,
    select_history,
    select_parity_rows,
)
from model_lifecycle.releases.packed import PackedRelease
from model_lifecycle.scoring import Scorer
from parcels import (
    CONFIGURATION,
    CONTRACTS,
    GATES,
    MODELLING,
    MONITORING,
    QUESTION_WITH_SLICE,
    RUN,
    SPLIT,
    Stages,
    run_stages,
)
from tiny_release import SPEC


@dataclass(frozen=True)
class InProduction:
    """A champion, as the catalog loads it."""

    scorer: Scorer
    files: dict[str, bytes]
    info: dict[str, object]


def _parity(stages: Stages) -> pd.DataFrame:
    return select_parity_rows(stages.primary, stages.test, SPEC, QUESTION_WITH_SLICE, GATES)


def _pack(stages: Stages, champion: InProduction | None = None, **changes: Any) -> PackedRelease:
    given: dict[str, Any] = {
        "scorer": stages.challenger,
        "evidence": stages.evidence,
        "card": "<p>card</p>",
        "monitoring": MONITORING,
        "configuration": CONFIGURATION,
    }
    given |= changes
    return pack_release(
        given["scorer"], given["evidence"], given["card"], "# card", stages.profile, stages.test, _parity(stages),
        stages.plan, given["monitoring"], RUN, champion, given["configuration"],
    )  # fmt: skip


def _promoted(packed: PackedRelease) -> InProduction:
    return InProduction(Scorer.from_files(packed.files), dict(packed.files), dict(packed.info))


def _worded_otherwise(stages: Stages) -> Any:
    evidence: Any = copy.deepcopy(stages.evidence)
    evidence["gates"][-1]["reason"] = "is the champion already"
    return evidence


def test_a_whole_run_from_the_same_data_and_seed_packs_the_same_bytes(stages: Stages) -> None:
    assert _pack(run_stages()) == _pack(stages)


def test_the_name_tells_case_and_moment_and_stands_in_every_file_that_names_it(stages: Stages) -> None:
    packed = _pack(stages)
    assert packed.release_id.startswith("parcels-2024-07-31-")
    assert Scorer.from_files(packed.files).release_id == packed.release_id
    assert json.loads(packed.files["monitoring.json"])["release"] == packed.release_id


def test_monitoring_gets_each_features_importance_and_the_errors_of_the_hold_out(stages: Stages) -> None:
    facts = ChampionFacts.read(json.loads(_pack(stages).files["monitoring.json"]))
    assert set(facts.importance) == set(SPEC.names())
    assert sum(facts.importance.values()) == pytest.approx(1.0)
    assert facts.errors is not None
    reference = facts.errors.reference()
    assert reference.losses.sum() / reference.rows.sum() == pytest.approx(facts.holdout["loss"].estimate)


def test_the_packed_release_restores_with_equal_scores_and_no_pickle(stages: Stages) -> None:
    packed = _pack(stages)
    features = parity_features(_parity(stages), SPEC)
    np.testing.assert_array_equal(
        Scorer.from_files(packed.files).predict(features), stages.challenger.predict(features)
    )
    assert not [name for name in packed.files if name.endswith((".pkl", ".pickle", ".joblib"))]


@pytest.mark.parametrize("change", ["model", "threshold", "evidence", "card", "monitoring", "configuration"])
def test_a_change_anywhere_gives_another_name(stages: Stages, change: str) -> None:
    facts = stages.challenger.facts.model_copy(update={"threshold": 0.123})
    changes: dict[str, Any] = {
        "model": {"scorer": stages.fitted["trees"]},
        "threshold": {"scorer": replace(stages.challenger, facts=facts)},
        "evidence": {"evidence": _worded_otherwise(stages)},
        "card": {"card": "<p>another card</p>"},
        "monitoring": {"monitoring": MONITORING.model_copy(update={"window": MONITORING.window * 2})},
        "configuration": {"configuration": {**CONFIGURATION, "split": {}}},
    }
    assert _pack(stages, **changes[change]).release_id != _pack(stages).release_id


def _configuration(stages: Stages, run: RunSpec = RUN) -> dict[str, Any]:
    return record_configuration(
        stages.evidence, QUESTION_WITH_SLICE, SPEC, CONTRACTS, LeakageLimits(), SPLIT, MODELLING, GATES, MONITORING, run
    )


def test_the_configuration_travels_with_the_release_and_reads_back_as_it_was(stages: Stages) -> None:
    found = json.loads(_pack(stages, configuration=_configuration(stages)).files["configuration.json"])
    assert BusinessQuestion.model_validate(found["business_question"]) == QUESTION_WITH_SLICE
    assert ModellingSpec.model_validate(found["modelling"]) == MODELLING
    assert GateLimits.model_validate(found["gates"]) == GATES
    assert RunSpec.model_validate(found["run"]) == RUN
    assert TableContracts.model_validate(found["contracts"]) == CONTRACTS
    assert set(found) >= {"features", "leakage", "split", "monitoring"}


def test_a_configuration_of_another_moment_than_the_evidence_is_refused(stages: Stages) -> None:
    another = RUN.model_copy(update={"as_of": RUN.as_of + timedelta(days=1)})
    with pytest.raises(ReleaseError, match=r"evidence as of 2024-07-31T22.*, expected run\.as_of 2024-08-01T22"):
        _configuration(stages, another)


def test_a_challenger_that_is_the_champion_is_the_champions_release_however_its_evidence_is_worded(
    stages: Stages,
) -> None:
    champion = _promoted(_pack(stages))
    again = _pack(stages, champion, evidence=_worded_otherwise(stages), card="<p>compared with itself</p>")
    assert again == PackedRelease(champion.scorer.release_id, champion.files, champion.info)


@pytest.mark.parametrize(
    "change", [{"monitoring": MONITORING.model_copy(update={"window": MONITORING.window * 2})}, {}]
)
def test_a_challenger_that_would_be_served_or_monitored_otherwise_is_a_release_of_its_own(
    stages: Stages, change: dict[str, Any]
) -> None:
    champion = _promoted(_pack(stages))
    scorer = stages.challenger if change else stages.fitted["trees"]
    assert _pack(stages, champion, scorer=scorer, **change).release_id != champion.scorer.release_id


def test_a_failed_gate_stops_the_packing_with_every_reason(stages: Stages) -> None:
    evidence: Any = copy.deepcopy(stages.evidence)
    for gate in evidence["gates"][:2]:
        gate.update(passed=False, reason=f"{gate['gate']} is bad")
    message = r"^2 of 11 gates hold the release back:\n  evidence: evidence is bad\n  leakage: leakage is bad$"
    with pytest.raises(GateBlocked, match=message):
        _pack(stages, evidence=evidence)


def test_a_figure_that_is_not_finite_is_never_packed(stages: Stages) -> None:
    evidence: Any = copy.deepcopy(stages.evidence)
    evidence["calibration"]["slope"] = float("nan")
    with pytest.raises(ReleaseError, match="hold a number that is not finite"):
        _pack(stages, evidence=evidence)


def test_parity_rows_are_the_last_test_decisions_with_their_raw_fields(stages: Stages) -> None:
    parity = _parity(stages)
    assert parity["parcel"].tolist() == stages.test["row_id"].tail(GATES.parity_rows).tolist()
    for name in SPEC.names():
        assert parity[f"feature_{name}"].tolist() == stages.test[name].tail(GATES.parity_rows).tolist()


def test_parity_records_are_what_a_client_would_send_and_the_contract_takes(stages: Stages) -> None:
    parity = _parity(stages)
    parity.loc[0, "weight"], parity.loc[1, "depot"] = np.nan, None
    records = json.loads(json.dumps(parity_records(parity, stages.challenger), allow_nan=False))
    assert (records[0]["weight"], records[1]["depot"]) == (None, None)
    columns = stages.challenger.columns(records)
    np.testing.assert_array_equal(
        columns["asked_at"], parity["asked_at"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    )


def test_a_missing_time_is_sent_as_missing(stages: Stages) -> None:
    parity = _parity(stages)
    parity.loc[0, "slot"] = pd.NaT
    assert parity_records(parity, stages.challenger)[0]["slot"] is None


def test_the_history_that_travels_reaches_back_two_longest_windows(stages: Stages) -> None:
    kept = select_history(stages.events, SPEC)
    newest = stages.events["known_at"].max()
    assert len(kept) < len(stages.events)
    assert kept["known_at"].min() >= newest - 2 * SPEC.longest_window()
    assert (stages.events["known_at"] >= newest - 2 * SPEC.longest_window()).sum() == len(kept)


def test_without_events_there_is_no_history_to_travel(stages: Stages) -> None:
    assert select_history(stages.events.head(0), FeatureSpec(numeric=("weight",))).empty
