"""What a journey map tells of promises, of what hurts and of what to do: its last three bands in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from cjmining.plot.choose import significant
from cjmining.plot.map_told import Told
from cjmining.plot.words import duration, known, money, name, number, percent, plural, promise, share_of

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.intended import Touchpoint
    from cjmining.plot.choose import Row
    from cjmining.plot.map_view import MapView

MOST_PROMISES = 3
"""How many promises a stage shows, those furthest from what was promised first; the rest is counted."""
_MOST_PAINS = 3
_MOST_QUOTES = 2
_MOST_OPPORTUNITIES = 2
_LONGEST_NAME = 36
_PLAINLY = {"ad hoc": "unplanned", "wrong channel": "on a wrong channel"}


def clipped(text: str, most: int = _LONGEST_NAME) -> str:
    """Return a name that leaves room for the numbers beside it."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


# What we promised -----------------------------------------------------------------------------------------


class Promised(NamedTuple):
    """A promise: in short, in full, the share kept as told, its verdict and target."""

    short: str
    told: Told
    verdict: str
    target: float

    @property
    def broken(self) -> bool:
        """Whether it was kept too seldom."""
        return self.verdict == "broken"


def promised(view: MapView, position: int) -> tuple[list[Promised], int]:
    """Return the promises of a stage that are shown, the most urgent first, and how many are not."""
    own = sorted(view.at(view.promises, view.stages[position]["stage"]), key=_urgency)
    return [_promised(row) for row in own[:MOST_PROMISES]], max(0, len(own) - MOST_PROMISES)


def _urgency(row: Row) -> tuple[bool, float]:
    """Order promises: the broken ones by how far from what was promised, the others as they stand."""
    broken = row["verdict"] == "broken" and known(row["share_kept"])
    return not broken, row["share_kept"] - row["target"] if broken else 0.0


def _promised(row: Row) -> Promised:
    full = promise(row["measure"], row["at_least"], row["at_most"], row["after"])
    full = f"{name(row['touchpoint'])}: {full}" if row["touchpoint"] else full
    target = "all" if row["target"] >= 1 else percent(row["target"])
    if known(row["share_kept"]):
        said = f"{share_of(row['kept'], row['measured'])} ({target})"
        bounds = row["share_kept"], row["lower"], row["upper"]
    else:
        said = f"{'none' if row['measured'] == 0 else 'few'} measured ({target})"
        bounds = math.nan, math.nan, math.nan
    told = Told("What we promised", row["stage"], full, said, "", *bounds, row["measured"])
    return Promised(_short(row) or full, told, row["verdict"], float(row["target"]))


def _short(row: Row) -> str:
    """Say a promise in as few words as it takes, where it has one bound of a common kind."""
    touchpoint = clipped(name(row["touchpoint"]))
    at_most = known(row["at_most"]) and not known(row["at_least"])
    at_least = known(row["at_least"]) and not known(row["at_most"])
    if row["measure"] == "within":
        return f"next stage in {duration(row['at_most'])}"
    if row["measure"] == "wait_s" and at_most:
        return f"{touchpoint} in {duration(row['at_most'])}"
    if row["measure"] == "satisfaction" and at_least:
        return f"{touchpoint} {row['at_least']:g} or more"
    rest = promise(row["measure"], row["at_least"], row["at_most"], clipped(str(row["after"])))
    return f"{touchpoint}: {rest}"


# Where it hurts -------------------------------------------------------------------------------------------


class Pain(NamedTuple):
    """Something that hurts: how it begins, and as told in full; `most` for the place where most leave."""

    lead: str
    told: Told
    effect: float
    about: str = ""
    most: bool = False

    @property
    def rest(self) -> str:
        """What follows the beginning."""
        return self.told.said.removeprefix(self.lead).strip()


def pains_of(view: MapView, position: int) -> list[Pain]:
    """Return where most leave a stage, and what goes with that most strongly."""
    stage = str(view.stages[position]["stage"])
    places = [_place(view, row) for row in view.at(view.dropouts, stage)[:1]]
    strong = [_driver(row) for row in view.at(view.drivers, stage)]
    strong += [_finding(row) for row in view.at(view.standing_out, stage)]
    explained = {pain.about for pain in strong}
    deviations = [row for row in view.at(view.deviations, stage) if row["journeys"]]
    strong += [
        _deviation(row) for row in deviations if _lost(row) and str(row["touchpoint"]) not in explained
    ]
    strong.sort(key=lambda pain: (-pain.effect, pain.told.said))
    chosen = [*places, *strong[: _MOST_PAINS - 1]]
    if len(chosen) < _MOST_PAINS - 1:
        rest = sorted(
            (row for row in deviations if not _lost(row)),
            key=lambda row: (-row["journeys"], str(row["type"]), str(row["touchpoint"])),
        )
        chosen += [_deviation(row) for row in rest[:1]]
    return chosen


def quotes(view: MapView, position: int) -> list[Told]:
    """Return what the map itself calls a pain in a stage, in quotes."""
    stage = view.intended.stages[position]
    marked = "\N{LEFT DOUBLE QUOTATION MARK}{}\N{RIGHT DOUBLE QUOTATION MARK}"
    return [
        Told("Where it hurts", stage.stage, "pain point of the map", marked.format(pain))
        for pain in gathered(stage.touchpoints, "pain_points")[:_MOST_QUOTES]
    ]


def gathered(touchpoints: Sequence[Touchpoint], what: str) -> list[str]:
    """Return what the touchpoints of a stage have of a kind of note, each once."""
    return list(dict.fromkeys(text for touchpoint in touchpoints for text in getattr(touchpoint, what)))


def _place(view: MapView, row: Row) -> Pain:
    """Where most leave, with the share of all drop-outs that this is."""
    most = row["journeys"] == max(other["journeys"] for other in view.dropouts)
    lead = f"{'Most: ' * most}{number(row['journeys'])} left"
    said = (
        f"{lead} after {clipped(name(row['touchpoint']))} "
        f"({percent(row['share_of_dropped'])} of all who dropped out)"
    )
    told = Told(
        "Where it hurts", row["stage"], f"left after {row['touchpoint']}", said, value=row["journeys"],
        of=view.outcomes["dropped"],
    )  # fmt: skip
    return Pain(lead, told, row["journeys"], str(row["touchpoint"]), most)


def _driver(row: Row) -> Pain:
    """What goes with dropping out, among those it happened to and among others like them."""
    about = str(row["candidate"])
    lead = f"{clipped(name(about))}, {clipped(str(row['detail']))}:" if row["detail"] else f"{name(about)}:"
    said = (
        f"{lead} {share_of(row['risk_exposed'] * row['exposed'], row['exposed'])} dropped out, "
        f"{percent(row['risk_unexposed'])} of others like them"
    )
    told = Told(
        "Where it hurts", row["stage"], f"{row['kind']}: {about}", said, value=row["risk_exposed"],
        of=row["exposed"],
    )  # fmt: skip
    return Pain(lead, told, row["excess"], about)


def _finding(row: Row) -> Pain:
    """Weeks and customers among whom more left than usual."""
    who = "" if row["segment"] == "all" else f"{clipped(name(row['segment']))}, "
    last = row["end"] - timedelta(days=1)
    lead = f"{who}{_day(row['start'])} to {_day(last)}:"
    said = (
        f"{lead} {share_of(row['ended'], row['entered'])} left"
        f"{' after ' + clipped(name(row['touchpoint'])) if row['touchpoint'] else ''}, "
        f"{percent(row['expected_share'])} usual"
    )
    told = Told("Where it hurts", row["stage"], "stands out", said, value=row["share"], of=row["entered"])
    return Pain(lead, told, row["excess"], str(row["touchpoint"]))


def _day(moment: pd.Timestamp) -> str:
    return f"{moment.day} {moment:%b}"


def _lost(row: Row) -> float:
    """Return how many fewer convert of those with a deviation than of as many others."""
    return max(0.0, -row["difference"] * row["mature_with"]) if significant(row) else 0.0


def _deviation(row: Row) -> Pain:
    """A deviation in words, with the share of all journeys that show it."""
    kind = _PLAINLY.get(row["type"], row["type"])
    lead = f"{clipped(name(row['touchpoint']))}: {kind}"
    said = f"{lead} in {plural(row['journeys'], 'journey')} ({percent(row['share_of_journeys'])})"
    if significant(row):
        with_it, without = (
            share_of(row[f"converted_{side}"], row[f"mature_{side}"]) for side in ("with", "without")
        )
        said += f"; {with_it} converted, {without} others"
    told = Told(
        "Where it hurts", row["stage"], f"{row['type']}: {row['touchpoint']}", said, value=row["journeys"]
    )
    return Pain(lead, told, _lost(row), str(row["touchpoint"]))


# What to do -----------------------------------------------------------------------------------------------


class AtRisk(NamedTuple):
    """The value at risk at the costliest place of a stage: the amount, its limits, and the place."""

    told: Told
    limits: str
    place: str


def at_risk(view: MapView, position: int) -> AtRisk | None:
    """Return what those who left at the stage's costliest place would have brought."""
    places = view.at(view.dropouts, view.stages[position]["stage"])
    valued = [row for row in places if known(row["value_at_risk"]) and row["value_at_risk"] > 0]
    if not valued:
        return None
    row = max(valued, key=lambda row: float(row["value_at_risk"]))
    currency = str(row["currency"]) if known(row["currency"]) else None
    lower, upper = row["value_at_risk_lower"], row["value_at_risk_upper"]
    told = Told(
        "What to do", row["stage"], f"value at risk after {row['touchpoint']}",
        money(row["value_at_risk"], currency), "", row["value_at_risk"], lower, upper, row["journeys"],
    )  # fmt: skip
    between = f"({money(lower, None)} to {money(upper, None)})" if known(lower) and known(upper) else ""
    lost = f"{number(row['journeys'])} lost after {clipped(name(row['touchpoint']))}"
    return AtRisk(told, between, lost)


def opportunities(view: MapView, position: int) -> list[Told]:
    """Return what the map suggests to do at a stage."""
    stage = view.intended.stages[position]
    return [
        Told("What to do", stage.stage, "opportunity of the map", text)
        for text in gathered(stage.touchpoints, "opportunities")[:_MOST_OPPORTUNITIES]
    ]


def words_told(view: MapView) -> Iterator[Told]:
    """Tell of the promises, of what hurts and of what to do, stage by stage."""
    for position, row in enumerate(view.stages):
        shown, more = promised(view, position)
        for each in shown:
            yield each.told._replace(said=f"{each.short}: {each.told.said}")
            yield Told(each.told.band, row["stage"], f"{each.told.what}: promised", "", value=each.target)
        if more:
            yield Told("What we promised", row["stage"], "more promises", rest_of(more), value=more)
    for position in range(len(view.stages)):
        yield from (pain.told for pain in pains_of(view, position))
        yield from quotes(view, position)
    for position in range(len(view.stages)):
        risk = at_risk(view, position)
        if risk:
            yield risk.told._replace(said=" ".join(filter(None, (risk.told.said, risk.limits, risk.place))))
        yield from opportunities(view, position)


def rest_of(more: int) -> str:
    """Count the promises that are not shown."""
    return f"and {plural(more, 'more promise')}"
