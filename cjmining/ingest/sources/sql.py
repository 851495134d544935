"""The rows of an SQL query: a table of events that lies in a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from cjmining.errors import SourceError
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Input
from cjmining.ingest.sources.table import Table
from cjmining.ingest.sql_rows import Parameters, database_input, query_rows


class SQL(Table):
    """A query whose rows are events, one each; nothing is written to the database.

    A statement that may write (anything but SELECT, WITH, VALUES, TABLE, FROM, SHOW, DESCRIBE or PIVOT, also
    SELECT INTO, and several statements at once) is refused before it is executed. What a function called by a
    SELECT does can't be seen: where that matters, give the connection of a user who may only read.

    The rows are never in memory all at once: Arrow streams from ADBC and DuckDB are passed on as they come,
    the rows of other drivers are fetched in batches into a temporary file. A driver may hold more: give a
    connection with server-side cursors for a large result.

    Parameters
    ----------
    connection : ADBC, DuckDB or DB-API connection, or path
        Such as that of `adbc_driver_postgresql.dbapi.connect(...)`, `sqlite3.connect(...)` or
        `psycopg.connect(...)`; or the path of a SQLite or DuckDB file, which is opened for reading only.
    query : str
        One statement that returns rows. Its columns are named as those of a `Table`.
    parameters : sequence or mapping, optional
        Values for the query's placeholders, as the driver takes them.
    name, customer, timestamp, touchpoint, end, native, channel, actor, journey, failed, measures : optional
        As for `Table`, and so are those that follow.
    currency, dimensions, properties, comment, event_id, version, timezone, region, date_format : optional
        As for `Table`.
    decimal : str, optional
        "." or ",", in columns of text.

    Examples
    --------
    >>> import cjmining as cj
    >>> import sqlite3
    >>> till = sqlite3.connect(":memory:")
    >>> _ = till.execute("CREATE TABLE sales (card, sold_at, amount)")
    >>> _ = till.execute("INSERT INTO sales VALUES ('a', '2026-03-01', 9), ('b', '2026-03-02', 20)")
    >>> source = cj.sources.SQL(till, "SELECT * FROM sales WHERE amount > ?", parameters=[5], name="store",
    ...                         customer={"card": "loyalty"}, timestamp="sold_at",
    ...                         touchpoint="store_visited", measures={"value": "amount"})
    >>> cj.ingest(source).n_events
    2
    >>> till.close()
    """

    kind: ClassVar[str] = "SQL"
    about: ClassVar[About] = About(
        system="Any database",
        layouts=(
            Layout("query", "a query through an ADBC, DuckDB or DB-API connection; a SQLite or DuckDB file"),
        ),
        touchpoints=(Default("a column of yours", "<the column's text>"),),
        identifiers=("those of the columns named by customer=",),
        measures=("value, wait_s, duration_s, satisfaction: columns of yours",),
        dimensions=("columns of yours",),
        failed="a column of yours",
        needs="columns named by you: customer, timestamp, touchpoint",
        natural_key="event_id= if given; else every row counts",
        times="as the database types them; those without a zone are read in timezone=",
        documentation=("https://peps.python.org/pep-0249/", "https://arrow.apache.org/adbc/"),
        checked="sqlite3, DuckDB and ADBC's SQLite driver, against the same rows as a CSV through Table",
    )

    def __init__(
        self,
        connection: Any,  # noqa: ANN401 -- of any driver
        query: str,
        *,
        name: str,
        customer: str | Mapping[str, str],
        timestamp: str,
        touchpoint: str | Mapping[str, str],
        parameters: Parameters | None = None,
        end: str | None = None,
        native: str | None = None,
        channel: str | Mapping[str, str] | None = None,
        actor: str | Mapping[str, str] = "customer",
        journey: str | None = None,
        failed: str | Mapping[str, Sequence[str]] | None = None,
        measures: Mapping[str, Any] | None = None,
        currency: str | Mapping[str, str] | None = None,
        dimensions: Sequence[str] | Mapping[str, str] = (),
        properties: Sequence[str] = (),
        comment: str | bool | None = None,
        event_id: str | None = None,
        version: str | None = None,
        timezone: str | None = None,
        region: str | None = None,
        date_format: str | Sequence[str] | None = None,
        decimal: str = ".",
    ) -> None:
        super().__init__(
            connection, name=name, customer=customer, timestamp=timestamp, touchpoint=touchpoint, end=end,
            native=native, channel=channel, actor=actor, journey=journey, failed=failed, measures=measures,
            currency=currency, dimensions=dimensions, properties=properties, comment=comment,
            event_id=event_id, version=version, timezone=timezone, region=region, date_format=date_format,
            decimal=decimal,
        )  # fmt: skip
        if not isinstance(query, str) or not query.strip():
            raise SourceError(f"source {name!r}: query is a statement such as 'SELECT ...', not {query!r}")
        if parameters is not None and (
            isinstance(parameters, str) or not isinstance(parameters, Sequence | Mapping)
        ):
            raise SourceError(
                f"source {name!r}: parameters is a list or a mapping of values, not {parameters!r}"
            )
        self._query, self._parameters = query, parameters

    def _inputs(self) -> tuple[list[Input], list[str]]:
        rows = query_rows(self._data, self._query, self._parameters, f"source {self.name!r}")
        is_file = isinstance(self._data, str | Path)
        called = database_input(self._data, f"source {self.name!r}").name if is_file else "(query)"
        return [Input(called, frame=rows)], list(rows.schema.names)
