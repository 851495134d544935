"""A module of the benchmarks run in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def told_by(module: str, *arguments: str) -> dict:
    """Run a module, and return the JSON that it prints last; what it complains of is seen as it comes."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return dict(json.loads(done.stdout.splitlines()[-1]))
