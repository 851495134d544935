"""Logs written in a line."""

from __future__ import annotations

import pandas as pd

from cjmining.log import JourneyLog

START = pd.Timestamp("2026-03-01", tz="UTC")


def log_of(*journeys: str, days: float = 400, **columns: list) -> JourneyLog:
    """Read journeys written as "touchpoint@day ..."; one customer each, `!` marks what failed."""
    rows = [
        {
            "customer": customer,
            "timestamp": START + pd.Timedelta(days=float(word.split("@")[1])),
            "touchpoint": word.split("@")[0].rstrip("!"),
            "failed": word.split("@")[0].endswith("!"),
            "sequence": position,
        }
        for customer, journey in enumerate(journeys)
        for position, word in enumerate(journey.split())
    ]
    events = pd.DataFrame(rows).assign(**columns)
    return JourneyLog.from_events(events, data_end=START + pd.Timedelta(days=days))
