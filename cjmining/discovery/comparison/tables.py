"""From compared cells to tables with names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

from cjmining.discovery.comparison import words
from cjmining.discovery.comparison.read import path_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.comparison.cells import Compared
    from cjmining.discovery.comparison.groups import Chosen
    from cjmining.discovery.comparison.strata import Within
    from cjmining.discovery.comparison.words import Names

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

TABLES: Final = ("touchpoints", "transitions", "times", "paths")

VANISHES = 0.5
"""A difference of which less than this part is left, and that not clearly, is gone; one clearly is weaker."""
TURNS_AT = 0.05
COVERED = 0.5
"""Strata with both groups must have this part of either, or nothing is said of what is left within them."""


class Judged(NamedTuple):
    """The tested cells of a table, with what they are called and what was found of them."""

    table: str
    key: Ints
    compared: Compared
    q: Floats
    found: NDArray[np.bool_]
    within: dict[str, Within]
    """Of the cells found, in their order."""


def cell_names(judged: Judged, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the columns that name the cells of a table."""
    if judged.table == "touchpoints":
        return {"touchpoint": [names[code] for code in judged.key.tolist()]}
    if judged.table == "paths":
        return {"path": path_names(judged.key, names)}
    pairs = [divmod(key, len(names)) for key in judged.key.tolist()]
    return {
        "from_touchpoint": [names[one] for one, _ in pairs],
        "to_touchpoint": [names[other] for _, other in pairs],
    }


_MEASURES: Mapping[str, tuple[str, str]] = {
    "touchpoints": ("journeys", "share_of_journeys"),
    "transitions": ("count", "share_of_from"),
    "paths": ("journeys", "share_of_journeys"),
    "times": ("count", "median_s"),
}


def table(judged: Judged, names: Sequence[str], *, wide: bool = False) -> pd.DataFrame:
    """Return a table, those first that are surest to differ; `wide` adds what sentences tell besides."""
    found = judged.compared
    named = cell_names(judged, names)
    columns: dict[str, Any] = {name: pd.Series(values, dtype="str") for name, values in named.items()}
    columns["customers"] = found.customers.astype(np.int64)
    columns |= _of_side(judged, 0, wide=wide) | _of_side(judged, 1, wide=wide) | _differences(judged)
    columns |= {"p": found.p, "q": judged.q, "turns_within": _turns_within(judged)}
    frame = pd.DataFrame(columns)
    if wide:
        return frame.assign(least_difference=_least(found), effect=found.effect)
    return frame.iloc[_order(found, list(zip(*named.values(), strict=True)))].reset_index(drop=True)


def _of_side(judged: Judged, side: int, *, wide: bool) -> dict[str, Any]:
    found, letter = judged.compared, "ab"[side]
    count, estimate = _MEASURES[judged.table]
    columns: dict[str, Any] = {f"{count}_{letter}": found.hits[:, side].astype(np.int64)}
    if judged.table == "transitions":
        columns[f"leaving_{letter}"] = found.n[:, side].astype(np.int64)
    columns[f"{estimate}_{letter}"] = found.estimate[:, side]
    if wide:
        columns[f"n_{letter}"] = found.n[:, side].astype(np.int64)
        columns[f"lower_{letter}"] = found.estimate_lower[:, side]
        columns[f"upper_{letter}"] = found.estimate_upper[:, side]
    return columns


def _differences(judged: Judged) -> dict[str, Any]:
    found = judged.compared
    names = ("difference", "lower", "upper")
    if judged.table == "times":
        names = ("longer_by_s", "lower_s", "upper_s")
    columns = dict(zip(names, (found.difference, found.lower, found.upper), strict=True))
    columns["ratio"] = found.ratio
    if judged.table == "times":
        columns["probability_longer"] = (found.effect + 1) / 2
        columns["probability_lower"] = (found.effect_lower + 1) / 2
        columns["probability_upper"] = (found.effect_upper + 1) / 2
    return columns


def _least(found: Compared) -> Floats:
    """Return the limit of the difference that is nearest to none; 0 where the limits hold none."""
    least: Floats = np.maximum(found.effect_lower, 0.0) + np.minimum(found.effect_upper, 0.0)
    return least


def _order(found: Compared, texts: Sequence[tuple[str, ...]]) -> Ints:
    keys = list(zip((-np.abs(_least(found))).tolist(), found.p.tolist(), texts, strict=True))
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)


def _turns_within(judged: Judged) -> pd.Series[str]:
    texts = np.full(len(judged.key), "", dtype=object)
    verdicts = {name: verdict(judged, within) for name, within in judged.within.items()}
    for place, at in enumerate(np.flatnonzero(judged.found).tolist()):
        misled = [name for name, each in verdicts.items() if each[place] in words.MISLEADS]
        texts[at] = ", ".join(misled)
    return pd.Series(texts, dtype="str")


def verdict(judged: Judged, within: Within) -> list[str]:
    """Say of each found cell what becomes of its difference where the groups are held alike."""
    crude = judged.compared.effect[judged.found]
    rows = zip(crude.tolist(), *(column.tolist() for column in _scaled(judged, within)), strict=True)
    return [_verdict(*row) for row in rows]


def _scaled(judged: Judged, within: Within) -> Within:
    """Bring differences of mean ranks to the scale of `effect`."""
    if judged.table != "times":
        return within
    return within._replace(weighted=2 * within.weighted, lower=2 * within.lower, upper=2 * within.upper)


def _verdict(crude: float, weighted: float, lower: float, upper: float, turns: float, covered: float) -> str:
    if not covered >= COVERED:
        return words.APART
    if crude * weighted < 0:
        return words.REVERSED
    smaller = abs(weighted) < VANISHES * abs(crude)
    if smaller and lower <= 0 <= upper:
        return words.GONE
    if turns < TURNS_AT:
        return words.TURNS
    return words.WEAKER if smaller else words.SAME


_FINDINGS = {
    "rank": "int64",
    "table": "str",
    "what": "str",
    "sentence": "str",
    "customers": "int64",
    "difference": "float64",
    "least_difference": "float64",
    "p": "float64",
    "q": "float64",
    "turns_within": "str",
}
_STRATA = {
    "table": "str",
    "what": "str",
    "attribute": "str",
    "customers": "int64",
    "difference": "float64",
    "weighted_difference": "float64",
    "lower": "float64",
    "upper": "float64",
    "covered_share": "float64",
    "p": "float64",
    "verdict": "str",
}


class Told(NamedTuple):
    """The findings over all tables, and what becomes of each in strata."""

    findings: pd.DataFrame
    strata: pd.DataFrame


def told(all_judged: Sequence[Judged], names: Sequence[str], groups: Names) -> Told:
    """Tell what was found, over all tables, those first that are surest to differ."""
    findings = [(row, strata) for judged in all_judged for row, strata in _told_of(judged, names, groups)]
    findings.sort(key=lambda told: _rank_key(told[0]))
    rows = [row | {"rank": rank} for rank, (row, _) in enumerate(findings, 1)]
    within = [
        {key: row[key] for key in ("table", "what", "customers", "difference")} | stratum
        for row, strata in findings
        for stratum in sorted(strata, key=lambda stratum: str(stratum["attribute"]))
    ]
    return Told(frame(rows, _FINDINGS), frame(within, _STRATA))


Row = dict[str, Any]


def _told_of(judged: Judged, names: Sequence[str], groups: Names) -> Iterator[tuple[Row, list[Row]]]:
    """Yield each finding of a table with what is left of it within each attribute."""
    wide = table(judged, names, wide=True)[judged.found].to_dict("records")
    named = list(cell_names(judged, names))
    strata = {name: _stratified(judged, within) for name, within in judged.within.items()}
    for place, found in enumerate(wide):
        row: Row = {str(key): value for key, value in found.items()}
        row |= {"table": judged.table, "what": " > ".join(row[name] for name in named)}
        mine = [{"attribute": name, "table": judged.table} | each[place] for name, each in strata.items()]
        told = [words.sentence(judged.table, row, groups)]
        told += [words.warning(each) for each in mine if each["verdict"] in words.MISLEADS]
        yield row | {"difference": row["effect"], "sentence": "; ".join(told)}, mine


def _rank_key(row: Row) -> tuple[float, float, int, str]:
    return -abs(row["least_difference"]), row["p"], TABLES.index(row["table"]), row["what"]


def _stratified(judged: Judged, within: Within) -> list[Row]:
    columns = ("weighted_difference", "lower", "upper", "p", "covered_share")
    values = [column.tolist() for column in _scaled(judged, within)]
    rows = zip(*values, verdict(judged, within), strict=True)
    return [dict(zip((*columns, "verdict"), row, strict=True)) for row in rows]


def overview(chosen: Chosen) -> pd.DataFrame:
    """Return the sizes of both groups."""
    of = [chosen.sides.side == side for side in (0, 1)]
    is_open = [pd.NA, pd.NA] if chosen.open_journeys is None else chosen.open_journeys.tolist()
    return pd.DataFrame(
        {
            "side": pd.Series(["a", "b"], dtype="str"),
            "group": pd.Series([chosen.a, chosen.b], dtype="str"),
            "journeys": np.array([int(each.sum()) for each in of]),
            "customers": np.array([len(np.unique(chosen.sides.customer[each])) for each in of]),
            "open": pd.array(is_open, dtype="Int64"),
        }
    )


def cells(all_judged: Sequence[Judged], n_cells: Mapping[str, int]) -> pd.DataFrame:
    """Return how many cells of each table occur, were tested and found."""
    rows = [
        {
            "table": judged.table,
            "cells": n_cells[judged.table],
            "tested": len(judged.key),
            "left_out": n_cells[judged.table] - len(judged.key),
            "found": int(judged.found.sum()),
        }
        for judged in all_judged
    ]
    return frame(rows, {"table": "str"} | dict.fromkeys(("cells", "tested", "left_out", "found"), "int64"))


def frame(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Build a table whose columns have their types also where it is empty."""
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in columns.items()}
    )
