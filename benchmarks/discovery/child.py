"""One engine at one operation, in a process of its own.

`python -m benchmarks.discovery.child OPERATION ENGINE FOLDER EVENTS RUNS`; the engine "floor" is the bare
pass. Ours are also run on one core, where that doesn't take long.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from benchmarks.discovery import workload
from benchmarks.discovery.floor import floor
from benchmarks.discovery.operations import OPERATIONS
from benchmarks.measure import measure, times

PATIENCE = 10.0
"""Seconds that the runs of an engine may take; where the first takes longer, it is the only one."""


def main(operation: str, engine: str, folder: str, events: int, runs: int) -> None:
    columns = workload.read(Path(folder), events)
    chosen = OPERATIONS[operation]
    run = floor(columns, chosen.floor) if engine == "floor" else chosen.engines[engine].prepare(columns)
    found = measure(run, runs, patience=PATIENCE)
    if engine == next(iter(chosen.engines)) and found["seconds"][0] < PATIENCE:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        found["one_core"], found["one_core_cpu"], _ = times(run, runs)
    print(json.dumps({**found, "events": len(columns.journey), "journeys": len(columns.bounds) - 1}))


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5]))
