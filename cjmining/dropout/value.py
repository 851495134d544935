"""The verb `lifetime_value`: groups and places ranked by what the customers who left had been worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from cjmining.conformance.journeys import TURNS
from cjmining.conformance.tables import frame
from cjmining.conformance.worth import amounts_of_conversions
from cjmining.dropout.entries import DROPPED, columns_of
from cjmining.dropout.selection import expect_check
from cjmining.errors import LogError, nearest
from cjmining.grouping import EVERYBODY
from cjmining.results import Result, Source
from cjmining.schema import BEFORE_THE_MAP
from cjmining.stats import mean_of_clusters

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.conformance.reading import Reading
    from cjmining.dropout.scan import DropOutScan

PLACE = ("by", "stage", "touchpoint", "turn")
"""What names a row of `places`, beside the currency."""


@dataclass(frozen=True, repr=False, eq=False)
class LifetimeValue(Result):
    """What the customers who left were worth, by group and place; money never adds up over currencies.

    A customer counts once in a row, however many journeys were dropped there. Ranks are within a currency,
    1 for the most; equal ones share the lower number.

    Attributes
    ----------
    column : str or None
        The attribute of customers that the values come from; None where they are observed.
    by : str or None
        What the journeys are grouped by.
    groups : pandas.DataFrame
        by, currency, customers (with a journey in the group), known (those of them with a lifetime value),
        journeys (dropped ones), customers_dropped (with at least one of these), known_dropped (those of them
        with a lifetime value), mean_lifetime_value (over the known_dropped customers) with 95 % limits
        lifetime_value_lower and lifetime_value_upper, total_lifetime_value (their sum),
        mean_lifetime_value_of_all (over all known customers of the group), value_at_risk (sum over the
        group's places, as `places` has them), rank_by_journeys (1 has most of them), rank_by_value_at_risk (1
        has most of it), rank_by_total_lifetime_value (1 has the highest total).
    places : pandas.DataFrame
        by, stage, touchpoint, turn, currency, journeys (dropped there), customers (whose journeys these are),
        known (those of them with a lifetime value), value_at_risk (as in `Conformance.value_by_currency`)
        with limits value_at_risk_lower and value_at_risk_upper, mean_lifetime_value (over the known
        customers) with 95 % limits lifetime_value_lower and lifetime_value_upper, total_lifetime_value (their
        sum), rank_by_journeys (1 has most of them), rank_by_value_at_risk (1 has most of it),
        rank_by_total_lifetime_value (1 has the highest total). Most journeys first.
    findings : pandas.DataFrame
        One row a finding of the scan given and currency, none without one: rank (of the finding), kind
        (dropped or turned away), stage, touchpoint (where the journeys were last seen; "" for anywhere in the
        stage), segment (its values, or "all"), start (of its window, UTC), end (of its window, UTC,
        excluded), currency, journeys (that ended so in it), customers (whose journeys these are), known
        (those of them with a lifetime value), mean_lifetime_value (over the known customers) with 95 % limits
        lifetime_value_lower and lifetime_value_upper, total_lifetime_value (their sum), rank_by_journeys (1
        has most of them), rank_by_total_lifetime_value (1 has the highest total).
    notes : tuple of str
        What a reader should know before trusting a number.
    """

    _tables: ClassVar[tuple[str, ...]] = ("groups", "places", "findings")  # type: ignore[misc]

    column: str | None
    by: str | None
    groups: pd.DataFrame
    places: pd.DataFrame
    findings: pd.DataFrame
    notes: tuple[str, ...] = ()

    def _summary(self) -> str:
        what = "observed net value to date" if self.column is None else f"the attribute '{self.column}'"
        currencies = [name for name in dict.fromkeys(self.places["currency"]) if name]
        said = f" in {' and '.join(currencies)}" if currencies else ""
        return f"LifetimeValue: {what}{said}, {len(self.places):,} places of drop-out"


def lifetime_value(
    check: Conformance,
    *,
    scan: DropOutScan | None = None,
    column: str | None = None,
    currency: str | None = None,
) -> LifetimeValue:
    """Rank groups, places and findings of drop-out by the lifetime value of the customers who left there.

    Observed value is what a customer's conversions brought up to the end of the data, net of what was given
    back, in each currency by itself: the past, not a forecast. Who never bought has 0, so places early on the
    map, where newcomers leave, have little of it however much they could have become worth. Value at risk
    asks another question: what the journeys lost there would have brought, had they gone on like those that
    stayed.

    Parameters
    ----------
    check : Conformance
        Made by `cj.check` from a log.
    scan : DropOutScan, optional
        What `cj.scan(check)` returned: then its findings are ranked as well.
    column : str, optional
        An attribute of customers that says their lifetime value, as a number; those without one are left out
        of the means and counted. By default it is observed.
    currency : str, optional
        What `column` is in; by default the one currency of the log.

    Returns
    -------
    LifetimeValue
        `groups`, `places` and `findings`, with ranks by journeys, by value at risk and by lifetime value.

    Raises
    ------
    LogError
        If `scan` is of another log, customers have no such attribute, it holds no numbers, no conversion has
        a value, or `column` could be in one of several currencies.

    Notes
    -----
    Limits of a mean are Student's, over customers, and never below 0 where no customer is worth less; where
    all are worth the same they are unknown (NaN). Money is skewed: where few customers left, a few large
    values decide the mean, and the limits cover it less often than they say.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(300, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> check = cj.check(shop.log.split(intended), intended)
    >>> value = cj.lifetime_value(check)
    >>> int(value.places["journeys"].sum()) == int(check.outcomes["dropped"].sum())
    True

    References
    ----------
    Limits of the mean: Cochran (1977), Sampling Techniques, 3rd edition, section 2.8.
    """
    expect_check(check, "lifetime_value")
    reading = check._with_log("lifetime values")
    if scan is not None:
        _expect_scan_of(check, scan)
    if column is None:
        if currency is not None:
            raise LogError("currency says what column is in; observed values have their own: leave it out")
        worth = _observed(reading)
    else:
        worth = _given(reading, column, currency)
    left = _who_left(check)
    return LifetimeValue(
        column=column,
        by=check.by,
        groups=_groups(check, left, worth),
        places=_places(check, left, worth),
        findings=_findings(check, scan, worth),
        notes=_notes(column, worth),
    )._made_from(check)


# What customers are worth


class _Values(NamedTuple):
    """What customers are worth, by their numbers, which ascend; NaN where it isn't known."""

    customer: NDArray[np.int64]
    value: NDArray[np.float64]

    def of(self, customers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the values of some customers, of those that are known."""
        found = self.value[np.searchsorted(self.customer, customers)]
        known: NDArray[np.float64] = found[~np.isnan(found)]
        return known


def _observed(reading: Reading) -> dict[str, _Values]:
    """Return for each currency the net value of every customer with a journey."""
    amounts = amounts_of_conversions(reading)
    customers = np.unique(reading.customer)
    row = np.searchsorted(customers, reading.customer[amounts.journey])
    found = {}
    for code in np.unique(amounts.currency):
        mine = amounts.currency == code
        total = np.bincount(row[mine], amounts.value[mine], minlength=len(customers))
        found[amounts.currencies[code]] = _Values(customers, total.astype(np.float64))
    if not found:
        raise LogError(
            "no conversion of this check has a value, so that no lifetime value is observed; name an "
            "attribute of customers with column="
        )
    return found


def _given(reading: Reading, column: str, currency: str | None) -> dict[str, _Values]:
    """Return the values that an attribute gives, NaN where it is missing."""
    import pandas as pd

    log = reading.log
    if column not in log.attributes:
        known = ", ".join(log.attributes) or "no attributes"
        raise LogError(f"customers have no {column!r}{nearest(column, log.attributes)}; they have {known}")
    customers = np.unique(reading.customer)
    of = log.customers.set_index("customer")[column].reindex(customers)
    numbers = pd.to_numeric(of, errors="coerce").astype(float)
    spoilt = of[numbers.isna() & of.notna()]
    if len(spoilt):
        raise LogError(
            f"{len(spoilt):,} customers have a {column!r} that is no number, such as {str(spoilt.iloc[0])!r}"
        )
    if currency is None and len(reading.currencies) > 1:
        raise LogError(
            f"say with currency= what {column!r} is in: the log has {', '.join(reading.currencies)}"
        )
    values = _Values(customers, np.asarray(numbers, dtype=np.float64))
    return {currency or next(iter(reading.currencies), ""): values}


class _Left(NamedTuple):
    """Who left: by group, and by group, place and turn, the customers of the journeys that were dropped.

    `journeys` is their number by group.
    """

    journeys: dict[str, int]
    by_group: dict[str, NDArray[np.int64]]
    by_place: dict[tuple[str, ...], NDArray[np.int64]]


def _who_left(check: Conformance) -> _Left:
    """Return whose the dropped journeys are, by group and place."""
    reading = check._with_log("lifetime values")
    dropped = np.flatnonzero(columns_of(check, "outcome") == DROPPED)
    names = (
        _group_names(check),
        (BEFORE_THE_MAP, *check.intended.stage_names),
        ("", *reading.plan.labels),
        TURNS,
    )
    codes = (
        _groups_of(check)[dropped],
        *(columns_of(check, name)[dropped] + 1 for name in ("place_stage", "place_touchpoint", "turn")),
    )
    place = np.ravel_multi_index(codes, [len(each) for each in names])
    whose = reading.customer[dropped]
    by_place = {
        tuple(name[code] for name, code in zip(names, key, strict=True)): own
        for number, own in _customers_by(place, whose)
        for key in [np.unravel_index(number, [len(each) for each in names])]
    }
    by_group = {names[0][group]: own for group, own in _customers_by(codes[0], whose)}
    counts = np.bincount(codes[0], minlength=len(names[0])).tolist()
    return _Left(dict(zip(names[0], counts, strict=True)), by_group, by_place)


def _groups_of(check: Conformance) -> NDArray[np.int32]:
    """Return the group of each journey as a position in `_group_names`."""
    reading = check._with_log("lifetime values")
    return reading.group if check.by is not None else np.zeros(len(reading.customer), np.int32)


def _group_names(check: Conformance) -> tuple[str, ...]:
    return check._with_log("lifetime values").groups if check.by is not None else (EVERYBODY,)


def _customers_by(
    codes: NDArray[np.integer[Any]], customer: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield the codes that occur, each with its customers; rows of a customer lie together."""
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order], prepend=-1, append=-1))
    for first, last in pairwise(bounds.tolist()):
        yield int(codes[order[first]]), np.unique(customer[order[first:last]])


# The tables


def _places(check: Conformance, left: _Left, worth: dict[str, _Values]) -> pd.DataFrame:
    at_risk = _at_risk(check)
    rows = []
    for place in check.dropouts.to_dict("records"):
        key = tuple(str(place[name]) for name in PLACE)
        for currency, values in worth.items():
            value = at_risk.get((*key, currency), _UNKNOWN)
            rows.append(
                {name: place[name] for name in (*PLACE, "journeys")}
                | {"currency": currency, "customers": len(left.by_place[key])}
                | value
                | _told(values.of(left.by_place[key]))
            )
    return _ranked(frame(rows, _PLACE_COLUMNS))


def _groups(check: Conformance, left: _Left, worth: dict[str, _Values]) -> pd.DataFrame:
    names = _group_names(check)
    sums = check.value_by_currency.groupby(["by", "currency"])["value_at_risk"].sum(min_count=1)
    of_group = {
        names[group]: own
        for group, own in _customers_by(_groups_of(check), check._with_log("lifetime values").customer)
    }
    rows = []
    for name in check.groups:
        own = left.by_group.get(name, np.zeros(0, np.int64))
        for currency, values in worth.items():
            all_of_them = values.of(of_group[name])
            told = _told(values.of(own))
            rows.append(
                {
                    "by": name,
                    "currency": currency,
                    "customers": len(of_group[name]),
                    "known_of_all": len(all_of_them),
                    "journeys": left.journeys[name],
                    "customers_dropped": len(own),
                    "value_at_risk": float(sums.get((name, currency), np.nan)),
                    "mean_lifetime_value_of_all": _mean(all_of_them),
                    **told,
                }
            )
    table = _ranked(frame(rows, _GROUP_COLUMNS))
    return table.rename(columns={"known": "known_dropped", "known_of_all": "known"})


def _findings(check: Conformance, scan: DropOutScan | None, worth: dict[str, _Values]) -> pd.DataFrame:
    """Return what the customers behind the findings of a scan had been worth."""
    import pandas as pd

    rows = []
    listed = (
        []
        if scan is None
        else [(row, scan.journeys(row["rank"])) for row in scan.findings.to_dict("records")]
    )
    for found, behind in listed:
        customers = np.unique(check._with_log("lifetime values").customer[behind])
        for currency, values in worth.items():
            rows.append(
                {name: found[name] for name in _FINDING}
                | {"currency": currency, "journeys": len(behind), "customers": len(customers)}
                | _told(values.of(customers))
            )
    table = _ranked(frame(rows, _FINDING_COLUMNS))
    none = pd.DatetimeIndex(np.zeros(0, "datetime64[us]"), tz="UTC")
    for place, name in enumerate(("start", "end"), start=len(_FINDING)):
        moments = none if scan is None else pd.DatetimeIndex(scan.findings[name]).repeat(len(worth))
        table.insert(place, name, moments)
    return table


def _expect_scan_of(check: Conformance, scan: object) -> None:
    from cjmining.dropout.scan import DropOutScan

    if not isinstance(scan, DropOutScan):
        raise LogError(f"scan is what cj.scan(check) returned, not {type(scan).__name__}")
    if scan._source != Source.of(check._with_log("lifetime values").log):
        raise LogError("the scan was made from another log: its journeys have other numbers here")


_VALUE = ("value_at_risk", "value_at_risk_lower", "value_at_risk_upper")
_UNKNOWN = dict.fromkeys(_VALUE, np.nan)
_WORTH = ("mean_lifetime_value", "lifetime_value_lower", "lifetime_value_upper", "total_lifetime_value")
_RANKS = {
    "rank_by_journeys": "journeys",
    "rank_by_value_at_risk": "value_at_risk",
    "rank_by_total_lifetime_value": "total_lifetime_value",
}
_FINDING = ("rank", "kind", "stage", "touchpoint", "segment")
_FINDING_COLUMNS = {
    "rank": "int",
    **dict.fromkeys((*_FINDING[1:], "currency"), "text"),
    **dict.fromkeys(("journeys", "customers", "known"), "int"),
    **dict.fromkeys(_WORTH, "float"),
}
_PLACE_COLUMNS = {
    **dict.fromkeys((*PLACE, "currency"), "text"),
    **dict.fromkeys(("journeys", "customers", "known"), "int"),
    **dict.fromkeys((*_VALUE, *_WORTH), "float"),
}
_GROUP_COLUMNS = {
    **dict.fromkeys(("by", "currency"), "text"),
    **dict.fromkeys(("customers", "known_of_all", "journeys", "customers_dropped", "known"), "int"),
    **dict.fromkeys((*_WORTH, "mean_lifetime_value_of_all", "value_at_risk"), "float"),
}


def _at_risk(check: Conformance) -> dict[tuple[str, ...], dict[str, float]]:
    """Return the value at risk by place and currency."""
    rows = check.value_by_currency.to_dict("records")
    return {
        tuple(str(row[name]) for name in (*PLACE, "currency")): {name: row[name] for name in _VALUE}
        for row in rows
    }


def _told(known: NDArray[np.float64]) -> dict[str, Any]:
    """Return the mean of customers' known values with its limits, and their sum."""
    total, n = float(known.sum()), len(known)
    if not n:
        return {"known": 0, **dict.fromkeys(_WORTH, np.nan)}
    mean, lower, upper = mean_of_clusters(total, n, np.array([n, float(known @ known), total, n]))
    if known.min() == known.max():
        lower = upper = np.nan  # customers who are all alike don't tell how unlike others may be
    elif known.min() >= 0:
        lower = max(0.0, lower)
    return {"known": n, **dict(zip(_WORTH, (mean, lower, upper, total), strict=True))}


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else np.nan


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Add the ranks, those of each currency by themselves."""
    ranks = {
        rank: table.groupby("currency")[column].rank(method="min", ascending=False)
        for rank, column in _RANKS.items()
        if column in table.columns
    }
    return table.assign(**ranks)


def _notes(column: str | None, worth: dict[str, _Values]) -> tuple[str, ...]:
    if column is not None:
        unknown = max(int(np.isnan(values.value).sum()) for values in worth.values())
        have = "customer has" if unknown == 1 else "customers have"
        left_out = f"{unknown:,} {have} no '{column}' and can't count in the means."
        return (left_out,) if unknown else ()
    past = (
        "Lifetime value is what customers' conversions brought up to the end of the data, net of what was "
        "given back: their past, not what they may still bring. Customers who never bought count with 0."
    )
    apart = "Each currency stands by itself; nothing is added up over currencies."
    return (past, apart) if len(worth) > 1 else (past,)
