"""Sheets to the bytes of a workbook: laid out for reading, and the same bytes for the same sheets."""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from cjmining.units import PERCENT, TEXT, YES_NO, Unit

if TYPE_CHECKING:
    from cjmining.report.workbook_sheets import Column, Sheet

WIDEST, NARROWEST = 60, 9
"""Widths of columns, in characters; longer texts are wrapped."""
FEW_COLUMNS, WIDEST_OF_FEW = 4, 100
"""In a sheet of so few columns they may be wider."""
HEADER = 4
"""Row of the header: title, remarks and units stand above it."""
LONGEST = 32_767
"""Characters that a cell can hold."""
LOOKED_AT = 300
"""Rows that a column's width is measured on."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NO_CELL_HOLDS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_HEAD, _PALE, _INK = "1F4E78", "DDE6EF", "666666"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Earliest time that a zip file can tell."""


def write_book(
    read_me: Sequence[tuple[str, str, str]], sheets: Sequence[Sheet], tabs: Sequence[str], made: datetime
) -> bytes:
    """Return a workbook's bytes.

    Parameters
    ----------
    read_me : sequence of (str, str, str)
        Lines of the first sheet: a heading, or a name and what is said of it; the third is the tab to go to.
    sheets : sequence of Sheet
        The sheets that follow.
    tabs : sequence of str
        Their names.
    made : datetime
        What the file says of when it was made.
    """
    from cjmining.intended.excel import load_openpyxl

    book = load_openpyxl().Workbook()
    _write_read_me(book.active, read_me)
    for sheet, tab in zip(sheets, tabs, strict=True):
        _write_table(book.create_sheet(tab), sheet)
    book.properties.creator = "cjmining"
    book.properties.created = made
    written = io.BytesIO()
    book.save(written)
    return _same_bytes(written.getvalue(), made)


def _same_bytes(content: bytes, made: datetime) -> bytes:
    """Write the file again without the moment of writing, which openpyxl leaves in it."""
    stamp = f"{made:%Y-%m-%dT%H:%M:%SZ}".encode()
    again = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(again, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "docProps/core.xml":
                part = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, part)
            about = zipfile.ZipInfo(name, date_time=_EPOCH)
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = 0o600 << 16
            new.writestr(about, part, compresslevel=6)
    return again.getvalue()


# Sheets


def _write_read_me(sheet: Any, lines: Sequence[tuple[str, str, str]]) -> None:  # noqa: ANN401 -- of openpyxl
    from openpyxl.styles import Alignment, Font
    from openpyxl.worksheet.hyperlink import Hyperlink

    sheet.title = "Read me"
    sheet.sheet_view.showGridLines = False
    for letter, width in (("A", 34), ("B", 100)):
        sheet.column_dimensions[letter].width = width
    for row, (name, text, tab) in enumerate(lines, 1):
        _put(sheet, row, 1, name, TEXT)
        _put(sheet, row, 2, text, TEXT)
        sheet.cell(row, 2).alignment = Alignment(wrap_text=True, vertical="top")
        sheet.cell(row, 1).alignment = Alignment(vertical="top")
        if name and not text:
            sheet.cell(row, 1).font = Font(bold=True, size=14 if row == 1 else 12, color=_HEAD)
        if tab:
            quoted = tab.replace("'", "''")
            here = sheet.cell(row, 1)
            here.hyperlink = Hyperlink(ref=here.coordinate, location=f"'{quoted}'!A1")
            sheet.cell(row, 1).font = Font(color="0563C1", underline="single")


def _write_table(sheet: Any, told: Sheet) -> None:  # noqa: ANN401 -- of openpyxl
    """Write title and remarks, a line of units, the header, and the rows."""
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    _put(sheet, 1, 1, told.title, TEXT)
    sheet.cell(1, 1).font = Font(bold=True, size=12, color=_HEAD)
    if told.about:
        sheet.cell(2, 1, " ".join(told.about)).font = Font(italic=True, color=_INK)
    head = HEADER
    widest = WIDEST if len(told.columns) > FEW_COLUMNS else WIDEST_OF_FEW
    for at, column in enumerate(told.columns, 1):
        _put(sheet, head - 1, at, column.unit.name, TEXT)
        sheet.cell(head - 1, at).font = Font(italic=True, size=9, color=_INK)
        _put(sheet, head, at, column.name, TEXT)
        cell = sheet.cell(head, at)
        cell.font = Font(bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", fgColor=_HEAD)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        width = _width(column, [row[at - 1] for row in told.rows[:LOOKED_AT]], widest)
        sheet.column_dimensions[get_column_letter(at)].width = width
    for number, values in enumerate(told.rows, head + 1):
        for at, (value, column) in enumerate(zip(values, told.columns, strict=True), 1):
            _put(sheet, number, at, value, column.unit)
    last = get_column_letter(max(len(told.columns), 1))
    sheet.auto_filter.ref = f"A{head}:{last}{head + max(len(told.rows), 1)}"
    sheet.freeze_panes = f"{_first_number(told)}{head + 1}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = f"{head}:{head}"


def _first_number(told: Sheet) -> str:
    """Return the column up to which names stay in sight: at most three."""
    texts = 0
    for column in told.columns[:3]:
        if column.unit is not TEXT:
            break
        texts += 1
    return "ABCD"[min(texts, max(len(told.columns) - 1, 0))]


def _put(sheet: Any, row: int, at: int, value: Any, unit: Unit) -> None:  # noqa: ANN401 -- any cell
    plain = cell_value(value)
    if plain is None:
        return
    cell = sheet.cell(row, at, plain)
    cell.alignment = _top()
    if isinstance(plain, str):
        cell.data_type = "s"  # a text that begins with = is no formula
        if plain.startswith(FORMULA_STARTS):
            cell.quotePrefix = True  # nor does it become one where somebody edits it
        if len(plain) > WIDEST or "\n" in plain:
            cell.alignment = _top(wrapped=True)
    else:
        cell.number_format = unit.number_format


@cache
def _top(*, wrapped: bool = False) -> Any:  # noqa: ANN401 -- of openpyxl
    from openpyxl.styles import Alignment

    return Alignment(wrap_text=wrapped, vertical="top")


def cell_value(value: Any) -> str | int | float | bool | datetime | None:  # noqa: ANN401 -- any cell
    r"""Return what a cell holds: nothing for what is missing, moments in UTC, texts that a file can hold.

    Examples
    --------
    >>> cell_value(float("nan")), cell_value(float("inf")), cell_value("a\x00b")
    (None, 'infinite', 'a\ufffdb')
    """
    if hasattr(value, "item"):
        value = value.item()
    if value is None or type(value).__name__ == "NAType" or value != value:
        return None
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else ("infinite" if value > 0 else "minus infinite")
    if isinstance(value, datetime):
        utc = value if value.tzinfo is None else value.astimezone(_utc()).replace(tzinfo=None)
        return datetime(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second)  # noqa: DTZ001 -- no cell has a zone
    text = _NO_CELL_HOLDS.sub("\ufffd", str(value))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _utc() -> Any:  # noqa: ANN401 -- a zone
    from datetime import UTC

    return UTC


def _width(column: Column, values: Sequence[Any], widest: int) -> float:
    """Return a width that the header and most of the values fit into."""
    cells = [len(text) + 2 for text in _shown(values, column.unit)]
    return float(min(widest, max(NARROWEST, len(column.name) + 3, *cells)))


def _shown(values: Sequence[Any], unit: Unit) -> Iterator[str]:
    """Yield texts about as long as a spreadsheet shows them."""
    for value in map(cell_value, values):
        if value is None:
            continue
        if isinstance(value, str | bool):
            yield max(str(value).split("\n"), key=len)
        elif isinstance(value, datetime):
            yield "2026-03-01 10:00"
        elif unit is PERCENT:
            yield f"{value:.1%}"
        else:
            decimals = len(unit.number_format.partition(".")[2]) if unit is not YES_NO else 0
            yield f"{value:,.{decimals}f}"
