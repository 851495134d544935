"""All operations that are measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.discovery import transitions, variants

if TYPE_CHECKING:
    from benchmarks.discovery.engines import Operation

OPERATIONS: dict[str, Operation] = {
    "transitions, means": transitions.MEAN,
    "transitions, medians": transitions.QUANTILES,
    "variants": variants.OPERATION,
}
