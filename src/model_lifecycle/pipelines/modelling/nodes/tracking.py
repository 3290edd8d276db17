"""What experiment tracking is told about a search."""

from model_lifecycle.code_version import code_version
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.trials import SearchReport, Trial
from model_lifecycle.pipelines.modelling.nodes.choice import Choices
from model_lifecycle.pipelines.modelling.nodes.trials import loss_of


def report_search(trials: list[Trial], choices: Choices, run: RunSpec) -> SearchReport:
    """Return all trials with the best one of every candidate, the challenger, and what made the run."""
    best = {
        name: min((trial for trial in trials if trial["candidate"] == name), key=loss_of)["number"]
        for name in choices.candidates
    }
    tags = {"as_of": run.as_of.isoformat(), "seed": str(run.seed), "code_version": code_version()}
    return {"challenger": choices.challenger, "best": best, "tags": tags, "trials": trials}
