"""The intended map as arrays: a finite automaton without silent steps, as the alignment kernel walks it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int32]


class Automaton(NamedTuple):
    """Edges of a finite automaton, each carrying one touchpoint, in written order.

    A state is how far a journey has come: the stage it is in, the touchpoint done last there (inside an
    `any` stage the set of touchpoints done), and whether the goal has been passed. What may be skipped is
    compiled away by further edges, so that nothing here is silent or free: taking an edge without an event
    means that its touchpoint is missing. No state is marked as final: a converted journey may end in any
    state with `goal_passed`, any other in any state without.

    Attributes
    ----------
    symbols : tuple of str
        The touchpoints of the map, in written order, each once. `edge_symbol` counts into it.
    n_states : int
        Number of states, 1 to 256; states are numbered from 0.
    start : int
        The state before the map, always 0.
    edge_from, edge_to, edge_symbol, edge_stage : int32 arrays, one number an edge
        Sorted by `edge_from`, then by written order: what goes on inside the stage as listed there, then the
        stages in `next` as listed, then those in `returns_to`. `edge_stage` is the stage of the touchpoint
        reached. Inside an `any` stage, edges into one state may carry different touchpoints.
    edge_group : int32 array, one number an edge
        The stage where the edge is one of a `choice`, so that a missing one is "one of a, b"; else -1.
    edge_returns : bool array, one value an edge
        Whether the edge is a way back only: a repeat, or an entry by `returns_to`. All others lead on, also
        those by a `next` that names a stage written earlier.
    edge_recorded : bool array, one value an edge
        Whether a system sees the touchpoint; what none sees is never missing.
    goal_passed : bool array, one value a state
        Whether the goal has been passed; once passed it stays so.
    """

    symbols: tuple[str, ...]
    n_states: int
    start: int
    edge_from: Codes
    edge_to: Codes
    edge_symbol: Codes
    edge_stage: Codes
    edge_group: Codes
    edge_returns: npt.NDArray[np.bool_]
    edge_recorded: npt.NDArray[np.bool_]
    goal_passed: npt.NDArray[np.bool_]
