"""The workbook that a marketing team fills in: a map as sheets, with help texts and drop-downs."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cjmining.errors import MapError
from cjmining.intended.excel import load_openpyxl
from cjmining.intended.excel_cells import cell_of, text_of
from cjmining.intended.excel_layout import NOTHING, READ_ME, SETTING, SHEETS, VALUE, Column
from cjmining.intended.reader import parse_map
from cjmining.intended.writing import plain

if TYPE_CHECKING:
    from cjmining.intended.model import IntendedMap

Rows = dict[str, list[dict[str, Any]]]
"""For each sheet its rows, by the keys of a map file."""

LONGEST: Final = 32_767
"""Characters that a cell can hold."""
SPARE: Final = 500
"""Rows that drop-downs reach beyond those that are filled."""


def write_excel(path: str | Path, intended: IntendedMap | None = None) -> Path:
    """Write a workbook in which a map is drawn: help texts, drop-downs, and a map to begin with.

    Parameters
    ----------
    path : str or Path
        Where to write it; it ends in .xlsx. What lies there is replaced.
    intended : IntendedMap, optional
        The map to write; by default a small example.

    Returns
    -------
    Path
        Where it was written. `cj.read_map` reads the same map from it.

    Raises
    ------
    MapError
        If openpyxl is not installed, the file can't be written, or the map has a text that no cell can hold.
    """
    target = Path(path)
    if target.suffix.lower() != ".xlsx":
        raise MapError(f"a workbook ends in .xlsx, not {target.name!r}")
    content = _content(intended or parse_map(EXAMPLE, name="the example"))
    try:
        target.write_bytes(content)
    except OSError as problem:
        raise MapError(f"can't write {target}: {problem.strerror}") from None
    return target


def _content(intended: IntendedMap) -> bytes:
    book = load_openpyxl().Workbook()
    _write_read_me(book.active)
    rows = _rows(plain(intended))
    for name, columns in SHEETS.items():
        sheet = book.create_sheet(name)
        if name == "Map":
            _write_settings(sheet, columns, rows[name][0])
        else:
            _write_table(sheet, columns, rows[name])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


# What stands where ---------------------------------------------------------------------------------------


def _rows(data: dict[str, Any]) -> Rows:
    """Cut the values of a map file into the rows of the sheets."""
    personas = data.get("personas", [])
    own = [(persona["persona"], stage) for persona in personas for stage in persona.get("stages", [])]
    placed = [*(("", stage) for stage in data["stages"]), *own]
    return {
        "Map": [{key: value for key, value in data.items() if key not in {"stages", "exits", "personas"}}],
        "Stages": [_without(stage, "touchpoints") for stage in data["stages"]],
        "Touchpoints": [row for name, stage in placed for row in _touchpoint_rows(name, stage)],
        "Promises": [row for name, stage in placed for row in _promise_rows(name, stage)],
        "Exits": [{"by": "customer", **exit_} for exit_ in data.get("exits", [])],
        "Personas": [_without(persona, "stages") for persona in personas],
        "Persona stages": [{"persona": name, **_without(stage, "touchpoints")} for name, stage in own],
    }


def _without(values: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != key}


def _touchpoint_rows(persona: str, stage: dict[str, Any]) -> Iterator[dict[str, Any]]:
    belongs = {"stage": stage["stage"], **({"persona": persona} if persona else {})}
    for touchpoint in stage.get("touchpoints", []):
        yield {**belongs, **_without(touchpoint, "expect")}


def _promise_rows(persona: str, stage: dict[str, Any]) -> Iterator[dict[str, Any]]:
    belongs = {"stage": stage["stage"], **({"persona": persona} if persona else {})}
    for touchpoint in stage.get("touchpoints", []):
        for promise in touchpoint.get("expect", []):
            yield {**belongs, "touchpoint": touchpoint["touchpoint"], **promise}


# The sheets ----------------------------------------------------------------------------------------------


def _write_settings(sheet: Any, columns: Sequence[Column], values: dict[str, Any]) -> None:  # noqa: ANN401
    """Write the sheet Map: a line a setting, with what it means behind it."""
    for at, head in enumerate((SETTING, VALUE, "What it means"), 1):
        _write_head(sheet, at, head, "")
    for row, column in enumerate(columns, 2):
        _write(sheet, row, 1, column.header)
        if column.key in values:
            _write(sheet, row, 2, cell_of(values[column.key], column))
        _write(sheet, row, 3, column.help)
        sheet.cell(row, 3).font = _font(italic=True, color="666666")
    for letter, width in zip("ABC", (20, 40, 90), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"


def _write_table(sheet: Any, columns: Sequence[Column], rows: list[dict[str, Any]]) -> None:  # noqa: ANN401
    """Write a sheet with a row of headers, which stays in sight, and its rows."""
    from openpyxl.utils import get_column_letter

    for at, column in enumerate(columns, 1):
        _write_head(sheet, at, column.header, column.help)
        letter = get_column_letter(at)
        sheet.column_dimensions[letter].width = column.width
        _offer_choices(sheet, sheet.title, column, f"{letter}2:{letter}{len(rows) + SPARE}")
        for number, row in enumerate(rows, 2):
            if column.key in row:
                _write(sheet, number, at, cell_of(row[column.key], column))
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{max(len(rows), 1) + 1}"


def _write(sheet: Any, row: int, at: int, value: str | float | None) -> None:  # noqa: ANN401 -- of openpyxl
    from openpyxl.styles import Alignment
    from openpyxl.utils.exceptions import IllegalCharacterError

    cell = sheet.cell(row, at)
    where = f"sheet {sheet.title}, row {row}"
    try:
        cell.value = value
    except IllegalCharacterError:
        raise MapError(f"{where}: no cell can hold the characters of {value!r}") from None
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise MapError(f"{where}: no cell can hold {len(value):,} characters ('{value[:40]}...')")
        cell.data_type = "s"  # a text that begins with = is no formula
        cell.alignment = Alignment(wrap_text=True, vertical="top")


def _write_head(sheet: Any, at: int, head: str, help_: str) -> None:  # noqa: ANN401 -- of openpyxl
    from openpyxl.comments import Comment
    from openpyxl.styles import PatternFill

    cell = sheet.cell(1, at, head)
    cell.font = _font(bold=True, color="FFFFFF")
    cell.fill = PatternFill("solid", fgColor="1F4E78")
    if help_:
        cell.comment = Comment(help_, "cjmining", width=320, height=120)


def _font(**settings: Any) -> Any:  # noqa: ANN401 -- of openpyxl
    from openpyxl.styles import Font

    return Font(**settings)


def _offer_choices(sheet: Any, title: str, column: Column, cells: str) -> None:  # noqa: ANN401 -- of openpyxl
    """Offer what may stand in a column; names of stages and personas come from their sheets."""
    from openpyxl.worksheet.datavalidation import DataValidation

    source = _choices(title, column)
    if source is None:
        return
    offer = DataValidation(type="list", formula1=source, allow_blank=True)
    offer.error = column.help[:200]
    offer.errorTitle = column.header
    offer.showErrorMessage = bool(column.options)
    offer.add(cells)
    sheet.add_data_validation(offer)


def _choices(title: str, column: Column) -> str | None:
    if column.options and column.kind != "names":
        return f'"{",".join(column.options)}"'
    homes = {"stage": "Stages", "persona": "Personas"}
    if column.key in homes and title != homes[column.key]:
        return f"'{homes[column.key]}'!$A$2:$A${SPARE}"
    return None


def _write_read_me(sheet: Any) -> None:  # noqa: ANN401 -- of openpyxl
    sheet.title = READ_ME
    sheet.column_dimensions["A"].width = 110
    for row, line in enumerate(_HELP.strip().split("\n"), 1):
        _write(sheet, row, 1, text_of(line) or None)
    sheet.cell(1, 1).font = _font(bold=True, size=14)


_HELP = f"""
An intended customer journey

This workbook describes the journey that you intend for your customers. Write over what the sheets hold.
Point at a header to see what its column means. Rows may be added anywhere; empty ones are passed over.

Map: what the journey is called, which touchpoints complete it, and after what silence a customer has left.
Stages: the steps of the journey from top to bottom, with what the customer wants there (motivation).
Touchpoints: what happens in each stage, in order, with key events, areas of tension and opportunities.
Promises: what you promise at a touchpoint, as numbers: an answer within 120 seconds for 90 %.
Exits: what ends a journey without the goal.
Personas: groups of customers, by conditions on what is known of them, and their needs.
Persona stages: where a stage differs for a persona. Its own touchpoints go into Touchpoints, with its name.

Durations are a number with s, m (minutes), h, d or w: 90m, 36h, 14d.
Names in a cell are separated by commas, texts by line breaks. A name with a comma goes in "quotes".
{NOTHING} says that there is nothing, where an empty cell would mean something else.

Check it: cjmining map check map.xlsx tells every mistake with its cell.
"""

EXAMPLE: Final = """
map: Online purchase
goal: [order_delivered]
exits:
  - {touchpoint: unsubscribed}
  - {touchpoint: order_rejected, by: company}
patience: 14d
horizon: 30d
stages:
  - stage: Awareness
    owner: Marketing
    motivation: Has heard of us and wonders whether we fit
    order: choice
    optional: true
    touchpoints:
      - {touchpoint: ad_clicked, channels: [social, search], repeat: true, emotion: 1}
      - {touchpoint: friend_asked, recorded: false}
  - stage: Choice
    owner: Product
    motivation: Wants to be sure before choosing
    touchpoints:
      - {touchpoint: product_viewed, channels: [web, app], repeat: true, emotion: 1}
      - touchpoint: chat_answered
        channels: [chat]
        optional: true
        pain_points: [Answers come slowly]
        opportunities: [Say how long the answer will take]
        expect:
          - {measure: wait_s, at_most: 60, share: 0.8}
      - {touchpoint: chat_rated, channels: [survey], optional: true, rates: [chat_answered]}
    returns_to: [Awareness]
  - stage: Checkout
    owner: Shop
    motivation: Wants to pay quickly and safely
    within: 7d
    touchpoints:
      - touchpoint: payment_entered
        channels: [web, app]
        emotion: -1
        moment_of_truth: true
        pain_points: [Long form on a small screen]
    returns_to: [Choice]
  - stage: Delivery
    owner: Logistics
    patience: never
    touchpoints:
      - {touchpoint: order_delivered, actor: company, emotion: 2, moment_of_truth: true}
personas:
  - persona: Gen Z
    where: {birth_year: {at_least: 1997}}
    needs: [Paying without typing]
    value: 120
"""
