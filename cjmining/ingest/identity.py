"""Who is who: identifiers seen together in one record belong to one customer, with guards.

Records reach this module as sets of identifiers, each once, so its cost grows with the customers, not the
events. Three steps, each usable alone: `read_sets` brings the identifiers into one form and says what is none
by its value alone (`unknown`, `noreply@...`, `0000`), so that afterwards a keyed hash does as well;
`find_customers` links what is left (see `linking`); `store_sets` says whose each set is.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from cjmining import schema
from cjmining.errors import SourceError
from cjmining.ingest.by_time import make_timed
from cjmining.ingest.clusters import clusters_of_nodes, put_clusters
from cjmining.ingest.database import SEPARATOR, Database, coded, decoded, literal, texts
from cjmining.ingest.kinds import kind_of
from cjmining.ingest.linking import (
    REASONS,
    SEVERAL,
    SEVERAL_CUSTOMERS,
    SHARED,
    SHARED_BY,
    Identifiers,
    Ints,
    LimitsOfAll,
    Linked,
    Small,
    customers_of_sets,
    distinct,
    join,
    pairs,
    parts,
)
from cjmining.ingest.normal import (
    MERGED,
    STORED,
    Spelling,
    is_stored,
    local_phones,
    long_id,
    make_shown,
    phone_number,
    refusal,
    stored_token,
)

__all__ = [
    "NO_IDENTIFIER",
    "OF_SEVERAL",
    "ONLY_SEVERALS",
    "ONLY_SHARED",
    "SHARED_BY",
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

_CODES = ("hash(x, substr(x, 6))", "md5_number(x)")
"""SQL of a number for a text `x`: the first that tells all sets apart is taken. DuckDB's `hash` is not made
for that, so it takes the text twice."""
_WIDTH = 2**31 - 1
"""More than any identifier's number."""
_PIECE = 1 << 20
"""Identifiers that are handed to the database at once."""


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


def resolve(
    database: Database,
    records: Sequence[str],
    rules: Rules | None = None,
    counted: Sequence[str] = (),
    limits: LimitsOfAll | None = None,
) -> int:
    """Find the customers behind the records in `records` (relations with the columns `ids` and `file`).

    Relations in `counted` have the column `records` too: how many records of a file have these identifiers.
    With `limits`, the records are those of some customers, and `improbable` (kind, token) says which
    identifiers are seen with improbably many others, among the records of all.

    Makes two tables: `id_sets` (code, customer, why), where `why` says what is wrong with a set without a
    customer, and `refused` (code, reason), one row for each identifier of a set that was no link; and
    `timed`, for `by_time.divide` to fill. The code of a record's set is `set_code(ids)`.
    """
    rules = rules or Rules()
    _count_sets(database, records, counted)
    read_sets(database, rules)
    linked = find_customers(database, clustered=rules.clusters is not None, limits=limits)
    store_sets(database, linked)
    make_timed(database)
    return int(linked.customer.max(initial=-1)) + 1


def _count_sets(database: Database, records: Sequence[str], counted: Sequence[str]) -> None:
    """Make `sets` (ids, id_set), each once, and `seen` (id_set, file, records): how often, and where."""
    every = " UNION ALL ".join(
        [
            f"SELECT ids, file, count(*) AS records FROM {relation} WHERE ids IS NOT NULL GROUP BY ids, file"
            for relation in records
        ]
        + [f"SELECT ids, file, records FROM {relation} WHERE ids IS NOT NULL" for relation in counted]
    )
    database.run(f"CREATE TABLE seen_texts AS {every}")
    database.run(
        "CREATE TABLE sets AS SELECT ids, (row_number() OVER () - 1)::INTEGER AS id_set "
        "FROM (SELECT DISTINCT ids FROM seen_texts)"
    )
    make_codes(database)
    database.run(
        "CREATE TABLE seen AS SELECT id_set, file, records "
        "FROM (SELECT set_code(ids) AS code, file, records FROM seen_texts) "
        "JOIN (SELECT set_code(ids) AS code, id_set FROM sets) USING (code)"
    )
    database.run("DROP TABLE seen_texts")


def make_codes(database: Database) -> None:
    """Make the SQL macro `set_code(ids)`, a number for each set: records find their customers by it.

    Numbers join faster than texts, in a quarter of the memory.
    """
    for code in _CODES:
        database.run(f"CREATE OR REPLACE MACRO set_code(x) AS {code}")
        n, different = database.run("SELECT count(*), count(DISTINCT set_code(ids)) FROM sets")[0]
        if n == different:
            return


def read_sets(database: Database, rules: Rules) -> None:
    """Bring the identifiers of `sets` (ids, id_set) into one form, and number them.

    Makes `nodes` (node, kind, token, value, refusal), a row for every identifier, where the token is the
    value or its keyed hash, numbered from 0 in the order of kind and token; and `members` (id_set, node).
    What systems say was merged is in `merged` (node, other). Identifiers may be such that `hashed_sets`
    wrote: then only the token is known.
    """
    tokens = f"SELECT id_set, unnest(string_split(ids, {SEPARATOR})) AS token FROM sets"
    if rules.clusters is not None:
        put_clusters(database, rules.clusters)
        tokens += " UNION ALL SELECT id_set, token FROM clustered"
    make_shown(database, tokens, rules.spelling)
    _name(database, rules.secret)
    _number(database, hidden=rules.secret is not None)
    mark = literal(MERGED)
    database.run(
        f"CREATE TABLE marks AS SELECT DISTINCT id_set, value AS kind FROM shown WHERE kind = {mark}"
    )
    database.run(
        "CREATE TABLE merged AS WITH marked AS ("
        "SELECT id_set, node, kind FROM members JOIN nodes USING (node) "
        "JOIN marks USING (id_set, kind)) SELECT DISTINCT a.node, b.node AS other FROM marked a "
        "JOIN marked b ON b.id_set = a.id_set AND b.kind = a.kind AND a.node < b.node"
    )


def _name(database: Database, secret: bytes | None) -> None:
    """Make `named` (id_set, kind, value, token): what is `shown` but for marks, with the tokens."""
    own = f"kind <> {literal(MERGED)}"
    if secret is None:
        database.run(f"CREATE VIEW named AS SELECT *, value AS token FROM shown WHERE {own}")
        return
    clear = database.arrow(f"SELECT DISTINCT kind, value FROM shown WHERE {own} AND NOT {is_stored('value')}")
    hashes = clear.append_column("hash", hashed(clear.column("kind"), clear.column("value"), secret))
    with database.registered("hashes", hashes):
        database.run(
            f"CREATE TABLE named AS SELECT *, coalesce(hash, {stored_token('value')}) AS token "
            f"FROM shown LEFT JOIN hashes USING (kind, value) WHERE {own}"
        )


def _number(database: Database, *, hidden: bool) -> None:
    """Make `nodes` and `members` of what is `named`, in one sort."""
    kinds = kinds_in(database, "named")
    database.run(
        f"CREATE TABLE numbered AS SELECT id_set, code, value, {'token, ' if hidden else ''}"
        "(dense_rank() OVER sorted - 1)::INTEGER AS node, "
        "row_number() OVER sorted = rank() OVER sorted AS is_first "
        f"FROM (SELECT *, {coded('kind', kinds)} AS code FROM named WHERE id_set >= 0) "
        "WINDOW sorted AS (ORDER BY code, token)"
    )
    spelt = f"(SELECT *, {decoded('code', kinds)} AS kind FROM numbered)"
    if hidden:  # one that is there in clear may also be there as the hash that an earlier delivery left
        database.run(
            "CREATE TABLE nodes AS SELECT node, kind, token, "
            f"min(value) FILTER (WHERE NOT {is_stored('value')}) AS value, min({refusal()}) AS refusal "
            f"FROM {spelt} GROUP BY node, kind, token"
        )
    else:
        database.run(
            f"CREATE TABLE clear AS SELECT node, kind, value, {refusal()} AS refusal FROM {spelt} "
            "WHERE is_first"
        )
        # what is there already isn't stored once more
        database.run("CREATE VIEW nodes AS SELECT node, kind, value AS token, value, refusal FROM clear")
    with database.at_rest():
        sets, shown = _members(database, "numbered")
    with database.registered("members_now", pa.table({"id_set": sets, "node": shown})):
        database.run("CREATE TABLE members AS SELECT * FROM members_now")
    database.run("DROP TABLE numbered")


def kinds_in(database: Database, relation: str) -> list[str]:
    """Return the kinds of identifiers in a relation, sorted."""
    return [kind for (kind,) in database.run(f"SELECT DISTINCT kind FROM {relation} ORDER BY kind")]


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


def find_customers(
    database: Database, *, clustered: bool = False, limits: LimitsOfAll | None = None
) -> Linked:
    """Find whose the identifiers in `nodes` and `members` are.

    Makes `found` (node, customer, refusal). With `limits`, these are some of the identifiers (see `resolve`).
    """
    names = kinds_in(database, "nodes")
    with database.at_rest():
        # members are read twice: they take as much room as all else that is known of identifiers
        one, other = pairs(*_members(database, "members"))
        identifiers = _identifiers(database, names, clustered=clustered)
        if limits is not None:
            _refuse_improbable(database, identifiers)
        customer, refusal = join(identifiers, one, other, limits)
        del one, other
        found, whose = customers_of_sets(*_members(database, "members"), customer, identifiers.tier)
        linked = Linked(customer, refusal, found, whose)
        database.store("found", _found(linked))
    return linked


def _identifiers(database: Database, names: Sequence[str], *, clustered: bool) -> Identifiers:
    n = int(database.value("SELECT count(*) FROM nodes"))
    kind, refusal = np.empty(n, np.int8), np.empty(n, np.int8)
    query = f"SELECT node, {coded('kind', names)} AS kind, {coded('refusal', REASONS)} AS refusal FROM nodes"
    with database.stream(query) as batches:
        for batch in batches:  # a database that isn't told to sort gives rows in any order
            places = batch.column("node").to_numpy()
            kind[places] = batch.column("kind").to_numpy()
            refusal[places] = batch.column("refusal").to_numpy()
    merged = database.arrow("SELECT node, other FROM merged")
    return Identifiers(
        kinds=[kind_of(name) for name in names],
        kind=kind,
        refusal=refusal,
        same=merged.column("node").to_numpy(),
        other=merged.column("other").to_numpy(),
        cluster=_clusters(database, n) if clustered else None,
    )


def _refuse_improbable(database: Database, identifiers: Identifiers) -> None:
    query = "SELECT node FROM nodes SEMI JOIN improbable USING (kind, token)"
    improbable = database.arrow(query).column("node").to_numpy()
    own = improbable[identifiers.refusal[improbable] == 0]
    identifiers.refusal[own] = REASONS.index(SHARED)


def _members(database: Database, relation: str) -> tuple[Small, Small]:
    """Return which set (id_set) has which identifiers (node), each pair once, sorted."""
    codes = np.empty(int(database.value(f"SELECT count(*) FROM {relation}")), np.int64)
    start = 0
    code = f"(id_set::BIGINT << {_WIDTH.bit_length()}) | node AS code"
    with database.stream(f"SELECT {code} FROM {relation}") as batches:
        for batch in batches:
            codes[start : start + batch.num_rows] = batch.column("code").to_numpy()
            start += batch.num_rows
    return parts(distinct(codes), _WIDTH)


def _found(linked: Linked) -> Iterator[pa.Table]:
    reasons = pa.array(REASONS)
    for start in range(0, max(len(linked.customer), 1), _PIECE):
        customer = linked.customer[start : start + _PIECE]
        yield pa.table(
            {
                "node": np.arange(start, start + len(customer), dtype=np.int32),
                "customer": customer.astype(np.int64),
                "refusal": reasons.take(pa.array(linked.refusal[start : start + _PIECE])),
            }
        )


def _clusters(database: Database, n: int) -> Ints:
    table = clusters_of_nodes(database)
    cluster = np.full(n, -1, np.int64)
    cluster[table.column("node").to_numpy()] = table.column("cluster").to_numpy()
    return cluster


def store_sets(database: Database, linked: Linked) -> None:
    """Make `id_sets` (code, customer, why) and `refused` (code, reason)."""
    whose = pa.table({"id_set": linked.set, "whose": linked.set_customer})
    with database.registered("whose", whose):
        database.run(
            "CREATE TABLE id_sets AS SELECT set_code(s.ids) AS code, "
            "CASE WHEN whose >= 0 THEN whose::BIGINT END AS customer, "
            f"CASE WHEN whose >= 0 THEN NULL WHEN whose = {SEVERAL_CUSTOMERS} THEN {literal(OF_SEVERAL)} "
            f"WHEN shared THEN {literal(ONLY_SHARED)} WHEN severals THEN {literal(ONLY_SEVERALS)} "
            f"ELSE {literal(NO_IDENTIFIER)} END AS why "
            "FROM sets s JOIN whose USING (id_set) LEFT JOIN (SELECT id_set, "
            f"bool_or(f.refusal = {literal(SHARED)}) AS shared, "
            f"bool_or(f.refusal = {literal(SEVERAL)}) AS severals FROM members JOIN found f USING (node) "
            "WHERE f.customer < 0 GROUP BY id_set) USING (id_set)"
        )
    database.run(
        "CREATE TABLE refused AS SELECT set_code(s.ids) AS code, n.kind || ' ' || f.refusal AS reason "
        "FROM members m JOIN found f USING (node) JOIN nodes n USING (node) JOIN sets s USING (id_set) "
        "WHERE f.refusal <> ''"
    )


WHOSE_SETS = (
    "SELECT s.ids, i.customer, i.why, r.refused FROM sets s JOIN id_sets i ON i.code = set_code(s.ids) "
    "LEFT JOIN (SELECT code, list(reason ORDER BY reason) AS refused FROM refused GROUP BY code) r "
    "ON r.code = i.code"
)
"""SQL of what `resolve` found, a row a set: ids, customer, why it has none, why identifiers were refused."""


def lay_sets(database: Database, whose: str) -> None:
    """Make `sets` and `id_sets` as `resolve` does, of what it found elsewhere: ids, customer, why."""
    database.run(
        "CREATE TABLE sets AS SELECT ids, customer, why, (row_number() OVER () - 1)::INTEGER AS id_set "
        f"FROM {whose}"
    )
    make_codes(database)
    database.run("CREATE TABLE id_sets AS SELECT set_code(ids) AS code, customer, why FROM sets")
    make_timed(database)


def lay_whose(database: Database, whose: str, named: str) -> None:
    """Make what `resolve` makes, of what it found elsewhere: `whose` is as `WHOSE_SETS`.

    `named` (customer, kind, value, clear) are the identifiers of these customers.
    """
    lay_sets(database, whose)
    database.run(
        f"CREATE TABLE refused AS SELECT set_code(ids) AS code, unnest(refused) AS reason FROM {whose}"
    )
    database.run(
        f"CREATE TABLE named AS SELECT (row_number() OVER () - 1)::INTEGER AS node, customer, kind, "
        f"value AS token, clear AS value FROM {named}"
    )
    database.run("CREATE VIEW nodes AS SELECT node, kind, token, value FROM named")
    database.run("CREATE VIEW found AS SELECT node, customer FROM named")


def protected(database: Database, how: str) -> Iterator[pa.Table]:
    """Give the identities that the log keeps piece by piece: values, their keyed hashes, or none."""
    yield schema.IDENTITIES.empty_table()
    if how == "drop":
        return
    kinds = kinds_in(database, "nodes")
    query = (  # nodes are in the order of kind and token
        f"SELECT customer, {coded('kind', kinds)} AS kind, token AS value "
        "FROM nodes JOIN found USING (node) WHERE customer >= 0 ORDER BY customer, node"
    )
    with database.stream(query) as batches:
        for batch in batches:
            own = pa.Table.from_batches([batch])
            kind = texts(kinds, batch.column("kind"))
            yield own.set_column(1, "kind", kind).cast(schema.IDENTITIES)


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
