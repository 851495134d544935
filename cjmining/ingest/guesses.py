"""What the columns of a table that no source knows may be, by their names and first values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cjmining.ingest.guessed_values import (
    date_forms,
    has_decimal_commas,
    holds_times,
    scale_of,
    writes_numbers,
)

_TIMES: Final = r"(time|date|_at$|^at$|^ts$|when|timestamp|datum|zeit|moment|opened|created|started|sold)"
_NO_EVENTS: Final = r"(birth|geburt|^dob$)"
_OF_PEOPLE: Final = r"(created|registered|regist|signed_?up|signup|since|updated|modified|seit|angelegt)"
"""Times that tables of customers have too."""
_IDENTIFIERS: Final = (
    ("email", r"e-?_?mail"),
    ("phone", r"(phone|mobile|telefon|caller)"),
    ("loyalty", r"(loyalty|card|karte)"),
    ("cookie", r"(cookie|visitor|anonymous)_?-?(id)?$"),
    (
        "user_id",
        r"^(customer|client|user|member|kunden?|kundin|account)_?-?\s?(id|no|nr|number|nummer|key)?$|^uid$",
    ),
)
_WHAT: Final = (
    "touchpoint", "event_name", "event", "activity_name", "activity", "action", "ereignis", "aktion",
    "aktivität", "vorgang", "operation", "step", "schritt", "what", "event_type", "type", "typ", "art",
    "kind", "about", "status", "zustand",
)  # fmt: skip
"""Columns that say what happened, or the last words of their names; the first of these that fits counts."""
_FEW: Final = 0.6
"""Most different values of such a column, as a share of the rows."""
_VALUE: Final = r"(^|_)(amount|betrag|total|price|preis|umsatz|revenue|summe|value)(_|$)"
_SCORE: Final = r"(^|_)(score|rating|nps|csat|zufriedenheit|bewertung)(_|$)"

Rows = Sequence[Mapping[str, Any]]


def guess_table(names: Sequence[str], rows: Rows, title: str) -> dict[str, Any]:
    """Return options of a `Table` for these columns, empty where there is no time or no identifier.

    Examples
    --------
    >>> rows = [{"card": "17", "sold_at": "31.01.2026 10:00", "amount": "3,50"}]
    >>> guess_table(["card", "sold_at", "amount"], rows, "till") == {
    ...     "customer": {"card": "loyalty"}, "timestamp": "sold_at", "touchpoint": "till",
    ...     "date_format": "%d.%m.%Y %H:%M", "measures": {"value": "amount"}, "decimal": ",",
    ... }
    True
    """
    identifiers = guess_customers(names, rows)
    times = [
        name
        for name in names
        if re.search(_TIMES, _plain(name))
        and not re.search(_NO_EVENTS, _plain(name))
        and holds_times(_values(rows, name))
    ]
    if not times or not identifiers:
        return {}
    free = [name for name in names if name not in identifiers and name not in times]
    what, measured = _what_happened(free, rows), _measures(free, rows)
    if not what and not measured and all(re.search(_OF_PEOPLE, _plain(name)) for name in times):
        return {}  # customers, and since when they are
    found = {"customer": identifiers, "timestamp": times[0], "touchpoint": what or title}
    if forms := date_forms(_values(rows, times[0])):
        found["date_format"] = forms[0] if len(forms) == 1 else list(forms)
    return found | measured


def guess_customers(names: Sequence[str], rows: Rows) -> dict[str, str]:
    """Return the columns that look like identifiers, with their kinds.

    Examples
    --------
    >>> guess_customers(["Customer ID", "E-Mail", "city"], [])
    {'Customer ID': 'user_id', 'E-Mail': 'email'}
    """
    found = {}
    for name in names:
        kind = next((kind for kind, form in _IDENTIFIERS if re.search(form, name.lower().strip())), None)
        if kind == "email" and rows and not any("@" in str(row.get(name, "")) for row in rows):
            kind = None
        if kind:
            found[name] = kind
    return found


def _what_happened(names: Sequence[str], rows: Rows) -> str | None:
    """Return the column that says what happened: called so, and with few different texts."""
    for word in _WHAT:
        for name in names:
            if re.search(rf"(^|_){word}$", _plain(name)) and _has_few_texts(_values(rows, name)):
                return name
    return None


def _has_few_texts(values: Sequence[str]) -> bool:
    if not values or all(re.fullmatch(r"[\d\s.,:/+-]+", value) for value in values):
        return False
    return len(set(values)) <= max(2, _FEW * len(values))


def _measures(names: Sequence[str], rows: Rows) -> dict[str, Any]:
    """Return the options `measures` and `decimal`."""
    numbers = [name for name in names if writes_numbers(_values(rows, name))]
    measures: dict[str, Any] = {}
    if value := next((name for name in numbers if re.search(_VALUE, _plain(name))), None):
        measures["value"] = value
    score = next((name for name in numbers if re.search(_SCORE, _plain(name))), None)
    if score and (scale := scale_of(_plain(score), _values(rows, score))):
        measures["satisfaction"] = [score, *scale]
    if not measures:
        return {}
    used = [value] if value else [score]
    commas = has_decimal_commas([text for name in used if name for text in _values(rows, name)])
    return {"measures": measures} | ({"decimal": ","} if commas else {})


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def _values(rows: Rows, name: str) -> list[str]:
    """Return what a column holds, as text; what is empty is left out."""
    return [text for row in rows if row.get(name) is not None and (text := str(row[name]).strip())]
