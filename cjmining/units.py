"""In which unit a column of a result is, and how a spreadsheet writes it, told by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


class Unit(NamedTuple):
    """A unit as people call it, and the number format of a spreadsheet."""

    name: str
    number_format: str


TEXT = Unit("", "@")
NUMBER = Unit("", "#,##0")
DECIMAL = Unit("", "#,##0.00")
PERCENT = Unit("%", "0.0%")
SECONDS = Unit("seconds", "#,##0.0")
RATE = Unit("a day", "0.0000")
DAYS = Unit("days", "#,##0.0")
MONEY = Unit("money, in currency", "#,##0.00")
MOMENT = Unit("UTC", "yyyy-mm-dd hh:mm")
YES_NO = Unit("yes or no", "General")
SCORE = Unit("0 to 1", "0.00")
PROBABILITY_OF_CHANCE = Unit("", "0.0000")
MIXED = Unit("as measured", "#,##0.##")

UNITS = (
    (r"excess(_.*)?", DECIMAL),
    (r"share_.*|.*_share(_.*)?", PERCENT),
    (r"(.*_)?answered|waits|known.*|.*journeys.*|.*customers.*", NUMBER),
    (r"p|q", PROBABILITY_OF_CHANCE),
    (r"(.+_)?(ratio|tau)(_.*)?|effect", DECIMAL),
    (r"rank.*|.*_rank", NUMBER),
    (r"satisfaction(_mean)?", SCORE),
    (r"fitness|mean_fitness|.*share.*|.*probability.*|.*difference.*|target|.*incidence.*", PERCENT),
    (r"per_day", RATE),
    (r"rate|risk_.*", PERCENT),
    (r"band_.*", PERCENT),
    (r".*_s(_.*)?|.*_seconds", SECONDS),
    (r"days|.*_days", DAYS),
    (r"value|.*value(_.*)?|at_stake.*|.*amount.*", MONEY),
    (r"median|p90|at_least|at_most|control|ours|explained|possible|unexplained|amount|up_to", MIXED),
)
"""The first pattern that fits a whole name says the unit; what none fits is a count or a plain number."""

_LIMIT = re.compile(r"(?:(?P<of>.+)_)?(?:lower|upper)(?:_s)?")
_OWN = {
    "Drivers.drivers.excess": NUMBER,
    "Reconciliation.months.difference": MIXED,
    "Reconciliation.explanations.amount": MIXED,
    "Reconciliation.explanations.up_to": MIXED,
}
"""Columns whose name means something else in one table."""


def units(table: pd.DataFrame, place: str) -> dict[str, Unit]:
    """Return the unit of each column.

    Parameters
    ----------
    table : pandas.DataFrame
        A table of a result.
    place : str
        Class and table: "Conformance.stages".

    Examples
    --------
    >>> import pandas as pd
    >>> found = units(pd.DataFrame({"drop_out_share": [0.2], "lower": [0.1], "median_s": [60.0]}), "")
    >>> [unit.name for unit in found.values()]
    ['%', '%', 'seconds']
    """
    found: dict[str, Unit] = {}
    estimate = DECIMAL
    for name in table.columns:
        column = table[name]
        found[name] = _OWN.get(f"{place}.{name}") or _unit(name, column, estimate)
        if column.dtype.kind == "f" and not _LIMIT.fullmatch(name) and not re.fullmatch("p|q", name):
            estimate = found[name]
    return found


def _unit(name: str, column: pd.Series[Any], estimate: Unit) -> Unit:
    kind = column.dtype.kind
    if kind == "b":
        return YES_NO
    if kind == "M":
        return MOMENT
    if kind == "m":
        return DAYS
    if kind not in "iuf":
        return TEXT
    limit = _LIMIT.fullmatch(name)
    if limit:
        of = _by_name(limit["of"]) if limit["of"] else None
        return of or estimate
    return _by_name(name) or (NUMBER if kind in "iu" else DECIMAL)


def _by_name(name: str) -> Unit | None:
    return next((unit for pattern, unit in UNITS if re.fullmatch(pattern, name)), None)
