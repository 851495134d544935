"""Deliveries: a log keeps the records that count, and takes in what comes later as if all had come at once.

Beside its tables such a log has `records/...`: for each feed its records that nothing beats, as they were
staged, and in its manifest what a feed makes of them. A later delivery is staged as ever, the kept records
are laid beside it, and every step after that (which copy counts, who is who, events, order) sees them all.
Records that were beaten or spoilt are not kept; the ledger goes on counting them.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from cjmining.errors import SourceError, shorten
from cjmining.ingest import identity
from cjmining.ingest.database import Database, identifier, literal
from cjmining.ingest.fates import weights_of
from cjmining.ingest.sources.base import Event, Feed, LeftOut, Lookup, Source
from cjmining.ingest.stage import Staged, StagedFile
from cjmining.storage import MANIFEST, Draft, Folder, open_folder

if TYPE_CHECKING:
    from cjmining.ingest.ledger import Line

KEPT: Final = "deliveries"
"""What the manifest calls it."""

_WORDS: Final = {
    "keep": "what is read of a record",
    "events": "the events it makes",
    "identifiers": "its identifiers",
    "key": "its key",
    "version": "its version",
    "attributes": "its attributes",
    "lookups": "what is looked up",
    "decimal": "the decimal sign",
}
_NOT_KEPT: Final = ("reason", "content", "feed_place", "sequence")


class KeptSource(Source):
    """A source of which this delivery brings nothing; its records are in the log."""

    kind = "KeptSource"

    def __init__(self, about: Mapping[str, Any]) -> None:
        super().__init__(name=about["name"], timezone=about["timezone"])
        self.kind = about["kind"]  # type: ignore[misc]
        self.timezone_given = about["timezone_given"]

    def feeds(self) -> Sequence[Feed]:
        """Return nothing: there is nothing to read."""
        return []


@dataclass(frozen=True)
class Earlier:
    """What a log keeps of its deliveries so far.

    Attributes
    ----------
    folder : Folder
        The log on disk.
    about : mapping
        What its manifest says: sources, feeds with their files, how identities are kept.
    """

    folder: Folder
    about: Mapping[str, Any]

    @property
    def quarantine(self) -> pa.Table:
        """The records that were spoilt in earlier deliveries."""
        return self.folder.table("quarantine")

    def ordered(self, sources: Sequence[Source], *, attributes: bool) -> list[Source]:
        """Return the sources of this delivery and, in their places, those of which only the log knows.

        A source that is new comes before the next one given that the log knows, or at the end.
        """
        given = {source.name: source for source in sources}
        order = [s["name"] for s in self.about["sources"] if s["attributes"] == attributes]
        for place, name in enumerate(given):
            if name not in order:
                known = [other for other in list(given)[place + 1 :] if other in order]
                order.insert(order.index(known[0]) if known else len(order), name)
        kept = {s["name"]: s for s in self.about["sources"]}
        return [given[name] if name in given else KeptSource(kept[name]) for name in order]

    def lay_beside(self, database: Database, staged: list[Staged], sources: Sequence[Source]) -> None:
        """Add the kept records to the staged tables; a feed that brings nothing new gets one of its own."""
        ranks = {source.name: rank for rank, source in enumerate(sources)}
        number = max((file.number for feed in staged for file in feed.files), default=-1) + 1
        for place, kept in enumerate(self.about["feeds"]):
            rank = ranks[kept["source"]]
            files = [
                StagedFile(number + i, kept["source"], **{**file, "gone": _lines(file["gone"])})
                for i, file in enumerate(kept["files"])
            ]
            number += len(files)
            mine = [s for s in staged if s.source_rank == rank and s.feed.name == kept["feed"]["name"]]
            if mine:
                self._expect_same_meaning(kept, mine[0].feed)
            into = mine[0] if mine else self._empty(kept, sources[rank], rank, f"kept_{place}")
            self._load(database, kept, into, files, _last_sequence(database, staged, rank), is_new=not mine)
            into.files += files
            if not mine:
                staged.append(into)
        staged.sort(key=lambda feed: (feed.source_rank, feed.place))

    def _empty(self, kept: Mapping[str, Any], source: Source, rank: int, table: str) -> Staged:
        return Staged(source, rank, _feed(kept["feed"]), table, place=kept["feed_place"])

    def _load(
        self,
        database: Database,
        kept: Mapping[str, Any],
        into: Staged,
        files: Sequence[StagedFile],
        last: int,
        *,
        is_new: bool,
    ) -> None:
        columns = {name: type_ for name, type_ in kept["columns"] if name != "file"}
        listed = ", ".join(
            f"{_restored(name, type_)} AS {identifier(name)}" for name, type_ in columns.items()
        )
        numbers = " ".join(f"WHEN {i} THEN {file.number}" for i, file in enumerate(files))
        path = literal(str(self.folder.file(kept["records"])))
        read = (
            f"SELECT (CASE file {numbers} END)::INTEGER AS file, NULL::VARCHAR AS reason, "
            f"NULL::VARCHAR AS content, {into.place}::BIGINT AS feed_place, "
            f"({last} + 1 + file_row_number)::BIGINT AS sequence, {listed} "
            f"FROM read_parquet({path}, file_row_number = true)"
        )
        if is_new:
            database.run(f"CREATE TABLE {into.table} AS {read}")
            return
        self._expect_same(kept, columns, _columns(database, into.table))
        database.run(f"INSERT INTO {into.table} BY NAME {read}")

    def expect_same_systems(self, sources: Sequence[Source]) -> None:
        """Raise unless a source of a name is of the system, and in the zone, that it was before."""
        kept = {s["name"]: s for s in self.about["sources"]}
        for source in sources:
            if source.name not in kept:
                continue
            before = kept[source.name]
            for what, said, now in (
                ("system", before["kind"], source.kind),
                ("timezone", before["timezone"], source.timezone),
            ):
                if said != now:
                    raise SourceError(
                        f"source {source.name!r}: the log at {self.folder.path} has a source of that name "
                        f"whose {what} is {said}, not {now}; give the same, or another name="
                    )

    def _expect_same_meaning(self, kept: Mapping[str, Any], feed: Feed) -> None:
        """Raise where a feed's records would now mean something else than those that are kept."""
        before, now = kept["feed"], json.loads(json.dumps(_definition(feed)))
        differing = [_WORDS.get(name, name) for name in before if before[name] != now[name]]
        if differing:
            raise self._other_options(
                kept, f"{', '.join(differing)} {'differs' if len(differing) == 1 else 'differ'}"
            )

    def _expect_same(
        self, kept: Mapping[str, Any], columns: Mapping[str, str], there: Mapping[str, str]
    ) -> None:
        differing = {*there.items()} ^ {*columns.items(), ("file", there["file"])}
        if differing:
            names = shorten(sorted({name for name, _ in differing}))
            raise self._other_options(kept, f"its records differ in {names}")

    def _other_options(self, kept: Mapping[str, Any], how: str) -> SourceError:
        return SourceError(
            f"source {kept['source']!r}, {kept['feed']['name']}: the log at {self.folder.path} was made with "
            f"other options of this source, or by another version of cjmining: {how}. Give the same options, "
            "or ingest everything again"
        )


def conditions(identities: str, rules: identity.Rules) -> dict[str, Any]:
    """Return what all deliveries to one log must have in common."""
    if identities == "drop":
        raise SourceError(
            "a log without identities can't take in further deliveries: nothing would tell whose records "
            "they are. Give identities='pseudonymise' and key= instead"
        )
    if identities == "keep":
        return {"identities": identities}
    secret = rules.secret or b""
    return {  # what is kept as a hash can't be read in another way later
        "identities": identities,
        "key_check": identity.keyed_hash(secret, "cjmining"),
        "plus_tags": rules.spelling.plus_tags,
        "gmail_dots": rules.spelling.gmail_dots,
    }


def earlier_deliveries(path: Path, how: Mapping[str, Any]) -> Earlier | None:
    """Return what the log at `path` keeps, None where there is no log yet.

    Raises
    ------
    SourceError
        The log keeps nothing, or was made with other options about identities.
    """
    if not path.exists():
        return None
    folder = open_folder(path)
    about = folder.manifest.get(KEPT)
    if about is None:
        raise SourceError(
            f"the log at {path} was made without add=True and keeps nothing that a further delivery could be "
            "joined to; ingest everything once with add=True"
        )
    for name, value in how.items():
        if _as_json(about["how"].get(name)) != _as_json(value):
            raise SourceError(
                f"the log at {path} was made with {_said(name, about['how'].get(name))}; "
                "a further delivery needs the same"
            )
    return Earlier(folder, about)


def refuse_to_replace(path: Path) -> None:
    """Raise where a log at `path` takes in deliveries: without `add` its earlier ones would be lost."""
    if (path / MANIFEST).is_file() and KEPT in open_folder(path).manifest:
        raise SourceError(
            f"the log at {path} takes in deliveries. Give add=True to add to it; to begin anew, remove the "
            "folder first"
        )


def _said(name: str, value: object) -> str:
    return "another key" if name == "key_check" else f"{name}={value!r}"


def _as_json(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def keep(
    draft: Draft,
    database: Database,
    staged: Sequence[Staged],
    sources: Sequence[Source],
    how: Mapping[str, Any],
    ledger: pa.Table,
    earlier: Earlier | None,
) -> dict[str, Any]:
    """Write the records that count into a draft; return what the manifest must say of them.

    Parameters
    ----------
    draft, database, staged, sources
        The log that is being made, and what it is made of.
    how : mapping
        Options about identities that every delivery must share.
    ledger : pyarrow.Table
        The log's.
    earlier : Earlier, optional
        What the log kept before.
    """
    times = earlier.about["times"] if earlier is not None else 0
    lines = list(zip(*(column.to_pylist() for column in ledger.columns), strict=True))
    is_hashed = "key_check" in how
    if is_hashed:
        identity.hashed_sets(database)
    feeds = []
    for place, feed in enumerate(staged):
        name = f"records/{place:03d}"
        columns = _columns(database, feed.table)
        _write(draft, database, feed, name, columns, hashed=is_hashed)
        feeds.append(
            {
                "source": feed.source.name,
                "records": name,
                "feed_place": feed.place,
                "columns": list(columns.items()),
                "files": _files(database, feed, lines, times),
                "feed": _definition(feed.feed),
            }
        )
    said = [
        {
            "name": source.name,
            "kind": source.kind,
            "timezone": source.timezone,
            "timezone_given": source.timezone_given,
            "attributes": any(s.source is source and s.feed.attributes for s in staged),
        }
        for source in sources
    ]
    return {KEPT: {"times": times + 1, "how": dict(how), "sources": said, "feeds": feeds}}


def _write(
    draft: Draft, database: Database, feed: Staged, name: str, columns: Mapping[str, str], *, hashed: bool
) -> None:
    numbers = " ".join(f"WHEN {file.number} THEN {i}" for i, file in enumerate(feed.files))
    own = {"file": f"(CASE r.file {numbers} END)::INTEGER AS file"} | (
        {"ids": "h.hashed AS ids"} if hashed else {}
    )
    listed = ", ".join(own.get(column) or _stored(column, type_) for column, type_ in columns.items())
    joined = "LEFT JOIN hashed_sets h ON h.ids = r.ids" if hashed else ""
    query = (
        f"SELECT {listed} FROM {feed.table} r {joined} WHERE r.reason IS NULL "
        f"AND r.sequence NOT IN (SELECT sequence FROM {feed.table}_superseded) ORDER BY r.key"
    )
    with database.stream(query) as rows:
        schema = rows.schema
        draft.add(name, (pa.Table.from_batches([batch], schema) for batch in rows), schema=schema)


def _columns(database: Database, table: str) -> dict[str, str]:
    """Return the columns of a staged table that are kept, with their types."""
    found = {row[0]: row[1] for row in database.run(f"DESCRIBE {table}")}
    return {name: type_ for name, type_ in found.items() if name not in _NOT_KEPT}


def _stored(name: str, type_: str) -> str:
    """SQL of a column as Parquet can hold it: numbers of 128 bits in two parts."""
    column = f"r.{identifier(name)}"
    if type_ != "UHUGEINT":
        return column
    high, low = identifier(f"{name}:high"), identifier(f"{name}:low")
    return f"({column} >> 64)::UBIGINT AS {high}, ({column} & {2**64 - 1}::UHUGEINT)::UBIGINT AS {low}"


def _restored(name: str, type_: str) -> str:
    if type_ == "UHUGEINT":
        high, low = identifier(f"{name}:high"), identifier(f"{name}:low")
        return f"(({high}::UHUGEINT << 64) | {low}::UHUGEINT)"
    return f"{identifier(name)}::{type_}"


def _last_sequence(database: Database, staged: Sequence[Staged], rank: int) -> int:
    """Return the highest number of a record in a source so far."""
    tables = [feed.table for feed in staged if feed.source_rank == rank]
    return max(
        (database.value(f"SELECT coalesce(max(sequence), 0) FROM {table}") for table in tables), default=0
    )


def _files(database: Database, feed: Staged, said: Sequence[Line], times: int) -> list[dict[str, Any]]:
    """Return the feed's files in their order, the records that are not kept and comments redacted."""
    beaten = database.run(
        "SELECT file, CASE WHEN reason IS NULL THEN 'superseded' ELSE 'quarantined' END AS fate, "
        f"coalesce(reason, why) AS reason, count(*) FROM {feed.table} LEFT JOIN {feed.table}_superseded "
        "USING (sequence) WHERE reason IS NOT NULL OR why IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    weights = weights_of(database, feed)
    found = []
    for file in feed.files:
        gone: Counter[tuple[str, str]] = Counter({(fate, why): n for fate, why, n in file.gone})
        gone.update({(fate, why): n for number, fate, why, n in beaten if number == file.number})
        found.append(
            {
                "name": file.name,
                "records": file.records,
                "partition": file.partition,
                "delivery": file.delivery if file.earlier else f"{times}: {file.delivery}",
                "rank": file.rank,
                "weight": weights.get(file.number),
                "gone": [[fate, why, n] for (fate, why), n in sorted(gone.items())],
                "comments": file.comments
                if file.earlier
                else [
                    [fate, why, n]
                    for source, name, what, fate, why, n in said
                    if (source, name, what) == (file.source, file.name, "comments")
                ],
                "earlier": True,
            }
        )
    return found


def _definition(feed: Feed) -> dict[str, Any]:
    """Return what makes events of a feed's records, as JSON can hold it."""
    return {
        "name": feed.name,
        "keep": dict(feed.keep),
        "identifiers": [list(pair) for pair in feed.identifiers],
        "key": list(feed.key),
        "left_out": [dataclasses.asdict(left) for left in feed.left_out],
        "events": [dataclasses.asdict(event) for event in feed.events],
        "decimal": feed.decimal,
        "attributes": dict(feed.attributes),
        "comment": feed.comment,
        "comment_also": list(feed.comment_also),
        "reference": feed.reference,
        "lookups": [dataclasses.asdict(lookup) for lookup in feed.lookups],
        "moment": feed.moment,
        "version": feed.version,
    }


def _lines(listed: Sequence[Sequence[Any]]) -> list[tuple[str, str, int]]:
    return [(fate, why, n) for fate, why, n in listed]


def _feed(said: Mapping[str, Any]) -> Feed:
    plain = {name: value for name, value in said.items() if name not in {"left_out", "events", "lookups"}}
    return Feed(
        inputs=(),
        columns=(),
        left_out=[LeftOut(**left) for left in said["left_out"]],
        events=[Event(**event) for event in said["events"]],
        lookups=[Lookup(**lookup) for lookup in said["lookups"]],
        **plain,
    )
