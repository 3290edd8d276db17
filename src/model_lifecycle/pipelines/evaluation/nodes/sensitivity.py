"""What the answer is worth if an assumption of the business is off."""

import numpy as np

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.value import QuantityCost
from model_lifecycle.reporting.evidence import SensitivityEvidence
from model_lifecycle.tasks import task_of

_FACTORS = (0.5, 2.0)


def sensitivity(
    question: BusinessQuestion,
    outcome: tuple[np.ndarray, np.ndarray],
    times: np.ndarray,
    prediction: np.ndarray,
    action: np.ndarray,
) -> list[SensitivityEvidence]:
    """Multiply one assumption at a time, and decide anew.

    Parameters
    ----------
    question : BusinessQuestion
    outcome : tuple of ndarray
        Target and whether it is unavailable, each of shape (n,).
    times : ndarray of datetime64[us], shape (n,)
        Decision times, for the capacity.
    prediction, action : ndarray
        Of the model. A plan stays as it is, since the model was fitted for its quantile.

    Returns
    -------
    list of SensitivityEvidence
        Values per 1,000 decisions.
    """
    found: list[SensitivityEvidence] = []
    for factor in _FACTORS:
        for assumption, value in question.value.scaled(factor).items():
            task = task_of(question.model_copy(update={"value": value}))
            anew = action if isinstance(value, QuantityCost) else task.at_its_word(prediction, times)
            every = [np.full(len(times), constant) for constant in task.policies.values()]
            trivial = max(float(task.gains(*outcome, task.done(one, times)).mean()) for one in every)
            found.append(
                {
                    "assumption": assumption,
                    "factor": factor,
                    "model": float(task.gains(*outcome, task.done(anew, times)).mean()) * 1000,
                    "trivial": trivial * 1000,
                }
            )
    return sorted(found, key=lambda one: (one["assumption"], one["factor"]))
