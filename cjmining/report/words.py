"""How numbers, times and groups are written in sentences and tables: as in the pictures, and with gaps shown.

The pictures' words (`cjmining.plot.words`) write single values; here cells that hold nothing, limits, lists
and groups join them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cjmining.plot import words as drawn
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    from datetime import datetime, timedelta

EVERYONE = "all"
"""Name of the one group that an ungrouped result has."""

OTHER = "other"
"""Persona of the customers whom no rule of the map fits."""

SMALLER = "smaller groups"
"""Name of the group that merges those too small to be shown by themselves."""

NOTHING = "-"
"""What a cell shows where there is no number."""


def missing(value: Any) -> bool:  # noqa: ANN401 -- any cell of a table
    """Tell whether a cell holds nothing: None, NaN, NaT or NA.

    Examples
    --------
    >>> missing(None), missing(float("nan")), missing(0), missing("")
    (True, True, False, False)
    """
    if value is None:
        return True
    try:
        return bool(value != value)
    except TypeError:
        return True  # pandas.NA refuses to be a truth value


def count(value: Any) -> str:  # noqa: ANN401
    """Write a whole number with its thousands marked.

    Examples
    --------
    >>> count(31106), count(None)
    ('31,106', '-')
    """
    return NOTHING if missing(value) else drawn.number(value)


def percent(share: Any, lower: Any = None, upper: Any = None) -> str:  # noqa: ANN401
    """Write a share between 0 and 1 as a percentage, with its limits where they are given.

    Examples
    --------
    >>> percent(0.3387, 0.29, 0.39), percent(0.004)
    ('34 % (29-39 %)', '0.4 %')
    """
    return NOTHING if missing(share) else drawn.percent(share, lower, upper)


def share_of(part: float, whole: float) -> str:
    """Write a share with what it is a share of.

    Examples
    --------
    >>> share_of(30, 120)
    '25 % of 120'
    """
    return drawn.share_of(part, whole)


def limits(lower: float, upper: float) -> str:
    """Write the limits of a share by themselves.

    Examples
    --------
    >>> limits(0.29, 0.39)
    '29-39 %'
    """
    return drawn.limits(lower, upper)


def times(ratio: Any, lower: Any = None, upper: Any = None) -> str:  # noqa: ANN401
    """Write a ratio with its limits.

    Examples
    --------
    >>> times(1.8, 1.52, 2.1)
    '1.8 times (1.5-2.1)'
    >>> times(1.21, 1.02, 1.4)
    '1.2 times (1.02-1.40)'
    """
    if missing(ratio) or math.isinf(ratio):
        return NOTHING
    if missing(lower) or missing(upper):
        return drawn.times(ratio)
    return drawn.times(ratio, lower, upper)


def as_often(ratio: float, lower: Any = None, upper: Any = None) -> str:  # noqa: ANN401
    """Say in a sentence how often one thing happens compared with another, with limits.

    Examples
    --------
    >>> as_often(1.8, 1.52, 2.1)
    '1.8 times (1.5-2.1) as often as the others'
    >>> as_often(0.48, 0.4, 0.6), as_often(0.9, 0.82, 0.98)
    ('about half as often as the others (0.4-0.6 times)', '90 % as often as the others (0.82-0.98 times)')
    >>> as_often(0.97, 0.94, 0.997)
    '97 % as often as the others (0.940-0.997 times)'
    """
    if ratio >= 1:
        return f"{times(ratio, lower, upper)} as often as the others"
    limits = "" if missing(lower) or missing(upper) else f" ({drawn.ratio_limits(lower, upper)} times)"
    nearest = min(_PARTS, key=lambda part: abs(ratio / part - 1))
    about = f"about {_PARTS[nearest]}" if abs(ratio / nearest - 1) <= 0.1 else percent(ratio)
    return f"{about} as often as the others{limits}"


_PARTS = {
    1 / 10: "a tenth",
    1 / 5: "a fifth",
    1 / 4: "a quarter",
    1 / 3: "a third",
    1 / 2: "half",
    2 / 3: "two thirds",
    3 / 4: "three quarters",
}


def money(value: Any, currency: Any = None) -> str:  # noqa: ANN401
    """Write an amount without cents, with its currency in front.

    Examples
    --------
    >>> money(14900.4, "EUR")
    'EUR 14,900'
    """
    return NOTHING if missing(value) else drawn.money(value, None if missing(currency) else currency)


def money_range(value: Any, lower: Any, upper: Any, currency: Any) -> str:  # noqa: ANN401
    """Write an amount with its limits.

    Examples
    --------
    >>> money_range(14900, 12000, 18000, "EUR")
    'EUR 14,900 (12,000-18,000)'
    """
    text = money(value, currency)
    if missing(value) or missing(lower) or missing(upper):
        return text
    return f"{text} ({count(lower)}-{count(upper)})"


def duration(seconds: Any) -> str:  # noqa: ANN401
    """Write a length of time in the largest unit that fits.

    Examples
    --------
    >>> duration(660), duration(183_000), duration(1_209_600)
    ('11 min', '2.1 d', '14 d')
    """
    return NOTHING if missing(seconds) else drawn.duration(seconds)


def days(length: timedelta) -> str:
    """Write a period of the map: days where it is whole days.

    Examples
    --------
    >>> from datetime import timedelta
    >>> days(timedelta(days=30)), days(timedelta(hours=36))
    ('30 days', '36 hours')
    """
    return drawn.days(length.total_seconds())


def promise(row: Mapping[str, Any]) -> str:
    """Write a promise: its touchpoint, and what it says of it.

    Examples
    --------
    >>> limits = {"at_least": float("nan"), "at_most": 120}
    >>> promise({"touchpoint": "call_answered", "measure": "wait_s", "after": "", **limits})
    'call answered: wait at most 2 min'
    """
    said = drawn.promise(row["measure"], row["at_least"], row["at_most"], row["after"])
    return f"{name(row['touchpoint'])}: {said}" if row["touchpoint"] else said


def promised(target: float) -> str:
    """Write for which share a promise was made.

    Examples
    --------
    >>> promised(0.9), promised(1)
    ('90 %', 'everyone')
    """
    return "everyone" if target >= 1 else percent(target)


def measure(measure: str, value: Any) -> str:  # noqa: ANN401
    """Write a value in the unit of what a promise is about.

    Examples
    --------
    >>> measure("wait_s", 90), measure("satisfaction", 0.75), measure("contacts", 2)
    ('1.5 min', '0.75', '2')
    """
    if missing(value):
        return NOTHING
    if measure == "satisfaction":
        return f"{value:.2f}"
    return f"{value:.3g}" if measure == "contacts" else drawn.duration(value)


def points(difference: Any, lower: Any = None, upper: Any = None) -> str:  # noqa: ANN401
    """Write the difference of two shares in percentage points, with its limits.

    Examples
    --------
    >>> points(0.254, 0.121, 0.373), points(-0.3)
    ('+25 (+12 to +37)', '-30')
    """
    if missing(difference):
        return NOTHING
    limits = "" if missing(lower) or missing(upper) else f" ({_signed(lower)} to {_signed(upper)})"
    return f"{_signed(difference)}{limits}"


def _signed(share: float) -> str:
    text = f"{100 * share:+.0f}" if abs(share) >= 0.0095 else f"{100 * share:+.1f}"
    return "0" if float(text) == 0 else text


def mean(value: float, lower: Any = None, upper: Any = None) -> str:  # noqa: ANN401
    """Write a mean from 0 to 1 with its limits.

    Examples
    --------
    >>> mean(0.4512, 0.41, 0.5), mean(0.5)
    ('0.45 (0.41-0.50)', '0.50')
    """
    limits = "" if missing(lower) or missing(upper) else f" ({lower:.2f}-{upper:.2f})"
    return f"{value:.2f}{limits}"


def quoted(identifier: Any) -> str:  # noqa: ANN401
    """Write the name of a touchpoint inside a sentence.

    Examples
    --------
    >>> quoted("payment_entered")
    '“payment entered”'
    """
    return f"“{name(identifier)}”"


def name(identifier: Any) -> str:  # noqa: ANN401
    """Write a name of the map or the log as a reader says it.

    Examples
    --------
    >>> name("payment_entered"), name(None)
    ('payment entered', '-')
    """
    return NOTHING if missing(identifier) else drawn.name(identifier)


def patience(length: timedelta | None) -> str:
    """Write a patience: a length of time, or never.

    Examples
    --------
    >>> patience(None)
    'never'
    """
    return "never" if length is None else days(length)


day = drawn.day


def minute(moment: datetime) -> str:
    """Write a date with the time of day, in UTC.

    Examples
    --------
    >>> from datetime import datetime
    >>> minute(datetime(2026, 3, 1, 14, 30))
    '1 March 2026, 14:30 UTC'
    """
    return f"{day(moment)}, {moment:%H:%M} UTC"


def several(words: Sequence[str], *, most: int = 5) -> str:
    """Join words as in a sentence.

    Examples
    --------
    >>> several(["a"]), several(["a", "b", "c"]), several(list("abcdefg"), most=2)
    ('a', 'a, b and c', 'a, b and 5 more')
    """
    shown = list(words)
    if len(shown) > most:
        shown = [*shown[:most], f"{len(words) - most:,} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def plural(number: float, word: str, words: str = "") -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> plural(1, "record"), plural(2500, "record")
    ('1 record', '2,500 records')
    """
    return drawn.plural(number, word, words)


def journeys_of(group: str, by: str | None) -> str:
    """Name the journeys of a group as in "310 journeys of Gen Z".

    Examples
    --------
    >>> journeys_of("Gen Z", "persona"), journeys_of("unknown", "persona"), journeys_of("all", None)
    ('journeys of Gen Z', 'journeys of unknown persona', 'journeys')
    """
    if by is None:
        return "journeys"
    what = by.replace("_", " ")
    if group == UNKNOWN:
        return f"journeys of unknown {what}"
    if group == OTHER:
        return f"journeys of any other {what}"
    if group == SMALLER:
        return f"journeys of {SMALLER}"
    if by == "persona":
        return f"journeys of {group}"
    return f"journeys with {what} {group}"


def name_of(group: str, by: str | None) -> str:
    """Name a group on its own, as a heading or the subject of a sentence.

    Examples
    --------
    >>> name_of("Gen Z", "persona"), name_of("unknown", "persona"), name_of("all", None)
    ('Gen Z', 'Unknown persona', 'Everyone')
    """
    if by is None or group == EVERYONE:
        return "Everyone"
    what = by.replace("_", " ")
    if group == UNKNOWN:
        return f"Unknown {what}"
    if group == OTHER:
        return f"Any other {what}"
    if group == SMALLER:
        return SMALLER.capitalize()
    return group if by == "persona" else f"{what.capitalize()} {group}"
