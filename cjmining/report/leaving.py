"""What the page tells of those who leave: how likely, where and when, and what goes with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cjmining.dropout.drivers import CLEAR, OWN, Drivers, drivers
from cjmining.dropout.exposures import ATTRIBUTE
from cjmining.dropout.incidence import WHOLE, Incidence, incidence
from cjmining.dropout.scan import EVERYBODY, DropOutScan, scan
from cjmining.errors import LogError
from cjmining.report import words
from cjmining.report.cells import Row, Table, cell, count_cell, fewer, line, make_table, rows_of, share_cell
from cjmining.report.finding import Finding, make_finding, numbers_of
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.conformance import Conformance
    from cjmining.results import Result

MOST_PLACES = 5
"""How many places of a scan are shown, whether they stand out or not."""

MOST_DRIVERS = 8
MOST_TOLD = 2
"""How many associations of a stage are told in sentences."""

MOST_STAGES = 2
FEWEST_DROPPED = 50
"""At how many stages it is asked what goes with leaving: those that lose most, and at least so many."""

DAY = timedelta(days=1)
TOO_FEW = "Too few journeys ended in any place to look for weeks in which more did than usual."
LARGEST_P = 0.05
"""Up to where a place stands out, as `cj.scan` says; limits of what may be chance would be read as more."""

_Result = TypeVar("_Result")
_ENDS = ("converted", "dropped here", "dropped elsewhere", "turned away", "under way")


class Leaving(NamedTuple):
    """What is known of those who leave, beside the check; each may be missing.

    `everyone` holds the probabilities of all journeys together, `ends` those of the check's groups. `undone`
    says what could not be worked out, and why.
    """

    ends: Incidence | None = None
    everyone: Incidence | None = None
    places: DropOutScan | None = None
    why: tuple[Drivers, ...] = ()
    undone: tuple[str, ...] = ()

    @property
    def results(self) -> dict[str, Result]:
        """The results that are there, by the name that their files and sheets begin with."""
        named: dict[str, Result | None] = {"incidence": self.ends, "scan": self.places}
        if self.everyone is not self.ends:
            named["incidence_all"] = self.everyone
        named |= {f"drivers_{each.stage.lower().replace(' ', '_')}": each for each in self.why}
        return {name: each for name, each in named.items() if each is not None}


NOT_LOOKED_INTO = Leaving()


def look_into(check: Conformance) -> Leaving:
    """Work out all of it: probabilities, places that stand out, and what goes with leaving where most do.

    Nothing is known of a check that was made without its log, or of an empty one.
    """
    if check._reading is None or not len(check.journeys):
        return NOT_LOOKED_INTO
    undone: list[str] = []

    def tried(what: str, work: Callable[[], _Result]) -> _Result | None:
        try:
            return work()
        except LogError as problem:
            undone.append(f"{what}: {problem}")
            return None

    ends = incidence(check)
    why = [
        tried(f"What goes with dropping out at {stage}", lambda stage=stage: drivers(check, stage))  # type: ignore[misc]
        for stage in _stages_that_lose_most(check)
    ]
    return Leaving(
        ends=ends,
        everyone=ends if check.by is None else incidence(check.overall),
        places=tried("Where and when drop-out stands out", lambda: scan(check)),
        why=tuple(each for each in why if each is not None),
        undone=tuple(undone),
    )


def _stages_that_lose_most(check: Conformance) -> list[str]:
    stages = check.overall.stages
    inside = stages[(stages["stage"] != BEFORE_THE_MAP) & (stages["dropped"] >= FEWEST_DROPPED)]
    chosen: list[str] = inside.nlargest(MOST_STAGES, "dropped")["stage"].tolist()
    return chosen


def leaving_findings(leaving: Leaving, min_group: int) -> list[Finding]:
    """Return what is said in sentences: places that stand out, and the clear associations at each stage."""
    found = []
    if leaving.places is not None:
        rows = [row for row in rows_of(leaving.places.findings) if _is_told(row, min_group)]
        found += [_place(row) for row in rows]
        if not rows:
            found.append(make_finding("no place stands out", _nothing(leaving.places)))
    for each in leaving.why:
        found += [_driver(each, row) for row in _clear(each, min_group)[:MOST_TOLD]]
    return found


def _is_told(row: Row, min_group: int) -> bool:
    return bool(row["stands_out"]) and row["entered"] >= min_group


def _place(row: Row) -> Finding:
    numbers = numbers_of(
        row, "entered", "ended", "expected", "excess", "lower", "upper", "share", "expected_share", "p"
    )
    return make_finding(
        "place that stands out",
        row["sentence"],
        numbers | {"start": str(row["start"]), "end": str(row["end"])},
        stage=row["stage"],
        touchpoint=row["touchpoint"] or None,
        also=(str(row["kind"]), str(row["attributes"]), str(row["segment"])),
    )


def _nothing(places: DropOutScan) -> str:
    if not places.looked_at:
        return TOO_FEW
    return (
        "No week or segment had clearly more drop-out than its own usual level "
        f"({words.plural(places.looked_at, 'place')} looked at, up to {words.day(places.sees_until)}). A "
        "level that is always high does not count here: see Who differs."
    )


def _driver(each: Drivers, row: Row) -> Finding:
    return make_finding(
        "goes with leaving",
        row["sentence"].replace(row["candidate"], words.quoted(row["candidate"])),
        numbers_of(row, "exposed", "risk_exposed", "risk_unexposed", "difference", "lower", "upper", "q"),
        stage=each.stage,
        also=(str(row["kind"]), str(row["candidate"]), str(row["detail"])),
    )


def _clear(each: Drivers, min_group: int) -> list[Row]:
    """Return the associations with more drop-out that are clear, and that nothing stronger explains."""
    return [row for row in rows_of(each.drivers) if row["verdict"] == OWN and row["exposed"] >= min_group]


def chances_table(
    ends: Incidence, group: str, min_group: int, *, after_goal: Sequence[str] = ()
) -> Table | None:
    """Return how likely each end is within the first horizon of each stage; None without the group.

    Stages `after_goal` are left out: who comes there has converted before.
    """
    table = ends.probabilities[~ends.probabilities["stage"].isin(list(after_goal))]
    own = table[(table["by"].astype(str) == group) & (table["horizon_s"] == table["horizon_s"].min())]
    if own.empty:
        return None
    horizon = words.days(ends.horizons[0])
    columns = [
        ("stage", "From"),
        ("entered", "Entered"),
        *((end, words.name(end).capitalize()) for end in _ENDS),
    ]
    rows = [
        line(_chances(stage, rows, min_group), stage=None if stage == WHOLE else stage)
        for stage, rows in own.groupby("stage", sort=False, observed=True)
    ]
    caption = f"How likely each end is within {horizon} of entering a stage (95 % limits)"
    made = make_table("chances", caption, columns, rows)
    left = ends.left_out[ends.left_out["by"].astype(str) == group]
    made["note"] = _on_chances(int(left["left_out"].sum()), int(left["journeys"].sum()))
    if after_goal:
        made["note"] += (
            f" Not shown: {words.several(after_goal)}, planned after the goal: who comes there has converted "
            "before, so how those journeys end is told at the earlier stages."
        )
    return made


def _chances(stage: str, rows: pd.DataFrame, min_group: int) -> list[dict[str, Any]]:
    by_end = {row["end"]: row for row in rows_of(rows)}
    entered = next(iter(by_end.values()))["entered"]
    said = "The whole journey" if stage == WHOLE else stage
    if entered < min_group:
        return [cell(said), cell(fewer(min_group)), *(cell(words.NOTHING) for _ in _ENDS)]
    told = (by_end[end] for end in _ENDS)
    chances = [
        cell(words.NOTHING)
        if stage == WHOLE and row["end"] == "dropped elsewhere"  # there is no elsewhere
        else cell(words.percent(row["probability"], row["lower"], row["upper"]), row["probability"])
        for row in told
    ]
    return [cell(said), count_cell(entered), *chances]


def _on_chances(left_out: int, journeys: int) -> str:
    text = (
        "Estimated from all journeys that entered (Aalen-Johansen): those still running count for as long as "
        "they were observed."
    )
    if left_out:
        text += (
            f" Left out: {words.count(left_out)} of {words.plural(journeys, 'journey')} that may have begun "
            "before the data."
        )
    return text


def leaving_facts(leaving: Leaving, min_group: int) -> dict[str, Any] | None:
    """Return the page's section on where and when, and on what goes with it; None where nothing is known."""
    places = None if leaving.places is None else places_table(leaving.places, min_group)
    tables = [places] if places is not None and places["rows"] else []
    tables += [drivers_table(each, min_group) for each in leaving.why]
    said = [TOO_FEW] if places is not None and not places["rows"] else []
    if not tables and not leaving.undone and not said:
        return None
    return {"tables": tables, "undone": [*said, *leaving.undone]}


def places_table(places: DropOutScan, min_group: int) -> Table:
    """Return the places of a scan that come first, those that stand out being said so."""
    columns = [
        ("stage", "Stage"),
        ("segment", "Who"),
        ("kind", "How they ended"),
        ("window", "Entered it"),
        ("entered", "Journeys"),
        ("ended", "Ended so"),
        ("expected", "Expected"),
        ("excess", "More than expected (95 % limits)"),
        ("turn", "Next step by"),
        ("p", "p, all places looked at"),
    ]
    rows = [row for row in rows_of(places.findings) if row["entered"] >= min_group][:MOST_PLACES]
    cells = [
        line(
            [
                cell(_where(row)),
                cell("everybody" if row["segment"] == EVERYBODY else row["segment"]),
                cell("dropped out" if row["kind"] == "dropped" else row["kind"]),
                cell(f"{words.day(row['start'])} to {words.day(row['end'] - DAY)}"),
                count_cell(row["entered"]),
                count_cell(row["ended"]),
                cell(f"{row['expected']:.1f}", row["expected"]),
                cell(_excess(row), row["excess"]),
                cell(_turns(row)),
                cell(f"{row['p']:.3f}" if row["p"] >= 0.001 else "<0.001", row["p"]),
            ],
            stage=row["stage"],
            touchpoint=row["touchpoint"] or None,
        )
        for row in rows
    ]
    table = make_table("places", "Where and when most left beyond what was usual there", columns, cells)
    standing = sum(bool(row["stands_out"]) for row in rows)
    said = f"{words.plural(standing, 'place')} of these" if standing else "None of these"
    table["note"] = (
        f"{said} {'stand' if standing > 1 else 'stands'} out (p below 0.05): "
        f"{words.count(places.looked_at)} places were looked at, week by week, for journeys that entered up "
        f"to {words.day(places.sees_until)}, and p is how often the strongest of all is as strong where "
        f"nothing is the matter. An end counts within {words.days(places.horizon)}. Limits are those of one "
        "place, and stand only where p is below 0.05: the strongest of many looks larger than it is."
    )
    return table


def _excess(row: Row) -> str:
    """Write an excess; its limits, which don't know of the other places looked at, where it stands out."""
    limits = f" ({row['lower']:.0f} to {row['upper']:.0f})" if row["p"] < LARGEST_P else ""
    return f"{row['excess']:.0f}{limits}"


def _where(row: Row) -> str:
    return f"{row['stage']}, at {words.name(row['touchpoint'])}" if row["touchpoint"] else str(row["stage"])


def _turns(row: Row) -> str:
    parts = [
        (row[column], who)
        for column, who in (("customers_turn", "customer"), ("companys_turn", "company"))
        if row[column]
    ]
    return ", ".join(f"{who} ({words.count(n)})" for n, who in parts) or words.NOTHING


def drivers_table(each: Drivers, min_group: int) -> Table:
    """Return what goes with leaving at a stage, the strongest first."""
    columns = [
        ("said", "What"),
        ("when", "When"),
        ("exposed", "Journeys"),
        ("risk_exposed", "Dropped out"),
        ("risk_unexposed", "Comparable others"),
        ("difference", "Difference in points (95 % limits)"),
        ("excess", "More drop-outs"),
        ("q", "q"),
        ("verdict", "Verdict"),
    ]
    rows = [row for row in rows_of(each.drivers) if row["q"] <= CLEAR and row["exposed"] >= min_group]
    cells = [
        line(
            [
                cell(_said(row)),
                cell(row["when"]),
                count_cell(row["exposed"]),
                share_cell(row["risk_exposed"]),
                share_cell(row["risk_unexposed"]),
                cell(words.points(row["difference"], row["lower"], row["upper"]), row["difference"]),
                cell(f"{row['excess']:.0f}", row["excess"]),
                cell(f"{row['q']:.3f}" if row["q"] >= 0.001 else "<0.001", row["q"]),
                cell(_verdict(row)),
            ],
            stage=each.stage,
        )
        for row in rows[:MOST_DRIVERS]
    ]
    made = make_table(f"drivers-{each.stage.lower().replace(' ', '-')}", each.title, columns, cells)
    alike = f" of the same {words.name(each.by)}" if each.by else ""
    shown = "shown is what is clear" if rows else "nothing is clear"
    candidates = len(each.drivers)
    held = "candidate was" if candidates == 1 else "candidates were"
    judged = (
        f"{words.count(candidates)} {held} held against comparable journeys{alike}; {shown} "
        "among so many (q at most 0.05). What goes with leaving need not be its cause."
    )
    made["note"] = (
        f"Of {words.plural(each.entered, 'journey')} that entered {each.stage} early enough to know, "
        f"{words.count(each.dropped)} dropped out there within {words.days(each.horizon)}. "
        f"{judged if candidates else 'No candidate could be judged: too few journeys.'}"
    )
    return made


def _verdict(row: Row) -> str:
    along = row["goes_along_with"]
    return f"goes along with {words.name(along)}" if along else str(row["verdict"])


def _said(row: Row) -> str:
    if row["kind"] == ATTRIBUTE and row["detail"]:
        return f"{words.name(row['candidate']).capitalize()}: {row['detail']}"
    detail = f", {row['detail']}" if row["detail"] else ""
    return f"{words.name(row['kind']).capitalize()}: {words.name(row['candidate'])}{detail}"
