"""The back-test in a screenful."""

from model_lifecycle.reporting import text
from model_lifecycle.reporting.backtest import regret, unheard, verdict
from model_lifecycle.reporting.backtest_evidence import BacktestEvidence
from model_lifecycle.reporting.checking import checked
from model_lifecycle.reporting.summary import aligned


def backtest_summary(found: BacktestEvidence) -> str:
    """Write what a person wants to know at the end of the run.

    Raises
    ------
    ContractError
        If the evidence has another shape.
    """
    found = checked(BacktestEvidence, found)
    question, zone = found["question"], found["time_zone"]
    ranking = text.metric_of(question["ranking"])
    against = {one["policy"]: one for one in found["against_never"]}
    head = ["policy", f"{question['unit']} per 1,000", f"less {found['never']}", ranking.label, "retrained", "promoted"]
    table = [[*head, "alarms"]]
    for one in found["policies"]:
        less = against.get(one["policy"])
        table.append(
            [
                f"  {one['policy']}{' (present)' if one['policy'] == found['present'] else ''}",
                text.interval(one["value"], 0),
                "" if less is None else text.interval(less["interval"], 1),
                text.interval(one["ranking"], ranking.digits),
                *(str(one[count]) for count in ("retrainings", "promotions", "alarms")),
            ]
        )
    return "\n".join(
        [
            (
                f"back-test of {question['case']}: {found['decisions']:,} decisions, "
                f"{text.day(found['start'], zone)} to {text.day(found['end'], zone)}"
            ),
            "",
            *aligned(table),
            "",
            *filter(None, [unheard(found)]),
            verdict(found),
            regret(found),
        ]
    )
