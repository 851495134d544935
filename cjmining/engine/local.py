"""Blocks worked on by the threads of this machine.

The kernels release the interpreter's lock, so threads use all cores; results come back in the order of the
blocks, so that merging is the same in every run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

Block = TypeVar("Block")
Summary = TypeVar("Summary")


class Engine(Protocol):
    """Works on blocks elsewhere than in this process."""

    def map(self, function: Callable[[Any], Any], blocks: Sequence[Any]) -> list[Any]:
        """Apply a function to every block and return the results in the blocks' order."""
        ...


def map_blocks(
    function: Callable[[Block], Summary],
    blocks: Sequence[Block],
    *,
    threads: int | None = None,
    engine: Engine | None = None,
) -> list[Summary]:
    """Apply `function` to every block and return the results in the blocks' order.

    Parameters
    ----------
    function : callable
        Takes one block, returns its summary.
    blocks : sequence
        Blocks of whole customers.
    threads : int, optional
        How many threads work at once; by default one a core.
    engine : Engine, optional
        Who works on them instead of threads of this process.

    Returns
    -------
    list
        One summary a block.
    """
    if engine is not None:
        return engine.map(function, blocks)
    workers = min(threads or os.cpu_count() or 1, len(blocks))
    if workers <= 1:
        return [function(block) for block in blocks]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        return list(pool.map(function, blocks))
