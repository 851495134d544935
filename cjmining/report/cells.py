"""The cells and tables of the page, as plain values.

A table is a dict of caption, columns and rows; each cell has the `text` that a reader sees, the `value`
behind it, and where it is drawn a `chart`, so that a test can add up what the page shows. A row is a dict of
its `cells` and what it is `about`: the names of a stage, group or touchpoint, by which a reader can filter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cjmining.report import words

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]
Cell = dict[str, Any]
Line = dict[str, Any]
Table = dict[str, Any]

MOST_ROWS = 15
"""Longest table of the page; what lies beyond is counted in a last row or line."""


def make_table(id_: str, caption: str, columns: Sequence[tuple[str, str]], rows: list[Line]) -> Table:
    """Return a table without total and note; `columns` are keys and labels, `rows` are made by `line`."""
    heads = [
        {"key": key, "label": label, "numeric": any("value" in row["cells"][place] for row in rows)}
        for place, (key, label) in enumerate(columns)
    ]
    return {
        "id": id_,
        "kind": id_,
        "caption": caption,
        "columns": heads,
        "rows": rows,
        "total": None,
        "note": "",
    }


def line(cells: list[Cell], **about: Any) -> Line:  # noqa: ANN401 -- names
    """Return a row with what it is about; names that are missing are left out."""
    return {
        "cells": cells,
        "about": {key: str(name) for key, name in about.items() if not words.missing(name)},
    }


def cell(text: Any, value: Any = None) -> Cell:  # noqa: ANN401
    """Return a cell; `value` is the number that the text writes."""
    cell: Cell = {"text": str(text)}
    if not words.missing(value) and value not in {math.inf, -math.inf}:
        cell["value"] = value.item() if hasattr(value, "item") else value
    return cell


def count_cell(value: Any) -> Cell:  # noqa: ANN401
    """Return a cell with a whole number."""
    return cell(words.count(value), None if words.missing(value) else int(value))


def share_cell(value: Any) -> Cell:  # noqa: ANN401
    """Return a cell with a share as a percentage."""
    return cell(words.percent(value), value)


def part_cell(part: Any, whole: Any, min_group: int) -> Cell:  # noqa: ANN401
    """Return a cell with a share and what it is a share of, where that is enough to speak of one."""
    if words.missing(whole) or whole < max(min_group, 1):
        return cell(words.NOTHING)
    return cell(words.share_of(part, whole), part / whole)


def satisfaction_cell(mean: Any, answered: Any, min_group: int) -> Cell:  # noqa: ANN401
    """Return a cell with a mean satisfaction and how many answers it is of."""
    return answered_cell(words.NOTHING if words.missing(mean) else f"{mean:.2f}", mean, answered, min_group)


def answered_cell(text: str, mean: Any, answered: Any, min_group: int) -> Cell:  # noqa: ANN401
    """Return a cell with a mean, written as `text`, and how many values it is of; few where they are."""
    if words.missing(mean) or words.missing(answered) or answered < max(min_group, 1):
        return cell("few answers" if not words.missing(answered) and answered > 0 else words.NOTHING)
    return cell(f"{text} ({words.count(answered)})", mean)


def interval_cell(
    said: str,
    middle: float,
    lower: float,
    upper: float,
    *,
    target: float | None = None,
    tone: str = "",
) -> Cell:
    """Return a cell that draws a value from 0 to 1 with its limits, and a tick at what was aimed at.

    Parameters
    ----------
    said : str
        What the drawing shows, for those who don't see it.
    middle, lower, upper : float
        The value and its limits, from 0 to 1; limits may be missing.
    target : float, optional
        Where the tick stands.
    tone : str
        "broken", "kept" or nothing.
    """
    limits = None if words.missing(lower) or words.missing(upper) else [_at(lower), _at(upper)]
    chart = {"kind": "interval", "said": said, "at": _at(middle), "limits": limits, "tone": tone}
    return {"text": "", "chart": chart | {"target": None if target is None else _at(target)}}


def _at(share: float) -> float:
    return round(100 * float(share), 2)


def fewer(min_group: int) -> str:
    """Say of a number that it is too small to be shown."""
    return f"fewer than {min_group}"


def not_shown(more: int, small: int, what: str, min_group: int, whom: str = "journeys") -> str:
    """Say how many rows are not shown: those beyond the longest table, and those about too few."""
    said = []
    if more > 0:
        said.append(f"{words.plural(more, f'further {what}')} not shown")
    if small > 0:
        of = "of" if whom == "customers" else "in"
        said.append(f"{words.plural(small, what)} {of} fewer than {min_group} {whom} each left out")
    return f"{'; '.join(said)}." if said else ""


def of_group(table: pd.DataFrame, group: str) -> list[dict[str, Any]]:
    """Return the rows of a group, in the order of the table."""
    return rows_of(table[table["by"].astype(str) == group])


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as dicts."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
