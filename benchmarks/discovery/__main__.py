"""Measure discovery beside its peers: `python -m benchmarks.discovery [--quick] [--events N]`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks import table as page
from benchmarks.discovery import table
from benchmarks.discovery.engines import MILLION, Operation
from benchmarks.discovery.operations import OPERATIONS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE.parent / "results" / "discovery.json"
SIZES = (MILLION, 10 * MILLION, 50 * MILLION)
QUICK = (100_000,)
RUNS = 3
TIMED_OUT = 600
RETENTIONEERING = "retentioneering"
RETENTIONEERING_EVENTS = 1.1 * MILLION
NO_TRACKING = {"RETENTIONEERING_NO_TRACK": "1"}
"""How retentioneering is told to send nothing, by its own documentation; set before its Python starts."""


def main(arguments: list[str] | None = None) -> None:
    wanted = _arguments(arguments)
    started, load = time.time(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="cjmining-discovery-", dir=wanted.folder) as name:
        folder = Path(name)
        _run([sys.executable, "-m", "benchmarks.discovery.make", name, str(max(wanted.events))])
        result = {
            "load": load,
            "minutes": 0.0,
            "machine": "two cores, Linux, Python 3.11",
            "versions": {name: version(name) for name in ("numba", "polars", "duckdb", "pm4py", "r4pm")},
            "operations": {},
        }
        for operation in wanted.operation:
            sizes = [size for size in wanted.events if size <= _our_most(operation)]
            result["operations"][operation] = {
                str(size): _measure(operation, size, folder, wanted) for size in sizes
            }
            result["minutes"] = (time.time() - started) / 60
            _keep(result, wanted)
    print(table.of(result))


def _our_most(operation: str) -> int:
    """So many events our own engine is given."""
    return next(iter(OPERATIONS[operation].engines.values())).most


def _keep(result: dict, wanted: argparse.Namespace) -> None:
    """Write down what is measured so far: a run takes a quarter of an hour."""
    if not wanted.quick and not wanted.partly:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        page.put(table.of(result), "discovery")


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.discovery", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 events, one run; writes nothing")
    parser.add_argument(
        "--events",
        type=int,
        action="append",
        help="about how many; may be given more than once; writes nothing",
    )
    parser.add_argument(
        "--operation", action="append", choices=list(OPERATIONS), help="only this one; writes nothing"
    )
    parser.add_argument(
        "--rounds", type=int, default=2, help="how often engines take turns with a million events; else once"
    )
    parser.add_argument("--folder", type=Path, help="where the events are put while this runs (1.3 GB)")
    parser.add_argument(
        "--retentioneering", type=Path, metavar="PYTHON",
        help="the Python of an environment with retentioneering; without it that peer is not measured",
    )  # fmt: skip
    wanted = parser.parse_args(arguments)
    wanted.partly = bool(wanted.events or wanted.operation)
    wanted.events = sorted(wanted.events or (QUICK if wanted.quick else SIZES))
    wanted.operation = wanted.operation or list(OPERATIONS)
    return wanted


def _measure(name: str, size: int, folder: Path, wanted: argparse.Namespace) -> dict:
    """Let the engines take turns, so that a slow minute of the machine hits them all."""
    operation = OPERATIONS[name]
    engines = ["floor", *(engine for engine, what in operation.engines.items() if size <= what.most)]
    if operation.retentioneering and wanted.retentioneering and size <= RETENTIONEERING_EVENTS:
        engines.append(RETENTIONEERING)
    found: dict[str, list[dict]] = {engine: [] for engine in engines}
    for turn in range(_rounds(size, wanted)):
        for engine in engines:
            print(f"{size:,} events, round {turn + 1}: {name}, {engine}", file=sys.stderr)
            runs = 1 if wanted.quick else RUNS
            arguments = [name, engine, str(folder), str(size), str(runs)]
            found[engine].append(_child(arguments, wanted.retentioneering))
    _compare(name, operation, {engine: parts[0]["answer"] for engine, parts in found.items()})
    return {engine: _summary(parts) for engine, parts in found.items()}


def _rounds(size: int, wanted: argparse.Namespace) -> int:
    return 1 if wanted.quick or size > SIZES[0] else wanted.rounds


def _compare(name: str, operation: Operation, answers: dict) -> None:
    """Refuse to compare speeds of engines that don't give the same answer."""
    ours = answers[next(iter(operation.engines))]
    for engine, answer in answers.items():
        if engine == "floor" or engine in operation.apart:
            continue
        differs = operation.agree(ours, answer)
        if differs:
            raise SystemExit(f"{name}: cjmining and {engine} differ at {differs}")


def _summary(parts: list[dict]) -> dict:
    first = parts[0]
    one_core = [second for part in parts for second in part.get("one_core", ())]
    return {
        "seconds": median(second for part in parts for second in part["seconds"]),
        "cpu": median(second for part in parts for second in part["cpu"]),
        "one_core": median(one_core) if one_core else None,
        "runs": [second for part in parts for second in part["seconds"]],
        "peak_mb": median(part["peak_mb"] for part in parts),
        "grown_mb": None if first["grown_mb"] is None else median(part["grown_mb"] for part in parts),
        "events": first["events"],
        "journeys": first["journeys"],
    }


def _child(arguments: list[str], retentioneering: Path | None) -> dict:
    if arguments[1] == RETENTIONEERING:
        command = [str(retentioneering), str(HERE / "retentioneering_peer.py"), *arguments]
    else:
        command = [sys.executable, "-m", "benchmarks.discovery.child", *arguments]
    return json.loads(_run(command).splitlines()[-1])


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=TIMED_OUT,
        env={**os.environ, **NO_TRACKING},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
