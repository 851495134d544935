"""What one journey map shows: the rows of its group, stage by stage, and where its columns lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.choose import ALL, Row, map_of, rows
from cjmining.plot.words import days, known
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.conformance import Conformance
    from cjmining.intended import IntendedMap

GUTTER = 136.0
"""Width of the names of the bands, at the left."""
NARROWEST = 114.0
"""No stage gets less than this: the sheet grows wider instead."""


@dataclass(frozen=True)
class MapView:
    """The rows of one group, and the geometry they are drawn in."""

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


def view_of(check: Conformance, group: str) -> MapView:
    """Return what the map of one group shows."""
    intended = map_of(check.intended, check.by, group)
    stages = rows(check.stages, group)
    by_name = {row["stage"]: row for row in stages}
    return MapView(
        intended=intended,
        group=group,
        outcomes=(rows(check.outcomes, group) or [_nobody(group)])[0],
        period=_period(check.journeys, group),
        stages=tuple(
            {**_empty_stage(name), **_known(by_name.get(name, {}))} for name in intended.stage_names
        ),
        before=by_name.get(BEFORE_THE_MAP),
        touchpoints=tuple(rows(check.touchpoints, group)),
        dropouts=tuple(rows(check.dropouts, group)),
        deviations=tuple(rows(check.deviations, group)),
        flows=tuple(rows(check.flows, group)),
        promises=tuple(rows(check.expectations, group)),
    )


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
    )
    unknown = ("drop_out_share", "lower", "upper", "median_s", "satisfaction")
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


def _period(journeys: pd.DataFrame, group: str) -> str:
    own = journeys if group == ALL else journeys[journeys["by"].astype(str) == group]
    if own.empty:
        return ""
    first, last = own["start"].min(), max(own["start"].max(), own["decided_at"].max())
    return f"{_day(first)} to {_day(last)}"


def _day(moment: pd.Timestamp) -> str:
    return f"{moment.day} {moment:%B %Y}"
