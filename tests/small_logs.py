"""Small logs written as words, and tables read as rows."""

from __future__ import annotations

import itertools

import pandas as pd
import pyarrow as pa

import cjmining as cj


def log_of(journeys, *, end=None, customers=None, channels=None):
    """Build a log of journeys such as "a0 b5 c5": a touchpoint and its second, in this order."""
    events = [
        (number, customers[number] if customers else number, word[0], int(word[1:]))
        for number, journey in enumerate(journeys)
        for word in journey.split()
    ]
    table = {
        "customer": pa.array([customer for _, customer, _, _ in events], pa.int64()),
        "timestamp": pa.array([second * 1_000_000 for *_, second in events], pa.timestamp("us", "UTC")),
        "touchpoint": pa.array([word for *_, word, _ in events], pa.string()),
        "native_journey": pa.array([f"{number:04}" for number, *_ in events], pa.string()),
        "sequence": pa.array(range(len(events)), pa.int64()),
    }
    if channels:
        table["channel"] = pa.array(channels, pa.string())
    moment = None if end is None else pd.Timestamp(end, unit="s")
    return cj.JourneyLog.from_events(pa.table(table), data_end=moment)


def rows(table, *columns):
    return table[list(columns)].astype(object).to_numpy().tolist()


def timed(gaps):
    """Return journeys of words and seconds, made of words and the gaps before them; one has every word."""
    journeys = [
        list(zip([word for word, _ in one], itertools.accumulate(gap for _, gap in one), strict=True))
        for one in gaps
    ]
    return [[(word, 0) for word in "abcx"], *journeys]


def written(journeys):
    """Write such journeys as `log_of` reads them."""
    return [" ".join(f"{word}{second}" for word, second in one) for one in journeys]
