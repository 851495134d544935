"""What 1, 10 and 100 million events cost within a bounded memory: `python -m benchmarks.scale`.

    python -m benchmarks.scale --events 1000000    # another size; may be given several times; writes nothing
    python -m benchmarks.scale --exports FOLDER    # exports that are there already; writes nothing
    python -m benchmarks.scale --exports FOLDER --exports ... --write    # these are all that is published

Exports are made, ingested into a log on disk, and every step begins anew from that log in a process of its
own, so peaks are each step's own, with the interpreter and all packages. 100 million events take 60 GB of
disk and an hour.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from benchmarks import table as page
from benchmarks.child import ROOT, told_by
from benchmarks.scale.steps import DUCKDB_MEMORY, INGESTION_MEMORY, MEMORY, STEPS

RESULTS = ROOT / "benchmarks" / "results" / "scale.json"
MILLION = 1_000_000
SIZES = (MILLION, 10 * MILLION, 100 * MILLION)


def main() -> None:
    wanted = _arguments()
    sizes = []
    for events in wanted.events:
        with tempfile.TemporaryDirectory(prefix="cjmining-scale-", dir=wanted.folder) as name:
            exports = Path(name) / "exports"
            told_by("benchmarks.ingestion.make", str(exports), str(events))
            sizes.append(_measure(exports, Path(name) / "shop.log"))
        _tell({"sizes": sizes}, keep=wanted.write)
    for exports in wanted.exports or ():
        with tempfile.TemporaryDirectory(prefix="cjmining-scale-", dir=wanted.folder) as name:
            sizes.append(_measure(exports, Path(name) / "shop.log"))
        _tell({"sizes": sizes}, keep=wanted.write)
    print(of({"sizes": sizes}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--events", type=int, action="append", help="about how many")
    parser.add_argument("--exports", type=Path, action="append", help="a folder of exports instead")
    parser.add_argument("--folder", type=Path, help="where exports and logs are put while this runs")
    parser.add_argument("--write", action="store_true", help="publish what is measured, whatever was given")
    wanted = parser.parse_args()
    if wanted.exports and wanted.events is None:
        wanted.events = ()
    elif wanted.events is None:
        wanted.events, wanted.write = SIZES, True
    return wanted


def _measure(exports: Path, log: Path) -> dict:
    found, load = {}, os.getloadavg()[0]
    for name in STEPS:
        print(f"{exports}: {name}", file=sys.stderr)
        start = time.time()
        found[name] = told_by("benchmarks.scale.child", name, str(exports), str(log))
        print(f"  {time.time() - start:.1f} s, {found[name]['peak_mb']:,.0f} MB", file=sys.stderr)
    for name in ("transitions", "funnel"):
        if found[name]["answer"] != found[f"{name}, DuckDB"]["answer"]:
            raise SystemExit(f"{name}: DuckDB answers otherwise")
    answers = {**found["ingestion"]["answer"], **found["split"]["answer"], **found["check"]["answer"]}
    steps = {name: {key: one[key] for key in ("seconds", "cpu", "peak_mb")} for name, one in found.items()}
    return {**answers, "load": load, "log_mb": _size(log), "steps": steps}


def _size(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20


def _tell(result: dict, *, keep: bool) -> None:
    if keep:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        page.put(of(result), "scale")


def of(result: dict) -> str:
    """Return a table, a row a step: times, how CPU time grows, and peak memory, by size."""
    sizes = result["sizes"]
    loads = [f"{size['load']:.1f}" for size in sizes]
    heads = [f"{size['events'] / MILLION:.1f} million" for size in sizes]
    lines = [
        (
            f"Ingestion within {INGESTION_MEMORY}, analyses within {MEMORY}, DuckDB within {DUCKDB_MEMORY}; "
            "peaks are of the whole process, growth is of CPU time. "
            f"Loads when the sizes began: {', '.join(loads)}."
        ),
        "",
        f"| step | {' | '.join(f'{head}: time, CPU, CPU a million, peak' for head in heads)} | growth |",
        f"|---|{'---:|' * len(heads)}---:|",
    ]
    for name in STEPS:
        cells = [_cell(size, name) for size in sizes]
        growth = [f"n^{_growth(one, two, name):.2f}" for one, two in pairwise(sizes)]
        lines.append(f"| {name} | {' | '.join(cells)} | {', '.join(growth)} |")
    told = [
        f"{size['events']:,} events of {size['customers']:,} customers, {size['journeys']:,} journeys "
        f"({size['converted']:,} converted, {size['dropped']:,} dropped, {size['turned_away']:,} turned "
        f"away, {size['open']:,} open), {size['log_mb']:,.0f} MB on disk."
        for size in sizes
    ]
    return "\n".join([*lines, "", *told])


def _cell(size: dict, name: str) -> str:
    step = size["steps"][name]
    seconds, cpu = step["seconds"][0], step["cpu"][0]
    million = cpu / size["events"] * MILLION
    return f"{seconds:,.1f} s, {cpu:,.1f} s, {million:.2f} s, {step['peak_mb']:,.0f} MB"


def _growth(one: dict, two: dict, name: str) -> float:
    times = two["steps"][name]["cpu"][0] / one["steps"][name]["cpu"][0]
    return math.log(times) / math.log(two["events"] / one["events"])


if __name__ == "__main__":
    main()
