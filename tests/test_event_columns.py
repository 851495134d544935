"""A column that is read where it is sliced says what an array of the same values says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.event_columns import (
    EventColumn,
    counts_of,
    elementwise,
    of_whole_journeys,
    pieces_of,
    rows_where,
)

VALUES = np.random.default_rng(1).integers(-1, 9, 300).astype(np.int32)
TIMES = np.arange(300, dtype=np.int64) * 7


def column(values: np.ndarray, piece: int = 16) -> EventColumn:
    return EventColumn(len(values), values.dtype, lambda start, stop: values[start:stop], piece)


@given(
    st.slices(300),
    st.lists(st.integers(-300, 299), max_size=50),
    st.integers(1, 400),
)
def test_what_is_asked_for_is_what_an_array_has(some: slice, rows: list[int], piece: int) -> None:
    read = column(VALUES, piece)
    np.testing.assert_array_equal(read[some], VALUES[some])
    chosen = np.array(rows, np.int64)
    np.testing.assert_array_equal(read[chosen], VALUES[chosen])
    assert read[chosen].dtype == VALUES.dtype
    mask = np.isin(np.arange(300), chosen)
    np.testing.assert_array_equal(read[mask], VALUES[mask])


def test_only_what_is_asked_for_is_read() -> None:
    asked = []

    def read(start: int, stop: int) -> np.ndarray:
        asked.append((start, stop))
        return VALUES[start:stop]

    some = EventColumn(300, np.int32, read, 16)
    some[40:50]
    some[np.array([299, 3, 5, 40])]
    assert asked == [(40, 50), (3, 6), (40, 41), (299, 300)]


def test_places_beyond_the_events_are_a_mistake() -> None:
    read = column(VALUES)
    with pytest.raises(IndexError, match="300 events"):
        read[np.array([300])]
    with pytest.raises(IndexError, match="for 300 events"):
        read[np.ones(5, bool)]


def test_numpy_takes_it_for_an_array() -> None:
    read = column(VALUES)
    assert len(read) == read.size == 300
    assert read.shape == (300,)
    np.testing.assert_array_equal(np.asarray(read), VALUES)
    np.testing.assert_array_equal(read >= 3, VALUES >= 3)
    np.testing.assert_array_equal(read.astype(np.int64)[5:9], VALUES[5:9])
    assert (read.min(), read.max(), read[7]) == (VALUES.min(), VALUES.max(), VALUES[7])
    with pytest.raises(ValueError, match="without reading"):
        np.array(read, copy=False)


def test_what_is_made_of_columns_is_what_is_made_of_arrays() -> None:
    def both(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.where(one < 0, -1, other)

    made = elementwise(both, column(VALUES), column(TIMES))
    assert isinstance(made, EventColumn)
    np.testing.assert_array_equal(np.asarray(made), elementwise(both, VALUES, TIMES))
    assert made.dtype == np.int64


def test_counts_and_rows_are_those_of_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjmining.event_columns.PIECE", 32)
    for own in (VALUES, column(VALUES)):
        assert counts_of(own, 9).tolist() == np.bincount(VALUES[VALUES >= 0], minlength=9).tolist()
        found = rows_where(lambda code, time: (code == 2) & (time > 50), own, TIMES)
        assert found.tolist() == np.flatnonzero((VALUES == 2) & (TIMES > 50)).tolist()
    assert [len(piece) for (piece,) in pieces_of(column(VALUES))] == [32] * 9 + [12]
    assert [len(piece) for (piece,) in pieces_of(VALUES)] == [300]


@given(st.slices(300))
def test_journeys_are_read_whole_whatever_is_sliced(some: slice) -> None:
    bounds = np.array([0, 7, 8, 120, 299, 300])

    def places(first: int, last: int) -> np.ndarray:
        return np.concatenate([np.arange(bounds[j + 1] - bounds[j]) for j in range(first, last)])

    whole = of_whole_journeys(bounds, np.int64, places, at_once=True)
    lazy = of_whole_journeys(bounds, np.int64, places, at_once=False)
    assert isinstance(lazy, EventColumn)
    np.testing.assert_array_equal(lazy[some], whole[some])
