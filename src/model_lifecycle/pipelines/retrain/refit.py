"""Refit: what ships may have learnt from the tested rows too, once the gates have passed without them."""

from collections.abc import Callable
from html import escape

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.refit import NOT_REFITTED, RefitReport
from model_lifecycle.contracts.retraining import RetrainingOrder
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.errors import GateBlocked
from model_lifecycle.features.folds import observed_rows
from model_lifecycle.features.tables import to_columns
from model_lifecycle.features.transform import FeatureState
from model_lifecycle.pipelines.modelling.nodes.choice import Choices
from model_lifecycle.pipelines.modelling.nodes.fit import fit_all
from model_lifecycle.reporting.evidence import EvaluationEvidence
from model_lifecycle.scoring import Scorer
from model_lifecycle.statistics.discrimination import rank_correlation

LEAST_AGREEMENT = 0.8  # rank correlation of the two models' scores: on the same configuration they rank alike


def refitter(case: str) -> Callable[..., tuple[Scorer, RefitReport]]:
    """Return the node that refits the challenger of that case where the order says so."""

    def refit_challenger(
        *,
        order: RetrainingOrder,
        challenger: Scorer,
        evidence: EvaluationEvidence,
        choices: Choices,
        train: pd.DataFrame,
        test: pd.DataFrame,
        plan: SplitPlan,
        spec: FeatureSpec,
        state: FeatureState,
        question: BusinessQuestion,
        contracts: TableContracts,
        run: RunSpec,
        gates: GateLimits,
    ) -> tuple[Scorer, RefitReport]:
        """Return what ships: the challenger as it was evaluated, or fitted anew on all that is labelled by ``as_of``.

        Hyper-parameters, calibration and threshold stay as they were chosen. A challenger that a gate holds back is
        returned as it is.

        Raises
        ------
        GateBlocked
            If the refitted model is no kin of the evaluated one.
        """
        passed = all(gate["passed"] for gate in evidence["gates"])
        if not (order.refit and passed):
            return challenger, NOT_REFITTED
        whole = plan.model_copy(update={"test": plan.test.retrained_at(run.as_of)})
        rows = pd.concat([train, test], ignore_index=True)
        only = choices.only_challenger()
        made = fit_all(case, rows, only, whole, spec, state, question, contracts, run)[choices.challenger]
        return made, check_refit(challenger, made, test, run, gates)

    return refit_challenger


def check_refit(
    evaluated: Scorer, refitted: Scorer, test: pd.DataFrame, run: RunSpec, gates: GateLimits
) -> RefitReport:
    """Hold a refitted model against the evaluated one on the tested rows, which it has learnt from.

    A bound for its sanity and no estimate of how good it is: having seen these rows, it must not lose more on them than
    the gates' margin, nor more than their share of what the evaluated model gains over a constant, and must rank them
    much as the evaluated model does.

    Raises
    ------
    GateBlocked
        If it does not.
    """
    features, task = to_columns(test[list(evaluated.spec.names())]), evaluated.task
    observed = observed_rows(test)
    target = test[model_input.TARGET].to_numpy(dtype=np.float64)[observed]
    before, after = evaluated.predict(features), refitted.predict(features)
    constant = task.repeated(task.constant(target), len(target))
    sides = (before[observed], after[observed], constant)
    loss, refitted_loss, constant_loss = (float(task.losses(target, one).mean()) for one in sides)
    most = loss + min(gates.champion_margin, gates.champion_gain_share * max(constant_loss - loss, 0.0))
    scores = [task.score(one) for one in (before, after)]
    # A constant score has no ranks; it is no kin of a model that passed the gates.
    agreement = rank_correlation(*scores) if np.ptp(scores[0]) > 0 else 0.0
    report = RefitReport(
        refitted=True, until=run.as_of, loss_evaluated=loss, loss_refitted=refitted_loss, agreement=agreement
    )
    if refitted_loss > most or agreement < LEAST_AGREEMENT:
        raise GateBlocked(
            f"refit: the model fitted up to {run.as_of.isoformat()} has loss {refitted_loss:.4g} on the tested rows, "
            f"which it has seen, expected at most {most:.4g}, and its ranks agree with those of the evaluated model by "
            f"{agreement:.2f}, expected at least {LEAST_AGREEMENT:g}; the champion stays"
        )
    return report


def tell_refit(page: str, markdown: str, report: RefitReport) -> tuple[str, str]:
    """Return the model card with a note on top where what ships was refitted."""
    if not report.refitted:
        return page, markdown
    note = report.note()
    title, newline, rest = markdown.partition("\n")
    html = f'<p class="callout note"><strong>Refitted.</strong> {escape(note)}</p>\n</header>'
    return page.replace("</header>", html, 1), f"{title}{newline}\n> **Refitted.** {note}\n{rest}"
