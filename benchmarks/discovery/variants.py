"""Which sequences of touchpoints there are, and how many journeys take each; names are not made.

Answers are the number of sequences, the sum of their journeys' squares, and the twenty most frequent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.discovery.engines import (
    MILLION,
    Engine,
    Operation,
    Run,
    blocks_of,
    duckdb_table,
    pm4py_frame,
    polars_frame,
    same_numbers,
)

if TYPE_CHECKING:
    from benchmarks.discovery.workload import Events

SHOWN = 20


def ours(events: Events) -> Run:
    """Sequences of codes by the kernel."""
    from cjmining.kernels import variants

    blocks = [(bounds, codes, group) for bounds, _, codes, group in blocks_of(events)]

    def run():
        found = variants.count_parts(blocks)
        return lambda: _told(
            found.journeys,
            lambda place: found.codes[found.bounds[place] : found.bounds[place + 1]].tolist(),
            events.names,
        )

    return run


def ours_verb(events: Events) -> Run:
    """`cj.variants`; order and names are made when they are asked for."""
    import cjmining as cj
    from benchmarks.discovery.workload import log_of

    log = log_of(events)

    def run():
        found = cj.variants(log)
        return lambda: _told_by_verb(found)

    return run


def polars_lists(events: Events) -> Run:
    """Journeys as lists of codes, then the lists counted."""
    import polars as pl

    query = (
        polars_frame(events)
        .lazy()
        .group_by("journey")
        .agg("touchpoint")
        .group_by("touchpoint")
        .agg(pl.len().alias("journeys"))
    )

    def run():
        found = query.collect()
        return lambda: _told(
            found["journeys"].to_numpy(), lambda place: found["touchpoint"][place].to_list(), events.names
        )

    return run


def polars_bytes(events: Events) -> Run:
    """Journeys as binary strings over the codes' own memory, made with numpy and arrow, then counted."""
    import polars as pl
    import pyarrow as pa

    journey, codes = events.journey, events.touchpoint.astype(np.uint8)

    def run():
        starts = np.flatnonzero(np.diff(journey, prepend=-1))
        offsets = np.append(starts, len(journey)).astype(np.int64)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(codes)]
        strings = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(starts), buffers)
        found = (
            pl.DataFrame({"variant": pl.from_arrow(strings)})
            .lazy()
            .group_by("variant")
            .agg(pl.len().alias("journeys"))
            .collect()
        )
        return lambda: _told(
            found["journeys"].to_numpy(), lambda place: list(found["variant"][place]), events.names
        )

    return run


def duckdb_lists(events: Events) -> Run:
    """Journeys as lists in the order of their rows, then counted."""
    connection = duckdb_table(events)

    def run():
        found = connection.sql(
            """
            select variant, count(*) as journeys
            from (select list(touchpoint order by place) as variant from events group by journey)
            group by variant
            """
        ).to_arrow_table()
        return lambda: _told(
            found["journeys"].to_numpy(), lambda place: found["variant"][place].as_py(), events.names
        )

    return run


def pm4py_called(events: Events) -> Run:
    """Variants as tuples of names, as people call it."""
    import pm4py

    frame = pm4py_frame(events)
    code = {name: number for number, name in enumerate(events.names)}

    def run():
        found = pm4py.get_variants(frame)
        sequences = list(found)
        return lambda: _told(
            np.array(list(found.values())),
            lambda place: [code[name] for name in sequences[place]],
            events.names,
        )

    return run


def _told_by_verb(found) -> dict:
    table = found.variants.head(SHOWN + 1)
    journeys = found.variants["journeys"].to_numpy()
    least = journeys[SHOWN] if len(journeys) > SHOWN else 0
    rows = zip(table["variant"], table["journeys"].tolist(), strict=True)
    most = {name: number for name, number in rows if number > least}
    squares = int((journeys**2).sum())
    return {"variants": len(journeys), "journeys": int(journeys.sum()), "squares": squares, **most}


def _told(journeys: np.ndarray, sequence, names: tuple[str, ...]) -> dict:
    """The most frequent first, those as frequent as the last that would fit left out."""
    counts = journeys.astype(np.int64)
    order = np.argsort(-counts, kind="stable")[: SHOWN + 1]
    least = counts[order[-1]] if len(order) > SHOWN else 0
    most = {
        " > ".join(names[code] for code in sequence(int(place))): int(counts[place])
        for place in order
        if counts[place] > least
    }
    return {"variants": len(counts), "journeys": int(counts.sum()), "squares": int((counts**2).sum()), **most}


OPERATION = Operation(
    {
        "cjmining": Engine(ours),
        "cjmining, cj.variants": Engine(ours_verb),
        "polars, lists": Engine(polars_lists),
        "polars, binary strings by arrow": Engine(polars_bytes),
        "duckdb, lists": Engine(duckdb_lists, 11 * MILLION),
        "pm4py": Engine(pm4py_called, 1.1 * MILLION),
    },
    floor=("bounds", "touchpoint"),
    agree=same_numbers,
)
