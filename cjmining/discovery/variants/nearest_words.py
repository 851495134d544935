"""What sets a journey apart from one that went well, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.discovery.words import ARROW, NOTHING, percent, plural, unmistakable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]

SAME, OTHER, LACKING, EXTRA = range(4)
"""Rows of an alignment, as `kernels.edit_distance` codes them."""


class Way(NamedTuple):
    """A variant of the wanted outcome, laid beside the journey."""

    codes: Codes
    journeys: int
    distance: float
    example: int
    kind: NDArray[np.int8]
    of_mine: Ints
    of_theirs: Ints
    compared: int

    @property
    def differing(self) -> int:
        """How many steps of the journey the variant doesn't have beside them."""
        return int(((self.kind == OTHER) | (self.kind == EXTRA)).sum())

    def both(self, mine: Codes) -> tuple[Codes, Codes]:
        """Return the code of each row of the alignment, of the journey and of the variant; -1 is none."""
        return np.append(mine, np.int32(-1))[self.of_mine], np.append(self.codes, np.int32(-1))[
            self.of_theirs
        ]


def in_words(who: str, mine: Codes, way: Way, outcome: str, names: Sequence[str], *, whole: bool) -> str:
    """Say what sets a journey apart from the nearest way, and where they part for good."""
    edits = f"{way.distance:g} {'edit' if way.distance == 1 else 'edits'}"
    of = f"the way of {plural(way.journeys, f'{outcome} journey')}"
    beginning = "" if whole else "the beginning of "
    parts = [f"{who} is {edits} from {beginning}{of} ({joined(way.codes, names)})."]
    parts += far(mine, way)
    parts += _differences(mine, way, names)
    parts.append(_parting(mine, way, names))
    return " ".join(parts)


def far(mine: Codes, way: Way) -> list[str]:
    """Say so where the nearest way isn't near: where more than half of the journey's steps differ."""
    if 2 * way.differing <= len(mine):
        return []
    of = f"{way.differing:,} of the journey's {plural(len(mine), 'step')}"
    return [f"The nearest isn't near: {of} ({percent(way.differing / len(mine))}) differ."]


def _differences(mine: Codes, way: Way, names: Sequence[str]) -> list[str]:
    own, theirs = way.both(mine)
    told = []
    for kind, words, codes in ((LACKING, "It lacks", theirs), (EXTRA, "It has too much", own)):
        here = codes[way.kind == kind]
        if len(here):
            told.append(f"{words}: {', '.join(_counted(here, names))}.")
    exchanged = way.kind == OTHER
    if exchanged.any():
        pairs = zip(own[exchanged].tolist(), theirs[exchanged].tolist(), strict=True)
        told.append(f"It has {', '.join(f'{names[a]} instead of {names[b]}' for a, b in pairs)}.")
    return told


def _counted(codes: Codes, names: Sequence[str]) -> list[str]:
    """Name steps in order, each once, with how often."""
    number = Counter(names[code] for code in codes.tolist())
    return [name if n == 1 else f"{name} ({n} times)" for name, n in number.items()]


def _parting(mine: Codes, way: Way, names: Sequence[str]) -> str:
    same = np.flatnonzero(way.kind == SAME)
    after, own, theirs = "from the start", 0, 0
    if len(same):
        own, theirs = int(way.of_mine[same[-1]]) + 1, int(way.of_theirs[same[-1]]) + 1
        after = f"after {names[mine[own - 1]]} (step {own})"
    on = names[way.codes[theirs]] if theirs < len(way.codes) else ""
    this = names[mine[own]] if own < len(mine) else ""
    if on:
        return f"They part {after}: they went on to {on}, this one {f'to {this}' if this else 'ended there'}."
    return f"They part {after}: they ended there, this one went on to {this}." if this else "Both end alike."


def joined(codes: Codes, names: Sequence[str]) -> str:
    """Return the name of a sequence: its steps joined by " > "."""
    return ARROW.join(names[code] for code in codes.tolist()) or unmistakable(NOTHING, names)
