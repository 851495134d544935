"""The customers table of the log: attributes joined to customers by their identifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from cjmining.consent import against
from cjmining.errors import SourceError
from cjmining.ingest.database import Database, identifier
from cjmining.ingest.fates import NEWEST_VERSION

if TYPE_CHECKING:
    from cjmining.ingest.stage import Staged


def several_rows(database: Database, staged: Sequence[Staged]) -> int:
    """Count the customers with several rows of attributes.

    Raises
    ------
    SourceError
        If two attributes have one name.
    """
    taken = {"customer", "persona"}
    several = 0
    for feed in staged:
        for name in feed.feed.attributes:
            if name in taken:
                raise SourceError(
                    f"source {feed.source.name!r}: an attribute can't be called {name!r}: "
                    "the customers of the log have a column of that name already. Choose others with "
                    "attributes="
                )
        if feed.feed.attributes:
            taken |= set(feed.feed.attributes)
            several += int(
                database.value(
                    f"SELECT count(*) FROM (SELECT 1 FROM {feed.table}_used GROUP BY customer HAVING "
                    "count(*) > 1)"
                )
            )
    return several


def customers_table(database: Database, staged: Sequence[Staged], n_customers: int) -> pa.Table:
    """Return every customer with the attributes known.

    Of several rows for one customer the first value that isn't missing counts, attribute by attribute; but of
    what speaks of writing to them (an opt-out, a consent) one that speaks against it comes first.
    """
    table = pa.table({"customer": np.arange(n_customers, dtype=np.int64)})
    for feed in staged:
        if feed.feed.attributes:
            table = _joined(table, _attributes(database, feed))
    return table


def _attributes(database: Database, feed: Staged) -> pa.Table:
    listed = [
        f"first({_typed(database, feed.table, column)} ORDER BY {_refusals(name, column)}{_ORDER}) "
        f"FILTER ({identifier(column)} IS NOT NULL) AS {identifier(name)}"
        for name, column in feed.feed.attributes.items()
    ]
    return database.arrow(
        f"SELECT customer, {', '.join(listed)} FROM {feed.table}_used JOIN read_files USING (file) "
        "GROUP BY customer ORDER BY customer"
    )


_ORDER = f'{NEWEST_VERSION}, "f:place", record, key'
"""The newest row first; then as they were read, by the names of the files."""


def _refusals(name: str, column: str) -> str:
    """SQL that puts what speaks against writing first, where an attribute is about that."""
    said = against(name)
    if said is None:
        return ""
    values, speak = said
    listed = ", ".join(f"'{value}'" for value in sorted(values))
    word = f"regexp_replace(lower({identifier(column)}), '[^a-z0-9]', '', 'g')"
    return f"CASE WHEN {word} {'IN' if speak else 'NOT IN'} ({listed}) THEN 0 ELSE 1 END, "


def _typed(database: Database, table: str, name: str) -> str:
    """SQL of an attribute in the narrowest type that holds all its values: whole number, number, truth, text.

    A number with a leading zero (a postcode) stays a text.
    """
    column = identifier(name)
    filled, whole, real, truth = database.run(
        f"SELECT count({column}), "
        f"count(*) FILTER (WHERE regexp_matches({column}, '^-?(0|[1-9][0-9]{{0,17}})$')), "
        f"count(*) FILTER (WHERE regexp_matches({column}, "
        "'^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?$')), "
        f"count(*) FILTER (WHERE lower({column}) IN ('true', 'false')) FROM {table}_used"
    )[0]
    if not filled:
        return column
    if whole == filled:
        return f"TRY_CAST({column} AS BIGINT)"
    if real == filled:
        return f"TRY_CAST({column} AS DOUBLE)"
    return f"(lower({column}) = 'true')" if truth == filled else column


def _joined(table: pa.Table, found: pa.Table) -> pa.Table:
    """Lay the rows found, sorted by customer, beside all customers."""
    row = np.full(table.num_rows, -1, dtype=np.int64)
    row[found.column("customer").to_numpy()] = np.arange(found.num_rows)
    take = pa.array(row, mask=row < 0)
    for name in found.column_names:
        if name != "customer":
            column = found.column(name).combine_chunks()
            table = table.append_column(name, column.take(take))
    return table
