"""Measure ingestion beside the same work by hand: `python -m benchmarks.ingestion [--quick] [--events N]`."""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks import table as page
from benchmarks.child import told_by
from benchmarks.ingestion.engines import ENGINES, MEMORY

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "ingestion.json"
MILLION = 1_000_000
SIZES = (MILLION, 10 * MILLION, 50 * MILLION)
QUICK = (100_000,)
OURS, BOUNDED, FLOOR, BOUNDED_FLOOR, _, PANDAS = ENGINES
PEERS_MOST = 10 * MILLION
"""With more events only ours is measured, within its memory: it shows how cost grows."""
ROUNDS = {MILLION: 3, 10 * MILLION: 3}
TOUCHED = 12 * 2**30
"""Bytes of memory that are written to before each engine begins."""


def main() -> None:
    wanted = _arguments()
    started, load = time.time(), os.getloadavg()[0]
    sizes = {}
    for events in wanted.events:
        with tempfile.TemporaryDirectory(prefix="cjmining-ingestion-", dir=wanted.folder) as name:
            sizes[str(events)] = _measure(Path(name) / "exports", events, quick=wanted.quick)
        result = {
            "load": load,
            "minutes": (time.time() - started) / 60,
            "machine": "two cores, Linux, Python 3.11",
            "versions": {name: version(name) for name in ("duckdb", "pyarrow", "polars", "pandas", "pm4py")},
            "sizes": sizes,
        }
        if not wanted.quick and not wanted.partly:
            RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            page.put(of(result), "ingestion")
    print(of(result))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingestion", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 events, one round; writes nothing")
    parser.add_argument(
        "--events",
        type=int,
        action="append",
        help="about how many; may be given several times; writes nothing",
    )
    parser.add_argument("--folder", type=Path, help="where exports and logs are put while this runs (15 GB)")
    wanted = parser.parse_args()
    wanted.partly = bool(wanted.events)
    wanted.events = sorted(wanted.events or (QUICK if wanted.quick else SIZES))
    return wanted


def _measure(folder: Path, events: int, *, quick: bool) -> dict:
    """Let the engines take turns, so that a slow minute of the machine hits them all."""
    records = _child("make", str(folder), str(events))
    engines = [name for name in ENGINES if name == BOUNDED or events <= PEERS_MOST]
    found: dict[str, list[dict]] = {name: [] for name in engines}
    for turn in range(1 if quick else ROUNDS.get(events, 1)):
        for name in engines:
            print(f"{events:,} events, round {turn + 1}: {name}", file=sys.stderr)
            _touch_memory()
            found[name].append(_child("child", name, str(folder)))
    _compare({name: parts[0]["answer"] for name, parts in found.items()})
    return {
        "records": records,
        "events": sum(counts[0] for counts in found[BOUNDED][0]["answer"].values()),
        "engines": {
            name: {
                **{key: median(part[key] for part in parts) for key in ("peak_mb", "written_mb")},
                **{key: median(part[key][0] for part in parts) for key in ("seconds", "cpu")},
                "runs": [part["seconds"][0] for part in parts],
            }
            for name, parts in found.items()
        },
    }


def _touch_memory() -> None:
    """Let the host of a virtual machine hand out its memory now.

    It takes idle memory back, and handing out ten gigabytes again takes up to twenty seconds of the system's
    time: of whatever engine comes first after a pause, unless it is done before.
    """
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    touch = f"import numpy; numpy.ones({min(TOUCHED, free // 2) // 8})"
    subprocess.run([sys.executable, "-c", touch], check=True)


def _compare(answers: dict[str, dict]) -> None:
    """Refuse to compare speeds of engines that don't write the same events in order."""
    ours = answers[BOUNDED]
    for name, answer in answers.items():
        if answer["out of order"] != [0]:
            raise SystemExit(f"{name}: {answer['out of order'][0]} events are out of order")
        differs = [native for native in {*ours, *answer} if ours.get(native) != answer.get(native)]
        if differs:
            raise SystemExit(f"{BOUNDED} and {name} differ at {differs[0]}")


def _child(module: str, *arguments: str) -> dict:
    return told_by(f"benchmarks.ingestion.{module}", *arguments)


def of(result: dict) -> str:
    """Return what was measured as Markdown."""
    lines = [
        "| events | engine | time | CPU time | times the floor | CPU, the same | peak memory | written |",
        "|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for size in result["sizes"].values():
        floor = size["engines"].get(FLOOR)
        for name, found in size["engines"].items():
            ratios = [f"{found[key] / floor[key]:.2f} x" for key in ("seconds", "cpu")] if floor else ["", ""]
            cells = [
                f"{size['events']:,}",
                name,
                f"{found['seconds']:.1f} s",
                f"{found['cpu']:.1f} s",
                *ratios,
                f"{found['peak_mb']:,.0f} MB",
                f"{found['written_mb']:,.0f} MB",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return "\n".join(
        [
            *lines,
            "",
            *_compared(list(result["sizes"].values())),
            *_growth(list(result["sizes"].values())),
            "",
            f"{result['machine']}; {versions}. Load when this began: {result['load']:.1f}.",
        ]
    )


def _compared(sizes: list[dict]) -> list[str]:
    """Say how ours stands beside its peers: the times of one by those of the other."""
    said = []
    for size in sizes:
        took = {name: found["seconds"] for name, found in size["engines"].items()}
        if FLOOR in took:
            said.append(
                f"* {size['events']:,} events: ours takes {took[OURS] / took[FLOOR]:.1f} times as long as "
                f"the floor, within {MEMORY} {took[BOUNDED] / took[BOUNDED_FLOOR]:.1f} times as long as "
                f"the floor there; {PANDAS} {took[PANDAS] / took[OURS]:.1f} times as long as ours."
            )
    return said


def _growth(sizes: list[dict]) -> list[str]:
    """Say how our cost grows from each size to the next."""
    said = []
    for small, large in pairwise(sizes):
        ratio = math.log(large["events"] / small["events"])
        powers = [
            math.log(large["engines"][BOUNDED][key] / small["engines"][BOUNDED][key]) / ratio
            for key in ("seconds", "cpu")
        ]
        said.append(
            f"* From {small['events']:,} to {large['events']:,} events our time within {MEMORY} grows as "
            f"n^{powers[0]:.2f}, our CPU time as n^{powers[1]:.2f}."
        )
    return said


if __name__ == "__main__":
    main()
