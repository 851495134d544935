"""Blocks worked on by the threads of this machine.

The kernels release the interpreter's lock, so threads use all cores. Results come back, or are merged, in the
order of the blocks, so that they are the same in every run.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from cjmining.errors import LogError
from cjmining.log import Block as OfLog
from cjmining.log import expect_log
from cjmining.progress import of_blocks, unseen

if TYPE_CHECKING:
    from cjmining.log import JourneyLog

Block = TypeVar("Block")
Summary = TypeVar("Summary")

FAN_IN: Final = 16
"""How many summaries are merged at once: more, in a tree whose shape depends on their number alone."""


BLOCKS_AHEAD: Final = 4
"""How many blocks beyond those being worked on may be done before they are merged."""


class Engine(Protocol):
    """Works on blocks elsewhere than in this process."""

    @property
    def block_events(self) -> int:
        """How many events a block of a log ought to have."""
        ...

    def new_folder(self) -> Path:
        """Make a folder that this process and those that work on blocks see."""
        ...

    def map(self, function: Callable[[Any], Any], blocks: Sequence[Any]) -> list[Any]:
        """Apply a function to every block and return the results in the blocks' order."""
        ...

    def reduce(
        self,
        function: Callable[[Any], Any],
        merge: Callable[[list[Any]], Any],
        blocks: Sequence[Any],
        *,
        at_once: int,
    ) -> Any:  # noqa: ANN401 -- what the function makes
        """Apply a function to every block and return the results, so many merged at once."""
        ...


def worked_on(log: JourneyLog, engine: Engine | None, verb: str) -> JourneyLog:
    """Return the log with its blocks worked on as a verb was told to; where nothing was said, as they are.

    Raises
    ------
    LogError
        If `engine` is none, or executors can't read the log's events.
    """
    if engine is None:
        return log
    expect_log(log, verb)
    if not callable(getattr(engine, "reduce", None)):
        raise LogError(f"{verb}: engine is cj.engines.Spark(session), not {engine!r}")
    return log.on(engine)


def map_blocks(
    function: Callable[[Block], Summary],
    blocks: Sequence[Block],
    *,
    threads: int | None = None,
    engine: Engine | None = None,
) -> list[Summary]:
    """Apply `function` to every block and return the results in the blocks' order.

    For what has to come back block by block; what can be merged is for `reduce_blocks`.

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
    return list(_in_order(function, blocks, threads, ahead=len(blocks)))


def reduce_blocks(
    function: Callable[[Block], Summary],
    merge: Callable[[list[Summary]], Summary],
    blocks: Sequence[Block],
    *,
    at_once: int = FAN_IN,
    threads: int | None = None,
    engine: Engine | None = None,
) -> Summary:
    """Apply `function` to every block and return the results merged into one.

    Summaries are merged as they come, sixteen neighbours at once, then sixteen of these, and so on: a few
    are held however many blocks there are, and which are merged with which depends on their number alone, not
    on threads, timing or engine. Up to sixteen are merged at once.

    Parameters
    ----------
    function : callable
        Takes one block, returns its summary.
    merge : callable
        Takes summaries in the blocks' order, returns one; associative.
    blocks : sequence
        Blocks of whole customers.
    at_once : int
        How many summaries are merged at once, 2 or more: fewer where they are large.
    threads : int, optional
        How many threads work at once; by default one a core.
    engine : Engine, optional
        Who works on them instead of threads of this process.

    Returns
    -------
    Summary
        That of all blocks.

    Examples
    --------
    >>> reduce_blocks(lambda block: block * block, sum, [1, 2, 3])
    14
    """
    if engine is not None:
        merged: Summary = engine.reduce(function, merge, blocks, at_once=at_once)
        return merged
    with closing(_in_order(function, blocks, threads, ahead=BLOCKS_AHEAD)) as summaries:
        return merge_in_tree(merge, summaries, len(blocks), at_once)


def merge_in_tree(
    merge: Callable[[list[Summary]], Summary],
    summaries: Iterable[Summary],
    number: int,
    at_once: int = FAN_IN,
) -> Summary:
    """Merge so many summaries in their order: neighbours, until few enough are left to be merged at once."""
    left = iter(summaries)
    while number > at_once:
        left = _merged_neighbours(merge, left, at_once)
        number = -(-number // at_once)
    return merge(list(left))


def _merged_neighbours(
    merge: Callable[[list[Summary]], Summary], summaries: Iterator[Summary], at_once: int
) -> Iterator[Summary]:
    for first in summaries:
        yield merge([first, *islice(summaries, at_once - 1)])


def sizes_of(blocks: Sequence[Any]) -> list[int]:
    """Return how much there is to do in each block: the events of a log's, else all as much."""
    return [block.last_event - block.first_event if isinstance(block, OfLog) else 1 for block in blocks]


def _in_order(
    function: Callable[[Block], Summary], blocks: Sequence[Block], threads: int | None, *, ahead: int
) -> Generator[Summary]:
    """Work on blocks, and tell whoever asked how many are done; no further ones once this is closed."""
    told = of_blocks(sizes_of(blocks))
    with closing(_in_threads(function, blocks, threads, ahead)) as summaries:
        for done, summary in enumerate(summaries, 1):
            if told is not None:
                told(done)
            yield summary


def _in_threads(
    function: Callable[[Block], Summary], blocks: Sequence[Block], threads: int | None, ahead: int
) -> Generator[Summary]:
    """Work on blocks in threads, a few ahead of the one that is asked for."""
    workers = min(threads or os.cpu_count() or 1, len(blocks))
    if workers <= 1:
        for block in blocks:
            with unseen():
                summary = function(block)
            yield summary
        return
    pool = ThreadPoolExecutor(max_workers=workers)
    coming: deque[Future[Summary]] = deque()
    try:
        for block in blocks:
            coming.append(pool.submit(function, block))
            if len(coming) > workers + ahead:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
