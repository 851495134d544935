"""How long results, groundwork and the page take for logs of several sizes: `python -m benchmarks.page`.

    python -m benchmarks.page --events 100000   # another size; may be given more than once; writes nothing

Each size is measured in a process of its own, after a small run that isn't counted: a shop is simulated, its
results are made, the groundwork is laid, then the page and its facts are made from these.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import table
from benchmarks.child import told_by
from benchmarks.workload import EVENTS_A_CUSTOMER

HERE = Path(__file__).parent
EVENTS = (10_000, 1_000_000, 10_000_000)
RUNS = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--events", type=int, action="append", help="about how many")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.child:
        print(json.dumps(_measure(wanted.child)))
        return
    found = {"load": os.getloadavg()[0], "sizes": [_child(events) for events in wanted.events or EVENTS]}
    text = as_text(found)
    print(text)
    if wanted.events is None:
        path = HERE.parent / "results" / "page.json"
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        table.put(text, "page")


def _child(events: int) -> dict[str, Any]:
    return told_by("benchmarks.page", "--child", str(events))


def _measure(events: int) -> dict[str, Any]:
    import cjmining as cj
    from cjmining.intended import parse_map
    from cjmining.report import lay_groundwork

    def measured(customers: int) -> dict[str, Any]:
        shop = cj.simulate.shop(customers)
        intended = parse_map(shop.intended_text)
        log = shop.log.split(intended).with_personas(intended)
        del shop
        times = [time.perf_counter()]
        found = cj.discover(log, by="persona", ignore=intended.ignore)
        check = cj.check(log, intended, by="persona")
        times.append(time.perf_counter())
        groundwork = lay_groundwork(log, found, check)
        times.append(time.perf_counter())
        with tempfile.TemporaryDirectory(prefix="cjmining-bench-") as name:
            page, facts = Path(name) / "report.html", Path(name) / "facts.json"
            for _ in range(RUNS):
                cj.report(log, found, check, path=page, facts=facts, groundwork=groundwork)
                times.append(time.perf_counter())
            sizes = {"page_bytes": page.stat().st_size, "facts_bytes": facts.stat().st_size}
        results, laid, *pages = (after - before for before, after in pairwise(times))
        sizes |= {"events": log.n_events, "journeys": log.n_journeys}
        return sizes | {"results_s": results, "groundwork_s": laid, "page_s": pages}

    measured(500)
    return measured(round(events / EVENTS_A_CUSTOMER)) | {
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def as_text(found: dict[str, Any]) -> str:
    """Return the table of the README."""
    load = f"Load of the machine at the start: {found['load']:.1f}."
    lines = [
        f"{load} Page: median of {RUNS} (lowest to highest).",
        "",
        "| events | journeys | results | groundwork | page from these | page | facts | peak memory |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for size in found["sizes"]:
        runs = size["page_s"]
        lines.append(
            f"| {size['events']:,} | {size['journeys']:,} | {size['results_s']:.1f} s | "
            f"{size['groundwork_s']:.1f} s | {median(runs):.2f} s ({min(runs):.2f}-{max(runs):.2f}) | "
            f"{size['page_bytes'] / 1000:,.0f} kB | {size['facts_bytes'] / 1000:,.0f} kB | "
            f"{size['peak_mb'] / 1024:.1f} GB |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
