from typing import Any

from model_lifecycle.code_version import code_version
from model_lifecycle.pipelines.modelling.nodes.tracking import report_search
from parcels import RUN, Stages


def test_the_report_names_the_best_complete_trial_of_every_candidate(stages: Stages) -> None:
    first: Any = next(trial for trial in stages.trials if trial["candidate"] == "trees")
    lucky = {**first, "number": 3, "state": "pruned", "loss": [0.001]}
    best = {**first, "number": 4, "loss": [0.002, 0.002]}
    trials: Any = [*stages.trials, lucky, best]
    report = report_search(trials, stages.choices, RUN)
    assert report["best"] == {"constant": 1, "logistic": 1, "trees": 4}
    assert report["challenger"] == stages.choices.challenger
    assert report["trials"] == trials
    assert report["tags"] == {"as_of": "2024-07-31T22:00:00+00:00", "seed": "0", "code_version": code_version()}
