"""The tables of found journeys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cjmining.discovery.journeys.gap import SECOND_US

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
LENGTHS: Final = (
    *(0, 1, 10, 30, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 4 * _DAY, 7 * _DAY, 14 * _DAY),
    *(30 * _DAY, 60 * _DAY, 120 * _DAY, 240 * _DAY),
)
"""Where the histogram of silences has its bins, in seconds."""


class Judged(NamedTuple):
    """The steps of a log's customers: which may begin a journey, and what was found of them.

    `rows` leads to the log's events; `inner` says whether another step of its journey in the log comes
    before. `silence` is in microseconds; it, and `probability`, mean nothing for the others.
    """

    rows: Ints
    inner: Flags
    silence: Ints
    probability: Floats
    begins: Flags
    code: NDArray[np.int32]
    names: tuple[str, ...]


def boundaries_table(log: JourneyLog, judged: Judged) -> pd.DataFrame:
    """Return a row a step that could begin a journey."""
    import pandas as pd

    inner = judged.inner
    rows = judged.rows[inner]
    return pd.DataFrame(
        {
            "customer": log.event_customers[rows],
            "event": rows,
            "time": pd.DatetimeIndex(log.timestamps[rows].astype("datetime64[us]"), tz="UTC"),
            "touchpoint": pd.Categorical.from_codes(judged.code[inner], pd.Index(judged.names, dtype=object)),
            "gap_s": judged.silence[inner] / SECOND_US,
            "probability": judged.probability[inner],
            "begins": judged.begins[inner],
        }
    )


def starts_table(judged: Judged) -> pd.DataFrame:
    """Return what journeys begin with."""
    return _touchpoints(judged, judged.begins, np.ones(len(judged.rows), np.bool_))


def ends_table(judged: Judged) -> pd.DataFrame:
    """Return what journeys end with that another one follows."""
    followed = np.zeros(len(judged.rows), np.bool_)
    ended = np.zeros(len(judged.rows), np.bool_)
    followed[:-1] = judged.inner[1:]
    ended[:-1] = judged.inner[1:] & judged.begins[1:]
    return _touchpoints(judged, ended, followed)


def _touchpoints(judged: Judged, counted: Flags, of: Flags) -> pd.DataFrame:
    import pandas as pd

    size = len(judged.names)
    journeys = np.bincount(judged.code[counted], minlength=size)
    events = np.bincount(judged.code[of], minlength=size)
    order = np.lexsort((np.arange(size), -journeys))
    order = order[journeys[order] > 0]
    return pd.DataFrame(
        {
            "touchpoint": pd.Series([judged.names[one] for one in order], dtype=pd.Series(["text"]).dtype),
            "journeys": journeys[order].astype(np.int64),
            "share_of_journeys": journeys[order] / max(int(journeys.sum()), 1),
            "events": events[order].astype(np.int64),
            "share_of_events": journeys[order] / np.maximum(events[order], 1),
        }
    )


def gaps_table(judged: Judged) -> pd.DataFrame:
    """Return how long silences are within journeys and between them."""
    import pandas as pd

    edges = np.array([*LENGTHS, np.inf])
    seconds = judged.silence[judged.inner] / SECOND_US
    of = np.searchsorted(edges, seconds, side="right") - 1
    begins = judged.begins[judged.inner]
    used = int(of.max()) + 1 if len(of) else 0
    between = np.bincount(of[begins], minlength=used)[:used].astype(np.int64)
    inside = np.bincount(of[~begins], minlength=used)[:used].astype(np.int64)
    return pd.DataFrame(
        {
            "at_least_s": edges[:used],
            "below_s": edges[1 : used + 1],
            "gaps": inside + between,
            "inside": inside,
            "between": between,
            "share_between": between / np.maximum(inside + between, 1),
        }
    )


def overview_table(facts: dict[str, Any]) -> pd.DataFrame:
    """Return the one row that says what was done."""
    import pandas as pd

    table = pd.DataFrame([facts])
    return table.astype({"method": pd.Series(["text"]).dtype, "gap_s": np.float64, "threshold": np.float64})
