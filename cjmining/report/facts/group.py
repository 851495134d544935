"""One group: its chapters of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cjmining.plot.choose import map_of
from cjmining.report import words
from cjmining.report.cells import (
    Table,
    of_group,
    rows_of,
)
from cjmining.report.facts.contacts import channel_tables, hand_off_tables
from cjmining.report.facts.deviations import deviations_table
from cjmining.report.facts.discovered import discovered_tables
from cjmining.report.facts.ends import after_the_goal, dropouts_table, sensitivity_table, stages_table
from cjmining.report.facts.head import cards_of
from cjmining.report.facts.leaving import chances_table
from cjmining.report.facts.promises import promise_tables, promises_in_words

if TYPE_CHECKING:
    from cjmining.report.groundwork import View


def group_facts(view: View, slug: str, number: int, min_group: int) -> dict[str, Any]:
    """Return what the page shows of one group; `number` is its place among those to switch between."""
    check, group = view.check, view.group
    row = next(row for row in rows_of(check.outcomes) if row["by"] == group)
    promised = promises_in_words(of_group(check.expectations, group), min_group)
    after = after_the_goal(of_group(check.stages, group))
    chances = None if view.ends is None else chances_table(view.ends, group, min_group, after_goal=after)
    where = [stages_table(check, group, min_group), chances, dropouts_table(check, group, row, min_group)]
    chapters = [
        _chapter("Where they end", [table for table in where if table is not None]),
        _chapter("What we promised", promise_tables(check, group, min_group), promised),
        _chapter("Channels side by side", channel_tables(check, group, min_group)),
        _chapter("Hand-offs", hand_off_tables(check, group, min_group), _ON_HAND_OFFS),
        _chapter("Against the intended map", [deviations_table(check, group, min_group)]),
        _chapter(
            "At other patiences, and of identified customers", [sensitivity_table(check, group, min_group)]
        ),
    ]
    chapters = [chapter for chapter in chapters if chapter["tables"]]
    intended = map_of(check.intended, check.by, group)
    discovered = discovered_tables(view, intended, min_group)
    journeys = words.plural(int(row["journeys"]), "journey")
    for table in (*(table for chapter in chapters for table in chapter["tables"]), *discovered):
        table["id"] = f"{table['id']}-{number}"
    return {
        "id": f"group-{number}",
        "slug": slug,
        "group": group,
        "name": words.name_of(group, check.by),
        "about": f"{journeys} of {words.plural(int(row['customers']), 'customer')}",
        "outcomes": cards_of(row, words.name_of(group, check.by)),
        "chapters": chapters,
        "discovered": discovered,
    }


_ON_HAND_OFFS = (
    "Where a matter went from one channel to another, or from one owner to the next, and the time in "
    "between. Second contact on the matter: at that stage or touchpoint the customer's last contact was on "
    "another channel."
)


def _chapter(heading: str, tables: list[Table], intro: str = "") -> dict[str, Any]:
    return {"heading": heading, "intro": intro, "tables": tables}
