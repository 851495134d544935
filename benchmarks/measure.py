"""One engine at one task, in a process of its own: `python -m benchmarks.measure TASK ENGINE FOLDER RUNS`."""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def measure(run: Callable[[], Any], runs: int, *, warm_up: bool = True, patience: float = math.inf) -> dict:
    """Return the times of `runs` runs, the memory of this process, and the answer.

    `run` returns the answer, or a function that makes it once the clock has stopped. Without a warm-up the
    first run counts; with one that takes longer than `patience` (seconds) that run is the only one.
    """
    loaded, held = peak(), _forget_peak()
    if warm_up:
        seconds, cpu, answer = times(run, 1)
    if not warm_up or seconds[0] < patience:
        answer = None
        seconds, cpu, answer = times(run, runs)
    found = {"seconds": seconds, "cpu": cpu, "loaded_mb": loaded, "peak_mb": max(loaded, peak())}
    found["grown_mb"] = None if held is None else _status("VmHWM") - held
    return {**found, "answer": answer() if callable(answer) else answer}


def times(run: Callable[[], Any], runs: int) -> tuple[list[float], list[float], Any]:
    """Return the seconds and the CPU seconds of each run, and what the last returned."""
    seconds, cpu, answer = [], [], None
    for _ in range(runs):
        answer = None  # the memory of the last run is free for the next
        start, start_cpu = time.perf_counter(), time.process_time()
        answer = run()
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    return seconds, cpu, answer


def main(task: str, engine: str, folder: str, runs: int) -> None:
    from benchmarks.tasks import TASKS, WITHOUT_WARM_UP

    run = TASKS[task][engine](Path(folder))
    print(json.dumps(measure(run, runs, warm_up=task not in WITHOUT_WARM_UP)))


def peak() -> float:
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
