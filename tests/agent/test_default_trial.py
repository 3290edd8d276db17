"""The trial as the project ships it, on live decisions in a real store: it withdraws what is worse, and only that."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from agent_world import START, AgentWorld, Make, decision
from answered_worse import PER_DAY, SINCE, worse_answers
from model_lifecycle.agent import trial
from model_lifecycle.contracts.records import LabelRecord, PredictionRecord
from model_lifecycle.store import Store
from tiny_release import scorer

DAYS = 10
_LOGGED = ["decision_id", "decision_time", "release", "score", "inputs"]
ROLLOUT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "conf" / "base" / "parameters_monitoring.yml").read_text(encoding="utf-8")
)["policy"]["rollout"]


def _log(url: str, rows: pd.DataFrame) -> None:
    with Store.open(url) as store:
        answers = [
            PredictionRecord(name, name, at.to_pydatetime(), at.to_pydatetime(), release, score, "act", 0.4, 0, inputs)
            for name, at, release, score, inputs in rows[_LOGGED].itertuples(index=False)
        ]
        store.append_predictions(answers)
        known = [
            LabelRecord(one.decision_id, one.decision_time, "observed", value, None, one.decision_time)
            for one, value in zip(answers, rows["value"], strict=True)
        ]
        store.append_labels(known)


def _champion_answers(better: float | np.ndarray) -> pd.DataFrame:
    """Answer as the candidate would, moved towards the outcome by so much."""
    rows = worse_answers(scorer("parcels-first"), DAYS, worse=0.0)
    toward = 2.0 * rows["value"] - 1.0
    times = rows["decision_time"] + (START - SINCE)
    return rows.assign(score=np.clip(rows["score"] + better * toward, 0.01, 0.99), decision_time=times)


def _promoted(make: Make, world: AgentWorld, rows: pd.DataFrame, tmp_path: Path) -> list[int]:
    url = f"sqlite:///{tmp_path}/live.db"
    _log(url, rows)
    world.judge = lambda *asked: trial.compare(world.registry, url, *asked)
    world.decisions[START] = decision("retrain")
    make(**ROLLOUT).run(until=START + timedelta(days=DAYS))
    return world.promotions()


def test_a_candidate_that_loses_on_every_day_is_withdrawn_within_the_default_trial(
    make: Make, world: AgentWorld, store: Store, tmp_path: Path
) -> None:
    # 0.06 nats, and 0.03 from day to day: shadow or canary alone would not tell.
    a_day = np.array([0.05, 0.01, 0.04, 0.02, 0.05, 0.02, 0.03, 0.04, 0.02, 0.03])
    assert _promoted(make, world, _champion_answers(np.repeat(a_day, PER_DAY)), tmp_path) == [1]
    last = store.audit()[-1]
    assert (last.action, last.release) == ("withdrawn", "parcels-07-01")
    assert last.at == START + timedelta(days=7)
    assert "worse in canary" in last.reason


def test_a_candidate_as_good_as_the_champion_comes_through_the_default_trial(
    make: Make, world: AgentWorld, store: Store, tmp_path: Path
) -> None:
    rows = _champion_answers(0.0)
    by_chance = np.random.default_rng(3).choice([-0.15, 0.15], len(rows))
    assert _promoted(make, world, _champion_answers(by_chance), tmp_path) == [1, 2]
    assert [one.action for one in store.audit()][2:5] == ["shadow began", "canary began", "promote"]
