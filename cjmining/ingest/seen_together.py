"""Which identifiers were seen together, where, and what was no link: what `log.explain` tells of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    yield schema.LINKS.empty_table()
    if how == "drop":
        return
    files = sorted(
        (file for feed in staged if len(feed.feed.identifiers) > 1 for file in feed.files),
        key=lambda file: (file.source, file.name, file.number),
    )
    kinds = kinds_in(database, "nodes")
    _count_pairs(database, files)
    yield from _named(database, _pairs(database, kinds), kinds, files)


def _count_pairs(database: Database, files: Sequence[StagedFile]) -> None:
    """Make `seen_pairs` (one, other, file, records): nodes, and places in `files`."""
    rank = pa.table(
        {
            "file": pa.array([file.number for file in files], pa.int32()),
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


def _pairs(database: Database, kinds: Sequence[str]) -> _Pairs:
    """Read the pairs seen, sorted, and find out why those are no link that are none."""
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


def _named(
    database: Database, pairs: _Pairs, kinds: Sequence[str], files: Sequence[StagedFile]
) -> Iterator[pa.Table]:
    """Say what the identifiers are, where they were seen together and why that was no link."""
    columns: dict[str, tuple[npt.NDArray[Any], _Vocabulary]] = {
        "kind": (pairs.kind, _Vocabulary(kinds, pairs.kind)),
        "other_kind": (pairs.other_kind, _Vocabulary(kinds, pairs.other_kind)),
        "source": (pairs.file, _Vocabulary([file.source for file in files], pairs.file)),
        "file": (pairs.file, _Vocabulary([file.name for file in files], pairs.file)),
        "refused": (
            pairs.refused,
            _Vocabulary([f"{name} {reason}" for name in kinds for reason in _WHY], pairs.refused),
        ),
    }
    query = (
        "SELECT p.value, token AS other_value FROM first_named p JOIN nodes ON node = other ORDER BY place"
    )
    with database.stream(query) as batches:
        start = 0
        for batch in batches:
            here = slice(start, start + batch.num_rows)
            named = {name: words.of(places[here]) for name, (places, words) in columns.items()}
            named |= {name: batch.column(name) for name in ("value", "other_value")}
            named["records"] = pa.array(pairs.records[here])
            start += batch.num_rows
            yield pa.table({name: named[name] for name in schema.LINKS.names}).cast(schema.LINKS)
    database.run("DROP TABLE first_named")


class _Vocabulary:
    """Words that places stand for, each once, in the order in which they come first."""

    def __init__(self, words: Sequence[str], places: npt.NDArray[np.signedinteger]) -> None:
        order: dict[str, int] = {}
        self._code = np.full(len(words), -1, np.int32)
        for start in range(0, len(places), _PIECE):
            found, first = np.unique(places[start : start + _PIECE], return_index=True)
            for place in found[np.argsort(first)].tolist():
                if place >= 0 and self._code[place] < 0:
                    self._code[place] = order.setdefault(words[place], len(order))
        self._words = pa.array(order, pa.string())

    def of(self, places: npt.NDArray[np.signedinteger]) -> pa.DictionaryArray:
        """Return the words of places; null for one below 0."""
        missing = places < 0
        codes = pa.array(self._code[places], mask=missing if missing.any() else None)
        return pa.DictionaryArray.from_arrays(codes, self._words)
