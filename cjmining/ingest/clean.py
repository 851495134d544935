"""Blocks of separated text with nothing odd in them, parsed at once by a fast reader.

A block is clean if only one reading of it is possible: valid UTF-8, every quote at the edge of a field or
doubled inside one, lines that end alike, and the header's number of fields in each record. Everything else
is for the careful reader, which gives the same fields for what is clean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Places = npt.NDArray[np.int64]

_LF, _CR = ord("\n"), ord("\r")
_BLANKS = " \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"
"""What DuckDB's trim takes away."""
_MAY_BE_BLANK = np.arange(256) >= 128
_MAY_BE_BLANK[ord(" ")] = True


@dataclass(frozen=True)
class Clean:
    """The records of a clean block: where each ends with its line ends, and their fields by column.

    Fields are trimmed; an empty one is null.
    """

    ends: Places
    is_record: npt.NDArray[np.bool_]
    """False for blank lines."""
    columns: list[pa.Array]


class CleanParser:
    """Parses clean blocks of one file.

    Parameters
    ----------
    header : sequence of str
        Its columns.
    delimiter, quote : str
        As in the dialect; `quote` may be empty.
    wanted : sequence of int
        Places of the columns to return.
    longest : int
        Records of more bytes are for the careful reader.
    """

    def __init__(
        self, header: Sequence[str], delimiter: str, quote: str, *, wanted: Sequence[int], longest: int
    ) -> None:
        self._width, self._wanted, self._longest = len(header), list(wanted), longest
        self._delimiter, self._quote = delimiter, quote
        self.possible = (
            self._width > 1
            and bool(self._wanted)
            and all(len(mark.encode()) == 1 for mark in (delimiter, quote or "x"))
        )

    def parse(self, data: bytes, *, last: bool) -> Clean | None:
        """Parse the whole records at the start of `data`, which begins with one; None if it isn't clean."""
        if b"\x00" in data or (b"\r" in data and data.count(b"\r") != data.count(b"\r\n")):
            return None
        array = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(array == _LF) + 1
        if last and len(data) and (not len(ends) or ends[-1] < len(data)):
            ends = np.append(ends, len(data))
        if self._quote and self._quote.encode() in data:
            ends = self._outside_quotes(array, ends)
        if not len(ends) or (last and ends[-1] < len(data)):  # the second: a quote that is never closed
            return None
        lengths = np.diff(ends, prepend=0)
        if int(lengths.max()) > self._longest or not _is_utf8(data, int(ends[-1])):
            return None
        is_record = ~((lengths == 1) & (array[ends - 1] == _LF))
        is_record &= ~((lengths == 2) & (array[ends - 2] == _CR) & (array[ends - 1] == _LF))
        columns = self._fields(data, int(ends[-1]), int(is_record.sum()))
        if columns is None:
            return None
        columns = [_trimmed(column) if _may_have_blanks(column) else column for column in columns]
        return Clean(ends, is_record, columns)

    def _outside_quotes(self, array: npt.NDArray[np.uint8], ends: Places) -> Places:
        """Return the line ends outside of quotes; none of them if a quote stands where it shouldn't."""
        nothing = ends[:0]
        at = np.flatnonzero(array == ord(self._quote))
        before = np.searchsorted(at, ends)
        ends, before = ends[before % 2 == 0], before[before % 2 == 0]
        if not len(ends):
            return nothing
        at = at[: before[-1]]
        opening, closing = at[0::2], at[1::2]
        doubled = opening[1:] - closing[:-1] == 1
        separates = np.zeros(256, dtype=bool)
        separates[[ord(self._delimiter), _LF]] = True
        begins = separates[array[opening - 1]] | (opening == 0)
        begins[1:] |= doubled
        separates[_CR] = True
        finishes = separates[array[np.minimum(closing + 1, len(array) - 1)]] | (closing == len(array) - 1)
        finishes[:-1] |= doubled
        return ends if begins.all() and finishes.all() else nothing

    def _fields(self, data: bytes, size: int, n: int) -> list[pa.Array] | None:
        if not n:
            return None
        from pyarrow import csv

        names = [str(i) for i in range(self._width)]
        try:
            table = csv.read_csv(
                pa.BufferReader(pa.py_buffer(data).slice(0, size)),
                read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=size + 1),
                parse_options=csv.ParseOptions(
                    delimiter=self._delimiter, quote_char=self._quote or False, newlines_in_values=True
                ),
                convert_options=csv.ConvertOptions(
                    include_columns=[names[i] for i in self._wanted],
                    column_types=dict.fromkeys(names, pa.string()),
                    check_utf8=False,  # it was checked
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid:
            return None  # another number of fields in some record
        if table.num_rows != n:
            return None
        return [
            column.chunk(0) if column.num_chunks == 1 else column.combine_chunks() for column in table.columns
        ]


def _may_have_blanks(column: pa.Array) -> bool:
    """Whether a text may begin or end with a blank: one byte of each tells, since others aren't ASCII."""
    _, places, data = column.buffers()
    if data is None or not len(column):
        return False
    offsets = np.frombuffer(places, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    text = np.frombuffer(data, dtype=np.uint8)
    filled = offsets[1:] > offsets[:-1]
    first, last = text[offsets[:-1][filled]], text[offsets[1:][filled] - 1]
    return bool(_MAY_BE_BLANK[first].any() or _MAY_BE_BLANK[last].any())


def _trimmed(column: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim(column, _BLANKS)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def _is_utf8(data: bytes, size: int) -> bool:
    if data.isascii():
        return True
    try:
        data[:size].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
