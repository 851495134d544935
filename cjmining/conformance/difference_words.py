"""What differs, in sentences: each with both shares and what they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cjmining.conformance.difference_tables import FORMS
from cjmining.conformance.tables import frame
from cjmining.words import duration, known, number, percent
from cjmining.words import name as said

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

Row = dict[str, Any]

_COLUMNS = {
    "rank": "int",
    "table": "text",
    "stage": "text",
    "what": "text",
    "sentence": "text",
    "difference": "float",
    "lower": "float",
    "upper": "float",
    "p": "float",
    "q": "float",
    "customers": "int",
}


def findings(
    tables: Mapping[str, pd.DataFrame], names: tuple[str, str], horizon: str, largest_q: float
) -> pd.DataFrame:
    """Return the differences up to the largest q, those first that are surest to be large."""
    rows = [
        row
        for table in FORMS
        for each in tables[table].to_dict("records")
        if each["q"] <= largest_q
        for row in [_finding(table, {str(key): value for key, value in each.items()}, names, horizon)]
    ]
    rows.sort(key=lambda row: (-_least(row), row["p"], list(FORMS).index(row["table"]), row["what"]))
    return frame([row | {"rank": rank} for rank, row in enumerate(rows, 1)], _COLUMNS)


def _least(row: Row) -> float:
    """Return the limit nearest to no difference; 0 where the limits hold none."""
    return max(float(row["lower"]), -float(row["upper"]), 0.0)


def _finding(table: str, row: Row, names: tuple[str, str], horizon: str) -> Row:
    what = what_of(table, row)
    return {
        **{name: row[name] for name in ("difference", "lower", "upper", "p", "q", "customers")},
        "table": table,
        "stage": row.get("stage", ""),
        "what": what,
        "sentence": sentence(table, row, names, horizon),
    }


def what_of(table: str, row: Row) -> str:
    """Name what a row is about.

    Examples
    --------
    >>> what_of("touchpoints", {"stage": "Basket", "touchpoint": "basket_filled", "channel": "app"})
    'basket filled (app)'
    """
    if table == "outcomes":
        return str(row["outcome"])
    if table == "touchpoints":
        return (
            f"{said(row['touchpoint'])} ({said(row['channel'])})"
            if row["channel"]
            else said(row["touchpoint"])
        )
    if table == "deviations":
        return f"{row['type']}: {said(row['touchpoint'])}"
    if table == "promises":
        return promise_in_short(row)
    return str(row["stage"])


def promise_in_short(row: Row) -> str:
    """Say what was promised in few words.

    Examples
    --------
    >>> row = {"touchpoint": "call_answered", "measure": "wait_s", "at_most": 120.0, "at_least": float("nan")}
    >>> promise_in_short(row)
    'call answered: wait up to 2 min'
    """
    measures = {
        "wait_s": "wait",
        "duration_s": "takes",
        "response_s": "answer",
        "within": "on to the next stage",
        "satisfaction": "satisfaction",
        "contacts": "needed",
    }
    measure = str(row["measure"])
    told = measures.get(measure, said(measure))
    for limit, words in (("at_least", "at least"), ("at_most", "up to")):
        if known(row[limit]):
            told += f" {words} {_amount(measure, float(row[limit]))}"
    about = said(row["touchpoint"]) if row["touchpoint"] else ""
    return f"{about}: {told}" if about else told


def _amount(measure: str, value: float) -> str:
    if measure == "satisfaction":
        return f"{value:g}"
    return f"{value:g} times" if measure == "contacts" else duration(value)


def sentence(table: str, row: Row, names: tuple[str, str], horizon: str) -> str:
    """Tell a difference with both sides and their denominators."""
    form, (first, second) = FORMS[table], names
    ends = row["difference"], row["lower"], row["upper"]
    if table == "satisfaction":
        return (
            f"Answers at {row['stage']} are {row['satisfaction_second']:.2f} on average in {second} (of "
            f"{number(row['answered_second'])}) and {row['satisfaction_first']:.2f} in {first} (of "
            f"{number(row['answered_first'])}), 0 worst and 1 best: {means_in_words(*ends)}."
        )
    sides = [
        f"{percent(row[f'{form.share}_{word}'])} in {name} ({number(row[f'{form.hits}_{word}'])} of "
        f"{number(row[f'{form.base}_{word}'])})"
        for word, name in (("second", second), ("first", first))
    ]
    return f"{_subject(table, row, horizon)}: {sides[0]} and {sides[1]}, {points_in_words(*ends)}."


def _subject(table: str, row: Row, horizon: str) -> str:
    what = what_of(table, row)
    subjects = {
        "outcomes": f"Journeys {'with no end yet' if what == 'none of these' else what} within {horizon}",
        "reached": f"Journeys that reached {what} within {horizon}",
        "stages": f"Dropped out at {what} within {horizon} of entering it",
        "touchpoints": f"Journeys with {what}",
        "promises": f"Promise kept at {row.get('stage')} ({what})",
        "deviations": f"Journeys with {what} at {row.get('stage')}",
    }
    return subjects[table]


def means_in_words(difference: float, lower: float, upper: float) -> str:
    """Say a difference of means with its limits; a limit on the other side of none has a minus.

    Examples
    --------
    >>> means_in_words(0.09, -0.018, 0.189), means_in_words(-0.05, -0.164, 0.066)
    ('higher by 0.09 (-0.02 to 0.19)', 'lower by 0.05 (-0.07 to 0.16)')
    """
    higher = difference >= 0
    low, high = (lower, upper) if higher else (-upper, -lower)
    ends = [f"{round(each, 2) + 0:.2f}" for each in (low, high)]
    return f"{'higher' if higher else 'lower'} by {abs(difference):.2f} ({ends[0]} to {ends[1]})"


def points_in_words(difference: float, lower: float, upper: float) -> str:
    """Say a difference of shares with its limits, all to a tenth of a point where it is less than one.

    Examples
    --------
    >>> points_in_words(0.13, 0.05, 0.2), points_in_words(-0.021, -0.07, 0.03)
    ('13 points more (5 to 20)', '2 points less (-3 to 7)')
    >>> points_in_words(0.004, 0.003, 0.005)
    '0.4 points more (0.3 to 0.5)'
    """
    more = difference >= 0
    low, high = (lower, upper) if more else (-upper, -lower)
    size = 100 * abs(difference)
    places = 0 if size >= 1 else 1
    told, *ends = (f"{round(100 * each, places) + 0:.{places}f}" for each in (abs(difference), low, high))
    return (
        f"{told} {'point' if told == '1' else 'points'} {'more' if more else 'less'} ({ends[0]} to {ends[1]})"
    )
