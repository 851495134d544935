"""What the columns of results mean: read from the docstrings that document them, so that there is one text.

The entry of a table in a result's section "Attributes" names each column, separated by commas (or semicolons,
or full stops) outside brackets: a column means the phrase it stands in. What is made on demand is documented
where it is made: by the second paragraph of the property's docstring. A name that stands there alone, and
means the same in every table, takes its meaning from `COMMON`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache, cached_property
from typing import NamedTuple

COMMON = {
    "by": "the group",
    "persona": "the group of customers, by the rules of the map",
    "stage": 'the stage of the map; "(before the map)" for what came before it',
    "touchpoint": "what happened, from the customer's side",
    "channel": "the medium: web, app, email, phone, ...",
    "turn": 'whose turn it was: customer, company; "" nobody\'s',
    "source": "name of the source that recorded it",
    "currency": "what the amounts are in; they are never added up over currencies",
    "journeys": "number of journeys",
    "customers": "number of customers",
    "events": "number of events",
    "entered": "journeys that entered the stage, each once",
    "continued": "journeys that went on from it to another stage",
    "converted": "journeys that reached the goal",
    "dropped": "journeys that the customer left, by an exit or by silence",
    "turned_away": "journeys that the company ended",
    "open": "journeys that were undecided when the data ended",
    "mature": "journeys that entered at least horizon and patience before the data ended",
    "dropped_within_horizon": "of the mature journeys, those dropped there within the horizon",
    "share_of_journeys": "as a share of all journeys of the group",
    "measured": "how many times were measured",
    "kept": "how many of those kept the promise",
    "lower": "lower 95 % limit of the estimate named before it",
    "upper": "upper 95 % limit of the estimate named before it",
    "p": "p value of no difference",
    "q": "least false-discovery rate at which this comparison would be reported (Benjamini-Hochberg)",
    "measure": "what is measured",
    "at_least": "least that was promised",
    "at_most": "most that was promised",
    "after": "the touchpoint from which the time runs",
    "satisfaction": "mean of the answers, 0 (worst) to 1 (best)",
    "satisfaction_answered": "number of the answers",
    "from": "where it came from",
    "to": "where it went",
    "kind": "what kind it is",
    "start": "first event, UTC",
    "end": "last event, UTC",
    "value_gained_per_month": "value_gained, a month of the observed time",
    "rank": "1 for the largest",
    "recorded": "whether a system records it",
    "labelled": "whether it has another name than its source gave it",
    "native": "what the source calls it",
    "month": "the month, 2026-03",
    "type": "missing, ad hoc, out of order, failed, repeated, wrong channel or late",
    "week": "its Monday, UTC",
}
"""Names that mean the same in every table."""

_SEPARATORS = re.compile(r"[,;]\s|[.](?:\s|$)|(?<=\))\sand\s(?=\w+\s\()")


class Definition(NamedTuple):
    """What a column of a table means; "" where nothing says it."""

    table: str
    column: str
    meaning: str


def definitions(kind: type, table: str, columns: list[str]) -> list[Definition]:
    """Return what each column of a result's table means.

    Parameters
    ----------
    kind : type
        The result's class.
    table : str
        Name of the table, one of its attributes.
    columns : list of str
        The table's columns.

    Examples
    --------
    >>> from cjmining.discovery import Discovery
    >>> for each in definitions(Discovery, "ends", ["touchpoint", "customers"]):
    ...     print(f"{each.column}: {each.meaning}")
    touchpoint: what happened, from the customer's side
    customers: with such a journey
    """
    return [Definition(table, column, _meaning(kind, table, column)) for column in columns]


def entry(kind: type, table: str) -> str:
    """Return what the docstring says of a table, as one line."""
    return _entries(kind).get(table) or _of_property(kind, table)


def _of_property(kind: type, table: str) -> str:
    found = inspect.getattr_static(kind, table, None)
    if not isinstance(found, property | cached_property):
        return ""
    paragraphs = inspect.cleandoc(found.__doc__ or "").split("\n\n")
    return " ".join("".join(paragraphs[1:2]).split("\n"))


def _meaning(kind: type, table: str, column: str, *, seen: tuple[str, ...] = ()) -> str:
    text = entry(kind, table)
    phrases = _phrases(text)
    own = [said for phrase in phrases if (said := _said_of(phrase, column))]
    if own:
        return own[0]
    if column in COMMON:
        return COMMON[column]
    for side in ("lower", "upper"):
        if column.endswith(f"_{side}"):
            return f"{side} 95 % limit of {column.removesuffix(f'_{side}')}"
    others = [phrase for phrase in phrases if _names(phrase, column)]
    if others:
        return others[0]
    for other in re.findall(r"`(?:\w+\.)?(\w+)`", text):
        if entry(kind, other) and other not in (*seen, table):
            meaning = _meaning(kind, other, column, seen=(*seen, table))
            if meaning:
                return meaning
    return ""


def _said_of(phrase: str, column: str) -> str:
    """Return what a phrase says of the column at its head, or of one of the columns it begins with.

    Examples
    --------
    >>> _said_of("median_s and p90_s (times between)", "p90_s")
    'times between'
    >>> _said_of("share with limits lower and upper", "share")
    'share with limits lower and upper'
    """
    bracketed = re.fullmatch(r"(\w+)(?: and (\w+))? \((.*)\)(?: with .*)?", phrase)
    if bracketed and column in {bracketed[1], bracketed[2]}:
        return bracketed[3].strip()
    headed = re.match(rf"{re.escape(column)}(?!\w)(?P<rest>.*)", phrase)
    return phrase if headed and headed["rest"].strip() else ""


def _names(phrase: str, column: str) -> bool:
    """Say whether a phrase says more than the name, and names the column."""
    return phrase != column and re.search(rf"(?<!\w){re.escape(column)}(?!\w)", phrase) is not None


def _phrases(text: str) -> list[str]:
    """Cut a text at commas, semicolons and full stops outside brackets.

    Examples
    --------
    >>> _phrases("One row a stage: by, share (of those, who left) with limits. Most first.")
    ['by', 'share (of those, who left) with limits', 'Most first', 'One row a stage: by']
    """
    cut = [phrase.strip() for phrase in _cut(text)]
    after_colon = [phrase.rsplit(": ", 1)[-1] if _has_colon(phrase) else phrase for phrase in cut]
    whole = [phrase for phrase in cut if _has_colon(phrase)]
    return [phrase for phrase in (*after_colon, *whole) if phrase]


def _has_colon(phrase: str) -> bool:
    return ": " in re.sub(r"\([^()]*\)", "", phrase) and "(" not in phrase.split(": ", 1)[0]


def _cut(text: str) -> Iterator[str]:
    depth, begin = 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and _SEPARATORS.match(text, at):
            yield text[begin:at].removeprefix("and ")
            begin = at + 1
    yield text[begin:].removeprefix("and ")


@cache
def _entries(kind: type) -> dict[str, str]:
    """Return the entries of the section Attributes, each as one line, by attribute."""
    text = inspect.getdoc(kind) or ""
    found = re.search(r"^Attributes\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", text, re.MULTILINE | re.DOTALL)
    entries: dict[str, str] = {}
    names: list[str] = []
    for line in (found[1] if found else "").splitlines():
        if line and not line[0].isspace():
            names = [name.strip() for name in line.split(" : ")[0].split(",")]
            entries |= dict.fromkeys(names, "")
        elif line.strip():
            for name in names:
                entries[name] = f"{entries[name]} {line.strip()}".strip()
    return entries
