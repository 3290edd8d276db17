"""The feature selection page: what each feature and each group is worth, and what it costs."""

from model_lifecycle.contracts.selection import SelectionEvidence, WeighedInterval
from model_lifecycle.reporting import text
from model_lifecycle.reporting.checking import checked
from model_lifecycle.reporting.document import Callout, Cell, Section
from model_lifecycle.reporting.figures.selection import selection_figure
from model_lifecycle.reporting.page import render_page


def selection_page(evidence: SelectionEvidence) -> str:
    """Render the weights of features and groups.

    Raises
    ------
    ContractError
        If the evidence has another shape.
    """
    evidence = checked(SelectionEvidence, evidence)
    dispensable = evidence["could_drop"]
    groups: list[dict[str, Cell]] = [
        {
            "group": one["group"],
            "features": len(one["features"]),
            "inputs saved": ", ".join(one["inputs"]) or "none",
            "loss saved": _interval(one["loss_saved"]),
            "order gained": _interval(one["ranking_gained"]),
            "seconds a fit": text.number(one["fit_seconds"], 1),
            "verdict": "adds nothing" if one["adds_nothing"] else "helps",
        }
        for one in evidence["groups"]
    ]
    callout = (
        Callout("note", f"Add nothing that shows: {', '.join(dispensable)}. `features.drop` leaves them out.")
        if dispensable
        else Callout("good", "Every feature helps.")
    )
    return render_page(
        "Features",
        f"What {evidence['model']} loses without them, on {evidence['rows']:,} rows of "
        f"{text.plural(evidence['folds'], 'validation fold')} later than its training; the test is not looked at",
        [
            Section("Groups", text=("Fitted again without each group.",), table=groups or None),
            Section("Features", callout=callout, figure=selection_figure(evidence)),
        ],
    )


def _interval(found: WeighedInterval) -> str:
    return f"{found['estimate']:+.4f} [{found['lower']:+.4f}, {found['upper']:+.4f}]"
