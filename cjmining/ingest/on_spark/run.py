"""The steps of an ingestion on Spark: those of one machine, asked of executors and merged here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cjmining.errors import CjminingError, SourceError
from cjmining.ingest import comments, events, fates, identity, ledger, seen_together, told
from cjmining.ingest.database import identifier, literal
from cjmining.ingest.on_spark import tasks
from cjmining.ingest.on_spark.blocks import Layout, cut_into_blocks, write_block
from cjmining.ingest.on_spark.frames import Frames
from cjmining.ingest.on_spark.parts import (
    Apart,
    Part,
    Setting,
    columns_of,
    cut,
    cut_frame,
    expect_alike,
    frame_of,
    restored,
    sent,
    stored,
    stored_value,
    whole,
)
from cjmining.ingest.on_spark.who import Who
from cjmining.ingest.run import Ingestion, Options
from cjmining.ingest.sorting import TEXTS, InOrder, SortedEvents, ranks_by_name
from cjmining.ingest.stage import Staged, StagedFile, notes_of_absent, stage
from cjmining.log import BLOCK_EVENTS
from cjmining.log_files import LONG_VOCABULARY, Journeys, log_of_blocks

if TYPE_CHECKING:
    from cjmining.engine import Spark
    from cjmining.ingest.database import Database
    from cjmining.ingest.ledger import Line
    from cjmining.ingest.sources.base import LeftOut, Source
    from cjmining.progress import Progress
    from cjmining.storage import Draft

Work = TypeVar("Work")
Answer = TypeVar("Answer")

MOST_WHOLE: Final = 20_000_000
"""Records of a feed that can't be taken apart, up to which it is read here."""
MOST_SETS: Final = 200_000_000
"""Different sets of identifiers up to which who is who is found here, not by executors."""
RANGE_RECORDS: Final = 1_000_000
"""Records of a range of customers, whose events one task makes."""


class SparkIngestion(Ingestion):
    """One run whose records are read, and whose events are made and written, by executors."""

    def __init__(
        self,
        database: Database,
        sources: Sequence[Source],
        progress: Progress,
        engine: Spark,
        setting: Setting,
    ) -> None:
        super().__init__(database, sources, progress)
        self._engine = engine
        self._setting = setting
        self._frames = Frames(engine.session, setting)
        self._apart: dict[str, Apart] = {}
        self._made: list[tasks.Made] = []
        self._kept: list[tasks.Kept] = []
        self._ranges: list[int] = []
        self._who: Who | None = None
        self._made_of: events.Made | None = None
        self._counted: tuple[list[tuple[Any, ...]], list[tuple[int, str, int]]] = [], []

    @property
    def _near(self) -> list[Staged]:
        """The feeds that are read here."""
        return [feed for feed in self._staged if feed.table not in self._apart]

    def _map(self, function: Callable[[Work], Answer], work: Sequence[Work]) -> list[Answer]:
        """Let executors work; what they can't do is told as it is told here."""
        answers = []
        for answer in self._engine.map(partial(tasks.answered, function), work):
            if isinstance(answer, CjminingError):
                raise answer
            answers.append(answer)
        return answers

    # reading

    def _read(self) -> None:
        feeds = [
            (rank, source, place, feed)
            for rank, source in enumerate(self._sources)
            for place, feed in enumerate(told.feeds_of(source))
        ]
        first_files = np.cumsum([0, *(len(feed.inputs) for _, _, _, feed in feeds)]).tolist()
        parts: list[Part] = []
        reasons = []
        for i, (rank, source, place, feed) in enumerate(feeds):
            about = source, rank, feed, f"stage_{i}", place, first_files[i], len(parts) + 1
            frame = frame_of(source, feed)
            reasons.append("")
            if frame is not None and (pieces := self._frames.write_pieces(frame, f"frames/stage_{i}")):
                parts += cut_frame(*about, pieces)
                continue
            reasons[-1] = whole(feed, self._setting.identities) if feed.inputs else "there is nothing to read"
            parts += [] if reasons[-1] else cut(*about)
        self._progress("reading files on Spark", 0.0)
        told_of = self._engine.map(partial(tasks.read_part, self._setting), parts) if parts else []
        records = dict.fromkeys(range(len(self._sources)), 0)
        for i, (rank, source, place, feed) in enumerate(feeds):
            self._progress(f"reading {source.name}: {feed.name}", 0.3 + 0.3 * i / len(feeds))
            with told.naming_strangers(source):
                if reasons[i]:
                    staged = stage(
                        self._database, source, rank, feed, f"stage_{i}", first_files[i], records[rank], place
                    )
                    _expect_few(staged, reasons[i])
                else:
                    own = [pair for pair in zip(parts, told_of, strict=True) if pair[0].table == f"stage_{i}"]
                    staged = self._read_apart(Staged(source, rank, feed, f"stage_{i}", place=place), own)
            if not staged.files:
                continue
            records[rank] += staged.records
            for note in (note for file in staged.files for note in file.notes):
                self._note(note)
            self._staged.append(staged)
        self._check_times()

    def _read_apart(self, staged: Staged, told_of: Sequence[tuple[Part, tasks.Read | SourceError]]) -> Staged:
        """Bring together what executors tell of a feed's parts; spoilt records come here."""
        found = []
        for _, part in told_of:
            if isinstance(part, SourceError):
                raise part
            found.append(part)
            staged.files += part.files
        staged.files = _put_together(staged.files)
        if staged.feed.sought and staged.records:
            staged.files[0].notes += notes_of_absent(staged, [part.sought for part in found])
        columns = found[0].columns
        self._apart[staged.table] = Apart(staged, [part for part, _ in told_of], columns)
        typed = ", ".join(f"{identifier(name)} {type_}" for name, type_ in columns.items())
        self._database.run(f"CREATE TABLE {staged.table} ({typed})")
        self._bring(staged.table, f"spoilt/{staged.table}")
        return staged

    def _bring(self, table: str, folder: str) -> None:
        """Add rows that executors wrote to a feed's table here, as far as they aren't there yet."""
        files = sorted((self._setting.room / folder).glob("*.parquet"))
        if files:
            listed = ", ".join(literal(str(path)) for path in files)
            self._database.run(
                f"INSERT INTO {table} SELECT * FROM (SELECT {restored(self._apart[table].columns)} "
                f"FROM read_parquet([{listed}])) WHERE sequence NOT IN (SELECT sequence FROM {table})"
            )

    # who is who

    def _find_customers(self, options: Options) -> int:
        database, apart = self._database, list(self._apart.values())
        fates.decide_fates(database, self._near, [feed.staged for feed in apart])
        self._decide_apart(apart)
        n_sets = self._sets_beyond(MOST_SETS)
        n_customers = self._find_apart(options.rules, n_sets) if n_sets else self._find_here(options.rules)
        self._bring_what_is_asked()
        newest = fates.newest_seen(database, self._near)
        for near in self._near:
            fates.make_view(database, near, self._staged, newest[near.source_rank])
        return n_customers

    def _find_here(self, rules: identity.Rules) -> int:
        """Find customers on this machine, as one machine does."""
        for feed in self._apart.values():
            sets = literal(str(self._setting.room / "sets" / feed.table / "*.parquet"))
            self._database.run(f"CREATE VIEW {feed.table}_sets AS SELECT * FROM read_parquet({sets})")
        n_customers = identity.resolve(
            self._database,
            [f"{feed.table}_candidates" for feed in self._near],
            rules,
            [f"{table}_sets" for table in self._apart],
        )
        self._tell_whose()
        return n_customers

    def _sets_beyond(self, most: int) -> int:
        """Return how many different sets of identifiers there are, 0 if not more than so many."""
        files = (self._setting.room / "sets").glob("*/*.parquet")
        if sum(pq.read_metadata(file).num_rows for file in files) <= most:
            return 0
        n_sets = self._frames.number_of_sets()
        return n_sets if n_sets > most else 0

    def _find_apart(self, rules: identity.Rules, n_sets: int) -> int:
        """Let executors find customers, and bring what was found of the records that are here."""
        if rules.clusters is not None:
            raise SourceError(
                f"the records have {n_sets:,} different sets of identifiers; clusters= is only possible with "
                f"{MOST_SETS:,} at most. Leave it out, or ingest fewer sources or a part of the customers"
            )
        near = []
        for feed in self._near:
            ids = f"SELECT ids, file FROM {feed.table}_candidates WHERE ids IS NOT NULL"
            near.append(f"SELECT ids FROM ({ids})")
            path = self._setting.room / "sets" / feed.table / "near.parquet"
            path.parent.mkdir(parents=True)
            self._database.run(
                f"COPY (SELECT ids, file, count(*) AS records FROM ({ids}) GROUP BY ALL) "
                f"TO {literal(str(path))} (FORMAT parquet)"
            )
        self._who = Who(self._engine.session, self._setting, rules, self._map)
        files = seen_together.files_of(self._staged)
        n_customers, self._ranges = self._who.find(files, n_sets, RANGE_RECORDS)
        self._who.bring(self._database, " UNION ALL ".join(near) or "SELECT NULL AS ids WHERE FALSE")
        return n_customers

    def _decide_apart(self, apart: Sequence[Apart]) -> None:
        """Find which copies count, and count the sets of identifiers of the records that are left."""
        for feed in apart:
            feed.lost = fates.lost_partitions(self._database, feed.staged)
        by_table = self._by_table(apart)
        parts = [part for feed in apart for part in feed.parts]
        lost = [file for feed in apart for file in feed.lost]
        if parts and (several := set(self._frames.parts_with_copies(lost))):
            compare = partial(tasks.compare_copies, self._setting, self._names(), by_table)
            self._map(compare, [part for part in parts if part.number in several])
            self._frames.find_beaten({feed.table: feed.columns["version"] for feed in apart})
        self._map(partial(tasks.count_sets, self._setting, by_table), parts)

    def _tell_whose(self) -> None:
        """Write whose each set of identifiers is, and in which range of customers it lies."""
        database = self._database
        database.run(
            "CREATE TABLE customer_ranges AS SELECT customer, "
            f"(dense_rank() OVER (ORDER BY before // {RANGE_RECORDS}) - 1)::INTEGER AS range FROM ("
            "SELECT customer, sum(n) OVER (ORDER BY customer) - n AS before FROM ("
            "SELECT customer, sum(records)::BIGINT AS n FROM seen JOIN sets USING (id_set) "
            "JOIN id_sets ON id_sets.code = set_code(sets.ids) WHERE customer IS NOT NULL GROUP BY customer))"
        )
        self._ranges = [
            number for (number,) in database.run("SELECT DISTINCT range FROM customer_ranges ORDER BY range")
        ]
        path = literal(str(self._setting.room / "whose.parquet"))
        database.run(
            f"COPY (SELECT w.*, c.range FROM ({identity.WHOSE_SETS}) w "
            f"LEFT JOIN customer_ranges c ON c.customer = w.customer) TO {path} (FORMAT parquet)"
        )

    def _bring_what_is_asked(self) -> None:
        """Bring here the records of feeds that are apart that others, which are here, look up."""
        for apart in self._apart.values():
            self._database.run(f"CREATE TABLE {apart.table}_superseded (sequence BIGINT, why VARCHAR)")
            fates.make_candidates(self._database, apart.staged)
        for feed in self._near:
            for place, lookup in enumerate(feed.feed.lookups):
                other = tasks.found_feed(self._apart.values(), feed.source_rank, lookup.feed)
                if other is not None:
                    self._ask(feed, place, other)

    def _ask(self, feed: Staged, place: int, other: Apart) -> None:
        """Bring the records that a lookup finds; all, if it goes by nothing but what others have found."""
        laid = {name for earlier in feed.feed.lookups[:place] for name in earlier.keep}
        on = {here: there for here, there in feed.feed.lookups[place].on.items() if here not in laid}
        if not on:
            _expect_few(other.staged, f"{feed.feed.name} looks them up by what it has looked up")
        own = Apart(feed, [], columns_of(self._database, feed.table))
        expect_alike(own, other, on)
        keys = ", ".join(
            f"{stored_value(identifier(here), own.columns[here])} AS k{i}" for i, here in enumerate(on)
        )
        keys = keys or "0 AS nothing"
        path = self._setting.room / f"asked/{feed.table}_{place}.parquet"
        path.parent.mkdir(exist_ok=True)
        self._database.run(
            f"COPY (SELECT DISTINCT {keys} FROM {feed.table}_candidates) TO {literal(str(path))} "
            "(FORMAT parquet)"
        )
        if on and not pq.read_metadata(path).num_rows:
            return
        folder = f"answered/{feed.table}_{place}"
        self._frames.asked_for(other, path, list(on.values()), folder)
        self._bring(other.table, folder)

    # events

    def _make_events(self, options: Options) -> tuple[events.Made, list[Line]]:
        database = self._database
        made = events.make_events(database, self._near, self._staged)
        if options.identities == "drop":
            events.number_journeys(database, made)
        said = comments.keep_comments(database, self._near)
        self._write_near()
        apart = list(self._apart.values())
        self._frames.lay_customers(apart)
        self._counted = self._frames.counted_records(apart)
        near = self._looked_up_here(apart)
        self._frames.look_up(apart, near)
        until = None if options.data_end is None else f"make_timestamp({options.data_end})"
        everything = [sent(feed) for feed in self._staged]
        self._made = self._map(
            partial(
                tasks.make_range, self._setting, self._names(), self._by_table(apart),
                [_sent_apart(feed) for feed in near], everything, until,
            ),
            self._ranges,
        )  # fmt: skip
        counts = Counter(made.counts)
        for part in self._made:
            counts.update(part.counts)
        counts.update({feed.table: 0 for feed in self._staged})
        self._made_of = events.Made(made.columns, made.others, counts)
        return self._made_of, said

    def _write_near(self) -> None:
        """Write the events that were made here by ranges of customers."""
        folder = literal(str(self._setting.room / "near"))
        if self._database.value("SELECT count(*) FROM events"):
            self._database.run(
                "COPY (SELECT events.*, range FROM events JOIN customer_ranges USING (customer)) "
                f"TO {folder} (FORMAT parquet, PARTITION_BY (range))"
            )

    def _looked_up_here(self, apart: Sequence[Apart]) -> list[Apart]:
        """Write the candidates of feeds that are here that others, which are apart, look up."""
        asked = {
            (feed.staged.source_rank, lookup.feed) for feed in apart for lookup in feed.staged.feed.lookups
        }
        found = []
        for feed in self._near:
            if (feed.source_rank, feed.feed.name) in asked:
                columns = columns_of(self._database, feed.table)
                path = self._setting.room / f"beside/{feed.table}.parquet"
                path.parent.mkdir(exist_ok=True)
                self._database.run(
                    f"COPY (SELECT {stored(columns)} FROM {feed.table}_candidates) TO {literal(str(path))} "
                    "(FORMAT parquet)"
                )
                found.append(Apart(feed, [], columns))
        return found

    def _by_table(self, apart: Sequence[Apart]) -> dict[str, Apart]:
        return {feed.table: _sent_apart(feed) for feed in apart}

    def _names(self) -> list[tuple[int, str]]:
        return [(file.number, file.name) for feed in self._staged for file in feed.files]

    # what is told of them

    def _local_phones(self, feeds: Sequence[Staged]) -> int:
        if self._who is not None:
            return self._who.local_phones([feed.table for feed in feeds])
        return super()._local_phones(feeds)

    def _identified(self, feed: Staged) -> str:
        return f"{feed.table}_sets" if feed.table in self._apart else super()._identified(feed)

    def _identities(self, how: str) -> Iterator[pa.Table]:
        return super()._identities(how) if self._who is None else self._who.identities()

    def _links(self, how: str) -> Iterator[pa.Table]:
        if self._who is None:
            return super()._links(how)
        return self._who.links(seen_together.files_of(self._staged))

    def _extents(self) -> Sequence[tuple[int, int, int]]:
        found: dict[int, tuple[int, int]] = {}
        for rank, first, last in (row for part in self._made for row in part.extents):
            known = found.get(rank, (first, last))
            found[rank] = min(known[0], first), max(known[1], last)
        return [(rank, first, last) for rank, (first, last) in sorted(found.items())]

    def _hourly(self, rank: int, until: str | None) -> tuple[events.Ints, events.Ints]:  # noqa: ARG002 -- counted so
        counts: Counter[int] = Counter()
        for part in self._made:
            if rank in part.hours:
                counts.update(dict(zip(*(column.tolist() for column in part.hours[rank]), strict=True)))
        hours = sorted(counts)
        return np.array(hours, np.int64), np.array([counts[hour] for hour in hours], np.int64)

    def _late(self, end: str) -> Sequence[tuple[int, int, int]]:
        return _summed((row for part in self._kept_until(end) for row in part.late), 2)

    def _dated(self, end: str) -> Sequence[tuple[int, int]]:
        return _summed((row for part in self._kept_until(end) for row in part.dated), 1)

    def _kept_until(self, end: str) -> list[tasks.Kept]:
        """Sort the events that the log keeps, once."""
        if not self._kept and self._made_of is not None:
            keep = partial(tasks.keep_range, self._setting, self._made_of, end)
            self._kept = self._map(keep, self._ranges)
        return self._kept

    def _account_of(
        self, feed: Staged, n_made: int, end: str
    ) -> tuple[list[Line], Counter[int], list[tuple[LeftOut, int, int, str]]]:
        own = {file.number for file in feed.files}
        if feed.table in self._apart:
            records, links = self._counted
            lines, clocks = ledger.record_lines(feed, _summed((r for r in records if r[0] in own), 1))
            refused = ledger.link_lines(feed, _summed((row for row in links if row[0] in own), 1))
            values, found = ledger.value_lines(feed, self._values(feed))
        else:
            lines, clocks = ledger.account_records(self._database, feed)
            refused = ledger.account_links(self._database, feed)
            values, found = ledger.account_values(self._database, feed)
        counted = (row for part in self._kept_until(end) for row in part.counts if row[0] in own)
        lines += ledger.event_lines(feed, n_made, _summed(counted, 1))
        return [*lines, *refused, *values], clocks, found

    def _values(self, feed: Staged) -> list[list[tuple[int, int, int, str | None]]]:
        merged = []
        for i in range(len(feed.feed.left_out)):
            rows: dict[int, tuple[int, int, str | None]] = {}
            for part in self._made:
                for file, n, measured, text in part.values.get(feed.table, [[]] * (i + 1))[i]:
                    before = rows.get(file, (0, 0, None))
                    texts = [each for each in (before[2], text) if each is not None]
                    rows[file] = before[0] + n, before[1] + measured, min(texts, default=None)
            merged.append([(file, *rows[file]) for file in sorted(rows)])
        return merged

    # the log's events

    def _sorted(self, made: events.Made, end: str) -> SortedEvents:
        kept = self._kept_until(end)
        places = {made.columns.index(name): name for name in (*TEXTS, *made.others) if name in made.columns}
        sizes = self._frames.words() if kept else {}
        short = [place for place in places if 0 < sizes.get(place, 0) < LONG_VOCABULARY]
        found = self._frames.short_words(short) if short else {}
        long = {name: place for place, name in places.items() if sizes.get(place, 0) >= LONG_VOCABULARY}
        words = {name: pa.array([], pa.string()) for name in (*TEXTS, *made.others) if name not in long} | {
            places[place]: pa.array(each, pa.string()) for place, each in found.items()
        }
        names = [source.name for source in self._sources]
        ranks = ranks_by_name(names)
        words["source"] = pa.array([names[rank] for rank in ranks], pa.string())
        held = frozenset(name for part in kept for name in part.held)
        layout = Layout(made, held, words, long, tuple(int(place) for place in np.argsort(ranks)))
        return _Events(
            n=sum(part.n for part in kept), words=words, long=dict.fromkeys(long, ""),
            _database=self._database, _sql=InOrder("", "", ""), _run=self, _layout=layout,
        )  # fmt: skip

    def write_blocks(self, draft: Draft, layout: Layout) -> tuple[dict[str, str], Journeys]:
        """Write the log's blocks; return the files of long vocabularies, and the journeys."""
        words = {}
        for name, place in layout.long.items():
            words[name] = f"words-{layout.names.index(name):05d}"
            self._code(draft, words[name], place)
        blocks = cut_into_blocks(
            np.concatenate([part.customers for part in self._kept]),
            np.concatenate([part.sizes for part in self._kept]),
            np.repeat(self._ranges, [len(part.customers) for part in self._kept]),
            BLOCK_EVENTS,
        )
        journeys = Journeys()
        for block, written in zip(
            blocks,
            self._map(partial(write_block, self._setting, layout), blocks),
            strict=True,
        ):
            draft.take(f"events-{block.number:05d}", written.path, written.about)
            journeys.join(written.journeys)
        return dict(sorted(words.items())), journeys

    def _code(self, draft: Draft, name: str, place: int) -> None:
        """Number the words of a long vocabulary; write them, and the codes of those in each range."""
        words = self._frames.sort_words(place)
        self._frames.number_words(words, f"coded/{place}", self._map)
        self._frames.lay_codes(place)
        word = pa.schema([("word", pa.string())])
        tables = (pa.Table.from_batches([batch]).cast(word) for batch in self._frames.batches(words))
        draft.add(name, tables, schema=word)


@dataclass(frozen=True)
class _Events(SortedEvents):
    """The log's events, which executors write."""

    _run: SparkIngestion
    _layout: Layout

    def write_log(self, draft: Draft, beside: Mapping[str, Any]) -> dict[str, Any]:
        words, journeys = self._run.write_blocks(draft, self._layout)
        return log_of_blocks(draft, words, journeys, **beside)


def _put_together(files: Sequence[StagedFile]) -> list[StagedFile]:
    """Return each file once, of which several parts may have read pieces."""
    found: dict[int, StagedFile] = {}
    for file in files:
        if file.number in found:
            found[file.number].records += file.records
        else:
            found[file.number] = file
    return list(found.values())


def _sent_apart(feed: Apart) -> Apart:
    return Apart(sent(feed.staged), [], feed.columns, feed.lost)


def _summed(rows: Iterable[tuple[Any, ...]], counts: int) -> list[tuple[Any, ...]]:
    """Add up the counts, which stand last, of rows that say the same before."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        known = sums.setdefault(row[:-counts], [0] * counts)
        for i, n in enumerate(row[-counts:]):
            known[i] += n
    return [(*said, *numbers) for said, numbers in sorted(sums.items())]


def _expect_few(staged: Staged, why: str) -> None:
    if staged.records > MOST_WHOLE:
        raise SourceError(
            f"source {staged.source.name!r}, {staged.feed.name}: {staged.records:,} records have to be read "
            f"on the driver, since {why}; {MOST_WHOLE:,} at most are. Leave engine= out, or give less of it"
        )
