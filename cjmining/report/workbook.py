"""The verb `export`: results to a workbook for colleagues."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cjmining.errors import LogError, MapError
from cjmining.intended.words import duration_in_short
from cjmining.report import words
from cjmining.report.patiences import patience_in_short
from cjmining.report.small_rows import first_line, names_few, tells_of_few
from cjmining.report.workbook_file import write_book
from cjmining.report.workbook_sheets import (
    Given,
    Sheet,
    definition_sheet,
    log_sheets,
    map_sheets,
    named_maps,
    result_sheets,
    settings_sheet,
    sort_out,
    tab_names,
)
from cjmining.report.writing import write_whole

if TYPE_CHECKING:
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog
    from cjmining.results import Result

MOST_ROWS = 5_000
WITHHELD = "Not told here: it would say something of few customers."
Line = tuple[str, str, str]


def export(
    path: str | Path,
    *results: JourneyLog | Result | IntendedMap,
    smallest_group: int = 10,
    most_rows: int = MOST_ROWS,
) -> Path:
    """Write a log and results into a workbook (.xlsx): every table, what its columns mean, map and settings.

    The first sheet says what the workbook is; each table has a sheet with units, filters and a header that
    stays in sight; then come the map, the settings, the ledger, and the definitions of all columns. Tables
    whose rows are single customers or journeys are not in it, nor is any identifier; rows about few are left
    out, and the sheet says how many. The same results give the same file, byte for byte.

    Parameters
    ----------
    path : str or Path
        The file, ending in .xlsx; what lies there is replaced, once everything is written.
    *results : JourneyLog, Result or IntendedMap
        The log, and any results of it: of `cj.discover`, `cj.check`, `cj.coverage`, `check.reconcile`, ...
    smallest_group : int
        Groups of fewer customers are merged, rows about fewer journeys or customers left out; at least 1,
        which shows everything.
    most_rows : int
        Longest table; of a longer one the rows about most journeys are kept.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    LogError
        If openpyxl is not installed, the file can't be written, or something given is no result, or one of a
        single customer (a story).

    Examples
    --------
    >>> import tempfile
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(300, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cj.export(f"{folder}/findings.xlsx", log, cj.check(log, intended)).name
    'findings.xlsx'
    """
    target = _expect_writable(path)
    for name, number in {"smallest_group": smallest_group, "most_rows": most_rows}.items():
        if not isinstance(number, int) or number < 1:
            raise LogError(f"{name} is a whole number of at least 1, not {number!r}")
    given = sort_out(results)
    sheets, not_told = result_sheets(given, smallest=smallest_group, most=most_rows)
    sheets += map_sheets(given.maps)
    sheets.append(settings_sheet(given, smallest=smallest_group, most=most_rows))
    if given.log is not None:
        sheets += log_sheets(given.log)
    sheets.append(definition_sheet(sheets))
    tabs = tab_names(sheets)
    read_me = list(_read_me(given, sheets, tabs, not_told, smallest_group))
    try:
        content = write_book(read_me, sheets, tabs, _made(given))
    except MapError as problem:
        raise LogError(str(problem)) from None
    try:
        write_whole(target, content)
    except OSError as problem:
        raise LogError(f"can't write {target}: {problem.strerror}") from None
    return target


def _expect_writable(path: str | Path) -> Path:
    target = Path(path)
    if target.suffix.lower() != ".xlsx":
        raise LogError(f"a workbook ends in .xlsx, not {target.name!r}")
    if not target.parent.is_dir():
        raise LogError(f"can't write {target}: the folder {target.parent} does not exist")
    if target.is_dir():
        raise LogError(f"can't write {target}: it is a folder")
    return target


def _made(given: Given) -> datetime:
    """The end of the data stands for when the file was made, so that the same data give the same file."""
    if given.log is None:
        return datetime(2000, 1, 1)  # noqa: DTZ001 -- a file's properties have no zone
    return given.log.data_end.to_pydatetime().replace(tzinfo=None, microsecond=0)


# The first sheet


def _read_me(
    given: Given, sheets: Sequence[Sheet], tabs: Sequence[str], not_told: Sequence[str], smallest: int
) -> Iterator[Line]:
    yield "Findings of customer-journey mining", "", ""
    yield "", "", ""
    yield from ((name, text, "") for name, text in _facts(given, smallest))
    yield "", "", ""
    yield "How to read it", "", ""
    yield from (("", text, "") for text in _HOW.strip().split("\n"))
    if smallest > 1:
        yield "", _SMALL.format(smallest=smallest).strip(), ""
    notes = list(dict.fromkeys(_notes(given, smallest)))
    if notes:
        yield "", "", ""
        yield "Before you trust a number", "", ""
        yield from ((of, note, "") for of, note in notes)
    yield "", "", ""
    yield "Sheets", "", ""
    for sheet, tab in zip(sheets, tabs, strict=True):
        rows = "1 row" if len(sheet.rows) == 1 else f"{len(sheet.rows):,} rows"
        yield tab, " ".join([f"{sheet.title}, {rows}.", *sheet.about]), tab
    if not_told:
        yield "", "", ""
        yield "Not in this workbook", "", ""
        yield from (("", text, "") for text in not_told)


_HOW = """
Each sheet has one table; the small line above its header says in which unit a column is, the sheet \
Definitions what it means.
Shares are percentages of what their definition names. Limits (lower, upper) are 95 % limits: a figure as \
far off as that is not surprising.
Empty cells are unknown, not zero. Comparisons are associations, unless the definition says otherwise.
Where results are grouped, rows of the group 'all' are about everyone.
"""
_SMALL = """
Groups of fewer than {smallest} customers are merged or left out, and so are rows about fewer than \
{smallest} customers or journeys; the sheet says how many. No identifier of a customer is in this workbook.
"""


def _facts(given: Given, smallest: int) -> Iterator[tuple[str, str]]:
    log = given.log
    if log is not None:
        first = f"{_minute(_first(log))} to " if log.n_events else ""
        yield "Period", f"{first}{_minute(log.data_end)} UTC, when the data end"
        parts = (log.n_journeys, "journey"), (log.n_customers, "customer"), (log.n_events, "event")
        journeys, customers, events = (words.plural(number, word) for number, word in parts)
        yield "Size", f"{journeys} of {customers}, {events}"
    for called, intended in named_maps(given.maps):
        patience = patience_in_short(intended)
        horizon = duration_in_short(intended.horizon)
        left = f"patience {patience} (the silence that counts as having left)"
        within = f"horizon {horizon} (within which drop-out and conversion are stated)"
        yield f"M{called[1:]} '{intended.name}'", f"{left}, {within}"
    for name, result in given.results:
        yield name, WITHHELD if tells_of_few(result, smallest) else first_line(result)


def _first(log: JourneyLog) -> datetime:
    import pandas as pd

    first: datetime = pd.Timestamp(int(log.timestamps.min()), unit="us", tz="UTC")
    return first


def _notes(given: Given, smallest: int) -> Iterator[tuple[str, str]]:
    """Yield what a reader should know, each with what it is about; a note of few is withheld."""
    if given.log is not None:
        yield from (("log", _EXAMPLE.sub("", note)) for note in given.log.notes)
    for called, intended in named_maps(given.maps):
        yield from ((called, remark) for remark in intended.remarks)
    for name, result in given.results:
        stage = getattr(result, "stage", None)
        of = f"{name}, {stage}" if isinstance(stage, str) else name
        if tells_of_few(result, smallest):
            continue
        for note in (*getattr(result, "notes", ()), *getattr(result, "assumptions", ())):
            if not names_few(note, smallest):
                yield of, note


_EXAMPLE = re.compile(r" \(such as (['\"]).*?\1\)")
"""A value of the exports that a note quotes: what stands in a wrong column may be a person's."""


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
