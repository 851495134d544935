"""Queries: the same log as from a table, whichever connection brings the rows."""

from __future__ import annotations

import sqlite3
import zipfile
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest

import cjmining as cj
from cjmining.ingest import sql_rows
from cjmining.ingest.sql_rows import as_text, database_input
from tests.ingest.helpers import fates, seen

ROWS = [
    ("ann", "2026-03-01 10:00:00", "store_visited", 9.5, "a"),
    ("bob", "2026-03-02 11:00:00", "store_visited", 20.0, None),
    ("ann", "2026-03-03 12:00:00", "order_refunded", None, "c"),
    ("cat", "soon", "store_visited", 1.0, "d"),
]
QUERY = "SELECT * FROM sales WHERE what <> ? ORDER BY sold"
OPTIONS = {
    "name": "till", "customer": {"who": "loyalty"}, "timestamp": "sold", "touchpoint": "what",
    "measures": {"value": "amount"}, "properties": ["note"], "timezone": "Europe/Berlin",
}  # fmt: skip


def fill(connection):
    connection.execute("CREATE TABLE sales (who TEXT, sold TEXT, what TEXT, amount DOUBLE, note TEXT)")
    connection.executemany("INSERT INTO sales VALUES (?, ?, ?, ?, ?)", ROWS)
    connection.commit()


@pytest.fixture(scope="module")
def sqlite_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sql") / "till.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        fill(connection)
    return path


@pytest.fixture(scope="module")
def expected():
    """The same rows as a table."""
    names = ("who", "sold", "what", "amount", "note")
    columns = zip(*sorted((row for row in ROWS if row[2] != "x"), key=lambda row: row[1]), strict=True)
    table = pa.table({name: list(column) for name, column in zip(names, columns, strict=True)})
    log = cj.ingest(cj.sources.Table(table, **OPTIONS))
    assert fates(log) == {"used": 3, "quarantined: sold is no time that can be read": 1}
    return log.to_arrow()["events"].drop_columns("event_id")


class Arrow:
    """A connection that speaks Arrow, as those of ADBC do."""

    def __init__(self, path):
        self.path = path

    def cursor(self):
        return self

    def execute(self, query, parameters):
        with closing(sqlite3.connect(self.path)) as connection:
            rows = connection.execute(query, parameters).fetchall()
        names = ("who", "sold", "what", "amount", "note")
        self.table = pa.table({n: list(c) for n, c in zip(names, zip(*rows, strict=True), strict=True)})

    def fetch_record_batch(self):
        return self.table.to_reader(max_chunksize=2)

    def close(self):
        pass


@pytest.mark.parametrize("form", ["sqlite3", "path", "duckdb", "duckdb file", "arrow", "adbc"])
def test_every_connection_gives_the_same_log(tmp_path, sqlite_file, expected, form, monkeypatch):
    monkeypatch.setattr(sql_rows, "ROWS", 2)
    if form == "sqlite3":
        connection = sqlite3.connect(sqlite_file)
    elif form == "path":
        connection = str(sqlite_file)
    elif form == "arrow":
        connection = Arrow(sqlite_file)
    elif form == "adbc":
        driver = pytest.importorskip("adbc_driver_sqlite.dbapi", reason="no ADBC driver is installed")
        connection = driver.connect(str(sqlite_file))
    else:
        connection = duckdb.connect(tmp_path / "till.duckdb" if form == "duckdb file" else ":memory:")
        fill(connection)
        if form == "duckdb file":
            connection.close()
            connection = tmp_path / "till.duckdb"
    log = cj.ingest(cj.sources.SQL(connection, QUERY, parameters=["x"], **OPTIONS))
    assert log.to_arrow()["events"].drop_columns("event_id") == expected
    assert fates(log)["used"] == 3
    if form in {"sqlite3", "duckdb", "adbc"}:
        connection.close()


@pytest.mark.parametrize(
    "value", [b"\x00", {"a": [1]}, float("inf"), 2**70, datetime(2026, 3, 1, tzinfo=UTC)]
)
def test_values_of_any_type_are_texts(value):
    assert isinstance(as_text(value), str)


def test_typed_values_are_written_as_a_csv_has_them():
    values = [
        None,
        True,
        3,
        2.5,
        Decimal("1E+3"),
        date(2026, 3, 1),
        datetime(2026, 3, 1, 9, tzinfo=UTC),
        b"a\xff",
    ]
    assert [as_text(value) for value in values] == [
        None, "true", "3", "2.5", "1000", "2026-03-01", "2026-03-01 09:00:00+00:00", "a\\xff"
    ]  # fmt: skip


class Failing(Arrow):
    """A connection that is lost half way."""

    def fetch_record_batch(self):
        def batches():
            yield self.table.to_batches()[0]
            raise OSError("connection lost")

        return pa.RecordBatchReader.from_batches(self.table.schema, batches())


class FailingRows:
    """The same, through the DB-API."""

    description = (("who",), ("sold",), ("what",))

    def cursor(self):
        return self

    def execute(self, query):
        pass

    def fetchmany(self, n):
        raise RuntimeError("connection lost")

    def close(self):
        pass


def test_what_a_driver_raises_is_told(tmp_path, sqlite_file):
    readonly = "source 'till': the query may write to the database, so it was not executed"
    for connection, query, said in [
        (sqlite_file, "SELECT * FROM sale", "the query failed: no such table: sale. It was: 'SELECT"),
        (sqlite_file, "DELETE FROM sales", readonly),
        (sqlite_file, "", "query is a statement such as"),
        (tmp_path / "nothing.db", QUERY, "does not exist"),
        (tmp_path, QUERY, "is no file; a query needs one"),
        (__file__, QUERY, r"test_sql\.py is neither a SQLite nor a DuckDB file"),
        (42, QUERY, "or the path of a SQLite or DuckDB file, not int"),
        (Failing(sqlite_file), QUERY, "the query failed: .*connection lost"),
        (FailingRows(), QUERY, "the query failed: connection lost"),
        (sqlite3.connect(":memory:"), "CREATE TABLE a (b)", "so it was not executed"),
        (duckdb.connect(), "PIVOT nothing ON a", "the query failed: Catalog"),
        (duckdb.connect(), "SELECT * FROM", r"the query failed: Parser Error[^.]*[^.]\. It was"),
        (duckdb.connect(), "SELECT * FROM nowhere", "the query failed: Catalog Error"),
        (type("Engine", (), {"raw_connection": None})(), QUERY, r"give engine\.raw_connection\(\)"),
    ]:
        given = ["x"] if isinstance(connection, Failing) else None
        with pytest.raises(cj.SourceError, match=said):
            cj.ingest(cj.sources.SQL(connection, query, parameters=given, **OPTIONS))
    with closing(sqlite3.connect(sqlite_file)) as connection:
        assert connection.execute("SELECT count(*) FROM sales").fetchone() == (4,)


@pytest.mark.parametrize("connect", [sqlite3.connect, duckdb.connect])
def test_nothing_is_written(connect):
    """What writes is refused; texts, names and comments that only look like it are not."""
    with closing(connect(":memory:")) as connection:
        fill(connection)
        for query in (
            "DELETE FROM sales",
            "delete from sales returning *",
            "  -- all\n /* of them */ UPDATE sales SET who = 'x'",
            "WITH a AS (SELECT 1) DELETE FROM sales",
            "INSERT INTO sales SELECT * FROM sales RETURNING *",
            "SELECT * INTO other FROM sales",
            "SELECT 1; DELETE FROM sales",
            "DROP TABLE sales",
            "PRAGMA user_version = 7",
        ):
            with pytest.raises(cj.SourceError, match=r"was not executed|several statements"):
                cj.ingest(cj.sources.SQL(connection, query, **OPTIONS))
        assert connection.execute("SELECT count(*) FROM sales").fetchall() == [(4,)]
        fine = """(SELECT who, sold, what, amount, 'delete from; a' AS note -- update sales set; into
                   FROM sales AS "into" WHERE sold <> 'soon');"""
        query = fine if connect is duckdb.connect else fine.replace("(", "", 1).replace(")", "")
        assert cj.ingest(cj.sources.SQL(connection, query, **OPTIONS)).n_events == 3
        assert connection.execute("DELETE FROM sales").fetchall() is not None  # it may write again
        connection.commit()


def test_the_database_of_an_archive_is_read_whatever_lies_beside_it(tmp_path, sqlite_file):
    with zipfile.ZipFile(tmp_path / "till.zip", "w") as archive:
        archive.writestr("readme.md", "# what this is")
        archive.write(sqlite_file, "export/till.sqlite")
    assert database_input(tmp_path / "till.zip", "source 'till'").name == "till.zip/export/till.sqlite"


def test_a_study_reads_a_database(sqlite_file):
    query = "SELECT who, sold, what, amount, note FROM sales"
    source = cj.sources.SQL(sqlite_file.parent / sqlite_file.name, query, **OPTIONS)
    log = cj.ingest(source)
    assert log.ledger["file"].unique().tolist() == ["till.sqlite"]
    assert seen(log, "touchpoint", "value")[:1] == [("store_visited", 9.5)]
    with pytest.raises(cj.SourceError, match="timestamp='solt' is no column, did you mean 'sold'"):
        cj.ingest(cj.sources.SQL(sqlite_file, query, **{**OPTIONS, "timestamp": "solt"}))
    with closing(sqlite3.connect(sqlite_file)) as connection:
        none = cj.sources.SQL(connection, query + " WHERE amount < 0", **OPTIONS)
        with pytest.raises(cj.SourceError, match=r"'till', \(query\): no rows"):
            cj.ingest(none)
    with pytest.raises(cj.SourceError, match="parameters is a list"):
        cj.sources.SQL(sqlite_file, query, parameters="x", **OPTIONS)
