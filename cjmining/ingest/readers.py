"""Text files cut into records: encoding, delimiter and line ends found on a sample, every record counted.

The cutting is done here and not by a CSV reader, so that each record is known by its number whatever is
wrong with it: a quote that is never closed spoils its own line, not the rest of the file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cjmining.errors import SourceError
from cjmining.ingest.clean import Clean, CleanParser
from cjmining.ingest.files import Input, expect_content, how_empty
from cjmining.ingest.json_text import as_lines, is_array_lines, is_lines, unwrapped

SAMPLE_BYTES = 1 << 20
BLOCK_BYTES = 8 << 20
LONGEST_RECORD = 1 << 20
"""A quoted field may run over several lines, but a record of more bytes is taken for an unclosed quote."""
_EXCEL = (
    "an Excel workbook, which can't be read directly yet. Save the sheet as CSV (UTF-8), or give the frame "
    "that pandas.read_excel returns"
)
_LONGEST_LOOK = 1 << 16
_LONGEST_LINE = 16 << 20
_LOCK_BYTES = 1_000
_EXCEL_SEPARATOR = re.compile(r'"?sep=(.)"?[,;\t]*\r?\n', re.IGNORECASE)
"""The line before the header by which Excel is told what lies between fields."""
NEVER_CLOSED = "a quote is never closed"
NOT_UTF8 = "not valid UTF-8"

SCHEMA = pa.schema(
    [("record", pa.int64()), ("text", pa.string()), ("quotes", pa.int32()), ("broken", pa.string())]
)


@dataclass(frozen=True)
class Dialect:
    """How a text file is written. What is None is found on a sample of the file.

    Parameters
    ----------
    encoding, delimiter : str, optional
        Their Python name and character.
    quote : str, optional
        The character around fields; an empty text where nothing is quoted.
    cr_only : bool
        Whether lines end in CR alone.
    names : sequence of str
        The columns of a file without a header.
    header_rows : int
        How many records are the header.
    naming : callable, optional
        Makes the columns' names of the header's rows; default: those of the first.
    pattern : str
        For lines that no delimiter cuts: an RE2 expression whose named groups are the columns.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    cr_only: bool = False
    names: tuple[str, ...] = ()
    header_rows: int = 1
    naming: Callable[[Sequence[Sequence[str]]], Sequence[str]] | None = None
    pattern: str = ""

    def __str__(self) -> str:
        names = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
        between = names.get(self.delimiter or "", f"{self.delimiter!r}")
        ends = ", lines end in CR" if self.cr_only else ""
        return f"{self.encoding}, {between} between fields, quote {self.quote}{ends}"


class Records:
    """The records of one text file, as Arrow batches (record, text, quotes, broken).

    Parameters
    ----------
    given : Input or Path
        What to read; gzip is recognised by its first bytes.
    dialect : Dialect
        What is known about it; the rest is sniffed.
    lines : bool
        Whether it is JSON: then each value is a record, and made one line; else it is CSV with a header, or
        lines that the dialect's pattern cuts.
    wrapped : sequence of str
        For JSON: names of lists in which an object may hold records.
    """

    def __init__(
        self, given: Input | Path, dialect: Dialect, *, lines: bool = False, wrapped: Sequence[str] = ()
    ) -> None:
        self._input = given if isinstance(given, Input) else Input(given.name, given)
        self.count = 0
        self.problem: SourceError | None = None
        self._schema = SCHEMA
        self._lines = lines or bool(dialect.pattern)
        sample = self._sample()
        _check_text(self._input, sample)
        self._is_empty = bool(how_empty(sample))
        self._given = dialect.encoding is not None
        encoding = _encoding(self._input, sample, dialect.encoding, is_json=lines)
        if self._given:
            _check_decodes(self._input, sample, encoding)
        text = sample.decode(_decoder(encoding), errors="replace").removeprefix("\ufeff")
        cr_only = "\r" in text.rstrip("\r") and "\n" not in text
        if cr_only:
            text = text.replace("\r", "\n")
        self.dialect = replace(dialect, encoding=encoding, cr_only=cr_only)
        self._by_line = lines and is_array_lines(text)
        self._is_scattered = lines and (self._by_line or not is_lines(text))
        self._wrapped = tuple(wrapped)
        self._clean: CleanParser | None = None
        self.header: tuple[str, ...] = dialect.names
        self._skip = 0
        if not self._lines:
            if self._is_empty and not dialect.names:
                expect_content(self._input)
            self._read_header(text)

    @property
    def guessed(self) -> bool:
        """Whether the encoding is a guess: any bytes at all are latin-1."""
        return not self._given and self.dialect.encoding == "latin-1"

    def reader(self, wanted: Sequence[int] = ()) -> pa.RecordBatchReader:
        """Return the records as a stream; once it has been read, `count` is complete.

        With `wanted`, places in the header, there are columns `c0`, `c1`, ... after those of `SCHEMA`: the
        fields of these, where `parsed` says so. What isn't parsed is to be cut by its `quotes` and `broken`.
        """
        if wanted and not self._lines:
            self._clean = CleanParser(
                self.header, self.dialect.delimiter or ",", self.dialect.quote or "", wanted=wanted,
                longest=LONGEST_RECORD,
            )  # fmt: skip
            fields = [pa.field(f"c{i}", pa.string()) for i in range(len(wanted))]
            self._schema = pa.schema([*SCHEMA, pa.field("parsed", pa.bool_()), *fields])
        return pa.RecordBatchReader.from_batches(self._schema, self._watched())

    def first_lines(self, n: int) -> list[str]:
        """Return the text of up to n records, to look at."""
        found: list[str] = []
        for batch in self._batches():
            found += batch.column("text").slice(0, n - len(found)).to_pylist()
            if len(found) >= n:
                break
        return found

    def _watched(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._batches()
        except SourceError as problem:
            self.problem = problem  # what reads the stream would hide it behind an error of its own
            raise

    def _sample(self) -> bytes:
        """Read the beginning; of lines the whole first: at its end those of records and of pages differ."""
        with self._input.open() as stream:
            sample = more = stream.read(SAMPLE_BYTES)
            while self._lines and more and b"\n" not in more and len(sample) < _LONGEST_LINE:
                more = stream.read(SAMPLE_BYTES)
                sample += more
        return sample

    def _read_header(self, text: str) -> None:
        said = _EXCEL_SEPARATOR.match(text)
        at = said.end() if said else 0
        text_of_table = text[at:]
        quote = _sniff_quote(text_of_table) if self.dialect.quote is None else self.dialect.quote
        delimiter = self.dialect.delimiter or (said[1] if said else _sniff_delimiter(text_of_table, quote))
        self.dialect = replace(self.dialect, delimiter=delimiter, quote=quote)
        self._pattern = re.compile(field_pattern(delimiter, quote))
        if self.dialect.names:
            return
        lines = re.findall(r"[^\n]*\n|[^\n]+", text_of_table)
        rows: list[list[str]] = []
        end = 0
        while len(rows) < self.dialect.header_rows and end < len(lines):
            first = next((i for i in range(end, len(lines)) if lines[i].strip()), len(lines))
            end = first + 1
            while quote and end < len(lines) and "".join(lines[first:end]).count(quote) % 2:
                end += 1
            row = "".join(lines[first:end])
            fields = self._split(row.rstrip("\r\n")) or row.strip().split(delimiter)
            rows.append([field.strip() for field in fields])
        self._skip = len((text[:at] + "".join(lines[:end])).encode())
        naming = self.dialect.naming
        self.header = tuple(naming(rows) if naming else rows[0] if rows else ())

    def _split(self, text: str) -> list[str] | None:
        """Split one record into its fields, or None where its quotes make no sense."""
        assert self.dialect.delimiter is not None  # noqa: S101 -- set with the header
        quote = self.dialect.quote
        rest = self.dialect.delimiter + text
        fields, at = [], 0
        while at < len(rest):
            found = self._pattern.match(rest, at)
            if found is None:
                return None
            field = found.group()[1:]
            if quote and len(field) > 1 and field[0] == quote:
                field = field[1:-1].replace(quote * 2, quote)
            fields.append(field)
            at = found.end()
        return fields

    def _is_record(self, data: bytes) -> bool:
        fields = self._split(data.decode("utf-8", errors="replace").rstrip("\r\n"))
        return fields is not None and len(fields) == len(self.header)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        self.count = 0
        if self._is_empty:
            return
        rest, skip = b"", self._skip
        for block, last in self._blocks():
            data = rest + block
            if skip:
                skipped = min(skip, len(data))
                data, skip = data[skipped:], skip - skipped
            if codecs.BOM_UTF8 in data:  # files put together have marks in the middle
                data = data.replace(b"\n" + codecs.BOM_UTF8, b"\n").removeprefix(codecs.BOM_UTF8)
            clean = self._clean.parse(data, last=last) if self._clean and self._clean.possible else None
            if clean is not None:
                rest = data[clean.ends[-1] :]
                batch = self._clean_batch(data, clean)
                self.count += batch.num_rows
                yield batch
                continue
            starts, ends, quotes, broken = self._cut(data, last=last)
            rest = data[ends[-1] :] if len(ends) else data
            if len(ends):
                batch = self._batch(data, starts, ends, quotes, broken)
                self.count += batch.num_rows
                yield self._unparsed(batch)

    def _blocks(self) -> Iterator[tuple[bytes, bool]]:
        """Yield the file as UTF-8 with a record on each line, block by block, and say which is the last."""
        blocks = self._plain_blocks()
        if self._is_scattered:
            blocks = as_lines(blocks, by_line=self._by_line)
        return unwrapped(blocks, self._wrapped) if self._wrapped else blocks

    def _plain_blocks(self) -> Iterator[tuple[bytes, bool]]:
        """Yield the file as UTF-8 with LF line ends."""
        encoding = self.dialect.encoding or "utf-8"
        decoder = None
        if not encoding.startswith("utf-8"):
            decoder = codecs.getincrementaldecoder(_decoder(encoding))()
        with self._input.open() as stream:
            first = True
            while True:
                block = stream.read(BLOCK_BYTES)
                last = len(block) < BLOCK_BYTES
                block = self._decode(decoder, block, last=last) if decoder else block
                if first:
                    block, first = block.removeprefix(codecs.BOM_UTF8), False
                if self.dialect.cr_only:
                    block = block.replace(b"\r", b"\n")
                yield block, last
                if last:
                    return

    def _decode(self, decoder: codecs.IncrementalDecoder, block: bytes, *, last: bool) -> bytes:
        try:
            return decoder.decode(block, last).encode("utf-8", errors="replace")
        except UnicodeDecodeError as problem:
            raise wrong_encoding(self._input, self.dialect.encoding or "", problem) from problem

    def _cut(
        self, data: bytes, *, last: bool
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], dict[int, str]]:
        """Return where records start and end in `data`, their quotes, and which are broken."""
        array = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(array == ord("\n")) + 1
        if last and len(data) and (not len(ends) or ends[-1] < len(data)):
            ends = np.append(ends, len(data))
        starts = np.concatenate(([0], ends[:-1])) if len(ends) else ends
        if self._lines or not len(ends):
            return starts, ends, np.zeros(len(ends), dtype=np.int64), {}
        if not self.dialect.quote:
            return starts, ends, np.zeros(len(ends), dtype=np.int64), {}
        at = np.flatnonzero(array == ord(self.dialect.quote))
        quotes = np.diff(np.searchsorted(at, np.concatenate(([0], ends))))
        odd = np.flatnonzero(quotes & 1)
        if not len(odd):
            return starts, ends, quotes, {}
        return self._join(data, starts, ends, quotes, odd.tolist(), last=last)

    def _join(
        self,
        data: bytes,
        starts: npt.NDArray[np.int64],
        ends: npt.NDArray[np.int64],
        quotes: npt.NDArray[np.int64],
        odd: list[int],
        *,
        last: bool,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], dict[int, str]]:
        """Join the lines of records whose quoted fields hold line ends.

        A line with an odd number of quotes is a record by itself (a stray quote in a plain field), or begins
        a record that the next such line ends; if neither gives the right number of fields, it is broken.
        """
        inner = np.zeros(len(ends), dtype=bool)  # lines that go on in the next one
        broken_lines, stop, i = {}, len(ends), 0
        while i < len(odd):
            line = odd[i]
            if self._is_record(data[starts[line] : ends[line]]):
                i += 1
                continue
            end = odd[i + 1] if i + 1 < len(odd) else None
            if end is None and not last and len(data) - starts[line] <= LONGEST_RECORD:
                stop = line  # its end may be in the next block
                break
            if (
                end is not None
                and ends[end] - starts[line] <= LONGEST_RECORD
                and self._is_record(data[starts[line] : ends[end]])
            ):
                inner[line:end] = True
                i += 2
                continue
            broken_lines[line] = NEVER_CLOSED
            i += 1
        is_end = ~inner[:stop]
        record_of_line = np.cumsum(is_end) - is_end
        kept_ends = ends[:stop][is_end]
        kept_starts = np.concatenate(([0], kept_ends[:-1])) if len(kept_ends) else kept_ends
        sums = np.bincount(record_of_line, weights=quotes[:stop], minlength=len(kept_ends)).astype(np.int64)
        broken = {int(record_of_line[line]): reason for line, reason in broken_lines.items() if line < stop}
        return kept_starts, kept_ends, sums[: len(kept_ends)], broken

    def _batch(
        self,
        data: bytes,
        starts: npt.NDArray[np.int64],
        ends: npt.NDArray[np.int64],
        quotes: npt.NDArray[np.int64],
        broken: dict[int, str],
    ) -> pa.RecordBatch:
        array = np.frombuffer(data, dtype=np.uint8)
        length = ends - starts
        blank = (length == 1) & (array[starts] == ord("\n"))
        blank |= (length == 2) & (array[starts] == ord("\r")) & (array[ends - 1] == ord("\n"))
        texts, spoilt = self._texts(data, starts, ends)
        for record in spoilt:
            broken.setdefault(record, NOT_UTF8)
        reasons = pa.nulls(len(ends), pa.string())
        if broken:
            reasons = pa.array([broken.get(i) for i in range(len(ends))], pa.string())
        columns = [pc.ascii_rtrim(texts, "\r\n"), pa.array(quotes.astype(np.int32)), reasons]
        if blank.any():
            kept = pa.array(~blank)
            columns = [column.filter(kept) for column in columns]
        numbers = pa.array(np.arange(self.count + 1, self.count + 1 + len(columns[0]), dtype=np.int64))
        return pa.record_batch([numbers, *columns], schema=SCHEMA)

    def _clean_batch(self, data: bytes, clean: Clean) -> pa.RecordBatch:
        """Records whose fields are known; their text keeps its line ends."""
        n, size = len(clean.columns[0]), len(clean.ends)
        offsets = np.append(0, clean.ends).astype(np.int32)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        texts = pa.Array.from_buffers(pa.string(), size, buffers)
        if n < size:
            texts = texts.filter(pa.array(clean.is_record))
        numbers = pa.array(np.arange(self.count + 1, self.count + 1 + n, dtype=np.int64))
        columns = [numbers, texts, pa.nulls(n, pa.int32()), pa.nulls(n, pa.string()), pa.repeat(True, n)]
        return pa.record_batch([*columns, *clean.columns], schema=self._schema)

    def _unparsed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self._clean is None:
            return batch
        n = batch.num_rows
        empty = [pa.nulls(n, pa.string())] * (len(self._schema) - len(SCHEMA) - 1)
        return pa.record_batch([*batch.columns, pa.repeat(False, n), *empty], schema=self._schema)

    def _texts(
        self, data: bytes, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
    ) -> tuple[pa.Array, list[int]]:
        """Return the records' text with their line ends, and the records that aren't UTF-8."""
        try:
            data[: ends[-1]].decode("utf-8")
        except UnicodeDecodeError as problem:
            if self._given:
                raise wrong_encoding(self._input, "utf-8", problem) from problem
            return self._repaired(data, starts, ends)
        offsets = np.append(starts[:1], ends).astype(np.int32)
        buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.string(), len(ends), buffers), []

    def _repaired(
        self, data: bytes, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
    ) -> tuple[pa.Array, list[int]]:
        texts, spoilt = [], []
        for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            try:
                texts.append(data[start:end].decode("utf-8"))
            except UnicodeDecodeError:
                texts.append(data[start:end].decode("utf-8", errors="backslashreplace"))
                spoilt.append(i)
        return pa.array(texts, pa.string()), spoilt


def field_pattern(delimiter: str, quote: str) -> str:
    """Return the regular expression of one field with the delimiter before it.

    Examples
    --------
    >>> re.findall(field_pattern(",", '"'), ',a,"b, c",')
    [',a', ',"b, c"', ',']
    """
    d, q = re.escape(delimiter), re.escape(quote)
    if not quote:
        return f"{d}[^{d}]*"
    return f"{d}(?:{q}(?:[^{q}]|{q}{q})*{q}|[^{q}{d}][^{d}]*|)"


_NO_TEXTS = {
    b"PK\x03\x04": "a zip archive; give it a name that ends in .zip, or unpack it",
    b"\xd0\xcf\x11\xe0": _EXCEL,
    b"PAR1": "a Parquet file; give it a name that ends in .parquet",
    b"SQLite format 3\x00": "a SQLite database; read it with cj.sources.SQL(path, 'SELECT ...'), or with "
    "cj.sources.OCEL where it is an object-centric event log",
    b"\x7fELF": "a program",
    b"%PDF-": "a PDF document; export the table as CSV",
}
_LOCK = ("~$", ".~lock.")
"""How the files begin that Excel and LibreOffice lay beside a workbook that is open."""
_STRUCTURED = (
    (
        re.compile(r"<ocel[\s>]|<log[\s>].*?[\"']ocel", re.IGNORECASE | re.DOTALL),
        "an object-centric event log; read it with cj.sources.OCEL",
    ),
    (re.compile(r"<log[\s>]"), "an XES log; read it with cj.sources.XES"),
    (re.compile(r"<(!doctype )?html[\s>]", re.IGNORECASE), "a web page; export the table as CSV"),
    (re.compile(r"<"), "XML, which no table is; export it as CSV"),
)


def _check_text(given: Input, sample: bytes) -> None:
    """Recognise files that are no text, before their bytes are taken for columns."""
    for beginning, what in _NO_TEXTS.items():
        if sample.startswith(beginning):
            workbook = beginning.startswith(b"PK") and b"xl/" in sample
            workbook = workbook or given.name.lower().endswith((".xlsx", ".xlsm", ".xlsb", ".ods"))
            raise SourceError(f"{given} is {_EXCEL if workbook else what}")
    if sample[8:12] == b"DUCK":
        raise SourceError(f"{given} is a DuckDB database; read it with cj.sources.SQL(path, 'SELECT ...')")
    name = Path(given.member or given.name).name
    if name.startswith(_LOCK) and len(sample) < _LOCK_BYTES:
        raise SourceError(
            f"{given} is what a spreadsheet program lays beside a file that is open; leave it out"
        )
    start = sample[:_LONGEST_LOOK].removeprefix(codecs.BOM_UTF8).lstrip()
    if start.startswith((b"<?xml", b"<log", b"<ocel", b"<!DOCTYPE", b"<!doctype", b"<html")):
        text = re.sub(r"<\?.*?\?>|<!--.*?-->", "", start.decode("utf-8", errors="replace"), flags=re.DOTALL)
        what = next((what for pattern, what in _STRUCTURED if pattern.match(text.lstrip())), "XML")
        raise SourceError(f"{given} is {what}")


def wrong_encoding(given: Input, encoding: str, problem: UnicodeDecodeError) -> SourceError:
    """Say that a file isn't in the encoding that was given or found, and what to try."""
    what = " (plain English letters alone)" if encoding == "ascii" else ""
    return SourceError(
        f"{given} is not {encoding}{what}: byte 0x{problem.object[problem.start]:02x} can't be decoded. "
        "Leave out encoding= to have it found, or give the right one, such as encoding='latin-1', "
        "'cp1252' or 'utf-16'"
    )


def _encoding(source: Input, sample: bytes, given: str | None, *, is_json: bool) -> str:
    marked = _marked_encoding(sample)
    if given is not None:
        return _check_given(source, given, marked)
    if marked is not None:
        return marked
    nulls = sample[:4096].count(b"\x00")
    if nulls > len(sample[:4096]) // 4:
        return "utf-16-le" if sample[1:4096:2].count(b"\x00") * 2 > nulls else "utf-16-be"
    if is_json:
        return "utf-8"  # which systems must use for it (RFC 8259)
    text = sample.decode("utf-8", errors="surrogateescape")
    if len(sample) >= SAMPLE_BYTES:
        text = text[:-3]  # the sample may end inside a character
    spoilt = sum(1 for character in text if "\udc80" <= character <= "\udcff") if not text.isascii() else 0
    if not spoilt:
        return "utf-8"
    fine = sum(1 for character in text if character > "\x7f") - spoilt
    # by chance latin-1 text seldom holds a character of UTF-8: where there are some, the others are damage
    return "utf-8" if fine * 10 > spoilt else "latin-1"


def _marked_encoding(sample: bytes) -> str | None:
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return None


def _check_given(source: Input, given: str, marked: str | None) -> str:
    try:
        name = codecs.lookup(given).name
    except LookupError as problem:
        raise SourceError(
            f"{source}: there is no encoding {given!r}; known ones are utf-8, utf-16, latin-1, cp1252, ..."
        ) from problem
    if marked == "utf-16" and not name.startswith("utf-16"):
        raise SourceError(
            f"{source} begins with the mark of UTF-16, but encoding={given!r} was given. "
            "Leave it out or give encoding='utf-16'"
        )
    return "utf-8-sig" if marked == "utf-8-sig" and name == "utf-8" else name


def _check_decodes(source: Input, sample: bytes, encoding: str) -> None:
    """Say so before columns are looked for by names with letters replaced."""
    try:
        codecs.getincrementaldecoder(_decoder(encoding))().decode(sample)
    except UnicodeDecodeError as problem:
        raise wrong_encoding(source, encoding, problem) from problem


def _decoder(encoding: str) -> str:
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _sniff_quote(text: str) -> str:
    """Double quotes, unless none occur and single ones stand around fields."""
    if '"' not in text and re.search(r"(?m)(^|[,;\t|])'[^'\n]*'([,;\t|\r]|$)", text):
        around = len(re.findall(r"(?m)(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\r]|$)", text))
        if around * 2 >= text.count("\n"):
            return "'"
    return '"'


def _sniff_delimiter(text: str, quote: str) -> str:
    """Return the delimiter that gives most records the header's number of fields, and the most fields."""
    lines = [line[:_LONGEST_LOOK] for line in text.split("\n", 200)[:200] if line.strip()]
    if quote:  # lines in which a quote stays open tell nothing
        q = re.escape(quote)
        whole = (line for line in lines if line.count(quote) % 2 == 0)
        lines = [re.sub(f"{q}[^{q}]*{q}", "", line) for line in whole]
    best, best_score = ",", (0.0, 0)
    for delimiter in (",", ";", "\t", "|"):
        counts = [line.count(delimiter) for line in lines]
        if not counts or not counts[0]:
            continue
        share = counts.count(counts[0]) / len(counts)
        score = (round(share, 1), counts[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best
