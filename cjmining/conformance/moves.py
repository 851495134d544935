"""Every move of the alignments as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cjmining.conformance.scan import Part, Scan, moves_of
from cjmining.conformance.tables import category

if TYPE_CHECKING:
    from cjmining.log import Block

MOVES = ("synchronous", "log only", "map only")


def moves(scan: Scan) -> pd.DataFrame:
    """Align all journeys and write their moves down, block by block."""
    tables = [_moves_in(scan, block) for block in scan.blocks]
    return pd.concat(tables, ignore_index=True)


def _moves_in(scan: Scan, block: Block) -> pd.DataFrame:
    """Return the moves of a block, by journey and position."""
    parts = [_moves_of_part(scan, part) for part in scan.parts(block)]
    if len(parts) == 1:
        return parts[0]
    return pd.concat(parts).sort_values(["journey", "position"], ignore_index=True)


def _moves_of_part(scan: Scan, part: Part) -> pd.DataFrame:
    aligned, event = moves_of(part)
    edge, plan = aligned.edge, part.plan
    lengths = np.diff(aligned.offsets)
    kind = np.where(edge < 0, 1, np.where(event < 0, 2, 0))
    stage = np.where(edge >= 0, plan.facts.edge_stage[edge], -1)
    planned = plan.symbol_label[plan.facts.edge_symbol[edge]]
    happened = scan.columns.touchpoint[np.maximum(event, 0)]
    return pd.DataFrame(
        {
            "journey": np.repeat(part.journey_numbers, lengths),
            "position": np.arange(len(edge)) - np.repeat(aligned.offsets[:-1], lengths),
            "move": category(kind, MOVES),
            "stage": category(stage + 1, ("", *plan.intended.stage_names)),
            "touchpoint": category(np.where(edge >= 0, planned, happened), plan.labels),
            "event": event,
        }
    )
