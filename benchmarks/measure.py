"""One engine at one task, in a process of its own: `python -m benchmarks.measure TASK ENGINE FOLDER RUNS`."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from benchmarks import conformance, ingestion, transitions, verbs

TASKS = {**ingestion.ENGINES, **transitions.ENGINES, **conformance.ENGINES, **verbs.ENGINES}
WITHOUT_WARM_UP = set(ingestion.ENGINES)
"""Tasks that are done once on fresh data: their first run is the one that counts."""


def main(task: str, engine: str, folder: str, runs: int) -> None:
    run = TASKS[task][engine](Path(folder))
    loaded, held = _peak(), _forget_peak()
    if task not in WITHOUT_WARM_UP:
        run()
    seconds, cpu = [], []
    for _ in range(runs):
        start, start_cpu = time.perf_counter(), time.process_time()
        answer = run()
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    found = {"seconds": seconds, "cpu": cpu, "loaded_mb": loaded, "peak_mb": max(loaded, _peak())}
    found["grown_mb"] = None if held is None else _status("VmHWM") - held
    print(json.dumps({**found, "answer": answer() if callable(answer) else answer}))


def _peak() -> float:
    """Most memory that this process has held so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _forget_peak() -> float | None:
    """Let the kernel watch for a new peak from here on; return what is held now, MB, None where it can't."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return None
    return _status("VmRSS")


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
