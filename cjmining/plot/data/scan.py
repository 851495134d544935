"""The numbers of the picture of a scan: who ended by stage and week, against how many usually would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cjmining.asked import whole
from cjmining.errors import LogError, nearest
from cjmining.plot.choose import ALL

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.dropout.scan import DropOutScan

KINDS = ("dropped", "turned away")
AT_LEAST = 3
"""So many findings are shown, whether or not they stand out."""


def scan(
    places: DropOutScan, *, kind: str = "dropped", group: str | None = None, fewest: int = 1
) -> pd.DataFrame:
    """Return how many ended by stage and week against how many usually would, as the picture shows it.

    Parameters
    ----------
    places : DropOutScan
        What `cj.scan` returned.
    kind : {"dropped", "turned away"}
        Who ended the journeys: the customer or the company.
    group : str, optional
        One of the personas in ``places.weeks``; default is everybody.
    fewest : int
        Of weeks in which fewer journeys entered a stage nothing is told, nor of findings about fewer.

    Returns
    -------
    pandas.DataFrame
        One row a stage and week, in the order of the map, from the first week on that any stage has to the
        one in which the scan ceases to see: kind, stage, by (a persona, or "all"), week (its Monday, UTC),
        state ("judged", "nobody" where no journey entered, "few" where fewer than `fewest` did, "in part"
        where the scan sees only its first days), entered (journeys), ended (of those, how many ended so
        there), expected (how many would have ended so at the level of all weeks), share (ended / entered),
        expected_share (expected / entered), findings (ranks in ``places.findings`` of the shown findings
        whose window holds the week, such as "1, 3"). NaN where nobody or few entered.

    Raises
    ------
    LogError
        If `places` is not the result of a scan, there is no such kind or group, or `fewest` is no whole
        number of at least 1.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(1000, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended).with_personas(intended)
    >>> places = cj.scan(cj.check(log, intended), replicates=20)
    >>> cj.plot.data.scan(places)["stage"].unique().tolist()
    ['Awareness', 'Research', 'Basket', 'Checkout']
    """
    import pandas as pd

    expect_scan(places)
    fewest = whole("fewest", fewest)
    weeks = _weeks_of(places, kind, group)
    if weeks.empty:
        return pd.DataFrame(columns=list(_TYPES)).astype(_TYPES)
    told = shown(places, kind, group, fewest)
    every = pd.date_range(weeks["week"].min(), max(weeks["week"].max(), _last(places)), freq="7D", unit="us")
    rows = []
    for stage, own in weeks.groupby(weeks["stage"].astype(str), sort=False):
        known: dict[Any, dict[str, Any]] = {row["week"]: row for row in own.to_dict("records")}  # type: ignore[misc]
        marks = [finding for finding in told if finding["stage"] == stage]
        for week in every:
            row = {"kind": kind, "stage": stage, "by": ALL if group is None else group, "week": week}
            rows.append(row | _numbers(places, week, known.get(week), fewest) | _findings(week, marks))
    return pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)


_TYPES = {
    **dict.fromkeys(("kind", "stage", "by"), "str"),
    "week": "datetime64[us, UTC]",
    "state": "str",
    **dict.fromkeys(("entered", "ended", "expected", "share", "expected_share"), "float64"),
    "findings": "str",
}


def expect_scan(places: object) -> None:
    """Raise a LogError unless `places` is what `cj.scan` returned."""
    if not all(hasattr(places, name) for name in ("findings", "weeks", "sees_until")):
        raise LogError(f"cj.plot.scan takes what cj.scan(check) returned, not {type(places).__name__}")


def shown(places: DropOutScan, kind: str, group: str | None, fewest: int) -> list[dict[str, Any]]:
    """Return the findings that the picture shows: those that stand out, and the strongest others up to three.

    Of a group: those of its segments.
    """
    rows: list[dict[str, Any]] = places.findings.to_dict("records")  # type: ignore[assignment]
    own = [
        row
        for row in rows
        if row["kind"] == kind and row["entered"] >= fewest and (group is None or _is_of(row, group))
    ]
    standing = [row for row in own if row["stands_out"]]
    return standing + [row for row in own if not row["stands_out"]][: max(0, AT_LEAST - len(standing))]


def _is_of(row: dict[str, Any], group: str) -> bool:
    segment, attributes = str(row["segment"]), str(row["attributes"])
    of_personas = attributes == "persona" or attributes.startswith("persona, ")
    return of_personas and (segment == group or segment.startswith(f"{group}, "))


def _weeks_of(places: DropOutScan, kind: str, group: str | None) -> pd.DataFrame:
    if kind not in KINDS:
        raise LogError(f"kind is {' or '.join(map(repr, KINDS))}, not {kind!r}{nearest(str(kind), KINDS)}")
    weeks = places.weeks
    by = ALL if group is None else group
    groups = list(dict.fromkeys(weeks["by"].astype(str)))
    if group is not None and group not in groups:
        raise LogError(f"there is no group {group!r}{nearest(group, groups)}; there are {', '.join(groups)}")
    return weeks[(weeks["kind"].astype(str) == kind) & (weeks["by"].astype(str) == by)]


def _last(places: DropOutScan) -> pd.Timestamp:
    """Return the Monday of the week in which the scan ceases to see, if it sees any of it."""
    import pandas as pd

    until = places.sees_until - pd.Timedelta(1, "us")
    return until.normalize() - pd.Timedelta(until.weekday(), "D")


def _numbers(
    places: DropOutScan, week: pd.Timestamp, row: dict[str, Any] | None, fewest: int
) -> dict[str, Any]:
    """Return what is told of a stage's week; nothing of few journeys."""
    import pandas as pd

    told = row if row is not None and row["entered"] >= fewest else {}
    state = "nobody" if row is None else "judged" if told else "few"
    if told and places.sees_until < week + pd.Timedelta(7, "D"):
        state = "in part"
    return {"state": state, **{name: told.get(name, float("nan")) for name in _NUMBERS}}


_NUMBERS = ("entered", "ended", "expected", "share", "expected_share")


def _findings(week: pd.Timestamp, marks: list[dict[str, Any]]) -> dict[str, str]:
    inside = [str(mark["rank"]) for mark in marks if mark["start"] <= week < mark["end"]]
    return {"findings": ", ".join(inside)}
