"""Which groups drop out more, or less, than the others at a stage, with the comparisons counted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cjmining.conformance.tables import frame
from cjmining.kernels.stages import DROPPED_SOON, MATURE
from cjmining.schema import UNKNOWN
from cjmining.stats import benjamini_hochberg, compare_shares, design_effect

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.conformance.tables import Counted

LARGEST_Q = 0.005
FEWEST_DROPPED = 10


def standouts(counted: Counted) -> pd.DataFrame:
    """Hold each known group against the rest of the known groups, at every stage.

    Journeys whose group is unknown are left out on both sides: whether an attribute is known often depends on
    how far somebody came (only buyers tell their birth year), so they leave more often whoever they are. Only
    mature journeys count: those that entered at least horizon and patience before the data ends. Several
    journeys of one customer say less than as many of different ones: limits and p allow for it by the design
    effect of customers. p is Fisher's exact one, q Benjamini and Hochberg's over all groups and stages
    compared. A group stands out where q is below 0.005, at least 10 journeys of the group dropped, and the
    limits of the risk ratio leave out 1. It is an association, not a cause.
    """
    known = [g for g, name in counted.groups.items() if name != UNKNOWN]
    rows = [
        _row(counted, g, [other for other in known if other != g], row)
        for g in (known if len(known) > 1 else ())
        for row in range(1, len(counted.stage_names))
    ]
    for row, q in zip(rows, benjamini_hochberg([row["p"] for row in rows]).tolist(), strict=True):
        row["q"] = q
        away = not row["lower"] <= 1 <= row["upper"] and not math.isnan(row["risk_ratio"])
        row["stands_out"] = q < LARGEST_Q and row["dropped_within_horizon"] >= FEWEST_DROPPED and away
    return frame(rows, _COLUMNS)


_COLUMNS = {
    "by": "text",
    "stage": "text",
    "mature": "int",
    "dropped_within_horizon": "int",
    "share": "float",
    "rest_mature": "int",
    "rest_share": "float",
    "risk_ratio": "float",
    "lower": "float",
    "upper": "float",
    "p": "float",
    "q": "float",
    "stands_out": "bool",
}


def _row(counted: Counted, g: int, rest: list[int], row: int) -> dict[str, Any]:
    counts, clusters = counted.sums.counts[:, row], counted.sums.clusters[:, row]
    mature, dropped = int(counts[g, MATURE]), int(counts[g, DROPPED_SOON])
    rest_mature, rest_dropped = int(counts[rest, MATURE].sum()), int(counts[rest, DROPPED_SOON].sum())
    share, rest_share = dropped / max(mature, 1), rest_dropped / max(rest_mature, 1)
    found = compare_shares(
        dropped,
        mature,
        rest_dropped,
        rest_mature,
        effect=design_effect(mature, clusters[g], share),
        other_effect=design_effect(rest_mature, clusters[rest].sum(axis=0), rest_share),
    )
    return {
        "by": counted.groups[g],
        "stage": counted.stage_names[row],
        "mature": mature,
        "dropped_within_horizon": dropped,
        "share": share if mature else math.nan,
        "rest_mature": rest_mature,
        "rest_share": rest_share if rest_mature else math.nan,
        **found._asdict(),
    }
