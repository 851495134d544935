"""Every move of the alignments: as a table, or as files for logs whose moves are too many for one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import pandas as pd

from cjmining.conformance.reading import Part, Reading, moves_of
from cjmining.conformance.tables import category
from cjmining.engine.local import map_blocks
from cjmining.errors import LogError

if TYPE_CHECKING:
    from cjmining.log import Block

MOVES = ("synchronous", "log only", "map only")


def moves(reading: Reading) -> pd.DataFrame:
    """Align all journeys and write their moves down, block by block."""
    tables = [_moves_in(reading, block) for block in reading.blocks]
    return pd.concat(tables, ignore_index=True)


def write_moves(reading: Reading, folder: str | Path) -> Path:
    """Align all journeys and write their moves into a folder, one Parquet file a block.

    Parameters
    ----------
    reading : Reading
        The log and its plans.
    folder : str or Path
        Where; it must not exist, or be empty. It gets its name when all files are written, so that nobody
        reads half of them.

    Returns
    -------
    Path
        The folder, with `moves-00000.parquet` and so on; columns as those of `moves`.

    Raises
    ------
    LogError
        If the folder is a file, or there is something in it.
    """
    path = Path(folder).absolute()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise LogError(
            f"{path} {'is not empty' if path.is_dir() else 'is a file'}: moves are written into a folder of "
            "their own; name one that does not exist yet, or empty it first"
        )
    draft = path.with_name(f".{path.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    numbered = list(enumerate(reading.blocks))
    map_blocks(lambda each: _write_block(reading, draft, *each), numbered, engine=reading.log.engine)
    if path.exists():
        path.rmdir()
    return draft.rename(path)


def _write_block(reading: Reading, folder: Path, number: int, block: Block) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(_moves_in(reading, block), preserve_index=False)
    path = folder / f"moves-{number:05d}.parquet"
    unfinished = path.with_suffix(f".{uuid4().hex}")  # several may write the same, of which one fails
    pq.write_table(table, unfinished, compression="zstd")
    unfinished.replace(path)


def _moves_in(reading: Reading, block: Block) -> pd.DataFrame:
    """Return the moves of a block, by journey and position."""
    parts = [_moves_of_part(part) for part in reading.parts(block)]
    if len(parts) == 1:
        return parts[0]
    return pd.concat(parts).sort_values(["journey", "position"], ignore_index=True)


def _moves_of_part(part: Part) -> pd.DataFrame:
    aligned, event = moves_of(part)
    edge, plan = aligned.edge, part.plan
    lengths = np.diff(aligned.offsets)
    kind = np.where(edge < 0, 1, np.where(event < 0, 2, 0))
    stage = np.where(edge >= 0, plan.facts.edge_stage[edge], -1)
    planned = plan.symbol_label[plan.facts.edge_symbol[edge]]
    own = part.columns.touchpoint
    happened = own[np.maximum(aligned.event, 0)] if len(own) else np.full(len(edge), -1, np.int32)
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
