"""The long run: `python -m tests.ingest.fuzz --cases 2000`."""

from __future__ import annotations

import argparse
import multiprocessing
import multiprocessing.pool
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.ingest.fuzz.jobs import Run, run, work
from tests.ingest.fuzz.runs import Found, module_names

_PATIENCE = 300.0
"""A run that takes longer hangs."""


def main() -> int:
    given = _arguments()
    if given.seed is not None:
        return _repeat(given)
    totals = {name: Found() for name in given.source or module_names()}
    start = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(given.jobs, maxtasksperchild=50) as pool:
        for name, total in totals.items():
            _try(pool, name, total, given)
            _say(f"{name}: {total.cases:,} cases, {total.refused:,} refused, {len(total.problems)} problems "
                  f"({time.monotonic() - start:.0f} s so far)")  # fmt: skip
    _print_table(totals)
    return 1 if any(total.problems for total in totals.values()) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.ingest.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=2_000, help="at least so many for each source")
    parser.add_argument("--source", action="append", help="only this one (may be given several times)")
    parser.add_argument("--kind", choices=("batch", "series"), help="only runs of this kind")
    parser.add_argument("--seed", type=int, help="repeat one run, and keep its files")
    parser.add_argument("--first", type=int, default=0, help="the first seed of the long run")
    parser.add_argument("--jobs", type=int, default=2)
    return parser.parse_args()


def _repeat(given: argparse.Namespace) -> int:
    for name in given.source or module_names():
        for kind in [given.kind] if given.kind else ["batch", "series"]:
            root = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
            found = run(kind, name, given.seed, root)
            _say(f"{name} {kind} {given.seed}: {found.cases} cases, files in {root}")
            _say("\n".join(found.problems))
    return 0


def _jobs(name: str, given: argparse.Namespace) -> Iterator[Run]:
    seed = given.first
    while True:
        for kind in [given.kind] if given.kind else ["batch", "series", "series"]:
            yield Run(name, kind, seed)
            seed += 1


def _try(pool: multiprocessing.pool.Pool, name: str, total: Found, given: argparse.Namespace) -> None:
    waiting = []
    for job in _jobs(name, given):
        waiting.append((job, pool.apply_async(work, (job,))))
        if len(waiting) < 2 * given.jobs:
            continue
        first, result = waiting.pop(0)
        _take(first, result, total)
        if total.cases >= given.cases:
            break
    for last, result in waiting:
        _take(last, result, total)


def _take(job: Run, result: multiprocessing.pool.AsyncResult[Found], total: Found) -> None:
    try:
        found = result.get(timeout=_PATIENCE)
    except multiprocessing.TimeoutError:
        found = Found(problems=["it hangs"])
    total.add(found)
    for problem in found.problems:
        _say(f"[{job}] {problem}")


def _print_table(totals: dict[str, Found]) -> None:
    _say(f"\n{'damage':<22}" + "".join(f"{name[:12]:>13}" for name in totals))
    for damage in sorted({damage for total in totals.values() for damage in total.tried}):
        _say(f"{damage:<22}" + "".join(f"{total.tried[damage]:>13,}" for total in totals.values()))
    for what in ("cases", "refused"):
        _say(f"{what:<22}" + "".join(f"{getattr(total, what):>13,}" for total in totals.values()))
    _say(f"{'problems':<22}" + "".join(f"{len(total.problems):>13,}" for total in totals.values()))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
