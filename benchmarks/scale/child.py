"""One step at one size, in a process of its own: `python -m benchmarks.scale.child STEP EXPORTS LOG`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.measure import measure
from benchmarks.scale.steps import step


def main(name: str, exports: str, log: str) -> None:
    print(json.dumps(measure(step(name, Path(exports), Path(log)), 1, warm_up=False)))


if __name__ == "__main__":
    main(*sys.argv[1:4])
