"""How often a nominal 95% interval holds the truth, when the days of a test depend on one another.

Each seeded world is a test window of days whose level, and how well a model does on them, follow a series of a given
shape. The figures are those of the product: mean log loss, paired difference in log loss and AUC, each beside a plain
Gaussian series of the same shape. All methods that were considered are tried on the same worlds; `chosen` is what the
product's intervals do, estimate of the dependence included. Last line: one JSON object.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from scipy.signal import lfilter
from scipy.special import expit, stdtrit
from scipy.stats import binomtest

from model_lifecycle.statistics._methods import Autoregression, Cosines, Method, Mixture
from model_lifecycle.statistics.coverage import Choice, autoregressions, choose, covers
from model_lifecycle.statistics.dependence import effective_blocks, serial_dependence
from model_lifecycle.statistics.discrimination import auc_contributions
from model_lifecycle.statistics.intervals import clustered_mean_interval
from model_lifecycle.statistics.proper_scores import log_losses

WORLDS = 2_000
DAYS = (30, 61, 90)
DEPENDENCE = (0.0, 0.3, 0.56, 0.8)
ROWS_A_DAY = 300  # of 900 in the flagship
LEVEL = 0.95
FEWEST = 8.0  # effective days, below which the gates call the evidence insufficient
ASSUMED = tuple(f"AR(1) {rho:g}" for rho in DEPENDENCE)  # the other shapes are tried as plain series only
FIGURES = ("series", "log loss", "difference", "AUC")
CHUNK = 100  # worlds at a time

Draw = Callable[[int, int, np.random.Generator], np.ndarray]


def _filtered(numerator: list[float], denominator: list[float], shape: tuple[int, int], rng: Any) -> np.ndarray:
    """Return stationary series of variance 1."""
    lead = 300
    found = lfilter(numerator, denominator, rng.standard_normal((shape[0], shape[1] + lead)), axis=1)[:, lead:]
    impulse = lfilter(numerator, denominator, np.eye(1, 2_000)[0])
    return np.asarray(found / np.sqrt(np.sum(impulse**2)))


def _weekly(worlds: int, days: int, rng: np.random.Generator) -> np.ndarray:
    """Two of seven days are harder, above an autoregression of 0.3; the truth is that of the window's own weekdays."""
    hard = np.where(np.arange(days) % 7 >= 5, 5.0, -2.0) / np.sqrt(10.0)
    hard -= hard.mean()
    return np.asarray((hard + autoregressions(worlds, days, 0.3, rng)) / np.sqrt(2.0))


def _uneven(worlds: int, days: int, rng: np.random.Generator) -> np.ndarray:
    """Days whose spread follows an autoregression of 0.8 of its own."""
    spread = np.exp(0.5 * autoregressions(worlds, days, 0.8, rng) - 0.25)
    return np.asarray(spread * autoregressions(worlds, days, 0.4, rng))


def _skewed(worlds: int, days: int, rng: np.random.Generator) -> np.ndarray:
    """Days that are rarely bad, and then very: logarithms of autocorrelation 0.4, a skewness of 1.7."""
    found = np.exp(0.5 * autoregressions(worlds, days, 0.4, rng) - 0.125)
    return np.asarray((found - 1.0) / np.sqrt(np.exp(0.25) - 1.0))


def _shapes() -> dict[str, Draw]:
    """Return the series by name: those that the methods assume, and those that they do not."""
    assumed: dict[str, Draw] = {
        name: lambda worlds, days, rng, rho=rho: autoregressions(worlds, days, rho, rng)  # type: ignore[misc]
        for name, rho in zip(ASSUMED, DEPENDENCE, strict=True)
    }
    return {
        **assumed,
        "MA(2)": lambda worlds, days, rng: _filtered([1, 0.6, 0.4], [1], (worlds, days), rng),
        "AR(2) 0.3, 0.3": lambda worlds, days, rng: _filtered([1], [1, -0.3, -0.3], (worlds, days), rng),
        "0.7 under noise": lambda worlds, days, rng: (
            (autoregressions(worlds, days, 0.7, rng) + rng.standard_normal((worlds, days))) / np.sqrt(2.0)
        ),
        "weekly": _weekly,
        "uneven spread": _uneven,
        "skewed": _skewed,
    }


SHAPES = _shapes()


def daily(shape: str, days: int, worlds: int, seed: int) -> np.ndarray:
    """Return what each day of each world adds to each figure, shape (figures, worlds, days); its mean is the figure."""
    rng = np.random.default_rng([seed, days, list(SHAPES).index(shape)])
    level, skill, stale, series = (SHAPES[shape](worlds, days, rng) for _ in range(4))
    found = np.empty((len(FIGURES) if shape in ASSUMED else 1, worlds, days))
    found[0] = series
    for world in range(worlds if shape in ASSUMED else 0):
        signal = rng.standard_normal((days, ROWS_A_DAY))
        ability = 1.0 + 0.4 * skill[world][:, np.newaxis]
        chance = expit(-1.2 + 0.7 * level[world][:, np.newaxis] + ability * signal)
        target = (rng.random(chance.shape) < chance).astype(np.float64).ravel()
        mine = -1.2 + signal
        theirs = mine + 0.6 + 0.4 * stale[world][:, np.newaxis]
        losses, others = (log_losses(target, expit(score).ravel()) for score in (mine, theirs))
        rows = (losses, losses - others, auc_contributions(target, mine.ravel()))
        found[1:, world] = [values.reshape(days, ROWS_A_DAY).mean(axis=1) for values in rows]
    return found


def _grouped(series: np.ndarray, groups: int) -> np.ndarray:
    """Student's t over the means of so many groups of neighbouring days."""
    place = np.arange(series.shape[1]) * groups // series.shape[1]
    means = np.stack([series[:, place == group].mean(axis=1) for group in range(groups)], axis=1)
    return np.asarray(stdtrit(groups - 1, (1 + LEVEL) / 2) * means.std(axis=1, ddof=1) / np.sqrt(groups))


def _bartlett(series: np.ndarray, share: float = 0.25) -> np.ndarray:
    """Bartlett's kernel over a fixed share of the days, with its own critical value (Kiefer and Vogelsang, 2005)."""
    days, centred = series.shape[1], series - series.mean(axis=1, keepdims=True)
    reach = max(int(np.ceil(share * days)), 1)
    long_run = np.mean(centred**2, axis=1)
    for lag in range(1, reach):
        long_run += 2 * (1 - lag / reach) * np.sum(centred[:, lag:] * centred[:, :-lag], axis=1) / days
    critical = 1.96 + 2.9694 * share + 0.416 * share**2 - 0.5324 * share**3
    return np.asarray(critical * np.sqrt(np.maximum(long_run, 0.0) / days))


def _cosines(series: np.ndarray, count: int) -> np.ndarray:
    """Equal-weighted cosines without prewhitening."""
    days = series.shape[1]
    slow = np.cos(np.pi * np.outer(np.arange(days) + 0.5, np.arange(1, count + 1)) / days) * np.sqrt(2 / days)
    return np.asarray(stdtrit(count, (1 + LEVEL) / 2) * np.sqrt(np.mean((series @ slow) ** 2, axis=1) / days))


METHODS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "days": lambda series: _grouped(series, series.shape[1]),
    "weeks": lambda series: _grouped(series, max(2, round(series.shape[1] / 7))),
    "Bartlett": _bartlett,
    "8 cos": lambda series: _cosines(series, 8),
    "4 cos": lambda series: _cosines(series, 4),
}
OWN: dict[str, Method] = {
    "AR t": Autoregression(),
    "12 pre": Cosines(12),
    "8 pre": Cosines(8),
    "mix 40": Mixture(0.4),
    "mix 90": Mixture(0.9),
}


def measure(cell: tuple[str, int, int]) -> list[dict[str, Any]]:
    """Return one row a figure: coverage of every method, and what the product's own interval does."""
    shape, days, worlds = cell
    parts = [daily(shape, days, min(CHUNK, worlds - start), start) for start in range(0, worlds, CHUNK)]
    figures = np.concatenate(parts, axis=1)
    truths = figures.mean(axis=(1, 2))  # as good as the truth: its error is 2% of one world's
    truths[0] = 0.0
    return [
        {"figure": name, "shape": shape, "days": days, **_row(series, float(truth))}
        for name, series, truth in zip(FIGURES, figures, truths, strict=False)
    ]


def _row(series: np.ndarray, truth: float) -> dict[str, Any]:
    worlds, days = series.shape
    means = series.mean(axis=1)
    off, influence = np.abs(means - truth), series - means[:, np.newaxis]
    halves = {name: method(series) for name, method in METHODS.items()}
    halves |= {name: method.half_widths(influence, LEVEL, float(days)) for name, method in OWN.items()}
    halves["chosen"], effective, choices = _chosen(influence)
    held, known = off <= halves["chosen"], 1.96 * np.sqrt(np.mean(off**2))
    enough = (effective >= FEWEST) & np.array([covers(choice.coverage, LEVEL) for choice in choices])
    bounds = binomtest(int(held.sum()), worlds).proportion_ci(0.95, "exact")
    centred = series - truth
    return {
        "worlds": worlds,
        "autocorrelation": float(np.sum(centred[:, 1:] * centred[:, :-1]) / np.sum(centred[:, 1:] ** 2)),
        "effective": float(np.mean(centred**2) / np.mean(off**2)),
        "estimated": float(np.median(effective)),
        "coverage": {name: float(np.mean(off <= half)) for name, half in halves.items()},
        "width": {name: float(np.median(half) / known) for name, half in halves.items()},
        "lower": float(bounds.low),
        "upper": float(bounds.high),
        "insufficient": float(1.0 - enough.mean()),
        "misled": float(np.mean(enough & ~held)),
        "method": Counter(choice.method.name for choice in choices).most_common(1)[0][0],
    }


def _chosen(influence: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[Choice]]:
    """Return what the product does with each world: half width, effective days and choice; the first is checked."""
    days = influence.shape[1]
    dependence = np.array([serial_dependence(one) for one in influence])
    choices = [choose(days, float(one), LEVEL) for one in dependence]
    half = np.empty(len(influence))
    for method in {choice.method for choice in choices}:
        own = np.array([choice.method == method for choice in choices])
        half[own] = method.half_widths(influence[own], LEVEL, float(days))
    found = clustered_mean_interval(influence[0], np.arange(days), LEVEL)
    if not np.isclose(found.upper - found.estimate, half[0]):
        raise AssertionError(f"found half widths {half[0]} and {found.upper - found.estimate}; expected the same")
    return half, np.array([effective_blocks(days, float(one)) for one in dependence]), choices


HEADER = (
    f"{'days':>4} {'world':15} {'found':>5} {'worth':>5} {'est.':>5} "
    + "".join(f"{name:>9}" for name in (*METHODS, *OWN))
    + f" {'chosen':>7}  {'95% bounds':14} {'insuff.':>7} {'misled':>6} {'width':>5}  mostly"
)


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['days']:4} {row['shape']:15} {row['autocorrelation']:5.2f} {row['effective']:5.1f} "
        f"{row['estimated']:5.1f} "
        + "".join(f"{row['coverage'][name]:9.1%}" for name in (*METHODS, *OWN))
        + f" {row['coverage']['chosen']:7.1%}  [{row['lower']:5.1%}, {row['upper']:5.1%}] {row['insufficient']:7.1%} "
        f"{row['misled']:6.1%} {row['width']['chosen']:5.2f}  {row['method']}"
    )


def table(rows: Iterable[dict[str, Any]]) -> str:
    """Return a table a figure."""
    found = list(rows)
    lines: list[str] = []
    for figure in FIGURES:
        lines += ["", figure, HEADER, *(_line(row) for row in found if row["figure"] == figure)]
    return "\n".join(lines[1:])


def main() -> None:
    """Measure and print."""
    began = time.perf_counter()
    cells = [(shape, days, WORLDS) for days in DAYS for shape in SHAPES]
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor() as pool:
        for cell, found in zip(cells, pool.map(measure, cells), strict=True):
            rows += found
            sys.stderr.write(f"{cell[0]}, {cell[1]} days: {time.perf_counter() - began:.0f} s\n")
    sys.stdout.write(table(rows) + "\n")
    sys.stdout.write(json.dumps({"worlds": WORLDS, "rows": rows}) + "\n")


if __name__ == "__main__":
    main()
