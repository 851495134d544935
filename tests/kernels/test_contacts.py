"""Hand-offs over plain arrays."""

from __future__ import annotations

import numpy as np

from cjmining.event_columns import read_only
from cjmining.kernels.contacts import CHANNEL, OWNER, hand_offs


def test_channels_and_owners_of_two_journeys() -> None:
    stage = np.array([0, 1, 2, 0, 2, 1, 2, 2], dtype=np.int32)
    touchpoint = np.array([0, 1, 2, 0, 3, 1, 2, 3], dtype=np.int32)
    channel = np.array([5, 5, 6, 7, 6, 8, 8, -1], dtype=np.int32)
    contact = np.array([1, 1, 1, 1, 1, 1, 0, 1], dtype=bool)
    moves = np.ones(8, dtype=bool)
    found = hand_offs(
        read_only(np.array([0, 5, 8])),
        stage,
        read_only(touchpoint),
        read_only(channel),
        contact,
        moves,
        np.array([-1, 0, 1], dtype=np.int32),
        4,
    )
    # In the first: event 2 is on another channel and of another owner; event 3 goes back to the first stage.
    # In the second the company moves it to the next owner; the contact there is on an unknown channel.
    assert list(zip(*(column.tolist() for column in found), strict=True)) == [
        (CHANNEL, 1, 2, False),
        (OWNER, 1, 2, False),
        (OWNER, 5, 6, False),
    ]


def test_nothing_to_hand_off() -> None:
    nothing, none = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=bool)
    bounds, seen = read_only(np.zeros(1, dtype=np.int64)), read_only(nothing)
    found = hand_offs(bounds, nothing, seen, seen, none, none, nothing, 0)
    assert [len(column) for column in found] == [0, 0, 0, 0]
