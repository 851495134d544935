# ruff: noqa: E501 -- native rows are as long as they are
"""Tables of the caller's own: columns, options, fates, frames."""

from __future__ import annotations

import gzip
import json
import zipfile

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from tests.examples import examples

from .helpers import events_made, fates, seen

CSV = """who,when,what,where
ann,2026-01-01 10:00:00,product_viewed,web
bob,2026-01-02,order_placed,store
"""


def put(tmp_path, text, name="visits.csv"):
    path = tmp_path / name
    path.write_text(text, newline="")
    return path


def table(data, **options):
    given = {
        "name": "t",
        "customer": "who",
        "timestamp": "when",
        "touchpoint": "what",
        "timezone": "UTC",
        **options,
    }
    return cj.sources.Table(data, **given)


def test_a_row_is_an_event(tmp_path):
    log = cj.ingest(table(put(tmp_path, CSV), channel="where"))
    assert seen(
        log, "customer", "timestamp", "touchpoint", "native", "channel", "source", "actor", "precision"
    ) == [
        (0, "2026-01-01 10:00:00", "product_viewed", "product_viewed", "web", "t", "customer", 0.0),
        (1, "2026-01-02 00:00:00", "order_placed", "order_placed", "store", "t", "customer", 86400.0),
    ]
    assert fates(log) == {"used": 2}
    assert events_made(log) == {"kept": 2}


@pytest.mark.parametrize(
    "form", ["pandas", "polars", "arrow", "reader", "duckdb", "parquet", "jsonl", "jsonl.gz", "tsv", "array"]
)
def test_every_form_gives_the_same_log(tmp_path, form):
    expected = (
        cj.ingest(table(put(tmp_path, CSV), channel="where")).to_arrow()["events"].drop_columns("event_id")
    )
    frame = pd.read_csv(tmp_path / "visits.csv")
    arrow = pa.table({name: frame[name].tolist() for name in frame})
    records = frame.to_dict("records")
    lines = "\n".join(json.dumps(r) for r in records)
    con = duckdb.connect()
    con.register("arrow_table", arrow)
    if form == "parquet":
        pq.write_table(arrow, tmp_path / "visits.parquet")
    data = {
        "pandas": lambda: frame,
        "polars": lambda: pl.DataFrame(records),
        "arrow": lambda: arrow,
        "reader": lambda: arrow.to_reader(max_chunksize=1),
        "duckdb": lambda: con.sql("SELECT * FROM arrow_table"),
        "parquet": lambda: tmp_path / "visits.parquet",
        "jsonl": lambda: put(tmp_path, lines, "visits.jsonl"),
        "jsonl.gz": lambda: (
            (tmp_path / "v.jsonl.gz").write_bytes(gzip.compress(lines.encode())) and tmp_path / "v.jsonl.gz"
        ),
        "tsv": lambda: put(tmp_path, CSV.replace(",", "\t"), "visits.tsv"),
        "array": lambda: put(tmp_path, json.dumps(records), "visits.json"),
    }[form]()
    log = cj.ingest(table(data, channel="where"))
    assert log.to_arrow()["events"].drop_columns("event_id") == expected
    con.close()


def test_times_of_frames_keep_their_zone():
    frame = pd.DataFrame(
        {
            "who": ["a", "b"],
            "what": ["x", "y"],
            "when": pd.to_datetime(["2026-07-01 12:00", "2026-01-01 12:00"]),
        }
    )
    local = cj.ingest(table(frame, timezone="Europe/Berlin"))
    zoned = cj.ingest(
        table(frame.assign(when=frame["when"].dt.tz_localize("America/New_York")), timezone="Europe/Berlin")
    )
    assert seen(local, "timestamp") == [("2026-07-01 10:00:00",), ("2026-01-01 11:00:00",)]
    assert seen(zoned, "timestamp") == [("2026-07-01 16:00:00",), ("2026-01-01 17:00:00",)]


def test_start_and_end_measures_and_dimensions(tmp_path):
    text = (
        "id;Kunde;von;bis;Wartezeit;Note;Umsatz;Filiale;Ergebnis\n"
        "1;ann;01.02.2026 10:00;01.02.2026 10:05;12,5;1;1.234,50;Mitte;ok\n"
        "2;bob;01.02.2026 11:00;;;5;;Nord;abgebrochen\n"
    )
    log = cj.ingest(
        cj.sources.Table(
            put(tmp_path, text), name="desk", customer={"kunde": "user_id"}, timestamp="von", end="bis",
            touchpoint="desk_visited", channel={"fixed": "store"}, actor="customer", decimal=",",
            measures={"wait_s": "Wartezeit", "satisfaction": ("Note", 1, 5), "value": "Umsatz"}, currency="EUR",
            dimensions={"branch": "Filiale"}, properties=["Ergebnis"], failed={"Ergebnis": ["abgebrochen"]},
            event_id="id", date_format="%d.%m.%Y %H:%M", timezone="Europe/Berlin",
        )
    )  # fmt: skip
    columns = (
        "timestamp",
        "touchpoint",
        "channel",
        "duration_s",
        "wait_s",
        "satisfaction",
        "value",
        "currency",
        "branch",
        "failed",
    )
    assert seen(log, *columns) == [
        ("2026-02-01 09:00:00", "desk_visited", "store", 300.0, 12.5, 0.0, 1234.5, "EUR", "Mitte", False),
        ("2026-02-01 10:00:00", "desk_visited", "store", None, None, 1.0, None, "EUR", "Nord", True),
    ]
    assert json.loads(log.events["properties"][0]) == {"Ergebnis": "ok"}
    assert log.dimensions == ("branch",)


def test_every_spoilt_record_is_quarantined_with_its_reason(tmp_path):
    text = (
        "id,who,when,end,what,value,score,role\n"
        "1,ann,2026-01-01 10:00,2026-01-01 10:01,a,1,1,customer\n"
        "2,ann,soon,,a,1,1,customer\n"
        "3,ann,,,a,1,1,customer\n"
        "4,ann,2026-01-01 10:00,,,1,1,customer\n"
        "5,ann,2026-01-01 10:00,,a,much,1,customer\n"
        "6,ann,2026-01-01 10:00,2026-01-01 09:00,a,1,1,customer\n"
        "7,ann,2026-01-01 10:00,,a,1,9,customer\n"
        "8,ann,2026-01-01 10:00,,a,1,1,robot\n"
        "9,ann,2026-01-01 10:00,,a,1,1\n"
        "10,ann,2026-01-01 10:00,,a,1,1,customer,more\n"
        '11,ann,2026-01-01 10:00,,"a,1,1,customer\n'
        '12,ann,2026-01-01 10:00,,"a"b,1,1,"customer"\n'
        ",ann,2026-01-01 10:00,,a,1,1,customer\n"
    )
    log = cj.ingest(
        table(
            put(tmp_path, text),
            event_id="id",
            end="end",
            actor="role",
            measures={"value": "value", "satisfaction": ["score", 0, 5]},
        )
    )
    assert fates(log) == {
        "used": 3,
        "quarantined: when is no time that can be read": 1,
        "quarantined: when is empty": 1,
        "quarantined: what is empty": 1,
        "quarantined: end lies before when": 1,
        "quarantined: actor is not customer, company or system": 1,
        "quarantined: 7 fields where the header has 8": 1,
        "quarantined: 9 fields where the header has 8": 1,
        "quarantined: a quote is never closed": 1,
        "quarantined: quotes inside a field that are not doubled": 1,
        "quarantined: id is empty": 1,
    }
    assert log.quarantine["record"].tolist() == [2, 3, 4, 6, *range(8, 14)]
    assert log.quarantine["content"][0] == "2,ann,soon,,a,1,1,customer"


def test_the_newest_delivery_of_a_record_counts(tmp_path):
    first = "id,who,when,what,changed\n1,ann,2026-01-01 10:00,a,1\n2,ann,2026-01-01 11:00,b,5\n2,ann,2026-01-01 11:00,b,5\n"
    second = "changed,what,when,who,id\n2,A,2026-01-01 10:00,ann,1\n3,old,2026-01-01 11:00,ann,2\n"
    put(tmp_path, first, "2026-01.csv")
    put(tmp_path, second, "2026-02.csv")
    by_version = cj.ingest(table(tmp_path, event_id="id", version="changed"))
    assert seen(by_version, "touchpoint") == [("A",), ("b",)]
    assert fates(by_version) == {"used": 2, "superseded: delivered again": 3}
    by_file = cj.ingest(table(tmp_path, event_id="id"))
    assert seen(by_file, "touchpoint") == [("A",), ("old",)]
    every = cj.ingest(table(tmp_path))
    assert every.n_events == 5


def test_event_ids_do_not_depend_on_what_else_is_read(tmp_path):
    path = put(tmp_path, "id,who,when,what\n1,ann,2026-01-01 10:00,a\n2,bob,2026-01-01 11:00,b\n")
    one = cj.ingest(table(path, event_id="id"))
    more = put(tmp_path, "id,who,when,what\n0,zoe,2026-01-01 09:00,z\n", "0.csv")
    both = cj.ingest(table([more, path], event_id="id"))
    assert set(one.events["event_id"]) < set(both.events["event_id"])
    assert both.events["event_id"].is_unique


def test_events_after_the_end_of_the_data_are_withdrawn(tmp_path):
    log = cj.ingest(table(put(tmp_path, CSV)), data_end="2026-01-01T10:00:00Z")
    assert events_made(log) == {"kept": 1, "withdrawn: after the end of the data": 1}
    assert log.n_customers == 2  # bob is known all the same
    assert log.data_end == pd.Timestamp("2026-01-01 10:00", tz="UTC")


def test_the_data_ends_with_the_source_that_ends_first(tmp_path, caplog):
    late = put(tmp_path, "who,when,what\nann,2026-01-05 10:00,a\n", "late.csv")
    log = cj.ingest([table(put(tmp_path, CSV)), table(late, name="late")])
    assert log.data_end == pd.Timestamp("2026-01-02 23:59:59.999999", tz="UTC")  # a date lasts its day
    assert any("'t'" in note and "data_end=" in note for note in log.notes)
    assert "data_end=" in caplog.text
    assert events_made(log, "late") == {"withdrawn: after the end of the data": 1}


def test_a_default_zone_is_told(tmp_path):
    log = cj.ingest(table(put(tmp_path, CSV), timezone=None))
    assert not log.sources["timezone_given"][0]
    assert log.sources["note"][0] == "2 records have times without a zone, read as UTC (the default)"


def test_clock_changes_are_counted(tmp_path):
    text = "who,when,what\na,2026-03-29 02:10,x\na,2026-10-25 02:10,x\na,2026-10-25 04:10,x\n"
    log = cj.ingest(table(put(tmp_path, text), timezone="Europe/Berlin"))
    assert seen(log, "timestamp") == [
        ("2026-03-29 01:10:00",),
        ("2026-10-25 00:10:00",),
        ("2026-10-25 03:10:00",),
    ]
    note = log.sources["note"][0]
    assert "1 record in an hour that a clock change skips was moved" in note
    assert "1 record in an hour that occurs twice was read" in note


def test_equal_times_keep_the_order_of_sources_and_rows(tmp_path):
    rows = "".join(f"ann,2026-01-01 10:00,{c}\n" for c in "dbca")
    one = table(put(tmp_path, "who,when,what\n" + rows), name="zzz")
    two = table(put(tmp_path, "who,when,what\nann,2026-01-01 10:00,e\n", "b.csv"), name="aaa")
    assert [t for (t,) in seen(cj.ingest([one, two]), "touchpoint")] == list("dbcae")
    assert [t for (t,) in seen(cj.ingest([two, one]), "touchpoint")] == list("edbca")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timestamp": "wen"}, "timestamp='wen' is no column, did you mean 'when'"),
        ({"customer": {"whoo": "email"}}, "did you mean 'who'"),
        ({"touchpoint": "wha"}, "did you mean 'what'"),
        ({"measures": {"satisfacton": "x"}}, "did you mean 'satisfaction'"),
        ({"measures": {"satisfaction": "what"}}, r"\(column, lowest, highest\)"),
        ({"measures": {"value": "price"}}, "measures\\['value'\\]='price' is no column"),
        ({"dimensions": ["wher"]}, "did you mean 'where'"),
        ({"actor": "custmer"}, "did you mean 'customer'"),
        ({"timezone": "Europe/Berln"}, "did you mean 'Europe/Berlin'"),
        ({"region": "Germany"}, "region"),
        ({"decimal": ";"}, "decimal"),
        ({"date_format": "%d.%m.%Y"}, "in all 2 records when is no time that can be read.*date_format="),
    ],
)
def test_what_is_asked_for_wrongly_is_said(tmp_path, options, message):
    with pytest.raises(cj.SourceError, match=message):
        cj.ingest(table(put(tmp_path, CSV), **options))


def test_a_misspelt_option_is_an_error():
    with pytest.raises(TypeError, match="chanel"):
        table("x.csv", chanel="web")


def test_columns_are_found_whatever_their_case_and_spaces(tmp_path):
    log = cj.ingest(table(put(tmp_path, "WHO, When ,WHAT\nann,2026-01-01,a\n")))
    assert log.n_events == 1


def test_files_that_cannot_be_read_say_why(tmp_path):
    put(tmp_path, CSV)
    with pytest.raises(cj.SourceError, match=r"does not exist, did you mean 'visits.csv'"):
        cj.ingest(table(tmp_path / "visit.csv"))
    with pytest.raises(cj.SourceError, match="is empty"):
        cj.ingest(table(put(tmp_path, "", "empty.csv"), channel=None))
    with pytest.raises(cj.SourceError, match=r"'t', header.csv: a header but no records$"):
        cj.ingest(table(put(tmp_path, "who,when,what\n", "header.csv")))
    with pytest.raises(cj.SourceError, match=r"other.csv: there is no column 'when', did you mean 'wen'\? "):
        cj.ingest(
            table([tmp_path / "visits.csv", put(tmp_path, "who,wen,what\nann,2026-01-01,a\n", "other.csv")])
        )
    with pytest.raises(cj.SourceError, match="no Parquet"):
        cj.ingest(table(put(tmp_path, "no", "a.parquet")))
    path = tmp_path / "latin.csv"
    path.write_bytes("who,when,what\nJörg,2026-01-01,a\n".encode("latin-1"))
    with pytest.raises(cj.SourceError, match="not utf-8"):
        cj.ingest(table(path, encoding="utf-8"))
    with pytest.raises(cj.SourceError, match="path, a list of paths or a frame"):
        cj.ingest(table(3))


def test_a_guessed_encoding_is_told(tmp_path):
    path = tmp_path / "visits.csv"
    path.write_bytes("who,when,what\nJörg,2026-01-01T10:00:00Z,a\n".encode("latin-1"))
    log = cj.ingest(table(path))
    assert log.identities["value"].tolist() == ["Jörg"]
    assert log.notes == (
        "source 't', visits.csv is not UTF-8 and was read as latin-1; if names look wrong, give encoding=",
    )
    assert cj.ingest(table(path, encoding="latin-1")).notes == ()


def test_a_header_alone_is_a_quiet_day(tmp_path):
    put(tmp_path, CSV, "1.csv")
    put(tmp_path, "who,when,what,where\n", "2.csv")
    log = cj.ingest(table(tmp_path))
    assert log.ledger.set_index("file")["count"]["2.csv"] == 0


def test_sources_are_told_apart(tmp_path):
    path = put(tmp_path, CSV)
    with pytest.raises(cj.SourceError, match="two sources are called 't'"):
        cj.ingest([table(path), table(path)])
    with pytest.raises(cj.SourceError, match="customers="):
        cj.ingest(cj.sources.Customers(path, identifiers={"who": "customer"}))
    with pytest.raises(cj.SourceError, match="Customers"):
        cj.ingest(table(path), customers=table(path, name="u"))
    with pytest.raises(cj.SourceError, match="must be sources"):
        cj.ingest("visits.csv")
    with pytest.raises(cj.SourceError, match="at least one"):
        cj.ingest([])
    with pytest.raises(cj.SourceError, match="data_end"):
        cj.ingest(table(path), data_end="tomorrow")
    with pytest.raises(cj.SourceError, match="memory_limit"):
        cj.ingest(table(path), memory_limit="lots")


def test_a_dimension_cannot_take_a_name_of_the_log(tmp_path):
    with pytest.raises(cj.SourceError, match="'value'"):
        cj.ingest(table(put(tmp_path, CSV), dimensions={"value": "where"}))


def test_progress_is_told(tmp_path):
    told = []
    cj.ingest(table(put(tmp_path, CSV)), progress=lambda text, share: told.append((text, share)))
    assert told[0][0] == "reading t: events"
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert told[-1] == ("done", 1.0)


good = st.tuples(st.sampled_from("abcd"), st.sampled_from(["ann", "bob", "c"]), st.integers(0, 59)).map(
    lambda r: f"{r[0]},{r[1]},2026-01-01 10:{r[2]:02d},x"
)
bad = st.sampled_from(
    [
        "e,ann,soon,x",
        "f,ann,2026-01-01 10:00",
        'g,ann,2026-01-01 10:00,"x',
        ",ann,2026-01-01 10:00,x",
        "h,ann,2026-01-01,x,y",
    ]
)
nobody = st.sampled_from(["i,unknown,2026-01-01 10:00,x", "j,,2026-01-01 10:00,x"])


@examples(20)
@given(st.lists(st.one_of(good, bad, nobody), max_size=14), st.lists(st.one_of(good, bad), max_size=6))
def test_every_record_has_one_fate(tmp_path_factory, first, second):
    """Expected counts straight from the rows: duplicates by id among those that can be read."""
    folder = tmp_path_factory.mktemp("rows")
    rows = [*first, *second]
    for name, part in (("1.csv", first), ("2.csv", second)):
        put(folder, "\n".join(["id,who,when,what", *part]) + "\n", name)
    start = put(folder, "id,who,when,what\nz,zoe,2026-01-01 09:00,x\n", "0.csv")
    assert start.exists()
    log = cj.ingest(table(folder, event_id="id"), data_end="2026-01-01T10:30:00Z")
    readable = {r for r in rows if r[0] not in "efgh,"}
    ids = {r[0] for r in readable}
    n_readable = sum(1 for r in rows if r[0] not in "efgh,")
    without = len(ids & set("ij"))
    counted = fates(log)
    quarantined = sum(n for fate, n in counted.items() if fate.startswith("quarantined"))
    assert quarantined == len(rows) - n_readable == len(log.quarantine)
    assert counted.get("superseded: delivered again", 0) == n_readable - len(ids)
    assert counted.get("set aside: no identifier", 0) == without
    assert counted["used"] == 1 + len(ids) - without
    assert sum(counted.values()) == 1 + len(rows)
    assert sum(events_made(log).values()) == counted["used"]
    assert events_made(log)["kept"] == log.n_events


def test_a_column_called_customer_is_not_taken_for_the_actor():
    visits = pd.DataFrame(
        {"customer": ["ann", "bob"], "time": ["2026-03-01", "2026-03-02"], "touchpoint": ["x", "y"]}
    )
    log = cj.ingest(
        cj.sources.Table(visits, name="web", customer="customer", timestamp="time", touchpoint="touchpoint")
    )
    assert log.events["actor"].tolist() == ["customer", "customer"]


def test_a_column_of_actors_may_have_the_name_of_one():
    visits = pd.DataFrame({"who": ["ann"], "time": ["2026-03-01"], "what": ["x"], "customer": ["Company"]})
    source = cj.sources.Table(
        visits, name="web", customer="who", timestamp="time", touchpoint="what", actor={"column": "customer"}
    )
    assert cj.ingest(source).events["actor"].tolist() == ["company"]


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("form", ["int", "float", "text", "csv"])
def test_times_may_be_counted_from_1970(tmp_path, unit, form):
    per_second = {"s": 1, "ms": 1_000, "us": 1_000_000}[unit]
    moments = [1_772_359_200 * per_second, 1_772_359_260 * per_second]  # 2026-03-01 10:00 and 10:01 UTC
    frame = pd.DataFrame({"who": ["a", "b"], "when": moments, "what": ["x", "y"]})
    if form == "csv":
        frame.to_csv(tmp_path / "visits.csv", index=False)
    data = {
        "int": frame,
        "float": frame.astype({"when": float}),
        "text": frame.astype({"when": str}),
        "csv": tmp_path / "visits.csv",
    }[form]
    log = cj.ingest(table(data, date_format=f"epoch {unit}", timezone="Europe/Berlin"))
    assert seen(log, "timestamp") == [("2026-03-01 10:00:00",), ("2026-03-01 10:01:00",)]
    assert log.sources["note"][0] == ""


def test_times_may_be_written_in_several_ways(tmp_path):
    text = "who,when,what\na,01.02.2026 10:00,x\nb,02.02.2026,y\nc,2026-02-03T10:00:00Z,z\n"
    path = put(tmp_path, text)
    log = cj.ingest(table(path, date_format=["%d.%m.%Y %H:%M", "%d.%m.%Y", "iso"]))
    assert seen(log, "timestamp", "precision") == [
        ("2026-02-01 10:00:00", 0.0),
        ("2026-02-02 00:00:00", 86400.0),
        ("2026-02-03 10:00:00", 0.0),
    ]
    assert cj.ingest(table(path, date_format="iso"), data_end="2027-01-01").n_events == 1


def test_a_format_is_checked_before_anything_is_read(tmp_path):
    with pytest.raises(cj.SourceError, match="source 't': date_format '%s' can't be used"):
        table(put(tmp_path, CSV), date_format="%s")


def test_numbers_that_are_no_times_name_their_column(tmp_path):
    frame = pd.DataFrame({"who": ["a"], "when": [1_772_359_200], "what": ["x"]})
    frame.to_parquet(tmp_path / "visits.parquet")
    for data in (frame, frame.astype({"when": float}), tmp_path / "visits.parquet"):
        with pytest.raises(cj.SourceError, match=r"'when' holds numbers.*date_format='epoch s'"):
            cj.ingest(table(data))
    days = cj.ingest(table(frame.assign(when=20260301), date_format="%Y%m%d"))
    assert seen(days, "timestamp") == [("2026-03-01 00:00:00",)]


@pytest.mark.parametrize("form", ["pandas", "polars", "parquet"])
def test_whole_floats_are_the_integers_of_a_csv(tmp_path, form):
    """A column of whole numbers with one missing is a column of floats to pandas."""
    frame = pd.DataFrame(
        {
            "who": [1.0, None, 2.0],
            "when": ["2026-01-01", "2026-01-02", "2026-01-03"],
            "what": ["a", "b", "c"],
            "shop": [7.0, 7.5, None],
            "case": [10.0, 11.0, 12.0],
        }
    )
    frame.to_parquet(tmp_path / "visits.parquet")
    data = {"pandas": frame, "polars": pl.DataFrame(frame), "parquet": tmp_path / "visits.parquet"}[form]
    other = put(tmp_path, "who,when,what\n1,2026-01-04,d\n2,2026-01-05,e\n", "other.csv")
    log = cj.ingest([
        table(data, dimensions={"shop": "shop"}, journey="case", event_id="case"), table(other, name="o")
    ])  # fmt: skip
    assert log.identities["value"].tolist() == ["1", "2"]
    assert log.n_customers == 2
    assert fates(log, "t") == {"used": 2, "set aside: no identifier": 1}
    assert log.events["shop"].dropna().tolist() == ["7"]
    assert set(log.events["native_journey"].dropna()) == {"10", "12"}


def test_a_missing_number_of_a_frame_is_no_identifier():
    frame = pl.DataFrame({"who": [1.0, float("nan")], "when": ["2026-01-01"] * 2, "what": ["a", "b"]})
    assert fates(cj.ingest(table(frame))) == {"used": 1, "set aside: no identifier": 1}


def test_numbers_of_a_frame_have_no_decimal_comma():
    frame = pd.DataFrame(
        {"who": ["a"], "when": ["2026-01-01"], "what": ["x"], "paid": [1234.5], "waited": ["0,5"], "n": [3]}
    )
    log = cj.ingest(
        table(frame, decimal=",", measures={"value": "paid", "wait_s": "waited", "duration_s": "n"})
    )
    assert seen(log, "value", "wait_s", "duration_s") == [(1234.5, 0.5, 3.0)]


@pytest.mark.parametrize("form", ["csv", "pandas", "arrow"])
def test_columns_that_share_a_name(tmp_path, form):
    names, rows = ["who", "when", "what", "note", "note"], [["a", "2026-01-01T10:00:00Z", "x", "1", "2"]]
    data = {
        "csv": lambda: put(tmp_path, "\n".join(",".join(row) for row in [names, *rows]) + "\n"),
        "pandas": lambda: pd.DataFrame(rows, columns=names),
        "arrow": lambda: pa.Table.from_arrays([pa.array([cell]) for cell in rows[0]], names=names),
    }[form]
    log = cj.ingest(table(data()))
    assert seen(log, "touchpoint") == [("x",)]
    assert any("several columns are called 'note'; none of them was asked for" in note for note in log.notes)
    with pytest.raises(cj.SourceError, match="'note' fits 2 columns"):
        cj.ingest(table(data(), dimensions=["note"]))
    people = cj.sources.Customers(data(), identifiers={"who": "customer"})
    assert list(cj.ingest(table(data()), customers=people).customers) == ["customer", "when", "what"]


def test_columns_that_differ_by_case_alone_are_told_apart_by_it(tmp_path):
    path = put(tmp_path, "WHO,Who,when,what\nann,bob,2026-01-01,x\n")
    with pytest.raises(cj.SourceError, match="customer='who' fits 2 columns \\('WHO', 'Who'\\)"):
        cj.ingest(table(path))
    assert cj.ingest(table(path, customer="Who")).identities["value"].tolist() == ["bob"]
    later = put(tmp_path, "when,what,who,who\n2026-01-01,x,ann,bob\n", "later.csv")
    first = put(tmp_path, "who,when,what\nann,2026-01-01,x\n", "first.csv")
    with pytest.raises(cj.SourceError, match=r"later.csv: 2 columns are called 'who'"):
        cj.ingest(table([first, later]))


def test_files_of_another_kind_are_recognised(tmp_path):
    with zipfile.ZipFile(tmp_path / "visits.xlsx", "w") as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr("xl/workbook.xml", "<workbook/>")
    (tmp_path / "visits.csv").write_bytes((tmp_path / "visits.xlsx").read_bytes())
    (tmp_path / "packed.csv").write_bytes(b"PK\x03\x04" + bytes(600))
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    pq.write_table(pa.table({"who": ["a"]}), tmp_path / "parquet.csv")
    for name, message in [
        ("visits.xlsx", "visits.xlsx is an Excel workbook.*as CSV.*pandas.read_excel"),
        ("visits.csv", "is an Excel workbook"),
        ("packed.csv", "is a zip archive; give it a name that ends in .zip"),
        ("old.xls", "is an Excel workbook"),
        ("parquet.csv", "is a Parquet file"),
    ]:
        with pytest.raises(cj.SourceError, match=message):
            cj.ingest(table(tmp_path / name))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"customer": 3}, r"customer is the name of a column, or \{column: kind\}"),
        ({"customer": ["who", "what"]}, "customer is the name of a column"),
        ({"customer": {"who": 3}}, "customer is the name of a column"),
        ({"timestamp": 3}, "timestamp is the name of a column, not 3"),
        ({"touchpoint": 3}, "touchpoint is a column's name or a text"),
        ({"dimensions": 3}, "dimensions is a list of columns"),
        ({"properties": [3]}, "properties is a list of columns"),
        ({"measures": "what"}, r"measures is \{measure: column\}"),
        ({"measures": {"satisfaction": ("what", "low", "high")}}, r"satisfaction is \(column, lowest, highest\)"),
        ({"region": 49}, "region is a country"),
        ({"timezone": 3}, "timezone is a zone"),
    ],
)  # fmt: skip
def test_options_of_a_wrong_type_are_said_in_words(tmp_path, options, message):
    with pytest.raises(cj.SourceError, match=message):
        cj.ingest(table(put(tmp_path, CSV), **options))


def test_a_lazy_frame_is_to_be_collected_first():
    with pytest.raises(cj.SourceError, match=r"call \.collect\(\)"):
        cj.ingest(table(pl.LazyFrame({"who": ["a"]})))


def test_a_memory_limit_that_is_too_little_says_so(tmp_path):
    with pytest.raises(cj.SourceError, match=r"memory_limit='1MB' is too little.*'1GB'"):
        cj.ingest(table(put(tmp_path, CSV)), memory_limit="1MB")


def left_out(log):
    values = log.ledger[log.ledger["what"] == "values"]
    return dict(zip(values["reason"], values["count"], strict=True))


def test_an_event_is_kept_without_a_value_that_is_no_number(tmp_path):
    text = (
        "who,when,what,paid,score\n"
        'ann,2026-01-01T10:00Z,a,"1,234.50",4\n'
        "ann,2026-01-01T11:00Z,b,9.5,7\n"
        "ann,2026-01-01T12:00Z,c,much,good\n"
        "ann,2026-01-01T13:00Z,d,,0\n"
    )
    log = cj.ingest(table(put(tmp_path, text), measures={"value": "paid", "satisfaction": ("score", 0, 5)}))
    assert seen(log, "touchpoint", "value", "satisfaction") == [
        ("a", None, 0.8), ("b", 9.5, None), ("c", None, None), ("d", None, 0.0)
    ]  # fmt: skip
    assert fates(log) == {"used": 4}
    assert left_out(log) == {"paid is no number": 2, "score is no number": 1, "score is outside 0 to 5": 1}
    assert set(log.ledger["fate"]) == {"used", "kept", "left out"}
    assert (
        "source 't': paid is no number in 2 records (such as '1,234.50'); their events are kept without it"
    ) in log.notes
    assert (
        "source 't': score is outside 0 to 5 in 1 record (such as '7'); its event is kept without it"
    ) in log.notes


@pytest.mark.parametrize(
    ("value", "decimal", "hint"),
    [
        ('"12,50"', ".", "give decimal=','"),
        ('"1.234,5"', ".", "give decimal=','"),
        ("1.5", ",", "decimal='.'"),
    ],
)
def test_the_other_decimal_sign_is_recognised(tmp_path, caplog, value, decimal, hint):
    path = put(tmp_path, f"who,when,what,paid\nann,2026-01-01T10:00Z,a,{value}\n")
    log = cj.ingest(table(path, measures={"value": "paid"}, decimal=decimal))
    assert hint in log.notes[-1]
    assert hint in caplog.text  # no value is left at all: a warning


def test_what_was_left_out_is_not_shown_where_identifiers_are_not(tmp_path):
    path = put(tmp_path, "who,when,what,paid\nann,2026-01-01T10:00Z,a,ann@x.org\n")
    log = cj.ingest(table(path, measures={"value": "paid"}), identities="drop")
    assert left_out(log) == {"paid is no number": 1}
    assert not any("ann@x.org" in note for note in log.notes)


def test_values_left_out_are_those_of_used_records(tmp_path):
    text = (
        "id,who,when,what,paid\n1,ann,2026-01-01T10:00Z,a,x\n1,ann,2026-01-01T10:00Z,a,x\n2,,2026-01-01,b,x\n"
    )
    log = cj.ingest(table(put(tmp_path, text), event_id="id", measures={"value": "paid"}))
    assert left_out(log) == {"paid is no number": 1}


def test_dates_without_a_time_are_counted(tmp_path):
    text = "who,when,what\nann,2026-03-01 10:00,seen\nann,2026-03-01,bought\nbob,2026-03-02,bought\n"
    log = cj.ingest(table(put(tmp_path, text), timezone="Europe/Berlin"))
    assert [t for (t,) in seen(log, "touchpoint")] == ["bought", "seen", "bought"]
    (note,) = log.notes
    assert note == (
        "source 't': 2 events have a date without a time and stand at the start of their day, "
        "before what has a time on that day"
    )


def test_nothing_left_says_why_and_what_to_do(tmp_path):
    path = put(tmp_path, CSV)
    with pytest.raises(cj.SourceError) as found:
        cj.ingest(table(path), data_end="2020-01-01")
    assert str(found.value) == (
        "data_end is 2020-01-01 00:00, before all events: they lie between 2026-01-01 10:00 and 2026-01-02 23:59 "
        "(UTC). Give a later data_end=, or none. Hence no events are left of what was read. 't', visits.csv: "
        "2 records used; 't', visits.csv: 2 events withdrawn (after the end of the data)"
    )
    bad = put(tmp_path, "who,when,what\nann,01.02.2026,a\nbob,1.2.2026,a\ncy,2026-02-02,\n", "bad.csv")
    with pytest.raises(cj.SourceError) as found:
        cj.ingest(table(bad, touchpoint="what"))
    assert "An example of a record that was spoilt because when is no time" in str(found.value)
    assert "ann,01.02.2026,a" in str(found.value)
    assert "date_format=" in str(found.value)
    nobody = put(tmp_path, "who,when,what\nunknown,2026-01-01,a\n", "nobody.csv")
    with pytest.raises(cj.SourceError, match=r"1 record set aside .*customer= names a column that is empty"):
        cj.ingest(table(nobody))


@pytest.mark.parametrize(("older", "newer"), [("9", "10"), ("2026-03-01", "2026-03-02"), ("", "1")])
def test_the_newest_version_is_kept_whether_numbers_or_times(older, newer):
    rows = pd.DataFrame(
        {
            "who": ["ann", "ann"],
            "time": ["2026-03-01", "2026-03-01"],
            "what": ["new", "old"],
            "id": ["1", "1"],
            "version": [newer, older],
        }
    )
    source = cj.sources.Table(
        rows, name="t", customer="who", timestamp="time", touchpoint="what", event_id="id", version="version"
    )
    assert cj.ingest(source).events["touchpoint"].tolist() == ["new"]
