"""What a journey map tells, band by band: the picture draws it, `cj.plot.data.journey_map` lists it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from cjmining.plot.words import duration, known, name, number, percent, plural
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cjmining.plot.choose import Row
    from cjmining.plot.map_view import MapView

NO_CHANNEL = "no channel"
MOST_LOOPS = 5
LEAST_LOOP = 0.005
"""Ways back that fewer take than this share of the journeys are counted, not drawn."""
MOST_PATHS = 12
LEAST_JOIN = 0.02
"""Fewer than this share of the journeys that join at a stage are not set off."""


class Told(NamedTuple):
    """One thing that the map tells.

    Attributes
    ----------
    band, stage, what : str
        Where it stands, and what it is.
    said : str
        As it is written.
    channel : str
        The channel, where it has one.
    value, lower, upper, of : float
        The number, its limits, and its denominator; NaN where there is none.
    """

    band: str
    stage: str
    what: str
    said: str
    channel: str = ""
    value: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    of: float = math.nan


ENDS = (
    ("dropped", "dropped out"),
    ("turned_away", "turned away"),
    ("open", "still open"),
    ("converted", "reached the goal"),
)
OUTCOMES = (
    ("converted", "converted"),
    ("dropped", "dropped out"),
    ("turned_away", "turned away"),
    ("open", "still open"),
)


def head(view: MapView) -> Iterator[Told]:
    """Tell how many journeys the map is of, and how they ended."""
    total = view.outcomes["journeys"]
    said = f"{plural(total, 'journey')} by {plural(view.outcomes['customers'], 'customer')}"
    yield Told("Title", "", "journeys", ", ".join(filter(None, (said, view.period))), value=total)
    yield Told("Title", "", "customers", said, value=view.outcomes["customers"])
    for key, label in OUTCOMES:
        count = view.outcomes[key]
        yield Told("Outcomes", "", label, number(count), value=count, of=total)


def stage_head(view: MapView, position: int) -> Iterator[Told]:
    """Tell how many entered a stage, and how long they took."""
    row = view.stages[position]
    stage = str(row["stage"])
    entered = math.nan if row["few"] else row["entered"]
    said = "few" if row["few"] else number(row["entered"])
    yield Told("Stages", stage, "entered", said, value=entered, of=view.outcomes["journeys"])
    if known(row["median_s"]):
        yield Told(
            "Stages", stage, "median seconds", f"median {duration(row['median_s'])}", value=row["median_s"]
        )


# Who stays ------------------------------------------------------------------------------------------------


def leaving(view: MapView, position: int) -> Iterator[Told]:
    """Tell what becomes of those who entered a stage: the parts add up to them."""
    row = view.stages[position]
    stage, entered = str(row["stage"]), row["entered"]
    for key, label in ENDS:
        share = key == "dropped" and row["mature"] and known(row["drop_out_share"])
        share = share and not after_goal(view, position)
        if row[key] or share:
            count = row[key]
            yield Told("Who stays", stage, label, f"{number(count)} {label}", value=count, of=entered)
        if share:
            bounds = row["drop_out_share"], row["lower"], row["upper"]
            said = f"{percent(*bounds)} of {number(row['mature'])}"
            yield Told("Who stays", stage, "drop-out share", said, "", *bounds, row["mature"])
    later = row["after_goal"]
    if row["continued"] > later and not _tells_of_few(view, position):
        onward = row["continued"] - later
        yield Told("Who stays", stage, "go on", f"{number(onward)} go on", value=onward, of=entered)
    if later:
        said = f"{number(later)} come after the goal"
        yield Told("Who stays", stage, "come after the goal", said, value=later, of=entered)


def _tells_of_few(view: MapView, position: int) -> bool:
    """Say whether how many go on would tell how many entered the next stage, which is withheld."""
    return position + 1 < len(view.stages) and bool(view.stages[position + 1]["few"])


def joining(view: MapView, position: int) -> Told | None:
    """Tell how many more enter a stage than go on from the one before, where these are many.

    Those that come after the goal are told for themselves, in `leaving`. Nothing is told where the stage
    before is withheld: who came from there is not known.
    """
    if not position:
        return None
    row, before = view.stages[position], view.stages[position - 1]
    more = row["entered"] - row["after_goal"] - (before["continued"] - before["after_goal"])
    if row["few"] or before["few"] or more < max(1, LEAST_JOIN * view.outcomes["journeys"]):
        return None
    return Told("Who stays", row["stage"], "join", f"{number(more)} join here", value=more, of=row["entered"])


def after_goal(view: MapView, position: int) -> bool:
    """Say whether all that enter a stage have reached the goal before, so that none can end here."""
    row = view.stages[position]
    return bool(0 < row["entered"] == row["after_goal"])


def worst(view: MapView, position: int) -> bool:
    """Say whether no stage loses a larger share."""
    return _lost(view.stages[position]) == max(map(_lost, view.stages)) > 0


def _lost(row: Row) -> float:
    return float(row["drop_out_share"]) if row["mature"] and known(row["drop_out_share"]) else 0.0


def before_the_map(view: MapView) -> Told | None:
    """Tell of the journeys that began off the map."""
    row = view.before
    if row is None or not known(row["entered"]) or not row["entered"]:
        return _few_before_the_map(view)
    ended = [f"{number(row[key])} {label}" for key, label in ENDS if row[key]]
    said = ", ".join([f"{plural(row['entered'], 'journey')} began before the map", *ended])
    return Told("Who stays", str(row["stage"]), "began before the map", said, value=row["entered"])


def _few_before_the_map(view: MapView) -> Told | None:
    """Say so where the outcomes count journeys that ended in no stage: the few that began off the map."""
    counted = ("dropped", "turned_away", "open")
    if any(row["few"] for row in view.stages) or not any(
        view.outcomes[key] > sum(row[key] for row in view.stages) for key in counted
    ):
        return None
    said = "few began before the map: only the outcomes above count them"
    return Told("Who stays", BEFORE_THE_MAP, "began before the map", said, value=math.nan)


def loops(view: MapView) -> tuple[list[Row], Told | None]:
    """Return the ways back to earlier stages that are drawn, most used first, and what is left of them."""
    order = {row["stage"]: position for position, row in enumerate(view.stages)}
    back = [
        {**row, "from": order[row["from_stage"]], "to": order[row["to_stage"]]}
        for row in view.flows
        if order.get(row["from_stage"], -1) > order.get(row["to_stage"], 99) and row["journeys"]
    ]
    back.sort(key=lambda row: (-row["journeys"], row["from"], row["to"]))
    least = LEAST_LOOP * view.outcomes["journeys"]
    drawn = [row for row in back[:MOST_LOOPS] if row["journeys"] >= least]
    rest = back[len(drawn) :]
    if not rest:
        return drawn, None
    times = sum(int(row["crossings"]) for row in rest)
    said = f"not drawn: {plural(len(rest), 'rarer way')} back, taken {plural(times, 'time')}"
    return drawn, Told("Who stays", "", "rarer ways back", said, value=times)


def loop(row: Row) -> Told:
    """Tell of one way back."""
    said = f"{number(row['journeys'])} back to {name(row['to_stage'])}"
    what = f"back to {row['to_stage']}"
    return Told("Who stays", str(row["from_stage"]), what, said, value=row["journeys"])


# What they do ---------------------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A touchpoint on a channel's lane; `state` is empty, or says why there is no number: few, unrecorded."""

    stage: int
    order: int
    touchpoint: str
    channel: str
    journeys: float
    failed: float = 0.0
    state: str = ""

    @property
    def figure(self) -> str:
        """Its number as the map writes it."""
        return self.state or number(self.journeys)

    @property
    def failures(self) -> str:
        """How many of them failed, as the map writes it."""
        return f"{number(self.failed)} failed" if self.failed else ""


def entries(view: MapView) -> list[Entry]:
    """Return the touchpoints seen, and those planned that were not, in the order of the map."""
    told: list[Entry] = []
    for position, stage in enumerate(view.intended.stages):
        seen = view.at(view.touchpoints, stage.stage)
        for order, touchpoint in enumerate(stage.touchpoints):
            own = [row for row in seen if row["touchpoint"] == touchpoint.touchpoint]
            channels = touchpoint.channels or (NO_CHANNEL,)
            state = "" if touchpoint.recorded else "unrecorded"
            told += [_seen(position, order, row) for row in own] or [
                Entry(position, order, touchpoint.touchpoint, channels[0], 0, state=state)
            ]
    return told


def _seen(position: int, order: int, row: Row) -> Entry:
    native = str(row["channel"]) if known(row["channel"]) else ""
    touchpoint, channel = str(row["touchpoint"]), native or NO_CHANNEL
    if not known(row["journeys"]):  # withheld: too few for a number of their own
        return Entry(position, order, touchpoint, channel, 0, state="few")
    failed = row.get("failed", 0)
    return Entry(position, order, touchpoint, channel, row["journeys"], failed if known(failed) else 0.0)


def paths(view: MapView, there: list[Entry]) -> list[tuple[Entry, Entry, float]]:
    """Return the paths most journeys take between two touchpoints, where each has one place on the map."""
    places: dict[str, list[Entry]] = {}
    for entry in there:
        key = entry.touchpoint if entry.channel == NO_CHANNEL else f"{entry.touchpoint}@{entry.channel}"
        places.setdefault(key, []).append(entry)
    found = [
        (places[one][0], places[other][0], journeys)
        for (one, other), journeys in view.ways.items()
        if one != other and len(places.get(one, ())) == 1 == len(places.get(other, ())) and journeys > 0
    ]
    drawable = [path for path in found if path[0].journeys and path[1].journeys]
    return sorted(drawable, key=lambda path: (-path[2], path[0], path[1]))[:MOST_PATHS]


def doing(view: MapView) -> Iterator[Told]:
    """Tell of the touchpoints and of the paths between them."""
    there = entries(view)
    for entry in there:
        stage = view.stages[entry.stage]
        count = math.nan if entry.state else entry.journeys
        yield Told(
            "What they do", stage["stage"], entry.touchpoint, entry.figure, entry.channel, count,
            of=_all(stage),
        )  # fmt: skip
        if entry.failed:
            yield Told(
                "What they do", stage["stage"], f"{entry.touchpoint}: failed", entry.failures, entry.channel,
                entry.failed, of=count,
            )  # fmt: skip
    for one, other, journeys in paths(view, there):
        what = f"{one.touchpoint}@{one.channel} to {other.touchpoint}@{other.channel}"
        yield Told("What they do", view.stages[one.stage]["stage"], what, "", value=journeys)


def _all(stage: Row) -> float:
    return math.nan if stage["few"] else float(stage["entered"])


# What they feel -------------------------------------------------------------------------------------------


def feeling(view: MapView, position: int) -> Told | None:
    """Tell the mean of the answers given in a stage, with its limits where they are known."""
    row = view.stages[position]
    if not known(row["satisfaction"]):
        return None
    mean, answered = float(row["satisfaction"]), float(row["satisfaction_answered"])
    lower, upper = float(row["satisfaction_lower"]), float(row["satisfaction_upper"])
    return Told(
        "What they feel", row["stage"], "satisfaction", f"{mean:.2f}", "", mean, lower, upper, answered
    )


def answers(view: MapView, position: int) -> str:
    """Say how many answered in a stage."""
    row = view.stages[position]
    if known(row["satisfaction"]):
        return plural(row["satisfaction_answered"], "answer")
    return "few answers" if row["few_answers"] else "no answers"


def comments(view: MapView, position: int) -> list[Told]:
    """Tell the chosen comments of a stage."""
    stage = view.stages[position]["stage"]
    return [
        Told(
            "What they feel",
            stage,
            f"comment on {row['touchpoint']}, {row['chosen']}",
            f"\N{LEFT DOUBLE QUOTATION MARK}{row['comment']}\N{RIGHT DOUBLE QUOTATION MARK}",
            str(row["channel"]),
            row["satisfaction"],
            of=row["comments"],
        )
        for row in view.at(view.verbatims, stage)
    ]


def feelings_told(view: MapView) -> Iterator[Told]:
    """Tell what is measured, what is intended, which moments are those of truth, and the comments."""
    for position, stage in enumerate(view.intended.stages):
        measured = feeling(view, position)
        if measured:
            yield measured
        yield Told(
            "What they feel", stage.stage, "answers", answers(view, position),
            value=view.stages[position]["satisfaction_answered"] if measured else math.nan,
        )  # fmt: skip
        for touchpoint in stage.touchpoints:
            if touchpoint.emotion is not None:
                what = f"{touchpoint.touchpoint}: emotion intended, -2 to 2"
                yield Told("What they feel", stage.stage, what, "", value=touchpoint.emotion)
            if touchpoint.moment_of_truth:
                yield Told("What they feel", stage.stage, "moment of truth", name(touchpoint.touchpoint))
        yield from comments(view, position)


def description(view: MapView) -> str:
    """Return the map in a few sentences, for those who don't see it."""
    facts = next(head(view)).said
    ends = ", ".join(f"{number(view.outcomes[key])} {label}" for key, label in OUTCOMES)
    said = [f"{facts}: {ends}."]
    losing = [row for position, row in enumerate(view.stages) if worst(view, position)]
    for row in losing[:1]:
        share = percent(row["drop_out_share"], row["lower"], row["upper"])
        said.append(
            f"The largest share is lost in {name(row['stage'])}: {share} of the {number(row['mature'])} "
            f"journeys that entered early enough to know."
        )
    measured = [each for n in range(len(view.stages)) if (each := feeling(view, n))]
    if measured:
        lowest = min(measured, key=lambda each: each.value)
        said.append(
            f"Satisfaction is lowest in {name(lowest.stage)}: {lowest.said} of 1, the mean of "
            f"{plural(lowest.of, 'answer')}."
        )
    kept = [row for row in view.promises if known(row["share_kept"])]
    if kept:
        broken = sum(row["verdict"] == "broken" for row in kept)
        said.append(f"Of {plural(len(kept), 'promise')} measured, {number(broken)} are broken.")
    return " ".join(said)
