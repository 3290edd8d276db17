"""Each kind of leak is planted in an invented world and found; honest worlds are left in peace."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.leakage import LeakageEvidence, LeakageLimits
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.errors import GateBlocked
from model_lifecycle.features.history import History
from model_lifecycle.features.tables import to_columns, to_table
from model_lifecycle.features.transform import FeatureState, compute_features
from model_lifecycle.pipelines.feature_engineering.leakage.nodes import find_leaks
from model_lifecycle.pipelines.modelling.nodes.feasibility import require_no_leak
from model_lifecycle.tasks import task_of
from parcels import QUESTION_WITH_SLICE

START = pd.Timestamp("2024-01-01", tz="UTC")
DAYS, TEST_DAY = 100, 80
QUESTION: BusinessQuestion = QUESTION_WITH_SLICE.model_copy(update={"slices": ()})
DEPOTS = ["north", "south", "east", "west", "harbour", "airport", "market", "castle"]


@dataclass
class World:
    """Decisions, which of their columns are inputs, and what their contract says."""

    table: pd.DataFrame
    numeric: list[str] = field(default_factory=lambda: ["weight", "distance", "age"])
    categorical: list[str] = field(default_factory=lambda: ["depot"])
    contracts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def judged(self, question: BusinessQuestion = QUESTION, **limits: Any) -> LeakageEvidence:
        """Return what the gate says."""
        spec = FeatureSpec(numeric=tuple(self.numeric), categorical=tuple(self.categorical))
        known: dict[str, Any] = {"type": "number", "maximum_missing": 1.0}
        columns = {name: known | self.contracts.get(name, {}) for name in self.table.columns}
        contracts = TableContracts.model_validate({"primary_table": {"columns": columns}})
        columns_of = to_columns(self.table)
        state = FeatureState(priors={}, categories={})
        features = compute_features(spec, state, columns_of, columns_of["asked_at"], History.build(spec, {}))
        row = {
            "row_id": columns_of["parcel"], "row_decision_time": columns_of["asked_at"],
            "row_target": task_of(question).encode(columns_of["late"]),
            "row_outcome": columns_of["outcome"],
        }  # fmt: skip
        train = to_table({**features, **row})[(self.table["asked_at"] < test_start()).to_numpy()]
        return find_leaks(
            self.table, self.table, train.reset_index(drop=True), spec, contracts, plan(), question,
            LeakageLimits.model_validate(limits),
        )  # fmt: skip

    def with_input(self, name: str, values: Any, **contract: Any) -> "World":
        """Return the world with one more column among the inputs."""
        text = isinstance(values, np.ndarray) and values.dtype == object
        return World(
            self.table.assign(**{name: values}),
            self.numeric if text else [*self.numeric, name],
            [*self.categorical, name] if text else self.categorical,
            {**self.contracts, **({name: contract} if contract else {})},
        )


def test_start() -> pd.Timestamp:
    return START + pd.Timedelta(days=TEST_DAY)


test_start.__test__ = False  # type: ignore[attr-defined]


def plan() -> SplitPlan:
    end = START + pd.Timedelta(days=DAYS)
    return SplitPlan.model_validate(
        {"time_zone": "UTC", "folds": [], "test": {"train_start": START, "start": test_start(), "end": end}}
    )


def world(seed: int = 0, rows: int = 3_000, skill: float = 1.0, rate: float = 0.25, unavailable: float = 0.0) -> World:
    """Return honest decisions: inputs that say something of the outcome, and none that says all."""
    rng = np.random.default_rng(seed)
    weight, distance, age = rng.normal(size=(3, rows))
    depot = rng.choice(DEPOTS, rows)
    level = dict(zip(DEPOTS, rng.normal(scale=0.5, size=len(DEPOTS)), strict=True))
    drift = skill * (weight + 0.5 * distance) + np.array([level[one] for one in depot])
    late = rng.uniform(size=rows) < expit(np.log(rate / (1 - rate)) + drift)
    lost = rng.uniform(size=rows) < unavailable
    asked = START + pd.to_timedelta(np.sort(rng.uniform(0, DAYS * 86_400, rows)), unit="s").round("s")
    return World(
        pd.DataFrame(
            {
                "parcel": [f"P-{number}" for number in range(rows)],
                "asked_at": asked.astype("datetime64[us, UTC]"),
                "delivered_at": (asked + pd.Timedelta(hours=20)).astype("datetime64[us, UTC]"),
                "weight": weight, "distance": distance, "age": age, "depot": pd.Series(depot, dtype="str"),
                "late": np.where(lost, np.nan, late.astype(float)),
                "outcome": np.where(lost, "unavailable", "observed"),
            }
        )
    )  # fmt: skip


def noise(seed: int, rows: int, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=scale, size=rows)


def late(given: World) -> np.ndarray:
    return given.table["late"].to_numpy(dtype=np.float64)


def text(values: Any) -> np.ndarray:
    found = [str(value) for value in values]
    column = np.empty(len(found), dtype=object)
    column[:] = found
    return column


def copy_of_the_target(given: World) -> World:
    return given.with_input("refund", late(given) * 12.5 + noise(1, len(given.table), 0.5))


def bends_with_the_target(given: World) -> World:
    side = np.where(noise(2, len(given.table)) > 0, 1.0, -1.0)
    return given.with_input("swing", side * (1 + late(given)) + noise(3, len(given.table), 0.1))


def category_of_the_outcome(given: World) -> World:
    return given.with_input("state", text(np.where(late(given) == 1, "complaint", "closed")))


def difference_of_two(given: World) -> World:
    planned = noise(4, len(given.table), 50.0)
    actual = planned + np.where(late(given) == 1, 1.0, -1.0) * np.abs(noise(5, len(given.table))) + 0.0
    return given.with_input("planned", planned).with_input("actual", actual)


def ratio_of_two(given: World) -> World:
    paid = np.exp(noise(6, len(given.table), 2.0))
    return given.with_input("paid", paid).with_input("due", paid * np.where(late(given) == 1, 2.0, 0.5))


def equal_to_another(given: World) -> World:
    place = text(np.random.default_rng(7).choice(DEPOTS, len(given.table)))
    other = text(np.random.default_rng(8).choice(DEPOTS, len(given.table)))
    moved = np.where(other == place, "elsewhere", other)
    return given.with_input("planned_place", place).with_input("place", text(np.where(late(given) == 1, moved, place)))


def sum_of_three(given: World) -> World:
    first, second = noise(9, len(given.table), 5.0), noise(10, len(given.table), 5.0)
    third = late(given) * 4.0 - first - second + noise(11, len(given.table), 0.3)
    return given.with_input("first", first).with_input("second", second).with_input("third", third)


def id_that_encodes(given: World) -> World:
    numbers = np.random.default_rng(12).integers(10**6, 10**7, len(given.table)) * 2 + late(given).astype(int)
    return given.with_input("ticket", text(f"T{number}" for number in numbers))


def id_with_a_prefix(given: World) -> World:
    numbers = np.random.default_rng(13).integers(10**6, 10**7, len(given.table))
    letters = np.where(late(given) == 1, "RX", "AX")
    return given.with_input("ticket", text(f"{one}-{n}" for one, n in zip(letters, numbers, strict=True)))


def encoded_on_all_rows(given: World) -> World:
    return given.with_input("depot_rate", given.table.groupby("depot")["late"].transform("mean").to_numpy())


def encoded_and_smoothed(given: World) -> World:
    by = given.table.groupby("depot")["late"]
    smoothed = (by.transform("sum") + 20 * given.table["late"].mean()) / (by.transform("count") + 20)
    return given.with_input("depot_rate", smoothed.round(4).to_numpy())


def encoded_without_itself(given: World) -> World:
    by = given.table.groupby("depot")["late"]
    return given.with_input(
        "depot_rate", ((by.transform("sum") - late(given)) / (by.transform("count") - 1)).to_numpy()
    )


def missing_where_late(given: World) -> World:
    gone = (late(given) == 1) & (np.random.default_rng(14).uniform(size=len(given.table)) < 0.2)
    return given.with_input("driver_score", np.where(gone, np.nan, noise(15, len(given.table))))


def twins_in_the_test(given: World) -> World:
    table = given.table.copy()
    test = table.index[table["asked_at"] >= test_start()][:40]
    content = ["weight", "distance", "age", "depot", "late"]
    table.loc[test, content] = table.loc[table.index[100:140], content].to_numpy()
    return World(table)


def known_with_the_label(given: World) -> World:
    return given.with_input("door_time", noise(16, len(given.table)), known="label")


def known_after_the_decision(given: World) -> World:
    published = given.table["asked_at"] + pd.to_timedelta(np.arange(len(given.table)) % 3 - 1, unit="h")
    found = given.with_input("rain", noise(17, len(given.table)), known_at="published")
    return World(found.table.assign(published=published), found.numeric, found.categorical, {
        **found.contracts, "published": {"type": "time"}
    })  # fmt: skip


PLANTED: list[tuple[Callable[[World], World], str, set[str]]] = [
    (copy_of_the_target, "column reproduces the target", {"refund"}),
    (bends_with_the_target, "column reproduces the target", {"swing"}),
    (category_of_the_outcome, "column reproduces the target", {"state"}),
    (difference_of_two, "pair reproduces the target", {"planned", "actual"}),
    (ratio_of_two, "pair reproduces the target", {"paid", "due"}),
    (equal_to_another, "pair reproduces the target", {"planned_place", "place"}),
    (sum_of_three, "sum reproduces the target", {"first", "second", "third"}),
    (id_that_encodes, "id encodes the target", {"ticket"}),
    (id_with_a_prefix, "id encodes the target", {"ticket"}),
    (encoded_on_all_rows, "target encoding over all rows", {"depot_rate"}),
    (encoded_and_smoothed, "target encoding over all rows", {"depot_rate"}),
    (encoded_without_itself, "column reproduces the target", {"depot_rate"}),
    (missing_where_late, "missing value tells the outcome", {"driver_score"}),
    (twins_in_the_test, "row in train and test", set()),
    (known_with_the_label, "known too late", {"door_time"}),
    (known_after_the_decision, "known too late", {"rain"}),
]


@pytest.mark.parametrize(("plant", "check", "columns"), PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_a_planted_leak_is_found(plant: Callable[[World], World], check: str, columns: set[str]) -> None:
    found = plant(world()).judged()
    assert not found["passed"]
    assert [leak for leak in found["leaks"] if leak["check"] == check and set(leak["columns"]) == columns], found
    with pytest.raises(GateBlocked, match=check):
        require_no_leak(found)


def test_findings_are_told_where_no_model_follows_that_they_would_stop(caplog: pytest.LogCaptureFixture) -> None:
    """As in ``kedro run --pipelines feature_engineering``."""
    known_with_the_label(world()).judged()
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told.startswith("leakage: 1 findings stop the search for a model:\n  known too late: door_time is known")
    caplog.clear()
    world().judged()
    assert not caplog.records


def test_the_same_id_in_train_and_test_is_found() -> None:
    given = world()
    given.table.loc[given.table.index[-1], "parcel"] = "P-3"
    assert [leak["message"] for leak in given.judged()["leaks"]] == [
        "1 decision ids stand in training and test rows, such as ['P-3']"
    ]


AMOUNT = BusinessQuestion.model_validate(
    QUESTION.model_dump()
    | {"task": "regression", "value": {"unit": "EUR", "source": "an assumption", "under": 2.0, "over": 1.0}}
)
KIND = BusinessQuestion.model_validate(
    QUESTION.model_dump()
    | {
        "task": "multiclass",
        "value": {
            "unit": "EUR", "source": "an assumption", "classes": ["in time", "late", "lost"], "default": "wait",
            "actions": {"wait": {"in time": 0, "late": 0, "lost": 0}, "ask": {"in time": -1, "late": 2, "lost": 5}},
        },
    }
)  # fmt: skip


def test_a_gap_that_tells_one_class_of_several_is_found() -> None:
    """As the tail number of a flight: it is missing exactly where the flight was cancelled."""
    given = world()
    lost = np.random.default_rng(4).uniform(size=len(given.table)) < 0.03
    kind = np.where(lost, "lost", np.where(given.table["late"] == 1.0, "late", "in time"))
    honest = World(given.table.assign(late=kind), given.numeric, given.categorical)
    assert honest.judged(KIND)["passed"]
    gaps = honest.with_input("driver", np.where(lost, np.nan, np.arange(len(lost)) % 7.0)).judged(KIND)
    assert {(leak["check"], *leak["columns"]) for leak in gaps["leaks"]} >= {
        ("missing value tells the outcome", "driver"), ("column reproduces the target", "driver")
    }  # fmt: skip


def test_a_numeric_target_that_two_inputs_add_up_to_is_found() -> None:
    """As in a well-known template: the casual and the registered riders add up to all of them."""
    rng = np.random.default_rng(3)
    given = world()
    casual, registered = rng.poisson(30, len(given.table)), rng.poisson(150, len(given.table))
    given.table["late"] = (casual + registered).astype(float)
    sums = given.with_input("casual", casual.astype(float)).with_input("registered", registered.astype(float))
    found = sums.judged(AMOUNT)
    assert found["leaks"][0]["check"] == "pair reproduces the target"
    assert set(found["leaks"][0]["columns"]) == {"casual", "registered"}


def hours(given: World, seed: int = 31) -> World:
    """Return the world with a quantity of a heavy tail for its outcome, which an honest input says something of."""
    given.table["late"] = np.exp(0.5 * given.table["weight"] + noise(seed, len(given.table), 1.2)).round(2)
    return given


@pytest.mark.parametrize(
    "bent", [np.log1p, np.square, lambda values: 1 / (values + 0.1), lambda values: values.argsort().argsort()]
)
def test_a_bent_copy_of_a_quantity_is_found(bent: Callable[[np.ndarray], np.ndarray]) -> None:
    given = hours(world())
    found = given.with_input("effort", bent(late(given)).astype(float)).judged(AMOUNT)
    assert [(leak["check"], leak["columns"]) for leak in found["leaks"]] == [
        ("column reproduces the target", ["effort"])
    ]


def test_a_quantity_that_two_inputs_multiply_to_is_found() -> None:
    given = hours(world())
    rate = np.exp(noise(32, len(given.table)))
    found = given.with_input("rate", rate).with_input("bill", rate * late(given)).judged(AMOUNT)
    assert [(leak["check"], set(leak["columns"])) for leak in found["leaks"]] == [
        ("pair reproduces the target", {"rate", "bill"})
    ]


def test_a_mean_of_the_others_is_found_where_a_category_with_one_row_has_none() -> None:
    given = hours(world())
    given.table["depot"] = text(f"D{number}" for number in np.random.default_rng(33).geometric(0.02, len(given.table)))
    by = given.table.groupby("depot")["late"]
    others = (by.transform("sum") - late(given)) / (by.transform("count") - 1)
    assert others.isna().any()
    found = given.with_input("depot_mean", others.to_numpy()).judged(AMOUNT)
    assert [(leak["check"], leak["columns"]) for leak in found["leaks"]] == [
        ("target encoding over all rows", ["depot_mean"])
    ]


def mostly_nothing(given: World) -> World:
    """An honest switch tells where the quantity is zero, as a closed shop sells nothing."""
    shut = np.random.default_rng(34).uniform(size=len(given.table)) < 0.9
    given.table["late"] = np.where(shut, 0.0, given.table["late"])
    return given.with_input("shut", shut.astype(float))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("options", [{}, {"rows": 300}, {"rows": 40}])
@pytest.mark.parametrize("shape", [lambda given: given, mostly_nothing])
def test_honest_inputs_of_a_quantity_are_left_in_peace(
    shape: Callable[[World], World], options: dict[str, Any], seed: int
) -> None:
    given = shape(hours(constants_and_gaps(world(seed, **options)), seed + 31))
    assert given.judged(AMOUNT)["leaks"] == []


def honest_encoding(given: World) -> World:
    before = given.table[given.table["delivered_at"] < test_start()]
    rates = before.groupby("depot")["late"].mean()
    return given.with_input("depot_rate", given.table["depot"].map(rates).to_numpy())


def few_categories_that_repeat(given: World) -> World:
    return World(given.table, [], ["depot"])


def constants_and_gaps(given: World) -> World:
    gone = np.random.default_rng(21).uniform(size=len(given.table)) < 0.3
    return (
        given.with_input("nothing", np.full(len(given.table), np.nan))
        .with_input("same", np.ones(len(given.table)))
        .with_input("gaps", np.where(gone, np.nan, noise(22, len(given.table))))
        .with_input("ticket", text(f"T{n}" for n in np.random.default_rng(23).integers(10**6, size=len(given.table))))
    )


def as_it_is(given: World) -> World:
    return given


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("options", [{}, {"skill": 2.5}, {"rate": 0.01, "rows": 6_000}, {"rows": 300}, {"rows": 40}])
@pytest.mark.parametrize("shape", [as_it_is, honest_encoding, few_categories_that_repeat, constants_and_gaps])
def test_honest_inputs_are_left_in_peace(shape: Callable[[World], World], options: dict[str, Any], seed: int) -> None:
    assert shape(world(seed, **options)).judged()["leaks"] == []


def parking_on_arrival(given: World) -> World:
    asked = (late(given) == 0) & (np.random.default_rng(24).uniform(size=len(given.table)) < 0.08)
    return given.with_input("parking", np.where(asked, 1.0 + np.arange(len(given.table)) % 60, 0.0))


def test_a_value_that_never_goes_with_an_outcome_is_noted_and_blocks_nothing() -> None:
    found = parking_on_arrival(world(rate=0.07)).judged()
    assert found["passed"]
    (note,) = found["notes"]
    assert (note["check"], note["columns"]) == ("value tells the outcome", ["parking"])
    assert note["message"].startswith("parking is not 0 on ")
    assert "0.0% of which have outcome 1" in note["message"]


def test_a_private_value_that_never_goes_with_an_outcome_is_not_quoted() -> None:
    given = world()
    state = np.where((late(given) == 0) & (np.arange(len(given.table)) % 9 == 0), "secret", "other")
    told = given.with_input("state", text(state), type="category", private=True).judged()["notes"]
    assert [note["message"].split(" on ")[0] for note in told] == ["state is one private value"]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("options", [{}, {"skill": 2.5}, {"rate": 0.01, "rows": 6_000}, {"rows": 40}])
def test_no_value_of_honest_inputs_is_noted(options: dict[str, Any], seed: int) -> None:
    """Among them a constant, and categories that are too rare to say anything."""
    given = constants_and_gaps(world(seed, **options))
    rare = np.random.default_rng(25).integers(len(given.table) // 15, size=len(given.table))
    assert given.with_input("street", text(rare)).judged()["notes"] == []


def test_a_pair_that_is_exempt_hides_no_sum_of_other_columns() -> None:
    found = sum_of_three(difference_of_two(world())).judged(exempt={"planned": "checked", "actual": "checked"})
    assert [set(one["columns"]) for one in found["exempt"]] == [{"planned", "actual"}]
    assert [set(leak["columns"]) for leak in found["leaks"]] == [{"first", "second", "third"}]


def test_a_value_that_became_known_nobody_knows_when_is_known_too_late_and_a_missing_value_is_not() -> None:
    given = world()
    given.table["published"] = given.table["asked_at"].mask(given.table.index == 7)
    given.contracts["published"] = {"type": "time"}
    rain = noise(17, len(given.table))
    (leak,) = given.with_input("rain", rain, known_at="published").judged()["leaks"]
    assert (leak["check"], leak["columns"]) == ("known too late", ["rain"])
    assert f"on 1 of {len(rain):,} rows, such as at an unknown time for a decision at" in leak["message"]
    rain[7] = np.nan
    assert given.with_input("rain", rain, known_at="published").judged()["leaks"] == []


def test_an_exempted_column_is_told_with_its_reason_and_does_not_block() -> None:
    found = copy_of_the_target(world()).judged(exempt={"refund": "paid before the decision, checked with finance"})
    assert found["passed"]
    assert [one["reason"] for one in found["exempt"]] == ["paid before the decision, checked with finance"]
    require_no_leak(found)


def test_a_pair_of_which_one_column_has_a_reason_still_blocks() -> None:
    given = difference_of_two(world())
    (leak,) = given.judged()["leaks"]
    one, other = leak["columns"]
    assert given.judged(exempt={one: "checked"})["leaks"] == [leak]
    found = given.judged(exempt={one: "checked", other: "a plan"})
    assert found["passed"]
    assert [told["reason"] for told in found["exempt"]] == ["checked; a plan"]


def test_a_column_that_is_missing_where_there_is_no_outcome_is_noted() -> None:
    given = world(unavailable=0.05)
    lost = (given.table["outcome"] == "unavailable").to_numpy()
    found = given.with_input("driver", np.where(lost, np.nan, noise(18, len(lost)))).judged()
    assert found["passed"]
    assert [note["columns"] for note in found["notes"]] == [["driver"]]
