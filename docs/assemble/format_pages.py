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


_FOLDER = """## The folder

`manifest.json` says which files are the log: `files` has for each name (`events-00000`, `journeys`, ...)
the file, its rows, bytes and SHA-256. Beside it are `data_end_us`, notes, counts, and the map that split
the log. Files are named by their content, `journeys-1f0c54a1b2c3.parquet`: the same log is the same names
and the same bytes.

* `events-00000`, `events-00001`, ...: blocks of whole customers in the log's order, a million events and
  the rest of the last customer each. Texts are dictionary columns over the one sorted vocabulary of the
  whole log.
* `words-00010`, ...: vocabularies of ten thousand words and more (sessions, say). The blocks hold such a
  column as codes, the row of its word counted from 0; `words` in the manifest says which column has which
  file.
* `bounds`: the first event of each journey, and the number of events last. All other files are the tables
  below.

**It may be interrupted.** Whoever writes a log, writes its files beside the folder first (`.NAME.draft`),
has the disk confirm them, moves them in under their names, and then replaces the manifest in one step;
files that no manifest names are removed at the end. Whoever is ended halfway leaves the earlier log as it
was, and the next to write removes what was left. Only one process at a time can write a log. A log that is
replaced while somebody opens it is opened again; one that was opened before it was replaced says so when it
needs a column that it hasn't read.

**Memory.** `cj.read_log` reads no events; each column is read when an analysis first needs it, and its
block's checksum compared then. `cj.ingest(..., path=)` writes events as they leave the database, sorted:
row groups of 131,072 are all of them that is in memory at a time. The database honours `memory_limit` and
spills beside the log."""


def pages() -> dict[str, str]:
    """Return the page of the log's columns."""
    blocks = [
        "# The log: tables and folder",
        (
            "A `JourneyLog` has these tables. As attributes (`log.events`, `log.journeys`) they are "
            "pandas DataFrames, by "
            "`log.to_arrow` Arrow tables, and `log.write` keeps them in a folder of Parquet files "
            "whose manifest says "
            f"`version: {schema.FORMAT_VERSION}`. Folders of earlier versions are read as well."
        ),
        _FOLDER,
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
