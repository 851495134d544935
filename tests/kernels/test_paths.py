"""What lies on paths, counted with its sums over customers, against counting each customer by itself."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels.paths import Flat, number, prefix, present

PATHS = st.lists(
    st.tuples(
        st.integers(0, 3),  # customer
        st.integers(0, 2),  # group
        st.integers(-1, 1),  # arrived, not, left out
        st.lists(st.integers(0, 3), max_size=5),
    ),
    max_size=15,
)


def flat(paths):
    bounds = np.concatenate([[0], np.cumsum([len(path) for path in paths])]).astype(np.int64)
    return Flat(bounds, np.array([code for path in paths for code in path], np.int32))


@given(PATHS)
def test_presence_counts_each_attempt_once_and_adds_up_over_customers(rows):
    rows = sorted(rows, key=lambda row: row[0])
    paths = flat([path for *_, path in rows])
    found = present(
        paths,
        (paths.bounds[:-1], paths.bounds[1:]),
        np.array([side for _, _, side, _ in rows], np.int8),
        np.array([group for _, group, _, _ in rows], np.int32),
        np.array([customer for customer, *_ in rows], np.int64),
        (3, 4),
    )
    n = Counter((g, s, c) for c, g, s, _ in rows if s >= 0)
    d = Counter((g, s, code, c) for c, g, s, path in rows if s >= 0 for code in set(path))
    for g in range(3):
        for code in range(4):
            assert found.customers[g, code] == sum(any(d[g, s, code, c] for s in (0, 1)) for c in range(4))
            for s in (0, 1):
                assert found.having[g, s, code] == sum(d[g, s, code, c] for c in range(4))
                assert found.squares[g, s, code] == sum(d[g, s, code, c] ** 2 for c in range(4))
                assert found.products[g, s, code] == sum(d[g, s, code, c] * n[g, s, c] for c in range(4))
        for s in (0, 1):
            assert found.attempts[g, s] == sum(n[g, s, c] for c in range(4))
            assert found.sizes[g, s] == sum(n[g, s, c] ** 2 for c in range(4))


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=4), max_size=30))
def test_equal_paths_have_one_number_in_the_order_they_come_in(paths):
    numbers, first = number(*flat(paths))
    order = list(dict.fromkeys(tuple(path) for path in paths))
    assert numbers.tolist() == [order.index(tuple(path)) for path in paths]
    assert [tuple(paths[at]) for at in first] == order


@given(st.lists(st.lists(st.integers(0, 29), min_size=1, max_size=30), min_size=1, max_size=20))
def test_prefixes_stand_in_the_order_of_the_steps(paths):
    keys = [prefix(*flat(paths), 30, part).tolist() for part in (0, 1)]
    length = 12  # 31 to the power of 12 is below 2 to the power of 62, of 13 it isn't
    for part, key in enumerate(keys):
        cuts = [path[part * length : (part + 1) * length] for path in paths]
        order = sorted(set(map(tuple, cuts)))
        assert [sorted(set(key)).index(one) for one in key] == [order.index(tuple(cut)) for cut in cuts]
