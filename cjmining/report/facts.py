"""Facts: everything the page says, as a plain dict of texts, numbers and tables.

The template only places what stands here. Each table is a dict of caption, columns and rows; each cell has
the `text` a reader sees and the `value` behind it, so that a test can add up what the page shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from cjmining.conformance.knowledge import IDENTIFIED
from cjmining.plot.choose import map_of, significant
from cjmining.report import words
from cjmining.report.cells import (
    MOST_ROWS,
    Cell,
    Row,
    Table,
    answered_cell,
    cell,
    count_cell,
    fewer,
    line,
    make_table,
    not_shown,
    of_group,
    part_cell,
    rows_of,
    satisfaction_cell,
    share_cell,
)
from cjmining.report.contacts import channel_tables, hand_off_tables
from cjmining.report.disclosure import shown_groups
from cjmining.report.findings import deviation_sentence
from cjmining.report.leaving import Leaving, chances_table, leaving_facts
from cjmining.report.method import method_notes
from cjmining.report.natives import native_calls
from cjmining.report.promises import promise_tables, promises_in_words
from cjmining.report.sureness import sureness
from cjmining.report.views import View, views_of
from cjmining.schema import BEFORE_THE_MAP, OUTCOMES

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from cjmining.conformance import Conformance, Coverage
    from cjmining.discovery import Discovery
    from cjmining.dropout.incidence import Incidence
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

MOST_WAYS = 8
"""How many of the ways that journeys took are shown one by one."""

MOST_STEPS = 12
"""Longest way that is written out whole."""

_OUTCOME_COLUMNS = ("converted", "dropped", "turned_away", "open")
_RECORD_FATES = ("used", "superseded", "set aside", "quarantined")
_EVENT_FATES = ("kept", "joined", "withdrawn")


def gather_facts(
    log: JourneyLog,
    found: Discovery,
    check: Conformance,
    *,
    everyone: Discovery,
    coverage: Coverage,
    leaving: Leaving,
    findings: Sequence[Mapping[str, Any]],
    gone: Sequence[Mapping[str, Any]] = (),
    title: str | None,
    min_group: int,
    now: datetime,
) -> dict[str, Any]:
    """Collect what the page shows.

    Parameters
    ----------
    log, found, check, coverage
        The results; small groups are merged already (`disclosure.merge_small_groups`).
    everyone : Discovery
        What customers do, ungrouped.
    leaving : Leaving
        What is known of those who leave, beside the check.
    findings, gone : sequence of dict
        As `findings.compare_findings` returns them.
    title : str or None
        Title of the page; default is the name of the map.
    min_group : int
        Rows about fewer journeys are merged or left out.
    now : datetime
        The one moment that differs between two runs.

    Returns
    -------
    dict
        Texts, numbers, lists and dicts only.
    """
    from cjmining import __version__

    return {
        "title": title or check.intended.name,
        "map": check.intended.name,
        "version": __version__,
        "made": words.minute(now),
        "period": _period(everyone),
        "data_end": words.minute(log.data_end),
        "min_group": min_group,
        "by": None if check.by is None else words.name(check.by),
        "outcomes": outcome_cards(check.overall),
        "findings": _chapters(findings),
        "data_findings": [
            finding for finding in findings if finding["about_data"] and finding["kind"] != "knowing"
        ],
        "compared": any(finding.get("status") for finding in findings) or bool(gone),
        "gone": list(gone),
        "sureness": sureness(check, findings, min_group),
        "leaving": leaving_facts(leaving, min_group),
        "groups": [
            _group_facts(view, leaving.everyone if number == 0 else leaving.ends, number, min_group)
            for number, view in enumerate(views_of(found, check, everyone))
        ],
        "comparison": _comparison(check) if check.by is not None else None,
        "standouts": _standouts(check, min_group) if check.by is not None else None,
        "coverage": [_missing_from_log(coverage, log), _unknown_to_map(coverage, log, min_group)],
        "quality": [
            table for table in (_sources(log), _records(log), _events(log), _reasons(log)) if table["rows"]
        ],
        "fitness": _fitness(check, min_group),
        "method": method_notes(check.intended, min_group, _how_grouped(log, check.by)),
    }


def _how_grouped(log: JourneyLog, by: str | None) -> str | None:
    """Say how a journey gets its group: from its customer, or from one of its events."""
    if by is None:
        return None
    what = words.name(by)
    if by == "persona":
        return "The persona is the customer's: the first of the map whose rule fits their attributes."
    if by in log.customers.columns:
        return f"The {what} is the customer's, the same for all of their journeys."
    return (
        f"A journey's {what} is that of its first event that has one, whatever later events have; a journey "
        f"without such an event is of unknown {what}."
    )


def _period(found: Discovery) -> str:
    starts, ends = found.overview["start"].dropna(), found.overview["end"].dropna()
    if not len(starts):
        return "no events"
    return f"{words.day(starts.min())} to {words.day(ends.max())}"


_CHAPTERS = {
    "In short": ("outcomes",),
    "Where customers drop out": ("largest drop-out", "before the map"),
    "Who differs": ("stand-out", "no stand-out"),
    "Where and when more left than usual": ("place that stands out", "no place stands out"),
    "What goes with leaving": ("goes with leaving",),
    "What it puts at risk": ("drop-out place",),
    "What we promised": ("promises", "broken promise"),
    "Channels and hand-offs": ("channels", "hand-off"),
    "Against the intended map": ("deviation",),
}


def _chapters(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put the findings about customers under headings, in the order of reading."""
    chapters = [
        {"heading": heading, "findings": [finding for finding in findings if finding["kind"] in kinds]}
        for heading, kinds in _CHAPTERS.items()
    ]
    return [chapter for chapter in chapters if chapter["findings"]]


def outcome_cards(overall: Conformance) -> dict[str, Any]:
    """Return how many journeys of how many customers ended how, as the head of a page shows it."""
    row = rows_of(overall.outcomes)[0]
    total = int(row["journeys"])
    verbs = ("converted", "dropped out", "turned away", "still open")
    return {
        "journeys": words.count(total),
        "customers": words.count(row["customers"]),
        "cards": [
            {
                "outcome": outcome.replace(" ", "-"),
                "said": verb,
                "text": words.count(row[column]),
                "value": int(row[column]),
                "share": words.percent(row[column] / total) if total else words.NOTHING,
                "width": round(100 * row[column] / total, 3) if total else 0,
            }
            for outcome, verb, column in zip(OUTCOMES, verbs, _OUTCOME_COLUMNS, strict=True)
        ],
    }


# One group


def _group_facts(view: View, ends: Incidence | None, number: int, min_group: int) -> dict[str, Any]:
    check, group = view.check, view.group
    row = next(row for row in rows_of(check.outcomes) if row["by"] == group)
    promised = promises_in_words(of_group(check.expectations, group), min_group)
    after = _after_the_goal(of_group(check.stages, group))
    chances = None if ends is None else chances_table(ends, group, min_group, after_goal=after)
    where = [_stages(check, group, min_group), chances, _dropouts(check, group, row, min_group)]
    chapters = [
        _chapter("Where they end", [table for table in where if table is not None]),
        _chapter("What we promised", promise_tables(check, group, min_group), promised),
        _chapter("Channels side by side", channel_tables(check, group, min_group)),
        _chapter("Hand-offs", hand_off_tables(check, group, min_group), _ON_HAND_OFFS),
        _chapter("Against the intended map", [_deviations(check, group, min_group)]),
        _chapter("At other patiences, and of identified customers", [_sensitivity(check, group, min_group)]),
    ]
    chapters = [chapter for chapter in chapters if chapter["tables"]]
    intended = map_of(check.intended, check.by, group)
    discovered = [] if view.found is None else _discovered(view.found, intended, group, min_group)
    journeys = words.plural(int(row["journeys"]), "journey")
    for table in (*(table for chapter in chapters for table in chapter["tables"]), *discovered):
        table["id"] = f"{table['id']}-{number}"
    return {
        "id": f"group-{number}",
        "group": group,
        "name": words.name_of(group, check.by),
        "about": f"{journeys} of {words.plural(int(row['customers']), 'customer')}",
        "chapters": chapters,
        "discovered": discovered,
    }


_ON_HAND_OFFS = (
    "Where a matter went from one channel to another, or from one owner to the next, and the time in "
    "between. Says it again: at that stage or touchpoint the customer's last contact was on another channel."
)


def _chapter(heading: str, tables: list[Table], intro: str = "") -> dict[str, Any]:
    return {"heading": heading, "intro": intro, "tables": tables}


def _stages(check: Conformance, group: str, min_group: int) -> Table:
    horizon = words.days(check.intended.horizon)
    columns = [
        ("stage", "Stage"),
        ("entered", "Entered"),
        ("continued", "Went on"),
        ("converted", "Converted"),
        ("dropped", "Dropped out"),
        ("turned_away", "Turned away"),
        ("open", "Open"),
        ("mature", f"Followed for {horizon}"),
        ("dropped_within_horizon", f"of these dropped out within {horizon}"),
        ("drop_out_share", f"Drop-out within {horizon} (95 % limits)"),
        ("median_s", "Median time in it"),
        ("satisfaction", "Satisfaction (answers)"),
    ]
    rows = [line(_stage_cells(row, min_group), stage=row["stage"]) for row in of_group(check.stages, group)]
    table = make_table("stages", "Stages: who entered, who went on and who left", columns, rows)
    after = _after_the_goal(of_group(check.stages, group))
    if after:
        table["note"] = (
            f"{words.several(after)}: planned after the goal. Journeys that went on there had converted "
            "before; they are counted as converted where they reached the goal."
        )
    return table


def _after_the_goal(stages: Sequence[Row]) -> list[str]:
    """Name the stages after the goal: entered, yet none ends there, and earlier ones converted."""
    ends = ("converted", "dropped", "turned_away", "open")
    inside = [row for row in stages if row["stage"] != BEFORE_THE_MAP]
    return [
        str(row["stage"])
        for place, row in enumerate(inside)
        if row["entered"]
        and not any(row[end] for end in ends)
        and any(earlier["converted"] for earlier in inside[:place])
    ]


def _stage_cells(row: Row, min_group: int) -> list[Cell]:
    counts = ("entered", "continued", "converted", "dropped", "turned_away", "open")
    if 0 < row["entered"] < min_group:
        return [cell(row["stage"]), cell(fewer(min_group)), *[cell(words.NOTHING) for _ in range(10)]]
    enough = row["mature"] >= min_group
    return [
        cell(row["stage"]),
        *[count_cell(row[column]) for column in counts],
        count_cell(row["mature"]) if enough or row["mature"] == 0 else cell(fewer(min_group)),
        count_cell(row["dropped_within_horizon"]) if enough else cell(words.NOTHING),
        cell(words.percent(row["drop_out_share"], row["lower"], row["upper"]), row["drop_out_share"])
        if enough
        else cell(words.NOTHING),
        cell(words.duration(row["median_s"]), row["median_s"]),
        satisfaction_cell(row["satisfaction"], row["satisfaction_answered"], min_group),
    ]


def _dropouts(check: Conformance, group: str, outcome: Row, min_group: int) -> Table:
    columns = [
        ("stage", "Stage"),
        ("touchpoint", "Last touchpoint"),
        ("turn", "Next step by"),
        ("journeys", "Drop-outs"),
        ("share_of_dropped", "Share of drop-outs"),
        ("value_at_risk", "Value at risk (limits)"),
    ]
    rows = sorted(of_group(check.dropouts, group), key=lambda row: -row["journeys"])
    shown = [row for row in rows if row["journeys"] >= min_group][:MOST_ROWS]
    rest = [row for row in rows if row not in shown]
    cells = [
        line(
            [
                cell(row["stage"]),
                cell(words.name(row["touchpoint"])),
                cell(words.name(row["turn"]) or words.NOTHING),
                count_cell(row["journeys"]),
                share_cell(row["share_of_dropped"]),
                cell(
                    words.money_range(
                        row["value_at_risk"],
                        row["value_at_risk_lower"],
                        row["value_at_risk_upper"],
                        row["currency"],
                    ),
                    row["value_at_risk"],
                ),
            ],
            stage=row["stage"],
            touchpoint=row["touchpoint"],
        )
        for row in shown
    ]
    if rest:
        left = sum(int(row["journeys"]) for row in rest)
        cells.append(
            line(
                [
                    cell(f"{words.plural(len(rest), 'other place')}"),
                    cell(words.NOTHING),
                    cell(words.NOTHING),
                    count_cell(left),
                    share_cell(left / outcome["dropped"]),
                    cell(words.NOTHING),
                ]
            )
        )
    table = make_table(
        "dropouts", "Drop-outs: where journeys ended, and what that puts at risk", columns, cells
    )
    table["total"] = [cell("All"), cell(""), cell(""), count_cell(outcome["dropped"]), cell(""), cell("")]
    return table


def _deviations(check: Conformance, group: str, min_group: int) -> Table:
    columns = [
        ("said", "What differed"),
        ("type", "Type"),
        ("journeys", "Journeys"),
        ("share_of_journeys", "Share of journeys"),
        ("share_of_journeys_there", "Share of those there"),
        ("channels", "On channel"),
        ("converted_with", "Converted"),
        ("converted_without", "Others converted"),
        ("difference", "Difference in points (95 % limits)"),
        ("q", "q"),
        ("median_s_with", "Half converted within"),
        ("median_s_without", "Others within"),
    ]
    rows = sorted(of_group(check.deviations, group), key=lambda row: -row["journeys"])
    enough = [row for row in rows if row["journeys"] >= min_group]
    channels = _channels_of_deviations(check, group, min_group)
    cells = [
        line(
            [
                cell(f"{deviation_sentence(row)[:1].upper()}{deviation_sentence(row)[1:]}"),
                cell(row["type"]),
                count_cell(row["journeys"]),
                share_cell(row["share_of_journeys"]),
                part_cell(row["journeys"], row["journeys_there"], min_group),
                cell(channels.get(_deviation_key(row), words.NOTHING)),
                *_with_and_without(row, min_group),
            ],
            stage=row["stage"],
            touchpoint=row["touchpoint"],
            type=row["type"],
        )
        for row in enough[:MOST_ROWS]
    ]
    table = make_table("deviations", "Deviations: what differed from the intended map", columns, cells)
    left = not_shown(len(enough) - len(cells), len(rows) - len(enough), "deviation", min_group)
    table["note"] = " ".join(filter(None, [_ON_DEVIATIONS if cells else "", left]))
    return table


_ON_DEVIATIONS = (
    "Others: journeys without the deviation that came as far. What goes with a deviation need not come of it."
)


def _with_and_without(row: Row, min_group: int) -> list[Cell]:
    """Return how journeys with a deviation ended beside those without, where both are enough."""
    mature = (row["mature_with"], row["mature_without"])
    if any(words.missing(journeys) or journeys < max(min_group, 1) for journeys in mature):
        return [cell(words.NOTHING) for _ in range(6)]
    difference = cell(words.points(row["difference"], row["lower"], row["upper"]), row["difference"])
    medians = [
        cell(words.duration(row[f"median_s_{side}"]), row[f"median_s_{side}"])
        if row[f"converted_{side}"] >= max(min_group, 1)
        else cell(words.NOTHING)
        for side in ("with", "without")
    ]
    return [
        part_cell(row["converted_with"], row["mature_with"], min_group),
        part_cell(row["converted_without"], row["mature_without"], min_group),
        difference | {"tone": "significant"} if significant(row) else difference,
        cell(_q(row["q"]), row["q"]),
        *medians,
    ]


def _deviation_key(row: Row) -> tuple[str, ...]:
    return (str(row["type"]), str(row["stage"]), str(row["touchpoint"]))


def _channels_of_deviations(check: Conformance, group: str, min_group: int) -> dict[tuple[str, ...], str]:
    """Say on which channels each deviation happened, in how many journeys; those of too few are left out."""
    said: dict[tuple[str, ...], list[str]] = {}
    rows = of_group(check.deviations_by_channel, group)
    for row in sorted(rows, key=lambda row: (-row["journeys"], row["channel"])):
        if row["channel"] and row["journeys"] >= min_group:
            named = f"{words.name(row['channel'])} {words.count(row['journeys'])}"
            said.setdefault(_deviation_key(row), []).append(named)
    return {key: ", ".join(channels) for key, channels in said.items()}


def _sensitivity(check: Conformance, group: str, min_group: int) -> Table:
    said = {"half": "Half the patience", "as stated": "Patience as stated", "double": "Twice the patience"}
    by_stage: dict[str, dict[str, Row]] = {}
    for row in of_group(check.sensitivity, group):
        by_stage.setdefault(row["stage"], {})[row["patience"]] = row
    if (check.overall.knowledge["attribute"] == IDENTIFIED).any():
        said["identified"] = "Identified customers alone"
        for row in of_group(check.identified, group):
            by_stage.setdefault(row["stage"], {})["identified"] = row
    columns = [("stage", "Stage"), *said.items()]
    rows = [
        line(
            [cell(stage), *[_sensitive_cell(of_stage.get(patience), min_group) for patience in said]],
            stage=stage,
        )
        for stage, of_stage in by_stage.items()
    ]
    horizon = words.days(check.intended.horizon)
    return make_table(
        "sensitivity",
        f"Drop-out within {horizon} (95 % limits; how many could be followed; rank)",
        columns,
        rows,
    )


def _sensitive_cell(row: Row | None, min_group: int) -> Cell:
    if row is None or row["mature"] < min_group or words.missing(row["drop_out_share"]):
        return cell(words.NOTHING)
    rank = "" if words.missing(row.get("rank")) or row["rank"] == 0 else f", rank {row['rank']:.0f}"
    share = words.percent(row["drop_out_share"], row["lower"], row["upper"])
    return cell(f"{share} of {words.count(row['mature'])}{rank}", row["drop_out_share"])


def _discovered(found: Discovery, intended: IntendedMap, group: str, min_group: int) -> list[Table]:
    """What the customers do, as counted without judging it by the map."""
    return [
        _ways(found, intended, group, min_group),
        _touchpoints(found, intended, group, min_group),
        _transitions(found, intended, group, min_group),
    ]


def _ways(found: Discovery, intended: IntendedMap, group: str, min_group: int) -> Table:
    columns = [("variant", "Way"), ("journeys", "Journeys"), ("share_of_journeys", "Share of journeys")]
    planned = frozenset(intended.touchpoint_names)
    ways: Counter[tuple[str, ...]] = Counter()
    mine = found.variants[found.variants["by"].astype(str) == group]
    for variant, journeys in zip(mine["variant"], mine["journeys"], strict=True):
        ways[_way(str(variant), planned)] += int(journeys)
    total = ways.total()
    shown = [(way, number) for way, number in ways.most_common(MOST_WAYS) if number >= min_group]
    cells = [
        line([cell(_in_words(way)), count_cell(number), share_cell(number / total)]) for way, number in shown
    ]
    left = total - sum(number for _, number in shown)
    if left:
        others = words.plural(len(ways) - len(shown), "other way")
        cells.append(line([cell(others), count_cell(left), share_cell(left / total)]))
    table = make_table("variants", "Ways: the most frequent orders of the map's touchpoints", columns, cells)
    table["total"] = [cell("All"), count_cell(total), cell("")]
    table["note"] = "Repetitions at once and touchpoints that are not on the map are left out of the ways."
    return table


def _way(variant: str, planned: frozenset[str]) -> tuple[str, ...]:
    """Reduce a variant to the map's touchpoints in the order in which they came, repetitions once."""
    steps = [step for step in variant.split(" > ") if step in planned]
    return tuple(step for step, _ in groupby(steps))


def _in_words(way: tuple[str, ...]) -> str:
    steps = [words.name(step) for step in way] or ["nothing on the map"]
    if len(steps) > MOST_STEPS:
        half = MOST_STEPS // 2
        steps = [*steps[:half], f"({len(steps) - 2 * half} more)", *steps[-half:]]
    return " → ".join(steps)


def _touchpoints(found: Discovery, intended: IntendedMap, group: str, min_group: int) -> Table:
    columns = [
        ("touchpoint", "Touchpoint"),
        ("journeys", "Journeys"),
        ("count", "Events"),
        ("channels", "Channels"),
        ("wait_s_mean", "Mean wait (measured)"),
        ("satisfaction_mean", "Satisfaction (answers)"),
    ]
    seen = [row for row in of_group(found.touchpoints, group) if row["touchpoint"] not in intended.ignore]
    stage_of = stages_of_touchpoints(intended)
    rows = sorted(seen, key=lambda row: -row["journeys"])
    enough = [row for row in rows if row["journeys"] >= min_group]
    cells = [
        line(
            [
                cell(words.name(row["touchpoint"])),
                count_cell(row["journeys"]),
                count_cell(row["count"]),
                cell(row["channels"] or words.NOTHING),
                answered_cell(
                    words.duration(row["wait_s_mean"]), row["wait_s_mean"], row["wait_s_answered"], min_group
                ),
                satisfaction_cell(row["satisfaction_mean"], row["satisfaction_answered"], min_group),
            ],
            stage=stage_of.get(row["touchpoint"]),
            touchpoint=row["touchpoint"],
        )
        for row in enough[: 2 * MOST_ROWS]
    ]
    table = make_table("touchpoints", "Touchpoints: what happened, where, and how it was", columns, cells)
    table["note"] = not_shown(len(enough) - len(cells), len(rows) - len(enough), "touchpoint", min_group)
    return table


def stages_of_touchpoints(intended: IntendedMap) -> dict[str, str]:
    """Return the stage of each touchpoint that the map plans in one stage alone."""
    planned: dict[str, set[str]] = {}
    for stage in intended.stages:
        for touchpoint in stage.touchpoints:
            planned.setdefault(touchpoint.touchpoint, set()).add(stage.stage)
    return {touchpoint: next(iter(stages)) for touchpoint, stages in planned.items() if len(stages) == 1}


def _transitions(found: Discovery, intended: IntendedMap, group: str, min_group: int) -> Table:
    columns = [
        ("from_touchpoint", "From"),
        ("to_touchpoint", "Directly to"),
        ("count", "Times"),
        ("journeys", "Journeys"),
        ("share_of_from", "Share of all steps from there"),
        ("median_s", "Median time"),
        ("p90_s", "90 % within"),
    ]
    ends = ("from_touchpoint", "to_touchpoint")
    stage_of = stages_of_touchpoints(intended)
    seen = [
        row
        for row in of_group(found.transitions, group)
        if not any(row[end] in intended.ignore for end in ends)
    ]
    rows = sorted(seen, key=lambda row: -row["count"])
    enough = [row for row in rows if row["journeys"] >= min_group]
    cells = [
        line(
            [
                cell(words.name(row["from_touchpoint"])),
                cell(words.name(row["to_touchpoint"])),
                count_cell(row["count"]),
                count_cell(row["journeys"]),
                share_cell(row["share_of_from"]),
                cell(words.duration(row["median_s"]), row["median_s"]),
                cell(words.duration(row["p90_s"]), row["p90_s"]),
            ],
            stage=stage_of.get(row["from_touchpoint"]),
            touchpoint=row["from_touchpoint"],
        )
        for row in enough[:MOST_ROWS]
    ]
    table = make_table("transitions", "Transitions: what follows what", columns, cells)
    table["note"] = not_shown(len(enough) - len(cells), len(rows) - len(enough), "transition", min_group)
    return table


# Groups side by side


def _comparison(check: Conformance) -> Table:
    by = check.by or ""
    columns = [
        ("by", words.name(by).capitalize()),
        ("customers", "Customers"),
        ("journeys", "Journeys"),
        ("converted", "Converted"),
        ("dropped", "Dropped out"),
        ("turned_away", "Turned away"),
        ("open", "Open"),
    ]
    rows = [
        line(_outcome_cells(words.name_of(row["by"], check.by), row), group=row["by"])
        for row in rows_of(check.outcomes)
    ]
    table = make_table(
        "outcomes", f"Outcomes: how the journeys of each {words.name(by)} ended", columns, rows
    )
    table["total"] = _outcome_cells("Everyone", rows_of(check.overall.outcomes)[0])
    left = len(check.groups) - len(shown_groups(check))
    if left:
        table["note"] = (
            f"The {len(check.groups) - left} groups with most journeys have sentences and pictures of their "
            f"own, the other {left} have not."
        )
    return table


def _outcome_cells(name: str, row: Row) -> list[Cell]:
    total = row["journeys"]
    shares = [
        cell(
            f"{words.count(row[column])} ({words.percent(row[column] / total)})" if total else "0",
            row[column],
        )
        for column in _OUTCOME_COLUMNS
    ]
    return [cell(name), count_cell(row["customers"]), count_cell(total), *shares]


def _fitness(check: Conformance, min_group: int) -> Table:
    columns = [
        ("by", words.name(check.by).capitalize() if check.by else ""),
        ("journeys", "Journeys aligned"),
        ("fitness", "Fitness of all their steps"),
        ("mean_fitness", "Mean of journeys"),
        ("perfect", "Follow the map exactly"),
    ]
    views = [(check.overall, words.EVERYONE)]
    views += [(check, group) for group in check.groups] if check.by is not None else []
    found = [(of_group(view.fitness, group), words.name_of(group, view.by)) for view, group in views]
    rows = [
        line(
            [
                cell(name),
                count_cell(row["journeys"]),
                cell(f"{row['fitness']:.2f}", row["fitness"]),
                cell(f"{row['mean_fitness']:.2f}", row["mean_fitness"]),
                part_cell(row["perfect"], row["journeys"], min_group),
            ],
            group=row["by"],
        )
        for of_view, name in found
        for row in of_view
        if row["journeys"] >= max(min_group, 1)
    ]
    return make_table("fitness", "Fitness: how closely journeys follow the map, from 0 to 1", columns, rows)


def _standouts(check: Conformance, min_group: int) -> Table:
    by, horizon = words.name(check.by), words.days(check.intended.horizon)
    columns = [
        ("by", by.capitalize()),
        ("stage", "Stage"),
        ("share", f"Drop-out within {horizon}"),
        ("mature", "Followed"),
        ("rest_share", "The others"),
        ("rest_mature", "Others followed"),
        ("risk_ratio", "Times as often (95 % limits)"),
        ("q", "q"),
        ("stands_out", "Stands out"),
    ]
    rows = [
        row
        for row in rows_of(check.standouts)
        if row["mature"] >= min_group
        and row["rest_mature"] >= min_group
        and not words.missing(row["risk_ratio"])
    ]
    cells = [
        line(
            [
                cell(words.name_of(row["by"], check.by)),
                cell(row["stage"]),
                share_cell(row["share"]),
                count_cell(row["mature"]),
                share_cell(row["rest_share"]),
                count_cell(row["rest_mature"]),
                _ratio_cell(row),
                cell(_q(row["q"]), row["q"]),
                cell("yes" if row["stands_out"] else "no"),
            ],
            group=row["by"],
            stage=row["stage"],
        )
        for row in sorted(rows, key=lambda row: (not row["stands_out"], row["q"]))
    ]
    return make_table("standouts", f"Each {by} against all others, stage by stage", columns, cells)


def _ratio_cell(row: Row) -> Cell:
    """Return a cell with the ratio of two shares; where one is nothing its limits say nothing of it."""
    if not 0 < row["risk_ratio"] < float("inf"):
        return cell(words.NOTHING)
    return cell(words.times(row["risk_ratio"], row["lower"], row["upper"]), row["risk_ratio"])


def _q(q: Any) -> str:  # noqa: ANN401
    if words.missing(q):
        return words.NOTHING
    return "<0.001" if q < 0.001 else f"{q:.3f}"


# What map and log do not share


def _missing_from_log(coverage: Coverage, log: JourneyLog) -> Table:
    columns = [("stage", "Stage"), ("touchpoint", "Touchpoint"), ("recorded", "Expected in a system")]
    missing = rows_of(coverage.missing_from_log)
    calls = native_calls(log, [row["touchpoint"] for row in missing])
    rows = [
        line(
            [
                cell(row["stage"]),
                cell(words.name(row["touchpoint"])),
                cell("yes" if row["recorded"] else "no"),
            ],
            stage=row["stage"],
            touchpoint=row["touchpoint"],
        )
        for row in missing
    ]
    if calls:
        columns.append(("called", "What the log calls it"))
        for row, cells in zip(missing, rows, strict=True):
            called = [words.quoted(touchpoint) for touchpoint in calls.get(row["touchpoint"], ())]
            native = f"the log calls native {row['touchpoint']} {words.several(called)}"
            cells["cells"].append(cell(native if called else ""))
    table = make_table("missing-from-log", "On the map, never in the log", columns, rows)
    table["note"] = "" if rows else "Every touchpoint of the map occurs in the log."
    return table


def _unknown_to_map(coverage: Coverage, log: JourneyLog, min_group: int) -> Table:
    columns = [
        ("source", "Source"),
        ("native", "Native event"),
        ("touchpoint", "Touchpoint"),
        ("events", "Events"),
        ("share_of_events", "Share of events"),
        ("journeys", "Journeys"),
        ("labelled", "Labelled"),
    ]
    rows = sorted(rows_of(coverage.unknown_to_map), key=lambda row: -row["events"])
    shown = [row for row in rows if row["journeys"] >= min_group][:MOST_ROWS]
    cells = [
        line(
            [
                cell(row["source"]),
                cell(row["native"]),
                cell(words.name(row["touchpoint"])),
                count_cell(row["events"]),
                share_cell(row["share_of_events"]),
                count_cell(row["journeys"]),
                cell("yes" if row["labelled"] else "no"),
            ],
            source=row["source"],
            touchpoint=row["touchpoint"],
        )
        for row in shown
    ]
    rest = [row for row in rows if row not in shown]
    if rest:
        events = sum(int(row["events"]) for row in rest)
        others = [words.plural(len(rest), "other native event"), "", ""]
        cells.append(
            line(
                [
                    *map(cell, others),
                    count_cell(events),
                    share_cell(events / max(log.n_events, 1)),
                    *map(cell, ["", ""]),
                ]
            )
        )
    table = make_table("unknown-to-map", "In the log, unknown to the map", columns, cells)
    if rows:
        every = sum(int(row["events"]) for row in rows)
        total = [count_cell(every), share_cell(every / max(log.n_events, 1))]
        table["total"] = [cell("All"), *map(cell, ["", ""]), *total, *map(cell, ["", ""])]
    table["note"] = "" if rows else "Every event of the log is on the map."
    return table


# How good the data are


def _sources(log: JourneyLog) -> Table:
    columns = [
        ("source", "Source"),
        ("kind", "Read as"),
        ("records", "Records"),
        ("first", "Covers from"),
        ("last", "until"),
        ("gaps", "Gaps"),
        ("timezone", "Times without a zone read as"),
        ("note", "Note"),
    ]
    rows = [
        line(
            [
                cell(row["source"]),
                cell(row["kind"]),
                count_cell(row["records"]),
                cell(words.NOTHING if words.missing(row["first"]) else words.minute(row["first"])),
                cell(words.NOTHING if words.missing(row["last"]) else words.minute(row["last"])),
                count_cell(0 if row["gaps"] is None else len(row["gaps"])),
                cell(_zone(row)),
                cell("" if words.missing(row["note"]) else row["note"]),
            ],
            source=row["source"],
        )
        for row in rows_of(log.sources)
    ]
    return make_table("sources", "Sources: what was read and what it covers", columns, rows)


def _zone(row: Row) -> str:
    if words.missing(row["timezone"]) or not row["timezone"]:
        return words.NOTHING
    return str(row["timezone"]) + ("" if row["timezone_given"] else " (default)")


def _records(log: JourneyLog) -> Table:
    return _fates(log.ledger, "records", _RECORD_FATES, "Records: the fate of each record read")


def _events(log: JourneyLog) -> Table:
    return _fates(
        log.ledger, "events", _EVENT_FATES, "Events: the fate of each event that the records used gave"
    )


def _fates(ledger: pd.DataFrame, what: str, fates: Sequence[str], caption: str) -> Table:
    """Sum the ledger by source: the fates add up to the total in each row, the rows to the last one."""
    columns = [("source", "Source"), ("total", "All"), *[(fate, fate.capitalize()) for fate in fates]]
    counts: dict[str, dict[str, int]] = {}
    for row in rows_of(ledger[ledger["what"] == what]):
        of_source = counts.setdefault(str(row["source"]), {})
        of_source[row["fate"]] = of_source.get(row["fate"], 0) + int(row["count"])
    rows = [
        line(
            [
                cell(source),
                count_cell(sum(of_source.values())),
                *[count_cell(of_source.get(fate, 0)) for fate in fates],
            ],
            source=source,
        )
        for source, of_source in counts.items()
    ]
    table = make_table(f"ledger-{what}", caption, columns, rows)
    if len(rows) > 1:
        sums = [sum(row["cells"][column]["value"] for row in rows) for column in range(1, len(columns))]
        table["total"] = [cell("All"), *map(count_cell, sums)]
    return table


def _reasons(log: JourneyLog) -> Table:
    columns = [
        ("source", "Source"),
        ("what", "What"),
        ("fate", "Fate"),
        ("reason", "Reason"),
        ("count", "How many"),
    ]
    ledger = log.ledger
    given = ledger[ledger["reason"].fillna("").astype(str) != ""]
    what = ["source", "what", "fate", "reason"]
    summed = given.groupby(what, sort=False, observed=True)[["count"]].sum().reset_index()
    rows = [
        line(
            [
                cell(row["source"]),
                cell(row["what"]),
                cell(row["fate"]),
                cell(row["reason"]),
                count_cell(row["count"]),
            ],
            source=row["source"],
        )
        for row in sorted(rows_of(summed), key=lambda row: -row["count"])
    ]
    table = make_table(
        "reasons", "Reasons: why records, events and links were left aside", columns, rows[: 2 * MOST_ROWS]
    )
    table["note"] = not_shown(len(rows) - 2 * MOST_ROWS, 0, "reason", 0)
    return table
