"""Files that hold nothing: told as such, and in the way of no other file where nothing may be right."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cjmining as cj

NOTHING = {"0 bytes": b"", "nothing but blanks": b"\xef\xbb\xbf\r\n  \n"}
LINE = '192.0.2.1 - ann [02/Mar/2026:10:00:00 +0100] "GET / HTTP/1.1" 200 5 "-" "Mozilla/5.0 (X11)"\n'


def table(path: Path) -> cj.sources.Table:
    return cj.sources.Table(path, name="t", customer="who", timestamp="when", touchpoint="what")


NEED_SOMETHING = {
    "orders.csv": cj.sources.Shopify,
    "survey.csv": lambda path: cj.sources.Qualtrics(path, timezone="UTC"),
    "Lead.csv": cj.sources.Salesforce,
    "t.json": table,
    "t.parquet": table,
    "log.xes": cj.sources.XES,
    "log.json": lambda path: cj.sources.OCEL(path, case="order"),
}
MAY_BE_EMPTY = {
    "events_20260301.json": cj.sources.GA4,
    "access.log": cj.sources.AccessLog,
    "events.tsv": cj.sources.Snowplow,
}


@pytest.mark.parametrize("how", NOTHING)
@pytest.mark.parametrize("name", NEED_SOMETHING)
def test_an_empty_file_is_said_to_be_empty(tmp_path, name, how):
    path = tmp_path / name
    path.write_bytes(NOTHING[how])
    with pytest.raises(cj.SourceError) as found:
        cj.ingest(NEED_SOMETHING[name](path))
    assert str(found.value) == (
        f"{path} is empty ({how}). Leave it out if nothing happened, else export it again"
    )


@pytest.mark.parametrize("how", NOTHING)
@pytest.mark.parametrize("name", MAY_BE_EMPTY)
def test_so_is_one_without_a_header_where_nothing_else_was_read(tmp_path, name, how):
    path = tmp_path / name
    path.write_bytes(NOTHING[how])
    source = MAY_BE_EMPTY[name](path)
    with pytest.raises(cj.SourceError) as found:
        cj.ingest(source)
    assert str(found.value) == (
        f"no events are left of what was read. {source.name!r}, {name}: empty ({how}); "
        "leave it out if nothing happened, else export it again"
    )


def test_packed_files_of_nothing_are_empty_too(tmp_path):
    (tmp_path / "tracks.json.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(cj.SourceError, match=r"tracks.json.gz: empty \(0 bytes\)"):
        cj.ingest(cj.sources.Segment(tmp_path / "tracks.json.gz"))
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.writestr("orders.csv", b"")
    with pytest.raises(cj.SourceError, match=r"no file has .*; there is shop.zip/orders.csv \(empty\)"):
        cj.ingest(cj.sources.Shopify(tmp_path / "shop.zip"))


@pytest.mark.parametrize("content", ["[]", '{"events": []}'])
def test_a_list_of_nothing_has_no_records(tmp_path, content):
    (tmp_path / "calls.json").write_text(content.replace("events", "conversations"))
    with pytest.raises(cj.SourceError, match=r"'calls', calls.json: no records$"):
        cj.ingest(cj.sources.Genesys(tmp_path / "calls.json"))


def test_a_parquet_file_without_rows_has_no_records(tmp_path):
    pq.write_table(
        pa.table({name: pa.array([], pa.string()) for name in ("who", "when", "what")}),
        tmp_path / "t.parquet",
    )
    with pytest.raises(cj.SourceError, match=r"'t', t.parquet: no records$"):
        cj.ingest(table(tmp_path / "t.parquet"))


def test_an_empty_hour_of_a_server_does_not_stop_the_others(tmp_path):
    (tmp_path / "1.log").write_text("")
    (tmp_path / "2.log").write_text(LINE)
    log = cj.ingest(cj.sources.AccessLog(tmp_path))
    assert log.n_events == 1
    assert [note for note in log.notes if "empty" in note] == [
        "source 'web': 1 file is empty: 1.log. Export again what should not be"
    ]


def test_columns_are_those_of_the_first_file_that_has_some(tmp_path):
    (tmp_path / "1.json").write_text("")
    (tmp_path / "2.json").write_text('{"who": "ann", "when": "2026-03-01T10:00:00Z", "what": "a"}\n')
    assert cj.ingest(table(tmp_path)).n_events == 1
