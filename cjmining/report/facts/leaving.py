"""Where and when they leave, and what goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cjmining.dropout.drivers import CLEAR, OWN, Drivers
from cjmining.dropout.exposures import ATTRIBUTE
from cjmining.dropout.incidence import WHOLE
from cjmining.dropout.scan import EVERYBODY
from cjmining.report import words
from cjmining.report.cells import (
    Row,
    Table,
    cell,
    count_cell,
    fewer,
    line,
    make_table,
    rows_of,
    share_cell,
)
from cjmining.report.findings.leaving import MOST_TOLD, clear_drivers
from cjmining.report.leaving import TOO_FEW, Leaving

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.dropout.incidence import Incidence
    from cjmining.dropout.scan import DropOutScan


MOST_PLACES = 5
"""How many places of a scan are shown, whether they stand out or not."""


MOST_DRIVERS = 8


DAY = timedelta(days=1)


LARGEST_P = 0.05
"""Up to where a place stands out, as `cj.scan` says; limits of what may be chance would be read as more."""


_ENDS = ("converted", "dropped here", "dropped elsewhere", "turned away", "under way")


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
    tables += [drivers_table(each, min_group, leaving.slugs[each.stage]) for each in leaving.why]
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
        ("excess", "More than expected (95 % limits where it stands out)"),
        ("turn", "Next step by"),
        ("p", "p, all places looked at"),
    ]
    enough = [row for row in rows_of(places.findings) if row["entered"] >= min_group]
    rows = [row for number, row in enumerate(enough) if number < MOST_PLACES or row["stands_out"]]
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
    looked_at = cell(f"All {words.plural(places.looked_at, 'place')} looked at", places.looked_at)
    table["total"] = [looked_at, *(cell("") for _ in columns[1:])]
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


def drivers_table(each: Drivers, min_group: int, slug: str) -> Table:
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
    told = clear_drivers(each, min_group)[:MOST_TOLD]
    chosen = [row for number, row in enumerate(rows) if number < MOST_DRIVERS or row in told]
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
        for row in chosen
    ]
    made = make_table(f"drivers-{slug}", each.title, columns, cells)
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
    if along:
        return f"goes along with {words.name(along)}"
    return "not explained by the others" if row["verdict"] == OWN else str(row["verdict"])


def _said(row: Row) -> str:
    if row["kind"] == ATTRIBUTE and row["detail"]:
        return f"{words.name(row['candidate']).capitalize()}: {row['detail']}"
    detail = f", {row['detail']}" if row["detail"] else ""
    return f"{words.name(row['kind']).capitalize()}: {words.name(row['candidate'])}{detail}"
