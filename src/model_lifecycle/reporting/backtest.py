"""The back-test as a page: what each policy would have earned, and what follows."""

from typing import TYPE_CHECKING

from model_lifecycle.reporting import text
from model_lifecycle.reporting.backtest_evidence import BacktestEvidence, NetDifference
from model_lifecycle.reporting.checking import checked
from model_lifecycle.reporting.document import Callout, Cell, Section
from model_lifecycle.reporting.figures.policies import frontier_figure, gained_figure, months_figure
from model_lifecycle.reporting.page import render_page
from model_lifecycle.reporting.parts import question_section

if TYPE_CHECKING:
    from model_lifecycle.reporting.evidence import IntervalEvidence

_KINDS = ("value", "loss", "ranking")
_STAGES = (
    "Every retraining goes through the nodes of production with what was known then: split, features, calibration and "
    "threshold on the validation folds, a fit on everything before the test window, the gates on that window, which "
    "neither challenger nor champion was trained on. What was evaluated is what answers from then on, unless the "
    "policy says refit."
)
_LIMITS = (
    "Hyper-parameters and the family are those of the last run, for all policies alike. A retraining takes no time: "
    "its release answers from that very moment on. Rollbacks and blocked data are not played, and decisions do not "
    "change what happens next."
)


def backtest_page(found: BacktestEvidence) -> str:
    """Render the back-test as one HTML file.

    Raises
    ------
    ContractError
        If the evidence has another shape.
    """
    found = checked(BacktestEvidence, found)
    zone = found["time_zone"]
    lead = (
        f"{found['decisions']:,} decisions from {text.day(found['start'], zone)} to {text.day(found['end'], zone)}, "
        f"answered under {len(found['policies'])} policies that all begin with the same release."
    )
    return render_page(
        "When to retrain: what each policy would have earned",
        lead,
        [
            _recommended(found),
            _policies(found),
            _frontier(found),
            _over_time(found),
            *(_months(found, kind) for kind in _KINDS),
            _events(found),
            _made(found),
            question_section(found["question"]),
        ],
    )


def verdict(found: BacktestEvidence) -> str:
    """Say in a sentence or two what the back-test recommends."""
    told, unit = found["recommendation"], found["question"]["unit"]
    count = {one["policy"]: one["retrainings"] for one in found["policies"]}
    if not told["worse"]:
        return (
            f"The policies cannot be told apart on these decisions; {told['policy']!r} retrains least "
            f"({count[told['policy']]} times), so take that."
        )
    behind = next((one for one in told["against_best"] if one["policy"] == told["policy"]), None)
    if behind is None:
        return f"Take {told['policy']!r}: it earned most, and no policy that retrains less keeps up with it."
    return (
        f"Take {told['policy']!r}: it retrains {count[told['policy']]} times and is not shown to earn less than "
        f"{told['best']!r} ({net(behind, unit)}, one of {len(told['against_best'])} comparisons at once), which "
        f"retrains {count[told['best']]} times."
    )


def net(one: NetDifference, unit: str) -> str:
    """Write a difference in net value."""
    if one["interval"] is None:
        return "the days do not tell how much"
    return f"{text.interval(one['interval'], 1)} {unit} per 1,000 decisions"


def regret(found: BacktestEvidence) -> str:
    """Say what the present policy has cost against the best and against the recommended one."""
    told, unit = found["recommendation"], found["question"]["unit"]
    if told["best"] == found["present"]:
        return f"The present policy, {found['present']!r}, earned most."
    words = (
        f"The present policy, {found['present']!r}, against the best, {told['best']!r}: {net(told['regret'], unit)}."
    )
    if told["policy"] in (found["present"], told["best"]):
        return words
    return f"{words} The recommended one against the present: {net(told['change'], unit)}."


def unheard(found: BacktestEvidence) -> str:
    """Say that no window could be judged by its labels, if so, and what to change; nothing otherwise."""
    windows = max(one["windows"] for one in found["policies"])
    if not windows or any(one["judged"] for one in found["policies"]):
        return ""
    return (
        f"None of the {windows:,} monitoring windows had the labels to be judged by, so there was no alarm and no "
        "policy could retrain for performance or value: lower monitoring.minimum_labels, or take a longer "
        "monitoring.window."
    )


def _recommended(found: BacktestEvidence) -> Section:
    told, unit = found["recommendation"], found["question"]["unit"]
    rows: list[dict[str, Cell]] = [
        {
            "policy": one["policy"],
            f"net value less that of {told['best']}": text.interval(one["interval"], 1),
            "verdict": _told_apart(one["interval"]),
        }
        for one in told["against_best"]
    ]
    return Section(
        "Recommendation",
        callout=Callout("good" if told["worse"] else "note", verdict(found)),
        text=(
            regret(found),
            (
                "Of the policies that are not shown to earn less than the best, the one that retrains least is "
                "recommended. The best was picked after the fact, so every other one is held against it at a level "
                f"({100 * told['level']:.4g}%) at which all {len(rows)} comparisons hold together. Differences are of "
                "the same decisions, day by day; the cost of retraining is taken off."
            ),
        ),
        table=rows,
        caption=f"{unit} per 1,000 decisions, {100 * told['level']:.4g}% intervals",
    )


def _told_apart(interval: "IntervalEvidence | None") -> str:
    if interval is None or interval["upper"] is None:
        return "the days do not tell"
    return "earns less" if interval["upper"] < 0 else "not told apart"


def _policies(found: BacktestEvidence) -> Section:
    loss, ranking = (text.metric_of(found["question"][kind]) for kind in ("loss", "ranking"))
    rows: list[dict[str, Cell]] = [
        {
            "policy": one["policy"] + (" (present)" if one["policy"] == found["present"] else ""),
            "rule": one["rule"],
            "value": text.interval(one["value"], 0),
            "net, in all": text.number(one["total"], 0),
            ranking.label: text.interval(one["ranking"], ranking.digits),
            loss.label: text.interval(one["loss"], loss.digits),
            "retrained": one["retrainings"],
            "promoted": one["promotions"],
            "rejected": one["rejections"],
            "failed": one["failures"],
            "alarms": one["alarms"],
            "windows judged": f"{one['judged']:,} of {one['windows']:,}",
            "computed, s": round(one["seconds"]),
        }
        for one in found["policies"]
    ]
    unit = found["question"]["unit"]
    return Section(
        "What each policy did and earned",
        text=(
            (
                f"Value in {unit} per 1,000 decisions, before the cost of retraining; net is in {unit}, over all "
                "decisions, less that cost. An alarm is a monitoring window whose figures lie beyond a limit of the "
                "policy with their whole interval; those without enough labels are not judged."
            ),
        ),
        callout=Callout("bad", told) if (told := unheard(found)) else None,
        table=rows,
    )


def _frontier(found: BacktestEvidence) -> Section:
    rows: list[dict[str, Cell]] = [
        {"policy": one["policy"], f"less {one['against']}": text.interval(one["interval"], 1)}
        for one in found["against_never"]
    ]
    return Section(
        "What retraining is worth",
        text=("Net value against never retraining, on the same decisions; each interval by itself.",),
        table=rows,
        figure=frontier_figure(found),
        caption=f"{found['question']['unit']} per 1,000 decisions",
    )


def _over_time(found: BacktestEvidence) -> Section:
    return Section(
        "Over time",
        text=("The gain over never retraining up to each day; a retraining lowers a line by its cost.",),
        figure=gained_figure(found),
    )


def _months(found: BacktestEvidence, kind: str) -> Section:
    question = found["question"]
    if kind == "value":
        name, digits = f"{question['unit']} per 1,000 decisions", 0
    else:
        metric = text.metric_of(question["loss"] if kind == "loss" else question["ranking"])
        name, digits = metric.label, metric.digits
    rows: list[dict[str, Cell]] = [
        {
            "policy": one["policy"],
            **{month["month"]: text.interval(month[kind], digits) for month in one["months"]},  # type: ignore[literal-required]
        }
        for one in found["policies"]
    ]
    return Section(
        f"{name[0].upper()}{name[1:]} by month", table=rows, figure=months_figure(found, kind), caption="95% intervals"
    )


def _events(found: BacktestEvidence) -> Section:
    rows: list[dict[str, Cell]] = [
        {
            "policy": one["policy"],
            "when": text.day(event["at"], found["time_zone"]),
            "what": event["kind"],
            "why": "; ".join(event["reasons"]),
        }
        for one in found["policies"]
        for event in one["events"]
    ]
    return Section("Retrainings and alarms", table=rows or None, text=() if rows else ("There was none.",))


def _made(found: BacktestEvidence) -> Section:
    rows = found["training_rows"]
    thinned = () if rows is None else (f"The fast variant: models are trained on {rows:,} rows at the most.",)
    return Section(
        "How this was made",
        text=(
            *thinned,
            _STAGES,
            _LIMITS,
        ),
    )
