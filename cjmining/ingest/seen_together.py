"""Which identifiers were seen together, where, and what was no link: what `log.explain` tells of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cjmining import schema
from cjmining.ingest.database import coded
from cjmining.ingest.identity import kinds_in
from cjmining.ingest.linking import REASONS, Codes
from cjmining.ingest.linking import Small as Places

if TYPE_CHECKING:
    from cjmining.ingest.database import Database
    from cjmining.ingest.stage import Staged, StagedFile

SEVERAL_CUSTOMERS: Final = "of several customers"
_WHY: Final = (*REASONS, SEVERAL_CUSTOMERS)
_PIECE: Final = 1 << 20
"""How many pairs are looked at at once."""


@dataclass(frozen=True)
class _Pairs:
    """What is known of pairs of identifiers, sorted, a row for each file that shows them, but their values.

    Texts are places among all there are; -1 where nothing was refused. The values are in `first_named`.
    """

    file: Places
    records: npt.NDArray[np.int64]
    kind: Codes
    other_kind: Codes
    refused: npt.NDArray[np.int16]


def links(database: Database, staged: Sequence[Staged], how: str) -> Iterator[pa.Table]:
    """Give each pair of identifiers that records show together, with how many records of which file do.

    Piece by piece: there are as many as identifiers.

    Parameters
    ----------
    database : Database
        After `identity.resolve`.
    staged : sequence of Staged
        The feeds whose records were asked who is who.
    how : {"keep", "pseudonymise", "drop"}
        What becomes of identifiers; with "drop" there are no links either.
    """
    if how == "drop":
        yield schema.LINKS.empty_table()
        return
    files, kinds = files_of(staged), kinds_in(database, "nodes")
    pairs = _pairs(database, kinds, [file.number for file in files])
    places = pa.table({name: getattr(pairs, name) for name in ("file", "kind", "other_kind", "refused")})
    yield from named_links(places.to_batches(max_chunksize=_PIECE), _rows(database, pairs), kinds, files)


def files_of(staged: Sequence[Staged]) -> list[StagedFile]:
    """Return the files whose records may show several identifiers, in the order of the log's links."""
    return sorted(
        (file for feed in staged if len(feed.feed.identifiers) > 1 for file in feed.files),
        key=lambda file: (file.source, file.name, file.number),
    )


def coded_links(database: Database, kinds: Sequence[str], files: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """Give the links with places for texts, as `named_links` takes them.

    Parameters
    ----------
    database : Database
        After `identity.resolve`.
    kinds : sequence of str
        All kinds of identifiers, sorted.
    files : sequence of int
        The numbers of the files in the order of their links.
    """
    return _rows(database, _pairs(database, kinds, files))


def named_links(
    places: Iterable[pa.RecordBatch],
    rows: Iterable[pa.RecordBatch],
    kinds: Sequence[str],
    files: Sequence[StagedFile],
) -> Iterator[pa.Table]:
    """Give the log's links.

    Parameters
    ----------
    places : iterable of pyarrow.RecordBatch
        What `rows` has of kind, other_kind, file and refused: vocabularies are in the order in which words
        come first, so they are looked at before.
    rows : iterable of pyarrow.RecordBatch
        From `coded_links`, in order.
    kinds : sequence of str
        All kinds of identifiers, sorted.
    files : sequence of StagedFile
        In the order of their links.
    """
    yield schema.LINKS.empty_table()
    words = {
        "kind": ("kind", _Vocabulary(kinds)),
        "other_kind": ("other_kind", _Vocabulary(kinds)),
        "source": ("file", _Vocabulary([file.source for file in files])),
        "file": ("file", _Vocabulary([file.name for file in files])),
        "refused": ("refused", _Vocabulary([f"{name} {reason}" for name in kinds for reason in _WHY])),
    }
    for batch in places:
        for column, vocabulary in words.values():
            vocabulary.watch(batch.column(column).to_numpy())
    for batch in rows:
        named = {name: words_.of(batch.column(column).to_numpy()) for name, (column, words_) in words.items()}
        named |= {name: batch.column(name) for name in ("value", "other_value", "records")}
        yield pa.table({name: named[name] for name in schema.LINKS.names}).cast(schema.LINKS)


def _count_pairs(database: Database, files: Sequence[int]) -> None:
    """Make `seen_pairs` (one, other, file, records): nodes, and places in `files`."""
    rank = pa.table(
        {
            "file": pa.array(files, pa.int32()),
            "rank": pa.array(range(len(files)), pa.int32()),
        }
    )
    # one step after the other, since several tables of hashes don't fit into little memory
    database.run(
        "CREATE TABLE pairs AS SELECT id_set, x.node AS one, y.node AS other "
        "FROM members x JOIN members y USING (id_set) WHERE x.node < y.node"
    )
    with database.registered("file_ranks", rank):
        database.run(
            "CREATE TABLE shown_pairs AS SELECT one, other, rank AS file, records "
            "FROM seen JOIN file_ranks USING (file) JOIN pairs USING (id_set)"
        )
    database.run("DROP TABLE pairs")
    database.run(
        "CREATE TABLE seen_pairs AS SELECT one, other, file, sum(records)::BIGINT AS records "
        "FROM shown_pairs GROUP BY one, other, file"
    )
    database.run("DROP TABLE shown_pairs")


def _pairs(database: Database, kinds: Sequence[str], files: Sequence[int]) -> _Pairs:
    """Return the pairs seen, sorted, and why those are no link that are none."""
    _count_pairs(database, files)
    n = int(database.value("SELECT count(*) FROM seen_pairs"))
    one, other, file = (np.empty(n, np.int32) for _ in range(3))
    records = np.empty(n, np.int64)
    columns: dict[str, npt.NDArray[Any]] = {"one": one, "other": other, "file": file, "records": records}
    with database.stream("SELECT one, other, file, records FROM seen_pairs ORDER BY ALL") as batches:
        start = 0
        for batch in batches:
            for name, column in columns.items():
                column[start : start + batch.num_rows] = batch.column(name).to_numpy()
            start += batch.num_rows
    database.run("DROP TABLE seen_pairs")
    with database.at_rest():
        kind, refusal, customer = _found(database, kinds)
        refused = np.empty(n, np.int16)
        for start in range(0, n, _PIECE):
            a, b = one[start : start + _PIECE], other[start : start + _PIECE]
            why = np.where(customer[a] != customer[b], len(REASONS), 0)
            of = np.where(refusal[a] != 0, a, b)
            why = np.where(refusal[of] != 0, refusal[of], why)
            refused[start : start + _PIECE] = np.where(
                why == 0, -1, kind[of].astype(np.int16) * len(_WHY) + why
            )
        kinds_of_both = kind[one], kind[other]
        del kind, refusal, customer
    _lay_values(database, one, other)
    return _Pairs(file, records, *kinds_of_both, refused)


def _found(database: Database, kinds: Sequence[str]) -> tuple[Codes, Codes, Places]:
    """Return each identifier's kind, refusal and customer."""
    n = int(database.value("SELECT count(*) FROM found"))
    kind, refusal, customer = np.empty(n, np.int8), np.empty(n, np.int8), np.empty(n, np.int32)
    with database.stream(f"SELECT node, {coded('kind', kinds)} AS kind FROM nodes") as batches:
        for batch in batches:  # a database that isn't told to sort gives rows in any order
            kind[batch.column("node").to_numpy()] = batch.column("kind").to_numpy()
    query = f"SELECT node, {coded('refusal', REASONS)} AS refusal, customer FROM found"
    with database.stream(query) as batches:
        for batch in batches:
            places = batch.column("node").to_numpy()
            refusal[places] = batch.column("refusal").to_numpy()
            customer[places] = batch.column("customer").to_numpy()
    return kind, refusal, customer


def _lay_values(database: Database, one: Places, other: Places) -> None:
    """Make `first_named` (place, other, value): of each pair by its place what the one identifier is."""
    places = pa.table({"place": np.arange(len(one), dtype=np.int32), "one": one, "other": other})
    with database.registered("pairs_now", places):
        database.run(
            "CREATE TABLE first_named AS SELECT place, other, token AS value FROM pairs_now "
            "JOIN nodes ON node = one"
        )


def _rows(database: Database, pairs: _Pairs) -> Iterator[pa.RecordBatch]:
    """Lay the values of identifiers beside what else is known of pairs."""
    query = (
        "SELECT p.value, token AS other_value FROM first_named p JOIN nodes ON node = other ORDER BY place"
    )
    with database.stream(query) as batches:
        start = 0
        for batch in batches:
            here = slice(start, start + batch.num_rows)
            known = {name: column[here] for name, column in vars(pairs).items()}
            values = {name: batch.column(name) for name in ("value", "other_value")}
            start += batch.num_rows
            yield pa.record_batch({**known, **values})
    database.run("DROP TABLE first_named")


class _Vocabulary:
    """Words that places stand for, each once, in the order in which they come first."""

    def __init__(self, words: Sequence[str]) -> None:
        self._given = words
        self._order: dict[str, int] = {}
        self._code = np.full(len(words), -1, np.int32)

    def watch(self, places: npt.NDArray[np.signedinteger]) -> None:
        """See which words come next."""
        found, first = np.unique(places, return_index=True)
        for place in found[np.argsort(first)].tolist():
            if place >= 0 and self._code[place] < 0:
                self._code[place] = self._order.setdefault(self._given[place], len(self._order))

    def of(self, places: npt.NDArray[np.signedinteger]) -> pa.DictionaryArray:
        """Return the words of places; null for one below 0."""
        missing = places < 0
        codes = pa.array(self._code[places], mask=missing if missing.any() else None)
        return pa.DictionaryArray.from_arrays(codes, pa.array(self._order, pa.string()))
