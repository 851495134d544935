"""Logs to and from pm4py."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cjmining import asked, tables
from cjmining.errors import LogError, nearest, shorten
from cjmining.interop.cases import CASE, customers_of, tagged, texts, typed
from cjmining.log import JourneyLog, expect_log
from cjmining.schema import ACTORS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Known = tuple[NDArray[np.int32], tuple[str | float, ...]]

ACTIVITY: Final = "concept:name"
TIME: Final = "time:timestamp"
RESOURCE: Final = "org:resource"
CUSTOMER: Final = "case:customer"
DATA_END: Final = "data_end"
"""Attribute of a log: until when its customers were observed, UTC."""

_CANONICAL: Final = (
    "channel", "source", "device", "campaign", "session", "failed", "value", "currency", "wait_s",
    "duration_s", "satisfaction",
)  # fmt: skip
"""Columns of events that are read under their own names."""


def to_event_log(log: JourneyLog, *, attributes: Sequence[str] = ()) -> pd.DataFrame:
    """Return the events under the column names of pm4py (those of XES), for its functions and for export.

    Parameters
    ----------
    log : JourneyLog
        The log.
    attributes : sequence of str
        What else is known of customers and goes with their cases, as `case:region`. Whether others may see
        it, nobody here can know: by default nothing but the persona goes.

    Returns
    -------
    pandas.DataFrame
        case:concept:name (number of the journey, as text with leading zeros, so that texts sort as numbers),
        concept:name (touchpoint), time:timestamp (UTC), org:resource (actor), channel, source, failed (True,
        False or None), case:customer ("customer-" and its number with leading zeros), case:persona where the
        log has personas, the attributes asked for, and what journeys are tagged with, as case:outcome. Texts
        are text and not categories, which pm4py rejects; what is unknown is None. ``.attrs["data_end"]`` is
        the end of the data, as text in UTC.

    Raises
    ------
    LogError
        If `log` is none, or customers don't have one of the attributes.

    Examples
    --------
    >>> import cjmining as cj
    >>> events = to_event_log(cj.simulate.shop(100, seed=1).log)
    >>> events.columns[:4].tolist()
    ['case:concept:name', 'concept:name', 'time:timestamp', 'org:resource']
    """
    import pandas as pd

    expect_log(log, "cjmining.interop.to_event_log")
    known_of_journeys = of_journeys(log, attributes)
    journeys = log.event_journeys()

    def words_of(column: str) -> Any:  # noqa: ANN401 -- an array of objects
        return np.array([*log.vocabulary(column), None], dtype=object)[log.codes(column)]

    customers = log.journey_customer
    columns = {
        CASE: numbered(range(log.n_journeys))[journeys],
        ACTIVITY: words_of("touchpoint"),
        TIME: pd.DatetimeIndex(log.timestamps.astype("datetime64[us]"), tz="UTC"),
        RESOURCE: words_of("actor"),
        "channel": words_of("channel"),
        "source": words_of("source"),
        "failed": np.array([False, True, None], dtype=object)[log.flags("failed")],
        CUSTOMER: numbered(customers.tolist(), "customer-")[journeys],
    }
    for name, (codes, words) in known_of_journeys.items():
        columns[f"case:{name}"] = np.array([*words, None], dtype=object)[codes[journeys]]
    frame = pd.DataFrame(columns)
    frame.attrs[DATA_END] = utc_text(log.data_end_us)
    return frame


def of_journeys(log: JourneyLog, attributes: Sequence[str]) -> dict[str, Known]:
    """Return what goes out with each journey, by name: codes, -1 where it is unknown, and the values.

    These are the persona, the attributes of its customer that were asked for, and its tags.
    """
    asked_for = asked.texts("attributes", attributes)
    for name in asked_for:
        if name not in log.attributes:
            has = ", ".join(log.attributes) or "no attributes"
            raise LogError(
                f"there is no attribute {name!r}{nearest(name, log.attributes)}; customers have {has}"
            )
    customers = log._customers
    rows = log._customer_rows(log.journey_customer)
    persona = ["persona"] if "persona" in log.attributes else []
    known: dict[str, Known] = {}
    for name in dict.fromkeys([*persona, *asked_for]):
        codes, words = _encoded(customers.column(name))
        known[name] = codes[rows], words
    for name in log.tags:
        known[name] = _encoded(log._tags[name])
    if ACTIVITY in known:
        raise LogError(f"{ACTIVITY!r} is what an event log calls a case itself: give your tag another name")
    return known


def _encoded(column: Any) -> Known:  # noqa: ANN401 -- a column of Arrow
    """Encode texts in their order; numbers and truth values stay such, anything else becomes text."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type) or pa.types.is_string(column.type):
        encoded = tables.encode(column)
    else:
        encoded = pa.chunked_array(column).combine_chunks().dictionary_encode()
    words = [
        word if isinstance(word, (bool, int, float)) else str(word) for word in encoded.dictionary.to_pylist()
    ]
    return tables.codes_of(encoded), tuple(words)


def utc_text(microseconds: int) -> str:
    """Return a time as text that says UTC.

    Examples
    --------
    >>> utc_text(1_000_001)
    '1970-01-01T00:00:01.000001+00:00'
    """
    return f"{np.datetime_as_string(np.datetime64(microseconds, 'us'), unit='us')}+00:00"


def numbered(numbers: Iterable[int], before: str = "", width: int = 1) -> np.ndarray[Any, Any]:
    """Return numbers as texts of one length, of `width` digits at least, with a word before them.

    A number alone would be no identifier: ingestion takes such as 000 for placeholders.

    Examples
    --------
    >>> numbered([7, 12], "customer-").tolist()
    ['customer-07', 'customer-12']
    """
    texts = [str(number) for number in numbers]
    width = max([width, *map(len, texts)])
    return np.array([before + text.zfill(width) for text in texts], dtype=object)


def from_event_log(
    events: Any,  # noqa: ANN401 -- a frame, or pm4py's EventLog, which has no types
    *,
    customer: str | None = None,
    dimensions: Sequence[str] = (),
    attributes: Sequence[str] = (),
    data_end: object | None = None,
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
        Further columns of events to analyse by; a column `case:region` becomes the dimension `region`.
    attributes : sequence of str
        Columns that tell of customers, the same in all their cases; `case:region` becomes the attribute
        `region`. `case:persona` is one by itself.
    data_end : timestamp or text, optional
        Until when customers were observed (UTC where it has no zone): journeys undecided then are open. By
        default what the frame's ``attrs["data_end"]`` or the log attribute `data_end` says, else the time of
        the last event.
    source : str
        What the log calls the source of events that name none.

    Returns
    -------
    JourneyLog
        Customers are numbered in the order of their texts, events of a case lie in order of time, those of
        one time as they stand in the frame. `identities` keeps the texts that named customers. Further
        columns of cases (`case:outcome`) are what journeys are tagged with, as texts; those that can't be,
        since they differ within a case or the name is taken, are left out, and `notes` say so. Further
        columns of events are left out.

    Raises
    ------
    LogError
        If a needed column is absent or has gaps, times can't be read, a case is of several customers, or
        events lie after `data_end`.
    ImportError
        If `events` is no frame, and pm4py is not installed.

    Notes
    -----
    A log that went through `to_event_log` comes back with the same journeys, touchpoints, times, tags,
    personas and end of the data. Of an XES file, pm4py drops the attributes of the log unless it is told
    ``variant="iterparse", return_legacy_log_object=True``: pass `data_end` then.

    Examples
    --------
    >>> import cjmining as cj
    >>> log = cj.simulate.shop(100, seed=1).log
    >>> again = from_event_log(to_event_log(log))
    >>> again.n_events == log.n_events, again.n_journeys == log.n_journeys
    (True, True)
    """
    import pandas as pd

    dimensions, attributes = asked.texts("dimensions", dimensions), asked.texts("attributes", attributes)
    for option, value in {"customer": customer, "source": source}.items():
        if not isinstance(value, str) and (option, value) != ("customer", None):
            raise LogError(f"{option} is a text, not {value!r}")
    frame = events if isinstance(events, pd.DataFrame) else _frame_of(events)
    _expect_columns(frame, customer, (*dimensions, *attributes))
    column = customer or (CUSTOMER if CUSTOMER in frame.columns else CASE)
    _expect_one_customer(frame, column)
    whose, names = _codes(frame[column])
    columns: dict[str, Any] = {
        "customer": whose,
        "timestamp": _times(frame[TIME]),
        "touchpoint": texts(frame[ACTIVITY]),
        "native_journey": texts(frame[CASE]),
        "sequence": np.arange(len(frame), dtype=np.int64),
        "source": _source(frame, source),
    }
    if RESOURCE in frame.columns and set(frame[RESOURCE].dropna()) <= set(ACTORS):
        columns["actor"] = texts(frame[RESOURCE].fillna(ACTORS[0]))
    for name in _CANONICAL:
        if name in frame.columns and name != "source":
            columns[name] = typed(frame[name])
    for name in dimensions:
        columns[name.removeprefix("case:")] = texts(frame[name])
    log = JourneyLog.from_events(
        pd.DataFrame({name: pd.Series(values).array for name, values in columns.items()}),
        customers=customers_of(frame, whose, column, dimensions, attributes),
        identities=_identities(names, "customer" if column != CASE else "case"),
        data_end=frame.attrs.get(DATA_END) if data_end is None else data_end,
    )
    return tagged(log, frame, {column, CUSTOMER, *dimensions, *attributes})


def _frame_of(events: Any) -> pd.DataFrame:  # noqa: ANN401
    from cjmining.interop.peer import pm4py_module

    kinds = pm4py_module("pm4py.objects.log.obj")
    if not isinstance(events, kinds.EventLog):
        raise LogError(
            f"from_event_log takes a pandas frame or pm4py's EventLog, not {type(events).__name__}"
        )
    convert = pm4py_module("pm4py.objects.conversion.log.converter")
    frame: pd.DataFrame = convert.apply(events, variant=convert.Variants.TO_DATA_FRAME)
    told = {**events.attributes, **events.properties}  # of a file; of a frame that pm4py converted
    if DATA_END in told:
        frame.attrs[DATA_END] = told[DATA_END]
    return frame


def _expect_columns(frame: pd.DataFrame, customer: str | None, dimensions: Sequence[str]) -> None:
    needed = [CASE, ACTIVITY, TIME, *([customer] if customer else []), *dimensions]
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()].unique()
        raise LogError(f"the event log has several columns named {shorten(map(repr, twice))}; rename them")
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


def _times(column: pd.Series[Any]) -> Any:  # noqa: ANN401
    """Read times, UTC where they have no zone; numbers are none, since nobody knows their unit."""
    import pandas as pd

    if len(column) and column.dtype.kind in "iufb":
        raise LogError(f"{TIME} has numbers, not times: make them times with pandas.to_datetime(..., unit=)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            times = pd.to_datetime(column, utc=True)
        except (ValueError, TypeError, OverflowError):
            times = pd.to_datetime(column, utc=True, errors="coerce")
    wrong = np.flatnonzero(times.isna())
    if len(wrong):
        listed = shorten([f"{column.iloc[row]!r} in row {row:,}" for row in wrong[:3].tolist()], 3)
        raise LogError(
            f"{len(wrong):,} of {len(times):,} values of {TIME} can't be read as times as the first is "
            f"(counted from 0: {listed}); write them as 2026-08-31T22:00:00Z"
        )
    return times.astype("datetime64[us, UTC]")


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


def _codes(column: pd.Series[Any]) -> tuple[Any, list[str]]:
    texts = column.map(str)
    names = sorted(texts.unique())
    place = {name: number for number, name in enumerate(names)}
    return texts.map(place).to_numpy(np.int64), names


def _source(frame: pd.DataFrame, source: str) -> Any:  # noqa: ANN401
    if "source" not in frame.columns:
        return np.full(len(frame), source, dtype=object)
    return texts(frame["source"].fillna(source))


def _identities(names: list[str], kind: str) -> Any:  # noqa: ANN401 -- an Arrow table
    import pyarrow as pa

    from cjmining import schema

    return pa.table(
        {
            "customer": np.arange(len(names), dtype=np.int64),
            "kind": tables.constant(kind, len(names)),
            "value": pa.array(names, pa.string()),
        },
        schema=schema.IDENTITIES,
    )
