"""One run in a process of its own."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.ingest.fuzz.runs import Found, run_batch, run_series

_MOST_BYTES = 3 << 30


class Run(NamedTuple):
    source: str
    kind: str
    seed: int

    def __str__(self) -> str:
        return f"--source {self.source} --kind {self.kind} --seed {self.seed}"


def work(job: Run) -> Found:
    """Do it in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        found = run(job.kind, job.source, job.seed, Path(folder))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if most > _MOST_BYTES:
        found.problems.append(f"memory went up to {most >> 20:,} MiB")
    return found


def run(kind: str, name: str, seed: int, root: Path) -> Found:
    """Do one run of a kind in a folder."""
    if kind == "series":
        return run_series(name, seed, root)
    return run_batch(name, seed, root, n_files=40, most=150, share=0.5)
