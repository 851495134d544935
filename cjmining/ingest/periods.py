"""Periods in which a source recorded improbably little: a tag that was down, a delivery that is missing.

The source is measured against itself. For each hour it is expected to record its usual share of the hour of
the week (so quiet nights and weekends expect little) times its level around that day (the mean of the days
within four weeks, so growth and seasons expect what is usual then). A silence is scored by how much better
"a tenth of the usual" explains the counts than "as usual" does (a Poisson log-likelihood ratio). Every source
has silences, since events come in bursts and mailings every third week. So a gap's score is at least
`THRESHOLD`, and at least `STANDS_OUT` times that of the source's usual silences: of all but the `RARE`
highest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

HOUR_US = 3_600_000_000
REMAINING = 0.1
"""Share of the usual that a source may still record in a gap."""
NOTABLE = 1.0
"""Score from which on a silence is looked at."""
THRESHOLD = 12.0
"""Odds of e^12 to 1, for events that come singly."""
STANDS_OUT = 3.0
RARE = 3
"""How many silences may be gaps rather than the source's habit."""
SHORTEST_HISTORY_DAYS = 14
LEVEL_DAYS = 28


def find_gaps(hours: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the gaps of one source as (start, end) in microseconds since 1970, on whole hours.

    Parameters
    ----------
    hours, counts : int64[n]
        Hours since 1970 in which anything was recorded, ascending, and how many events.

    Examples
    --------
    >>> hours = np.arange(24 * 60)
    >>> counts = np.full(24 * 60, 20)
    >>> counts[500:548] = 0
    >>> [(start // HOUR_US, end // HOUR_US) for start, end in find_gaps(hours, counts)]
    [(500, 548)]
    """
    if not len(hours) or hours[-1] - hours[0] < SHORTEST_HISTORY_DAYS * 24:
        return []
    first = int(hours[0])
    recorded = np.zeros(int(hours[-1]) - first + 1)
    recorded[hours - first] = counts
    usual = _usual(recorded, first)
    score = recorded * np.log(REMAINING) + (1 - REMAINING) * usual
    score[[0, -1]] = np.minimum(score[[0, -1]], 0.0)  # coverage begins and ends inside an hour
    stretches = _best_stretches(score)
    scores = np.array([score[start:end].sum() for start, end in stretches])
    least = _improbable(scores)
    gaps = [stretch for stretch, own in zip(stretches, scores, strict=True) if own >= least]
    return [((first + start) * HOUR_US, (first + end) * HOUR_US) for start, end in gaps]


def strays(hours: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> tuple[int, int] | None:
    """Return how many events lie more than a year after all others, and when in microseconds, or None.

    Up to one in a thousand events, which is what mistaken dates are.

    Examples
    --------
    >>> strays(np.array([0, 1, 2, 24 * 400]), np.array([900, 900, 900, 2]))
    (2, 34560000000000)
    """
    later = np.flatnonzero(np.diff(hours) > 365 * 24) + 1
    for start in later.tolist():
        n = int(counts[start:].sum())
        if n * 1_000 <= int(counts.sum()):
            return n, int(hours[start]) * HOUR_US
    return None


def _usual(recorded: Floats, first: int) -> Floats:
    """Return the expected count of each hour: share of the hour of the week x level of the day."""
    hour = first + np.arange(len(recorded))
    of_week = hour % 168
    profile = np.bincount(of_week, recorded, 168) / np.bincount(of_week, minlength=168)
    profile *= 7 / profile.sum()  # the shares of a day's hours add up to 1 on an average day
    day = hour // 24 - first // 24
    share: Floats = profile[of_week].astype(np.float64)
    counts: Floats = np.bincount(day, recorded).astype(np.float64)
    level = _around(counts, np.bincount(day, share).astype(np.float64))
    usual: Floats = share * level[day]
    return usual


def _around(counts: Floats, shares: Floats) -> Floats:
    """Return for each day the level of the days around it: four weeks, fewer towards the ends."""
    n = len(counts)
    day = np.arange(n)
    reach = np.maximum(np.minimum(LEVEL_DAYS, np.minimum(day, n - 1 - day)), 7)
    low, high = np.maximum(day - reach, 0), np.minimum(day + reach + 1, n)
    seen, expected = np.concatenate(([0.0], np.cumsum(counts))), np.concatenate(([0.0], np.cumsum(shares)))
    level: Floats = (seen[high] - seen[low]) / np.maximum(expected[high] - expected[low], 1e-9)
    return level


def _improbable(scores: Floats) -> float:
    """Return the score from which on a silence is improbable for a source with these silences."""
    habit = np.sort(scores)[:-RARE].max(initial=0.0)
    return max(THRESHOLD, STANDS_OUT * float(habit))


def _best_stretches(score: Floats) -> list[tuple[int, int]]:
    """Return the disjoint stretches with the highest sums, those of at least NOTABLE, in order."""
    found = []
    pending = [(0, len(score))]
    while pending:
        low, high = pending.pop()
        if high <= low:
            continue
        sums = np.concatenate(([0.0], np.cumsum(score[low:high])))
        rises = sums - np.minimum.accumulate(sums)
        end = int(np.argmax(rises))
        if rises[end] < NOTABLE:
            continue
        start = end - int(np.argmin(sums[: end + 1][::-1]))
        found.append((low + start, low + end))
        pending += [(low, low + start), (low + end, high)]
    return sorted(found)
