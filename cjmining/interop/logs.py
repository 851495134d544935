"""Logs to and from pm4py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cjmining.errors import LogError, nearest
from cjmining.log import JourneyLog, expect_log
from cjmining.schema import ACTORS

if TYPE_CHECKING:
    import pandas as pd

CASE: Final = "case:concept:name"
ACTIVITY: Final = "concept:name"
TIME: Final = "time:timestamp"
RESOURCE: Final = "org:resource"
CUSTOMER: Final = "case:customer"

_CANONICAL: Final = (
    "channel", "source", "device", "campaign", "session", "failed", "value", "currency", "wait_s",
    "duration_s", "satisfaction",
)  # fmt: skip
"""Columns of events that are read under their own names."""


def to_event_log(log: JourneyLog) -> pd.DataFrame:
    """Return the events under the column names of pm4py (those of XES), for its functions and for export.

    Parameters
    ----------
    log : JourneyLog
        The log.

    Returns
    -------
    pandas.DataFrame
        case:concept:name (number of the journey, as text with leading zeros, so that texts sort as numbers),
        concept:name (touchpoint), time:timestamp (UTC), org:resource (actor), channel, source, failed (True,
        False or None), case:customer ("customer-" and its number with leading zeros), and case:persona where
        the log has personas. Texts are text and not categories, which pm4py rejects; what is unknown is None.

    Examples
    --------
    >>> import cjmining as cj
    >>> events = to_event_log(cj.simulate.shop(100, seed=1).log)
    >>> events.columns[:4].tolist()
    ['case:concept:name', 'concept:name', 'time:timestamp', 'org:resource']
    """
    import pandas as pd

    expect_log(log, "cjmining.interop.to_event_log")
    journeys = log.event_journeys()

    def texts(column: str) -> Any:  # noqa: ANN401 -- an array of objects
        return np.array([*log.vocabulary(column), None], dtype=object)[log.codes(column)]

    customers = log.journey_customer
    columns = {
        CASE: numbered(range(log.n_journeys))[journeys],
        ACTIVITY: texts("touchpoint"),
        TIME: pd.DatetimeIndex(log.timestamps.astype("datetime64[us]"), tz="UTC"),
        RESOURCE: texts("actor"),
        "channel": texts("channel"),
        "source": texts("source"),
        "failed": np.array([False, True, None], dtype=object)[log.flags("failed")],
        CUSTOMER: numbered(customers.tolist(), "customer-")[journeys],
    }
    if "persona" in log.attributes:
        codes, names = log.group("persona")
        columns["case:persona"] = np.array(names, dtype=object)[codes[journeys]]
    return pd.DataFrame(columns)


def numbered(numbers: Iterable[int], before: str = "") -> np.ndarray[Any, Any]:
    """Return numbers as texts of one length, with a word before them.

    A number alone would be no identifier: ingestion takes such as 000 for placeholders.

    Examples
    --------
    >>> numbered([7, 12], "customer-").tolist()
    ['customer-07', 'customer-12']
    """
    texts = [str(number) for number in numbers]
    width = max(map(len, texts), default=1)
    return np.array([before + text.zfill(width) for text in texts], dtype=object)


def from_event_log(
    events: Any,  # noqa: ANN401 -- a frame, or pm4py's EventLog, which has no types
    *,
    customer: str | None = None,
    dimensions: Sequence[str] = (),
    source: str = "pm4py",
) -> JourneyLog:
    """Return a log of pm4py as a journey log, each case a journey.

    Parameters
    ----------
    events : pandas.DataFrame or pm4py.objects.log.obj.EventLog
        With case:concept:name (the case), concept:name (the activity) and time:timestamp (UTC where it has no
        zone). Read are too, where they are: org:resource (the actor, where all its values are customer,
        company or system), channel, source, device, campaign, session, failed, value, currency, wait_s,
        duration_s, satisfaction.
    customer : str, optional
        The column that says whose a case is; by default `case:customer` where there is one, else each case is
        of a customer of its own.
    dimensions : sequence of str
        Further columns to analyse by; a column `case:region` becomes the dimension `region`.
    source : str
        What the log calls the source of events that name none.

    Returns
    -------
    JourneyLog
        Customers are numbered in the order of their texts, events of a case lie in order of time, those of
        one time as they stand in the frame. `identities` keeps the texts that named customers. Further
        columns are left out.

    Raises
    ------
    LogError
        If a needed column is absent or has gaps, or a case is of several customers.
    ImportError
        If `events` is no frame, and pm4py is not installed.

    Notes
    -----
    A log that went through `to_event_log` comes back with the same journeys, touchpoints and times.

    Examples
    --------
    >>> import cjmining as cj
    >>> log = cj.simulate.shop(100, seed=1).log
    >>> again = from_event_log(to_event_log(log))
    >>> again.n_events == log.n_events, again.n_journeys == log.n_journeys
    (True, True)
    """
    import pandas as pd

    frame = events if isinstance(events, pd.DataFrame) else _frame_of(events)
    _expect_columns(frame, customer, dimensions)
    column = customer or (CUSTOMER if CUSTOMER in frame.columns else CASE)
    _expect_one_customer(frame, column)
    whose, names = _codes(frame[column])
    columns: dict[str, Any] = {
        "customer": whose,
        "timestamp": pd.to_datetime(frame[TIME], utc=True).astype("datetime64[us, UTC]"),
        "touchpoint": _texts(frame[ACTIVITY]),
        "native_journey": _texts(frame[CASE]),
        "sequence": np.arange(len(frame), dtype=np.int64),
        "source": _source(frame, source),
    }
    if RESOURCE in frame.columns and set(frame[RESOURCE].dropna()) <= set(ACTORS):
        columns["actor"] = _texts(frame[RESOURCE].fillna(ACTORS[0]))
    for name in _CANONICAL:
        if name in frame.columns and name != "source":
            columns[name] = _typed(frame[name])
    for name in dimensions:
        columns[name.removeprefix("case:")] = _texts(frame[name])
    return JourneyLog.from_events(
        pd.DataFrame({name: pd.Series(values).array for name, values in columns.items()}),
        identities=_identities(names, "customer" if column != CASE else "case"),
    )


def _frame_of(events: Any) -> pd.DataFrame:  # noqa: ANN401
    from cjmining.interop.peer import pm4py_module

    kinds = pm4py_module("pm4py.objects.log.obj")
    if not isinstance(events, kinds.EventLog):
        raise LogError(
            f"from_event_log takes a pandas frame or pm4py's EventLog, not {type(events).__name__}"
        )
    convert = pm4py_module("pm4py.objects.conversion.log.converter")
    frame: pd.DataFrame = convert.apply(events, variant=convert.Variants.TO_DATA_FRAME)
    return frame


def _expect_columns(frame: pd.DataFrame, customer: str | None, dimensions: Sequence[str]) -> None:
    if isinstance(dimensions, str):
        raise LogError(f"dimensions is a sequence of columns: write [{dimensions!r}], not {dimensions!r}")
    needed = [CASE, ACTIVITY, TIME, *([customer] if customer else []), *dimensions]
    for name in needed:
        if name not in frame.columns:
            hint = nearest(name, map(str, frame.columns))
            raise LogError(
                f"the event log lacks the column {name!r}{hint}; it has {', '.join(map(str, frame.columns))}"
            )
    for name in needed[: len(needed) - len(dimensions)]:
        missing = int(frame[name].isna().sum())
        if missing:
            raise LogError(f"{missing:,} events have no {name}; every event needs one")


def _expect_one_customer(frame: pd.DataFrame, column: str) -> None:
    if column == CASE:
        return
    several = frame.groupby(CASE)[column].nunique(dropna=False)
    shared = several[several > 1]
    if len(shared):
        raise LogError(
            f"{len(shared):,} cases have events of several customers by {column!r}, the first is "
            f"{shared.index[0]!r}; a journey is one customer's"
        )


def _texts(column: pd.Series[Any]) -> Any:  # noqa: ANN401
    return column.map(str, na_action="ignore").astype(object).where(column.notna(), None)


def _codes(column: pd.Series[Any]) -> tuple[Any, list[str]]:
    texts = column.map(str)
    names = sorted(texts.unique())
    place = {name: number for number, name in enumerate(names)}
    return texts.map(place).to_numpy(np.int64), names


def _typed(column: pd.Series[Any]) -> Any:  # noqa: ANN401
    """Numbers and truth values as they are; anything else as texts."""
    known = column.dropna()
    if len(known) and all(isinstance(value, (bool, np.bool_)) for value in known):
        return column.astype("boolean")
    return column if column.dtype.kind in "iuf" else _texts(column)


def _source(frame: pd.DataFrame, source: str) -> Any:  # noqa: ANN401
    if "source" not in frame.columns:
        return np.full(len(frame), source, dtype=object)
    return _texts(frame["source"].fillna(source))


def _identities(names: list[str], kind: str) -> Any:  # noqa: ANN401 -- an Arrow table
    import pyarrow as pa

    from cjmining import schema, tables

    return pa.table(
        {
            "customer": np.arange(len(names), dtype=np.int64),
            "kind": tables.constant(kind, len(names)),
            "value": pa.array(names, pa.string()),
        },
        schema=schema.IDENTITIES,
    )
