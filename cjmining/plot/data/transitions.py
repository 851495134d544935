"""What follows what, and which of it is planned: what the transition graph shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from cjmining.plot.choose import Row, chosen, expect_found, expect_map, rows
from cjmining.plot.words import known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pandas as pd

    from cjmining.discovery import Discovery
    from cjmining.intended import IntendedMap

USED, UNUSED, UNPLANNED, OFF_MAP, IGNORED, COUNTED = (
    "planned and used",
    "planned, not used",
    "not planned",
    "off the map",
    "ignored",
    "counted",
)
KINDS = (USED, UNUSED, UNPLANNED, OFF_MAP, IGNORED)
FEW = -1
"""In place of a number of journeys that is withheld because it is small."""

Pair = tuple[str, str]
Ways = dict[Pair, int]
"""How often the second directly follows the first."""


class Time(NamedTuple):
    """Seconds between two touchpoints: their median, or, where groups are put together, their mean."""

    seconds: float
    measure: str


@dataclass(frozen=True)
class Counts:
    """What a discovery says of one group, or of all of them together."""

    ways: Ways
    times: Mapping[Pair, Time] = field(default_factory=dict)
    journeys_of: Mapping[str, int] = field(default_factory=dict)
    starts: Mapping[str, int] = field(default_factory=dict)
    ends: Mapping[str, int] = field(default_factory=dict)
    journeys: int = 0
    withheld: int = 0

    @property
    def total(self) -> int:
        """All transitions, also those that are withheld, since few customers did them."""
        return sum(self.ways.values()) + self.withheld


class Sum(NamedTuple):
    """What there is of one kind: pairs of touchpoints, and transitions."""

    kind: str
    pairs: int
    transitions: int


def transitions(
    found: Discovery, *, intended: IntendedMap | None = None, group: str | None = None
) -> pd.DataFrame:
    """Return which touchpoint follows which and which of it the map plans: what `cj.plot.transitions` draws.

    Parameters
    ----------
    found : Discovery
        What `cj.discover` returned.
    intended : IntendedMap, optional
        The map that says what is planned.
    group : str, optional
        One of ``found.groups``; default is all of them together.

    Returns
    -------
    pandas.DataFrame
        from_touchpoint, to_touchpoint (which directly follows), kind ("planned and used", "planned, not
        used", "not planned" between touchpoints of the map, "off the map" where one is in no stage,
        "ignored" where it ignores one; without a map "counted"), count (how often), share_of_transitions (of
        all of the group), seconds (between the two) and measure ("median", or "mean" where groups are put
        together), drawn ("line", "box" for a touchpoint that follows itself, "lane" below the stages, or ""
        for what is summed up). Counts add up to all transitions, shares to 1. Most frequent first.

    Raises
    ------
    LogError
        If `found` is not the result of a discovery or has no such group, or `intended` is no map.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(100, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> found = cj.discover(shop.log.split(intended), ignore=intended.ignore)
    >>> table = cj.plot.data.transitions(found, intended=intended)
    >>> table.groupby("kind")["count"].sum().to_dict()
    {'not planned': 16, 'off the map': 229, 'planned and used': 684, 'planned, not used': 0}
    """
    import pandas as pd

    expect_found(found, "cj.plot.data.transitions")
    expect_map(intended, "cj.plot.data.transitions")
    counts = read(found, group)
    kinds = kinds_of(counts.ways, intended)
    lines = set(strongest(counts.ways, kinds, intended))
    total = counts.total
    unknown = Time(float("nan"), "")
    told = [
        (
            *pair,
            kind,
            counts.ways.get(pair, 0),
            counts.ways.get(pair, 0) / total if total else float("nan"),
            *counts.times.get(pair, unknown),
            _where(pair, kind, lines),
        )
        for pair, kind in kinds.items()
    ]
    table = pd.DataFrame(told, columns=list(_TYPES)).astype(_TYPES)
    names = ["from_touchpoint", "to_touchpoint"]
    return table.sort_values(["count", *names], ascending=[False, True, True], ignore_index=True)


_TYPES = {
    "from_touchpoint": "str",
    "to_touchpoint": "str",
    "kind": "str",
    "count": "int64",
    "share_of_transitions": "float64",
    "seconds": "float64",
    "measure": "str",
    "drawn": "str",
}


def _where(pair: Pair, kind: str, lines: set[Pair]) -> str:
    if pair in lines:
        return "line"
    if kind == OFF_MAP:
        return "lane"
    return "box" if pair[0] == pair[1] and kind in (USED, UNPLANNED, COUNTED) else ""


def read(found: Discovery, group: str | None, *, least: int = 1) -> Counts:
    """Read what a discovery says of a group, or of all together; what fewer than `least` did is withheld."""
    if group is not None:
        chosen(found, group, what="group")
    wanted = [str(name) for name in found.groups] if group is None else [group]
    ways: Ways = {}
    sums: dict[Pair, float] = {}
    times: dict[Pair, Time] = {}
    withheld = 0
    for row in (row for one in wanted for row in rows(found.transitions, one)):
        if _of_whom(row) < least:
            withheld += int(row["count"])
            continue
        pair = str(row["from_touchpoint"]), str(row["to_touchpoint"])
        ways[pair] = ways.get(pair, 0) + int(row["count"])
        if "median_s" in row:
            sums[pair] = sums.get(pair, 0.0) + row["mean_s"] * row["count"]
            measure = "median" if known(row["median_s"]) else "mean"  # merged groups have no median
            times[pair] = Time(float(row[f"{measure}_s"]), measure)
    if len(wanted) > 1:
        times = {pair: Time(total / ways[pair], "mean") for pair, total in sums.items()}
    ends = _ends(found, wanted, least)
    journeys = sum(int(row["journeys"]) for one in wanted for row in rows(found.overview, one))
    used = _used(found, wanted, least)
    return Counts(ways, times, used, ends["start"], ends["end"], journeys, withheld)


def _of_whom(row: Row) -> float:
    """How many customers a row is about, where it says so; else how many journeys."""
    return float(row["customers" if "customers" in row else "journeys"])


def _used(found: Discovery, wanted: list[str], least: int) -> dict[str, int]:
    """Return how many journeys have each touchpoint; `FEW` where that is withheld."""
    used: dict[str, int] = {}
    for row in (row for one in wanted for row in rows(found.touchpoints, one)):
        touchpoint = str(row["touchpoint"])
        if known(row["journeys"]) and not _of_whom(row) < least:
            used[touchpoint] = max(used.get(touchpoint, 0), 0) + int(row["journeys"])
        else:
            used.setdefault(touchpoint, FEW)
    return used


def _ends(found: Discovery, wanted: list[str], least: int) -> dict[str, dict[str, int]]:
    """Return where how many journeys start and end; "" where that is withheld."""
    ends: dict[str, dict[str, int]] = {"start": {}, "end": {}}
    if not hasattr(found, "ends"):
        return ends
    for row in (row for one in wanted for row in rows(found.ends, one)):
        if str(row["position"]) not in ends:
            continue  # a journey that is open has not ended where it is
        there = ends[str(row["position"])]
        touchpoint = str(row["touchpoint"]) if _of_whom(row) >= least else ""
        there[touchpoint] = there.get(touchpoint, 0) + int(row["journeys"])
    return ends


def kinds_of(ways: Ways, intended: IntendedMap | None) -> dict[Pair, str]:
    """Say of each pair that is planned or happened whether it is, and did."""
    if intended is None:
        return dict.fromkeys(sorted(ways), COUNTED)
    from cjmining.intended.follows import planned_pairs

    on_map = set(intended.touchpoint_names)
    ignored = set(intended.ignore) - on_map
    planned = {pair for pair in planned_pairs(intended) if on_map.issuperset(pair)}

    def kind(pair: Pair) -> str:
        if ignored.intersection(pair):
            return IGNORED
        if not on_map.issuperset(pair):
            return OFF_MAP
        return (USED if pair in planned else UNPLANNED) if ways.get(pair) else UNUSED

    return {pair: kind(pair) for pair in sorted(planned | set(ways))}


def account(ways: Ways, kinds: Mapping[Pair, str]) -> Iterator[Sum]:
    """Yield how much there is of each kind; the counts add up to all transitions."""
    for kind in (COUNTED,) if COUNTED in kinds.values() or not kinds else KINDS:
        pairs = [pair for pair, own in kinds.items() if own == kind]
        yield Sum(kind, len(pairs), sum(ways.get(pair, 0) for pair in pairs))


MOST_LINES = 25
_ALWAYS = 16
"""The most frequent lines that are drawn whatever else has to be."""
_MOST_UNUSED = 4


def strongest(ways: Ways, kinds: Mapping[Pair, str], intended: IntendedMap | None) -> list[Pair]:
    """Choose what is drawn as lines, about what a reader can take in.

    Without a map the most frequent. With one the most frequent too, planned or not, so that nothing weaker
    stands for something stronger, but among them the main way on from each touchpoint, however rare, so that
    none seems to be a dead end, and up to 4 of what is planned and unused, the shortest steps.
    """

    def most(*wanted: str) -> list[Pair]:
        there = [pair for pair, own in kinds.items() if own in wanted and pair[0] != pair[1]]
        return sorted(there, key=lambda pair: (-ways.get(pair, 0), pair))

    if intended is None:
        return most(COUNTED)[:MOST_LINES]
    unused = shortest(most(UNUSED), intended)[:_MOST_UNUSED]
    happened = most(USED, UNPLANNED)
    main: dict[str, Pair] = {}
    for pair in happened:
        main.setdefault(pair[0], pair)
    lines = list(dict.fromkeys([*happened[:_ALWAYS], *main.values()]))
    room = max(0, MOST_LINES - len(unused) - len(lines))
    return [*lines, *[pair for pair in happened if pair not in set(lines)][:room], *unused]


def shortest(pairs: Iterable[Pair], intended: IntendedMap) -> list[Pair]:
    """Sort steps between touchpoints of a map by how far they lead along it; ways back come last."""
    place = {name: number for number, name in enumerate(intended.touchpoint_names)}

    def length(pair: Pair) -> tuple[bool, int, int]:
        ahead = place[pair[1]] - place[pair[0]]
        return ahead < 0, abs(ahead), place[pair[0]]

    return sorted(pairs, key=length)
