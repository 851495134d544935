"""From the parts of a pattern to a finite automaton: a state for each place that an event can take.

The construction is Glushkov's, with an arrow on each edge: no silent steps, so that bounds of time and of
what lies between always hold for two events. An arrow belongs to the part after it and falls away with that
part where the part is optional; at the beginning it falls away with the part before it.

References
----------
Glushkov (1961), doi:10.1070/RM1961v016n05ABEH004112.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.errors import LogError
from cjmining.patterns.nodes import FOREVER, Arrow, Cells, Choice, Node, Repeat, Sequence, Step, tell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.kernels.patterns import Columns, Machine
    from cjmining.log import Block, JourneyLog
    from cjmining.patterns.grammar import Read

States = tuple[int, ...]

MOST_STATES: Final = 62
"""States are the bits of a signed number."""


class Part(NamedTuple):
    """What of a pattern is built: states that it may begin and end with, whether it may be left out."""

    firsts: States
    lasts: States
    optional: bool


class Plan(NamedTuple):
    """An automaton that knows no log yet.

    `items` has for each part of the pattern's outermost sequence the states that complete it, `optional`
    whether it may be left out, and `item_of` the part that each state belongs to.
    """

    steps: tuple[Step, ...]
    edges: tuple[tuple[int, int, Arrow], ...]
    whole: Part
    items: tuple[States, ...]
    optional: tuple[bool, ...]
    item_of: States


def plan(read: Read) -> Plan:
    """Build the automaton of a pattern as read."""
    builder = _Builder()
    parts = read.node.parts if isinstance(read.node, Sequence) else (read.node,)
    arrows = read.node.arrows if isinstance(read.node, Sequence) else ()
    built = []
    for number, part in enumerate(parts):
        built.append(builder.part(part))
        builder.item_of += [number] * (len(builder.steps) - len(builder.item_of))
    return Plan(
        steps=tuple(builder.steps),
        whole=builder.joined(built, arrows),
        edges=tuple(dict.fromkeys(builder.edges)),
        items=tuple(each.lasts for each in built),
        optional=tuple(each.optional for each in built),
        item_of=tuple(builder.item_of),
    )


class _Builder:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.edges: list[tuple[int, int, Arrow]] = []
        self.item_of: list[int] = []

    def part(self, node: Node) -> Part:
        if isinstance(node, Step):
            self.steps.append(node)
            if len(self.steps) > MOST_STATES:
                raise LogError(
                    f"the pattern has more than {MOST_STATES} steps, each repetition counted; "
                    "ask for fewer repetitions, or with {2,} for at least so many"
                )
            state = (len(self.steps) - 1,)
            return Part(state, state, optional=False)
        if isinstance(node, Sequence):
            return self.joined([self.part(part) for part in node.parts], node.arrows)
        if isinstance(node, Choice):
            ways = [self.part(way) for way in node.ways]
            return Part(
                tuple(state for way in ways for state in way.firsts),
                tuple(state for way in ways for state in way.lasts),
                any(way.optional for way in ways),
            )
        return self.repeated(node)

    def joined(self, parts: list[Part], arrows: tuple[Arrow, ...]) -> Part:
        whole = parts[0]
        for part, arrow in zip(parts[1:], arrows, strict=True):
            self.connect(whole.lasts, part.firsts, arrow)
            whole = Part(
                whole.firsts + (part.firsts if whole.optional else ()),
                part.lasts + (whole.lasts if part.optional else ()),
                whole.optional and part.optional,
            )
        return whole

    def repeated(self, node: Repeat) -> Part:
        """Unroll what is counted; without a limit the last copy leads back to itself."""
        copies = [self.part(node.part)]
        copies += [self.part(node.part) for _ in range((node.most or max(node.least, 1)) - 1)]
        for copy, following in itertools.pairwise(copies):
            self.connect(copy.lasts, following.firsts, node.arrow)
        if node.most is None:
            self.connect(copies[-1].lasts, copies[-1].firsts, node.arrow)
        least = 0 if copies[0].optional else node.least
        lasts = tuple(state for copy in copies[max(least, 1) - 1 :] for state in copy.lasts)
        return Part(copies[0].firsts, lasts, least == 0)

    def connect(self, sources: States, targets: States, arrow: Arrow) -> None:
        self.edges += [(source, target, arrow) for source in sources for target in targets]


class Compiled(NamedTuple):
    """An automaton in the codes of a log, and what it reads of the log."""

    machine: Machine
    bounds: NDArray[np.int64]
    time: NDArray[np.int64]
    kind: NDArray[np.int32]

    def columns(self, block: Block) -> Columns:
        """Return what is read of a block's events; its journeys and events are numbered from 0."""
        from cjmining.kernels.patterns import Columns

        return Columns(block.own_bounds(self.bounds), self.time[block.events], self.kind[block.events])


def compiled(read: Read, built: Plan, log: JourneyLog, source: str, *, allow_unknown: bool) -> Compiled:
    """Tell an automaton what the codes of a log mean.

    Raises
    ------
    LogError
        If the log lacks what the pattern asks for, unless `allow_unknown`.
    """
    from cjmining.kernels.patterns import Machine

    bars = tuple(dict.fromkeys(arrow.without for *_, arrow in built.edges if arrow.without is not None))
    asked = (*built.steps, *bars)
    cells = Cells.of(log, asked)
    if not allow_unknown:
        tell(source, [mistake for step in asked for mistake in cells.unknown(step)])
    edges = sorted(built.edges, key=lambda edge: edge[:2])
    arrows = [arrow for *_, arrow in edges]
    machine = Machine(
        wanted=_bits(cells, built.steps),
        barred=_bits(cells, bars),
        n_states=len(built.steps),
        n_bars=len(bars),
        starts=sum(1 << state for state in set(built.whole.firsts)),
        ends=sum(1 << state for state in set(built.whole.lasts)),
        edge_from=_ints(edge[0] for edge in edges),
        edge_to=_ints(edge[1] for edge in edges),
        direct=np.array([arrow.direct for arrow in arrows], dtype=np.bool_),
        after=_ints(arrow.after for arrow in arrows),
        within=_ints(arrow.within for arrow in arrows),
        bar=_ints(-1 if arrow.without is None else bars.index(arrow.without) for arrow in arrows),
        at_start=read.at_start,
        at_end=read.at_end,
        total=read.total,
        bounded=read.total < FOREVER,
    )
    return Compiled(machine, log.bounds, log.timestamps, cells.of_events(log))


def _bits(cells: Cells, steps: Iterable[Step]) -> NDArray[np.int64]:
    bits = np.zeros(cells.n_kinds, dtype=np.int64)
    for number, step in enumerate(steps):
        bits |= cells.table(step, allow_unknown=True).astype(np.int64) << number
    return bits


def _ints(numbers: Iterable[int]) -> NDArray[np.int64]:
    return np.fromiter(numbers, dtype=np.int64)
