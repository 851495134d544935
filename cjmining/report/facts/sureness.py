"""How sure the headlines are: at other patiences, among identified customers, and what knowing depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from cjmining.conformance.knowledge import CONVERTED_ROW, IDENTIFIED
from cjmining.conformance.sensitivity import PATIENCES, ranking
from cjmining.report import words
from cjmining.report.cells import Cell, Row, Table, cell, fewer, line, make_table, rows_of
from cjmining.report.disclosure import shown_groups
from cjmining.report.findings.dropouts import leading_stage, silence_never_counts

if TYPE_CHECKING:
    from cjmining.conformance import Conformance
    from cjmining.intended import IntendedMap

MOST_ATTRIBUTES = 4
"""How many attributes have a column in the table of who is known, besides being identified."""


def sureness(
    check: Conformance, findings: Sequence[Mapping[str, Any]], min_group: int
) -> list[dict[str, Any]]:
    """Return what is to be known of the headlines before one relies on them.

    Parameters
    ----------
    check : Conformance
        Its small groups are merged already.
    findings : sequence of dict
        What is said on the page; the sentence on what knowing depends on is taken from here.
    min_group : int
        Nothing is said about fewer journeys.

    Returns
    -------
    list of dict
        `heading`, `said` (sentences), `findings` and `table` (or None): on other patiences, on identified
        customers alone, and on who is known.
    """
    leaders = _leaders(check, min_group)
    knowing = [finding for finding in findings if finding["kind"] == "knowing"]
    chapters = [
        _chapter("At another patience", _on_silence(), None)
        if silence_never_counts(check.intended)
        else _chapter(
            "At another patience",
            [*_on_patience(leaders), *_on_horizon(check.intended)],
            _leading(check, leaders),
        ),
        _chapter("Identified customers alone", _on_identified(check.overall, min_group)),
        _chapter("Who is known", _on_knowing(check, knowing), _known(check, min_group))
        | {"findings": knowing},
    ]
    return [each for each in chapters if each["said"] or each["findings"] or each["table"]]


def _chapter(heading: str, said: list[str], table: Table | None = None) -> dict[str, Any]:
    return {
        "heading": heading,
        "said": said,
        "findings": [],
        "table": table if table is not None and table["rows"] else None,
    }


class _Leaders(NamedTuple):
    """The stage that loses the largest share of a group; by patience and among identified customers."""

    group: str
    by: str | None
    ranked: Row
    by_patience: dict[str, Row | None]
    identified: Row | None


def _leaders(check: Conformance, min_group: int) -> list[_Leaders]:
    views = [(check.overall, words.EVERYONE)]
    views += [(check, group) for group in shown_groups(check)] if check.by is not None else []
    found = []
    for view, group in views:
        own = view.sensitivity[view.sensitivity["by"].astype(str) == group]
        for ranked in rows_of(ranking(own, fewest=min_group)):
            by_patience = {
                patience: leading_stage(own[own["patience"] == patience], group, min_group)
                for patience in PATIENCES
            }
            identified = leading_stage(view.identified, group, min_group)
            found.append(_Leaders(group, view.by, ranked, by_patience, identified))
    return found


def _on_patience(leaders: Sequence[_Leaders]) -> list[str]:
    """Say whether the ranking of the stages holds at other patiences: for all journeys, then by group."""
    said = [_of_everyone(each.ranked) for each in leaders if each.by is None]
    held, moved = (
        [
            words.journeys_of(each.group, each.by)
            for each in leaders
            if each.by and each.ranked["holds"] == holds
        ]
        for holds in (True, False)
    )
    if held and moved:
        said.append(f"The ranking holds for {words.several(held)}, but not for {words.several(moved)}.")
    elif held or moved:
        all_of_them = words.several(held or moved)
        said.append(f"The ranking {'holds' if held else 'does not hold'} for {all_of_them}.")
    return [" ".join(said)] if said else []


def _on_silence() -> list[str]:
    return ["Silence never counts as having left under this map, so nothing rests on how long it is."]


def _on_horizon(intended: IntendedMap) -> list[str]:
    """Say where twice the patience leaves little of the horizon: ranks may change for that reason alone."""
    patience, horizon = intended.patience, intended.horizon
    if not isinstance(patience, timedelta) or horizon >= 3 * patience:
        return []
    left = horizon - 2 * patience
    within = (
        f"fell silent within {words.days(left)} of entering" if left > timedelta(0) else "left by an exit"
    )
    said = (
        f"At twice the patience ({words.days(2 * patience)}) only who {within} counts as dropped out within "
        f"the horizon of {words.days(horizon)}: a change of ranks may come from that alone. A longer horizon "
        "in the map tells."
    )
    return [said]


def _of_everyone(ranked: Row) -> str:
    stage, others = ranked["leads"], {"half": ranked["leads_at_half"], "twice": ranked["leads_at_double"]}
    silent = [patience for patience, leader in others.items() if not leader]
    if silent:
        return (
            f"At {words.several(silent)} the patience too few journeys could be followed to rank the stages."
        )
    moved = [f"at {patience} the patience {leader}" for patience, leader in others.items() if leader != stage]
    if moved:
        return (
            "Which stage loses the largest share of all journeys rests on the patience: as stated it is "
            f"{stage}, {words.several(moved)}."
        )
    text = f"At half and at twice the patience, {stage} still loses the largest share of all journeys"
    changed = max(ranked["changed_at_half"], ranked["changed_at_double"])
    if changed:
        return (
            f"{text}, but {words.plural(changed, 'pair')} of stages that were clearly apart changed places."
        )
    return f"{text}, and no two stages that were clearly apart change places."


def _on_identified(overall: Conformance, min_group: int) -> list[str]:
    """Hold the headline of everyone against that of identified customers, where these are only some."""
    everyone = leading_stage(overall.stages, words.EVERYONE, min_group)
    if everyone is None or not (overall.knowledge["attribute"] == IDENTIFIED).any():
        return []
    stage, horizon = everyone["stage"], words.days(overall.intended.horizon)
    own = next((row for row in rows_of(overall.identified) if row["stage"] == stage), None)
    if own is None or own["mature"] < max(min_group, 1):
        return ["Too few journeys are of identified customers to speak of these alone."]
    text = (
        f"Of {words.plural(own['mature'], 'journey')} of identified customers at {stage}, {_share(own)} "
        f"dropped out there within {horizon}; of all {words.count(everyone['mature'])} it was "
        f"{_share(everyone)}."
    )
    leader = leading_stage(overall.identified, words.EVERYONE, min_group)
    if leader is not None and leader["stage"] != stage:
        text += f" Among the identified, {leader['stage']} loses the largest share: {_share(leader)}."
    return [text + _on_identifying(overall, min_group)]


def _share(row: Row) -> str:
    return words.percent(row["drop_out_share"], row["lower"], row["upper"])


def _on_identifying(overall: Conformance, min_group: int) -> str:
    """Say whether being identified itself depends on how far a journey came."""
    table = overall.knowledge
    depends = [
        row
        for row in rows_of(table[(table["attribute"] == IDENTIFIED) & table["depends"]])
        if row["journeys"] >= min_group
    ]
    if not depends:
        return " Nothing shows that being identified depends on how far a journey came."
    worst = max(depends, key=lambda row: abs(row["difference"]) * row["journeys"])
    low = "low" if worst["difference"] < 0 else "high"
    here = words.share_of(worst["known"], worst["journeys"])
    further = f"{words.percent(worst['share_further'])} of {words.count(worst['journeys_further'])}"
    return (
        f" But being identified depends on how far a journey came: {further} that came further than "
        f"{worst['furthest_stage']} are of identified customers, but {here} that did not. Their drop-out "
        f"there comes out too {low}."
    )


def _on_knowing(check: Conformance, told: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say that nothing shows a dependence, where what journeys are grouped by is not always known."""
    if told or not (check.knowledge["attribute"] == check.by).any():
        return []
    what = words.name(check.by)
    return [f"Nothing shows that it depends on how far a journey came whether the {what} is known."]


def _leading(check: Conformance, leaders: Sequence[_Leaders]) -> Table:
    with_identified = any(each.identified is not None for each in leaders)
    columns = [
        ("by", "" if check.by is None else words.name(check.by).capitalize()),
        ("half", "Half the patience"),
        ("as_stated", "Patience as stated"),
        ("double", "Twice the patience"),
        *([("identified", "Identified customers alone")] if with_identified else []),
        ("holds", "Ranking holds"),
    ]
    rows = [
        line(
            [
                cell(words.name_of(each.group, each.by)),
                *[
                    _leader_cell(row, each.ranked["leads"])
                    for row in [
                        *each.by_patience.values(),
                        *([each.identified] if with_identified else []),
                    ]
                ],
                cell("yes") if each.ranked["holds"] else cell("no") | {"tone": "significant"},
            ],
            group=each.group,
        )
        for each in leaders
    ]
    horizon = words.days(check.intended.horizon)
    table = make_table(
        "leading", f"The stage that loses the largest share within {horizon} (95 % limits)", columns, rows
    )
    table["columns"] = [column | {"numeric": False} for column in table["columns"]]
    return table


def _leader_cell(row: Row | None, stated: str) -> Cell:
    """Return a cell with the stage that leads; it is marked where that is another than as stated."""
    if row is None:
        return cell(words.NOTHING)
    found = cell(f"{row['stage']} {_share(row)}", row["drop_out_share"])
    return found if row["stage"] == stated else found | {"tone": "significant"}


def _known(check: Conformance, min_group: int) -> Table:
    """Show by how far journeys came of whom what is known; only where something depends on it."""
    rows = rows_of(check.knowledge)
    attributes = list(dict.fromkeys(row["attribute"] for row in rows))
    shown = [name for name in attributes if name != IDENTIFIED][:MOST_ATTRIBUTES]
    shown += [IDENTIFIED] if IDENTIFIED in attributes else []
    columns = [
        ("furthest_stage", "How far journeys came"),
        ("journeys", "Journeys"),
        *[(f"known_{number}", _heading(name)) for number, name in enumerate(shown)],
    ]
    by_stage: dict[str, dict[str, Row]] = {}
    for row in rows if any(row["depends"] for row in rows) else []:
        by_stage.setdefault(row["furthest_stage"], {})[row["attribute"]] = row
    cells = [
        line(
            [
                cell("Converted" if stage == CONVERTED_ROW else f"Not beyond {stage}"),
                *_known_cells([of_stage[name] for name in shown], min_group),
            ],
            stage=None if stage == CONVERTED_ROW else stage,
        )
        for stage, of_stage in by_stage.items()
    ]
    table = make_table("known", "Of whom what is known, by how far their journeys came", columns, cells)
    if cells:
        table["note"] = (
            "Bold: clearly another share than of the journeys that came further, and enough to move drop-out "
            "there by 5 points between the known and the others. Open journeys are left out."
        )
    return table


def _heading(attribute: str) -> str:
    return "Identified" if attribute == IDENTIFIED else f"{words.name(attribute).capitalize()} known"


def _known_cells(rows: Sequence[Row], min_group: int) -> list[Cell]:
    journeys = rows[0]["journeys"]
    if journeys < min_group:
        return [cell(fewer(min_group)), *[cell(words.NOTHING) for _ in rows]]
    shares = [cell(words.percent(row["share"]), row["share"]) for row in rows]
    told = [
        each | {"tone": "significant"} if row["depends"] else each
        for each, row in zip(shares, rows, strict=True)
    ]
    return [cell(words.count(journeys), int(journeys)), *told]
