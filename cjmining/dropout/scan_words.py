"""A scan in words: what a finding says, and what was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cjmining.intended.words import duration_in_words
from cjmining.stats import wilson

if TYPE_CHECKING:
    from cjmining.dropout.scan_counts import Material

MOST_LOGS = 0.5


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
    within = duration_in_words(horizon)
    return (
        f"Of {row['entered']:,} journeys{whose} that entered {row['stage']} "
        f"{_days(row['start'], row['end'])}, {row['ended']:,} {_ended(row)} within {within}: "
        f"{100 * row['share']:.0f} % ({100 * lower:.0f}-{100 * upper:.0f} %), where "
        f"{100 * row['expected_share']:.0f} % were to be expected. That is {_whole(row['excess'])} more "
        f"({_whole(row['lower'])} to {_whole(row['upper'])}). {_turn(row)}{_by_chance(row)}"
    )


def _by_chance(row: Mapping[str, Any]) -> str:
    if row["p"] > MOST_LOGS:
        return "Something as strong turns up in most logs in which nothing is wrong: no finding."
    said = f"Something as strong turns up in {_percent(row['p'])} of logs in which nothing is wrong"
    return f"{said}." if row["stands_out"] else f"{said}: it need not mean anything."


def _ended(row: Mapping[str, Any]) -> str:
    where = f"at {row['touchpoint']}" if row["touchpoint"] else "there"
    return f"left {where}" if row["kind"] == "dropped" else f"were turned away by the company {where}"


def _turn(row: Mapping[str, Any]) -> str:
    if row["kind"] != "dropped":
        return "The company ended them. "
    whose = [("the customer's", row["customers_turn"]), ("the company's", row["companys_turn"])]
    (first, most), (second, fewer) = sorted(whose, key=lambda each: -each[1])
    if not most:
        return ""
    of = f"In all {most:,}" if most == row["ended"] else f"In {most:,} of {row['ended']:,}"
    also = f", in {fewer:,} {second}" if fewer else ""
    return f"{of} the next step was {first}{also}. "


def _days(start: int, end: int) -> str:
    first, last = _date(start), _date(end - 1)
    year = "" if first.year == last.year else f" {first:%Y}"
    return f"from {first.day} {first:%B}{year} to {last.day} {last:%B %Y}"


def _date(us: int) -> datetime:
    return datetime.fromtimestamp(us // 1_000_000, tz=UTC)


def _percent(p: float) -> str:
    """Write p in percent, with the three digits that tables give it."""
    return f"{100 * p:.1f}".removesuffix(".0") + " %" if p >= 0.001 else "fewer than 0.1 %"


def _whole(count: float) -> str:
    return f"{round(count):,}"  # not as -0


def notes(seen: Material, places: int, replicates: int) -> tuple[str, ...]:
    """Say what was looked at, how far the scan sees, and what was left out."""
    until = _date(seen.sees_until)
    names = ", ".join(each.name for each in seen.variables) or "nothing but stages"
    looked = (
        f"Looked at {places:,} places over {seen.weeks:,} weeks; segments are made of {names}. p says how "
        f"often any place is as strong in {replicates:,} drawn logs in which nothing stands out."
    )
    sees = (
        f"An end counts within {duration_in_words(seen.horizon)} of entering a stage, so the scan sees "
        f"entries up to {until.day} {until:%B %Y}; later ones are too young to be judged."
    )
    limits = "Limits of an excess are those of one place: the strongest of many looks larger than it is."
    said = [looked, sees, limits]
    if seen.left_out:
        said.append(f"Left out: {'; '.join(seen.left_out)}.")
    return tuple(said)
