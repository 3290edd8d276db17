"""Fit every candidate on all that was known before the test window."""

import hashlib
import logging
from collections.abc import Callable

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.features.folds import features_of, row_weights, training_rows
from model_lifecycle.features.transform import FeatureState
from model_lifecycle.models import load_family
from model_lifecycle.pipelines.modelling.nodes.choice import Choices
from model_lifecycle.scoring import Scorer, ScoringFacts, input_contract
from model_lifecycle.tasks import task_of

_log = logging.getLogger(__name__)
_UNNAMED = "unnamed"  # a release gets its name when it is packed


def fitter(case: str) -> Callable[..., tuple[dict[str, Scorer], Scorer, dict[str, str]]]:
    """Return the node that fits the candidates of that case."""

    def fit_candidates(
        train: pd.DataFrame,
        choices: Choices,
        plan: SplitPlan,
        spec: FeatureSpec,
        state: FeatureState,
        question: BusinessQuestion,
        contracts: TableContracts,
        run: RunSpec,
    ) -> tuple[dict[str, Scorer], Scorer, dict[str, str]]:
        """Return a scorer for each candidate, the challenger's, and the digests of the challenger fitted once more.

        The challenger is what is evaluated and, if it passes, shipped; the second fit shows whether it can be made
        again.
        """
        fitted = fit_all(case, train, choices, plan, spec, state, question, contracts, run)
        again = fit_all(case, train, choices.only_challenger(), plan, spec, state, question, contracts, run)
        files = again[choices.challenger].model.to_files()
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        return fitted, fitted[choices.challenger], digests

    return fit_candidates


def fit_all(
    case: str,
    train: pd.DataFrame,
    choices: Choices,
    plan: SplitPlan,
    spec: FeatureSpec,
    state: FeatureState,
    question: BusinessQuestion,
    contracts: TableContracts,
    run: RunSpec,
) -> dict[str, Scorer]:
    """Return a scorer for each candidate, fitted on all that was decided and labelled before the test window."""
    contract = input_contract(contracts.table("primary_table"), question, spec)
    rows = training_rows(train, plan.test)
    features, target = features_of(train, spec, rows), train[model_input.TARGET].to_numpy(dtype=np.float64)[rows]
    weight = row_weights(train, rows, plan.test, plan.half_life)
    task = task_of(question)
    fitted: dict[str, Scorer] = {}
    for name, choice in choices.candidates.items():
        model = load_family(choice.family).fit(
            features, target, choice.parameters, run.seed, run.threads, task.objective, weight
        )
        facts = ScoringFacts(
            release_id=_UNNAMED,
            case=case,
            model=name,
            as_of=run.as_of.isoformat(),
            trained_until=plan.test.start.isoformat(),
            constant=task.constant(target),
            family=choice.family,
            threshold=choice.threshold,
            calibration=choice.calibration,
            question=question,
            features=spec,
            state=state,
            contract=contract,
        )
        fitted[name] = Scorer(facts, model)
        _log.info("%s: fitted on %s rows", name, f"{len(target):,}")
    return fitted
