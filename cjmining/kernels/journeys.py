"""What a group's journeys are made of: how many, how they start and end, which touchpoints they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel
from cjmining.kernels.customers import each_its_own

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

START, END, STANDS = 0, 1, 2
"""Borders of a journey: its first step; its last, where it is over, or where it still runs."""


class Journeys(NamedTuple):
    """Journeys by group (shape groups), and where they start, end and stand (groups x 3 x touchpoints).

    A journey that still runs stands at its last touchpoint; any other ends there.
    """

    journeys: Ints
    customers: Ints
    events: Ints
    start: Ints
    end: Ints
    borders: Ints
    borders_customers: Ints


class Touchpoints(NamedTuple):
    """Events by group and touchpoint; `channels` has a third axis, its last place for events without one."""

    counts: Ints
    journeys: Ints
    customers: Ints
    channels: Ints
    wait: Floats
    wait_answered: Ints
    satisfaction: Floats
    satisfaction_answered: Ints


def count_journeys(
    bounds: Ints,
    timestamp: Ints,
    touchpoint: Codes,
    customer: Ints,
    group: Codes,
    n_groups: int,
    n_touchpoints: int,
    running: Flags | None = None,
) -> Journeys:
    """Count journeys, customers (their journeys lie together) and events, and how journeys start and end.

    `running` marks the journeys that aren't over; by default none.
    """
    still = np.zeros(len(group), np.bool_) if running is None else running
    return Journeys(
        *_count_journeys(bounds, timestamp, touchpoint, customer, group, n_groups, n_touchpoints, still)
    )


def merge_journeys(parts: list[Journeys]) -> Journeys:
    """Add up summaries of blocks of whole customers, in their order."""
    sums = {
        name: np.sum([getattr(part, name) for part in parts], axis=0)
        for name in ("journeys", "customers", "events", "borders", "borders_customers")
    }
    start = np.min([part.start for part in parts], axis=0)
    end = np.max([part.end for part in parts], axis=0)
    return Journeys(start=start, end=end, **sums)


def count_touchpoints(
    bounds: Ints,
    touchpoint: Codes,
    channel: Codes,
    wait: Floats,
    satisfaction: Floats,
    group: Codes,
    n_groups: int,
    n_touchpoints: int,
    n_channels: int,
    first: Ints | None = None,
) -> Touchpoints:
    """Count events, journeys, customers, channels and answers by group and touchpoint.

    NaN and channel -1 are none; `first` is the first journey of each journey's customer, by default its own.
    """
    return Touchpoints(
        *_count_touchpoints(
            bounds,
            touchpoint,
            channel,
            wait,
            satisfaction,
            group,
            n_groups,
            n_touchpoints,
            n_channels,
            each_its_own(len(group)) if first is None else first,
        )
    )


def merge_touchpoints(parts: list[Touchpoints]) -> Touchpoints:
    """Add up summaries of blocks, in their order."""
    return Touchpoints(*(sum(columns[1:], start=columns[0]) for columns in zip(*parts, strict=True)))


@kernel
def _count_journeys(
    bounds: Ints,
    timestamp: Ints,
    touchpoint: Codes,
    customer: Ints,
    group: Codes,
    n_groups: int,
    n_touchpoints: int,
    running: Flags,
) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints, Ints]:
    journeys = np.zeros(n_groups, np.int64)
    customers = np.zeros(n_groups, np.int64)
    events = np.zeros(n_groups, np.int64)
    start = np.full(n_groups, np.iinfo(np.int64).max, np.int64)
    end = np.full(n_groups, np.iinfo(np.int64).min, np.int64)
    borders = np.zeros((n_groups, 3, n_touchpoints), np.int64)
    borders_customers = np.zeros((n_groups, 3, n_touchpoints), np.int64)
    last_customer = np.full(n_groups, -1, np.int64)
    last_border = np.full((n_groups, 3, n_touchpoints), -1, np.int64)
    for journey in range(len(bounds) - 1):
        here = group[journey]
        first, last = bounds[journey], bounds[journey + 1] - 1
        journeys[here] += 1
        events[here] += last - first + 1
        if last_customer[here] != customer[journey]:
            last_customer[here] = customer[journey]
            customers[here] += 1
        if last < first:
            continue  # a journey all of whose events are ignored starts and ends nowhere
        start[here] = min(start[here], timestamp[first])
        end[here] = max(end[here], timestamp[last])
        for border, what in (
            (START, touchpoint[first]),
            (STANDS if running[journey] else END, touchpoint[last]),
        ):
            borders[here, border, what] += 1
            borders_customers[here, border, what] += last_border[here, border, what] != customer[journey]
            last_border[here, border, what] = customer[journey]
    return journeys, customers, events, start, end, borders, borders_customers


@kernel
def _count_touchpoints(
    bounds: Ints,
    touchpoint: Codes,
    channel: Codes,
    wait: Floats,
    satisfaction: Floats,
    group: Codes,
    n_groups: int,
    n_touchpoints: int,
    n_channels: int,
    first: Ints,
) -> tuple[Ints, Ints, Ints, Ints, Floats, Ints, Floats, Ints]:
    count = np.zeros((n_groups, n_touchpoints), np.int64)
    journeys = np.zeros((n_groups, n_touchpoints), np.int64)
    customers = np.zeros((n_groups, n_touchpoints), np.int64)
    channels = np.zeros((n_groups, n_touchpoints, n_channels + 1), np.int64)
    wait_sum = np.zeros((n_groups, n_touchpoints), np.float64)
    wait_answered = np.zeros((n_groups, n_touchpoints), np.int64)
    satisfaction_sum = np.zeros((n_groups, n_touchpoints), np.float64)
    satisfaction_answered = np.zeros((n_groups, n_touchpoints), np.int64)
    last_journey = np.full((n_groups, n_touchpoints), -1, np.int64)
    for journey in range(len(bounds) - 1):
        here = group[journey]
        for event in range(bounds[journey], bounds[journey + 1]):
            what = touchpoint[event]
            count[here, what] += 1
            if last_journey[here, what] != journey:
                customers[here, what] += last_journey[here, what] < first[journey]
                last_journey[here, what] = journey
                journeys[here, what] += 1
            medium = channel[event]
            channels[here, what, medium if medium >= 0 else n_channels] += 1
            if not np.isnan(wait[event]):
                wait_sum[here, what] += wait[event]
                wait_answered[here, what] += 1
            if not np.isnan(satisfaction[event]):
                satisfaction_sum[here, what] += satisfaction[event]
                satisfaction_answered[here, what] += 1
    return (
        count,
        journeys,
        customers,
        channels,
        wait_sum,
        wait_answered,
        satisfaction_sum,
        satisfaction_answered,
    )
