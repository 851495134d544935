"""The tasks of `python -m benchmarks` but for discovery, and their engines."""

from __future__ import annotations

from benchmarks import conformance, ingestion, verbs

TASKS = {**ingestion.ENGINES, **conformance.ENGINES, **verbs.ENGINES}
WITHOUT_WARM_UP = set(ingestion.ENGINES)
"""Tasks that are done once on fresh data: their first run is the one that counts."""
