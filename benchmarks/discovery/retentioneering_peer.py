"""retentioneering at one operation, by a Python that has it; it needs nothing of this project.

`PYTHON retentioneering_peer.py OPERATION retentioneering FOLDER EVENTS RUNS`. Prints what `child` prints.
RETENTIONEERING_NO_TRACK has to be set: the library sends usage figures otherwise.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np

if not os.environ.get("RETENTIONEERING_NO_TRACK"):
    raise SystemExit("set RETENTIONEERING_NO_TRACK=1: nothing is to be sent while measuring")

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benchmarks.discovery.questions import FUNNEL, PATTERN, PATTERN_DAYS


def main(operation: str, folder: Path, events: int, runs: int) -> None:
    stream, n_events, n_journeys = _stream(folder, events)
    run = RUNS[operation]
    run(stream)
    seconds, cpu, answer = [], [], None
    for _ in range(runs):
        start, start_cpu = time.perf_counter(), time.process_time()
        answer = run(stream)
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"seconds": seconds, "cpu": cpu, "peak_mb": peak, "grown_mb": None, "answer": answer()}
    print(json.dumps({**found, "events": n_events, "journeys": n_journeys}))


def _stream(folder: Path, events: int):
    import pandas as pd
    from retentioneering.eventstream.eventstream import Eventstream

    columns = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r")
        for name in ("journey", "timestamp", "touchpoint")
    }
    journey = columns["journey"]
    end = len(journey)
    if events < end:
        end = int(np.searchsorted(journey, journey[events]))
    names = json.loads((folder / "names.json").read_text(encoding="utf-8"))[0]
    frame = pd.DataFrame(
        {
            "journey": np.array(journey[:end]),
            "event": pd.Categorical.from_codes(np.array(columns["touchpoint"][:end]), names),
            "timestamp": pd.to_datetime(np.array(columns["timestamp"][:end]), unit="us"),
        }
    )
    schema = {"path_cols": ["journey"], "event_col": "event", "timestamp_col": "timestamp"}
    return Eventstream(frame, schema), end, len(np.unique(journey[:end]))


def _counts(stream):
    matrix = stream.transition_graph_data(edge_weight="count")
    return lambda: {key: [int(value), None] for key, value in _cells(matrix).items()}


def _medians(stream):
    counts = stream.transition_graph_data(edge_weight="count")
    medians = stream.transition_graph_data(edge_weight="time_median")

    def told():
        times = _cells(medians, present=_cells(counts))
        return {key: [int(value), times[key].total_seconds()] for key, value in _cells(counts).items()}

    return told


def _cells(matrix, present=None):
    inside = [name for name in matrix.index if name not in ("path_start", "path_end")]
    return {
        f"{a} > {b}": matrix.loc[a, b]
        for a in inside
        for b in inside
        if (f"{a} > {b}" in present if present is not None else matrix.loc[a, b] > 0)
    }


def _funnel(stream):
    """No time within which it has to be."""
    found = stream.funnel_data(steps=list(FUNNEL))
    return lambda: {step["step"]: int(step["unique_paths"]) for step in found["steps"]}


def _pattern(stream):
    """From the first of the first touchpoint alone."""
    found = stream.get_conversion_rate(*PATTERN, within=f"{PATTERN_DAYS}d")
    return lambda: {"journeys": int(found["converted"].iloc[0])}


RUNS = {
    "transitions, means": _counts,
    "transitions, medians": _medians,
    "funnel of three steps": _funnel,
    "path pattern": _pattern,
}

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
