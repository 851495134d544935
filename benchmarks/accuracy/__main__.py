"""Measure how right our numbers are: `python -m benchmarks.accuracy [part ...] [--quick]`.

A part is a module here with `run(quick=...)`, which returns plain values, and `as_text(result)`, which tells
them as Markdown. Its text stands in the README between marks of its name, its values in `../results/`.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

from benchmarks import table

HERE = Path(__file__).parent
PARTS = (
    "deviations",
    "incidence",
    "patience",
    "what_if",
    "scan",
    "drivers",
    "personas",
    "compare",
    "difference",
    "journeys",
    "identity",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all if none is named"
    )
    parser.add_argument("--quick", action="store_true", help="small and few shops; nothing is written down")
    wanted = parser.parse_args()
    unknown = [name for name in wanted.parts if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    for name in wanted.parts or PARTS:
        part = importlib.import_module(f"benchmarks.accuracy.{name}")
        result = part.run(quick=wanted.quick)
        text = part.as_text(result)
        print(text)
        if not wanted.quick:
            path = HERE.parent / "results" / f"accuracy_{name}.json"
            path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            table.put(text, name, HERE / "README.md")


main()
