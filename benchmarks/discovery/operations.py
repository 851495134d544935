"""All operations that are measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.discovery import follows, funnel, pattern, personas, transitions, variants

if TYPE_CHECKING:
    from benchmarks.discovery.engines import Operation

OPERATIONS: dict[str, Operation] = {
    "transitions, means": transitions.MEAN,
    "transitions, medians": transitions.QUANTILES,
    "variants": variants.OPERATION,
    "eventually-follows": follows.OPERATION,
    "funnel of three steps": funnel.OPERATION,
    "path pattern": pattern.OPERATION,
    "three personas": personas.OPERATION,
}
