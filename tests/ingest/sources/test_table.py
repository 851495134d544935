"""Tables in any frame: typed columns of every library read as the texts of a CSV do."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cjmining as cj
from tests.ingest.helpers import fates, seen

TYPED = pa.table(
    {
        "card": pa.array([4711, 4711, None], pa.int64()),
        "sold at": pa.array([dt.datetime(2026, 3, 1, 9), dt.datetime(2026, 3, 2, 9), dt.datetime(2026, 3, 3)], pa.timestamp("us")),  # noqa: DTZ001, E501
        "what": pa.array(["store_visited", "order_refunded", "store_visited"]).dictionary_encode(),
        "amount": pa.array([Decimal("12.50"), None, Decimal("3.00")], pa.decimal128(8, 2)),
        "ok": pa.array([True, False, None]),
    }
)  # fmt: skip
FRAMES = {
    "arrow": lambda: TYPED,
    "batches": lambda: TYPED.to_reader(max_chunksize=1),
    "polars": lambda: pl.from_arrow(TYPED),
    "pandas": TYPED.to_pandas,
    "pandas on arrow": lambda: TYPED.to_pandas(types_mapper=pd.ArrowDtype),
    "duckdb": lambda: duckdb.from_arrow(TYPED),
}


@pytest.mark.parametrize("form", FRAMES)
def test_any_frame_gives_the_same_log(form):
    source = cj.sources.Table(
        FRAMES[form](), name="till", customer={"card": "loyalty"}, timestamp="sold at", touchpoint="what",
        channel="store", measures={"value": "amount"}, failed={"ok": ["false"]}, timezone="Europe/Berlin",
    )  # fmt: skip
    log = cj.ingest(source)
    assert seen(log, "timestamp", "touchpoint", "value", "failed") == [
        ("2026-03-01 08:00:00", "store_visited", 12.5, False),
        ("2026-03-02 08:00:00", "order_refunded", None, True),
    ]
    assert log.identities["value"].tolist() == ["4711"]  # a missing number makes no 4711.0 of it
    assert fates(log) == {"used": 2, "set aside: no identifier": 1}
