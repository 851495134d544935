"""Gaps: a tag that is down is found, quiet nights, weekends and rhythms aren't."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cjmining as cj
from cjmining.ingest.periods import HOUR_US, find_gaps

WEEKS = 26


def counts_of(rate: np.ndarray, seed: int, size: int = 1) -> np.ndarray:
    """Poisson counts, in bursts of `size` events."""
    return np.random.default_rng(seed).poisson(rate / size) * size


def business(per_hour: float) -> np.ndarray:
    hour = np.arange(24 * 7 * WEEKS)
    day, of_day = (hour // 24) % 7, hour % 24
    return np.where(
        (of_day >= 8) & (of_day < 20) & (day < 5), per_hour, np.where(day < 5, per_hour / 20, per_hour / 50)
    )


def gaps_of(counts: np.ndarray) -> list[tuple[int, int]]:
    hours = np.flatnonzero(counts)
    return [(start // HOUR_US, end // HOUR_US) for start, end in find_gaps(hours, counts[hours])]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("per_hour", [3, 30, 1000])
def test_two_days_without_anything_are_a_gap(seed, per_hour):
    counts = counts_of(business(per_hour), seed, size=3)
    start = 24 * 7 * 10 + 24  # a Tuesday, midnight
    counts[start : start + 48] = 0
    (gap,) = gaps_of(counts)
    # quiet hours around it may belong to it: a night before, a night and some bursts' time after
    assert start - 14 <= gap[0] <= start + 9
    assert start + 39 <= gap[1] <= start + 62


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("per_hour", "burst"), [(0.5, 1), (5, 1), (5, 10), (200, 20)])
def test_quiet_nights_weekends_and_bursts_are_no_gaps(seed, per_hour, burst):
    assert gaps_of(counts_of(business(per_hour), seed, burst)) == []


@pytest.mark.parametrize("every", [2, 3])
def test_a_rhythm_is_no_gap(every):
    hour = np.arange(24 * 7 * WEEKS)
    mailing = ((hour // 168) % every == 0) & (hour % 168 >= 33) & (hour % 168 < 40)
    counts = counts_of(np.where(mailing, 300.0, 0.3), 1)
    assert gaps_of(counts) == []


def test_growth_is_no_gap():
    growing = business(20) * np.linspace(0.1, 3, 24 * 7 * WEEKS)
    assert gaps_of(counts_of(growing, 5)) == []


def test_a_short_history_is_not_judged():
    assert find_gaps(np.array([0, 200]), np.array([500, 500])) == []
    assert find_gaps(np.array([], dtype=np.int64), np.array([], dtype=np.int64)) == []


def test_what_lies_after_an_end_that_nobody_gave_is_told():
    def table(name, *moments):
        frame = pd.DataFrame({"who": ["a"] * len(moments), "at": moments})
        return cj.sources.Table(frame, name=name, customer="who", timestamp="at", touchpoint={"fixed": "x"})

    log = cj.ingest([table("a", "2026-03-01 10:00"), table("b", "2026-03-01 09:00", "2026-03-02 09:00")])
    assert any("source 'b': 1 of 2 events lie after the end of the data" in note for note in log.notes)
    moments = [f"2026-03-{1 + n % 28:02d} {n % 24:02d}:00" for n in range(1_100)]
    log = cj.ingest(table("a", *moments, "2062-03-04"))
    assert any("1 event lies more than a year after all others, from 2062-03-04" in n for n in log.notes)
