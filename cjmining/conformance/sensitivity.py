"""The headlines again at half and at twice the patience."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cjmining.conformance.plan import make_plans
from cjmining.conformance.reading import Reading, count
from cjmining.conformance.tables import Counted, stages
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

PATIENCES = {"half": 0.5, "as stated": 1.0, "double": 2.0}


def other_patiences(
    log: JourneyLog, intended: IntendedMap, by: str | None, *, resplit: bool
) -> dict[str, tuple[Reading, Counted]]:
    """Judge the same events at half and at twice the patience, split again where `resplit`."""
    found = {}
    for name, factor in PATIENCES.items():
        if factor != 1.0:
            changed = intended.with_patience(factor)
            other = log.split(changed) if resplit else log
            reading = Reading.of(other, make_plans(other, changed), by)
            found[name] = reading, Counted.of(reading, count(reading), reading.groups)
    return found


def sensitivity(by_patience: dict[str, Counted]) -> pd.DataFrame:
    """Return the drop-out of each stage under each patience; rank 1 loses the largest share of its group."""
    tables = [
        _ranked(stages(counted, with_times=False)).assign(patience=name)
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
