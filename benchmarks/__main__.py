"""Measure every engine at every task and write down what was found: `python -m benchmarks [--quick]`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks import conformance, table, workload
from benchmarks.child import told_by
from benchmarks.discovery import __main__ as discovery
from benchmarks.ingestion import one_csv
from benchmarks.tasks import TASKS

HERE = Path(__file__).parent
SLOW = {"pm4py", "pm4py, its fastest search", "r4pm"}
"""Engines that get at most `SLOW_EVENTS` events, or a sample of journeys, and one run a process."""
SLOW_EVENTS = 1_000_000
QUICK_EVENTS = 100_000
ROUNDS, RUNS = 3, 3
SMALL_ONLY = {one_csv.NATIVE, conformance.ON_HELP_DESK}
"""Tasks that are measured on at most `SLOW_EVENTS` events, or have events of their own."""
LONG = {*one_csv.ENGINES, "check, everything"}
"""Tasks that take seconds: one run a process, and one round with more than `SLOW_EVENTS` events."""


def main() -> None:
    wanted = _arguments()
    for events in wanted.events:
        result = _measure_size(events, wanted)
        print(table.of(result), end="\n\n")
        if not wanted.quick and not wanted.task:
            _write(result)
    if not wanted.task:
        discovery.main(_for_discovery(wanted))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--events", type=int, action="append", help="about how many; may be given more than once"
    )
    parser.add_argument("--quick", action="store_true", help="one short round; nothing is written down")
    parser.add_argument(
        "--task", action="append", choices=list(TASKS), help="only this task; nothing is written down"
    )
    parser.add_argument(
        "--retentioneering", metavar="PYTHON", help="the Python of an environment with that peer of discovery"
    )
    wanted = parser.parse_args()
    wanted.given = wanted.events or []
    wanted.events = wanted.events or ([QUICK_EVENTS] if wanted.quick else [1_000_000, 10_000_000])
    return wanted


def _for_discovery(wanted: argparse.Namespace) -> list[str]:
    quick = ["--quick"] if wanted.quick else []
    events = [] if wanted.quick else [f"--events={number}" for number in wanted.given]
    peer = [] if wanted.retentioneering is None else [f"--retentioneering={wanted.retentioneering}"]
    return [*quick, *events, *peer]


def _measure_size(events: int, wanted: argparse.Namespace) -> dict:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="cjmining-bench-") as name:
        folder = Path(name)
        sizes = told_by("benchmarks.workload", name, str(events))
        skipped = {} if (folder / workload.HELP_DESK).is_dir() else {conformance.ON_HELP_DESK: _ABSENT}
        measured = {
            task: _measure_task(task, folder, sizes["events"], quick=wanted.quick)
            for task in TASKS
            if (not wanted.task or task in wanted.task) and _fits(task, events) and task not in skipped
        }
    return {
        "sizes": sizes,
        "machine": "two cores, Linux, Python 3.11",
        "load": load,
        "versions": {
            name: version(name) for name in ("cjmining", "numba", "polars", "duckdb", "pm4py", "r4pm")
        },
        "tasks": measured,
        "skipped": {task: why for task, why in skipped.items() if _fits(task, events)},
    }


_ABSENT = f"the published log is not on this machine ({workload.HELP_DESK_LOG.name})"


def _fits(task: str, events: int) -> bool:
    return task not in SMALL_ONLY or events <= SLOW_EVENTS


def _measure_task(task: str, folder: Path, events: int, *, quick: bool) -> dict:
    """Let the engines take turns, so that a slow minute of the machine hits them all."""
    sampled = task in conformance.ENGINES
    engines = [name for name in TASKS[task] if name not in SLOW or sampled or events <= 1.1 * SLOW_EVENTS]
    found: dict[str, list[dict]] = {name: [] for name in engines}
    for turn in range(_rounds(task, events, quick=quick)):
        for name in engines:
            runs = 1 if quick or name in SLOW or task in LONG else RUNS
            print(f"{events:,} events, round {turn + 1}: {task}, {name}", file=sys.stderr)
            found[name].append(told_by("benchmarks.measure", task, name, str(folder), str(runs)))
    for name in engines[1:]:
        _agree(task, found[engines[0]][0]["answer"], found[name][0]["answer"], name)
    return {
        name: {
            "seconds": median(second for part in parts for second in part["seconds"]),
            "cpu": median(second for part in parts for second in part["cpu"]),
            "runs": [second for part in parts for second in part["seconds"]],
            "loaded_mb": median(part["loaded_mb"] for part in parts),
            "peak_mb": median(part["peak_mb"] for part in parts),
            "units": _units(task, parts[0]["answer"]),
            "bytes_an_event": _bytes_an_event(parts),
        }
        for name, parts in found.items()
    }


def _rounds(task: str, events: int, *, quick: bool) -> int:
    if events <= 1.1 * SLOW_EVENTS:
        return 1 if quick else ROUNDS
    return 1 if quick or task in LONG else ROUNDS - 1


def _units(task: str, answer: dict) -> int | None:
    """How many journeys or events the engine had, where those aren't all of the log."""
    if task in conformance.ENGINES:
        return answer["journeys"]
    return answer["events"] if "native" in task else None


def _bytes_an_event(parts: list[dict]) -> float | None:
    """What the codes take and what the process grew by beyond them, where both are known."""
    known = [part for part in parts if part["grown_mb"] is not None and "codes_bytes" in part["answer"]]
    if not known:
        return None
    grown = median(part["grown_mb"] for part in known) * 2**20
    return (grown + known[0]["answer"]["codes_bytes"]) / known[0]["answer"]["events"]


def _agree(task: str, ours: dict, theirs: dict, engine: str) -> None:
    """Refuse to compare speeds of engines that don't give the same answer."""
    if task in conformance.ENGINES:
        ours, theirs = ours["costs"], theirs["costs"]
        common = ours.keys() & theirs.keys()
    else:
        common = ours.keys() | theirs.keys()
    for key in common:
        if ours.get(key) != theirs.get(key):
            raise SystemExit(f"{task}: {engine} says {theirs.get(key)} for {key!r}, cjmining {ours.get(key)}")


def _write(result: dict) -> None:
    """Keep the figures, and put the tables of all sizes that were ever measured into the README."""
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    millions = round(result["sizes"]["events"] / 1e6)
    (folder / f"{millions}_million_events.json").write_text(
        json.dumps(result, indent=1) + "\n", encoding="utf-8"
    )
    results = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*_million_events.json")]
    text = "\n\n".join(table.of(each) for each in sorted(results, key=lambda each: each["sizes"]["events"]))
    table.put(text, "measured")


if __name__ == "__main__":
    main()
