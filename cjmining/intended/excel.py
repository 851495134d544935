"""A map read from an Excel workbook, with every mistake told by sheet, row and column."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from cjmining.documents import Document, Mistake, Steps, raise_mistakes, read_content
from cjmining.errors import MapError, nearest
from cjmining.intended.excel_cells import text_of, value_of
from cjmining.intended.excel_layout import (
    NEEDED_SHEETS,
    NOTHING,
    READ_ME,
    SETTING,
    SHEETS,
    VALUE,
    Column,
    normal,
)
from cjmining.intended.reader import map_of
from cjmining.intended.writing import to_yaml

if TYPE_CHECKING:
    from cjmining.intended.model import IntendedMap


def read_excel(source: str | Path) -> IntendedMap:
    """Read an intended map from an Excel workbook.

    Parameters
    ----------
    source : str or Path
        The workbook (.xlsx), laid out as `cjmining map template` writes it; see `docs/map-excel.md`.

    Returns
    -------
    IntendedMap
        Its `text` is the same map as YAML; its `remarks` also name sheets and columns that are not read.

    Raises
    ------
    MapError
        With every mistake and its cell, also as `.mistakes`; or where openpyxl is not installed.
    """
    content = read_content(source, error=MapError, what="an Excel workbook", suffixes=(".xlsx",))
    book = _Book(Path(source).name, _sheets(content, str(source)))
    document = _document(book, str(source))
    return map_of(document, book.remarks)


def load_openpyxl() -> ModuleType:
    """Return openpyxl, which reads and writes workbooks.

    Raises
    ------
    MapError
        If it is not installed.
    """
    try:
        import openpyxl
    except ImportError:
        raise MapError("Excel workbooks need openpyxl: pip install 'cjmining[excel]'") from None
    module: ModuleType = openpyxl
    return module


# The file ------------------------------------------------------------------------------------------------


class _Formula(str):
    """A formula whose value the file does not hold, or an error that it came to."""

    __slots__ = ()


class _Line(NamedTuple):
    """A row that is not empty: its number in the sheet, and its cells by column number, from 1."""

    number: int
    cells: dict[int, Any]


def _sheets(content: bytes, path: str) -> dict[str, list[_Line]]:
    openpyxl = load_openpyxl()
    try:
        stated = _lines(openpyxl, content, values=False)
        has_formulas = any(
            isinstance(cell, _Formula)
            for lines in stated.values()
            for line in lines
            for cell in line.cells.values()
        )
        return _with_values(stated, _lines(openpyxl, content, values=True)) if has_formulas else stated
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, OSError, SyntaxError):
        what = "is no Excel workbook that can be read"
        raise MapError(f"{path} {what}; save it as .xlsx, without a password") from None


def _lines(openpyxl: ModuleType, content: bytes, *, values: bool) -> dict[str, list[_Line]]:
    """Return the filled cells of every sheet; formulas are marked where `values` are not asked for."""
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=values)
    found: dict[str, list[_Line]] = {}
    for sheet in book.worksheets:
        sheet.reset_dimensions()
        found[sheet.title] = []
        for row in sheet.iter_rows():
            filled = [cell for cell in row if text_of(cell.value)]
            if filled:
                cells = {cell.column: _content(cell) for cell in filled}
                found[sheet.title].append(_Line(filled[0].row, cells))
    book.close()
    return found


def _content(cell: Any) -> Any:  # noqa: ANN401 -- a cell of openpyxl, whatever stands in it
    return _Formula(cell.value) if cell.data_type in {"f", "e"} else cell.value


def _with_values(stated: dict[str, list[_Line]], valued: dict[str, list[_Line]]) -> dict[str, list[_Line]]:
    """Put the values that formulas came to in their places."""
    values = {
        (name, line.number, column): cell
        for name, lines in valued.items()
        for line in lines
        for column, cell in line.cells.items()
    }
    return {
        name: [
            _Line(
                line.number,
                {
                    column: values.get((name, line.number, column), cell)
                    if isinstance(cell, _Formula)
                    else cell
                    for column, cell in line.cells.items()
                },
            )
            for line in lines
        ]
        for name, lines in stated.items()
    }


# Sheets, rows and their values ---------------------------------------------------------------------------


class _Place(NamedTuple):
    """Where something stands: sheet (its number orders mistakes), row and column, as far as known."""

    number: int
    sheet: str
    row: int = 0
    position: int = 0
    column: str = ""

    def __str__(self) -> str:
        row = f", row {self.row}" if self.row else ""
        word = "" if self.sheet == "Map" else "column "  # the sheet Map has a line a setting
        return f"sheet {self.sheet}{row}{f', {word}{self.column}' if self.column else ''}"


@dataclass(frozen=True)
class _Workbook(Document):
    """The plain values of a workbook, which knows the cell of each."""

    places: Mapping[Steps, _Place] = field(default_factory=dict)

    def describe(self, mistake: Mistake) -> str:
        """Return a mistake as one line: file, sheet, row, column, what."""
        place, rest = self._place(mistake.steps)
        key = f"{str(rest[-1]).replace('_', ' ')}: " if rest and isinstance(rest[-1], str) else ""
        return f"{Path(self.path).name}, {place}: {key}{mistake.what}"

    def line_of(self, mistake: Mistake) -> int:
        """Return a number that orders mistakes by their cells."""
        place, _ = self._place(mistake.steps)
        return (place.number * 10_000_000 + place.row) * 100_000 + place.position

    def _place(self, steps: Steps) -> tuple[_Place, Steps]:
        way = steps
        while way and way not in self.places:
            way = way[:-1]
        return self.places.get(way, _Place(0, "Map")), steps[len(way) :]


class _Book:
    """The workbook's sheets, and what is found wrong with them on the way."""

    def __init__(self, name: str, sheets: dict[str, list[_Line]]) -> None:
        self.name = name
        self.mistakes: list[Mistake] = []
        self.remarks: list[str] = []
        self.places: dict[Steps, _Place] = {}
        self._lines = self._known(sheets)

    def _known(self, sheets: dict[str, list[_Line]]) -> dict[str, list[_Line]]:
        """Return the sheets that are read, by their proper names; tell the others, and the missing ones."""
        known = {normal(name): name for name in SHEETS}
        found: dict[str, list[_Line]] = {}
        for title, lines in sheets.items():
            proper = known.get(normal(title))
            if proper is not None:
                found[proper] = lines
            elif normal(title) != normal(READ_ME) and lines:
                hint = nearest(normal(title), [name for name in known if known[name] not in sheets])
                self.remarks.append(f"{self.name}: the sheet '{title}' is not read{hint}")
        for name in NEEDED_SHEETS:
            if name not in found:
                hint = nearest(name, [title for title in sheets if normal(title) not in known])
                self.told(_Place(list(SHEETS).index(name), name), f"there is no such sheet{hint}")
        return found

    def told(self, place: _Place, what: str) -> None:
        """Keep a mistake of the workbook itself."""
        steps = ("workbook", len(self.mistakes))
        self.places[steps] = place
        self.mistakes.append(Mistake(steps, what))

    def rows(self, sheet: str) -> Iterator[_Row]:
        """Yield the rows below the header of a sheet that say something in columns that are read."""
        lines, columns = self._lines.get(sheet, []), SHEETS[sheet]
        header = max(lines, key=lambda line: _named_columns(line, columns), default=None)
        if header is None or not _named_columns(header, columns):
            if sheet in NEEDED_SHEETS and sheet in self._lines:
                needed = ", ".join(column.header for column in columns if column.is_needed)
                self.told(self._place(sheet), f"there is no row of headers with {needed}")
            return
        by_number = self._columns(sheet, header, columns)
        for line in lines:
            cells = {by_number[at].key: (at, cell) for at, cell in line.cells.items() if at in by_number}
            if line.number > header.number and cells:
                heads = {column.key: text_of(header.cells[at]) for at, column in by_number.items()}
                yield _Row(self, sheet, line.number, cells, heads)

    def settings(self) -> _Row | None:
        """Return the sheet Map, which has a line a setting, as one row."""
        lines = self._lines.get("Map", [])
        names = {name: column.key for column in SHEETS["Map"] for name in column.names}
        at, value_at = self._setting_columns(lines)
        cells: dict[str, tuple[int, Any]] = {}
        rows: dict[str, int] = {}
        for line in lines:
            setting = normal(line.cells.get(at, ""))
            if setting in names and value_at in line.cells:
                cells[names[setting]], rows[names[setting]] = (value_at, line.cells[value_at]), line.number
            elif setting and setting not in names and setting != normal(SETTING) and value_at in line.cells:
                hint = nearest(setting, names)
                self.remarks.append(
                    f"{self.name}, sheet Map, row {line.number}: '{setting}' is not read{hint}"
                )
        return _Row(self, "Map", 0, cells, {}, rows)

    def _setting_columns(self, lines: list[_Line]) -> tuple[int, int]:
        for line in lines:
            said = {normal(cell): at for at, cell in line.cells.items()}
            if normal(SETTING) in said and normal(VALUE) in said:
                return said[normal(SETTING)], said[normal(VALUE)]
        return 1, 2

    def _columns(self, sheet: str, header: _Line, columns: Sequence[Column]) -> dict[int, Column]:
        names = {name: column for column in reversed(columns) for name in column.names}
        found: dict[int, Column] = {}
        for at, cell in sorted(header.cells.items()):
            column = names.get(normal(cell))
            if column is None or column in found.values():
                hint = nearest(normal(cell), [name for name in names if names[name] not in found.values()])
                why = "stands there twice; the first is read" if column else f"is not read{hint}"
                self.remarks.append(f"{self.name}, sheet {sheet}: the column '{text_of(cell)}' {why}")
            else:
                found[at] = column
        for column in columns:
            if column.is_needed and column not in found.values():
                heads = [text_of(cell) for at, cell in header.cells.items() if at not in found]
                place = self._place(sheet)._replace(row=header.number)
                self.told(place, f"the column '{column.header}' is missing{nearest(column.header, heads)}")
        return found

    def _place(self, sheet: str) -> _Place:
        return _Place(list(SHEETS).index(sheet), sheet)


def _named_columns(line: _Line, columns: Sequence[Column]) -> int:
    """Return how many columns a row names; the first row that names most of them is the header."""
    said = {normal(cell) for cell in line.cells.values()}
    return sum(not said.isdisjoint(column.names) for column in columns)


class _Row:
    """A row of a sheet: its values by their keys in a map file."""

    def __init__(
        self,
        book: _Book,
        sheet: str,
        number: int,
        cells: dict[str, tuple[int, Any]],
        heads: dict[str, str],
        rows: dict[str, int] | None = None,
    ) -> None:
        self._book, self._sheet, self._number = book, sheet, number
        self._cells, self._heads, self._rows = cells, heads, rows or {}
        self._columns = {column.key: column for column in SHEETS[sheet]}

    def place(self, key: str = "") -> _Place:
        """Return where the row stands, or the cell of a key."""
        place = _Place(list(SHEETS).index(self._sheet), self._sheet, self._rows.get(key, self._number))
        if key not in self._cells:
            return place
        name = self._heads.get(key) or self._columns[key].header
        return place._replace(position=self._cells[key][0], column=name)

    def text(self, key: str) -> str | None:
        """Return a text, None where there is none."""
        value = self._value(key)
        return None if value is None else str(value)

    def form(self, steps: Steps, *, without: Sequence[str] = (), empty: bool = False) -> dict[str, Any]:
        """Return the row's values, and note where each stands.

        `empty` keeps None for a cell that says (none): it takes away what the map has.
        """
        self._book.places[steps] = self.place()
        values: dict[str, Any] = {}
        for key in self._cells:
            if key in without:
                continue
            value = self._value(key)
            if value is not None or (empty and text_of(self._cells[key][1]) == NOTHING):
                values[key] = value
                self._book.places[*steps, key] = self.place(key)
        return values

    def _value(self, key: str) -> Any:  # noqa: ANN401 -- any plain value
        if key not in self._cells:
            return None
        column, cell = self._columns[key], self._cells[key][1]
        if isinstance(cell, _Formula):
            self._book.told(self.place(key), _about_formula(cell))
            return _instead(cell, column)
        if text_of(cell) == NOTHING and column.kind not in {"names", "texts"}:
            return None
        try:
            return value_of(cell, column)
        except ValueError as problem:
            self._book.told(self.place(key), str(problem))
            return _instead(cell, column)


def _instead(cell: object, column: Column) -> Any:  # noqa: ANN401 -- any plain value
    """Return what stands for a value that can't be read, so that nothing is told twice."""
    if column.kind == "conditions":
        return {text_of(cell): {"missing": False}}
    return text_of(cell) if column.kind == "text" else None


def _about_formula(cell: str) -> str:
    if cell.startswith("="):
        return f"the formula {cell} has no value yet; open the file in Excel and save it, or write the value"
    return f"the cell has an error ({cell})"


# The map -------------------------------------------------------------------------------------------------


def _document(book: _Book, path: str) -> _Workbook:
    settings = book.settings()
    data: dict[str, Any] = settings.form(()) if settings else {}
    exits = [row.form(("exits", number)) for number, row in enumerate(book.rows("Exits"))]
    stages = _Stages(book)
    personas = _Personas(book, stages)
    for row in book.rows("Touchpoints"):
        _add_touchpoint(book, row, stages, personas)
    for row in book.rows("Promises"):
        _add_promise(book, row, stages, personas)
    if exits:
        data["exits"] = exits
    data["stages"] = stages.forms
    if personas.forms:
        data["personas"] = personas.forms
    data = {key: data[key] for key in _KEYS if key in data}
    document = _Workbook(data, path, to_yaml(data), {}, tuple(book.mistakes), book.places)
    if any(
        place.row == 0
        for place in map(book.places.get, [mistake.steps for mistake in book.mistakes])
        if place
    ):
        raise_mistakes(document, book.mistakes, error=MapError)  # a sheet is missing: the rest only follows
    return document


_KEYS = (
    "map", "goal", "exits", "patience", "horizon", "ignore", "new_journey_after", "stages", "personas",
)  # fmt: skip


class _Named:
    """Forms with a name, found by it: exactly, or but for upper and lower case."""

    def __init__(self, key: str) -> None:
        self.forms: list[dict[str, Any]] = []
        self._key = key

    @property
    def names(self) -> list[str]:
        """The names there are."""
        return [str(form[self._key]) for form in self.forms if form.get(self._key)]

    def number(self, name: str | None) -> int | None:
        """Return the number of the form with a name, None where there is none."""
        proper = self.proper(name) if name else None
        return next(
            (at for at, form in enumerate(self.forms) if proper and form.get(self._key) == proper), None
        )

    def proper(self, name: str) -> str:
        """Return a name as it is written where it is at home, if only upper and lower case differ."""
        alike = [one for one in self.names if one.casefold() == name.casefold()]
        return name if name in self.names or len(set(alike)) != 1 else alike[0]


class _Stages(_Named):
    """The stages of the map; `last` is the one that an empty cell means."""

    def __init__(self, book: _Book) -> None:
        super().__init__("stage")
        self.last: str | None = None
        for number, row in enumerate(book.rows("Stages")):
            self.forms.append({**row.form(("stages", number)), "touchpoints": []})
        for form in self.forms:
            self.correct(form)

    def correct(self, form: dict[str, Any]) -> None:
        """Write the names of stages that a form leads to as they are written where they are at home."""
        for key in ("next", "returns_to"):
            if form.get(key):
                form[key] = [self.proper(name) for name in form[key]]


class _Personas(_Named):
    """The personas, and the stages that differ for them."""

    def __init__(self, book: _Book, stages: _Stages) -> None:
        super().__init__("persona")
        for number, row in enumerate(book.rows("Personas")):
            self.forms.append(row.form(("personas", number)))
        self._book = book
        for row in book.rows("Persona stages"):
            self._add(row, stages)

    def _add(self, row: _Row, stages: _Stages) -> None:
        number = self.found(row)
        if number is None:
            return
        own = self.forms[number].setdefault("stages", [])
        form = row.form(("personas", number, "stages", len(own)), without=["persona"], empty=True)
        if form.get("stage"):
            form["stage"] = stages.proper(str(form["stage"]))
        stages.correct(form)
        own.append(form)

    def found(self, row: _Row) -> int | None:
        """Return the number of the persona that a row names; tell where there is none."""
        name = row.text("persona")
        number = self.number(name)
        if number is None:
            what = f"there is no persona '{name}' in the sheet Personas" if name else "the persona is missing"
            self._book.told(row.place("persona"), f"{what}{nearest(name or '', self.names)}")
        return number

    def stage(self, number: int, name: str, place: _Place) -> tuple[Steps, dict[str, Any]]:
        """Return a persona's own stage of that name; it is made where there is none yet."""
        own = self.forms[number].setdefault("stages", [])
        at = next((at for at, form in enumerate(own) if form.get("stage") == name), len(own))
        steps: Steps = ("personas", number, "stages", at)
        if at == len(own):
            own.append({"stage": name})
            self._book.places[steps] = place
        return steps, own[at]


def _add_touchpoint(book: _Book, row: _Row, stages: _Stages, personas: _Personas) -> None:
    stages.last = row.text("stage") or stages.last
    number = _stage_number(book, row, stages)
    if number is None:
        return
    steps: Steps = ("stages", number)
    form = stages.forms[number]
    if row.text("persona"):
        persona = personas.found(row)
        if persona is None:
            return
        steps, form = personas.stage(persona, str(form["stage"]), row.place())
    listed = form.setdefault("touchpoints", [])
    listed.append(row.form((*steps, "touchpoints", len(listed)), without=["stage", "persona"]))


def _stage_number(book: _Book, row: _Row, stages: _Stages) -> int | None:
    number = stages.number(stages.last)
    if stages.last is None:
        book.told(row.place(), "the stage is missing")
    elif number is None:
        what = f"there is no stage '{stages.last}' in the sheet Stages"
        book.told(row.place("stage"), f"{what}{nearest(stages.last, stages.names)}")
    return number


def _add_promise(book: _Book, row: _Row, stages: _Stages, personas: _Personas) -> None:
    found = _promised_at(book, row, stages, personas)
    if found is not None:
        steps, touchpoint = found
        promises = touchpoint.setdefault("expect", [])
        at = (*steps, "expect", len(promises))
        promises.append(row.form(at, without=["stage", "touchpoint", "persona"]))


def _promised_at(
    book: _Book, row: _Row, stages: _Stages, personas: _Personas
) -> tuple[Steps, dict[str, Any]] | None:
    """Return the touchpoint that a promise is made at; tell where it is not one."""
    name, stage = row.text("touchpoint"), row.text("stage")
    around: Steps = ()
    forms = stages.forms
    if row.text("persona"):
        persona = personas.found(row)
        if persona is None:
            return None
        around, forms = ("personas", persona), personas.forms[persona].get("stages", [])
    if stage is not None and stages.number(stage) is None:
        what = f"there is no stage '{stage}' in the sheet Stages"
        book.told(row.place("stage"), f"{what}{nearest(stage, stages.names)}")
        return None
    listed = [
        ((*around, "stages", number, "touchpoints", place), touchpoint)
        for number, form in enumerate(forms)
        if stage is None or form.get("stage") == stages.proper(stage)
        for place, touchpoint in enumerate(form.get("touchpoints", []))
    ]
    found = [(steps, touchpoint) for steps, touchpoint in listed if touchpoint.get("touchpoint") == name]
    if len(found) == 1:
        return found[0]
    _tell_wrong_touchpoint(book, row, name, [str(one.get("touchpoint")) for _, one in listed], len(found))
    return None


def _tell_wrong_touchpoint(book: _Book, row: _Row, name: str | None, known: list[str], number: int) -> None:
    if name is None:
        book.told(row.place(), "the touchpoint is missing")
    elif number:
        book.told(row.place("touchpoint"), f"'{name}' is in {number} stages; name the one that is meant")
    else:
        where = "in that stage of" if row.text("stage") else "in"
        what = f"there is no touchpoint '{name}' {where} the sheet Touchpoints"
        book.told(row.place("touchpoint"), f"{what}{nearest(name, known)}")
