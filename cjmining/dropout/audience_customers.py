"""The table of an audience: a row a customer, with the place where they left and what they are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cjmining.conformance.journeys import TURNS
from cjmining.conformance.worth import pieces_of_amounts
from cjmining.dropout.consent import among
from cjmining.dropout.entries import columns_at
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.conformance.reading import Reading

    Ints = NDArray[np.int64]

_PLACE = ("stage", "touchpoint", "turn")


def list_customers(check: Conformance, reading: Reading, latest: Ints) -> pd.DataFrame:
    """Return a row a customer: who they are, where they left, and what they are worth.

    Parameters
    ----------
    check : Conformance
        With its log.
    reading : Reading
        Of the check.
    latest : int64[C]
        A journey of each customer, by customer.
    """
    import pandas as pd

    stages = (BEFORE_THE_MAP, *check.intended.stage_names)
    order = np.argsort(latest, kind="stable")
    columns = columns_at(check, latest[order], "decided_at", "place_stage", "place_touchpoint", "turn")
    left_at, *place = (_put_back(column, order) for column in columns)
    codes = dict(zip(_PLACE, place, strict=True))
    names = dict(zip(_PLACE, (stages, ("", *reading.plan.labels), TURNS), strict=True))
    customer = reading.customer[latest]
    frame = pd.DataFrame(
        {
            "customer": customer,
            "persona": _personas(reading, customer),
            **{name: _words(names[name], 1 + codes[name]) for name in _PLACE},
            "journey": latest,
            "left_at": pd.DatetimeIndex(left_at.astype("datetime64[us]"), tz="UTC"),
        }
    )
    return frame.assign(**_values(customer, reading), **_stakes(names, codes, check))


def _put_back(column: NDArray[Any], order: Ints) -> NDArray[Any]:
    found = np.empty_like(column)
    found[order] = column
    return found


def _personas(reading: Reading, customers: Ints) -> pd.Series[str]:
    if "persona" not in reading.log.attributes:
        return _words(("",), np.zeros_like(customers))
    codes, names = reading.log.group_of_customers("persona", customers)
    return _words(names, codes)


def _words(names: Sequence[str], codes: NDArray[Any]) -> pd.Series[str]:
    import pandas as pd

    return pd.Series(np.array(names, dtype=object), dtype="str").take(codes).reset_index(drop=True)


def _values(customers: Ints, reading: Reading) -> dict[str, NDArray[np.float64]]:
    """Return what the customers' conversions have brought so far, a column a currency of the log's."""
    totals: dict[int, NDArray[np.float64]] = {}
    for amounts in pieces_of_amounts(reading):
        whose = reading.customer[amounts.journey]
        own = among(whose, customers)
        place = np.searchsorted(customers, whose[own])
        for code in np.unique(amounts.currency).tolist():
            here = amounts.currency[own] == code
            total = totals.setdefault(code, np.zeros(len(customers)))
            np.add.at(total, place[here], amounts.value[own][here])
    currencies = (*reading.currencies, "")
    return {_money("net_value", currencies[code]): totals[code] for code in sorted(totals)}


def _stakes(
    names: dict[str, tuple[str, ...]], codes: dict[str, NDArray[Any]], check: Conformance
) -> dict[str, NDArray[np.float64]]:
    """Return the value at risk of the place where each left, of one drop-out there, a column a currency."""
    worth = check.overall.value_by_currency
    sizes = [len(names[name]) for name in _PLACE]
    places, at = np.unique(
        np.ravel_multi_index([1 + codes[name] for name in _PLACE], sizes), return_inverse=True
    )
    rows = np.stack(np.unravel_index(places, sizes), axis=1).tolist()
    keys = [tuple(names[name][code] for name, code in zip(_PLACE, row, strict=True)) for row in rows]
    columns = {}
    for currency in sorted(worth["currency"].unique()):
        of_place = worth[worth["currency"] == currency].set_index(list(_PLACE))
        each = of_place["value_at_risk"] / of_place["journeys"]
        stakes = np.array([each.get(key, np.nan) for key in keys], dtype=np.float64)
        columns[_money("at_stake", str(currency))] = stakes[at]
    return columns


def _money(what: str, currency: str) -> str:
    return f"{what}_{currency}" if currency else what


def with_identifiers(frame: pd.DataFrame, asked: pd.DataFrame, kinds: tuple[str, ...]) -> pd.DataFrame:
    """Add a column for each kind of identifier: the first of each customer, "" where there is none."""
    columns = {}
    for kind in kinds:
        first = asked[asked["kind"] == kind].drop_duplicates("customer").set_index("customer")["value"]
        columns[kind] = frame["customer"].map(first).fillna("").astype("str")
    return frame.assign(**columns)
