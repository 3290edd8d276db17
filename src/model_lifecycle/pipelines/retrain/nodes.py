"""What a retraining learns from and what it is tested on: the policy's window, trusted rows, an unseen test."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import numpy as np
import pandas as pd

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.model_input import PENDING
from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.contracts.records import AuditRecord
from model_lifecycle.contracts.retraining import RetrainingOrder, RetrainingSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.contracts.trail import ORDERED, blocked_spans
from model_lifecycle.errors import ConfigurationError, FeatureError, GateBlocked
from model_lifecycle.features.folds import learnt_since, periods_before
from model_lifecycle.pipelines.feature_engineering.nodes import plan_split
from model_lifecycle.scoring import Scorer

_DAY = pd.Timedelta(days=1)


class InProduction(Protocol):
    """What the catalog loads as ``champion``."""

    @property
    def scorer(self) -> Scorer:
        """The champion's scorer."""
        ...

    @property
    def info(self) -> Mapping[str, object]:
        """The facts of its manifest."""
        ...


def order_retraining(
    retraining: RetrainingSpec,
    run: RunSpec,
    policy: PolicySpec,
    trail: Sequence[AuditRecord],
    champion: InProduction | None,
    split: SplitSpec,
) -> RetrainingOrder:
    """Return what is to be done, before any data is read.

    Raises
    ------
    ConfigurationError
        If ``run.as_of`` is not later than the champion's, or the trail knows no such order.
    GateBlocked
        If the policy holds retrainings while windows that one would learn from failed data quality.
    """
    if champion is not None and run.as_of <= datetime.fromisoformat(str(champion.info["created_as_of"])):
        raise ConfigurationError(
            f"retrain: run.as_of is {run.as_of.isoformat()}, and the champion {champion.scorer.release_id} was made as "
            f"of {champion.info['created_as_of']}; expected a later moment: --params run.as_of=<ISO 8601 time>"
        )
    if champion is None and not retraining.promote:
        raise ConfigurationError("retrain: no champion yet, so nobody decides about a candidate; run `kedro run` first")
    excluded = tuple(span for span in blocked_spans(trail) if span[0] < run.as_of)
    since = learnt_since(run.as_of, policy.training.applied(split))
    holding = [span for span in excluded if since is None or span[1] > since]
    if holding and policy.blocked_rows == "hold":
        spans = ", ".join(f"{start.isoformat()} to {end.isoformat()}" for start, end in holding)
        raise GateBlocked(f"retraining is held (policy.blocked_rows: hold): the data of {spans} failed data quality")
    requester, reason = retraining.requester, retraining.reason
    if retraining.order is not None:
        found = [one for one in trail if one.action == ORDERED and one.details.get("order") == retraining.order]
        if not found:
            raise ConfigurationError(f"retraining.order {retraining.order!r}: the audit trail knows no such order")
        requester, reason = found[-1].actor, found[-1].reason
    return RetrainingOrder(
        order=retraining.order,
        as_of=run.as_of,
        requester=requester,
        reason=reason[:2000],
        training=policy.training,
        refit=policy.refit,
        promote=retraining.promote,
        excluded=excluded,
    )


def plan_retraining(
    known: pd.DataFrame,
    order: RetrainingOrder,
    split: SplitSpec,
    run: RunSpec,
    question: BusinessQuestion,
    monitoring: MonitoringSpec,
    champion: InProduction | None,
) -> tuple[SplitPlan, pd.DataFrame]:
    """Lay the test on the latest mature window that the champion was not trained on; leave rows out that failed.

    Returns
    -------
    plan, primary
        The split by the policy's training window, and the decisions that may be used: those before the end of the
        test, without the excluded spans.

    Raises
    ------
    FeatureError
        If no window is mature, or the champion has seen all of it.
    """
    times = known[question.decision_time]
    trusted = np.ones(len(known), dtype=bool)
    for start, end in order.excluded:
        trusted &= ~((times >= start) & (times < end)).to_numpy(dtype=bool)
    table = known[trusted]
    end = mature_end(table, question, split, run, monitoring.minimum_label_share)
    table = table[table[question.decision_time] < end].reset_index(drop=True)
    as_of = (end + split.label_delay).to_pydatetime()
    plan = plan_split(table, order.training.applied(split), run.model_copy(update={"as_of": as_of}), question)
    return (plan if champion is None else _unseen(plan, champion.scorer)), table


def mature_end(
    table: pd.DataFrame, question: BusinessQuestion, split: SplitSpec, run: RunSpec, share: float
) -> pd.Timestamp:
    """Return the latest end of a test window of which enough outcomes are known.

    It lies whole days before ``as_of``, and ``split.label_delay`` at the least.

    Raises
    ------
    FeatureError
        If there is none.
    """
    times = table[question.decision_time].dt.tz_convert("UTC")
    settled = (table[question.outcome] != PENDING).to_numpy(dtype=bool)
    end = pd.Timestamp(run.as_of) - split.label_delay
    while end > times.min():
        inside = ((times >= periods_before(end, split, split.test_periods)) & (times < end)).to_numpy(dtype=bool)
        if inside.any() and settled[inside].mean() >= share:
            return end
        end -= _DAY
    raise FeatureError(
        f"retrain: up to run.as_of {run.as_of.isoformat()} no window of {split.test_periods} {split.period} has "
        f"outcomes of {share:.0%} of its decisions; expected one to test on"
    )


def _unseen(plan: SplitPlan, champion: Scorer) -> SplitPlan:
    """Let the test begin where the champion's training data end, if it was trained on a part of it."""
    until = datetime.fromisoformat(champion.facts.trained_until)
    if until <= plan.test.start:
        return plan
    if until >= plan.test.end:
        raise FeatureError(
            f"retrain: the champion {champion.release_id} was trained until {until.isoformat()}, and outcomes are "
            f"mature until {plan.test.end.isoformat()}; expected decisions since that neither model was trained on"
        )
    return plan.model_copy(update={"test": plan.test.started_at(until)})
