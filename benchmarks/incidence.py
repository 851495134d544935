"""How fast probabilities of ends are estimated, beside lifelines: `python -m benchmarks.incidence`.

    python -m benchmarks.incidence --lifelines /path/to/python   # of an environment that has lifelines
    python -m benchmarks.incidence --journeys 100000             # a smaller shop; writes nothing

Each measurement runs in a process of its own, after a small run that isn't counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks import table
from benchmarks.child import told_by

HERE = Path(__file__).parent
JOURNEYS = 1_000_000
SPELLS = (1_000, 10_000, 100_000, 1_000_000)
PER_CUSTOMER = 1.21
"""Journeys of a customer of the shop."""
PATIENCE_S = 300
"""Seconds after which an engine counts as one that doesn't finish."""
N_ENDS = 4
HORIZON = timedelta(days=30)
WITHIN = 1e-9


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.incidence", description=__doc__)
    parser.add_argument("--journeys", type=int, default=JOURNEYS, help="about how many of the shop")
    parser.add_argument("--lifelines", help="the python of an environment that has lifelines")
    parser.add_argument("--child", nargs=2, metavar=("WHAT", "ARGUMENT"), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.child:
        what, argument = wanted.child
        print(json.dumps(_whole_verb(int(argument)) if what == "shop" else _estimate(argument)))
        return
    result = {
        "load": os.getloadavg()[0],
        "shop": _child("shop", str(wanted.journeys)),
        "spells": {str(size): _beside(size, wanted.lifelines) for size in SPELLS if size <= wanted.journeys},
    }
    text = as_text(result)
    print(text)
    if wanted.journeys == JOURNEYS:
        path = HERE / "results" / "incidence.json"
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        table.put(text, "incidence")


def _child(what: str, argument: str) -> dict:
    return told_by("benchmarks.incidence", "--child", what, argument)


def _whole_verb(journeys: int) -> dict:
    """Time the verb on a shop: to the goal, by persona, with curves, bands and hazards."""
    import cjmining as cj
    from cjmining.intended import parse_map

    def checked(customers: int) -> cj.Conformance:
        shop = cj.simulate.shop(customers, seed=11)
        intended = parse_map(shop.intended_text)
        log = shop.log.split(intended).with_personas(intended)
        return cj.check(log, intended, by="persona")

    cj.incidence(checked(500))
    check = checked(int(journeys / PER_CUSTOMER))
    before = _peak_mb()
    start, start_cpu = time.perf_counter(), time.process_time()
    found = cj.incidence(check)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    whole = found.probabilities.drop_duplicates(["by", "stage"])
    return {
        "journeys": int(found.left_out["journeys"].sum()),
        "spells": int(whole["entered"].sum()),
        "cells": len(whole),
        "seconds": seconds,
        "cpu": cpu,
        "before_mb": before,
        "peak_mb": _peak_mb(),
    }


def _beside(size: int, lifelines: str | None) -> dict:
    """Time one cell of spells without ties here and there, and hold the probabilities against each other."""
    with tempfile.TemporaryDirectory(prefix="cjmining-bench-") as name:
        path = Path(name) / "spells.npz"
        _write_spells(path, size)
        ours = _child("spells", str(path))
        theirs = _lifelines(path, lifelines)
    if "probability" in theirs:
        apart = float(np.abs(np.subtract(ours["probability"], theirs["probability"])).max())
        if apart > WITHIN:
            raise SystemExit(f"{size:,} spells: lifelines differs by {apart}")
        theirs["apart"] = apart
    return {"ours": ours, "lifelines": theirs}


def _write_spells(path: Path, size: int) -> None:
    """Draw spells of 50 days at most, no two of a length: some 30 of 100 are censored."""
    draw = np.random.default_rng(size)
    spread = int(timedelta(days=50) / timedelta(microseconds=1)) // size
    length = draw.permutation(size).astype(np.int64) * spread + draw.integers(1, spread, size)
    end = draw.choice(N_ENDS + 1, size, p=[0.35, 0.2, 0.12, 0.03, 0.3]).astype(np.int8)
    points = (np.arange(1, 6) * 6 * timedelta(days=1)) // timedelta(microseconds=1)
    customer = np.sort(draw.integers(0, max(1, int(size / PER_CUSTOMER)), size))
    np.savez(path, time=length, end=end, customer=customer, points=points.astype(np.int64))


def _estimate(path: str) -> dict:
    """Time the estimate of one cell with its bands, all ends at once."""
    from cjmining.dropout.spells import Spells, Times, estimate, microseconds

    given = np.load(path)
    n = len(given["time"])
    nowhere = np.zeros(n, np.int64)
    spells = Spells(nowhere, given["customer"], given["time"], given["end"], nowhere - 1)
    times = Times.of([timedelta(microseconds=int(at)) for at in given["points"]])
    estimate(spells.only(np.arange(min(n, 1_000))), N_ENDS, times)
    start, start_cpu = time.perf_counter(), time.process_time()
    cell = estimate(spells, N_ENDS, times)[0]
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    at = np.searchsorted(
        times.points, [microseconds(timedelta(microseconds=int(p))) for p in given["points"]]
    )
    probability = cell.probability[:N_ENDS, at].tolist()
    return {"seconds": seconds, "cpu": cpu, "peak_mb": _peak_mb(), "probability": probability}


def _lifelines(path: Path, python: str | None) -> dict:
    if python is None:
        return {"skipped": "no environment with lifelines was named (--lifelines)"}
    command = [python, str(HERE / "incidence_lifelines.py"), str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return {"skipped": f"not done after {PATIENCE_S} s"}
    if done.returncode:
        return {"skipped": f"failed: {done.stderr.strip().splitlines()[-1]}"}
    return json.loads(done.stdout.splitlines()[-1])


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def as_text(result: dict) -> str:
    """Return the figures as Markdown."""
    shop = result["shop"]
    grown = shop["peak_mb"] - shop["before_mb"]
    verb = (
        "`cj.incidence(check)`, to the goal, by persona, with curves, bands and hazards: "
        f"{shop['journeys']:,} journeys, {shop['spells']:,} spells in {shop['cells']} cells in "
        f"{shop['seconds']:.1f} s ({shop['cpu']:.1f} s CPU time), {grown:,.0f} MB beyond the "
        f"{shop['before_mb']:,.0f} MB that making log and check took."
    )
    lines = [
        "### Probabilities of ends",
        "",
        verb,
        "",
        "One cell, four ends, no two spells of one length:",
        "",
    ]
    lines += [
        "| spells | cjmining | peak memory | lifelines | peak memory | times ours |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for size, both in result["spells"].items():
        ours, theirs = both["ours"], both["lifelines"]
        cells = [f"{int(size):,}", _time(ours["seconds"]), f"{ours['peak_mb']:,.0f} MB"]
        if "seconds" in theirs:
            times = theirs["seconds"] / ours["seconds"]
            cells += [_time(theirs["seconds"]), f"{theirs['peak_mb']:,.0f} MB", f"{times:,.0f} x"]
        else:
            cells += [theirs["skipped"], "", ""]
        lines.append(f"| {' | '.join(cells)} |")
    measured = [both["lifelines"] for both in result["spells"].values() if "seconds" in both["lifelines"]]
    if measured:
        versions = ", ".join(f"{name} {version}" for name, version in measured[0]["versions"].items())
        apart = max(each["apart"] for each in measured)
        said = (
            f"Theirs ({versions}) fits one end at a time, so it is called four times; it states a variance "
            "at every time, without clusters. Ours states limits with clusters, and bands, at some 70 times. "
            f"Probabilities are equal within {apart:.0e}."
        )
        lines += ["", said]
    return "\n".join([*lines, "", f"Load when this began: {result['load']:.1f}."])


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


if __name__ == "__main__":
    main()
