"""Channels side by side, and where a customer's matter is handed from one channel or owner to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.conformance.tables import SECOND_US, frame
from cjmining.conformance.walk import Walk, in_all, quantiles_of, totals_of
from cjmining.stats import mean_of_clusters

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance.reading import Part, Reading, Seen
    from cjmining.conformance.tables import Counted
    from cjmining.kernels.contacts import HandOffs
    from cjmining.kernels.histogram import Histogram
    from cjmining.kernels.sums import Sums

    Ints = NDArray[np.int64]

KINDS = ("channel", "owner")

_ENDS = 1 << 12  # room for channels, and for owners, in a key


class ContactCounts(NamedTuple):
    """Contacts by channel and hand-offs; where there are several groups, one more holds all journeys.

    Attributes
    ----------
    stages : int
        How many stages the map has.
    owners : tuple of str
        Names that hand-offs between owners are numbered by, ascending.
    contacts : Sums
        By group and channel (the last for none), columns of `sum_by_cluster`: contacts, those with a measured
        wait as hits, journeys as clusters.
    answers : Sums
        Likewise: answers, their sum, customers as clusters.
    stage_answers : Sums
        By group and the stage in which the answer was given: answers, their sum, customers as clusters.
    waits : Histogram
        Waits by group and channel, microseconds.
    handoffs : Sums
        By group, kind, where from, where to, stage and whether again: hand-offs, with journeys as clusters.
    lost : Histogram
        The time in between, microseconds.
    """

    stages: int
    owners: tuple[str, ...]
    contacts: Sums
    answers: Sums
    stage_answers: Sums
    waits: Histogram
    handoffs: Sums
    lost: Histogram


def count(part: Part, seen: Seen) -> ContactCounts:
    """Count the contacts of a part's customers on the map, and where they were handed on."""
    walk = seen.walk
    contact = contacts_of(walk)
    stages = part.plan.intended.stages
    owners = tuple(sorted({stage.owner for stage in stages if stage.owner}))
    contacts, waits = _contacts(walk, contact)
    handoffs, lost = _hand_offs(walk, contact, owners)
    answers = _answers(walk, contact), _stage_answers(walk)
    return ContactCounts(len(stages), owners, contacts, *answers, waits, handoffs, lost)


def merge(parts: list[ContactCounts]) -> ContactCounts:
    """Add up the counts of parts, in their order."""
    from cjmining.kernels import histogram, sums

    owners = tuple(sorted({owner for part in parts for owner in part.owners}))
    named = [_with_owners(part, owners) for part in parts]
    return ContactCounts(
        parts[0].stages,
        owners,
        contacts=sums.merge([part.contacts for part in named]),
        answers=sums.merge([part.answers for part in named]),
        stage_answers=sums.merge([part.stage_answers for part in named]),
        waits=histogram.merge([part.waits for part in named]),
        handoffs=sums.merge([part.handoffs for part in named]),
        lost=histogram.merge([part.lost for part in named]),
    )


def together(reading: Reading, counts: ContactCounts) -> ContactCounts:
    """Return the same counts with all groups as one."""
    from cjmining.kernels.histogram import BINS
    from cjmining.kernels.sums import from_key

    everybody = len(reading.groups)
    if everybody == 1:
        return counts
    channels, ends = everybody * (1 + len(reading.channels)), everybody * _ends_a_group(counts.stages)
    return counts._replace(
        contacts=from_key(counts.contacts, channels),
        answers=from_key(counts.answers, channels),
        stage_answers=from_key(counts.stage_answers, everybody * counts.stages),
        waits=from_key(counts.waits, channels * BINS),
        handoffs=from_key(counts.handoffs, ends),
        lost=from_key(counts.lost, ends * BINS),
    )


def tables(counted: Counted, reading: Reading, counts: ContactCounts) -> dict[str, pd.DataFrame]:
    """Return the channels side by side, and the hand-offs.

    Returns
    -------
    dict of pandas.DataFrame
        `channels`: by, channel, contacts (of customers, on the map) and their journeys, satisfaction (mean of
        the answers about what happened on the channel) with limits lower and upper (95 %, allowing for
        several answers of one customer), answered, waits (how many were measured), median_wait_s, p90_wait_s.
        `handoffs`: by, kind (channel: two contacts in a row of a journey; owner: the journey's stages), from,
        to, stage (where it arrived), again (there, or at this touchpoint, the journey had its last contact on
        another channel: the customer says it all again), handoffs, journeys, share_of_journeys (of all the
        group's), median_s and p90_s between the two. Most first.
    """
    return {
        "channels": frame(_channel_rows(counted, reading, counts), _CHANNELS),
        "handoffs": frame(_hand_off_rows(counted, reading, counts), _HAND_OFFS),
    }


def limits_of_answers(counts: ContactCounts, group: int, stage: int) -> tuple[float, float]:
    """Return the limits (95 %) of the mean answer in a stage, as `mean_of_clusters` has them by customer."""
    answered, total, *customers = totals_of(counts.stage_answers, group * counts.stages + stage)
    _, lower, upper = mean_of_clusters(total, answered, customers)
    return max(lower, 0.0), min(upper, 1.0)


def contacts_of(walk: Walk) -> NDArray[np.bool_]:
    """Say which events are contacts of customers on the map.

    A contact is an event on the map that the customer did, at a touchpoint that doesn't rate others: neither
    what the company sends nor an answer to a survey is one.
    """
    return (walk.located.cell >= 0) & walk.located.by_customer & ~_is_rating(walk)


def _is_rating(walk: Walk) -> NDArray[np.bool_]:
    """Say which events are at touchpoints that rate others."""
    plan = walk.part.plan
    names = {t.touchpoint for stage in plan.intended.stages for t in stage.touchpoints if t.rates}
    codes = [walk.codes[name] for name in names if name in walk.codes]
    return np.isin(walk.part.columns.touchpoint, codes)


def _contacts(walk: Walk, contact: NDArray[np.bool_]) -> tuple[Sums, Histogram]:
    from cjmining.kernels.histogram import summarise_by
    from cjmining.kernels.sums import sum_by_cluster

    events = np.flatnonzero(contact)
    wait = walk.part.columns.wait_s[events]
    rows, key = _channel_keys(walk, events)
    waited = ~np.isnan(wait[rows])
    microseconds = np.rint(np.maximum(wait[rows][waited], 0.0) * SECOND_US)
    contacts = sum_by_cluster(key, walk.journey[events][rows], waited)
    return contacts, summarise_by(key[waited], microseconds.astype(np.int64))


def _answers(walk: Walk, contact: NDArray[np.bool_]) -> Sums:
    """Add up the answers given at a contact, or about an event where another touchpoint rates it."""
    from cjmining.kernels.sums import sum_by_cluster

    satisfaction, rated = walk.part.columns.satisfaction, walk.rated
    answers = np.flatnonzero((contact | (rated >= 0)) & ~np.isnan(satisfaction))
    about = np.where(rated[answers] >= 0, rated[answers], answers)
    rows, key = _channel_keys(walk, about)
    customer = walk.part.customer[walk.journey[about]]
    return sum_by_cluster(key, customer[rows], satisfaction[answers][rows])


def _stage_answers(walk: Walk) -> Sums:
    """Add up the answers by the stage in which they were given."""
    from cjmining.kernels.sums import sum_by_cluster

    part = walk.part
    answers = np.flatnonzero((walk.stage >= 0) & ~np.isnan(part.columns.satisfaction))
    rows, group = in_all(part.group[walk.journey[answers]], len(part.groups))
    key = group * len(part.plan.intended.stages) + walk.stage[answers][rows]
    customer = part.customer[walk.journey[answers]]
    return sum_by_cluster(key, customer[rows], part.columns.satisfaction[answers][rows])


def _channel_keys(walk: Walk, events: Ints) -> tuple[Ints, Ints]:
    """Return rows of events, and for each its group and channel as one number."""
    part, n = walk.part, len(walk.part.channels)
    rows, group = in_all(part.group[walk.journey[events]], len(part.groups))
    channel = part.columns.channel[events][rows]
    return rows, group * (1 + n) + np.where(channel >= 0, channel, n)


def hand_offs_of(walk: Walk, contact: NDArray[np.bool_], owners: tuple[str, ...]) -> HandOffs:
    """Return each hand-off between channels, and between the owners named."""
    from cjmining.kernels.contacts import hand_offs

    part, stages = walk.part, walk.part.plan.intended.stages
    owner = np.array([owners.index(s.owner) if s.owner in owners else -1 for s in stages], dtype=np.int32)
    return hand_offs(
        part.bounds,
        walk.stage,
        part.columns.touchpoint,
        part.columns.channel,
        contact,
        walk.located.moves & ~_is_rating(walk),
        owner,
        len(part.plan.rules.role),
    )


def _hand_offs(walk: Walk, contact: NDArray[np.bool_], owners: tuple[str, ...]) -> tuple[Sums, Histogram]:
    from cjmining.kernels.contacts import OWNER
    from cjmining.kernels.histogram import summarise_by
    from cjmining.kernels.sums import sum_by_cluster

    part, columns, stages = walk.part, walk.part.columns, walk.part.plan.intended.stages
    owner = np.array([owners.index(s.owner) if s.owner else -1 for s in stages], dtype=np.int32)
    stage, found = walk.stage, hand_offs_of(walk, contact, owners)
    ends = [
        np.where(found.kind == OWNER, owner[stage[events]], columns.channel[events])
        for events in (found.before, found.after)
    ]
    kind, again = found.kind.astype(np.int64), found.again.astype(np.int64)
    own = _key(kind, ends[0], ends[1], stage[found.after].astype(np.int64), again, len(stages))
    journey = walk.journey[found.after]
    rows, group = in_all(part.group[journey], len(part.groups))
    key = group * _ends_a_group(len(stages)) + own[rows]
    took = (columns.timestamp[found.after] - columns.timestamp[found.before])[rows]
    return sum_by_cluster(key, journey[rows], again[rows]), summarise_by(key, took)


def _ends_a_group(n_stages: int) -> int:
    return len(KINDS) * _ENDS * _ENDS * n_stages * 2


def _with_owners(counts: ContactCounts, owners: tuple[str, ...]) -> ContactCounts:
    """Number the owners of hand-offs as `owners` does. Both are ascending, so that keys stay so."""
    from cjmining.kernels.histogram import BINS

    if counts.owners == owners:
        return counts
    new = np.array([owners.index(owner) for owner in counts.owners] or [0], dtype=np.int64)
    cell, bin_ = np.divmod(counts.lost.key, BINS)
    return counts._replace(
        owners=owners,
        handoffs=counts.handoffs._replace(key=_renumbered(counts.handoffs.key, new, counts.stages)),
        lost=counts.lost._replace(key=_renumbered(cell, new, counts.stages) * BINS + bin_),
    )


def _renumbered(key: Ints, new: Ints, n_stages: int) -> Ints:
    """Return keys of hand-offs with other numbers of owners."""
    from cjmining.kernels.contacts import OWNER

    group, rest = np.divmod(key, _ends_a_group(n_stages))
    kind, *ends, stage, again = _parts(rest, n_stages)
    before, after = (np.where(kind == OWNER, new[np.minimum(end, len(new) - 1)], end) for end in ends)
    return group * _ends_a_group(n_stages) + _key(kind, before, after, stage, again, n_stages)


def _key(kind: Ints, before: Ints, after: Ints, stage: Ints, again: Ints, n_stages: int) -> Ints:
    """Write a hand-off as one number; `_parts` takes it apart."""
    return (((kind * _ENDS + before) * _ENDS + after) * n_stages + stage) * 2 + again


def _parts(key: Ints, n_stages: int) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Return kind, where from, where to, stage and whether again of a hand-off's key within its group."""
    key, again = np.divmod(key, 2)
    key, stage = np.divmod(key, n_stages)
    key, after = np.divmod(key, _ENDS)
    kind, before = np.divmod(key, _ENDS)
    return kind, before, after, stage, again


_CHANNELS = {
    "by": "text",
    "channel": "text",
    "contacts": "int",
    "journeys": "int",
    "satisfaction": "float",
    "lower": "float",
    "upper": "float",
    "answered": "int",
    "waits": "int",
    "median_wait_s": "float",
    "p90_wait_s": "float",
}

_HAND_OFFS = {
    "by": "text",
    "kind": "text",
    "from": "text",
    "to": "text",
    "stage": "text",
    "again": "bool",
    "handoffs": "int",
    "journeys": "int",
    "share_of_journeys": "float",
    "median_s": "float",
    "p90_s": "float",
}


def _channel_rows(counted: Counted, reading: Reading, counts: ContactCounts) -> Iterator[dict[str, Any]]:
    """Yield a row for each channel with a contact or an answer."""
    names = (*reading.channels, "")
    for g, group in counted.groups.items():
        for number, channel in enumerate(names):
            key = g * len(names) + number
            events, waits, journeys, *_ = totals_of(counts.contacts, key)
            answered, total, *customers = totals_of(counts.answers, key)
            if events or answered:
                mean, lower, upper = mean_of_clusters(total, answered, customers)
                median, p90 = quantiles_of(counts.waits, key)
                yield {
                    "by": group,
                    "channel": channel,
                    "contacts": int(events),
                    "journeys": int(journeys),
                    "satisfaction": mean,
                    "lower": max(lower, 0.0),
                    "upper": min(upper, 1.0),
                    "answered": int(answered),
                    "waits": int(waits),
                    "median_wait_s": median / SECOND_US,
                    "p90_wait_s": p90 / SECOND_US,
                }


def _hand_off_rows(counted: Counted, reading: Reading, counts: ContactCounts) -> Iterator[dict[str, Any]]:
    """Yield a row for each way that journeys were handed on, most frequent first within group and kind."""
    total, n_stages = counted.sums.outcomes.sum(axis=1), len(reading.plan.intended.stages)
    keys, totals = counts.handoffs
    group, rest = np.divmod(keys, _ends_a_group(n_stages))
    parts = _parts(rest, n_stages)
    names = (reading.channels, counts.owners)
    for row in np.lexsort((keys, -totals[:, 0], parts[0], group)).tolist():
        kind, before, after, stage, again = (int(part[row]) for part in parts)
        if (g := int(group[row])) in counted.groups:
            median, p90 = quantiles_of(counts.lost, int(keys[row]))
            journeys = int(totals[row, 2])
            yield {
                "by": counted.groups[g],
                "kind": KINDS[kind],
                "from": names[kind][before],
                "to": names[kind][after],
                "stage": reading.plan.intended.stage_names[stage],
                "again": bool(again),
                "handoffs": int(totals[row, 0]),
                "journeys": journeys,
                "share_of_journeys": journeys / int(total[g]),
                "median_s": median / SECOND_US,
                "p90_s": p90 / SECOND_US,
            }
