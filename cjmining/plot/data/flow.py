"""How journeys move through the stages: what comes into each, what goes on where, and what leaves there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cjmining.plot.choose import ALL, Row, chosen, expect_check, rows
from cjmining.plot.words import days, known
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from cjmining.conformance import Conformance

ENDS = ("converted", "dropped", "turned_away", "open")
WAYS = ("onward", "skips stages", "back", "after the goal")
_COUNTS = ("entered", "continued", *ENDS, "mature", "dropped_within_horizon")


class Strand(NamedTuple):
    """Moves from one stage to another, by their places on the map; kind is one of `WAYS`."""

    start: int
    end: int
    kind: str
    moves: int
    journeys: int


class Station(NamedTuple):
    """A stage with what comes in and what goes out.

    `visits`, how often journeys came here, = `begins` + moves into it = moves out of it + converted +
    dropped + turned away + open + `stays`. What goes on after the goal is no part of that, but for
    stages that are planned after it (`after`). `few`: how many entered is withheld, since they are few.
    """

    name: str
    row: Row
    few: bool
    after: bool
    visits: int
    begins: int
    stays: int

    @property
    def again(self) -> int:
        """How often journeys came here again."""
        return max(0, self.visits - int(self.row["entered"]))


@dataclass(frozen=True)
class FlowView:
    """What the picture of one group shows; `hidden` are the ways that too few take to be told."""

    title: str
    group: str
    horizon: str
    outcomes: Row
    stations: tuple[Station, ...]
    strands: tuple[Strand, ...]
    before: Row | None
    hidden: tuple[Strand, ...] = ()

    def ending(self, kind: str) -> int:
        """How many journeys ended in a stage in one way."""
        return sum(int(station.row[kind]) for station in self.stations)


def flow(check: Conformance, *, persona: str | None = None) -> pd.DataFrame:
    """Return how journeys move through the stages, and what leaves there: what `cj.plot.flow` draws.

    Parameters
    ----------
    check : Conformance
        What `cj.check` returned.
    persona : str, optional
        One of ``check.groups``; default is everybody.

    Returns
    -------
    pandas.DataFrame
        from_stage ("" for journeys that begin in `to`), to (a stage, or "converted", "dropped", "turned
        away", "open", or "" for journeys that stay after the goal), kind ("begins", "onward" to the next
        stage, "skips stages", "back", "after the goal", "ends", "stays"), moves (how often; what the width
        shows), journeys (that did so at least once), entered (journeys that entered from_stage),
        share_of_entered (of these). For what begins, entered is that of `to`. In rows of "dropped" also
        mature (journeys that entered long enough ago to know), drop_out_share (of these, dropped within the
        horizon) with Wilson limits lower and upper. For each stage moves that come in = moves that go out.

    Raises
    ------
    LogError
        If `check` is not the result of a check, or has no such persona.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(100, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> table = cj.plot.data.flow(cj.check(shop.log.split(intended), intended))
    >>> table.loc[table["from_stage"] == "Basket", ["to", "kind", "moves"]]
              to    kind  moves
    9   Research    back     13
    10  Checkout  onward     86
    11   dropped    ends     12
    12      open    ends      1
    """
    import pandas as pd

    expect_check(check, "cj.plot.data.flow")
    view = flow_view(check, persona=persona)
    told = pd.DataFrame(list(_told(view)), columns=list(_TYPES))
    return told.astype(_TYPES).reset_index(drop=True)


_TYPES = {
    "from_stage": "str",
    "to": "str",
    "kind": "str",
    "moves": "int64",
    "journeys": "int64",
    "entered": "int64",
    "share_of_entered": "float64",
    "mature": "Int64",
    "drop_out_share": "float64",
    "lower": "float64",
    "upper": "float64",
}


def flow_view(check: Conformance, *, persona: str | None = None, least: int = 1) -> FlowView:
    """Return what the picture and its table show; what is about fewer than `least` journeys is withheld."""
    result, group = chosen(check, persona)
    names = result.intended.stage_names
    told = {str(row["stage"]): row for row in rows(result.stages, group)}
    stage_rows = [_complete(told.get(name, {})) for name in names]
    after = _after_goal(stage_rows)
    strands = tuple(_strands(rows(result.flows, group), names, after))
    stations = tuple(
        _withheld(_station(name, place, row, told.get(name, {}), place in after, strands), least)
        for place, (name, row) in enumerate(zip(names, stage_rows, strict=True))
    )
    few = {place for place, station in enumerate(stations) if station.few}
    shown = tuple(s for s in strands if s.journeys >= least and not few & {s.start, s.end})
    before = told.get(BEFORE_THE_MAP)
    return FlowView(
        title=result.intended.name,
        group="" if group == ALL else group,
        horizon=days(result.intended.horizon.total_seconds()),
        outcomes=(rows(result.outcomes, group) or [dict.fromkeys(("journeys", "customers", *ENDS), 0)])[0],
        stations=stations,
        strands=shown,
        before=before if before is not None and before["entered"] >= least else None,
        hidden=tuple(s for s in strands if s not in shown),
    )


def _withheld(station: Station, least: int) -> Station:
    """Withhold a stage that fewer than `least` journeys entered, or a share of fewer than that."""
    if station.few or 0 < station.row["entered"] < least:
        return station._replace(row=_complete({}), few=True, visits=0, begins=0, stays=0)
    if station.begins < least:
        station = station._replace(begins=0)
    if station.row["mature"] < least:
        unknown = dict.fromkeys(("drop_out_share", "lower", "upper"), float("nan"))
        return station._replace(row=station.row | unknown)
    return station


def _complete(row: Row) -> Row:
    """Return a stage's row with a number everywhere: 0 where nobody came, or where it is withheld."""
    blank: Row = dict.fromkeys(_COUNTS, 0) | dict.fromkeys(("drop_out_share", "lower", "upper"), float("nan"))
    return blank | {key: cell for key, cell in row.items() if known(cell)}


def _after_goal(stage_rows: Sequence[Row]) -> frozenset[int]:
    """Choose the stages planned after the goal: who comes there has converted, so nobody's journey ends."""
    first = next((place for place, row in enumerate(stage_rows) if row["converted"]), len(stage_rows))
    return frozenset(
        place
        for place, row in enumerate(stage_rows)
        if place > first and row["entered"] and not any(row[end] for end in ENDS)
    )


def _strands(flows: list[Row], names: Sequence[str], after: frozenset[int]) -> Iterator[Strand]:
    place = {name: number for number, name in enumerate(names)}
    found = [
        (place[str(row["from_stage"])], place[str(row["to_stage"])], row)
        for row in flows
        if str(row["from_stage"]) in place and str(row["to_stage"]) in place
    ]
    for start, end, row in sorted(found, key=lambda each: each[:2]):
        onward = "onward" if end == start + 1 else "skips stages"
        kind = "after the goal" if {start, end} & after else "back" if end < start else onward
        if row["crossings"]:
            yield Strand(start, end, kind, int(row["crossings"]), int(row["journeys"]))


def _station(name: str, place: int, row: Row, told: Row, after: bool, strands: Sequence[Strand]) -> Station:
    """Work out what must have begun here, or stayed, for what comes in to be what goes out.

    What goes on after the goal has converted before; it is counted at the goal, and comes in as such.
    """
    counts = {kind: [0, 0] for kind in (True, False)}
    for strand in strands:
        is_after = strand.kind == "after the goal"
        if strand.end == place:
            counts[is_after][0] += strand.moves
        if strand.start == place:
            counts[is_after][1] += strand.moves
    came, went = counts[after]
    visits = max(int(row["entered"]), came, went + sum(int(row[end]) for end in ENDS))
    out = went + sum(int(row[end]) for end in ENDS)
    few = "entered" in told and not known(told["entered"])
    return Station(name, row, few, after, visits, visits - came, visits - out)


def _told(view: FlowView) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the table, stage by stage: what begins, what goes on, what ends, what stays."""
    unknown = (None, float("nan"), float("nan"), float("nan"))
    for place, station in enumerate(view.stations):
        entered = int(station.row["entered"])

        def share(count: int, entered: int = entered) -> float:
            return count / entered if entered else float("nan")

        if station.begins:
            begins = station.begins
            yield ("", station.name, "begins", begins, begins, entered, share(begins), *unknown)
        for strand in view.strands:
            if strand.start == place:
                to = view.stations[strand.end].name
                told = (strand.kind, strand.moves, strand.journeys, entered, share(strand.journeys))
                yield (station.name, to, *told, *unknown)
        for end in ENDS:
            count = int(station.row[end])
            risk = tuple(station.row[key] for key in ("mature", "drop_out_share", "lower", "upper"))
            if count or (end == "dropped" and station.row["mature"]):
                more = (count, count, entered, share(count), *(risk if end == "dropped" else unknown))
                yield (station.name, end.replace("_", " "), "ends", *more)
        if station.stays:
            stays = station.stays
            yield (station.name, "", "stays", stays, stays, entered, share(stays), *unknown)
