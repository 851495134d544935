"""Who is who: identifiers seen together in one record belong to one customer, with guards.

Records reach this module as sets of identifiers, each once, so its cost grows with the customers, not the
events. Three steps, each usable alone: `read_sets` brings the identifiers into one form and says what is none
by its value alone (`unknown`, `noreply@...`, `0000`), so that afterwards a keyed hash does as well;
`find_customers` links what is left (see `linking`); `store_sets` says whose each set is.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from cjmining import schema
from cjmining.errors import SourceError
from cjmining.ingest.by_time import make_timed
from cjmining.ingest.clusters import clusters_of_nodes, put_clusters
from cjmining.ingest.database import SEPARATOR, Database, coded, literal
from cjmining.ingest.kinds import kind_of
from cjmining.ingest.linking import (
    REASONS,
    SEVERAL,
    SEVERAL_CUSTOMERS,
    SHARED,
    SHARED_BY,
    Ints,
    Linked,
    Sets,
    Small,
    link,
)
from cjmining.ingest.normal import MERGED, STORED, Spelling, local_phones, long_id, make_forms, phone_number

__all__ = [
    "NO_IDENTIFIER",
    "OF_SEVERAL",
    "ONLY_SEVERALS",
    "ONLY_SHARED",
    "SHARED_BY",
    "Resolved",
    "Rules",
    "find_customers",
    "hashed",
    "hashed_sets",
    "local_phones",
    "long_id",
    "phone_number",
    "protected",
    "read_sets",
    "resolve",
    "secret_of",
    "store_sets",
]

NO_IDENTIFIER = "no identifier"
ONLY_SHARED = "only an identifier that too many share"
ONLY_SEVERALS = "only an identifier that several customers share"
OF_SEVERAL = "identifiers of several customers"


@dataclass(frozen=True)
class Rules:
    """How customers are found.

    Parameters
    ----------
    spelling : Spelling
        How addresses are read.
    secret : bytes, optional
        Key of the hashes that take the place of the values, before customers are found and numbered.
    clusters : pyarrow.Table, optional
        Who is who by a table from elsewhere: kind, value, cluster.
    shared_devices : {"set aside", "by time"}
        What becomes of records that show nothing but a device of several customers.
    """

    spelling: Spelling = field(default_factory=Spelling)
    secret: bytes | None = None
    clusters: pa.Table | None = None
    shared_devices: str = "set aside"


@dataclass(frozen=True)
class Resolved:
    """The customers found.

    Attributes
    ----------
    n_customers : int
    identities : pyarrow.Table
        customer, kind, value: their identifiers as far as they are known in clear.
    """

    n_customers: int
    identities: pa.Table


def resolve(database: Database, records: Sequence[str], rules: Rules | None = None) -> Resolved:
    """Find the customers behind the records in `records` (relations with a column `ids`).

    Makes two tables: `id_sets` (ids, customer, why), where `why` says what is wrong with a set without a
    customer, and `refused` (ids, reason), one row for each identifier of a set that was no link; and `timed`,
    for `by_time.divide` to fill.
    """
    rules = rules or Rules()
    every = " UNION ALL ".join(f"SELECT DISTINCT ids FROM {relation}" for relation in records)
    database.run(
        "CREATE TABLE sets AS SELECT ids, (row_number() OVER () - 1)::INTEGER AS id_set "
        f"FROM (SELECT DISTINCT ids FROM ({every}) WHERE ids IS NOT NULL)"
    )
    read_sets(database, rules)
    linked = find_customers(database, clustered=rules.clusters is not None)
    store_sets(database, linked)
    make_timed(database)
    identities = database.arrow(
        "SELECT customer, kind, value FROM nodes JOIN found USING (node) WHERE customer >= 0 "
        "AND value IS NOT NULL ORDER BY customer, kind, value"
    )
    return Resolved(int(linked.customer.max(initial=-1)) + 1, identities.cast(schema.IDENTITIES))


def read_sets(database: Database, rules: Rules) -> None:
    """Bring the identifiers of `sets` (ids, id_set) into one form.

    Makes `nodes` (node, kind, token, value, refusal), a row for every identifier, where the token is the
    value or its keyed hash; and `members` (id_set, node). What systems say was merged is in `merged` (node,
    other). Identifiers may be such that `hashed_sets` wrote: then only the token is known.
    """
    database.run(
        f"CREATE TABLE tokens AS SELECT id_set, unnest(string_split(ids, {SEPARATOR})) AS token FROM sets"
    )
    every = "tokens"
    if rules.clusters is not None:
        put_clusters(database, rules.clusters)
        every = "(SELECT token FROM tokens UNION SELECT token FROM clustered)"
    make_forms(database, every, rules.spelling)
    _name_nodes(database, rules.secret)
    mark = literal(MERGED)
    database.run(
        "CREATE TABLE shown AS SELECT t.id_set, f.node FROM tokens t "
        f"JOIN token_forms f ON f.given = t.token WHERE f.kind <> {mark}"
    )
    # one after the other: each needs a table of hashes, and two don't fit into little memory
    database.run("CREATE TABLE members AS SELECT DISTINCT id_set, node FROM shown")
    database.run("DROP TABLE shown")
    if rules.clusters is not None:  # identifiers that only the table from elsewhere has are nobody's
        database.run("CREATE TABLE own_nodes AS SELECT * FROM nodes SEMI JOIN members USING (node)")
        database.run(f"DROP {'VIEW' if rules.secret is None else 'TABLE'} nodes")
        database.run("ALTER TABLE own_nodes RENAME TO nodes")
    database.run(
        "CREATE TABLE marks AS SELECT DISTINCT t.id_set, n.value AS kind FROM tokens t "
        f"JOIN token_forms f ON f.given = t.token JOIN named n USING (node) WHERE f.kind = {mark}"
    )
    database.run(
        "CREATE TABLE merged AS WITH marked AS ("
        "SELECT id_set, node, kind FROM members JOIN nodes USING (node) "
        "JOIN marks USING (id_set, kind)) SELECT DISTINCT a.node, b.node AS other FROM marked a "
        "JOIN marked b ON b.id_set = a.id_set AND b.kind = a.kind AND a.node < b.node"
    )


def _name_nodes(database: Database, secret: bytes | None) -> None:
    """Make `nodes`, and `token_forms` (given, kind, node): which node each text of a record is."""
    source, node = "named", "n.node"
    own = f"kind <> {literal(MERGED)}"
    if secret is not None:
        known = database.arrow(f"SELECT node, kind, value FROM named WHERE stored IS NULL AND {own}")
        hashes = hashed(known.column("kind"), known.column("value"), secret)
        with database.registered("hashes", pa.table({"node": known.column("node"), "hash": hashes})):
            database.run("CREATE TABLE hashed_named AS SELECT * FROM named LEFT JOIN hashes USING (node)")
        source = (
            "(SELECT *, min(node) OVER (PARTITION BY kind, coalesce(stored, hash)) AS same FROM hashed_named)"
        )
        node = "n.same"
        database.run(
            "CREATE TABLE nodes AS SELECT same AS node, kind, coalesce(stored, hash) AS token, "
            f"min(value) FILTER (WHERE stored IS NULL) AS value, min(refusal) AS refusal FROM {source} "
            f"WHERE {own} GROUP BY ALL"
        )
    else:  # what is there already isn't stored once more
        database.run(
            f"CREATE VIEW nodes AS SELECT node, kind, value AS token, value, refusal FROM named WHERE {own}"
        )
    database.run(
        f"CREATE TABLE token_forms AS SELECT f.token AS given, n.kind, {node} AS node FROM forms f "
        f"JOIN {source} n ON n.kind = f.kind AND n.value = f.value"
    )


def hashed_sets(database: Database) -> None:
    """Make `hashed_sets` (ids, hashed): what to store of each set so that no identifier can be read.

    `read_sets` reads it as it reads records' own identifiers, and finds the same customers.
    """
    text = f"kind || ':' || {STORED} || token || {STORED} || coalesce(refusal, '')"
    database.run(
        "CREATE TABLE hashed_sets AS SELECT ids, "
        f"string_agg(text, {SEPARATOR} ORDER BY text) AS hashed FROM ("
        f"SELECT id_set, {text} AS text FROM members JOIN nodes USING (node) UNION ALL "
        f"SELECT id_set, {literal(MERGED + ':')} || kind FROM marks) JOIN sets USING (id_set) GROUP BY ids"
    )


def find_customers(database: Database, *, clustered: bool = False) -> Linked:
    """Find whose the identifiers in `nodes` and `members` are.

    Makes `found` (node, place, customer, refusal): places are in the order of kind and token.
    """
    names = [name for (name,) in database.run("SELECT DISTINCT kind FROM nodes ORDER BY kind")]
    nodes = database.arrow(
        f"SELECT node, {coded('kind', names)} AS kind, {coded('refusal', REASONS)} AS refusal "
        "FROM nodes ORDER BY nodes.kind, token"
    )
    own, kind, refusal = (column.to_numpy() for column in nodes.columns)
    del nodes
    place = np.zeros(int(own.max(initial=-1)) + 1, np.int32)
    place[own] = np.arange(len(own), dtype=np.int32)
    merged = database.arrow("SELECT node, other FROM merged")
    sets, shown = _members(database, place)
    linked = link(
        Sets(
            kinds=[kind_of(name) for name in names],
            kind=kind,
            refusal=refusal,
            set=sets,
            node=shown,
            same=place[merged.column("node").to_numpy()],
            other=place[merged.column("other").to_numpy()],
            cluster=_clusters(database, place, len(own)) if clustered else None,
        )
    )
    found = pa.table(
        {
            "node": own,
            "place": np.arange(len(own), dtype=np.int32),
            "customer": linked.customer,
            "refusal": pa.array(REASONS).take(pa.array(linked.refusal)),
        }
    )
    with database.registered("found_now", found):
        database.run("CREATE TABLE found AS SELECT * FROM found_now")
    return linked


def _members(database: Database, place: Small) -> tuple[Small, Small]:
    """Return which set has which identifiers, by their places, sorted."""
    members = database.arrow("SELECT id_set, node FROM members")
    code = members.column("id_set").to_numpy().astype(np.int64)
    code <<= 32
    code |= place[members.column("node").to_numpy()]
    del members
    code.sort()
    return (code >> 32).astype(np.int32), code.astype(np.int32)  # the lower half


def _clusters(database: Database, place: Small, n: int) -> Ints:
    table = clusters_of_nodes(database)
    cluster = np.full(n, -1, np.int64)
    cluster[place[table.column("node").to_numpy()]] = table.column("cluster").to_numpy()
    return cluster


def store_sets(database: Database, linked: Linked) -> None:
    """Make `id_sets` (ids, customer, why) and `refused` (ids, reason)."""
    whose = pa.table({"id_set": linked.set, "whose": linked.set_customer})
    with database.registered("whose", whose):
        database.run(
            "CREATE TABLE id_sets AS SELECT s.ids, CASE WHEN whose >= 0 THEN whose END AS customer, "
            f"CASE WHEN whose >= 0 THEN NULL WHEN whose = {SEVERAL_CUSTOMERS} THEN {literal(OF_SEVERAL)} "
            f"WHEN shared THEN {literal(ONLY_SHARED)} WHEN severals THEN {literal(ONLY_SEVERALS)} "
            f"ELSE {literal(NO_IDENTIFIER)} END AS why "
            "FROM sets s JOIN whose USING (id_set) LEFT JOIN (SELECT id_set, "
            f"bool_or(f.refusal = {literal(SHARED)}) AS shared, "
            f"bool_or(f.refusal = {literal(SEVERAL)}) AS severals FROM members JOIN found f USING (node) "
            "WHERE f.customer < 0 GROUP BY id_set) USING (id_set)"
        )
    database.run(
        "CREATE TABLE refused AS SELECT s.ids, n.kind || ' ' || f.refusal AS reason FROM members m "
        "JOIN found f USING (node) JOIN nodes n USING (node) JOIN sets s USING (id_set) WHERE f.refusal <> ''"
    )


def protected(database: Database, how: str) -> pa.Table:
    """Return the identities that the log keeps: values, their keyed hashes, or none."""
    if how == "drop":
        return schema.IDENTITIES.empty_table()
    return database.arrow(
        "SELECT customer, kind, token AS value FROM nodes JOIN found USING (node) WHERE customer >= 0 "
        "ORDER BY customer, kind, value"
    ).cast(schema.IDENTITIES)


def secret_of(key: str | bytes | None) -> bytes:
    """Return the key of the hashes, or say that it is missing."""
    secret = key.encode() if isinstance(key, str) else key
    if not secret:
        raise SourceError("identities='pseudonymise' needs key=, a secret text that the hashes depend on")
    return secret


def hashed(kinds: pa.ChunkedArray, values: pa.ChunkedArray, secret: bytes) -> pa.Array:
    """Return the first half of HMAC-SHA256 of each identifier's kind and value, as 32 hexadecimal digits."""
    pairs = zip(kinds.cast(pa.string()).to_pylist(), values.to_pylist(), strict=True)
    return pa.array([keyed_hash(secret, f"{kind}\x1f{value}") for kind, value in pairs], pa.string())


def make_pseudonym(database: Database, how: str, secret: bytes | None) -> None:
    """Make the SQL macro `pseudonym(x)`: a value as the columns of records and events may hold it.

    The value itself where identities are kept, else a hash: with the key twice around (as HMAC does), where
    there is one.
    """
    hidden = "left(sha256(x), 32)"
    if secret is not None:
        inner, outer = (literal(keyed_hash(secret, f"pseudonym {part}")) for part in ("inner", "outer"))
        hidden = f"left(sha256({outer} || sha256({inner} || x)), 32)"
    database.run(f"CREATE MACRO pseudonym(x) AS {'x' if how == 'keep' else hidden}")


def keyed_hash(secret: bytes, text: str) -> str:
    """Return HMAC-SHA256 (RFC 2104) of a text, truncated to 128 bits, as 32 hexadecimal digits.

    Examples
    --------
    >>> keyed_hash(b"Jefe", "what do ya want for nothing?")  # RFC 4231, test case 2
    '5bdcc146bf60754e6a042426089575c7'
    """
    return hmac.digest(secret, text.encode(), hashlib.sha256)[:16].hex()
