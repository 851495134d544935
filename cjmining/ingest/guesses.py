"""What the columns of a table that no source knows may be, by their names and first values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_TIMES: Final = r"(time|date|_at$|^at$|when|timestamp|datum|zeit|moment|opened|created|started|sold)"
_TIME_LIKE: Final = re.compile(
    r"^\s*(\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{4}/\d{1,2}/\d{1,2})"
)
_IDENTIFIERS: Final = (
    ("email", r"e-?_?mail"),
    ("phone", r"(phone|mobile|telefon|caller)"),
    ("loyalty", r"(loyalty|card|karte)"),
    ("cookie", r"(cookie|visitor|anonymous)_?-?(id)?$"),
    ("user_id", r"^(customer|client|user|member|kunden?|account)_?-?\s?(id|no|nr|number|key)?$"),
)
_WHAT: Final = r"^(event|activity|action|touchpoint|what|operation|step|event_?(name|type)|activity_?name)$"


def guess_table(names: Sequence[str], rows: Sequence[Mapping[str, Any]], stem: str) -> dict[str, Any]:
    """Return options of a `Table` for these columns, empty where there is no time or no identifier.

    Examples
    --------
    >>> rows = [{"card": "17", "sold_at": "2026-01-31 10:00", "amount": "3"}]
    >>> guess_table(["card", "sold_at", "amount"], rows, "till")
    {'customer': {'card': 'loyalty'}, 'timestamp': 'sold_at', 'touchpoint': 'till'}
    """
    times = [name for name in names if re.search(_TIMES, name.lower()) and _holds_times(name, rows)]
    identifiers = guess_customers(names, rows)
    if not times or not identifiers:
        return {}
    what = [name for name in names if re.match(_WHAT, name.lower())]
    return {"customer": identifiers, "timestamp": times[0], "touchpoint": what[0] if what else stem}


def guess_customers(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
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


def _holds_times(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    values = [str(row[name]) for row in rows if row.get(name)]
    return bool(values) and sum(bool(_TIME_LIKE.match(value)) for value in values) * 2 > len(values)
