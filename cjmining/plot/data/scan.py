"""The numbers of the picture of a scan: who ended by stage and week, against how many usually would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cjmining.errors import LogError, nearest
from cjmining.plot.choose import ALL

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.dropout.scan import DropOutScan

KINDS = ("dropped", "turned away")
AT_LEAST = 3
"""So many findings are shown, whether or not they stand out."""


def scan(places: DropOutScan, *, kind: str = "dropped", group: str | None = None) -> pd.DataFrame:
    """Return how many ended by stage and week against how many usually would, as the picture shows it.

    Parameters
    ----------
    places : DropOutScan
        What `cj.scan` returned.
    kind : {"dropped", "turned away"}
        Who ended the journeys: the customer or the company.
    group : str, optional
        One of the personas in ``places.weeks``; default is everybody.

    Returns
    -------
    pandas.DataFrame
        One row a stage and week, in the order of the map, from the first week on that any stage has to the
        one in which the scan ceases to see: kind, stage, by (a persona, or "all"), week (its Monday, UTC),
        state ("judged", "nobody" where no journey entered, "in part" where the scan sees only its first
        days), entered, ended, expected (how many would have ended so at the level of all weeks), share
        (ended / entered), expected_share (expected / entered), findings (ranks in ``places.findings`` of the
        shown findings whose window holds the week, such as "1, 3"). NaN where nobody entered.

    Raises
    ------
    LogError
        If `places` is not the result of a scan, or there is no such kind or group.

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
    weeks = _weeks_of(places, kind, group)
    if weeks.empty:
        return pd.DataFrame(columns=list(_TYPES)).astype(_TYPES)
    told = shown(places, kind, group)
    every = pd.date_range(weeks["week"].min(), max(weeks["week"].max(), _last(places)), freq="7D", unit="us")
    rows = []
    for stage, own in weeks.groupby(weeks["stage"].astype(str), sort=False):
        known = {row["week"]: row for row in own.to_dict("records")}
        marks = [finding for finding in told if finding["stage"] == stage]
        rows += [_row(places, kind, group, str(stage), week, known.get(week), marks) for week in every]
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


def shown(places: DropOutScan, kind: str, group: str | None) -> list[dict[str, Any]]:
    """Return the findings that the picture shows: those that stand out, and the strongest others up to three.

    Of a group: those of its segments.
    """
    rows: list[dict[str, Any]] = places.findings.to_dict("records")  # type: ignore[assignment]
    own = [row for row in rows if row["kind"] == kind and (group is None or _is_of(row, group))]
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


def _row(
    places: DropOutScan,
    kind: str,
    group: str | None,
    stage: str,
    week: pd.Timestamp,
    row: dict[str, Any] | None,
    marks: list[dict[str, Any]],
) -> dict[str, Any]:
    import pandas as pd

    numbers = ("entered", "ended", "expected", "share", "expected_share")
    in_part = places.sees_until < week + pd.Timedelta(7, "D")
    return {
        "kind": kind,
        "stage": stage,
        "by": ALL if group is None else group,
        "week": week,
        "state": "in part" if in_part else "nobody" if row is None else "judged",
        **{name: float("nan") if row is None else row[name] for name in numbers},
        "findings": ", ".join(str(mark["rank"]) for mark in marks if mark["start"] <= week < mark["end"]),
    }
