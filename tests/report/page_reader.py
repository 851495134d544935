"""Reads a page back: its tables, headings and ids, as a reader's program would."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img", "hr", "path", "use", "rect"}


@dataclass
class ReadTable:
    """A table by its caption; each row has the text of its cells, numbers apart."""

    caption: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    values: list[list[float | None]] = field(default_factory=list)
    total: list[float | None] = field(default_factory=list)
    scopes: set[str | None] = field(default_factory=set)

    def column(self, key: str) -> list[float | None]:
        place = self.columns.index(key)
        return [row[place] for row in self.values]

    def total_of(self, key: str) -> float | None:
        return self.total[self.columns.index(key)]


class Page(HTMLParser):
    """What stands on the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, ReadTable] = {}
        self.headings: list[tuple[int, str]] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.findings: dict[str, str] = {}
        self._table: ReadTable | None = None
        self._part = ""
        self._into: list[str] | None = None
        self._heading = 0
        self._finding: str | None = None
        self._silent = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        self.addresses += [
            str(given[key]) for key in ("src", "href", "xlink:href", "action") if given.get(key)
        ]
        if tag in {"style", "script"}:
            self._silent += 1
        if tag in {"h1", "h2", "h3"}:
            self._heading, self._into = int(tag[1]), []
        elif tag == "table":
            self._table = self.tables[str(given["id"])] = ReadTable()
        elif tag in {"thead", "tbody", "tfoot"}:
            self._part = tag
        elif tag == "caption":
            self._into = []
        elif tag == "tr" and self._table is not None and self._part == "tbody":
            self._table.rows.append([])
            self._table.values.append([])
        elif tag in {"th", "td"} and self._table is not None:
            self._cell(tag, given)
        elif tag == "li" and "data-kind" in given:
            self._finding, self._into = str(given["id"]), []

    def _cell(self, tag: str, given: dict[str, str | None]) -> None:
        assert self._table is not None
        value = None if given.get("data-value") is None else float(str(given["data-value"]))
        if tag == "th":
            self._table.scopes.add(given.get("scope"))
        if self._part == "thead":
            self._table.columns.append(str(given["data-column"]))
        elif self._part == "tbody":
            self._table.values[-1].append(value)
            self._into = []
        else:
            self._table.total.append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"style", "script"}:
            self._silent -= 1
        said = " ".join("".join(self._into or []).split())
        if tag in {"h1", "h2", "h3"}:
            self.headings.append((self._heading, said))
            self._into = None
        elif tag == "caption" and self._table is not None:
            self._table.caption, self._into = said, None
        elif tag in {"th", "td"} and self._table is not None and self._part == "tbody":
            self._table.rows[-1].append(said)
            self._into = None
        elif tag == "li" and self._finding is not None:
            self.findings[self._finding], self._finding, self._into = said, None, None
        elif tag == "table":
            self._table, self._part = None, ""

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        data = data.replace("\N{NO-BREAK SPACE}", " ")  # keeps a number and its sign on one line
        self.text += data
        if self._into is not None:
            self._into.append(data)
