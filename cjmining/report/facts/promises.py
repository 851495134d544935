"""What was promised: how often each promise of the map was kept, and what followed where it was not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cjmining.report import words
from cjmining.report.cells import (
    Cell,
    Row,
    Table,
    cell,
    count_cell,
    interval_cell,
    line,
    make_table,
    of_group,
    part_cell,
)
from cjmining.report.disclosure import PROMISE

if TYPE_CHECKING:
    from cjmining.conformance import Conformance

FEWEST_WEEKS = 4
"""From how many weeks on a promise's course is drawn."""

NEARLY_ALL = 0.985
"""From which share kept on (what reads as 99 %) a broken promise to everyone is told apart from others."""

_WEEK = 7 * 86_400


def enough(row: Row, min_group: int) -> bool:
    """Say whether a promise was measured often enough, in enough journeys, to speak of a share."""
    journeys = row["journeys_kept"] + row["journeys_broken"]
    return bool(row["measured"] >= max(min_group, 1) and journeys >= min_group)


def kept_for_nearly_all(row: Row) -> bool:
    """Say whether a promise to everyone was broken, but seldom: a single time is enough to break it."""
    return bool(row["verdict"] == "broken" and row["target"] >= 1 and row["share_kept"] >= NEARLY_ALL)


def how_seldom_broken(row: Row) -> str:
    """Say how often a promise to everyone was not kept.

    Examples
    --------
    >>> times = {"measured": 1751, "kept": 1749, "measure": "within", "at_least": None, "at_most": 1_209_600}
    >>> how_seldom_broken(times)
    '2 of 1,751 later than 14 d'
    >>> how_seldom_broken(times | {"measure": "satisfaction", "at_least": 0.6, "at_most": None})
    '2 of 1,751 times'
    """
    often = f"{words.count(row['measured'] - row['kept'])} of {words.count(row['measured'])}"
    if row["measure"] not in _TOO_LONG or words.missing(row["at_most"]) or not words.missing(row["at_least"]):
        return f"{often} times"
    return f"{often} {_TOO_LONG[row['measure']]} than {words.duration(row['at_most'])}"


_TOO_LONG = {"within": "later", "response_s": "later", "wait_s": "longer", "duration_s": "longer"}


def promises_in_words(rows: Sequence[Row], min_group: int) -> str:
    """Say how many promises were kept and how many broken; empty where the map makes none.

    Examples
    --------
    >>> kept = {"measured": 50, "journeys_kept": 40, "journeys_broken": 2, "verdict": "kept"}
    >>> broken = kept | {"verdict": "broken", "target": 0.9, "share_kept": 0.7}
    >>> promises_in_words([kept, broken, kept | {"measured": 3}], 10)
    'Of 3 promises of the map, 1 was kept, 1 was clearly broken and 1 was measured fewer than 10 times.'
    >>> promises_in_words([broken, broken | {"target": 1.0, "share_kept": 0.998}], 10)
    'Of 2 promises of the map, 1 was clearly broken and 1 was for everyone and kept for nearly all (99.8 %).'
    """
    if not rows:
        return ""
    measured = [row for row in rows if enough(row, min_group)]
    few = len(rows) - len(measured)
    nearly = [row["share_kept"] for row in measured if kept_for_nearly_all(row)]
    verdicts = [row["verdict"] for row in measured]
    parts = [
        (verdicts.count("kept"), "kept"),
        (verdicts.count("broken") - len(nearly), "clearly broken"),
        (len(nearly), f"for everyone and kept for nearly all ({_from_to(nearly)})"),
        (len(verdicts) - verdicts.count("kept") - verdicts.count("broken"), "measured too seldom to tell"),
        (few, f"measured fewer than {min_group} times" if min_group > 1 else "never measured"),
    ]
    said = [
        f"{words.count(number)} {'was' if number == 1 else 'were'} {what}" for number, what in parts if number
    ]
    return f"Of {words.plural(len(rows), 'promise')} of the map, {words.several(said)}."


def _from_to(shares: Sequence[float]) -> str:
    """Write the smallest and the largest of shares; once where they read alike."""
    ends = [words.percent(end(shares, default=1.0)) for end in (min, max)]
    return ends[0] if ends[0] == ends[1] else words.limits(min(shares), max(shares))


def promise_tables(check: Conformance, group: str, min_group: int) -> list[Table]:
    """Return the table of a group's promises, and how often each was kept on each channel."""
    rows = of_group(check.expectations, group)
    if not rows:
        return []
    tables = [
        _promises(check, rows, group, min_group),
        _by_channel(check, group, min_group),
        _followed(check, rows, min_group),
    ]
    return [table for table in tables if table["rows"]]


def _promises(check: Conformance, rows: Sequence[Row], group: str, min_group: int) -> Table:
    columns = [
        ("promise", "Promise"),
        ("stage", "Stage"),
        ("kept_drawn", "Share kept, drawn (tick: share promised)"),
        ("share_kept", "Kept (95 % limits)"),
        ("measured", "Times measured"),
        ("target", "Promised for"),
        ("verdict", "Verdict"),
        ("median", "Median"),
        ("p90", "90 % up to"),
        ("weeks", "Week by week"),
    ]
    weeks = _by_promise(of_group(check.expectations_by_week, group))
    cells = [
        line(_promise_cells(row, _course(row, weeks.get(_key(row), []), min_group), min_group), **_about(row))
        for row in rows
    ]
    if not any("chart" in row["cells"][-1] for row in cells):
        columns, cells = columns[:-1], [row | {"cells": row["cells"][:-1]} for row in cells]
    table = make_table("promises", "Promises: how often each was kept", columns, cells)
    table["note"] = _not_measured(rows)
    return table


def _about(row: Row) -> dict[str, Any]:
    return {"stage": row["stage"], "touchpoint": row["touchpoint"] or None}


def _promise_cells(row: Row, course: Cell, min_group: int) -> list[Cell]:
    named = [cell(words.promise(row)), cell(row["stage"])]
    if not enough(row, min_group):
        few = cell("never measured" if row["measured"] == 0 else "measured too seldom")
        nothing = [cell(words.NOTHING) for _ in range(3)]
        return [*named, cell(""), few, cell(words.NOTHING), share_promised(row), *nothing, course]
    kept = words.percent(row["share_kept"], row["lower"], row["upper"])
    nearly = kept_for_nearly_all(row)
    tone = "" if nearly else row["verdict"]
    verdict = f"not for everyone: {how_seldom_broken(row)}" if nearly else row["verdict"] or words.NOTHING
    drawn = interval_cell(
        f"Kept {kept}, promised {words.percent(row['target'])}",
        row["share_kept"],
        row["lower"],
        row["upper"],
        target=row["target"],
        tone=tone,
    )
    return [
        *named,
        drawn,
        cell(kept, row["share_kept"]) | {"tone": tone},
        count_cell(row["measured"]),
        share_promised(row),
        cell(verdict) | {"tone": tone},
        cell(words.measure(row["measure"], row["median"]), row["median"]),
        cell(words.measure(row["measure"], row["p90"]), row["p90"]),
        course,
    ]


def share_promised(row: Row) -> Cell:
    """Return for which share the promise was made."""
    return cell(words.promised(row["target"]), row["target"])


def _not_measured(rows: Sequence[Row]) -> str:
    """Say where the touchpoint happened without the measure, and where its time isn't over yet."""
    said = []
    for column, what in (
        ("unmeasured", "Times not measured"),
        ("not_due", "Times not due yet when the data end"),
    ):
        parts = [
            f"{words.name(row['touchpoint'] or row['stage'])} {words.count(row[column])}"
            for row in rows
            if row[column] > 0
        ]
        if parts:
            said.append(f"{what}: {words.several(parts, most=6)}.")
    return " ".join(said)


def _followed(check: Conformance, rows: Sequence[Row], min_group: int) -> Table:
    """Return how many dropped out after a broken promise and after a kept one, where both are enough."""
    horizon = words.days(check.intended.horizon)
    columns = [
        ("promise", "Promise"),
        ("stage", "Stage"),
        ("dropped_when_broken", "Dropped out after a broken one"),
        ("dropped_when_kept", "after a kept one"),
        ("difference", "Difference in points (95 % limits)"),
    ]
    cells = [
        line(
            [
                cell(words.promise(row)),
                cell(row["stage"]),
                part_cell(row["dropped_when_broken"], row["mature_broken"], min_group),
                part_cell(row["dropped_when_kept"], row["mature_kept"], min_group),
                cell(
                    words.points(row["difference"], row["difference_lower"], row["difference_upper"]),
                    row["difference"],
                ),
            ],
            **_about(row),
        )
        for row in rows
        if min(row["mature_kept"], row["mature_broken"]) >= max(min_group, 1)
    ]
    caption = f"What followed within {horizon} of the first time that a promise was kept or broken"
    table = make_table("promises-followed", caption, columns, cells)
    table["note"] = "What follows on a broken promise need not come of it." if cells else ""
    return table


# Week by week, and by channel


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(None if words.missing(row[name]) else row[name] for name in PROMISE)


def _by_promise(rows: Iterable[Row]) -> dict[tuple[Any, ...], list[Row]]:
    """Return the rows of each promise, in their order."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(_key(row), []).append(row)
    return found


def _course(row: Row, weeks: Sequence[Row], min_group: int) -> Cell:
    """Return a cell that draws the share kept in its weeks; empty where too few of them have enough."""
    own = [week for week in weeks if week["measured"] >= max(min_group, 1)]
    if len(own) < FEWEST_WEEKS or not enough(row, min_group):
        return cell("")
    own = sorted(own, key=lambda week: week["week"])
    first, last = own[0]["week"], own[-1]["week"]
    whole = (last - first).total_seconds()
    runs: list[list[list[float]]] = []
    before = None
    for week in own:
        if before is None or (week["week"] - before).total_seconds() > _WEEK:
            runs.append([])  # weeks without enough in between: the line breaks
        across = (week["week"] - first).total_seconds() / whole
        runs[-1].append([round(100 * across, 1), round(100 * week["share_kept"], 1)])
        before = week["week"]
    shares = [week["share_kept"] for week in own]
    said = (
        f"Share kept in {len(own)} weeks from that of {words.day(first)} to that of {words.day(last)}: "
        f"lowest {words.percent(min(shares))}, highest {words.percent(max(shares))}"
    )
    target = round(100 * float(row["target"]), 1)
    return {"text": "", "chart": {"kind": "weeks", "said": said, "runs": runs, "target": target}}


def _by_channel(check: Conformance, group: str, min_group: int) -> Table:
    """Return how often each promise was kept on each channel, for those measured on several."""
    channels = of_group(check.expectations_by_channel, group)
    measured = [row for row in channels if row["measured"] >= max(min_group, 1) and row["channel"]]
    cells = [
        line(
            [
                cell(words.promise(row)),
                cell(row["stage"]),
                cell(words.name(row["channel"])),
                cell(words.percent(row["share_kept"], row["lower"], row["upper"]), row["share_kept"]),
                count_cell(row["measured"]),
            ],
            **_about(row),
            channel=row["channel"],
        )
        for rows in _by_promise(measured).values()
        if len(rows) > 1
        for row in rows
    ]
    columns = [
        ("promise", "Promise"),
        ("stage", "Stage"),
        ("channel", "Channel"),
        ("share_kept", "Kept (95 % limits)"),
        ("measured", "Times measured"),
    ]
    return make_table("promises-by-channel", "Promises by channel", columns, cells)
