"""The model card, as Markdown and as a page, from one evidence."""

from collections.abc import Sequence

from model_lifecycle.reporting import text
from model_lifecycle.reporting.checking import checked_evaluation
from model_lifecycle.reporting.curves import curves_sections
from model_lifecycle.reporting.document import Callout, Cell, Section
from model_lifecycle.reporting.evidence import EvaluationEvidence, LeaderboardRow
from model_lifecycle.reporting.explanations import importance_sections
from model_lifecycle.reporting.figures.comparison import comparison_figure, difference_figure
from model_lifecycle.reporting.figures.leaderboard import leaderboard_figure
from model_lifecycle.reporting.figures.reliability import reliability_figure
from model_lifecycle.reporting.figures.slices import slice_figure
from model_lifecycle.reporting.markdown import render_markdown
from model_lifecycle.reporting.page import render_page
from model_lifecycle.reporting.parts import gates_section, part_rows, question_section, unavailable_text, value_section
from model_lifecycle.reporting.trust import fairness_sections, weak_slices_sections

_IN_THE_LARGE = {
    "binary": "mean prediction - observed rate",
    "regression": "coverage of the interval - what it should be",
    "multiclass": "mean prediction - observed rate, of the class where it is largest",
}


def model_card_page(evidence: EvaluationEvidence) -> str:
    """Render the model card as one self-contained HTML page.

    Raises
    ------
    ContractError
        If the evidence has another shape.
    """
    evidence = checked_evaluation(evidence)
    return render_page(_title(evidence), evidence["question"]["question"], _sections(evidence))


def model_card_markdown(evidence: EvaluationEvidence) -> str:
    """Render the model card as Markdown, without its figures.

    Raises
    ------
    ContractError
        If the evidence has another shape.
    """
    evidence = checked_evaluation(evidence)
    return render_markdown(_title(evidence), evidence["question"]["question"], _sections(evidence))


def _title(evidence: EvaluationEvidence) -> str:
    return f"Model card: {evidence['subject']}, {evidence['question']['case']}"


def _sections(evidence: EvaluationEvidence) -> Sequence[Section]:
    return [
        gates_section(evidence["gates"]),
        question_section(evidence["question"]),
        _data(evidence),
        _metrics(evidence),
        *_differences(evidence),
        _value(evidence),
        _months(evidence),
        _sensitivity(evidence),
        _calibration(evidence),
        _slices(evidence),
        *fairness_sections(evidence.get("fairness")),
        *weak_slices_sections(evidence.get("weak_slices"), evidence["question"]["loss"]),
        *importance_sections(evidence["importance"], evidence.get("explanation")),
        *curves_sections(evidence.get("curves"), evidence["question"]["loss"]),
        _leaderboard(evidence),
        _limits(evidence),
        _reproducibility(evidence),
    ]


def _data(evidence: EvaluationEvidence) -> Section:
    split = evidence["split"]
    rows = sum(part["rows"] for part in split["parts"])
    reasons: dict[str, int] = {}
    for part in split["parts"]:
        for reason, count in part["unavailable"].items():
            reasons[reason] = reasons.get(reason, 0) + count
    return Section(
        "Data and split",
        text=(
            (
                f"Split by time, tested until {text.day(split['as_of'], split['time_zone'])}, "
                f"periods in {split['time_zone']}. A part holds decisions "
                "from its start until before its end; training sees only labels known before the next part starts."
            ),
            unavailable_text(reasons, rows),
        ),
        table=part_rows(split["parts"], split["time_zone"]),
        caption="The parts of the split",
    )


def _metrics(evidence: EvaluationEvidence) -> Section:
    metrics = evidence["metrics"]
    keys = list(dict.fromkeys(key for values in metrics.values() for key in values))
    roles = {evidence["subject"]: "challenger", **dict.fromkeys(evidence["baselines"], "baseline")}
    if evidence["champion"] is not None:
        roles[evidence["champion"]] = "champion"
    rows: list[dict[str, Cell]] = [
        {
            "model": model,
            "role": roles.get(model, ""),
            **{text.metric_of(key).label: text.interval(values.get(key), text.metric_of(key).digits) for key in keys},
        }
        for model, values in metrics.items()
    ]
    one = next(iter(metrics[evidence["subject"]].values()))
    return Section(
        "Performance on the untouched test decisions",
        text=(f"Every model on the same decisions; {text.interval_note(one)}.",),
        table=rows,
        figure=comparison_figure(metrics, evidence["question"]["loss"], evidence["subject"], evidence["champion"]),
        caption="Estimate and interval",
    )


def _differences(evidence: EvaluationEvidence) -> list[Section]:
    found = evidence["differences"]
    if not found:
        return []
    rows: list[dict[str, Cell]] = [
        {
            "difference": f"{one['model']} - {one['against']}",
            "metric": text.metric_of(one["metric"]).label,
            "estimate and interval": text.interval(one["interval"], text.metric_of(one["metric"]).digits),
        }
        for one in found
    ]
    loss = evidence["question"]["loss"]
    drawn = loss if any(one["metric"] == loss for one in found) else found[0]["metric"]
    return [
        Section(
            "Paired differences",
            text=("Decision by decision, so that what is hard for both models cancels out.",),
            table=rows,
            figure=difference_figure(found, drawn),
            level=3,
        )
    ]


def _value(evidence: EvaluationEvidence) -> Section:
    threshold, question = evidence["threshold"], evidence["question"]
    decided = ", ".join(f"{name} {text.percent(share)}" for name, share in threshold["decisions"].items())
    told, unit = evidence.get("success"), question["unit"]
    score, of = ("a probability", "") if question["task"] == "binary" else ("an expected gain", f" {unit}")
    drawn = (
        f"Acts from {score} of {threshold['threshold']:.4f}{of} on, chosen on {threshold['chosen_on']}. "
        if threshold["threshold"] is not None
        else ""
    )
    return value_section(
        evidence["value"],
        unit,
        f"{drawn}Of the test decisions: {decided}.",
        *([f"{text.success(told, unit)}. No gate asks for that much, one for a gain."] if told else []),
    )


def _months(evidence: EvaluationEvidence) -> Section:
    rows: list[dict[str, Cell]] = [
        {
            "month": one["month"],
            "decisions": one["rows"],
            **{text.policy(name): text.interval(worth, 0) for name, worth in one["value"].items()},
        }
        for one in evidence["value_by_month"]
    ]
    unit = evidence["question"]["unit"]
    return Section("By month", table=rows, caption=f"{unit} per 1,000 decisions", level=3)


def _sensitivity(evidence: EvaluationEvidence) -> Section:
    rows: list[dict[str, Cell]] = [
        {
            "assumption": one["assumption"],
            "times": one["factor"],
            "the model": text.number(one["model"], 0),
            "best trivial policy": text.number(one["trivial"], 0),
            "the model is ahead": one["model"] > one["trivial"],
        }
        for one in evidence["sensitivity"]
    ]
    return Section(
        "If an assumption is off",
        text=("One assumption at a time; the model decides anew under it.",),
        table=rows,
        caption=f"{evidence['question']['unit']} per 1,000 decisions",
        level=3,
    )


def _calibration(evidence: EvaluationEvidence) -> Section:
    found, unit = evidence["calibration"], evidence["question"]["unit"]
    loss = text.metric_of(evidence["question"]["loss"]).label
    rows: list[dict[str, Cell]] = [
        {"figure": _in_the_large(evidence), "value": text.interval(found["in_the_large"], 4)},
        {"figure": "expected calibration error", "value": text.number(found["expected_error"], 4)},
        {"figure": "slope (1 is perfect)", "value": text.interval(found["slope"], 3)},
        {"figure": "intercept (0 is perfect)", "value": text.interval(found["intercept"], 3)},
        {
            "figure": f"{unit} per 1,000 decisions that recalibration would bring",
            "value": f"{text.number(found['value_lost'], 0)} of {text.number(found['value_room'], 0)} to gain",
        },
    ]
    for model, saved in found["miscalibration"].items():
        rows.append({"figure": f"{loss} that recalibration would save {model}", "value": text.interval(saved, 4)})
    figure = reliability_figure({evidence["subject"]: found["bins"]}, evidence["question"]["task"] != "regression")
    return Section("Calibration", table=rows, figure=figure)


def _in_the_large(evidence: EvaluationEvidence) -> str:
    of = evidence["calibration"].get("in_the_large_of")
    told = _IN_THE_LARGE[evidence["question"]["task"]]
    return told if of is None else f"{told}: {of}"


def _slices(evidence: EvaluationEvidence) -> Section:
    question = evidence["question"]
    ranking, loss = (text.metric_of(question[name]).label for name in ("ranking", "loss"))
    rows: list[dict[str, Cell]] = [
        {
            "slice": f"{one['column']}: {one['category']}",
            "kind": one["kind"],
            "decisions": one["rows"],
            "outcomes": text.outcomes(one["outcomes"], one["rows"]),
            ranking: text.interval(one["ranking"], 3),
            loss: text.interval(one["loss"], 3),
            "remark": one.get("reason", ""),
        }
        for one in evidence["slices"]
    ]
    overall = evidence["metrics"][evidence["subject"]].get(question["ranking"])
    drawn = overall is not None and any(one["ranking"] is not None for one in evidence["slices"])
    return Section(
        "Slices",
        text=() if rows else ("No slice is declared in the business question.",),
        table=rows or None,
        figure=slice_figure(evidence["slices"], "ranking", question["ranking"], overall)
        if drawn and overall is not None
        else None,
    )


def _trials(row: LeaderboardRow) -> str:
    counts: dict[str, int] = {"pruned": row.get("pruned", 0), "failed": row.get("failed", 0)}
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return f"{row['trials']} ({told})" if told else str(row["trials"])


def _leaderboard(evidence: EvaluationEvidence) -> Section:
    loss, ranking = text.metric_of(evidence["question"]["loss"]), text.metric_of(evidence["question"]["ranking"])
    rows: list[dict[str, Cell]] = [
        {
            "model": one["model"],
            "role": one["role"],
            "calibration": one["calibration"],
            loss.label: text.number(one["loss"], loss.digits),
            ranking.label: text.number(one["ranking"], ranking.digits),
            "value per 1,000": text.number(one["value_per_1000"], 0),
            "trials": _trials(one),
            "size in kB": text.number(size / 1000, 0) if (size := one.get("size_bytes")) is not None else "",
            "chosen": one["chosen"],
            "parameters": ", ".join(f"{name}={text.cell(value)}" for name, value in one["parameters"].items()),
        }
        for one in sorted(evidence["leaderboard"], key=lambda one: one["loss"])
    ]
    return Section(
        "How it was chosen",
        text=("On the validation months alone; the test decisions took no part.",),
        table=rows,
        figure=leaderboard_figure(evidence["leaderboard"], evidence["question"]["loss"]) if rows else None,
    )


def _limits(evidence: EvaluationEvidence) -> Section:
    tried = f"Meant for this decision alone: {evidence['question']['decision']}."
    return Section("Limits and known weaknesses", callout=Callout("note", tried), text=tuple(evidence["limits"]))


def _reproducibility(evidence: EvaluationEvidence) -> Section:
    found = evidence["reproducibility"]
    rows: list[dict[str, Cell]] = [
        {"what": "code version", "value": found["code_version"]},
        {"what": "as of", "value": found["as_of"]},
        {"what": "seed", "value": str(found["seed"])},
        {"what": "lock file (SHA-256)", "value": found["lock_digest"]},
    ]
    rows.extend({"what": f"data: {name} (SHA-256)", "value": one} for name, one in found["data_fingerprints"].items())
    return Section(
        "Reproducibility", table=rows, caption="The same data, configuration, as of and seed give this model"
    )
