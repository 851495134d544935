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
CONNECTION = duckdb.connect()  # of its own: others may have left a result in the common one
FRAMES = {
    "arrow": lambda: TYPED,
    "batches": lambda: TYPED.to_reader(max_chunksize=1),
    "polars": lambda: pl.from_arrow(TYPED),
    "pandas": TYPED.to_pandas,
    "pandas on arrow": lambda: TYPED.to_pandas(types_mapper=pd.ArrowDtype),
    "duckdb": lambda: CONNECTION.from_arrow(TYPED),
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


def test_what_is_no_frame_is_told_briefly_and_without_its_data():
    frame = pd.DataFrame({"who": ["ann"], "time": ["2026-03-01"]})
    options = {"name": "t", "customer": "who", "timestamp": "time", "touchpoint": "visit"}
    for data, said in (
        (frame.to_dict("records") * 1_000, r"data is a list of dict; .*pandas\.DataFrame\(records\)"),
        (frame["who"], r"data is a single column \(Series\); give the frame"),
        (pa.chunked_array([["ann"]]), r"data is a single column \(ChunkedArray\)"),
        (
            frame.set_index("time"),
            r"timestamp='time' is the index of the frame and no column; .*reset_index\(\)",
        ),
    ):
        with pytest.raises(cj.SourceError, match=said) as found:
            cj.ingest(cj.sources.Table(data, **options))
        assert len(str(found.value)) < 200
        assert "ann" not in str(found.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: cj.sources.Table([], name="t", customer="a", timestamp="b", touchpoint="c", decimal=["."]),
         "decimal is"),
        (lambda: cj.sources.Snowplow("x", app_ids=5), "app_ids is a text or a list of texts, not 5"),
        (lambda: cj.sources.Snowplow("x", app_ids=[1]), "app_ids is a text or a list"),
        (lambda: cj.sources.Segment("x", properties=None), "properties is a text or a list .*, not None"),
        (lambda: cj.sources.AccessLog("x", site=[5]), "site is a text or a list of texts"),
        (lambda: cj.sources.Customers("x", identifiers={"a": "b"}, attributes=5), "attributes is a list"),
    ],
)  # fmt: skip
def test_options_of_a_wrong_type(make, said):
    with pytest.raises(cj.SourceError, match=said):
        make()


def test_what_was_named_and_no_record_has_is_noted():
    rows = pd.DataFrame({"who": ["a", "b"], "time": ["2026-03-01"] * 2, "state": ["storniert", "ok"]})
    failed = {"state": ["stornirt", "storniert"]}
    log = cj.ingest(
        cj.sources.Table(rows, name="t", customer="who", timestamp="time", touchpoint="x", failed=failed)
    )
    assert log.events["failed"].tolist() == [True, False]
    notes = [note for note in log.notes if "failed" in note]
    assert notes == ["source 't': failed: no record has 'stornirt' in 'state', did you mean 'storniert'?"]


def test_times_counted_in_another_unit():
    """1,772,352,000 seconds are 1 March 2026; as many thousands of them lie in the year 58133."""
    rows = pd.DataFrame({"who": ["a"], "time": [1_772_352_000_000]})
    options = {"name": "t", "customer": "who", "timestamp": "time", "touchpoint": "x"}
    with pytest.raises(cj.SourceError, match=r"Times were read as 'epoch s'; .* one of 13 'epoch ms'"):
        cj.ingest(cj.sources.Table(rows, date_format="epoch s", **options))
    log = cj.ingest(cj.sources.Table(rows, date_format="epoch ms", **options))
    assert seen(log, "timestamp") == [("2026-03-01 08:00:00",)]


def test_a_currency_is_a_code_or_a_column(tmp_path):
    path = tmp_path / "till.csv"
    path.write_text("who,when,paid\n7,2026-01-01,3\n")
    options = {"customer": {"who": "user_id"}, "timestamp": "when", "touchpoint": "bought"}
    with pytest.raises(cj.SourceError, match=r"code of three letters \(ISO 4217\) such as 'EUR', not 'euro'"):
        cj.ingest(cj.sources.Table(path, name="till", currency="euro", **options))
    log = cj.ingest(cj.sources.Table(path, name="till", currency="EUR", **options))
    assert log.events["currency"].tolist() == ["EUR"]
