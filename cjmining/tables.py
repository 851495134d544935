"""Bringing tables into canonical form: types, vocabularies, order.

Functions from Arrow tables to Arrow tables; `log.py` builds the central object from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cjmining import schema
from cjmining.errors import LogError, nearest, shorten
from cjmining.event_columns import pieces_of, rows_where

REQUIRED = ("customer", "timestamp", "touchpoint")


def to_table(frame: object, *, what: str) -> pa.Table:
    """Return any Arrow-speaking frame (pandas, polars, pyarrow, DuckDB) as a table."""
    if isinstance(frame, pa.Table):
        return frame
    if hasattr(frame, "__arrow_c_stream__"):
        return pa.table(frame)
    raise LogError(
        f"{what} must be a pyarrow table or a frame that speaks Arrow (pandas, polars, DuckDB), "
        f"not {type(frame).__name__}"
    )


def canonical_events(events: pa.Table) -> pa.Table:
    """Cast the columns of `events` to their canonical types and fill what an analysis can't do without.

    Canonical columns that are absent stay absent (they count as null); any further text column becomes a
    dimension.
    """
    _require(events)
    columns: dict[str, pa.Array] = {}
    for name in events.column_names:
        column = events.column(name)
        if name in schema.EVENTS.names:
            columns[name] = _cast(name, column, schema.EVENTS.field(name).type)
        elif name != "journey":
            columns[name] = encode(column)
    n = events.num_rows
    if "source" not in columns:
        columns["source"] = constant("log", n)
    if "actor" not in columns:
        columns["actor"] = constant("customer", n)
    if "native" not in columns:
        columns["native"] = columns["touchpoint"]
    if "sequence" not in columns:
        columns["sequence"] = pa.array(np.arange(n, dtype=np.int64))
    if "event_id" not in columns:
        columns["event_id"] = pa.array(np.arange(n, dtype=np.uint64))
    _no_nulls(columns)
    return pa.table({name: columns[name] for name in in_order(columns)})


def in_order(names: Iterable[str]) -> list[str]:
    """Return names of columns of events in the order of a log: canonical ones first, then dimensions."""
    given = list(names)
    order = [name for name in schema.EVENTS.names if name in given]
    return [*order, *(name for name in given if name not in schema.EVENTS.names)]


def _require(events: pa.Table) -> None:
    for name in REQUIRED:
        if name not in events.column_names:
            hint = nearest(name, events.column_names)
            raise LogError(
                f"events lack the column {name!r}{hint}; found {', '.join(events.column_names)}. "
                "An event log needs customer (a whole number), timestamp and touchpoint."
            )


def _no_nulls(columns: dict[str, pa.Array]) -> None:
    for name in (*REQUIRED, "source", "actor"):
        if columns[name].null_count:
            raise LogError(f"{columns[name].null_count:,} events have no {name}; every event needs one")


def recast(events: pa.Table, names: Iterable[str]) -> pa.Table:
    """Cast some columns of `events`, which are in canonical form else, to their canonical types."""
    for name in names:
        column = _cast(name, events.column(name), schema.EVENTS.field(name).type)
        events = events.set_column(events.schema.get_field_index(name), name, column)
    return events.select(in_order(events.column_names))


def expect_touchpoints(codes: Any, words: Sequence[str], place: Callable[[str], str]) -> None:  # noqa: ANN401
    """Raise a LogError where an event's touchpoint is empty: nothing could ask for it by name.

    Parameters
    ----------
    codes : int32[events]
        Touchpoints, as an array or a column on disk.
    words : sequence of str
        What the codes mean.
    place : callable
        Says where a row is, by its number from 0.
    """
    empty = [code for code, word in enumerate(words) if not word.strip()]
    rows = rows_where(lambda code: np.isin(code, empty), codes if empty else codes[:0])
    if len(rows):
        listed = place(shorten([f"{row:,}" for row in rows[:6].tolist()], len(rows)))
        more = f" and {len(rows) - 6:,} more" if len(rows) > 6 else ""
        raise LogError(
            f"{len(rows):,} events have an empty touchpoint (counted from 0: {listed}{more}); name what "
            "happened, or leave them out"
        )


def _cast(name: str, column: pa.ChunkedArray, type_: pa.DataType) -> pa.Array:
    if type_ == schema.TEXT:
        return encode(column)
    try:
        if name == "timestamp":
            return _one_chunk(_timestamps(column))
        return _one_chunk(column.cast(type_))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as problem:
        raise LogError(
            f"column {name!r} of the events has type {column.type}, and not all of it can be read as "
            f"{type_}: {problem}"
        ) from problem


def _timestamps(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times without a zone are taken as UTC; anything finer than a microsecond is cut off."""
    if pa.types.is_timestamp(column.type) and column.type.tz is None:
        return column.cast(pa.timestamp("us"), safe=False).cast(schema.TIMESTAMP)
    return column.cast(schema.TIMESTAMP, safe=False)


def encode(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Dictionary-encode a column over its sorted vocabulary, without unused words."""
    array = _one_chunk(column)
    if not pa.types.is_dictionary(array.type):
        text = array if pa.types.is_string(array.type) else array.cast(pa.string())
        array = text.dictionary_encode()
    codes = codes_of(array)
    words = array.dictionary.cast(pa.string())
    used = np.zeros(len(words) + 1, dtype=bool)
    used[codes] = True  # code -1 (null) marks the spare last place
    kept = np.flatnonzero(used[:-1])
    by_name = np.array(words.take(pa.array(kept)).to_pylist(), dtype=object)
    order = np.argsort(by_name, kind="stable")
    if len(kept) == len(words) and np.array_equal(order, np.arange(len(words))):
        return pa.DictionaryArray.from_arrays(_nullable(codes), words)
    return _reordered(codes, by_name, kept, order, len(words))


def _reordered(
    codes: npt.NDArray[np.int32],
    by_name: npt.NDArray[np.object_],
    kept: npt.NDArray[np.intp],
    order: npt.NDArray[np.intp],
    n_words: int,
) -> pa.Array:
    sorted_words, starts = _merge_equal(by_name[order])
    new_code = np.full(n_words + 1, -1, dtype=np.int32)
    new_code[kept[order]] = starts
    return pa.DictionaryArray.from_arrays(_nullable(new_code[codes]), pa.array(sorted_words, pa.string()))


def _merge_equal(words: npt.NDArray[np.object_]) -> tuple[list[str], npt.NDArray[np.int32]]:
    if not len(words):
        return [], np.zeros(0, dtype=np.int32)
    new = np.ones(len(words), dtype=bool)
    new[1:] = words[1:] != words[:-1]
    return list(words[new]), (np.cumsum(new) - 1).astype(np.int32)


def _nullable(codes: npt.NDArray[np.int32]) -> pa.Array:
    missing = codes < 0
    return pa.array(codes, mask=missing) if missing.any() else pa.array(codes)


def codes_of(array: pa.Array) -> npt.NDArray[np.int32]:
    """Return the integer codes of a dictionary column; -1 stands for null."""
    indices = array.indices
    if indices.null_count:
        indices = pc.fill_null(indices.cast(pa.int32()), -1)
    codes: npt.NDArray[np.int32] = indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return codes


def constant(word: str, n: int) -> pa.Array:
    """Return a dictionary column that says `word` in every one of its `n` rows."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, dtype=np.int32)), pa.array([word]))


def _one_chunk(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    combined = column.combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined


def one_chunk(table: pa.Table) -> pa.Table:
    """Return the table with every column in one piece, so that it can be read without copying."""
    return pa.table(
        {name: _one_chunk(table.column(name)) for name in table.column_names}, schema=table.schema
    )


def sort_events(events: pa.Table, source_order: Sequence[str]) -> pa.Table:
    """Sort by customer, native journey, time, order of sources, sequence and event id: a total order."""
    keys = _sort_keys(events, source_order)
    if _is_sorted(keys):
        return events
    order = np.lexsort(tuple(reversed(keys)))
    return one_chunk(events.take(pa.array(order)))


def _sort_keys(events: pa.Table, source_order: Sequence[str]) -> list[npt.NDArray[Any]]:
    source = events.column("source").chunk(0) if events.num_rows else None
    keys = [events.column("customer").to_numpy()]
    if "native_journey" in events.column_names and events.num_rows:
        keys.append(codes_of(events.column("native_journey").chunk(0)))
    keys.append(events.column("timestamp").cast(pa.int64()).to_numpy())
    if source is not None and len(source.dictionary) > 1:
        rank = {name: i for i, name in enumerate(source_order)}
        ranks = np.array([rank.get(name, len(rank)) for name in source.dictionary.to_pylist()])
        keys.append(ranks[codes_of(source)])
    keys.append(pc.fill_null(events.column("sequence"), 0).to_numpy())
    keys.append(pc.fill_null(events.column("event_id"), 0).to_numpy())
    return keys


def _is_sorted(keys: Sequence[npt.NDArray[Any]]) -> bool:
    n = len(keys[0])
    undecided = np.ones(max(n - 1, 0), dtype=bool)
    for key in keys:
        if (undecided & (key[1:] < key[:-1])).any():
            return False
        undecided &= key[1:] == key[:-1]
        if not undecided.any():
            return True
    return True


def fill_columns(events: pa.Table) -> pa.Table:
    """Return the events with every canonical column, null where it was absent, in canonical order."""
    n = events.num_rows
    columns = {
        field.name: events.column(field.name)
        if field.name in events.column_names
        else pa.nulls(n, field.type)
        for field in schema.EVENTS
    }
    for name in events.column_names:
        columns.setdefault(name, events.column(name))
    return pa.table(columns)


def native_bounds(*told_by: Any) -> npt.NDArray[np.int64]:  # noqa: ANN401 -- arrays or columns on disk
    """Return bounds of journeys that begin where any of these columns of the events changes.

    One journey for each customer, or for each that the source names.
    """
    begins, before, n = [], None, 0
    for piece in pieces_of(*told_by):
        if not len(piece[0]):
            continue
        new = np.zeros(len(piece[0]), dtype=bool)
        for values in piece:
            new[1:] |= values[1:] != values[:-1]
        first = [values[0] for values in piece]
        new[0] = first != before
        begins.append(np.flatnonzero(new) + n)
        before, n = [values[-1] for values in piece], n + len(new)
    return np.concatenate([*begins, [n]]).astype(np.int64)


def journey_table(
    customer: npt.NDArray[np.int64],
    attempt: npt.NDArray[np.int64],
    native: pa.Array,
    times: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    observed: tuple[int, int],
    events: npt.NDArray[np.int64],
    first: int = 0,
) -> pa.Table:
    """Return the journeys: times of first and last events, from when until when all were observed.

    The number of the first one is `first`.
    """
    n = len(customer)
    columns = {
        "journey": np.arange(first, first + n, dtype=np.int64),
        "customer": customer,
        "attempt": attempt,
        "native_journey": native,
        "start": _times(times[0]),
        "end": _times(times[1]),
        "observed_from": _times(np.full(n, observed[0], dtype=np.int64)),
        "observed_until": _times(np.full(n, observed[1], dtype=np.int64)),
        "events": events,
    }
    return pa.table(columns, schema=schema.JOURNEYS)


def _times(microseconds: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(microseconds, pa.int64()).cast(schema.TIMESTAMP)


def words_of(codes: npt.NDArray[Any], words: pa.Array) -> pa.Array:
    """Return a column of text from its codes, -1 for null."""
    return pa.DictionaryArray.from_arrays(_nullable(codes.astype(np.int32)), words)


def numbered(customers: npt.NDArray[np.int64], start: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Number each customer's journeys by their start."""
    in_order = _is_sorted((customers, start))
    order = np.arange(len(start)) if in_order else np.lexsort((start, customers))
    sorted_customers = customers[order]
    first = customer_starts(sorted_customers)
    position = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    attempts = np.empty(len(order), dtype=np.int64)
    attempts[order] = position + 1
    return attempts


def customer_starts(customers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the rows at which a customer begins, of rows that lie together by customer."""
    if not len(customers):
        return np.zeros(0, dtype=np.int64)
    new = np.flatnonzero(customers[1:] != customers[:-1]) + 1
    return np.concatenate([[0], new]).astype(np.int64)


def sources_of(events: pa.Table) -> pa.Table:
    """Return the sources in alphabetical order, each covering its first to its last event."""
    totals = (
        pa.table({"source": events.column("source").cast(pa.string()), "t": events.column("timestamp")})
        .group_by("source")
        .aggregate([("t", "min"), ("t", "max"), ("t", "count")])
        .sort_by("source")
    )
    n = totals.num_rows
    columns = {
        "source": totals.column("source"),
        "kind": pa.array(["events"] * n, pa.string()),
        "records": totals.column("t_count"),
        "first": totals.column("t_min"),
        "last": totals.column("t_max"),
        "gaps": pa.array([[]] * n, schema.SOURCES.field("gaps").type),
        "timezone": pa.array(["UTC"] * n, pa.string()),
        "timezone_given": pa.array([True] * n),
        "note": pa.array([""] * n, pa.string()),
    }
    return pa.table(columns, schema=schema.SOURCES)


def customer_table(events: pa.Table, customers: object | None) -> pa.Table:
    """Return the customers as given, or those that the events name, a row each, ascending."""
    if customers is None:
        numbers = np.unique(events.column("customer").to_numpy())
        return pa.table({"customer": numbers}, schema=schema.CUSTOMERS)
    table = sorted_customers(to_table(customers, what="customers"))
    known = table.column("customer").to_numpy()
    if len(np.unique(known)) != len(known):
        raise LogError("customers have more than one row for the same customer; give one row each")
    absent = np.setdiff1d(events.column("customer").to_numpy(), known)
    if len(absent):
        raise LogError(f"{len(absent):,} customers of the events have no row in customers, e.g. {absent[0]}")
    return table


def sorted_customers(table: pa.Table) -> pa.Table:
    """Return the customers by their number, which is a whole one."""
    if "customer" not in table.column_names:
        raise LogError(f"customers lack the column 'customer'; found {', '.join(table.column_names)}")
    return table.set_column(
        table.column_names.index("customer"),
        schema.CUSTOMERS.field("customer"),
        table.column("customer").cast(pa.int64()),
    ).sort_by("customer")


def data_end(events: pa.Table, given: object | None) -> int:
    """Return the end of the data in microseconds since 1970: as given, or the last event."""
    times = events.column("timestamp").cast(pa.int64()).to_numpy()
    last = int(times.max()) if len(times) else 0
    if given is None:
        return last
    end = microseconds(given)
    late = int((times > end).sum())
    if late:
        raise LogError(f"{late:,} events lie after the end of the data ({given}); leave them out or move it")
    return end


def microseconds(moment: object) -> int:
    """Return a moment in microseconds since 1970; one without a zone is UTC."""
    import pandas as pd

    if isinstance(moment, int):
        return moment
    try:
        time = pd.NaT if isinstance(moment, float) else pd.Timestamp(moment)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as problem:
        raise LogError(f"{moment!r} is not a time; write it as 2026-08-31T22:00:00Z") from problem
    if not isinstance(time, pd.Timestamp):
        raise LogError(f"{moment!r} is not a time; write it as 2026-08-31T22:00:00Z")
    time = time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")
    return int(time.to_datetime64().astype("datetime64[us]").astype(np.int64))
