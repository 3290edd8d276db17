"""The part of the model card on what the model uses, and what is kept of every candidate beside it."""

from typing_extensions import TypedDict

from model_lifecycle.reporting import text
from model_lifecycle.reporting.document import Cell, Section
from model_lifecycle.reporting.evidence import ExplanationEvidence, ImportanceEvidence
from model_lifecycle.reporting.figures.dependence import dependence_figure
from model_lifecycle.reporting.figures.shap_summary import importance_figure

_TOP = 15


class ContributionEvidence(TypedDict):
    """What one feature added to one prediction."""

    feature: str
    value: float | str | None
    contribution: float


class ExampleEvidence(TypedDict):
    """One decision, taken apart; base and contributions add up to the raw margin, before calibration."""

    which: str  # of all scores or, of several classes, of all probabilities of one
    decision: str
    time: str
    score: float
    base: float
    contributions: list[ContributionEvidence]  # the largest first


class CandidateExplanation(TypedDict):
    """What one candidate uses; the examples are decisions of the test, so they stay out of model card and release."""

    importance: list[ImportanceEvidence]
    explanation: ExplanationEvidence
    examples: list[ExampleEvidence]


def importance_sections(importance: list[ImportanceEvidence], explanation: ExplanationEvidence | None) -> list[Section]:
    """Return which features matter most, and which way by their value."""
    best = sorted(importance, key=lambda one: -one["mean_abs_shap"])[:_TOP]
    rows: list[dict[str, Cell]] = [
        {"feature": one["feature"], "mean |SHAP|": text.number(one["mean_abs_shap"], 3)} for one in best
    ]
    sections = [
        Section(
            "Features that matter most",
            text=("What the model uses, not what causes the outcome.",),
            table=rows or None,
            figure=importance_figure(best) if best else None,
            caption="Mean absolute SHAP value, on the scale of the raw margin",
        )
    ]
    if explanation is not None:
        sections.append(_which_way(explanation))
    return sections


def _which_way(explanation: ExplanationEvidence) -> Section:
    found = explanation["dependence"]
    rows: list[dict[str, Cell]] = [
        {
            "feature": f"{one['feature']}, for {one['of']}" if "of" in one else one["feature"],
            "value": "missing" if point["value"] is None else text.cell(point["value"]),
            "decisions": point["rows"],
            "SHAP value": "{2} [{0}, {4}]".format(*map(text.number, point["quantiles"])),
        }
        for one in found
        for point in one["points"]
    ]
    by = "the model itself" if explanation["method"] == "of the model" else "random permutations of the features"
    lead = (
        f"SHAP values by {by} on {explanation['rows']:,} test decisions, before calibration: what each feature adds to "
        f"the {explanation['output'].removeprefix('the ')}. They add up to it within {explanation['gap']:.0e} of its "
        "spread; a larger miss would have stopped the run."
    )
    return Section(
        "Which way they move it",
        text=(lead,),
        table=rows or None,
        figure=dependence_figure(found) if found else None,
        caption="Median, and in brackets the 10 and 90% quantiles, by the feature's value",
        level=3,
    )
