"""How far attempts come through a funnel: one forward pass over each journey."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN202 -- numba infers the types of inner steps

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Masks = NDArray[np.uint32]


class Reached(NamedTuple):
    """Attempts in the order of their units, one entry each.

    Attributes
    ----------
    unit : int64[A]
        The journey (or customer) that the attempt belongs to.
    at : int64[A, S]
        Which step of the log reached the 1st, 2nd, ... step of the funnel, -1 where none did. In any order:
        which reached one more of them than before.
    seen : uint32[A]
        Bit s says whether step s of the funnel was reached.
    """

    unit: Ints
    at: Ints
    seen: Masks


def ordered(bounds: Ints, timestamp: Ints, fits: Masks, n_steps: int, within: int, *, every: bool) -> Reached:
    """Follow attempts in which each step comes after the one before, with anything between.

    Parameters
    ----------
    bounds : int64[U + 1]
        Bounds of journeys over the steps of the log.
    timestamp : int64[N]
        Ascending within a journey, microseconds.
    fits : uint32[N]
        Bit s says whether a step of the log fits step s of the funnel.
    n_steps : int
        At most 32.
    within : int
        Microseconds from the first step.
    every : bool
        Whether the next start begins another attempt once one is over: complete, or its time is up.
    """
    return Reached(*_in_order(bounds, timestamp, fits, n_steps, within, every, False))


def strict(bounds: Ints, timestamp: Ints, fits: Masks, n_steps: int, within: int, *, every: bool) -> Reached:
    """Follow attempts in which each step comes directly after the one before; parameters as for `ordered`.

    An attempt is over at the first step that isn't the next of the funnel; that may begin another.
    """
    return Reached(*_in_order(bounds, timestamp, fits, n_steps, within, every, True))


def in_any_order(
    bounds: Ints, timestamp: Ints, fits: Masks, n_steps: int, within: int, *, every: bool
) -> Reached:
    """Follow attempts that begin at any of the steps and reach the others in any order.

    Parameters are those of `ordered`. A step of the log counts for every step of the funnel that it fits.
    """
    return Reached(*_in_any_order(bounds, timestamp, fits, n_steps, within, every))


@kernel
def _in_order(bounds, timestamp, fits, n_steps, within, every, strict):
    room = _room(bounds, fits, np.uint32(1), every)
    unit = np.empty(room, np.int64)
    at = np.full((room, n_steps), -1, np.int64)
    seen = np.zeros(room, np.uint32)
    n = 0
    for journey in range(len(bounds) - 1):
        stop = bounds[journey + 1]
        step = bounds[journey]
        while step < stop:
            if not fits[step] & np.uint32(1):
                step += 1
                continue
            limit = timestamp[step] + within
            unit[n], at[n, 0], reached = journey, step, 1
            wanted = np.uint32(2)
            step += 1
            while reached < n_steps and step < stop and timestamp[step] <= limit:
                if fits[step] & wanted:
                    at[n, reached] = step
                    reached += 1
                    wanted = np.uint32(wanted << np.uint32(1))
                elif strict:
                    break  # here another attempt may begin
                step += 1
            seen[n] = _first(reached)
            n += 1
            if not every:
                break
    return unit[:n], at[:n], seen[:n]


@kernel
def _in_any_order(bounds, timestamp, fits, n_steps, within, every):
    room = _room(bounds, fits, np.uint32(0xFFFFFFFF), every)
    unit = np.empty(room, np.int64)
    at = np.full((room, n_steps), -1, np.int64)
    seen = np.zeros(room, np.uint32)
    n = 0
    for journey in range(len(bounds) - 1):
        stop = bounds[journey + 1]
        step = bounds[journey]
        while step < stop:
            if not fits[step]:
                step += 1
                continue
            limit = timestamp[step] + within
            unit[n], reached = journey, 0
            while reached < n_steps and step < stop and timestamp[step] <= limit:
                new = fits[step] & ~seen[n]
                while new:
                    new &= np.uint32(new - np.uint32(1))
                    at[n, reached] = step
                    reached += 1
                seen[n] |= fits[step]
                step += 1
            n += 1
            if not every:
                break
    return unit[:n], at[:n], seen[:n]


@kernel
def _room(bounds, fits, starts, every):
    """Say how many attempts there can be at most."""
    if not every:
        return len(bounds) - 1
    room = 0
    for step in range(len(fits)):
        room += (fits[step] & starts) != 0
    return room


@kernel
def _first(reached):
    """Return the lowest bits set."""
    return np.uint32((np.uint64(1) << np.uint64(reached)) - np.uint64(1))


@kernel
def last_within(bounds: Ints, timestamp: Ints, unit: Ints, first: Ints, within: int) -> Ints:
    """Return the last step of each attempt's journey that lies within its time, by halving."""
    found = np.empty(len(unit), np.int64)
    for attempt in range(len(unit)):
        limit = timestamp[first[attempt]] + within
        low, high = first[attempt], bounds[unit[attempt] + 1]
        while high - low > 1:
            middle = (low + high) // 2
            if timestamp[middle] <= limit:
                low = middle
            else:
                high = middle
        found[attempt] = low
    return found
