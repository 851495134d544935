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
_COUNTS = ("entered", "continued", *ENDS, "mature", "dropped_within_horizon", "began", "after_goal")


class Strand(NamedTuple):
    """Moves from one stage to another, by their places on the map; kind is one of `WAYS`."""

    start: int
    end: int
    kind: str
    moves: int
    journeys: int


class Station(NamedTuple):
    """A stage with what comes in and what goes out.

    Up to the goal, `begins` + moves into it = moves out of it + converted + dropped + turned away + open.
    After it, `later` moves into it + converted = moves out of it + those that stay, of which `stays` came
    here after the goal. `visits`, how often journeys came here, = `begins` + all moves into it. `few`: how
    many entered is withheld, since they are few.
    """

    name: str
    row: Row
    few: bool
    visits: int
    begins: int
    later: int
    stays: int

    @property
    def after(self) -> bool:
        """Whether all that entered had reached the goal before."""
        return 0 < int(self.row["entered"]) == int(self.row["after_goal"])

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
    few_before: bool
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
        away", "open", or "" for journeys that came after the goal and stay), kind ("begins", "onward" to
        the next stage, "skips stages", "back", "after the goal", "ends", "stays"), moves (how often; what the
        width shows), journeys (that did so at least once), entered (journeys that entered from_stage),
        share_of_entered (of these). For what begins, entered is that of `to`. In rows of "dropped" also
        mature (journeys that entered long enough ago to know), drop_out_share (of these, dropped within the
        horizon) with Wilson limits lower and upper. For each stage, without "after the goal" and "stays",
        moves that come in = moves that go out. A journey may go one way before the goal and again after it.

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
    strands = tuple(_strands(rows(result.flows, group), names))
    stations = tuple(
        _withheld(_station(name, place, row, told.get(name, {}), strands), least)
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
        few_before=before is not None and 0 < before["entered"] < least,
        hidden=tuple(s for s in strands if s not in shown),
    )


def _withheld(station: Station, least: int) -> Station:
    """Withhold a stage that fewer than `least` journeys entered, or a share of fewer than that."""
    if station.few or 0 < station.row["entered"] < least:
        return station._replace(row=_complete({}), few=True, visits=0, begins=0, later=0, stays=0)
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


def _strands(flows: list[Row], names: Sequence[str]) -> Iterator[Strand]:
    """Yield the moves between stages, those after the goal for themselves."""
    place = {name: number for number, name in enumerate(names)}
    found = [
        (place[str(row["from_stage"])], place[str(row["to_stage"])], row)
        for row in flows
        if str(row["from_stage"]) in place and str(row["to_stage"]) in place
    ]
    for start, end, row in sorted(found, key=lambda each: each[:2]):
        later = int(row.get("crossings_after_goal", 0))
        before = int(row["crossings"]) - later
        journeys = row["journeys_before_goal"] if "journeys_before_goal" in row else row["journeys"]
        kind = "back" if end < start else "onward" if end == start + 1 else "skips stages"
        if before:
            yield Strand(start, end, kind, before, int(journeys))
        if later:
            yield Strand(start, end, "after the goal", later, int(row["journeys_after_goal"]))


def _station(name: str, place: int, row: Row, told: Row, strands: Sequence[Strand]) -> Station:
    """Put together what comes into a stage and what goes out; what converted counts as gone at the goal."""
    into, out = {True: 0, False: 0}, {True: 0, False: 0}
    for strand in strands:
        after = strand.kind == "after the goal"
        into[after] += strand.moves * (strand.end == place)
        out[after] += strand.moves * (strand.start == place)
    begins, later = int(row["began"]), into[True]
    gone = out[False] + sum(int(row[end]) for end in ENDS)
    visits = max(int(row["entered"]), begins + into[False] + later, gone + later)
    stays = min(later, max(0, later + int(row["converted"]) - out[True]))
    few = "entered" in told and not known(told["entered"])
    return Station(name, row, few, visits, begins, later, stays)


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
