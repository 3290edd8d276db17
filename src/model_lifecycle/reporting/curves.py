"""The part of the model card on how much data and how fresh a model needs."""

from model_lifecycle.reporting import text
from model_lifecycle.reporting.document import Cell, Section
from model_lifecycle.reporting.evidence import CurvePoint, CurvesEvidence, IntervalEvidence
from model_lifecycle.reporting.figures.curves import learning_curve_figure, size_label, staleness_curve_figure

_SIZES = (
    "The challenger's configuration on the most recent part of the training window, judged on the validation folds "
    "before calibration; differences are paired, to the model of all data."
)
_AGES = (
    "Models of training windows of one length that end earlier and earlier before the folds; differences are paired, "
    "to the freshest. A short history does not tell age from season."
)


def curves_sections(curves: CurvesEvidence | None, loss: str) -> list[Section]:
    """Return the learning curve and the staleness curve, each led by one plain sentence."""
    if curves is None:
        return []
    reason = (f"Not all of it could be measured: {curves['reason']}.",) if "reason" in curves else ()
    if not curves["sizes"]:
        return [Section("More data, and age", text=reason)]
    sizes = [
        {"training window": size_label(point, curves["period"]), **_cells(point, loss)} for point in curves["sizes"]
    ]
    ages = [{"age": size_label(point, curves["period"]), **_cells(point, loss)} for point in curves["ages"]]
    return [
        Section(
            "More data, and age",
            text=(
                *learning_sentence(curves, loss),
                _SIZES,
            ),
            table=sizes,
            figure=learning_curve_figure(curves, loss),
        ),
        Section(
            "What age costs",
            text=(
                *staleness_sentence(curves, loss),
                *reason,
                _AGES,
            ),
            table=ages,
            figure=staleness_curve_figure(curves, loss) if len(ages) > 1 else None,
            level=3,
        ),
    ]


def learning_sentence(curves: CurvesEvidence, loss: str) -> list[str]:
    """Say what the largest smaller window loses against all data, if that is known."""
    known = [point for point in curves["sizes"] if point["difference"] is not None]
    if not known or (more := known[-1]["difference"]) is None:
        return []
    share = text.percent(known[-1]["rows"] / max(curves["sizes"][-1]["rows"], 1), 0)
    verdict = {1: "more data helped", 0: "that more data helps cannot be shown", -1: "older data did harm"}[_sign(more)]
    return [f"A model of the most recent {share} of the data {_loses(more, loss)}: {verdict}."]


def staleness_sentence(curves: CurvesEvidence, loss: str) -> list[str]:
    """Say what a model loses a period, if that is known."""
    slope = curves["loss_per_period"]
    if slope is None:
        return []
    verdict = {1: "", 0: ", which may be nothing", -1: ", so age did no harm here"}[_sign(slope)]
    return [f"A model one {curves['period']} older {_loses(slope, loss)}{verdict}."]


def _loses(found: IntervalEvidence, loss: str) -> str:
    metric = text.metric_of(loss)
    return f"loses {text.interval(found, metric.digits)} of {metric.label}"


def _sign(found: IntervalEvidence) -> int:
    """Return 1 or -1 where the interval tells the sign, else 0."""
    if found["lower"] is None or found["upper"] is None:
        return 0
    return int(found["lower"] > 0) - int(found["upper"] < 0)


def _cells(point: CurvePoint, loss: str) -> dict[str, Cell]:
    metric = text.metric_of(loss)
    return {
        "rows": point["rows"],
        metric.label: text.interval(point["loss"], metric.digits),
        "lost": text.interval(point["difference"], metric.digits) if point["difference"] is not None else "",
        "remark": point.get("reason", ""),
    }
