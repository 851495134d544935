"""Walking sequences as a tree finds what holding each against each finds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels import nearest
from tests.edits import arrays, distance, from_beginning
from tests.examples import examples

STEPS = st.lists(st.integers(0, 2), max_size=7).map(tuple)


@examples(300)
@given(
    st.sets(STEPS, min_size=1, max_size=12),
    st.lists(STEPS, min_size=1, max_size=4),
    st.lists(st.sampled_from([0, 500, 1000, 1700]), min_size=3, max_size=3),
    st.integers(1, 4),
    st.booleans(),
    st.randoms(),
)
def test_equals_holding_each_against_each(known, asked, cost, number, beginning, random):
    those = sorted(known)
    preference = list(range(len(those)))
    random.shuffle(preference)
    found, far = nearest.nearest(
        nearest.known(*arrays(those), np.array(preference)),
        *arrays(asked), np.array(cost), number=number, beginning=beginning,
    )  # fmt: skip
    best = from_beginning if beginning else distance
    weights = dict(enumerate(cost))
    for query, one in enumerate(asked):
        expected = sorted((best(one, each, weights), preference[i], i) for i, each in enumerate(those))[
            :number
        ]
        here = found[query] >= 0
        assert found[query][here].tolist() == [i for *_, i in expected]
        assert far[query][here].tolist() == [paid for paid, *_ in expected]
        assert not here[len(expected) :].any()


def test_long_sequences_are_no_other_case():
    those = sorted([(0,) * 150, (0,) * 100 + (1,) * 50, (1,) * 150])
    known = nearest.known(*arrays(those), np.arange(3))
    found, far = nearest.nearest(
        known, *arrays([[0] * 99 + [1] * 51]), np.full(2, nearest.UNIT), number=3, beginning=False
    )
    assert [those[i] for i in found[0]] == [(0,) * 100 + (1,) * 50, (0,) * 150, (1,) * 150]
    assert far[0].tolist() == [1000, 51_000, 99_000]
