"""Numbers and names as a reader wants them: thousands marked, percentages whole, times in one unit.

The words of tables in notebooks, of pictures and of the page, so that a number reads the same in each.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_EXACT = 1e-9
_UNITS = (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0), ("s", 1.0))


def number(value: float) -> str:
    """Return a count with its thousands marked.

    Examples
    --------
    >>> number(1204)
    '1,204'
    """
    return f"{round(value):,}"


def plural(count: float, one: str, many: str = "") -> str:
    """Return a count with its noun, in the singular where there is one.

    Examples
    --------
    >>> plural(1, "journey"), plural(1204, "journey")
    ('1 journey', '1,204 journeys')
    """
    return f"{number(count)} {one if round(count) == 1 else many or one + 's'}"


def percent(share: float, lower: float = math.nan, upper: float = math.nan) -> str:
    """Return a share as a whole percentage, one decimal near none and near all; with its limits where known.

    "0 %" and "100 %" are said only of none and of all.

    Examples
    --------
    >>> percent(0.336), percent(0.004), percent(0.0001), percent(0)
    ('34 %', '0.4 %', '<0.1 %', '0 %')
    >>> percent(0.994), percent(0.9976), percent(0.9999), percent(1)
    ('99 %', '99.8 %', '>99.9 %', '100 %')
    >>> percent(0.336, 0.293, 0.388)
    '34 % (29-39 %)'
    """
    said = f"{_points(share)} %"
    return f"{said} ({limits(lower, upper)})" if known(lower) and known(upper) else said


def share_of(part: float, whole: float) -> str:
    """Return a share with what it is a share of.

    Examples
    --------
    >>> share_of(30, 120)
    '25 % of 120'
    """
    return f"{percent(part / whole)} of {number(whole)}"


def limits(lower: float, upper: float) -> str:
    """Return the two ends of a share's interval.

    Examples
    --------
    >>> limits(0.293, 0.388), limits(0.9971, 0.9999), limits(0.0001, 0.004)
    ('29-39 %', '99.7 % to over 99.9 %', 'under 0.1 % to 0.4 %')
    """
    ends = [_points(lower), _points(upper)]
    if not any(end[0] in _BEYOND for end in ends):
        return f"{ends[0]}-{ends[1]} %"
    if ends[0] == ends[1]:
        return f"{_spelled(ends[0])} %"
    return f"{_spelled(ends[0])} % to {_spelled(ends[1])} %"


def times(ratio: float, lower: float = math.nan, upper: float = math.nan) -> str:
    """Return a ratio with its limits, with the digits that keep it from being rounded to 1 or to nothing.

    Examples
    --------
    >>> times(1.8), times(1.8, 1.52, 2.1), times(1.21, 1.02, 1.4)
    ('1.8 times', '1.8 times (1.5-2.1)', '1.2 times (1.02-1.40)')
    """
    said = f"{ratio:.{_decimals(ratio)}f} times"
    return f"{said} ({ratio_limits(lower, upper)})" if known(lower) and known(upper) else said


def ratio_limits(lower: float, upper: float) -> str:
    """Return the two ends of a ratio's interval, with the digits that keep them from 1 and from nothing.

    Examples
    --------
    >>> ratio_limits(1.52, 2.1), ratio_limits(0.94, 0.997)
    ('1.5-2.1', '0.940-0.997')
    """
    digits = max(_decimals(lower), _decimals(upper))
    return f"{lower:.{digits}f}-{upper:.{digits}f}"


def duration(seconds: float) -> str:
    """Return a time in its largest unit that makes it at least one, to two digits.

    Examples
    --------
    >>> duration(181_440), duration(660), duration(0.2)
    ('2.1 d', '11 min', '0.2 s')
    """
    for unit, length in _UNITS:
        if seconds >= length or unit == "s":
            amount = seconds / length
            return (
                f"{amount:,.0f} {unit}" if amount >= 10 or amount == round(amount) else f"{amount:.1f} {unit}"
            )
    raise AssertionError  # the loop always meets seconds


def days(seconds: float) -> str:
    """Return a period of the map in words.

    Examples
    --------
    >>> days(30 * 86_400), days(36 * 3_600), days(90)
    ('30 days', '36 hours', '90 seconds')
    """
    units = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
    size, unit = next(((size, unit) for size, unit in units if seconds % size == 0), (1, "second"))
    return plural(seconds / size, unit)


def day(moment: datetime) -> str:
    """Write a date.

    Examples
    --------
    >>> from datetime import datetime
    >>> day(datetime(2026, 3, 1, 14, 30))
    '1 March 2026'
    """
    return f"{moment.day} {moment:%B %Y}"


def money(value: float, currency: str | None) -> str:
    """Return an amount with its currency, without cents.

    Examples
    --------
    >>> money(14_912.3, "EUR")
    'EUR 14,912'
    """
    return f"{currency} {value:,.0f}" if currency else f"{value:,.0f}"


def name(identifier: object) -> str:
    """Return a name of the map or the log as a reader says it.

    Examples
    --------
    >>> name("payment_entered")
    'payment entered'
    """
    return str(identifier).replace("_", " ")


def known(value: object) -> bool:
    """Say whether a cell of a table holds something: not None, NaN or NaT."""
    return value is not None and value == value


_BEYOND = {"<": "under ", ">": "over "}


def _spelled(points: str) -> str:
    """Spell out that a share lies beyond what is written: beside a dash the sign would be an arrow."""
    return f"{_BEYOND[points[0]]}{points[1:]}" if points[0] in _BEYOND else points


def _decimals(ratio: float) -> int:
    """Return how many decimals tell a ratio from 1 and from nothing; one where it is one of these."""
    if ratio in {0, 1}:
        return 1
    return next((digits for digits in (1, 2, 3) if float(f"{ratio:.{digits}f}") not in {0, 1}), 3)


def _points(share: float) -> str:
    if not math.isfinite(share):
        return "?"
    points = 100 * share
    if abs(points) < _EXACT or abs(points - 100) < _EXACT:  # limits of none and all come with rounding errors
        return f"{points:.0f}".removeprefix("-")
    if points < 0.05 or points >= 99.95:
        return "<0.1" if points < 1 else ">99.9"
    return f"{points:.1f}" if points < 0.95 or points >= 99.5 else f"{points:.0f}"
