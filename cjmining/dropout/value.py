"""The verb `lifetime_value`: groups and places ranked by what the customers who left had been worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cjmining.conformance.tables import frame
from cjmining.conformance.worth import amounts_of_conversions
from cjmining.dropout.selection import expect_check
from cjmining.errors import LogError, nearest
from cjmining.results import Result, Source
from cjmining.stats import mean_of_clusters

if TYPE_CHECKING:
    import pandas as pd

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


def _observed(reading: Reading) -> dict[str, pd.Series[Any]]:
    """Return for each currency the net value of every customer with a journey."""
    import pandas as pd

    amounts = amounts_of_conversions(reading)
    customers = np.unique(reading.customer)
    row = np.searchsorted(customers, reading.customer[amounts.journey])
    found = {}
    for code in np.unique(amounts.currency):
        mine = amounts.currency == code
        total = np.bincount(row[mine], amounts.value[mine], minlength=len(customers))
        found[amounts.currencies[code]] = pd.Series(total, index=customers)
    if not found:
        raise LogError(
            "no conversion of this check has a value, so that no lifetime value is observed; name an "
            "attribute of customers with column="
        )
    return found


def _given(reading: Reading, column: str, currency: str | None) -> dict[str, pd.Series[Any]]:
    """Return the values that an attribute gives, NaN where it is missing."""
    import pandas as pd

    log = reading.log
    if column not in log.attributes:
        known = ", ".join(log.attributes) or "no attributes"
        raise LogError(f"customers have no {column!r}{nearest(column, log.attributes)}; they have {known}")
    of = log.customers.set_index("customer")[column].reindex(np.unique(reading.customer))
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
    return {currency or next(iter(reading.currencies), ""): numbers}


def _who_left(check: Conformance) -> pd.DataFrame:
    """Return group, place, turn and customer of every dropped journey."""
    journeys = check.journeys
    dropped = journeys.loc[journeys["outcome"] == "dropped"]
    named = {"by": "by", "last_stage": "stage", "last_touchpoint": "touchpoint", "turn": "turn"}
    texts = {other: dropped[name].astype(str) for name, other in named.items()}
    return dropped[["customer"]].assign(**texts).reset_index(drop=True)


# The tables


def _places(check: Conformance, left: pd.DataFrame, worth: dict[str, pd.Series[Any]]) -> pd.DataFrame:
    at_risk = _at_risk(check)
    customers = {
        tuple(str(part) for part in key): np.unique(mine["customer"])
        for key, mine in left.groupby(list(PLACE), sort=False)
    }
    rows = []
    for place in check.dropouts.to_dict("records"):
        key = tuple(str(place[name]) for name in PLACE)
        for currency, values in worth.items():
            value = at_risk.get((*key, currency), _UNKNOWN)
            rows.append(
                {name: place[name] for name in (*PLACE, "journeys")}
                | {"currency": currency, "customers": len(customers[key])}
                | value
                | _told(values.reindex(customers[key]))
            )
    return _ranked(frame(rows, _PLACE_COLUMNS))


def _groups(check: Conformance, left: pd.DataFrame, worth: dict[str, pd.Series[Any]]) -> pd.DataFrame:
    everyone = check.journeys.assign(by=check.journeys["by"].astype(str)).groupby("by", sort=False)[
        "customer"
    ]
    of_group = {str(name): np.unique(mine) for name, mine in everyone}
    by_group = {str(name): mine["customer"].to_numpy() for name, mine in left.groupby("by", sort=False)}
    sums = check.value_by_currency.groupby(["by", "currency"])["value_at_risk"].sum(min_count=1)
    rows = []
    for name in check.groups:
        dropped = by_group.get(name, np.zeros(0, np.int64))
        own = np.unique(dropped)
        for currency, values in worth.items():
            all_of_them = values.reindex(of_group[name]).dropna()
            told = _told(values.reindex(own))
            rows.append(
                {
                    "by": name,
                    "currency": currency,
                    "customers": len(of_group[name]),
                    "known_of_all": len(all_of_them),
                    "journeys": len(dropped),
                    "customers_dropped": len(own),
                    "value_at_risk": float(sums.get((name, currency), np.nan)),
                    "mean_lifetime_value_of_all": _mean(all_of_them),
                    **told,
                }
            )
    table = _ranked(frame(rows, _GROUP_COLUMNS))
    return table.rename(columns={"known": "known_dropped", "known_of_all": "known"})


def _findings(check: Conformance, scan: DropOutScan | None, worth: dict[str, pd.Series[Any]]) -> pd.DataFrame:
    """Return what the customers behind the findings of a scan had been worth."""
    import pandas as pd

    rows = []
    listed = (
        []
        if scan is None
        else [(row, scan.journeys(row["rank"])) for row in scan.findings.to_dict("records")]
    )
    for found, behind in listed:
        customers = np.unique(check.journeys["customer"].to_numpy()[behind])
        for currency, values in worth.items():
            rows.append(
                {name: found[name] for name in _FINDING}
                | {"currency": currency, "journeys": len(behind), "customers": len(customers)}
                | _told(values.reindex(customers))
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


def _told(values: pd.Series[Any]) -> dict[str, Any]:
    """Return the mean of customers' values with its limits, and their sum."""
    known = values.dropna().to_numpy(dtype=float)
    total, n = float(known.sum()), len(known)
    if not n:
        return {"known": 0, **dict.fromkeys(_WORTH, np.nan)}
    mean, lower, upper = mean_of_clusters(total, n, np.array([n, float(known @ known), total, n]))
    if known.min() == known.max():
        lower = upper = np.nan  # customers who are all alike don't tell how unlike others may be
    elif known.min() >= 0:
        lower = max(0.0, lower)
    return {"known": n, **dict(zip(_WORTH, (mean, lower, upper, total), strict=True))}


def _mean(values: pd.Series[Any]) -> float:
    return float(values.mean()) if len(values) else np.nan


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Add the ranks, those of each currency by themselves."""
    ranks = {
        rank: table.groupby("currency")[column].rank(method="min", ascending=False)
        for rank, column in _RANKS.items()
        if column in table.columns
    }
    return table.assign(**ranks)


def _notes(column: str | None, worth: dict[str, pd.Series[Any]]) -> tuple[str, ...]:
    if column is not None:
        unknown = max(int(values.isna().sum()) for values in worth.values())
        have = "customer has" if unknown == 1 else "customers have"
        left_out = f"{unknown:,} {have} no '{column}' and can't count in the means."
        return (left_out,) if unknown else ()
    past = (
        "Lifetime value is what customers' conversions brought up to the end of the data, net of what was "
        "given back: their past, not what they may still bring. Customers who never bought count with 0."
    )
    apart = "Each currency stands by itself; nothing is added up over currencies."
    return (past, apart) if len(worth) > 1 else (past,)
