"""Where a customer's matter passed from one channel, or one owner, to another, and the time until it did."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Bools = NDArray[np.bool_]

CHANNEL, OWNER = 0, 1


class HandOffs(NamedTuple):
    """Each hand-off, by journey and time.

    Attributes
    ----------
    kind : int8[H]
        0 from channel to channel, 1 from owner to owner.
    before, after : int64[H]
        The event that it passed from, and the one where it arrived.
    again : bool[H]
        The customer arrived at a stage or touchpoint where the journey's last contact was on another channel.
    """

    kind: NDArray[np.int8]
    before: Ints
    after: Ints
    again: Bools


@kernel
def hand_offs(
    bounds: Ints,
    stage: Codes,
    touchpoint: Codes,
    channel: Codes,
    contact: Bools,
    moves: Bools,
    owner: Codes,
    n_touchpoints: int,
) -> HandOffs:
    """Find where journeys passed from one channel to another, and from one owner to another.

    Channels are compared between one contact and the next. Owners are those of the stages that the journey is
    in, whoever moved it there. Who goes back to the first stage begins afresh: that event hands nothing off,
    and what follows is compared with what was before it.

    Parameters
    ----------
    bounds : int64[J + 1]
        Bounds of the journeys over the events.
    stage, touchpoint, channel : int32[N]
        Stage of each event (-1 off the map), its touchpoint and its channel (-1 unknown).
    contact : bool[N]
        Whether it is a contact of the customer on the map.
    moves : bool[N]
        Whether the journey is in its stage from then on.
    owner : int32[S]
        Owner of each stage, -1 unknown.
    n_touchpoints : int
        How many touchpoints the log has.

    Returns
    -------
    HandOffs
        At equal events channels come before owners.
    """
    kinds = np.empty(2 * len(stage), np.int8)
    before = np.empty(2 * len(stage), np.int64)
    after = np.empty(2 * len(stage), np.int64)
    again = np.empty(2 * len(stage), np.bool_)
    stage_seen = np.full(len(owner), -1, np.int64)
    touchpoint_seen = np.full(n_touchpoints, -1, np.int64)
    n = 0
    for j in range(len(bounds) - 1):
        first, contact_before, step_before = bounds[j], np.int64(-1), np.int64(-1)
        for i in range(first, bounds[j + 1]):
            at = stage[i]
            if at < 0 or not (contact[i] or moves[i]):
                continue
            if at == 0 and step_before >= 0 and stage[step_before] > 0:
                continue
            on = channel[i]
            is_again = False
            if contact[i] and on >= 0:
                there, same = stage_seen[at], touchpoint_seen[touchpoint[i]]
                is_again = (there >= first and channel[there] != on) or (
                    same >= first and channel[same] != on
                )
                if contact_before >= 0 and channel[contact_before] != on:
                    kinds[n], before[n], after[n], again[n] = CHANNEL, contact_before, i, is_again
                    n += 1
                contact_before = np.int64(i)
                stage_seen[at] = i
                touchpoint_seen[touchpoint[i]] = i
            if moves[i]:
                if step_before >= 0:
                    last = owner[stage[step_before]]
                    if last >= 0 and owner[at] >= 0 and last != owner[at]:
                        kinds[n], before[n], after[n], again[n] = OWNER, step_before, i, is_again
                        n += 1
                step_before = np.int64(i)
    return HandOffs(kinds[:n].copy(), before[:n].copy(), after[:n].copy(), again[:n].copy())
