"""What executors do to find who is who: name the identifiers of sets, and link those of a bin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from cjmining.ingest import identity, seen_together
from cjmining.ingest.database import Database, literal
from cjmining.ingest.linking import CUTS, Ints, LimitsOfAll
from cjmining.ingest.normal import is_local_phone
from cjmining.ingest.on_spark.tasks import in_place, parquet, task_database, write

if TYPE_CHECKING:
    from cjmining.ingest.on_spark.parts import Setting

NAME = "kind || chr(1) || token"
"""SQL of an identifier's name: names are in the order of kind and token."""


def name_sets(setting: Setting, rules: identity.Rules, file: Path) -> list[str]:
    """Write what is in different sets of identifiers, each once; return the kinds of identifiers.

    Writes members (ids, name) and pairs (one, other), names seen in one set, both of those alone whose values
    may be links; merged (name), what systems say is one with others; and phones (ids, value), numbers that
    name no country.
    """
    with task_database(setting) as database:
        database.run(
            "CREATE TABLE sets AS SELECT ids, (row_number() OVER () - 1)::INTEGER AS id_set "
            f"FROM read_parquet({literal(str(file))})"
        )
        identity.read_sets(database, rules)
        database.run(
            f"CREATE TABLE usable AS SELECT id_set, {NAME} AS name FROM members JOIN nodes USING (node) "
            "WHERE refusal IS NULL"
        )
        for folder, query in {
            "members": "SELECT ids, name FROM usable JOIN sets USING (id_set)",
            "pairs": "SELECT DISTINCT a.name AS one, b.name AS other FROM usable a JOIN usable b "
            "USING (id_set) WHERE a.name < b.name",
            "merged": f"SELECT {NAME} AS name FROM nodes WHERE node IN "
            "(SELECT node FROM merged UNION ALL SELECT other FROM merged)",
            "phones": f"SELECT ids, value FROM sets JOIN shown USING (id_set) WHERE {is_local_phone()}",
        }.items():
            write(database, query, setting.room / "who" / folder / file.name)
        return identity.kinds_in(database, "nodes")


def link_bin(
    setting: Setting,
    rules: identity.Rules,
    known: Sequence[Mapping[str, float]],
    kinds: Sequence[str],
    files: Sequence[int],
    number: int,
) -> dict[str, Ints]:
    """Find the customers of a bin; before all limits are known, return what the next are found from.

    Writes whose (ids, whose, why, refused), a row a set, with the name of its customer's first identifier;
    named (whose, kind, value, clear), customers' identifiers; customers (word), these names; links, as
    `seen_together.coded_links` gives them.
    """
    with task_database(setting) as database:
        sets = parquet(setting, f"who/sets/bin={number}")
        database.run(f"CREATE VIEW binned AS SELECT ids, file, records FROM {sets}")
        database.run(
            "CREATE VIEW improbable AS SELECT split_part(name, chr(1), 1) AS kind, "
            f"substr(name, strpos(name, chr(1)) + 1) AS token FROM {parquet(setting, 'who/improbable')}"
        )
        limits = LimitsOfAll(known)
        identity.resolve(database, [], rules, ["binned"], limits)
        if len(known) == CUTS:
            _write_bin(database, setting, number)
            if setting.identities != "drop":
                links = seen_together.coded_links(database, kinds, files)
                _write_batches(links, _bin_file(setting, "links", number))
        return limits.counts


def _write_bin(database: Database, setting: Setting, number: int) -> None:
    database.run(
        f"CREATE TABLE first_names AS SELECT customer, {NAME} AS whose FROM nodes JOIN "
        "(SELECT customer, min(node) AS node FROM found WHERE customer >= 0 GROUP BY customer) USING (node)"
    )
    for folder, query in {
        "whose": f"SELECT ids, whose, why, refused FROM ({identity.WHOSE_SETS}) "
        "LEFT JOIN first_names USING (customer)",
        "named": "SELECT whose, kind, token AS value, value AS clear FROM nodes JOIN found USING (node) "
        "JOIN first_names USING (customer)",
        "customers": "SELECT whose AS word FROM first_names",
    }.items():
        write(database, query, _bin_file(setting, folder, number))


def _bin_file(setting: Setting, folder: str, number: int) -> Path:
    return setting.room / "who" / folder / f"bin-{number:05d}.parquet"


_LINKS = pa.schema(
    [
        ("file", pa.int32()),
        ("records", pa.int64()),
        ("kind", pa.int8()),
        ("other_kind", pa.int8()),
        ("refused", pa.int16()),
        ("value", pa.string()),
        ("other_value", pa.string()),
    ]
)


def _write_batches(batches: Iterable[pa.RecordBatch], path: Path) -> None:
    with in_place(path) as beside, pq.ParquetWriter(beside, _LINKS, compression="zstd") as file:
        for batch in batches:
            file.write_batch(batch.cast(_LINKS))
