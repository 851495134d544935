"""Tables as people read them: numbers in their unit, limits beside what they limit, gaps as dashes.

A table of a result is a DataFrame for programs. Here its first rows become columns of text for a notebook:
the names of the columns stay as they are, since they are what the reader types next.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cjmining import units, words

if TYPE_CHECKING:
    import pandas as pd

NOTHING: Final = "-"
"""What a cell shows where there is no value."""

LONGEST: Final = 72
"""Letters of a text that a cell shows; the whole is told when pointed at."""

NAMES: Final = re.compile(
    r"(journey|customer|event|match|position|step|order|rank|number|variant)|.*_(event|step)"
)
"""Columns of whole numbers that name something, and are typed as they stand: no marks between thousands."""

DIFFERENCES: Final = re.compile(r".*difference.*")


class Column(NamedTuple):
    """A column as it is shown.

    Attributes
    ----------
    name : str
        As the table has it.
    limits : tuple of str
        Names of the columns that are told beside its values; empty, or the lower and the upper one.
    is_number : bool
        Whether its cells are aligned to the right.
    cells : tuple of str
        One text a row.
    """

    name: str
    limits: tuple[str, ...]
    is_number: bool
    cells: tuple[str, ...]


def columns(table: pd.DataFrame, place: str = "") -> list[Column]:
    """Return the columns of a small table as texts.

    Parameters
    ----------
    table : pandas.DataFrame
        The rows to show.
    place : str
        Class and table, such as "Conformance.stages": some names mean something else there.

    Returns
    -------
    list of Column

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"stage": ["Checkout"], "drop_out_share": [0.336], "lower": [0.293],
    ...                       "upper": [0.388], "median_s": [181_440.0], "entered": [1204]})
    >>> for column in columns(table):
    ...     print(column.name, *column.limits, ":", *column.cells)
    stage : Checkout
    drop_out_share lower upper : 34 % (29-39 %)
    median_s : 2.1 d
    entered : 1,204
    """
    of = units.units(table, place)
    limits = _limits(table)
    beside = {name for pair in limits.values() for name in pair}
    return [
        _column(table, name, of[name], limits.get(name, ())) for name in table.columns if name not in beside
    ]


def _limits(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Find which columns are limits of which: `x_lower` of `x`, and `lower` of the estimate before it."""
    found: dict[str, tuple[str, str]] = {}
    estimate = ""
    for name in table.columns:
        if name == "lower" and estimate and "upper" in table.columns:
            found[estimate] = ("lower", "upper")
        of = name.removesuffix("_lower")
        if of != name and f"{of}_upper" in table.columns:
            named = (each for each in (of, f"{of}_share", f"mean_{of}") if each in table.columns)
            found |= {each: (name, f"{of}_upper") for each in named if table[each].dtype.kind == "f"}
        if table[name].dtype.kind == "f" and not re.search(r"(lower|upper)(_s)?$|^[pq]$", name):
            estimate = name
    return found


def _column(table: pd.DataFrame, name: str, unit: units.Unit, limits: tuple[str, ...]) -> Column:
    is_number = table[name].dtype.kind in "iufm"
    told = _teller(table, name, unit)
    values = table[name].tolist()
    if not limits:
        return Column(name, (), is_number, tuple(map(told, values)))
    lower, upper = (table[limit].tolist() for limit in limits)
    cells = (_with_limits(told, unit, *each) for each in zip(values, lower, upper, strict=True))
    return Column(name, limits, is_number, tuple(cells))


def _with_limits(told: Callable[[Any], str], unit: units.Unit, value: Any, lower: Any, upper: Any) -> str:  # noqa: ANN401
    if missing(value) or missing(lower) or missing(upper):
        return told(value)
    if told is _share:
        return (
            words.percent(value, lower, upper)
            if lower >= 0
            else f"{told(value)} ({told(lower)} to {told(upper)})"
        )
    low, high = told(lower), told(upper)
    joined = (
        f"{low} to {high}"
        if unit in {units.SECONDS, units.DAYS} or "-" in f"{low}{high}"
        else f"{low}-{high}"
    )
    if told is _points:
        joined = f"{low.removesuffix(' pts')} to {high.removesuffix(' pts')}"
    return f"{told(value)} ({joined})"


def _teller(table: pd.DataFrame, name: str, unit: units.Unit) -> Callable[[Any], str]:
    """Return what writes a cell of a column."""
    kind = table[name].dtype.kind
    if kind in "iu" and NAMES.fullmatch(name):
        return _plain
    if kind == "M":
        return _day if all(_is_day(value) for value in table[name].tolist()) else _moment
    if kind == "m":
        return lambda value: NOTHING if missing(value) else words.duration(value.total_seconds())
    if "measure" in table.columns and (unit is units.MIXED or name == "value"):
        return _measured(table["measure"].tolist())
    if unit is units.PERCENT and DIFFERENCES.fullmatch(name):
        return _points
    return _TELLERS.get(unit) or _decimals(table[name].tolist())


def _measured(measures: Sequence[object]) -> Callable[[Any], str]:
    """Write values that stand in the unit of their row's measure: row by row, in order."""
    rows = iter(measures)

    def told(value: Any) -> str:  # noqa: ANN401
        measure = str(next(rows))
        is_time = measure.endswith("_s") or measure == "within"
        return _duration(value) if is_time else _decimals([value])(value)

    return told


def missing(value: object) -> bool:
    """Say whether a cell holds nothing: None, NaN, NaT or NA."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True  # pandas.NA refuses to be a truth value


def _filled(write: Callable[[Any], str]) -> Callable[[Any], str]:
    """Return the same, with a dash for what is missing."""

    def told(value: Any) -> str:  # noqa: ANN401
        return NOTHING if missing(value) else write(value)

    return told


@_filled
def _text(value: Any) -> str:  # noqa: ANN401
    return str(value)


@_filled
def _plain(value: Any) -> str:  # noqa: ANN401
    return f"{value:d}"


@_filled
def _count(value: Any) -> str:  # noqa: ANN401
    return f"{value:,.0f}"


def _decimals(column: Sequence[Any]) -> Callable[[Any], str]:
    """Write plain numbers with as many decimals as tell the column's apart: three digits of its largest."""
    given = [abs(value) for value in column if not missing(value) and math.isfinite(value)]
    largest = max(given, default=0.0)
    whole = all(value == round(value) for value in given)
    digits = 0 if whole or largest >= 100 else 1 if largest >= 10 else 2 if largest >= 0.1 else 4
    return _filled(lambda value: f"{value:,.{digits}f}")


@_filled
def _share(value: Any) -> str:  # noqa: ANN401
    return f"-{words.percent(-value)}" if value < 0 else words.percent(value)


@_filled
def _points(value: Any) -> str:  # noqa: ANN401
    digits = 0 if abs(value) >= 0.0095 else 1
    written = f"{100 * value:+.{digits}f}"
    return f"{'0' if float(written) == 0 else written} pts"


@_filled
def _duration(value: Any) -> str:  # noqa: ANN401
    return f"-{words.duration(-value)}" if value < 0 else words.duration(value)


@_filled
def _money(value: Any) -> str:  # noqa: ANN401
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:,.2f}"


@_filled
def _chance(value: Any) -> str:  # noqa: ANN401
    return "<0.001" if value < 0.001 else f"{value:.3f}"


@_filled
def _score(value: Any) -> str:  # noqa: ANN401
    return f"{value:.2f}"


@_filled
def _yes(value: Any) -> str:  # noqa: ANN401
    return "yes" if value else "no"


@_filled
def _moment(value: Any) -> str:  # noqa: ANN401
    return f"{value:%Y-%m-%d %H:%M}"


@_filled
def _day(value: Any) -> str:  # noqa: ANN401
    return f"{value:%Y-%m-%d}"


def _is_day(value: Any) -> bool:  # noqa: ANN401
    return missing(value) or value == value.normalize()


_TELLERS: Final = {
    units.TEXT: _text,
    units.PERCENT: _share,
    units.SECONDS: _duration,
    units.MONEY: _money,
    units.YES_NO: _yes,
    units.SCORE: _score,
    units.PROBABILITY_OF_CHANCE: _chance,
    units.NUMBER: _count,
}
