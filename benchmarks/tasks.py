"""The tasks of `python -m benchmarks` but for discovery, and their engines."""

from __future__ import annotations

from benchmarks import conformance, verbs
from benchmarks.ingestion import one_csv

TASKS = {**one_csv.ENGINES, **conformance.ENGINES, **verbs.ENGINES}
WITHOUT_WARM_UP = set(one_csv.ENGINES)
"""Tasks that are done once on fresh data: their first run is the one that counts."""
