"""Blocks are worked on in threads, and merged as they come, a few at a time."""

from __future__ import annotations

import threading
import time
import weakref

import pytest

from cjmining.engine.local import BLOCKS_AHEAD, FAN_IN, map_blocks, merge_in_tree, reduce_blocks
from cjmining.progress import during


class Summary:
    """The blocks that were merged, in order."""

    def __init__(self, blocks):
        self.blocks = blocks


def merge(parts):
    return Summary([block for part in parts for block in part.blocks])


@pytest.mark.parametrize("threads", [1, 3, None])
@pytest.mark.parametrize("number", [0, 1, 2, FAN_IN, FAN_IN + 1, 3 * FAN_IN, FAN_IN**2, FAN_IN**2 + 5])
def test_merged_is_what_merging_all_at_once_gives(number, threads):
    merged = reduce_blocks(lambda block: Summary([block]), merge, range(number), threads=threads)
    assert merged.blocks == list(range(number))


def test_up_to_sixteen_are_merged_at_once_and_more_in_a_tree_of_their_number_alone():
    def shape(number, threads):
        return reduce_blocks(lambda block: block, tuple, range(number), threads=threads)

    assert shape(FAN_IN, 2) == tuple(range(FAN_IN))
    number = FAN_IN**2 + 1
    twice = [tuple(range(first, first + FAN_IN)) for first in range(0, FAN_IN**2, FAN_IN)]
    assert shape(number, 1) == (tuple(twice), ((FAN_IN**2,),))
    assert shape(number, 4) == shape(number, 1)
    assert merge_in_tree(tuple, range(number), number) == shape(number, 1)


@pytest.mark.parametrize("threads", [1, 4])
def test_few_summaries_are_held_however_many_blocks_there_are(threads):
    held, most, lock = weakref.WeakSet(), 0, threading.Lock()

    def summarise(block):
        nonlocal most
        found = Summary([block])
        with lock:
            held.add(found)
            most = max(most, len(held))
        return found

    reduce_blocks(summarise, lambda parts: Summary([len(parts)]), range(2000), threads=threads)
    assert most <= FAN_IN + threads + BLOCKS_AHEAD + 2


def test_an_error_in_a_block_is_raised_and_the_rest_is_not_begun():
    begun = []

    def fail(block):
        begun.append(block)
        if block == 3:
            raise ValueError("block 3")
        return Summary([block])

    with pytest.raises(ValueError, match="block 3"):
        reduce_blocks(fail, merge, range(1000), threads=2)
    assert len(begun) < 20
    with pytest.raises(ValueError, match="block 3"):
        map_blocks(fail, range(1000), threads=2)


def test_an_error_while_merging_is_raised():
    def fail(parts):
        raise ValueError(f"{len(parts)} parts")

    with pytest.raises(ValueError, match="16 parts"):
        reduce_blocks(Summary, fail, range(100), threads=2)


def _stop(_, share):
    if share > 0.1:
        raise KeyboardInterrupt


def _told(work):
    with during(_stop, "counting", 0, 1):
        map_blocks(work, range(200), threads=2)


def _merged(work):
    reduce_blocks(work, lambda _: 1 // 0, range(200), threads=2)


@pytest.mark.parametrize("ask", [_told, _merged])
def test_no_further_blocks_are_worked_on_once_it_was_stopped(ask):
    done = []

    def work(block):
        time.sleep(0.002)
        done.append(block)

    with pytest.raises((KeyboardInterrupt, ZeroDivisionError)) as kept:
        ask(work)
    before = len(done)
    time.sleep(0.1)
    assert len(done) == before < 100
    assert kept.value  # whoever looks at an error holds all that it went through
