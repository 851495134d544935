"""From the inputs of a feed to its staged table: all text first, then cast with a reason for what is spoilt.

A staged table has a row for every record read: where it comes from, why it can't be used (`reason`) or is to
be set aside (`aside`), its key, version and identifiers, and the columns that its events are made of.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from cjmining.errors import SourceError, nearest, shorten
from cjmining.ingest import casts, nested
from cjmining.ingest.database import Database, identifier, literal
from cjmining.ingest.files import Input, parquet_file
from cjmining.ingest.matching import match_columns
from cjmining.ingest.readers import Records, field_pattern
from cjmining.ingest.row_sql import Origin, Raw, staged_rows
from cjmining.ingest.sources.base import Column, Feed, Source, check_kind, repeated, sentence
from cjmining.ingest.sources.columns import repeated_note

logger = logging.getLogger("cjmining")

_VALUES = 1_000  # of a column, among which the one that was meant is looked for


@dataclass
class StagedFile:
    """A file that was read, by its number, with the count of its records that the reader made."""

    number: int
    source: str
    name: str
    records: int
    notes: list[str] = field(default_factory=list)
    partition: str = ""
    delivery: str = ""
    """Of the partition: files of one folder are one delivery."""
    rank: int = 0
    weight: Sequence[int] | None = None
    """Records and content of a file that was read for an earlier delivery."""
    gone: Sequence[tuple[str, str, int]] = ()
    """Fates, reasons and counts of records of an earlier delivery that were not kept."""
    comments: Sequence[Sequence[Any]] = ()
    """What became of its comments then."""
    earlier: bool = False


@dataclass
class Staged:
    """A feed whose records lie in the table `table`."""

    source: Source
    source_rank: int
    feed: Feed
    table: str
    files: list[StagedFile] = field(default_factory=list)
    place: int = 0
    """Of the feed among those of its source."""

    @property
    def records(self) -> int:
        """How many records were read."""
        return sum(file.records for file in self.files)


def stage(
    database: Database,
    source: Source,
    source_rank: int,
    feed: Feed,
    table: str,
    first_file: int,
    first_record: int,
    feed_place: int,
) -> Staged:
    """Read every input of a feed into the table `table`."""
    staged = Staged(source, source_rank, feed, table, place=feed_place)
    for kind, _ in feed.identifiers:
        check_kind(kind, source.name)
    for clock in (feed.clock, *(column.clock for column in feed.columns if column.clock)):
        if clock.macro:
            database.run(casts.zone_macro(clock))
    for group in _together(feed.inputs, f"source {source.name!r}"):
        try:
            _read(database, staged, group, first_file, first_record)
        except SourceError:
            if len(group) == 1:
                raise
            for given in group:  # each by itself: that tells which file it is
                _read(database, staged, [given], first_file, first_record)
    if not feed.key and staged.files:
        _tell_equal_rows_apart(database, table)
    if feed.sought and staged.records:
        staged.files[0].notes += _absent(database, staged)
    return staged


def _together(inputs: Sequence[Input], source: str) -> Iterator[list[Input]]:
    """Give the inputs in turn, those together that one statement can read: Parquet files of one schema."""

    def form(numbered: tuple[int, Input]) -> object:
        number, given = numbered
        packed = given.member or given.name.lower().endswith(".gz")
        if given.format != "parquet" or packed:
            return number
        with parquet_file(given, f"{source}, {given.name}") as (_, metadata):
            return metadata.schema.to_arrow_schema()

    for _, group in itertools.groupby(enumerate(inputs), key=form):
        yield [given for _, given in group]


def _read(
    database: Database, staged: Staged, group: Sequence[Input], first_file: int, first_record: int
) -> None:
    """Read inputs in one statement; they are among the files of `staged` when that is done."""
    numbers = range(first_file + len(staged.files), first_file + len(staged.files) + len(group))
    files = [_staged_file(number, staged.source, given) for number, given in zip(numbers, group, strict=True)]
    _Reading(database, staged, files, first_record + staged.records).read(group)
    staged.files += files


def _absent(database: Database, staged: Staged) -> list[str]:
    """Return a note for each thing that was named and that no record has."""
    return notes_of_absent(staged, [seek(database, staged)])


def seek(database: Database, staged: Staged) -> list[list[str] | None]:
    """Look for each thing that was named: None if a record has it, else the values that may be meant."""
    sought, table = staged.feed.sought, staged.table
    conditions = ", ".join(f"coalesce(bool_or({each.condition}), FALSE)" for each in sought)
    (there,) = database.run(f"SELECT {conditions} FROM {table}")
    found: list[list[str] | None] = []
    for each, is_there in zip(sought, there, strict=True):
        values: list[str] = []
        if each.among and not is_there:
            rows = database.run(f"SELECT DISTINCT {each.among} FROM {table} ORDER BY 1 LIMIT {_VALUES}")
            values = [str(value) for (value,) in rows if value is not None]
        found.append(None if is_there else values)
    return found


def notes_of_absent(staged: Staged, found: Sequence[Sequence[Sequence[str] | None]]) -> list[str]:
    """Return a note for each thing that was named and that none of some parts of a feed has."""
    notes = []
    for each, values in zip(staged.feed.sought, zip(*found, strict=True), strict=True):
        if all(part is not None for part in values):
            among = sorted({value for part in values for value in part or ()})[:_VALUES]
            notes.append(f"source {staged.source.name!r}: {sentence(each.said + nearest(each.word, among))}")
    return notes


def _staged_file(number: int, source: Source, given: Input) -> StagedFile:
    folder = "" if given.path is None else str(given.path if given.member else given.path.parent)
    delivery = f"{given.rank} {folder}"  # an early table and the final one may lie in one folder
    return StagedFile(
        number, source.name, given.name, 0, partition=given.partition, delivery=delivery, rank=given.rank
    )


def _tell_equal_rows_apart(database: Database, table: str) -> None:
    """Give equal rows of one file keys of their own: without a key in the data every row counts."""
    database.run(
        f"UPDATE {table} SET key = md5_number(concat_ws(chr(31), {table}.key, n)) FROM ("
        f"SELECT sequence, row_number() OVER (PARTITION BY file, key ORDER BY record) AS n FROM {table} "
        f"WHERE (file, key) IN (SELECT (file, key) FROM {table} WHERE key IS NOT NULL GROUP BY file, key "
        f"HAVING count(*) > 1)) AS equal WHERE {table}.sequence = equal.sequence AND n > 1"
    )


@dataclass
class _Reading:
    """Inputs that one statement reads: a single one, or Parquet files of one schema."""

    database: Database
    staged: Staged
    files: Sequence[StagedFile]
    before: int
    """How many records of the source were read before these."""

    def read(self, group: Sequence[Input]) -> None:
        given = group[0]
        for file, each in zip(self.files, group, strict=True):
            file.notes += [each.note] if each.note else []
        if given.format == "frame":
            self._frame(given)
        elif given.format == "parquet":
            self._parquet(group)
        elif given.format == "json":
            self._json(given)
        else:
            self._csv(given)

    @property
    def feed(self) -> Feed:
        return self.staged.feed

    @property
    def file(self) -> StagedFile:
        return self.files[0]

    @property
    def where(self) -> str:
        return f"source {self.staged.source.name!r}, {self.file.name}"

    @contextmanager
    def _named(self, stream: object = None) -> Iterator[None]:
        """Let what DuckDB can't read be told with the file's name, and a stream's own problem as it is."""
        import duckdb

        try:
            yield
        except duckdb.Error as problem:
            own = getattr(stream, "problem", None)  # of a stream that is made as it is read
            if own is not None:
                raise own from None
            if isinstance(problem, duckdb.BinderException | duckdb.ParserException | duckdb.CatalogException):
                raise  # no fault of the file
            said = str(problem).split(": ", 1)[-1].split("\n", 1)[0]
            raise SourceError(
                f"{self.where} can't be read: {said}. The file is damaged, or in a form of its own; "
                "export it again"
            ) from problem

    def _note_repeated(self, names: Sequence[str]) -> None:
        if several := repeated(names):
            self.file.notes.append(repeated_note(several, self.where))

    def _csv(self, given: Input) -> None:
        records = Records(given, given.dialect or self.feed.dialect)
        if records.dialect.pattern:
            self._matched_lines(records)
            return
        logger.info("%s: %s, %d columns", self.where, records.dialect, len(records.header))
        found = match_columns(self.feed.columns, records.header, self.where)
        self._note_repeated(records.header)
        n = len(records.header)
        wanted = sorted(set(found.values())) or [0]
        query = _cut_into_fields(records.dialect.delimiter or ",", records.dialect.quote or "", n, wanted)
        raw = {
            c.name: identifier(f"c{wanted.index(found[c.name])}") if c.name in found else None
            for c in self.feed.columns
        }
        structure = (
            f"CASE WHEN parsed THEN NULL WHEN broken IS NOT NULL THEN broken "
            f"WHEN f IS NULL THEN 'quotes inside a field that are not doubled' "
            f"WHEN len(f) <> {n} THEN printf('%d fields where the header has {n}', len(f)) END"
        )
        self._store_records(records, Raw(query, raw, structure, is_trimmed=True), wanted)

    def _matched_lines(self, records: Records) -> None:
        """Lines that the dialect's pattern cuts."""
        pattern = records.dialect.pattern
        names = list(re.compile(pattern).groupindex)
        found = match_columns(self.feed.columns, names, self.where)
        raw = {
            c.name: f"f.{identifier(names[found[c.name]])}" if c.name in found else None
            for c in self.feed.columns
        }
        groups = ", ".join(map(literal, names))
        query = (
            "SELECT record, text, broken, "
            f"CASE WHEN broken IS NULL AND regexp_matches(text, {literal(pattern)}) "
            f"THEN regexp_extract(text, {literal(pattern)}, [{groups}]) END AS f FROM lines"
        )
        spoilt = "CASE WHEN broken IS NOT NULL THEN broken WHEN f IS NULL THEN 'a line of another form' END"
        self._store_records(records, Raw(query, raw, spoilt))

    def _json(self, given: Input) -> None:
        records = Records(given, given.dialect or self.feed.dialect, lines=True, wrapped=self.feed.wrapped)
        structure, columns = self.feed.structure, self.feed.columns
        if not structure:
            structure, columns = self._plain_structure(records)
        elif _is_lower(records.first_lines(20), structure):
            structure, columns = structure.lower(), [_lower(column) for column in columns]
        raw = {c.name: c.path or f"j.{identifier(c.name)}" for c in columns}
        missing = [c.name for c in self.feed.columns if c.name not in raw]
        paths: dict[str, str | None] = {**raw, **dict.fromkeys(missing)}
        query = (
            "SELECT record, text, broken, CASE WHEN broken IS NULL AND regexp_matches(text, '^\\s*[{]') "
            f"THEN TRY(json_transform(text, {literal(structure)})) END AS j FROM lines"
        )
        spoilt = "CASE WHEN broken IS NOT NULL THEN broken WHEN j IS NULL THEN 'not a JSON object' END"
        self._store_records(records, Raw(query, paths, spoilt))

    def _store_records(self, records: Records, raw: Raw, wanted: Sequence[int] = ()) -> None:
        with self._named(records), self.database.registered("lines", records.reader(wanted)):
            self._store(raw)
        self.file.records = records.count
        if records.guessed:
            self.file.notes.append(
                f"{self.where} is not UTF-8 and was read as {records.dialect.encoding}; "
                "if names look wrong, give encoding="
            )

    def _plain_structure(self, records: Records) -> tuple[str, list[Column]]:
        """The structure of flat JSON lines, from the keys of the first ones."""
        import json

        keys: dict[str, None] = {}
        for line in records.first_lines(5_000):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                keys.update(dict.fromkeys(record))
        names = list(keys)
        found = match_columns(self.feed.columns, names, self.where, empty_is_fine=not names)
        structure = {names[i]: "VARCHAR" for i in found.values()} or {"nothing": "VARCHAR"}
        columns = [
            Column(c.name, c.kind, path=f"j.{identifier(names[found[c.name]])}")
            for c in self.feed.columns
            if c.name in found
        ]
        return json.dumps(structure, ensure_ascii=False), columns

    def _frame(self, given: Input) -> None:
        reader = pa.RecordBatchReader.from_stream(given.frame)
        self._note_repeated(reader.schema.names)
        numbered = _Numbered(reader)
        with self._named(given.frame), self.database.registered("frame", numbered.reader()):
            self._store_columns("frame", reader.schema, numbered.number_column)
        self.file.records = numbered.count

    def _parquet(self, group: Sequence[Input]) -> None:
        with ExitStack() as stack:
            opened = [stack.enter_context(parquet_file(given, self.where)) for given in group]
            for file, (_, metadata) in zip(self.files, opened, strict=True):
                file.records = metadata.num_rows
            paths = ", ".join(literal(str(path)) for path, _ in opened)
            scan = (
                '(SELECT *, file_row_number + 1 AS "record:number", file_index AS "record:file" '
                f"FROM read_parquet([{paths}], file_row_number = true))"
            )
            with self._named():
                self._store_columns(scan, opened[0][1].schema.to_arrow_schema(), "record:number")

    def _store_columns(self, relation: str, schema: pa.Schema, number: str) -> None:
        record, at = identifier(number), '"record:file"' if len(self.files) > 1 else "0"
        if self.feed.structure:
            self._expect_some(schema)
            whole = nested.as_structure(self.feed.structure, schema)
            paths = {c.name: c.path or f"j.{identifier(c.name)}" for c in self.feed.columns}
            self._store(
                Raw(f"SELECT *, {whole} AS j FROM {relation}", paths, content="j", record=record, at=at)
            )
            return
        found = match_columns(self.feed.columns, schema.names, self.where)
        self._check_types(found, schema)
        texts = {
            c.name: _typed_text(schema.field(found[c.name]), c, self.feed) if c.name in found else None
            for c in self.feed.columns
        }
        listed = ", ".join(f"{literal(c)}: {identifier(schema.names[i])}" for c, i in found.items())
        self._store(Raw(f"SELECT * FROM {relation}", texts, content=f"{{{listed}}}", record=record, at=at))

    def _expect_some(self, schema: pa.Schema) -> None:
        """Columns that hold structures are read as the JSON of the same form would be."""
        missing = nested.missing(self.feed.structure, schema)
        if len(missing) == len(schema.names) or not nested.shared(self.feed.structure, schema):
            raise SourceError(
                f"{self.where}: none of the columns {shorten(missing, 12)} is there. "
                f"Columns found: {shorten(list(schema.names), 40)}"
            )

    def _check_types(self, found: dict[str, int], schema: pa.Schema) -> None:
        """Numbers are no times unless somebody said how to read them."""
        for column in self.feed.columns:
            clock = column.clock or self.feed.clock
            if column.kind != "time" or column.name not in found or clock.epoch or clock.only_formats:
                continue
            type_ = schema.field(found[column.name]).type
            if pa.types.is_integer(type_) or pa.types.is_floating(type_):
                raise SourceError(
                    f"{self.where}: the column {column.name!r} holds numbers ({type_}), not times. If they "
                    "count from 1970, give date_format='epoch s' (or 'epoch ms', 'epoch us'); for days such "
                    "as 20261231 give date_format='%Y%m%d'"
                )

    def _store(self, raw: Raw) -> None:
        """Cast the raw texts and write one row for every record."""
        table = self.staged.table
        created = bool(self.database.run("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [table]))
        target = f"INSERT INTO {table}" if created else f"CREATE TABLE {table} AS"
        before = itertools.accumulate((file.records for file in self.files[:-1]), initial=self.before)
        origin = Origin(self.file.number, [file.name for file in self.files], list(before), self.staged.place)
        self.database.run(f"{target} {staged_rows(self.staged.source.name, self.feed, origin, raw)}")


def _typed_text(field: pa.Field, column: Column, feed: Feed) -> str:
    """SQL for the text of a typed column.

    A column of whole numbers in which one is missing reaches us as floats: 1.0 there is the 1 of a CSV.
    """
    name = identifier(field.name)
    as_text = f"CAST({name} AS VARCHAR)"
    if column.kind == "number" and feed.decimal == "," and _is_number(field.type):
        return f"replace({as_text}, '.', ',')"  # so that it reads as the other texts of the feed do
    if not pa.types.is_floating(field.type):
        return as_text
    if column.kind == "text":
        whole = f"{name} = trunc({name}) AND abs({name}) < 1e15"
        as_text = f"CASE WHEN {whole} THEN CAST(TRY_CAST({name} AS BIGINT) AS VARCHAR) ELSE {as_text} END"
    return f"CASE WHEN NOT isnan({name}) THEN {as_text} END"


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_floating(type_) or pa.types.is_integer(type_) or pa.types.is_decimal(type_))


def _cut_into_fields(delimiter: str, quote: str, n: int, wanted: Sequence[int]) -> str:
    """SQL that splits the `text` of each line that isn't parsed yet into its fields `f`.

    They are NULL where quotes make no sense. The `wanted` ones are `c0`, `c1`, ... of every line.

    Records without quotes, and those with quotes around every field, need no regular expression. Each way
    is a column of its own, since an expression that occurs twice in one SELECT is computed for all rows.
    """
    d, q = literal(delimiter), literal(quote)
    split = f"string_split(text[2:-2], {literal(quote + delimiter + quote)})"
    all_quoted = (
        f"CASE WHEN NOT parsed AND broken IS NULL AND quotes = {2 * n} "
        f"AND starts_with(text, {q}) AND ends_with(text, {q}) THEN {split} END"
    )
    matched = f"regexp_extract_all({d} || text, {literal(field_pattern(delimiter, quote))})"
    tokens = (
        "CASE WHEN NOT parsed AND broken IS NULL AND quotes > 0 "
        f"AND len(all_quoted) IS DISTINCT FROM {n} THEN {matched} END"
    )
    whole = "list_sum(list_transform(tokens, lambda t: length(t))) = length(text) + 1"
    unquote = (
        f"list_transform(tokens, lambda t: CASE WHEN t[2] = {q} AND length(t) > 2 "
        f"THEN replace(t[3:-2], {literal(quote * 2)}, {q}) ELSE t[2:] END)"
    )
    cut = [casts.text(f"f[{at + 1}]") for at in wanted]
    fields = ", ".join(f"CASE WHEN parsed THEN c{i} ELSE {sql} END AS c{i}" for i, sql in enumerate(cut))
    return (
        f"SELECT * REPLACE ({fields}) FROM ("
        "SELECT * EXCLUDE (tokens, all_quoted), CASE WHEN parsed OR broken IS NOT NULL THEN NULL "
        f"WHEN quotes = 0 THEN string_split(text, {d}) WHEN len(all_quoted) = {n} THEN all_quoted "
        f"WHEN {whole} THEN {unquote} END AS f "
        f"FROM (SELECT *, {tokens} AS tokens FROM (SELECT *, {all_quoted} AS all_quoted FROM lines)))"
    )


def _is_lower(lines: Sequence[str], structure: str) -> bool:
    """Whether an export has all its names in lower case (as Athena and Glue write them)."""
    import json

    wanted = list(json.loads(structure))
    for line in lines:
        try:
            keys = set(json.loads(line))
        except (ValueError, TypeError, RecursionError):
            continue
        return not any(name in keys for name in wanted) and any(name.lower() in keys for name in wanted)
    return False


def _lower(column: Column) -> Column:
    from dataclasses import replace

    return replace(column, path=(column.path or f'j."{column.name}"').lower())


class _Numbered:
    """An Arrow stream whose records carry their number, so that no order is lost in a parallel scan."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self.count = 0
        self._reader = reader
        self.number_column = "record:number"
        while self.number_column in reader.schema.names:
            self.number_column += "_"

    def reader(self) -> pa.RecordBatchReader:
        schema = self._reader.schema.append(pa.field(self.number_column, pa.int64()))
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema))

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for batch in self._reader:
            numbers = pa.array(np.arange(self.count + 1, self.count + 1 + batch.num_rows, dtype=np.int64))
            self.count += batch.num_rows
            arrays: list[Any] = [*batch.columns, numbers]
            yield pa.record_batch(arrays, schema=schema)
