"""Entropic relevance, by hand and against the definition written out over traces of text."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.discovery.personas.entropic_relevance import entropy_bits, relevance


def test_by_hand():
    """A model makes "ab" and "ac" half of the time each, and no "bb"; of 8 journeys 4, 2 and 2 are such.

    Saying whether it fits: 6 of 8, so .8113 bits. Those that fit cost 1 bit. "bb" costs 3 letters (with its
    end) of an alphabet of 3 and the end: 3 x 2 = 6 bits. So (6 x 1 + 2 x 6) / 8 = 2.25 bits.
    """
    logs = [-1.0] * 6 + [-math.inf] * 2
    found = relevance(logs, [2] * 8, alphabet=3)
    assert found.share_fitting == 0.75
    assert found.selector == pytest.approx(-(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25)))
    assert found.steps == 2.25
    assert found.naming == 0
    assert found.total == pytest.approx(2.25 + 0.8112781)


def test_naming_a_persona_costs_the_entropy_of_their_shares():
    found = relevance([-1.0] * 8, [2] * 8, alphabet=3, personas=[0, 0, 0, 0, 1, 1, 2, 2])
    assert found.naming == 1.5
    assert found.total == 2.5
    assert relevance([-1.0] * 8, [2] * 8, alphabet=3, personas=[0] * 8).total == 1


def test_a_row_may_stand_for_several_journeys():
    logs, steps, personas, times = [-1, -2, -math.inf, -3.3], [2, 3, 4, 1], [0, 1, 1, 0], [3, 1, 2, 2]
    alone = [np.repeat(each, times) for each in (logs, steps, personas)]
    found = relevance(logs, steps, alphabet=4, personas=personas, weights=times)
    assert found == pytest.approx(relevance(alone[0], alone[1], alphabet=4, personas=alone[2]))


def test_of_no_journeys_nothing_is_known():
    found = relevance([], [], alphabet=3)
    assert found.journeys == 0
    assert math.isnan(found.total)


def by_definition(traces: list[str], automaton: dict[tuple[str, str], float], alphabet: str) -> float:
    """Follow the definition of Polyvyanyy, Moffat and Garcia-Banuelos over the multiset of traces."""

    def probability(trace: str) -> float:
        way = ["^", *trace, "$"]
        return math.prod(automaton.get((a, b), 0.0) for a, b in itertools.pairwise(way))

    log = Counter(traces)
    size = sum(log.values())
    fitting = sum(times for trace, times in log.items() if probability(trace) > 0) / size
    selector = -sum(p * math.log2(p) for p in (fitting, 1 - fitting) if p > 0)
    cost = 0.0
    for trace, times in log.items():
        if probability(trace) > 0:
            bits = -math.log2(probability(trace))
        else:
            bits = -(len(trace) + 1) * math.log2(1 / (1 + len(alphabet)))
        cost += times / size * bits
    return selector + cost


@given(st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=12), st.integers(1, 11))
def test_it_is_the_published_definition(traces, known):
    """The automaton is the chain of the first traces; the others may not fit it."""
    follows: dict[str, Counter] = {}
    for trace in traces[:known]:
        way = ["^", *trace, "$"]
        for a, b in itertools.pairwise(way):
            follows.setdefault(a, Counter())[b] += 1
    automaton = {(a, b): times / sum(row.values()) for a, row in follows.items() for b, times in row.items()}
    logs = []
    for trace in traces:
        way = list(zip(["^", *trace], [*trace, "$"], strict=True))
        fits = all(pair in automaton for pair in way)
        logs.append(sum(math.log2(automaton[pair]) for pair in way) if fits else -math.inf)
    found = relevance(logs, [len(trace) for trace in traces], alphabet=3)
    assert found.total == pytest.approx(by_definition(traces, automaton, "abc"))


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6))
def test_entropy_of_shares(numbers):
    total = sum(numbers)
    wanted = -sum(n / total * math.log2(n / total) for n in numbers if n)
    assert entropy_bits(numbers) == pytest.approx(wanted)
