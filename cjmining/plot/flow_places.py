"""Where the bars and bands of a flow lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.data.flow import ENDS, FlowView, Strand

if TYPE_CHECKING:
    from collections.abc import Sequence

_THICKEST = 128.0
BAR = 8.0
LATER = "after the goal"
_NARROWEST = 118.0
"""No stage gets less room than this: the sheet grows wider instead."""
BEND = 4.0
STUB = 20.0
_LEAST_DRAWN = 0.005
_MOST_AROUND = 6
"""Of the ways ahead or back these many are drawn, if at least this share of the journeys takes them."""


class Page:
    """Where things lie: columns, the scale, and the place of each strand at both its bars."""

    def __init__(self, view: FlowView) -> None:
        count = max(1, len(view.stations))
        self.view = view
        self.width = max(theme.PAGE, 2 * theme.MARGIN + count * _NARROWEST)
        self.pitch = (self.width - 2 * theme.MARGIN) / count
        self.scale = self._scale()
        least = max(1.0, _LEAST_DRAWN * view.outcomes["journeys"])
        ways = sorted((s for s in view.strands if goes_around(s)), key=lambda s: (-s.moves, s.start, s.end))
        kept = [s for s in ways[:_MOST_AROUND] if s.moves >= least]
        self.rare = ways[len(kept) :]
        self.drawn = [s for s in view.strands if s not in self.rare]
        self.lane_of = self._lanes(kept)
        self.lanes_high = max((y + thick for y, thick in self.lane_of.values()), default=0.0)
        self.out_at = self._ports(outward=True)
        self.in_at = self._ports(outward=False)
        self.left = theme.MARGIN + max(0.0, self._around_first() - STUB + 6)
        self.width += self.left - theme.MARGIN

    def _around_first(self) -> float:
        """How far ways back reach to the left of the first bar."""
        return sum(self.thick(s.moves) + 2 * BEND for s in self.lane_of if s.end == 0)

    def bar(self, place: int) -> float:
        """Left edge of a stage's bar."""
        return self.left + place * self.pitch + STUB + 2

    def thick(self, count: float) -> float:
        """How wide a band of so many journeys is."""
        return count * self.scale

    def _scale(self) -> float:
        """Points a journey: the highest bar fits, and so does what falls off between two bars."""
        view = self.view
        most = max((station.visits for station in view.stations), default=0)
        leaving = [end for end in ENDS if end != "converted"]
        falling = max((sum(s.row[end] for end in leaving) for s in view.stations), default=0)
        room = self.pitch - BAR - STUB - 4 * BEND - 18
        return min(_THICKEST / most if most else 0.0, room / falling if falling else 1e9)

    def _lanes(self, strands: Sequence[Strand]) -> dict[Strand, tuple[float, float]]:
        """Give each strand that goes around a height above the bars, those of short ways low."""
        taken: list[tuple[int, int, float, float]] = []
        lanes: dict[Strand, tuple[float, float]] = {}
        for strand in sorted(strands, key=lambda s: (abs(s.end - s.start), s.start, s.end)):
            left, right = sorted((strand.start, strand.end))
            thick = self.thick(strand.moves)
            below = [up + high for a, b, up, high in taken if a <= right and left <= b]
            up = max(below, default=0.0) + 17.0
            taken.append((left, right, up, thick))
            lanes[strand] = (up, thick)
        return lanes

    def _ports(self, *, outward: bool) -> dict[Strand, float]:
        """How far below the top of its bar each strand begins or ends: what goes around comes first."""
        at: dict[Strand, float] = {}
        for place in range(len(self.view.stations)):
            here = [s for s in self.drawn if (s.start if outward else s.end) == place]
            y = 0.0
            for strand in sorted(here, key=lambda s: (s.kind == LATER, *self._turn(s))):
                at[strand] = y
                y += self.thick(strand.moves)
        return at

    def goal_at(self, place: int) -> float:
        """How far below the top of its bar what converts in a stage begins: below what leads on."""
        return sum(self.thick(s.moves) for s in self.drawn if s.start == place and s.kind != LATER)

    def _turn(self, strand: Strand) -> tuple[int, float]:
        """Sort what meets a bar, the highest first, so that ways around lie within one another."""
        if not goes_around(strand):
            return 2, 0.0
        lane = self.lane_of[strand][0]
        return (0, lane) if strand.end < strand.start else (1, -lane)


def goes_around(strand: Strand) -> bool:
    """Say whether moves skip stages or lead back, and so are drawn around the bars."""
    return strand.end != strand.start + 1
