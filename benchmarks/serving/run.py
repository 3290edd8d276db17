"""The service with everything on against servers that only call the model: one machine, one run, one server at a time.

Every server has the same model. Ours gets raw records, asks for a key, validates, computes all features from live
history, logs durably and counts; the peers get the finished features of the same records. Each round starts every
server anew, asks it over 1 and 32 connections (and ours for batches of 1,000 records), and stops it; figures are the
medians of the rounds. Needs a finished ``make run``, wrk, and `.venv-peers-serving`. Last line: one JSON object.

``--grid`` measures ours alone: 1 and 3 replicas, SQLite at each `synchronous` and PostgreSQL. ``--soak`` loads ours for
ten minutes, watches its memory, and measures again after a hot swap.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from grid import grid
from servers import PEER_PYTHON, PEERS, batches, bodies, median, ours, peer, wrk
from soak import soak
from world import BATCH, World, make_world

CONNECTIONS = (1, 32)
WARM_UP_SECONDS = 2
BATCH_CONNECTIONS = 4  # some batches are on their way while one is scored and one is committed
TARGETS = {
    "throughput_32_over_fastapi": (">=", 1.5),
    "throughput_32_over_mlflow": (">=", 10.0),
    "throughput_32_over_ray": (">=", 12.0),
    "p99_32_over_fastapi": ("<=", 1.5),
    "p50_1_over_fastapi": ("<=", 2.0),
    "batch_rows_a_second": (">=", 15_000.0),
    "errors": ("<=", 0.0),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--synchronous", default="NORMAL", choices=("NORMAL", "FULL", "EXTRA"))
    parser.add_argument("--grid", action="store_true", help="replicas x database x synchronous")
    parser.add_argument("--postgresql", metavar="URL", help="for --grid; by default one is started, where installed")
    parser.add_argument("--soak", type=float, nargs="?", const=600.0, metavar="SECONDS", help="memory under load")
    options = parser.parse_args()
    if options.peers and not PEER_PYTHON.exists() and not (options.grid or options.soak):
        parser.error(f"{PEER_PYTHON} is not there, expected the peers' environment: make bench-serving makes it")
    with tempfile.TemporaryDirectory(prefix="bench-serving-") as place:
        world = make_world(Path(place))
        _say(f"{len(world.records):,} records, {len(world.events):,} events, release {world.scorer.release_id}")
        if options.grid:
            result = grid(world, options.seconds, options.postgresql)
        elif options.soak:
            result = soak(world, options.soak, options.seconds)
        else:
            result = _compare(world, options)
    sys.stdout.write(json.dumps(result) + "\n")


def _compare(world: World, options: argparse.Namespace) -> dict[str, Any]:
    runs: dict[str, dict[str, list[dict[str, float]]]] = {}
    for number in range(options.rounds):
        url = f"sqlite:///{world.folder}/store-{number}.db"
        world.fill(url)
        with ours(world, url, options.synchronous) as (_, target):
            found = {str(c): _measured(target, bodies(world, "ours"), c, options.seconds) for c in CONNECTIONS}
            found["batch"] = _measured(target, batches(world), BATCH_CONNECTIONS, options.seconds)
        _note(runs, "ours", found, number)
        for name in options.peers:
            with peer(world, name) as target:
                _note(
                    runs,
                    name,
                    {str(c): _measured(target, bodies(world, name), c, options.seconds) for c in CONNECTIONS},
                    number,
                )
    figures: dict[str, Any] = {
        name: {kind: median(found) for kind, found in kinds.items()} for name, kinds in runs.items()
    }
    ratios = _ratios(figures)
    _print(figures, ratios)
    return {**figures, "ratios": ratios, "synchronous": options.synchronous, "rounds": options.rounds}


def _measured(target: Any, lines: Path, connections: int, seconds: float) -> dict[str, float]:
    wrk(target, lines, connections, WARM_UP_SECONDS)
    return wrk(target, lines, connections, seconds)


def _note(runs: dict[str, Any], name: str, found: dict[str, dict[str, float]], number: int) -> None:
    for kind, figures in found.items():
        runs.setdefault(name, {}).setdefault(kind, []).append(figures)
    told = "; ".join(f"{kind}: {one['requests_a_second']:,.0f}/s p50 {one['p50']:.2f}" for kind, one in found.items())
    _say(f"round {number + 1}, {name}: {told}")


def _ratios(figures: dict[str, Any]) -> dict[str, float]:
    own = figures["ours"]
    ratios = {
        "batch_rows_a_second": own["batch"]["requests_a_second"] * BATCH,
        "errors": sum(one["errors"] for one in own.values()),
    }
    for name in figures.keys() - {"ours"}:
        other = figures[name]
        ratios[f"throughput_32_over_{name}"] = own["32"]["requests_a_second"] / other["32"]["requests_a_second"]
        ratios[f"p99_32_over_{name}"] = own["32"]["p99"] / other["32"]["p99"]
        ratios[f"p50_1_over_{name}"] = own["1"]["p50"] / other["1"]["p50"]
    return ratios


def _print(figures: dict[str, Any], ratios: dict[str, float]) -> None:
    lines = [f"{'server':10} {'connections':>11} {'requests/s':>11} {'p50 ms':>8} {'p99 ms':>8} {'errors':>7}"]
    lines += [
        f"{name:10} {kind:>11} {one['requests_a_second']:11,.1f} "
        f"{one['p50']:8.2f} {one['p99']:8.2f} {one['errors']:7.0f}"
        for name, kinds in figures.items()
        for kind, one in kinds.items()
    ]
    lines.append("")
    for name, value in sorted(ratios.items()):
        sign, target = TARGETS.get(name, ("", 0.0))
        held = value >= target if sign == ">=" else value <= target
        lines.append(
            f"{name:30} {value:10,.2f}" + (f"   target {sign} {target:g}{'' if held else '  MISSED'}" if sign else "")
        )
    sys.stdout.write("\n".join(lines) + "\n")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    main()
