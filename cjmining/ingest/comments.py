"""The comments of surveys: kept beside their answers, without what tells who wrote them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from cjmining.ingest.database import Database, identifier
from cjmining.ingest.redaction import redact, words_of_name
from cjmining.schema import COMMENT

if TYPE_CHECKING:
    from cjmining.ingest.ledger import Line
    from cjmining.ingest.sources.base import Feed
    from cjmining.ingest.stage import Staged

KEPT_COLUMN: Final = "c:comment"
"""The kept column of comments."""
KEPT_NAMES: Final = "c:names"
"""A kept column with names that the record itself has; never written anywhere."""
KEPT_NATIVE: Final = "c:native"
"""A kept column that says which event gets the comment, where a record makes several."""
USUAL_NAMES: Final = (
    "comment",
    "comments",
    "verbatim",
    "verbatims",
    "feedback",
    "free text",
    "open text",
    "open answer",
    "remark",
    "remarks",
    "suggestion",
    "suggestions",
    "other comments",
    "kommentar",
    "kommentare",
    "anmerkung",
    "anmerkungen",
    "bemerkung",
    "freitext",
    "commentaire",
    "comentario",
    "commento",
)
"""What surveys call the column, without regard to case, blanks, dashes and underscores."""

_NAMES_OF_PEOPLE: Final = re.compile(
    "(full|first|given|middle|last|family|customer|contact|sur|fore|vor|nach|familien)?names?|prenom|nom|"
    "nombre|apellidos?"
)
_BATCH: Final = 50_000


def usual_comment_column(names: Sequence[str]) -> str | None:
    """Return the first column whose name says that it holds comments.

    Examples
    --------
    >>> usual_comment_column(["score", "Free_Text", "remarks"])
    'Free_Text'
    """
    usual = {_plain(name) for name in USUAL_NAMES}
    return next((name for name in names if _plain(name) in usual), None)


def keep_comments(database: Database, staged: Sequence[Staged], *, in_records: bool = False) -> list[Line]:
    """Write the comments of used records into the properties of their events; return the ledger's lines.

    Parameters
    ----------
    database : Database
        With the table `events`, the used records of every feed, and what `identity.resolve` made.
    staged : sequence of Staged
        All feeds: tables of customers may know their names.
    in_records : bool
        Whether the staged records are kept too: then nothing but what may be kept of a comment stays there.
    """
    lines: list[Line] = []
    for feed in staged:
        if feed.feed.comment:
            lines += _keep(database, feed, staged, in_records=in_records)
            if in_records:
                _redact_unused(database, feed, staged)
    return lines


def _keep(database: Database, feed: Staged, staged: Sequence[Staged], *, in_records: bool) -> Iterator[Line]:
    own = identifier(KEPT_NAMES) if KEPT_NAMES in feed.feed.keep else "NULL::VARCHAR"
    comments = database.arrow(
        f"SELECT sequence, file, customer, {identifier(KEPT_COLUMN)} AS comment, {own} AS names "
        f"FROM {feed.table}_used "
        f"WHERE {identifier(KEPT_COLUMN)} IS NOT NULL ORDER BY sequence"
    )
    names = _names_of(database, staged, comments.column("customer").combine_chunks())
    counts: Counter[tuple[int, str]] = Counter()
    for batch in comments.to_batches(max_chunksize=_BATCH):
        rows = _redacted(batch, names, feed.feed, counts)
        _store(database, feed, rows)
        if in_records:
            _replace(database, feed, [row.sequence for row in rows], [row.text for row in rows])
    for file in feed.files:
        where = (feed.source.name, file.name, "comments")
        if kept := counts.pop((file.number, ""), 0):
            yield (*where, "kept", "", kept)
        reasons = sorted(reason for number, reason in counts if number == file.number)
        for reason in reasons:
            yield (*where, "redacted", reason, counts[file.number, reason])


def _redact_unused(database: Database, feed: Staged, staged: Sequence[Staged]) -> None:
    """Replace the comments of a feed's unused records too, and forget the names that any brought."""
    comment = identifier(KEPT_COLUMN)
    has_names = KEPT_NAMES in feed.feed.keep
    own = identifier(KEPT_NAMES) if has_names else "NULL::VARCHAR"
    rows = database.arrow(
        f"SELECT sequence, coalesce(i.customer, -1) AS customer, {comment} AS comment, {own} AS names "
        f"FROM {feed.table} r LEFT JOIN sets s ON s.ids = r.ids "
        "LEFT JOIN id_sets i ON i.code = set_code(s.ids) "  # codes tell the sets of candidates apart
        f"ANTI JOIN {feed.table}_used u ON u.sequence = r.sequence WHERE {comment} IS NOT NULL"
    )
    names = _names_of(database, staged, rows.column("customer").combine_chunks())
    told = [
        redact(said, names.get(customer, set()) | (words_of_name(own) if own else set())).text
        for customer, said, own in zip(
            *(rows.column(name).to_pylist() for name in ("customer", "comment", "names")), strict=True
        )
    ]
    _replace(database, feed, rows.column("sequence").to_pylist(), told)
    if has_names:
        database.run(f"UPDATE {feed.table} SET {identifier(KEPT_NAMES)} = NULL")


def _replace(database: Database, feed: Staged, sequences: Sequence[int], texts: Sequence[str]) -> None:
    """Replace the comments of some of a feed's staged records."""
    safe = pa.table({"sequence": pa.array(sequences, pa.int64()), "told": pa.array(texts, pa.string())})
    with database.registered("safe_comments", safe):
        database.run(
            f"UPDATE {feed.table} SET {identifier(KEPT_COLUMN)} = told FROM safe_comments s "
            f"WHERE {feed.table}.sequence = s.sequence"
        )


class _Row(NamedTuple):
    sequence: int
    text: str
    properties: str


def _redacted(
    batch: pa.RecordBatch, names: dict[int, set[str]], feed: Feed, counts: Counter[tuple[int, str]]
) -> list[_Row]:
    rows = []
    for sequence, file, customer, comment, own in zip(*(column.to_pylist() for column in batch), strict=True):
        known = names.get(customer, set())
        found = redact(comment, known | words_of_name(own) if own else known)
        counts[file, ""] += 1
        counts.update((file, reason) for reason in found.taken_out)
        said = dict.fromkeys((*feed.comment_also, COMMENT), found.text)
        rows.append(_Row(sequence, found.text, json.dumps(said, ensure_ascii=False)))
    return rows


def _store(database: Database, feed: Staged, rows: list[_Row]) -> None:
    """Add to the properties of the events that these records made, or of the one that is to have it."""
    native = identifier(KEPT_NATIVE)
    only = (
        f"AND events.native = (SELECT {native} FROM {feed.table} LIMIT 1) "
        if KEPT_NATIVE in feed.feed.keep
        else ""
    )
    sequences, _, properties = zip(*rows, strict=True)
    told = pa.table({"sequence": pa.array(sequences, pa.int64()), "said": pa.array(properties, pa.string())})
    with database.registered("comments", told):
        database.run(
            "UPDATE events SET properties = CASE WHEN properties IS NULL THEN said "
            "ELSE CAST(json_merge_patch(properties, said) AS VARCHAR) END "
            f"FROM comments c WHERE events.source_rank = {feed.source_rank} "
            f"AND events.source_row = c.sequence {only}AND events.file BETWEEN {feed.files[0].number} "
            f"AND {feed.files[-1].number}"
        )


def _names_of(database: Database, staged: Sequence[Staged], customers: pa.Array) -> dict[int, set[str]]:
    """Return the words that name each of some customers, as far as anything in the log tells."""
    names: dict[int, set[str]] = {}
    wanted = "customer IN (SELECT customer FROM who)"
    with database.registered("who", pa.table({"customer": pc.unique(customers)})):
        pairs = database.run(  # an e-mail address often has its owner's name
            "SELECT customer, value FROM nodes JOIN found USING (node) WHERE value IS NOT NULL "
            f"AND (kind = 'email' OR contains(kind, 'name')) AND customer >= 0 AND {wanted}"
        )
        for feed in staged:
            for attribute, column in feed.feed.attributes.items():
                if _NAMES_OF_PEOPLE.fullmatch(_plain(attribute)):
                    pairs += database.run(
                        f"SELECT customer, {identifier(column)} FROM {feed.table}_used "
                        f"WHERE {identifier(column)} IS NOT NULL AND {wanted}"
                    )
    for customer, value in pairs:
        names.setdefault(customer, set()).update(words_of_name(str(value)))
    return names


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())
