"""Which group each journey of a log belongs to: by customer, by event, by period, by tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from cjmining import asked, schema, tables
from cjmining.errors import LogError, nearest, shorten
from cjmining.event_columns import read_only

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]

EVERYBODY: Final = "all"
"""The one group where nothing was asked for."""

PERIODS: Final = ("day", "week", "month", "quarter", "year")
"""Periods in which journeys begin, UTC: 2026-05-04, 2026-W19 (as ISO 8601 counts), 2026-05, 2026-Q2, 2026."""

_KEPT_NAMES: Final = ("by", "customers", "journeys", "path")
"""Columns of results' tables, and a parameter of `JourneyLog.where`: no names for tags."""


class Groups(NamedTuple):
    """The group of each journey as a code, and the name of each code."""

    codes: Codes
    names: tuple[str, ...]


def group(log: JourneyLog, by: str | Sequence[str] | None) -> Groups:
    """Return the group of each journey; `JourneyLog.group` says how."""
    codes, names = _of_journeys(log, by)
    return Groups(read_only(codes), names)


def _of_journeys(log: JourneyLog, by: str | Sequence[str] | None) -> Groups:
    if by is None:
        return Groups(np.zeros(log.n_journeys, dtype=np.int32), (EVERYBODY,))
    if isinstance(by, str):
        return _one(log, by)
    names = asked.texts("by", by)
    if not names:
        raise LogError(
            "by is a name or several names to group by, not an empty sequence; leave it out for one group"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LogError(f"by names {shorten(twice)} more than once; name each thing to group by once")
    each = [_one(log, name) for name in names]
    return each[0] if len(each) == 1 else together(each)


def together(each: Sequence[Groups]) -> Groups:
    """Number the combinations that occur, in the order of their parts.

    Names are joined by ", "; a part that has a comma itself stands in quotes, so that no two combinations
    share a name.
    """
    combined = np.zeros(len(each[0].codes), np.int64)
    for one in each:
        combined = combined * len(one.names) + one.codes
    known, codes = np.unique(combined, return_inverse=True)
    parts = np.stack(np.unravel_index(known, [len(one.names) for one in each]), axis=1)
    names = tuple(joined([one.names[code] for one, code in zip(each, row, strict=True)]) for row in parts)
    return Groups(codes.astype(np.int32), names)


def joined(names: Sequence[str]) -> str:
    """Return one name for several, none of which can be mistaken for two."""
    return ", ".join(f'"{name}"' if "," in name or '"' in name else name for name in names)


def is_of_journeys(log: JourneyLog, name: str) -> bool:
    """Say whether a name groups whole journeys: by customer, tag or period, not by a column of events."""
    is_attribute = name != "customer" and name in log.attributes
    return is_attribute or name in log.tags or (name in PERIODS and not is_of_events(log, name))


def is_of_events(log: JourneyLog, name: str) -> bool:
    """Say whether a name is a text column of this log's events."""
    return name in _text_columns(log)


def of_customers(log: JourneyLog, by: str, customers: Ints) -> Groups:
    """Return for each of these customers the group by an attribute."""
    column = log._customers.column(by).combine_chunks()
    array = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    encoded = array if pa.types.is_dictionary(array.type) else tables.encode(array)
    rows = log._customer_rows(customers)
    words = tuple(str(word) for word in encoded.dictionary.to_pylist())
    codes, names = _with_unknown(tables.codes_of(encoded)[rows], words)
    return Groups(read_only(codes), names)


def tagged(log: JourneyLog, name: str, values: object) -> pa.Array:
    """Return what journeys are to be tagged with as a text column, a value a journey; None is unknown.

    A pandas Series is taken by its index where that holds the numbers of the journeys in another order.
    """
    _expect_new(log, name)
    import pandas as pd

    column = (
        values if isinstance(values, pd.Series) else pd.Series(list(_iterable(name, values)), dtype=object)
    )
    is_categorical = isinstance(column.dtype, pd.CategoricalDtype)
    _expect_single(name, column.cat.categories if is_categorical else column)
    if len(column) != log.n_journeys:
        raise LogError(
            f"{name!r} has {len(column):,} values, but the log has {log.n_journeys:,} journeys: give one each"
        )
    if not column.index.equals(pd.RangeIndex(len(column))):
        if not column.index.sort_values().equals(pd.RangeIndex(len(column))):
            raise LogError(f"the index of {name!r} isn't the journeys' numbers, 0 to {len(column) - 1:,}")
        column = column.sort_index()
    if is_categorical:
        words = pa.array([str(word) for word in column.cat.categories], pa.string()).dictionary_encode()
        codes = pa.array(column.cat.codes.to_numpy().astype(np.int32), mask=column.isna().to_numpy())
        return tables.encode(pa.DictionaryArray.from_arrays(words.indices.take(codes), words.dictionary))
    texts = [None if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)]
    return tables.encode(pa.array(texts, pa.string()))


def _iterable(name: str, values: object) -> Sequence[object]:
    if isinstance(values, str | Mapping | AbstractSet) or not hasattr(values, "__iter__"):
        raise LogError(f"{name!r} takes a value for each journey, in their order, not {values!r}")
    return values  # type: ignore[return-value]


def _expect_single(name: str, column: pd.Series[Any] | pd.Index[Any]) -> None:
    several = (list, tuple, AbstractSet, Mapping, np.ndarray)
    found = next((value for value in column if isinstance(value, several)), None)
    if found is not None:
        raise LogError(f"{name!r} takes one text for each journey, not several at once such as {found!r}")


def _expect_new(log: JourneyLog, name: str) -> None:
    if not name.strip():
        raise LogError("a tag needs a name to group and to choose by, not an empty one")
    known = {
        "tables of results and log.where have something": _KEPT_NAMES,
        "customers have an attribute": log.attributes,
        "journeys have a column": schema.JOURNEYS.names,
        "events have a column": (*schema.EVENTS.names, *log.dimensions),
        "there is a period": PERIODS,
    }
    for what, names in known.items():
        if name in names:
            raise LogError(f"journeys can't be tagged with {name!r}: {what} of that name; choose another")


def _one(log: JourneyLog, by: str) -> Groups:
    if by != "customer" and by in log.attributes:
        return of_customers(log, by, log.journey_customer)
    if by in log.tags:
        column = log._tags[by]
        return _with_unknown(tables.codes_of(column), tuple(column.dictionary.to_pylist()))
    if is_of_events(log, by):
        return _with_unknown(log._first_codes(by), log.vocabulary(by))
    if by in schema.EVENTS.names and schema.EVENTS.field(by).type == schema.TEXT:
        return Groups(np.zeros(log.n_journeys, dtype=np.int32), (schema.UNKNOWN,))
    if by in PERIODS:
        return _period(log, by)
    raise _no_group(log, by)


def _period(log: JourneyLog, period: str) -> Groups:
    """Group journeys by when they begin; only periods in which some begin are named."""
    days, codes = np.unique(
        log.timestamps[log.bounds[:-1]].astype("datetime64[us]").astype("datetime64[D]"), return_inverse=True
    )
    words = np.array([_name_of_period(day, period) for day in days.tolist()], dtype=object)
    names, of_day = np.unique(words, return_inverse=True) if len(words) else (words, np.zeros(0, np.int64))
    return Groups(of_day[codes].astype(np.int32), tuple(str(name) for name in names))


def _name_of_period(day: object, period: str) -> str:
    import datetime as dt

    assert isinstance(day, dt.date)  # noqa: S101 -- numpy's days are dates
    year, week, _ = day.isocalendar()
    return {
        "day": f"{day:%Y-%m-%d}",
        "week": f"{year:04d}-W{week:02d}",
        "month": f"{day:%Y-%m}",
        "quarter": f"{day:%Y}-Q{(day.month + 2) // 3}",
        "year": f"{day:%Y}",
    }[period]


def _text_columns(log: JourneyLog) -> list[str]:
    return [field.name for field in log._stored.schema if pa.types.is_dictionary(field.type)]


def _no_group(log: JourneyLog, by: str) -> LogError:
    known = [*log.attributes, *log.tags, *_text_columns(log)]
    if by == "persona":
        return LogError(
            "this log has no personas yet: call log.with_personas(intended) first, or group by one of "
            f"{', '.join([*known, *PERIODS])}"
        )
    if by == "outcome":
        return LogError(
            "this log doesn't know how its journeys ended: check it against a map, then "
            "log.tag(outcome=check.journeys['outcome'])"
        )
    tags = f"journeys are tagged with {', '.join(log.tags)}, " if log.tags else ""
    return LogError(
        f"there is no {by!r} to group by{nearest(by, [*known, *PERIODS])}; customers have "
        f"{', '.join(log.attributes) or 'no attributes'}, {tags}events have {', '.join(_text_columns(log))}; "
        f"periods are {', '.join(PERIODS)}. Earlier tags are dropped where a log is split or labelled: "
        "tag it afterwards"
    )


def _with_unknown(codes: Codes, words: tuple[str, ...]) -> Groups:
    if not (codes < 0).any():
        return Groups(codes, words)
    if schema.UNKNOWN in words:
        return Groups(np.where(codes < 0, words.index(schema.UNKNOWN), codes).astype(np.int32), words)
    return Groups(np.where(codes < 0, len(words), codes).astype(np.int32), (*words, schema.UNKNOWN))
