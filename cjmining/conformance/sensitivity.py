"""The headlines again at half and at twice the patience, and whether the ranking of the stages holds."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from cjmining.conformance.finding import count, together
from cjmining.conformance.plan import make_plans
from cjmining.conformance.reading import Reading
from cjmining.conformance.tables import EVERYBODY, Counted, frame, stages
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

PATIENCES = {"half": 0.5, "as stated": 1.0, "double": 2.0}

FEWEST_RANKED = 10
"""A stage takes part in the ranking where at least so many of its journeys could be followed."""


class OtherPatience(NamedTuple):
    """The sums at another patience: by group, and with all journeys as one."""

    by_group: Counted
    as_one: Counted


def other_patiences(
    log: JourneyLog, intended: IntendedMap, by: str | None, *, resplit: bool
) -> dict[str, OtherPatience]:
    """Judge the same events at half and at twice the patience, split again where `resplit`.

    What journeys are tagged with goes over: see `split_again`.
    """
    found = {}
    for name, factor in PATIENCES.items():
        if factor != 1.0:
            changed = intended.with_patience(factor)
            other = split_again(log, changed) if resplit else log
            reading = Reading.of(other, make_plans(other, changed), by)
            sums = count(reading)
            found[name] = OtherPatience(
                Counted.of(reading, sums, reading.groups),
                Counted.of(reading, together(reading, sums), EVERYBODY),
            )
    return found


def split_again(log: JourneyLog, intended: IntendedMap) -> JourneyLog:
    """Split a log in another way, and tag each journey as the one was that its first event was in.

    A journey that falls apart gives its tags to each piece; where several become one, the first of them does.
    """
    other = log.split(intended)
    if not log.tags:
        return other
    before = pa.array(np.searchsorted(log.bounds, other.bounds[:-1], side="right") - 1)
    return replace(other, _tags={name: column.take(before) for name, column in log._tags.items()}, _cache={})


def sensitivity(by_patience: dict[str, Counted]) -> pd.DataFrame:
    """Return the drop-out of each stage under each patience; rank 1 loses the largest share of its group."""
    tables = [
        _ranked(stages(counted)).assign(patience=name)
        for name in PATIENCES
        if (counted := by_patience.get(name)) is not None
    ]
    columns = ["by", "stage", "patience", "mature", "drop_out_share", "lower", "upper", "rank"]
    return pd.concat(tables, ignore_index=True)[columns]


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Rank the map's stages of each group by drop-out, the earlier first at equal shares; 0 is no rank."""
    share = table["drop_out_share"].where(table["stage"] != BEFORE_THE_MAP)
    rank = share.groupby(table["by"], sort=False).rank(method="first", ascending=False)
    return table.assign(rank=rank.fillna(0).astype("int64"))


def ranking(table: pd.DataFrame, *, fewest: int = FEWEST_RANKED) -> pd.DataFrame:
    """Return for each group whether the ranking of the stages by drop-out holds at other patiences.

    A stage takes part where at least `fewest` mature journeys entered it under both patiences that are
    compared. Two stages are clearly apart where their limits as stated don't overlap; such a pair has changed
    where the other one loses the larger share at half or at twice the patience.

    Parameters
    ----------
    table : pandas.DataFrame
        As `sensitivity` returns it.
    fewest : int
        Journeys.

    Returns
    -------
    pandas.DataFrame
        by, leads (the stage that loses the largest share as stated), leads_at_half, leads_at_double ("" where
        too few could be followed), tau_at_half, tau_at_double (Kendall's tau-a of the shares with those as
        stated; NaN for fewer than two stages), clear_pairs (of stages, as stated), changed_at_half,
        changed_at_double, holds (the same stage leads at all three, and no clear pair changed). Groups in
        which no stage loses anybody have no row, nor have those in which fewer than two stages could be
        followed: there is nothing to rank.

    References
    ----------
    Kendall (1938), doi:10.1093/biomet/30.1-2.81.
    """
    rows = []
    for by, own in table[table["stage"] != BEFORE_THE_MAP].groupby("by", sort=False, observed=True):
        enough = own[own["mature"] >= max(fewest, 1)]
        found = {name: _by_stage(enough[enough["patience"] == name]) for name in PATIENCES}
        leader = _leader(found["as stated"])
        if leader and len(found["as stated"]) > 1:
            rows.append({"by": str(by), **_compared(found, leader)})
    return frame(rows, _RANKING_COLUMNS)


_RANKING_COLUMNS = {
    **dict.fromkeys(("by", "leads", "leads_at_half", "leads_at_double"), "text"),
    **dict.fromkeys(("tau_at_half", "tau_at_double"), "float"),
    **dict.fromkeys(("clear_pairs", "changed_at_half", "changed_at_double"), "int"),
    "holds": "bool",
}
_Stages = dict[str, dict[str, Any]]
"""The rows of a group under one patience, by stage."""


def _by_stage(table: pd.DataFrame) -> _Stages:
    return {
        str(row["stage"]): {str(name): value for name, value in row.items()}
        for row in table.to_dict("records")
    }


def _compared(found: Mapping[str, _Stages], leader: str) -> dict[str, Any]:
    stated = found["as stated"]
    clear = [(a, b) for a, b in combinations(stated, 2) if _apart(stated[a], stated[b])]
    row: dict[str, Any] = {"leads": leader, "clear_pairs": len(clear)}
    for name in ("half", "double"):
        other = found[name]
        row[f"leads_at_{name}"] = _leader(other)
        row[f"tau_at_{name}"] = _tau(stated, other)
        row[f"changed_at_{name}"] = sum(_agreement(stated, other, pair) < 0 for pair in clear)
    same = row["leads_at_half"] == row["leads_at_double"] == leader
    return row | {"holds": same and not row["changed_at_half"] and not row["changed_at_double"]}


def _leader(found: _Stages) -> str:
    """Name the stage that loses the largest share, the earlier of equals; "" where none loses anybody."""
    losing = [row for row in found.values() if row["drop_out_share"] > 0]
    return str(max(losing, key=lambda row: float(row["drop_out_share"]))["stage"]) if losing else ""


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(one["lower"] > other["upper"] or other["lower"] > one["upper"])


def _tau(stated: _Stages, other: _Stages) -> float:
    pairs = list(combinations([stage for stage in stated if stage in other], 2))
    return sum(_agreement(stated, other, pair) for pair in pairs) / len(pairs) if pairs else float("nan")


def _agreement(stated: _Stages, other: _Stages, pair: Sequence[str]) -> int:
    """Return 1 where both patiences order two stages alike, -1 where they differ, 0 for ties or too few."""
    if not all(stage in other for stage in pair):
        return 0
    one, two = (_order(shares, *pair) for shares in (stated, other))
    return one * two


def _order(shares: _Stages, a: str, b: str) -> int:
    first, second = shares[a]["drop_out_share"], shares[b]["drop_out_share"]
    return int(first > second) - int(first < second)
