"""Logs to and from pm4py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cjmining.log import expect_log

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.log import JourneyLog


def to_event_log(log: JourneyLog) -> pd.DataFrame:
    """Return the events under the column names of pm4py (those of XES), for its functions and for export.

    Parameters
    ----------
    log : JourneyLog
        The log.

    Returns
    -------
    pandas.DataFrame
        case:concept:name (number of the journey, as text), concept:name (touchpoint), time:timestamp (UTC),
        org:resource (actor), channel, source, failed (True, False or None), case:customer (its number, as
        text), and case:persona where the log has personas. Texts are text and not categories, which pm4py
        rejects; what is unknown is None.

    Examples
    --------
    >>> import cjmining as cj
    >>> events = to_event_log(cj.simulate.shop(100, seed=1).log)
    >>> events.columns[:4].tolist()
    ['case:concept:name', 'concept:name', 'time:timestamp', 'org:resource']
    """
    import numpy as np
    import pandas as pd

    expect_log(log, "cjmining.interop.to_event_log")
    journeys = log.event_journeys()

    def texts(column: str) -> Any:  # noqa: ANN401 -- an array of objects
        return np.array([*log.vocabulary(column), None], dtype=object)[log.codes(column)]

    columns = {
        "case:concept:name": journeys.astype(str).astype(object),
        "concept:name": texts("touchpoint"),
        "time:timestamp": pd.DatetimeIndex(log.timestamps.astype("datetime64[us]"), tz="UTC"),
        "org:resource": texts("actor"),
        "channel": texts("channel"),
        "source": texts("source"),
        "failed": np.array([False, True, None], dtype=object)[log.flags("failed")],
        "case:customer": log.event_customers.astype(str).astype(object),
    }
    if "persona" in log.attributes:
        codes, names = log.group("persona")
        columns["case:persona"] = np.array(names, dtype=object)[codes[journeys]]
    return pd.DataFrame(columns)
