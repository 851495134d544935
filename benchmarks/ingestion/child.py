"""One engine at one size, in a process of its own: `python -m benchmarks.ingestion.child ENGINE FOLDER`."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from benchmarks.ingestion.engines import ENGINES
from benchmarks.measure import measure


def main(engine: str, folder: str) -> None:
    out = Path(folder) / "out"
    run = ENGINES[engine](Path(folder), out)
    found = measure(run, 1, warm_up=False)
    found["written_mb"] = sum(f.stat().st_size for f in [out, *out.rglob("*")] if f.is_file()) / 2**20
    if out.is_dir():
        shutil.rmtree(out)
    else:
        out.unlink()
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:3])
