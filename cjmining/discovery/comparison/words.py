"""What a comparison found, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Names(NamedTuple):
    """What the two groups are called in sentences."""

    a: str
    b: str


REVERSED, GONE, TURNS = "reversed", "gone", "turns"
SAME, WEAKER, APART = "same", "weaker", "not comparable"
"""What becomes of a difference where the groups are held alike in an attribute."""

MISLEADS = (REVERSED, GONE, TURNS)
"""What a warning is given for."""


def sentence(table: str, row: Mapping[str, Any], names: Names) -> str:
    """Say what a row of a table found; `row` has what `Comparison` documents of that table.

    Examples
    --------
    >>> row = {"touchpoint": "called", "journeys_a": 144, "share_of_journeys_a": 0.12}
    >>> row |= {"journeys_b": 92, "share_of_journeys_b": 0.04, "n_a": 1204, "n_b": 2310}
    >>> row |= {"lower_a": 0.10, "upper_a": 0.14, "lower_b": 0.03, "upper_b": 0.05}
    >>> sentence("touchpoints", row, Names("Silver", "Gen Z"))
    'called occurs in 12 % of 1,204 journeys of Silver (10-14 %) and in 4 % of 2,310 of Gen Z (3-5 %)'
    """
    if table == "times":
        return _of_times(row, names)
    if table == "transitions":
        begin = f"{row['from_touchpoint']} is followed by {row['to_touchpoint']} in "
        return begin + _shares(row, names, "share_of_from", "transitions")
    begin = f"{row['touchpoint' if table == 'touchpoints' else 'path']} occurs in "
    return begin + _shares(row, names, "share_of_journeys", "journeys")


def _shares(row: Mapping[str, Any], names: Names, column: str, of: str) -> str:
    a, b = (_share(*(row[f"{part}_{side}"] for part in (column, "lower", "upper"))) for side in "ab")
    return (
        f"{a.share} of {row['n_a']:,.0f} {of} of {names.a} ({a.limits}) "
        f"and in {b.share} of {row['n_b']:,.0f} of {names.b} ({b.limits})"
    )


class _Share(NamedTuple):
    share: str
    limits: str


def _share(share: float, lower: float, upper: float) -> _Share:
    fine = (0 < share < 1 and lower < _FINE) or upper < _FINE or lower > 1 - _FINE
    percent = [f"{100 * each:.{int(fine)}f}".removesuffix(".0") for each in (share, lower, upper)]
    return _Share(f"{percent[0]} %", f"{percent[1]}-{percent[2]} %")


_FINE = 0.01
"""Within this of nobody or everybody, shares are told to a tenth of a per cent."""


def _of_times(row: Mapping[str, Any], names: Names) -> str:
    a, b = (_median(*(row[f"{part}_{side}"] for part in ("median_s", "lower", "upper"))) for side in "ab")
    return (
        f"from {row['from_touchpoint']} to {row['to_touchpoint']} the median of {row['count_a']:,.0f} "
        f"transitions of {names.a} is {a.share} ({a.limits}), that of {row['count_b']:,.0f} of {names.b} "
        f"{b.share} ({b.limits})"
    )


_SIZES = ((172_800, 86_400, "d"), (7_200, 3_600, "h"), (120, 60, "min"), (0, 1, "s"))


def _median(median: float, lower: float, upper: float) -> _Share:
    """Write times in the unit in which the median has at least two of it."""
    unit, name = next((unit, name) for least, unit, name in _SIZES if median >= least)
    texts = [_short(each / unit) for each in (median, lower, upper)]
    return _Share(f"{texts[0]} {name}", f"{texts[1]}-{texts[2]} {name}")


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 100 or number == round(number) else f"{number:.3g}"


def warning(row: Mapping[str, Any]) -> str:
    """Say what becomes of a difference within an attribute; `row` is one of `Comparison.strata`.

    Examples
    --------
    >>> row = {"attribute": "device", "verdict": REVERSED, "weighted_difference": -0.03, "lower": -0.05}
    >>> warning(row | {"upper": -0.01})
    'held alike in device, the difference is -3 points (-5 to -1)'
    """
    if row["verdict"] == TURNS:
        return f"its direction differs between values of {row['attribute']}"
    points = [_points(row[name]) for name in ("weighted_difference", "lower", "upper")]
    unit = "points of pairs" if row.get("table") == "times" else "points"
    told = f"{points[0]} {unit} ({points[1]} to {points[2]})"
    what = f"little is left: {told}" if row["verdict"] == GONE else f"the difference is {told}"
    return f"held alike in {row['attribute']}, {what}"


def _points(difference: float) -> str:
    whole = round(100 * difference, 1)
    return f"{whole:+.1f}".removesuffix(".0") if whole else "0"


def association(of_outcomes: bool) -> str:
    """Say what a difference is not."""
    if not of_outcomes:
        return "Differences are associations: the groups may differ in more than what they are named after."
    return (
        "The groups are outcomes, which end journeys: journeys that lasted longer had more chances for every "
        "touchpoint, transition and path. A difference is an association, and may be what came of the "
        "outcome as well as what led to it."
    )
