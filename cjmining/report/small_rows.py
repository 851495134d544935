"""Which rows of a table may be shown to colleagues: none of few people, none of one.

What the page does for its own tables (`disclosure`), here for a table of any result: rows that are each a
person never leave, rows about too few people are left out, and so are means of too few answers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.engine.local import reduce_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.log import Block, JourneyLog
    from cjmining.results import Result

    Ints = NDArray[np.int64]

PERSONAL = frozenset({"customer", "journey", "event", "email", "phone", "identifier", "content"})
"""A table with one of these columns has a row a person, or an event of one."""

SIZES = (
    "customers",
    "journeys",
    "entered",
    "mature",
    "measured",
    "at_risk",
    "followed",
    "visits",
    "exposed",
    "silences",
    "n",
)
"""How many a row is about: the first of these columns that the table has."""

SIZED: dict[str, str | None] = {
    "Comparison.cells": None,
    "Conformance.ranking": None,
    "Coverage.missing_from_log": None,
    "Coverage.gaps": None,
    "FoundJourneys.gaps": "gaps",
    "Reconciliation.months": None,
    "Reconciliation.explanations": None,
    "WonBack.effects": None,
}
"""Tables whose rows are about something else than people (None), or whose size is another column."""

_WORTH = ("mean_lifetime_value", "lifetime_value_lower", "lifetime_value_upper", "total_lifetime_value")
FEW = {
    "satisfaction_answered": (
        "satisfaction",
        "satisfaction_lower",
        "satisfaction_upper",
        "satisfaction_mean",
    ),
    "answered": ("satisfaction", "lower", "upper"),
    "waits": ("median_wait_s", "p90_wait_s"),
    "wait_s_answered": ("wait_s_mean",),
    "known_dropped": _WORTH,
    "Discovery.rework.repeated_customers": (
        "repeated_journeys",
        "share_repeated",
        "repeated_steps",
        "self_loops",
        "loops",
        "most",
        "steps_mean",
        "median_s",
        "p90_s",
        "extra_mean_s",
    ),
    "Discovery.first_and_again.repeated_count": ("repeated_median_s", "repeated_p90_s"),
    "LifetimeValue.places.known": _WORTH,
}
"""Numbers of answers (of one table, where it says so), and what is said of them."""


class Shown(NamedTuple):
    """What may be shown of a table, and how many rows were left out of it."""

    table: pd.DataFrame
    left_out: int


def is_personal(result: Result, name: str, columns: Iterable[str]) -> bool:
    """Say whether the rows of a table are each about one person."""
    return name in getattr(result, "_of_persons", ()) or not PERSONAL.isdisjoint(columns)


def size_column(place: str, columns: Iterable[str]) -> str | None:
    """Return the column that says how many people or journeys a row is about; None where that is no question.

    Parameters
    ----------
    place : str
        Class and table, such as "Conformance.stages".
    columns : iterable of str
        The table's columns.

    Raises
    ------
    LookupError
        If nothing says it: such a table is not shown.
    """
    if place in SIZED:
        return SIZED[place]
    named = set(columns)
    for name in SIZES:
        if name in named:
            return name
    raise LookupError(place)


def shown_rows(table: pd.DataFrame, place: str, smallest: int) -> Shown:
    """Leave out the rows about fewer than `smallest`, and withhold means of fewer answers.

    Rows about nobody stay: that a place was never reached says nothing of anyone.
    """
    size = size_column(place, table.columns)
    if size is None or smallest <= 1:
        return Shown(table, 0)
    number = table[size].astype(float)
    few = ((number > 0) & (number < smallest)) | number.isna()
    kept = table[~few].reset_index(drop=True)
    return Shown(_without_few_answers(kept, place, smallest), int(few.sum()))


def tells_of_few(result: Result, smallest: int) -> bool:
    """Say whether a result's own account, or the line that sums it up, is about too few customers."""
    account = getattr(result, "account", None)
    if account is not None and "customers" in account.columns:
        numbers = account.groupby("fate", sort=False)["customers"].sum() if "fate" in account else []
        if any(0 < number < smallest for number in (account["customers"].sum(), *numbers)):
            return True
    return names_few(first_line(result), smallest)


def first_line(result: Result) -> str:
    """Return what sums a result up; further lines may tell of few, and their tables are in the workbook."""
    return result._summary().split("\n", 1)[0]


def names_few(text: str, smallest: int) -> bool:
    """Say whether a sentence counts fewer customers or journeys than may be told of.

    Examples
    --------
    >>> names_few("Left out: 3 of the 120 customers.", 10), names_few("120 journeys within 3 days.", 10)
    (True, False)
    """
    return any(
        0 < int(number.replace(",", "")) < smallest
        for found in _COUNTED.finditer(text)
        for number in found.groups()
        if number
    )


_COUNTED = re.compile(r"(?<![\d.,])([\d,]+)(?: of(?: the)? ([\d,]+))? (?:customer|journey|people|person)s?\b")


def rare_names(log: JourneyLog, smallest: int) -> frozenset[str]:
    """Return the touchpoints that fewer than `smallest` customers have: rows that name one are about few."""
    touchpoints, codes = log.vocabulary("touchpoint"), log.codes("touchpoint")

    def having(block: Block) -> Cells:
        return Pairs.of(codes[block.events].astype(np.int64), own_customers(log, block)).cells()

    cell, number = reduce_blocks(having, merged_cells, log.blocks(), engine=log.engine)
    return frozenset(touchpoints[code] for code in cell[number < smallest].tolist())


class Cells(NamedTuple):
    """How many customers have each of some cells that anybody has; `cell` ascends."""

    cell: Ints
    customers: Ints


def own_customers(log: JourneyLog, block: Block) -> Ints:
    """Return whose each event of a block is: its customers numbered from 0."""
    customer = log.journey_customer[block.journeys]
    number = np.cumsum(np.diff(customer, prepend=customer[:1]) != 0)
    return np.repeat(number, np.diff(block.own_bounds(log.bounds)))


class Pairs(NamedTuple):
    """Cells with customers who have them, each pair once, ascending."""

    cell: Ints
    customer: Ints

    @classmethod
    def of(cls, cell: Ints, customer: Ints) -> Pairs:
        """Return the pairs that occur among events; a cell below 0 is none.

        Examples
        --------
        >>> Pairs.of(np.array([7, 7, -1, 7]), np.array([1, 1, 0, 0]))
        Pairs(cell=array([7, 7]), customer=array([0, 1]))
        """
        width = int(customer.max(initial=0)) + 1
        both = np.unique((cell * width + customer)[cell >= 0])
        return cls(both // width, both % width)

    def cells(self) -> Cells:
        """Count the customers of each cell."""
        return Cells(*np.unique(self.cell, return_counts=True))


def merged_cells(counted: Sequence[Cells]) -> Cells:
    """Add what was counted in several blocks, each of customers of its own."""
    cells = np.concatenate([np.empty(0, np.int64), *(each.cell for each in counted)])
    number = np.concatenate([np.empty(0, np.int64), *(each.customers for each in counted)])
    cell, of = np.unique(cells, return_inverse=True)
    total = np.zeros(len(cell), np.int64)
    np.add.at(total, of, number)
    return Cells(cell, total)


def without_rare_names(table: pd.DataFrame, rare: frozenset[str]) -> Shown:
    """Leave out the rows in which a text names one of these touchpoints, alone or among other words.

    A last guard: journeys, attempts or events of one person may be many.
    """
    few = np.zeros(len(table), np.bool_)
    by_word: dict[str, list[str]] = {}
    for name in rare:
        by_word.setdefault("".join(_WORD.findall(name)[:1]), []).append(name)
    for column in table.columns if rare else ():
        if column == "by" or table[column].dtype.kind in "iufbMm":
            continue
        texts = table[column].astype(object)
        found = {text for text in set(texts.dropna()) if isinstance(text, str) and _names(text, by_word)}
        few |= texts.isin(found).to_numpy(bool)
    return Shown(table[~few].reset_index(drop=True), int(few.sum()))


def _names(text: str, by_word: dict[str, list[str]]) -> bool:
    """Say whether a text has one of these names, listed by their first word, as words of its own."""
    candidates = [name for word in {"", *_WORD.findall(text)} for name in by_word.get(word, ())]
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in candidates)


_WORD = re.compile(r"\w+")


def largest_rows(table: pd.DataFrame, size: str | None, most: int) -> Shown:
    """Keep the `most` rows about the largest numbers, in their order."""
    if len(table) <= most:
        return Shown(table, 0)
    number = table[size].to_numpy(dtype=float) if size else np.zeros(len(table))
    kept = np.sort(np.argsort(-number, kind="stable")[:most])
    return Shown(table.iloc[kept].reset_index(drop=True), len(table) - most)


def _without_few_answers(table: pd.DataFrame, place: str, smallest: int) -> pd.DataFrame:
    for named, told in FEW.items():
        where, _, answers = named.rpartition(".")
        if answers in table.columns and where in {"", place}:
            few = (table[answers] > 0) & (table[answers] < smallest)
            hidden = [answers, *(name for name in told if name in table.columns)]
            table = table.assign(**{name: table[name].astype(float).mask(few) for name in hidden})
    return table
