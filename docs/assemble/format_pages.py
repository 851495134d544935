"""The page of the log's columns, made from the schema."""

from __future__ import annotations

import pyarrow as pa

from cjmining import schema
from docs.assemble.links import named

_TABLES = (
    ("events", schema.EVENTS, "One row an event, sorted by customer, journey and time."),
    ("journeys", schema.JOURNEYS, "One row a journey. Tags (`log.tag`) are further columns."),
    ("customers", schema.CUSTOMERS, "One row a customer; attributes and `persona` are further columns."),
    (
        "identities",
        schema.IDENTITIES,
        "Personal identifiers, which only this table and `links` hold; they can be left out or hashed.",
    ),
    (
        "links",
        schema.LINKS,
        "Which identifiers records show together; `log.explain` reads it. Kept as `identities` are.",
    ),
    ("sources", schema.SOURCES, "What each source covers."),
    ("ledger", schema.LEDGER, "Where every record and event went; both sums close."),
    ("quarantine", schema.QUARANTINE, "Records that couldn't be read, with the reason."),
)


def pages() -> dict[str, str]:
    """Return the page of the log's columns."""
    blocks = [
        "# The log: tables and folder",
        (
            "A `JourneyLog` has these tables. As attributes (`log.events`, `log.journeys`) they are "
            "pandas DataFrames, by "
            "`log.to_arrow` Arrow tables, and `log.write` keeps them in a folder of Parquet files "
            "whose manifest says "
            f"`version: {schema.FORMAT_VERSION}`. [Architecture](architecture.md) has the folder's files."
        ),
        *(_table(name, fields, what) for name, fields, what in _TABLES),
    ]
    return {"log-format.md": named("\n\n".join(blocks)) + "\n"}


def _table(name: str, fields: pa.Schema, what: str) -> str:
    rows = "".join(f"| `{field.name}` | {_kind(field)} | {_meaning(field)} |\n" for field in fields)
    return f"## {name}\n\n{what}\n\n| column | type | meaning |\n|---|---|---|\n{rows}"


def _kind(field: pa.Field) -> str:
    kind = "text" if pa.types.is_dictionary(field.type) else str(field.type)
    return f"{kind}, may be null" if field.nullable else kind


def _meaning(field: pa.Field) -> str:
    return (field.metadata or {}).get(b"meaning", b"").decode().replace("|", "\\|")
