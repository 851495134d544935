"""Small logs written as words, and tables read as rows."""

from __future__ import annotations

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
