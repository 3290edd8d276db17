import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_lifecycle.errors import ContractError
from model_lifecycle.reporting.evidence import GateEvidence
from model_lifecycle.reporting.run_evidence import RunEvidence
from model_lifecycle.reporting.summary import run_summary


def gate(name: str, *, passed: bool, reason: str = "because") -> GateEvidence:
    return {"gate": name, "passed": passed, "reason": reason, "figures": {}}


def test_a_summary_tells_what_a_reader_wants_to_know_first(run: RunEvidence) -> None:
    told = run_summary(run)

    for words in (
        "Which parcels shall the depot send by courier",
        "hold-out 2021-06-01 to 2021-07-01: 27,000 decisions, 26,400 observed, 600 unavailable, 0 pending",
        "catboost (challenger)  0.531 [0.501, 0.561]  0.762 [0.742, 0.782]",
        "constant (baseline)    0.630 [0.600, 0.660]  0.500 [0.480, 0.520]  -0.099 [-0.111, -0.087]",
        "value, minutes per 1,000 decisions",
        "act on the model's advice         4,210 [3,310, 5,110]",
        'success not shown: 4,210 [3,310, 5,110] minutes over "never act", of at least 4,000 declared',
        "weak slices: 3 of the 1,240 searched; surest depot: East <b>, weight: 12.5 to 25: positive 41.0%",
        "gates: all 4 passed",
        "release: parcels-20210701-1a2b3c4d, version 3 in the registry",
        "promoted to champion: all gates passed",
        "data/08_reporting/parcels/model_card.html",
        "make viz",
        "make lab",
        "make serve",
        "make loop",
    ):
        assert words in told


@pytest.mark.parametrize(("least", "said"), [(3_310.0, "shown"), (5_110.0, "not shown"), (5_111.0, "not reached")])
def test_the_gain_is_held_against_the_least_that_the_question_declares(
    run: RunEvidence, least: float, said: str
) -> None:
    run["evaluation"]["success"]["minimum_value_per_1000"] = least
    told = next(line for line in run_summary(run).splitlines() if line.endswith(f"{least:,.0f} declared"))
    assert told.startswith(f"success {said}: ")


def test_a_release_of_before_tells_nothing_of_success(run: RunEvidence) -> None:
    del run["evaluation"]["success"]
    assert "declared" not in run_summary(run)


def test_a_blocked_run_says_so_and_what_stays_in_production(run: RunEvidence) -> None:
    run["gates"].append(gate("non_inferiority", passed=False, reason="log loss 0.010 above the champion's"))
    run["release"] = {
        "release_id": None,
        "digest": None,
        "version": None,
        "promoted": False,
        "reason": "gate non_inferiority failed",
        "champion": "parcels-20210601-00000000",
    }
    lines = run_summary(run).splitlines()

    place = lines.index("gates: 4 of 5 passed")
    assert lines[place + 1] == "  FAIL  non_inferiority  log loss 0.010 above the champion's"
    assert "release: none, the gates came first" in lines
    assert "  NOT promoted: gate non_inferiority failed; in production: parcels-20210601-00000000" in lines


def test_the_champion_is_compared_on_the_same_decisions(run: RunEvidence) -> None:
    evaluation = run["evaluation"]
    evaluation["champion"] = "parcels-1"
    evaluation["metrics"]["parcels-1"] = evaluation["metrics"]["logistic"]
    evaluation["differences"].append({**evaluation["differences"][0], "against": "parcels-1"})

    assert "parcels-1 (champion)   0.571 [0.541, 0.601]  0.711 [0.691, 0.731]  -0.040 [-0.052, -0.028]" in run_summary(
        run
    )


def test_gates_that_find_no_room_are_counted(run: RunEvidence) -> None:
    run["gates"] = [gate(f"passed_{n}", passed=True) for n in range(30)] + [gate("broken", passed=False)]
    lines = run_summary(run).splitlines()

    assert lines[lines.index("gates: 30 of 31 passed") + 1].startswith("  FAIL  broken")
    assert any("more passed, 0 more failed" in line for line in lines)


def test_the_fullest_summary_still_lists_some_gates(run: RunEvidence) -> None:
    evaluation = run["evaluation"]
    evaluation["champion"] = "parcels-1"
    evaluation["question"]["question"] = "Which of these shall be acted on? " * 30
    for name in ("parcels-1", "always_mean", "last_week"):
        evaluation["metrics"][name] = evaluation["metrics"]["constant"]
    evaluation["baselines"] += ["always_mean", "last_week"]
    evaluation["value"]["champion"] = evaluation["value"]["model"]
    run["gates"] = [gate(f"gate_{n}", passed=n > 3, reason="because " * 40) for n in range(20)]
    run["reports"] = {f"report {n}": "data/08_reporting/" + "deep/" * 30 for n in range(9)}
    lines = run_summary(run).splitlines()

    assert len(lines) == 35
    assert max(map(len, lines)) == 100
    assert [line.split()[1] for line in lines if line.startswith("  FAIL")] == ["gate_0", "gate_1", "gate_2", "gate_3"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    gates=st.lists(st.tuples(st.text(min_size=1, max_size=60), st.booleans(), st.text(max_size=300)), max_size=25),
    question=st.text(min_size=10, max_size=600),
    reports=st.dictionaries(st.text(min_size=1, max_size=30), st.text(max_size=200), max_size=9),
)
def test_a_summary_never_takes_more_than_35_lines_of_100_columns(
    run: RunEvidence, gates: list[tuple[str, bool, str]], question: str, reports: dict[str, str]
) -> None:
    evaluation = {**run["evaluation"], "question": {**run["evaluation"]["question"], "question": question}}
    listed = [gate(name, passed=passed, reason=reason) for name, passed, reason in gates]
    told = run_summary({**run, "evaluation": evaluation, "gates": listed, "reports": reports})  # type: ignore[typeddict-item]

    lines = told.splitlines()
    assert len(lines) <= 35
    assert max(map(len, lines)) <= 100


def test_a_summary_of_something_else_is_refused(run: RunEvidence) -> None:
    with pytest.raises(ContractError, match=r"evidence 'RunEvidence': release: missing"):
        run_summary({key: value for key, value in run.items() if key != "release"})  # type: ignore[arg-type]
