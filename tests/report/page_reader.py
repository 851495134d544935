"""Reads a page back: its tables, headings and ids, as a reader's program would."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser


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
        self._numeric: set[str] = set()
        self._given: str | None = None
        self._place = 0
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
        elif tag == "li" and "data-kind" in given:
            self._finding = str(given["id"])
        elif tag == "p" and self._finding is not None and self._finding not in self.findings:
            self._into = []
        elif tag == "table":
            self._table = self.tables[str(given["id"])] = ReadTable()
            self._numeric = set(str(given["class"]).split())
        elif self._table is not None:
            self._part_of_table(tag, given)

    def _part_of_table(self, tag: str, given: dict[str, str | None]) -> None:
        assert self._table is not None
        if tag in {"thead", "tbody", "tfoot"}:
            self._part = tag
        elif tag == "caption":
            self._into = []
        elif tag == "tr":
            self._place = 0
            if self._part == "tbody":
                self._table.rows.append([])
                self._table.values.append([])
        elif tag in {"th", "td"}:
            self._cell(tag, given)

    def _cell(self, tag: str, given: dict[str, str | None]) -> None:
        assert self._table is not None
        self._place += 1
        self._given = given.get("data-v")
        if tag == "th":
            self._table.scopes.add(given.get("scope"))
        if self._part == "thead":
            self._table.columns.append(str(given["data-column"]))
        else:
            self._into = []

    def _value(self, said: str) -> float | None:
        """Return the number behind a cell: given, or its text in a column of numbers."""
        if self._given is not None:
            return float(self._given)
        whole = f"n{self._place}" in self._numeric and re.fullmatch(r"-?\d[\d,]*", said)
        return float(said.replace(",", "")) if whole else None

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
            self._table.values[-1].append(self._value(said))
            self._into = None
        elif tag in {"th", "td"} and self._table is not None and self._part == "tfoot":
            self._table.total.append(self._value(said))
            self._into = None
        elif tag == "p" and self._finding is not None and self._finding not in self.findings:
            self.findings[self._finding], self._into = said, None
        elif tag == "li":
            self._finding = None
        elif tag == "table":
            self._table, self._part = None, ""

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        data = data.replace("\N{NO-BREAK SPACE}", " ")  # keeps a number and its sign on one line
        self.text += data
        if self._into is not None:
            self._into.append(data)
