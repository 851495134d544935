"""Bands of an even width: across a gap, and around corners."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from matplotlib.path import Path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cjmining.plot.sheet import Point

_ROUND = 0.5523
"""Where the handles of a cubic curve lie that follows a quarter of a circle."""


def across(start: Point, end: Point, thick: float) -> Path:
    """Return a band from one upright edge to another, its upper corners at `start` and `end`."""
    (x0, y0), (x1, y1) = start, end
    middle = (x0 + x1) / 2
    upper = [(x0, y0), (middle, y0), (middle, y1), (x1, y1)]
    lower = [(x1, y1 + thick), (middle, y1 + thick), (middle, y0 + thick), (x0, y0 + thick)]
    curve = [Path.CURVE4] * 3
    return Path([*upper, *lower, upper[0]], [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY])


def over(start: Point, crest: tuple[Point, float], end: Point, thick: float) -> Path:
    """Return a band up to a crest, level along it, and down; `start`, `end` and the crest are upper corners.

    It is as high as it is thick wherever it is cut upright, so that it never meets itself, however thick.
    """
    (left, level), right = crest
    edges = []
    for down in (0.0, thick):
        points = [start, (left, level), (right, level), end]
        a, b, c, d = ((x, y + down) for x, y in points)
        rise, fall = (a[0] + b[0]) / 2, (c[0] + d[0]) / 2
        edges.append([a, (rise, a[1]), (rise, b[1]), b, c, (fall, c[1]), (fall, d[1]), d])
    curve = [Path.CURVE4] * 3
    way = [*curve, Path.LINETO, *curve]
    return Path(
        [*edges[0], *edges[1][::-1], edges[0][0]], [Path.MOVETO, *way, Path.LINETO, *way, Path.CLOSEPOLY]
    )


def around(corners: Sequence[Point], thick: float, radius: float) -> Path:
    """Return a band along the middle line through corners at right angles.

    Parameters
    ----------
    corners : sequence of (float, float)
        Start, corners and end; each piece is level or upright.
    thick : float
        How wide the band is.
    radius : float
        Of the inner edge where it turns.
    """
    points, codes = _edge(corners, thick, radius)
    back, turned = _edge(corners[::-1], thick, radius)
    steps = [*codes, int(Path.LINETO), *turned[1:], int(Path.CLOSEPOLY)]
    return Path([*points, *back, points[0]], steps)


def _edge(corners: Sequence[Point], thick: float, radius: float) -> tuple[list[Point], list[int]]:
    """Return the edge on the left hand of who walks along the line, and how its points are joined."""
    half = thick / 2
    ways = [_way(a, b) for a, b in itertools.pairwise(corners)]
    left = [(dy * half, -dx * half) for dx, dy in ways]
    points: list[Point] = [_moved(corners[0], left[0])]
    codes = [int(Path.MOVETO)]
    for corner, (one, other), (before, after) in zip(
        corners[1:-1],
        itertools.pairwise(ways),
        itertools.pairwise(left),
        strict=True,
    ):
        meet = _moved(_moved(corner, before), after)
        is_inner = one[0] * other[1] - one[1] * other[0] < 0
        turn = radius if is_inner else radius + thick
        begin = (meet[0] - one[0] * turn, meet[1] - one[1] * turn)
        end = (meet[0] + other[0] * turn, meet[1] + other[1] * turn)
        handle = turn * _ROUND
        points += [begin, (begin[0] + one[0] * handle, begin[1] + one[1] * handle)]
        points += [(end[0] - other[0] * handle, end[1] - other[1] * handle), end]
        codes += [int(Path.LINETO), *[int(Path.CURVE4)] * 3]
    return [*points, _moved(corners[-1], left[-1])], [*codes, int(Path.LINETO)]


def _way(a: Point, b: Point) -> Point:
    length = math.dist(a, b) or 1.0
    return (b[0] - a[0]) / length, (b[1] - a[1]) / length


def _moved(point: Point, by: Point) -> Point:
    return point[0] + by[0], point[1] + by[1]
