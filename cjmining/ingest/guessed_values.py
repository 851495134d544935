"""How the first values of a column are written: times, numbers, answers on a scale."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cjmining.ingest.casts import ISO

_ISO_LIKE: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_DATE: Final = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)(.*)")
_YEAR_FIRST: Final = re.compile(r"\d{4}/\d{1,2}/\d{1,2}(?!\d)(.*)")
_CLOCKS: Final = (
    ("", ""),
    (r",? \d{1,2}:\d{2}", "%H:%M"), (r",? \d{1,2}:\d{2}:\d{2}", "%H:%M:%S"),
    (r",? \d{1,2}:\d{2} ?[AP]M", "%I:%M %p"), (r",? \d{1,2}:\d{2}:\d{2} ?[AP]M", "%I:%M:%S %p"),
)  # fmt: skip
_COUNTED: Final = {10: "epoch s", 13: "epoch ms", 16: "epoch us"}
"""Digits of times counted from 1970, from 2001 to 2286."""
_NUMBER: Final = re.compile(r"[+-]?\d[\d.,]*")
_MOST: Final = 0.8
_SCALES: Final = ((1, 5), (1, 7), (0, 10), (0, 100))


def holds_times(values: Sequence[str]) -> bool:
    """Whether most of the values look like times."""
    alike = sum(bool(_ISO_LIKE.match(v) or _DATE.match(v) or _YEAR_FIRST.match(v)) for v in values)
    return bool(values) and (alike * 2 > len(values) or _counted(values) is not None)


def date_forms(values: Sequence[str]) -> tuple[str, ...]:
    """Return what `date_format` should say; nothing where ISO 8601 fits, or where it can't be told.

    Whether 3/4/2026 is in March or in April is told by other values, such as 3/14/2026, else not at all.

    Examples
    --------
    >>> date_forms(["01.03.2026 00:15", "2.3.2026"])
    ('%d.%m.%Y %H:%M', '%d.%m.%Y')
    >>> date_forms(["3/14/2026"]), date_forms(["3/4/2026"]), date_forms(["2026-03-04 10:00"])
    (('%m/%d/%Y',), (), ())
    """
    if counted := _counted(values):
        return (counted,)
    others = [value for value in values if not _ISO_LIKE.match(value)]
    order = _order(others)
    forms = dict.fromkeys(form for value in others if (form := _form(value, order)))
    if not forms or not all(any(_fits(value, form) for form in forms) for value in others):
        return ()
    return (*([ISO] if len(others) < len(values) else []), *forms)


def _counted(values: Sequence[str]) -> str | None:
    lengths = {len(value) for value in values if re.fullmatch(r"1\d+", value)}
    is_all = bool(values) and all(re.fullmatch(r"1\d+", value) for value in values)
    return _COUNTED.get(lengths.pop()) if is_all and len(lengths) == 1 else None


def _order(values: Sequence[str]) -> str | None:
    """Return whether days or months come first; None where both could be."""
    found = [match for value in values if (match := _DATE.match(value))]
    if any(match[2] == "." for match in found):
        return "dm"  # nobody writes months first with points
    first, second = (any(int(match[place]) > 12 for match in found) for place in (1, 3))
    return None if first == second else "dm" if first else "md"


def _form(value: str, order: str | None) -> str | None:
    if match := _YEAR_FIRST.match(value):
        date, rest = "%Y/%m/%d", match[1]
    elif (match := _DATE.match(value)) and order:
        sign, year = match[2], "%Y" if len(match[4]) == 4 else "%y"
        date, rest = sign.join(("%d", "%m", year) if order == "dm" else ("%m", "%d", year)), match[5]
    else:
        return None
    for pattern, clock in _CLOCKS:
        if re.fullmatch(pattern, rest, re.IGNORECASE):
            return date + ("," if rest.startswith(",") else "") + (f" {clock}" if clock else "")
    return None


def _fits(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)  # noqa: DTZ007 -- its zone is another matter
    except ValueError:
        return False
    return True


def writes_numbers(values: Sequence[str]) -> bool:
    """Whether most of the values are numbers, with whatever decimal sign."""
    alike = sum(bool(_NUMBER.fullmatch(value)) for value in values)
    return bool(values) and alike >= _MOST * len(values)


def has_decimal_commas(values: Sequence[str]) -> bool:
    """Whether numbers have decimal commas; 1,234 alone may as well be more than a thousand.

    Examples
    --------
    >>> has_decimal_commas(["1.682,18", "7"]), has_decimal_commas(["1,234"]), has_decimal_commas(["1.5"])
    (True, False, False)
    """
    commas = any(re.search(r"\d,\d{1,2}$", value) or re.search(r"\.\d{3},\d+$", value) for value in values)
    points = any(re.search(r"\d\.\d{1,2}$", value) or re.search(r",\d{3}\.\d+$", value) for value in values)
    return commas and not points


def scale_of(name: str, values: Sequence[str]) -> tuple[int, int] | None:
    """Return the smallest usual scale that holds the answers; an NPS has its own.

    Examples
    --------
    >>> scale_of("score", ["1", "4"]), scale_of("nps", ["4"]), scale_of("rating", ["0", "5"])
    ((1, 5), (0, 10), (0, 10))
    """
    if re.search(r"(^|_)nps", name):
        return 0, 10
    answers = [float(value.replace(",", ".")) for value in values if re.fullmatch(r"\d+([.,]\d+)?", value)]
    if not answers:
        return None
    return next(((low, high) for low, high in _SCALES if low <= min(answers) and max(answers) <= high), None)
