"""Make the events: `python -m benchmarks.discovery.make FOLDER EVENTS`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.discovery.workload import make

if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
