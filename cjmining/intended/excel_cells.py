"""What stands in a cell of a map's workbook, as the plain value that a map file would have, and back.

Whoever fills in a sheet writes "Yes", "x" or "90 %", a number where a name is meant, lists with commas or
line breaks. All of that is read; what can't be is handed on as it stands, and the checks of the map tell it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from cjmining.intended.excel_layout import NOTHING, Column, Kind
from cjmining.intended.writing import duration_text

Conditions = dict[str, dict[str, Any]]


def value_of(cell: object, column: Column) -> Any:  # noqa: ANN401 -- any plain value
    """Return a cell's value as a map file has it; None where the cell says nothing.

    Raises
    ------
    ValueError
        If conditions or a yes or no can't be understood.
    """
    return _READERS[column.kind](cell, column)


def text_of(cell: object) -> str:
    """Return a cell as text: whole numbers without a point, dates as 2026-01-31.

    Examples
    --------
    >>> text_of(2024.0), text_of(" Shop "), text_of(True)
    ('2024', 'Shop', 'true')
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        is_day = (cell.hour, cell.minute, cell.second, cell.microsecond) == (0, 0, 0, 0)
        return cell.date().isoformat() if is_day else cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell).strip()


# Reading -------------------------------------------------------------------------------------------------

_YES = {"yes", "y", "x", "true", "1", "ja", "oui", "✓", "✔"}
_NO = {"no", "n", "false", "0", "nein", "non", "-"}


def _text(cell: object, _: Column) -> str | None:
    return text_of(cell) or None


def _word(cell: object, _: Column) -> str | None:
    return text_of(cell).lower() or None


def _names(cell: object, column: Column) -> list[str] | None:
    return _items(text_of(cell), ",;\n", lower=bool(column.options))


def _texts(cell: object, _: Column) -> list[str] | None:
    return _items(text_of(cell), ";\n")


def _items(text: str, separators: str, *, lower: bool = False) -> list[str] | None:
    """Cut a text into its items; one in double quotes is taken as it stands."""
    if not text:
        return None
    if text == NOTHING:
        return []
    pattern = rf'\s*(?:"((?:[^"]|"")*)"\s*(?=[{separators}]|$)|([^{separators}]*))(?:[{separators}]|$)'
    found = []
    for match in re.finditer(pattern, text):
        quoted, bare = match[1], (match[2] or "").strip()
        item = bare if quoted is None else quoted.replace('""', '"')
        if item:
            found.append(item.lower() if lower else item)
    return found or None


def _yes_no(cell: object, _: Column) -> bool | None:
    said = text_of(cell).lower()
    if not said:
        return None
    if said not in _YES | _NO:
        raise ValueError(f"expected yes or no, found '{text_of(cell)}'")
    return said in _YES


def _number(cell: object, _: Column) -> Any:  # noqa: ANN401 -- what is no number is told by the map's checks
    if cell is None or text_of(cell) == "":
        return None
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, bool | int | float):
        return cell
    return _as_number(text_of(cell))


def _share(cell: object, column: Column) -> Any:  # noqa: ANN401 -- as above
    said = text_of(cell)
    if isinstance(cell, str) and said.endswith("%"):
        number = _as_number(said[:-1].strip())
        return number / 100 if isinstance(number, int | float) else said
    return _number(cell, column)


def _as_number(text: str) -> Any:  # noqa: ANN401 -- as above
    if re.fullmatch(r"[-+]?\d{1,15}", text):
        return int(text)
    if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text):
        return float(text)
    return text


_UNITS = {
    "second": "s", "sec": "s", "minute": "m", "min": "m", "hour": "h", "day": "d", "week": "w",
}  # fmt: skip


def _duration(cell: object, _: Column) -> Any:  # noqa: ANN401 -- what is no duration is told by the map's checks
    if isinstance(cell, timedelta):
        return duration_text(cell)
    if isinstance(cell, bool | int | float):
        return _number(cell, _)
    said = text_of(cell)
    if said == NOTHING:
        return NOTHING
    match = re.fullmatch(r"(\d+(?:\.\d+)?) *([A-Za-z]+?)s?", said)
    if match and match[2].lower() in _UNITS:
        return f"{match[1]}{_UNITS[match[2].lower()]}"
    return said.lower() or None


# Conditions ----------------------------------------------------------------------------------------------

_OPERATORS = {
    "is missing": "missing", "is unknown": "missing", "is known": "known", "is not missing": "known",
    "at least": "at_least", ">=": "at_least", "≥": "at_least",
    "at most": "at_most", "<=": "at_most", "≤": "at_most",
    "above": "above", "more than": "above", ">": "above",
    "below": "below", "less than": "below", "<": "below",
    "one of": "one_of", "is one of": "one_of", "is": "equals", "equals": "equals", "=": "equals",
}  # fmt: skip
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|([;\n])|(,)|(>=|<=|[<>=≥≤])|([^\s;,"<>=≥≤]+)')
_LONGEST = 3
"""The most words that an operator has."""


def _conditions(cell: object, _: Column) -> Conditions | None:
    r"""Read conditions such as ``birth_year at least 1997``, a line each (or joined by "and").

    Examples
    --------
    >>> from cjmining.intended.excel_layout import PERSONAS
    >>> _conditions("region one of North, South\nage at least 18 and age below 30", PERSONAS[1])
    {'region': {'one_of': ['North', 'South']}, 'age': {'at_least': 18, 'below': 30}}
    """
    found: Conditions = {}
    for clause in _clauses(text_of(cell)):
        attribute, operator, value = _condition(clause)
        mine = found.setdefault(attribute, {})
        if operator in mine:
            raise ValueError(f"'{attribute}' has two conditions of one kind: {_shown(clause)}")
        mine[operator] = value
    return found or None


class _Word(str):
    """A word of a condition; `quoted` ones are never operators, numbers or truth values."""

    __slots__ = ("quoted",)
    quoted: bool


def _clauses(text: str) -> Iterator[list[_Word]]:
    clause: list[_Word] = []
    for match in _TOKEN.finditer(text):
        word = _Word(match[0] if match[1] is None else match[1].replace('""', '"'))
        word.quoted = match[1] is not None
        if match[2] or (word.lower() == "and" and not word.quoted):
            if clause:
                yield clause
            clause = []
        else:
            clause.append(word)
    if clause:
        yield clause


def _condition(clause: list[_Word]) -> tuple[str, str, Any]:
    for place in range(1, len(clause)):
        for size in range(_LONGEST, 0, -1):
            words = clause[place : place + size]
            phrase = " ".join(words).lower()
            if phrase in _OPERATORS and not any(word.quoted for word in words):
                attribute = " ".join(clause[:place])
                return attribute, *_asked(_OPERATORS[phrase], clause[place + len(words) :], clause)
    raise ValueError(f"'{_shown(clause)}' is no condition; expected one such as birth_year at least 1997")


def _asked(operator: str, words: list[_Word], clause: list[_Word]) -> tuple[str, Any]:
    if operator in {"missing", "known"}:
        if words:
            raise ValueError(f"nothing can follow in '{_shown(clause)}'")
        return "missing", operator == "missing"
    parts: list[list[_Word]] = [[]]
    for word in words:
        if word == "," and not word.quoted:
            parts.append([])
        else:
            parts[-1].append(word)
    values = [_plain(part) for part in parts if part]
    if not values:
        raise ValueError(f"a value is missing in '{_shown(clause)}'")
    if operator == "one_of":
        return operator, values
    if len(values) > 1:
        raise ValueError(f"'{_shown(clause)}' names several values; say 'one of'")
    return operator, values[0]


def _plain(words: list[_Word]) -> Any:  # noqa: ANN401 -- text, a number, true or false
    text = " ".join(words)
    if len(words) == 1 and words[0].quoted:
        return text
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return _as_number(text)


def _shown(clause: list[_Word]) -> str:
    return " ".join(f'"{word}"' if word.quoted else word for word in clause).replace(" ,", ",")


_READERS: Mapping[Kind, Callable[[object, Column], Any]] = {
    "text": _text,
    "names": _names,
    "texts": _texts,
    "yes_no": _yes_no,
    "number": _number,
    "share": _share,
    "duration": _duration,
    "word": _word,
    "conditions": _conditions,
}


# Writing -------------------------------------------------------------------------------------------------

_PHRASES = {
    "at_least": "at least", "at_most": "at most", "above": "above", "below": "below", "equals": "is",
    "one_of": "one of",
}  # fmt: skip


def cell_of(value: Any, column: Column) -> str | int | float | None:  # noqa: ANN401 -- any plain value
    """Return what a cell says for a plain value of a map file; the inverse of `value_of`."""
    if value is None or value == []:
        return NOTHING
    if column.kind == "names":
        return ", ".join(_item(item, ",;\n") for item in value)
    if column.kind == "texts":
        return "\n".join(_item(item, ";\n") for item in value)
    if column.kind == "yes_no":
        return "yes" if value else "no"
    if column.kind == "conditions":
        return "\n".join(_clause(name, asked) for name, asks in value.items() for asked in asks.items())
    if isinstance(value, bool | str):
        return text_of(value)
    number: int | float = value
    return number


def _item(item: str, separators: str) -> str:
    is_plain = not any(sign in item for sign in f'{separators}"') and item == item.strip()
    return item if is_plain and item != NOTHING else _quoted(item)


def _clause(attribute: str, asked: tuple[str, Any]) -> str:
    operator, value = asked
    name = _named(attribute)
    if operator == "missing":
        return f"{name} is missing" if value else f"{name} is known"
    if operator == "one_of":
        return f"{name} one of {', '.join(map(_said, value))}"
    return f"{name} {_PHRASES[operator]} {_said(value)}"


def _said(value: Any) -> str:  # noqa: ANN401 -- text, a number, true or false
    if isinstance(value, str):
        return value if _as_number(value) == value and _named(value) == value else _quoted(value)
    return text_of(value) if isinstance(value, bool | int) else repr(value)


def _named(name: str) -> str:
    """Return a name as it stands in a condition: in quotes unless it is one word that says nothing else."""
    is_plain = re.fullmatch(r"[\w./-]+", name) and name.lower() not in {"and", "true", "false", *_OPERATORS}
    return name if is_plain else _quoted(name)


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
