"""What one journey map shows: the rows of its group, stage by stage, and where its columns lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cjmining.errors import LogError
from cjmining.plot import theme
from cjmining.plot.choose import ALL, Row, chosen, expect_check, expect_found, map_of, rows
from cjmining.plot.words import day, days, known
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from cjmining.conformance import Conformance
    from cjmining.discovery import Discovery
    from cjmining.dropout.drivers import Drivers
    from cjmining.dropout.scan import DropOutScan
    from cjmining.intended import IntendedMap

GUTTER = 118.0
"""Width of the names of the bands, at the left."""
NARROWEST = 90.0
"""No stage gets less than this: of more than eight the sheet grows wider instead."""
_INSET = 11.0
"""Touchpoints stay this far from the edges of their stage."""
LEVEL = "touchpoint@channel"


@dataclass(frozen=True)
class MapView:
    """The rows of one group, and the geometry they are drawn in.

    Attributes
    ----------
    ways : dict
        Journeys that went from one "touchpoint@channel" to another; empty without a discovery.
    drivers, standing_out, verbatims : tuple of Row
        Of `cj.drivers`, `cj.scan` and `check.verbatims`; empty without.
    """

    intended: IntendedMap
    group: str
    outcomes: Row
    period: str
    stages: tuple[Row, ...]
    before: Row | None
    touchpoints: tuple[Row, ...]
    dropouts: tuple[Row, ...]
    deviations: tuple[Row, ...]
    flows: tuple[Row, ...]
    promises: tuple[Row, ...]
    ways: dict[tuple[str, str], float] = field(default_factory=dict)
    drivers: tuple[Row, ...] = ()
    standing_out: tuple[Row, ...] = ()
    verbatims: tuple[Row, ...] = ()

    @property
    def width(self) -> float:
        """Width of the sheet."""
        return max(theme.PAGE, GUTTER + len(self.stages) * NARROWEST + 2 * theme.MARGIN)

    @property
    def column(self) -> float:
        """Width of a stage."""
        return (self.width - 2 * theme.MARGIN - GUTTER) / max(1, len(self.stages))

    def left(self, stage: int) -> float:
        """Left edge of a stage's column."""
        return theme.MARGIN + GUTTER + stage * self.column

    def spot(self, stage: int, order: int) -> float:
        """Where a touchpoint stands across the sheet, in every band: in its stage, in the planned order."""
        planned = max(1, len(self.intended.stages[stage].touchpoints))
        return self.left(stage) + _INSET + (self.column - 2 * _INSET) * (order + 0.5) / planned

    @property
    def room(self) -> float:
        """Width that text in a column may take."""
        return self.column - 12

    @property
    def horizon(self) -> str:
        """The horizon in words: 30 days."""
        return days(self.intended.horizon.total_seconds())

    def at(self, table: tuple[Row, ...], stage: str) -> list[Row]:
        """Return the rows of a stage."""
        return [row for row in table if row["stage"] == stage]


def chosen_view(check: Conformance, *, persona: str | None, **beside: Any) -> MapView:  # noqa: ANN401
    """Return what the map of a persona shows, or of everybody; raise a LogError where there is none."""
    expect_check(check, "cj.plot.journey_map")
    result, group = chosen(check, persona)
    return view_of(result, group, **beside)


def spoken(check: Conformance, verbatims: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the verbatims given, else those of the check with its log, one group as "all"."""
    if verbatims is not None or getattr(check, "_reading", None) is None:
        return verbatims
    import pandas as pd

    tables = [check.verbatims()] + ([check.overall.verbatims()] if check.overall is not check else [])
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def view_of(
    check: Conformance,
    group: str,
    *,
    found: Discovery | None = None,
    why: Sequence[Drivers] = (),
    places: DropOutScan | None = None,
    verbatims: pd.DataFrame | None = None,
) -> MapView:
    """Return what the map of one group shows.

    Parameters
    ----------
    check : Conformance
        The check, of all together for the group "all".
    group : str
        One of its groups, or "all".
    found : Discovery, optional
        At level "touchpoint@channel"; gives the paths between touchpoints.
    why : sequence of Drivers
        Of the stages, of the journeys that are drawn.
    places : DropOutScan, optional
        Gives the weeks and segments that stand out.
    verbatims : pandas.DataFrame, optional
        What `check.verbatims()` returned; of other groups nothing is taken.

    Raises
    ------
    LogError
        If `found` has another level or lacks the group.
    """
    intended = map_of(check.intended, check.by, group)
    stages = rows(check.stages, group)
    by_name = {row["stage"]: row for row in stages}
    return MapView(
        intended=intended,
        group=group,
        outcomes=(rows(check.outcomes, group) or [_nobody(group)])[0],
        period=_period(check, group),
        stages=tuple(
            {**_empty_stage(name), **_known(by_name.get(name, {}))} for name in intended.stage_names
        ),
        before=by_name.get(BEFORE_THE_MAP),
        touchpoints=tuple(rows(check.touchpoints, group)),
        dropouts=tuple(rows(check.dropouts, group)),
        deviations=tuple(rows(check.deviations, group)),
        flows=tuple(rows(check.flows, group)),
        promises=tuple(rows(check.expectations, group)),
        ways={} if found is None else _ways(found, group),
        drivers=tuple(_drivers(why)),
        standing_out=() if places is None else tuple(_standing_out(places, group)),
        verbatims=() if verbatims is None else tuple(rows(verbatims, group)),
    )


def _ways(found: Discovery, group: str) -> dict[tuple[str, str], float]:
    """Return how many journeys went from one touchpoint and channel to another; of all groups together."""
    expect_found(found, "the paths of cj.plot.journey_map")
    if getattr(found, "level", LEVEL) != LEVEL:
        raise LogError(
            f"cj.plot.journey_map draws paths from cj.discover(log, level='{LEVEL}'), "
            f"not from level '{found.level}'"
        )
    if group != ALL:
        chosen(found, group)
    ways: dict[tuple[str, str], float] = {}
    for name in [str(name) for name in found.groups] if group == ALL else [group]:
        for row in rows(found.transitions, name):
            way = str(row["from_touchpoint"]), str(row["to_touchpoint"])
            if known(row["journeys"]):
                ways[way] = ways.get(way, 0.0) + row["journeys"]
    return ways


def _drivers(why: Sequence[Drivers]) -> list[Row]:
    """Return what goes with drop-out of its own, with its stage."""
    told: list[Row] = []
    for each in why:
        if not hasattr(each, "drivers"):
            raise LogError(
                f"cj.plot.journey_map takes as why a list of what cj.drivers(check, stage=...) returns, "
                f"not of {type(each).__name__}"
            )
        own = each.drivers[each.drivers["verdict"] == _OF_ITS_OWN]
        records: list[dict[str, Any]] = own.to_dict("records")  # type: ignore[assignment]
        told += [{**row, "stage": each.stage} for row in records]
    return told


_OF_ITS_OWN = "of its own"


def _standing_out(places: DropOutScan, group: str) -> list[Row]:
    """Return the findings of a scan that stand out: for a persona those about it, for everybody all."""
    findings: list[Row] = places.findings.to_dict("records")  # type: ignore[assignment]
    return [
        row
        for row in findings
        if row["stands_out"] and row["kind"] == "dropped" and (group == ALL or _about(row, group))
    ]


def _about(row: Row, group: str) -> bool:
    pairs = zip(str(row["attributes"]).split(", "), str(row["segment"]).split(", "), strict=False)
    return ("persona", group) in list(pairs)


def _nobody(group: str) -> Row:
    counts = ("journeys", "customers", "converted", "dropped", "turned_away", "open")
    return {"by": group, **dict.fromkeys(counts, 0)}


def _empty_stage(name: str) -> Row:
    counts = (
        "entered",
        "continued",
        "converted",
        "dropped",
        "turned_away",
        "open",
        "mature",
        "dropped_within_horizon",
        "began",
        "after_goal",
    )
    unknown = (
        "drop_out_share",
        "lower",
        "upper",
        "median_s",
        "satisfaction",
        "satisfaction_lower",
        "satisfaction_upper",
    )
    return {
        "stage": name,
        "satisfaction_answered": 0,
        "few": False,
        "few_answers": False,
        **dict.fromkeys(counts, 0),
        **dict.fromkeys(unknown, float("nan")),
    }


def _known(row: Row) -> Row:
    """Return what a row says; where numbers are withheld, since few reached the stage or answered, that."""
    withheld = {
        few: number in row and not known(row[number])
        for few, number in (("few", "entered"), ("few_answers", "satisfaction_answered"))
    }
    return {**{key: cell for key, cell in row.items() if known(cell)}, **withheld}


def _period(check: Conformance, group: str) -> str:
    """Say from when to when the journeys of a group lie; of many a piece is looked at after the other."""
    import pandas as pd

    journeys = check._journeys
    if journeys is None or not len(journeys):
        return ""
    reading = journeys.reading
    code = reading.groups.index(group) if check.by is not None and group in reading.groups else None
    number, moments = 0, list[int]()
    for (decided,) in journeys.kept.pieces("decided_at"):
        piece = slice(number, number := number + len(decided))
        start = reading.columns.timestamp[reading.bounds[:-1][piece]]
        own = slice(None) if code is None else reading.group[piece] == code
        if len(start[own]):
            moments += [int(start[own].min()), int(start[own].max()), int(decided[own].max())]
    if not moments:
        return ""
    first, last = (pd.Timestamp(each(moments), unit="us", tz="UTC") for each in (min, max))
    return f"{day(first)} to {day(last)}"
