"""Who is who: identifiers seen together in one record belong to one customer, with guards.

Customers are the connected components of the identifiers, after leaving out what is no identifier at all
(`unknown`, `noreply@...`, `0000`) and what improbably many others share (a switchboard's number). Records
reach this module as sets of identifiers, each once, so its cost grows with the customers, not the events.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cjmining import schema
from cjmining.errors import SourceError
from cjmining.ingest.database import SEPARATOR, Database, literal

Ints = npt.NDArray[np.int64]

SHARED_BY = 10
"""An identifier seen with more different values than this of one personal kind is shared: no link."""
SHARED_DEVICE_BY = 5
"""The same for a cookie or a device: a family's tablet links, a shop's kiosk doesn't."""
PERSONAL = ("email", "phone", "crm_id", "user_id", "loyalty", "subscriber_key", "customer")
DEVICES = ("cookie", "device")
ACCOUNTS = ("crm_account",)
"""Kinds that may stand for several persons: they link an order to a person only where there is one person."""
UNGUARDED = ("case",)
"""Names of cases: whatever they look like, they are what the source says."""

PLACEHOLDER, MALFORMED, SHARED = "a placeholder", "malformed", "shared by too many"
NO_IDENTIFIER = "no identifier"
ONLY_SHARED = "only an identifier that too many share"

_WORDS = (
    "unknown|unbekannt|anonym(ous)?|anon|n/?a|none|null|nil|nan|undef(ined)?|test(er|ing)?[0-9]*|guest|"
    "no ?name|"
    "not ?(set|available|provided|given|known)|(data "
    ")?deleted|withheld|private|blocked|restricted|unavailable|"
    "no ?(e-?)?mail|no ?phone|default|dummy|example|tbd|x{2,}|asdf+|missing|empty|other|walk-?in|"
    "no-?_?reply|do-?_?not-?_?reply|nobody|mailer-daemon|postmaster"
)
_WORD_ALONE = rf"^[\W_]*({_WORDS})[\W_]*$|^[\W_]*$|^[0\W_]{{2,}}$"
_WORD_BEFORE_AT = rf"^[\W_]*({_WORDS})[\W_]*(\+[^@]*)?@"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(frozen=True)
class Resolved:
    """The customers found: how many, and their identifiers (customer, kind, value)."""

    n_customers: int
    identities: pa.Table


def resolve(database: Database, records: Sequence[str]) -> Resolved:
    """Find the customers behind the records in `records` (relations with a column `ids`).

    Makes two tables: `id_sets` (ids, customer, why), where `why` says what is wrong with a set without a
    customer, and `refused` (ids, reason), one row for every identifier of a set that was no link.
    """
    union = " UNION ".join(f"SELECT ids FROM {relation} WHERE ids IS NOT NULL" for relation in records)
    database.run(
        f"CREATE TABLE sets AS SELECT ids, row_number() OVER (ORDER BY ids) - 1 AS id_set FROM ({union})"
    )
    database.run(
        f"CREATE TABLE tokens AS SELECT id_set, unnest(string_split(ids, {SEPARATOR})) AS token FROM sets"
    )
    _make_nodes(database)
    _refuse_shared(database)
    customers = _customers(database)
    found = pa.table({"node": np.arange(len(customers)), "customer": customers})
    with database.registered("found", found):
        _store_sets(database)
        identities = database.arrow(
            "SELECT customer, kind, value FROM nodes JOIN found USING (node) WHERE customer >= 0 "
            "ORDER BY customer, kind, value"
        )
    return Resolved(int(customers.max(initial=-1)) + 1, identities.cast(schema.IDENTITIES))


def protect(identities: pa.Table, how: str, key: str | bytes | None) -> pa.Table:
    """Keep the identifiers, replace each by a keyed hash, or leave them all out."""
    if how == "keep":
        return identities
    if how == "drop":
        return schema.IDENTITIES.empty_table()
    secret = key.encode() if isinstance(key, str) else key
    if not secret:
        raise SourceError("identities='pseudonymise' needs key=, a secret text that the hashes depend on")
    secret = secret if len(secret) <= 64 else hashlib.blake2b(secret).digest()
    kinds = identities.column("kind").cast(pa.string()).to_pylist()
    values = identities.column("value").to_pylist()
    hashed = [
        hashlib.blake2b(f"{kind}\x1f{value}".encode(), key=secret, digest_size=16).hexdigest()
        for kind, value in zip(kinds, values, strict=True)
    ]
    return identities.set_column(2, schema.IDENTITIES.field("value"), pa.array(hashed, pa.string()))


def local_phones(database: Database, relations: Sequence[str]) -> int:
    """Count the phone numbers in records that no region was given for and that name no country themselves."""
    union = " UNION ".join(f"SELECT ids FROM {relation} WHERE ids IS NOT NULL" for relation in relations)
    return int(
        database.value(
            "SELECT count(DISTINCT f.value) FROM ("
            f"SELECT DISTINCT unnest(string_split(ids, {SEPARATOR})) AS token FROM ({union})) t "
            "JOIN forms f USING (token) JOIN nodes n ON n.kind = f.kind AND n.value = f.value "
            "WHERE starts_with(token, 'phone:') AND n.refusal IS NULL AND NOT starts_with(f.value, '+')"
        )
    )


def _make_nodes(database: Database) -> None:
    """Bring each identifier into one form, number the forms, and say which are no identifiers."""
    database.run(
        "CREATE TABLE parts AS SELECT token, split_part(split_part(token, ':', 1), '/', 1) AS kind, "
        "split_part(split_part(token, ':', 1), '/', 2) AS region, "
        "trim(substr(token, strpos(token, ':') + 1)) AS raw FROM (SELECT DISTINCT token FROM tokens)"
    )
    rewritten = pa.table(
        _rewritten(database), schema=pa.schema([("token", pa.string()), ("value", pa.string())])
    )
    with database.registered("rewritten", rewritten):
        database.run(
            "CREATE TABLE forms AS SELECT token, kind, "
            "coalesce(value, CASE WHEN kind = 'email' THEN lower(raw) ELSE raw END) AS value "
            "FROM parts LEFT JOIN rewritten USING (token)"
        )
    database.run(
        "CREATE TABLE nodes AS SELECT kind, value, row_number() OVER (ORDER BY kind, value) - 1 AS node, "
        f"{_refusal()} AS refusal FROM (SELECT DISTINCT kind, value FROM forms)"
    )
    database.run(
        "CREATE TABLE members AS SELECT DISTINCT id_set, node FROM tokens JOIN forms USING (token) "
        "JOIN nodes USING (kind, value)"
    )


def _refusal() -> str:
    """SQL: why a value is no identifier, NULL if it is one."""
    ends_alike = "(length(value) >= 8 AND replace(value[-7:], value[-1], '') = '')"
    return (
        f"CASE WHEN kind IN ({_listed(UNGUARDED)}) THEN NULL "
        f"WHEN regexp_matches(lower(value), {literal(_WORD_ALONE)}) THEN {literal(PLACEHOLDER)} "
        f"WHEN kind = 'email' AND regexp_matches(value, {literal(_WORD_BEFORE_AT)}) THEN "
        f"{literal(PLACEHOLDER)} "
        "WHEN kind = 'email' AND NOT regexp_matches(value, '^[^@\\s]+@[^@\\s]+[.][^@\\s.]+$') THEN "
        f"{literal(MALFORMED)} "
        f"WHEN kind = 'phone' AND ({ends_alike} OR contains(value, '123456789') "
        f"OR regexp_matches(value, '^[+]?[0-9]{{0,3}}0{{3,}}$')) THEN {literal(PLACEHOLDER)} "
        f"WHEN kind = 'phone' AND NOT regexp_matches(value, '^[+]?[0-9]{{5,15}}$') THEN "
        f"{literal(MALFORMED)} END"
    )


def _rewritten(database: Database) -> dict[str, list[str]]:
    """Phone numbers as E.164 and Salesforce's ids of 15 characters as 18, where they aren't already."""
    phones = database.run(
        r"SELECT token, raw, region FROM parts WHERE kind = 'phone' AND NOT regexp_matches(raw, "
        r"'^\+[1-9][0-9]{6,14}$')"
    )
    short = database.run(
        "SELECT token, raw FROM parts WHERE kind IN ('crm_id', 'crm_account', 'crm_opportunity') "
        "AND regexp_matches(raw, '^[a-zA-Z0-9]{15}$')"
    )
    tokens = [row[0] for row in phones] + [row[0] for row in short]
    values = [phone_number(raw, region or None) for _, raw, region in phones]
    return {"token": tokens, "value": values + [long_id(raw) for _, raw in short]}


def phone_number(text: str, region: str | None = None) -> str:
    """Write a phone number as E.164; what can't be one comes back as it is, without its punctuation.

    Examples
    --------
    >>> phone_number("0171 / 2345-678", "DE")
    '+491712345678'
    >>> phone_number("0044 20 7946 0018")
    '+442079460018'
    """
    import phonenumbers

    plain = re.sub(r"^tel:", "", text.strip(), flags=re.IGNORECASE)
    if re.match(r"^00[1-9]", plain):
        plain = "+" + plain[2:]
    try:
        parsed = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return re.sub(r"[\s()./-]", "", plain)
    if not phonenumbers.is_possible_number(parsed):
        return re.sub(r"[\s()./-]", "", plain)
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def long_id(short: str) -> str:
    """Return the case-safe 18 characters of a Salesforce id of 15.

    Examples
    --------
    >>> long_id("0035g00000ABCDE")
    '0035g00000ABCDEAA5'
    """
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << i for i, character in enumerate(short[start : start + 5]) if character.isupper())
        suffix += _ALPHABET[bits]
    return short + suffix


def _refuse_shared(database: Database) -> None:
    """Refuse identifiers that occur with improbably many different identifiers of one personal kind."""
    database.run(
        "CREATE TABLE pairs AS SELECT DISTINCT a.node AS node, b.node AS other FROM members a "
        "JOIN members b ON a.id_set = b.id_set AND a.node <> b.node "
        "JOIN nodes na ON na.node = a.node AND na.refusal IS NULL "
        "JOIN nodes nb ON nb.node = b.node AND nb.refusal IS NULL"
    )
    limit = f"CASE WHEN n.kind IN ({_listed(DEVICES)}) THEN {SHARED_DEVICE_BY} ELSE {SHARED_BY} END"
    database.run(
        f"UPDATE nodes SET refusal = {literal(SHARED)} WHERE node IN (SELECT p.node FROM pairs p "
        "JOIN nodes n ON n.node = p.node JOIN nodes o ON o.node = p.other "
        f"WHERE o.kind IN ({_listed(PERSONAL)}) AND n.kind NOT IN ({_listed((*ACCOUNTS, *UNGUARDED))}) "
        f"GROUP BY p.node, n.kind, o.kind HAVING count(*) > {limit})"
    )


def _customers(database: Database) -> Ints:
    """Return the customer of each node, -1 for a refused one; numbered in the order of the nodes."""
    n = int(database.value("SELECT count(*) FROM nodes"))
    usable = "JOIN nodes n ON n.node = m.node AND n.refusal IS NULL"
    table = database.arrow(
        f"SELECT m.id_set, m.node, n.kind IN ({_listed(ACCOUNTS)}) AS is_account, "
        f"n.kind IN ({_listed(PERSONAL)}) AS is_personal FROM members m {usable} ORDER BY m.id_set, m.node"
    )
    sets, nodes = table.column("id_set").to_numpy(), table.column("node").to_numpy()
    is_account = table.column("is_account").to_numpy(zero_copy_only=False)
    direct = ~is_account
    first, second = _chain(sets[direct], nodes[direct])
    persons = components(n, first, second)
    accounts, others, refused = _account_links(database, persons)
    labels = components(n, np.concatenate((first, accounts)), np.concatenate((second, others)))
    if len(refused):
        with database.registered("too_many", pa.table({"node": refused})):
            database.run(
                f"UPDATE nodes SET refusal = {literal(SHARED)} WHERE node IN (SELECT node FROM too_many)"
            )
    gone = np.array(
        [row[0] for row in database.run("SELECT node FROM nodes WHERE refusal IS NOT NULL")], np.int64
    )
    return _numbered(labels, gone)


def _chain(sets: Ints, nodes: Ints) -> tuple[Ints, Ints]:
    """Link the nodes of each set, one after the other."""
    together = sets[1:] == sets[:-1]
    return nodes[:-1][together], nodes[1:][together]


def components(n: int, first: Ints, second: Ints) -> Ints:
    """Return for each of n nodes the number of its connected component."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    labels: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return labels


def _account_links(database: Database, persons: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the links of accounts with one person at most, and the accounts that have several."""
    table = database.arrow(
        f"SELECT p.node, p.other, o.kind IN ({_listed(PERSONAL)}) AS is_personal FROM pairs p "
        "JOIN nodes n ON n.node = p.node JOIN nodes o ON o.node = p.other "
        f"WHERE n.kind IN ({_listed(ACCOUNTS)}) AND n.refusal IS NULL AND o.refusal IS NULL ORDER BY "
        "p.node, p.other"
    )
    accounts, others = table.column("node").to_numpy(), table.column("other").to_numpy()
    personal = database.arrow(
        f"SELECT node FROM nodes WHERE kind IN ({_listed(PERSONAL)}) AND refusal IS NULL"
    )
    is_person = np.zeros(len(persons) + 1, dtype=bool)
    is_person[persons[personal.column("node").to_numpy()]] = True
    counted = is_person[persons[others]]
    several = np.unique(np.column_stack((accounts[counted], persons[others[counted]])), axis=0)
    owners, counts = np.unique(several[:, 0], return_counts=True)
    refused = owners[counts > 1]
    fine = ~np.isin(accounts, refused)
    return accounts[fine], others[fine], refused


def _numbered(labels: Ints, gone: Ints) -> Ints:
    usable = np.ones(len(labels), dtype=bool)
    usable[gone] = False
    customers = np.full(len(labels), -1, dtype=np.int64)
    _, first, inverse = np.unique(labels[usable], return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    customers[usable] = rank[inverse]
    return customers


def _store_sets(database: Database) -> None:
    database.run(
        "CREATE TABLE id_sets AS SELECT s.ids, max(nullif(f.customer, -1)) AS customer, "
        f"CASE WHEN max(f.customer) >= 0 THEN NULL WHEN bool_or(n.refusal = {literal(SHARED)}) "
        f"THEN {literal(ONLY_SHARED)} ELSE {literal(NO_IDENTIFIER)} END AS why "
        "FROM sets s JOIN members m USING (id_set) JOIN nodes n USING (node) JOIN found f USING (node) "
        "GROUP BY s.ids"
    )
    database.run(
        "CREATE TABLE refused AS SELECT s.ids, n.kind || ' ' || n.refusal AS reason "
        "FROM members m JOIN nodes n USING (node) JOIN sets s USING (id_set) WHERE n.refusal IS NOT NULL"
    )


def _listed(words: Iterable[str]) -> str:
    return ", ".join(literal(word) for word in words)
