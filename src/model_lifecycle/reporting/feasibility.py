"""The feasibility page: whether these data can answer the question, and what the answer would be worth."""

from model_lifecycle.reporting import text
from model_lifecycle.reporting.checking import checked
from model_lifecycle.reporting.document import Callout, Cell, Section
from model_lifecycle.reporting.evidence import PartEvidence
from model_lifecycle.reporting.feasibility_evidence import FeasibilityEvidence
from model_lifecycle.reporting.figures.time_series import rate_figure
from model_lifecycle.reporting.page import render_page
from model_lifecycle.reporting.parts import gates_section, question_section, unavailable_text, value_section


def feasibility_page(evidence: FeasibilityEvidence) -> str:
    """Render the feasibility page, for a stakeholder and before any model is fitted.

    Parameters
    ----------
    evidence : FeasibilityEvidence
        Made from training and validation rows alone.

    Raises
    ------
    ContractError
        If the evidence has another shape.
    """
    evidence = checked(FeasibilityEvidence, evidence)
    question = evidence["question"]
    return render_page(
        "Is this question worth a model?",
        question["question"],
        [
            _verdict(evidence),
            _outcome(evidence),
            value_section(evidence["value"], question["unit"], _worth(evidence)),
            _detectable(evidence),
            gates_section(evidence["reasons"], "Reasons"),
            question_section(question),
        ],
    )


def _verdict(evidence: FeasibilityEvidence) -> Section:
    failed = [one["reason"] for one in evidence["reasons"] if not one["passed"]]
    callout = (
        Callout("good", "Go. Every criterion is met.")
        if evidence["go"]
        else Callout("bad", f"No-go. {' '.join(failed)}")
    )
    zone = evidence["time_zone"]
    span = f"from {text.day(evidence['start'], zone)} to {text.day(evidence['end'], zone)}"
    return Section(
        "Go or no-go",
        callout=callout,
        text=(
            (
                f"Judged on {text.plural(evidence['rows'], 'decision')} {span}, before any model was fitted. "
                "It says whether a good model could pay and whether the data could show it, not that one will be found."
            ),
        ),
    )


def _outcome(evidence: FeasibilityEvidence) -> Section:
    share = list(evidence["outcome"]) != ["mean"]
    said = []
    for name, found in evidence["outcome"].items():
        known = [one["outcome"][name] for one in evidence["periods"] if name in one["outcome"]]
        between = (
            f" ({100 * found['level']:g}% interval {_told(found['lower'], share)} to {_told(found['upper'], share)})"
            if found["lower"] is not None
            else ""
        )
        swing = f", by period {_told(min(known), share)} to {_told(max(known), share)}" if known else ""
        said.append(f"{name.capitalize()}: {_told(found['estimate'], share)}{between}{swing}.")
    rows: list[dict[str, Cell]] = [
        {
            "period": one["period"],
            "part": one["part"],
            "decisions": one["rows"],
            "with outcome": one["labelled"],
            **{name: _told(one["outcome"].get(name), share) for name in evidence["outcome"]},
        }
        for one in evidence["periods"]
    ]
    return Section(
        "How often it happens" if share else "How much of it there is",
        text=(
            f"Of the decisions with an outcome. {' '.join(said)}",
            unavailable_text(evidence["unavailable"], evidence["rows"]),
        ),
        figure=rate_figure(evidence["periods"], _parts(evidence)),
        table=rows,
        caption="By period",
    )


def _told(value: float | None, share: bool) -> str:
    return text.percent(value) if share else text.number(value, 2)


def _parts(evidence: FeasibilityEvidence) -> list[PartEvidence]:
    """Return the parts that the periods belong to, each from its first start to its last end."""
    names = dict.fromkeys(one["part"] for one in evidence["periods"])
    return [
        PartEvidence(
            part=name,
            start=min(one["start"] for one in evidence["periods"] if one["part"] == name),
            end=max(one["end"] for one in evidence["periods"] if one["part"] == name),
            rows=0,
            labelled=0,
            outcomes={},
            unavailable={},
        )
        for name in names
    ]


def _worth(evidence: FeasibilityEvidence) -> str:
    unit, value = evidence["question"]["unit"], evidence["value"]
    trivial = max(value[name]["estimate"] for name in evidence["question"]["policies"])
    room = value["perfect"]["estimate"] - trivial
    return (
        f"A perfect prediction would be worth {text.number(room, 0)} {unit} per 1,000 decisions more than the best "
        f"trivial policy; no model can gain more. The question asks for at least "
        f"{text.number(evidence['minimum_value_per_1000'], 0)}, "
        f"{text.percent(evidence['minimum_value_per_1000'] / room) if room > 0 else 'more than all'} of that."
    )


def _detectable(evidence: FeasibilityEvidence) -> Section:
    rows: list[dict[str, Cell]] = [
        {
            "metric": text.metric_of(one["metric"]).label,
            "smallest gain": text.number(one["gain"], text.metric_of(one["metric"]).digits),
            "power": text.percent(one["power"], 0),
            "level": text.percent(one["level"], 0),
            "blocks of time": one["n_blocks"],
        }
        for one in evidence["detectable"]
    ]
    return Section(
        "The smallest gain that the data can show",
        text=(
            (
                "Decisions of one day resemble one another, so the data say less than their number of rows suggests. "
                "A true gain below these would mostly go unnoticed on test data of this length."
            ),
        ),
        table=rows,
        caption="Smallest true gain that would be seen with the given power",
    )
