"""A scan in words: what a finding says, and what was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cjmining.stats import wilson

if TYPE_CHECKING:
    from cjmining.dropout.scan_counts import Material

DAY = timedelta(days=1)


def sentence(row: Mapping[str, Any], horizon: timedelta) -> str:
    """Say a finding in words.

    Examples
    --------
    >>> row = {"kind": "dropped", "stage": "Checkout", "touchpoint": "", "segment": "Gen Z, mobile",
    ...        "start": 1777852800_000000, "end": 1779667200_000000, "entered": 200, "ended": 80,
    ...        "share": 0.4, "expected": 50.0, "expected_share": 0.25, "excess": 30.0, "lower": 12.2,
    ...        "upper": 47.6, "customers_turn": 78, "companys_turn": 2, "p": 0.01, "stands_out": True}
    >>> sentence(row, timedelta(days=21)).split(", ")[2]
    '80 left there within 21 days: 40 % (33-47 %)'
    """
    lower, upper = wilson(row["ended"], row["entered"])[1:]
    whose = "" if row["segment"] == "all" else f" of {row['segment']}"
    return (
        f"Of {row['entered']:,} journeys{whose} that entered {row['stage']} "
        f"{_days(row['start'], row['end'])}, {row['ended']:,} {_ended(row)} within {horizon / DAY:g} days: "
        f"{100 * row['share']:.0f} % ({100 * lower:.0f}-{100 * upper:.0f} %), where "
        f"{100 * row['expected_share']:.0f} % were to be expected. That is {row['excess']:,.0f} more "
        f"({row['lower']:,.0f} to {row['upper']:,.0f}). {_turn(row)} {_by_chance(row)}"
    )


def _by_chance(row: Mapping[str, Any]) -> str:
    said = f"Chance alone brings something as strong somewhere in {_percent(row['p'])} of such logs"
    return f"{said}." if row["stands_out"] else f"{said}: it need not mean anything."


def _ended(row: Mapping[str, Any]) -> str:
    where = f"at {row['touchpoint']}" if row["touchpoint"] else "there"
    return f"left {where}" if row["kind"] == "dropped" else f"were turned away by the company {where}"


def _turn(row: Mapping[str, Any]) -> str:
    if row["kind"] != "dropped":
        return "The company ended them."
    theirs, companys = row["customers_turn"], row["companys_turn"]
    if companys > theirs:
        return f"{companys:,} of them were waiting for the company; at {theirs:,} it was the customer's turn."
    also = f", and {companys:,} were waiting for the company" if companys else ""
    return f"At {theirs:,} of them it was the customer's turn{also}."


def _days(start: int, end: int) -> str:
    first, last = _date(start), _date(end - 1)
    year = "" if first.year == last.year else f" {first:%Y}"
    return f"from {first.day} {first:%B}{year} to {last.day} {last:%B %Y}"


def _date(us: int) -> datetime:
    return datetime.fromtimestamp(us // 1_000_000, tz=UTC)


def _percent(p: float) -> str:
    return f"{100 * p:.0f} %" if p >= 0.01 else f"{100 * p:.1f} %"


def notes(seen: Material, places: int, replicates: int) -> tuple[str, ...]:
    """Say what was looked at, how far the scan sees, and what was left out."""
    until = _date(seen.sees_until)
    names = ", ".join(each.name for each in seen.variables) or "nothing but stages"
    looked = (
        f"Looked at {places:,} places over {seen.weeks:,} weeks; segments are made of {names}. p says how "
        f"often any place is as strong in {replicates:,} drawn logs in which nothing stands out."
    )
    sees = (
        f"An end counts within {seen.horizon / DAY:g} days of entering a stage, so the scan sees entries "
        f"up to {until.day} {until:%B %Y}; later ones are too young to be judged."
    )
    limits = "Limits of an excess are those of one place: the strongest of many looks larger than it is."
    said = [looked, sees, limits]
    if seen.left_out:
        said.append(f"Left out: {'; '.join(seen.left_out)}.")
    return tuple(said)
