"""The search: the windows that stand out most, one after the other, and how often chance finds as much."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.dropout.scan_places import LARGEST_LEVEL, Segments, segments, usual_levels
from cjmining.stats import newcombe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cjmining.dropout.scan_counts import Ground
    from cjmining.kernels.windows import Rules, Windows
    from cjmining.progress import Progress
    from cjmining.stats import Difference

ODDS_RATIOS, THEIR_WEIGHTS = (1.6, 3.0, 10.0), (0.88, 0.1, 0.02)
"""Excesses that are looked for: mostly half as many again, at times several times as many, or nearly all."""
KIND_WEIGHTS = {"dropped": 0.8, "turned away": 0.2}
"""How much of the evidence that chance may use up goes to places of each kind."""
LONGEST_SHARE = 0.5
"""Most of what is expected of a segment that may lie in a window: the rest says what is usual."""
LEAST_REAL = 0.75
"""How much of the excess at a touchpoint must be one of the stage."""
ENOUGH_EXPECTED = 5.0
Z90 = 1.6448536269514722
MEDIAN_SQUARE, ITS_ERROR = 0.4549364231195728, 1.16


def rules(*, longest: int, fewest: int) -> Rules:
    """Return what a window may be: weeks at most, and the least excess."""
    from cjmining.kernels.windows import Rules

    return Rules(longest, float(fewest), LONGEST_SHARE, np.log(ODDS_RATIOS), np.array(THEIR_WEIGHTS))


class Tally(NamedTuple):
    """What the rows of a place were, week by week; float64[S, T] each.

    `doubt` is the relative variance of what is expected in a week.
    """

    seen: NDArray[np.float64]
    entered: NDArray[np.float64]
    expected: NDArray[np.float64]
    doubt: NDArray[np.float64]


class Place(NamedTuple):
    """An outcome on a ground: all ends of a kind at a stage (outcome -1), or those at one touchpoint."""

    ground: int
    outcome: int


@dataclass(frozen=True)
class Found:
    """A window in which a segment had more ends at a place than is usual.

    Attributes
    ----------
    place : Place
    segment : int
        Number among the segments of the ground.
    start, length : int
        Weeks.
    score : float
        Logarithm of how much likelier the counts are with an excess.
    entered, seen : int
    expected : float
        By the segment's other weeks, and by how the others fared in these.
    excess : Difference
        With limits, in journeys.
    """

    place: Place
    segment: int
    start: int
    length: int
    score: float
    entered: int
    seen: int
    expected: float
    excess: Difference


class Field:
    """A ground with its segments and levels, less who has been set aside."""

    def __init__(self, ground: Ground, *, together: int, fewest: int, weeks: int) -> None:
        self.weeks = weeks
        self.segments: Segments = segments(ground, together=together, fewest=fewest)
        self.outcomes = (-1, *range(len(ground.outcomes) - 1))
        self.ground = ground
        self._take(ground)
        self.spread = {o: _spread(self.tally(o, self.ended), self.segments) for o in self.outcomes}

    def in_rows(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up values of cells and weeks to rows and weeks."""
        from cjmining.kernels.windows import add_up

        of, ground = self.segments, self.ground
        return add_up(ground.cell, ground.week, values, of.offsets, of.rows, of.n_rows, self.weeks)

    def of_outcome(self, outcome: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what is said of an outcome: its own row, or the sum of all."""
        of_outcome: NDArray[np.float64] = values.sum(axis=0) if outcome < 0 else values[outcome]
        return of_outcome

    def tally(self, outcome: int, ended: NDArray[np.float64]) -> Tally:
        """Add up what was seen and what is expected, by segment and week."""
        seen = self.in_rows(self.of_outcome(outcome, ended))
        return expect(seen, self.entered, self.expected[outcome], self.segments.population)

    def windows(self, ended: NDArray[np.float64], which: Rules) -> dict[int, Windows]:
        """Return the best window of each segment, by outcome.

        Where journeys are last seen may change though no more of them end: a touchpoint is new, or another
        no longer recorded. So a window of one touchpoint counts only if three quarters of its excess
        are one of the stage.
        """
        from cjmining.kernels.windows import best_windows

        whole = self.tally(-1, ended)
        found = {}
        for outcome in self.outcomes:
            tally = whole if outcome < 0 else self.tally(outcome, ended)
            best = best_windows(*tally, self.spread[outcome], which)
            real = _excess(whole, best) >= LEAST_REAL * _excess(tally, best)
            score = np.where(real, best.score + np.log(KIND_WEIGHTS[self.ground.kind]), -np.inf)
            found[outcome] = best._replace(score=score)
        return found

    def set_aside(self, segment: int, start: int, length: int) -> None:
        """Leave out who of a segment entered in a window, and fit levels without them."""
        ground, of = self.ground, self.segments
        member = np.repeat(np.arange(len(ground.cells)), np.diff(of.offsets))[of.rows == segment]
        here = np.isin(ground.cell, member) & (ground.week >= start) & (ground.week < start + length)
        self._take(replace(ground, entered=ground.entered * ~here, ended=ground.ended * ~here))

    def _take(self, ground: Ground) -> None:
        self.ground, self.ended = ground, ground.ended.astype(np.float64)
        self.level = usual_levels(ground)[:, ground.cell]
        self.entered = self.in_rows(ground.entered.astype(np.float64))
        self.expected = {
            o: self.in_rows(self.of_outcome(o, self.level) * ground.entered) for o in self.outcomes
        }

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw how many would have ended so if every week were as usual."""
        drawn = np.zeros(self.ended.shape)
        left, rest = self.ground.entered.copy(), np.ones(len(self.ground.entered))
        for outcome, level in enumerate(self.level):
            ended = rng.binomial(left, np.clip(level / rest, 0.0, 1.0))
            drawn[outcome] = ended
            left, rest = left - ended, np.maximum(rest - level, 1.0 - LARGEST_LEVEL)
        return drawn


def _excess(tally: Tally, windows: Windows) -> NDArray[np.float64]:
    """Return by how many more were seen than expected in the window of each segment."""
    more = np.cumsum(tally.seen - tally.expected, axis=1)
    before = np.concatenate([np.zeros((len(more), 1)), more], axis=1)
    rows = np.arange(len(more))
    excess: NDArray[np.float64] = before[rows, windows.start + windows.length] - before[rows, windows.start]
    return excess


# what is expected -----------------------------------------------------------------------------------------


def expect(
    seen: NDArray[np.float64],
    entered: NDArray[np.float64],
    expected: NDArray[np.float64],
    population: NDArray[np.int64],
) -> Tally:
    """Hold each segment against its own level and the calendar of the others.

    Parameters
    ----------
    seen, entered, expected : float64[R, T]
        Segments, the first of which is everybody, then populations; expected by constant levels.
    population : int64[S]
        The row that each segment is part of.

    Returns
    -------
    Tally
        Of the segments. Expected are multiplied by how the others of the population fared in that week,
        drawn towards 1 as far as weeks differ by chance alone (a gamma prior whose variance is that between
        the weeks of everybody), and add up to what was seen.
    """
    n = len(population)
    own, whole = expected[:n], expected[population]
    doubt, lift = np.zeros_like(own), np.ones_like(own)
    variance = variance_between(seen[0], entered[0], expected[0])
    if variance > 0:
        prior = (1.0 - seen[0].sum() / entered[0].sum()) / variance
        others = np.maximum(whole - own, 0.0)
        apart = others.sum(axis=1) > ENOUGH_EXPECTED
        told = apart[:, None] & (others + prior > 0)  # nobody may be there, and no prior where all ended
        np.divide(seen[population] - seen[:n] + prior, others + prior, out=lift, where=told)
        np.divide(1.0 - seen[0].sum() / entered[0].sum(), others + prior, out=doubt, where=told)
    lifted = own * lift
    total = lifted.sum(axis=1)
    to_seen = seen[:n].sum(axis=1) / np.where(total > 0, total, 1.0)
    return Tally(seen[:n], entered[:n], lifted * to_seen[:, None], doubt)


def variance_between(
    seen: NDArray[np.float64], entered: NDArray[np.float64], expected: NDArray[np.float64]
) -> float:
    """Return by how much weeks differ more than chance explains: the variance of seen / expected.

    References
    ----------
    DerSimonian and Laird (1986), doi:10.1016/0197-2456(86)90046-2.
    """
    there = expected > 0
    if there.sum() < 2:
        return 0.0
    ratio = seen[there] / expected[there]
    weight = expected[there] / (1.0 - seen.sum() / max(entered.sum(), seen.sum() + 1.0))
    mean = float((weight * ratio).sum() / weight.sum())
    spread = float((weight * (ratio / max(mean, 1e-12) - 1.0) ** 2).sum())
    return max(0.0, (spread - (len(ratio) - 1)) / float(weight.sum() - (weight**2).sum() / weight.sum()))


def _spread(tally: Tally, of: Segments) -> NDArray[np.float64]:
    """Return by how much counts vary more from week to week than by chance, for each segment.

    Differences of neighbouring weeks tell it, since an incident of some weeks has but two edges. Everybody
    has a spread of its own; segments share that of those with one condition. It is 1 unless the differences
    are larger than chance makes them in nineteen of twenty.
    """
    single = [row for row, conditions in enumerate(of.conditions) if len(conditions) == 1]
    spread = np.full(len(of), _of_neighbours(tally, single))
    spread[0] = _of_neighbours(tally, [0])
    return spread


def _of_neighbours(tally: Tally, rows: Sequence[int]) -> float:
    """Return the median square of neighbouring weeks' standardised differences, as far as it exceeds chance.

    The median of squares of m independent standard normal numbers is 0.455, its error 1.06 / sqrt(m);
    differences that share a week make it some 1.16 / sqrt(m) (simulated). It bears the few large differences
    at the edges of incidents, which a mean doesn't.

    References
    ----------
    Differences of neighbours: von Neumann (1941), doi:10.1214/aoms/1177731677.
    """
    expected, entered = tally.expected[rows], tally.entered[rows]
    enough = expected >= ENOUGH_EXPECTED
    floor = np.where(enough, expected, 1.0)
    ratio = tally.seen[rows] / floor
    variance = np.maximum(1.0 - expected / np.maximum(entered, 1.0), 0.02) / floor
    both = enough[:, 1:] & enough[:, :-1]
    squares = (np.diff(ratio, axis=1) ** 2 / (variance[:, 1:] + variance[:, :-1]))[both]
    if not len(squares):
        return 1.0
    by_chance = MEDIAN_SQUARE + Z90 * ITS_ERROR / float(np.sqrt(len(squares)))
    return max(1.0, float(np.median(squares)) / by_chance)


# the search -----------------------------------------------------------------------------------------------


def search(fields: Sequence[Field], which: Rules, *, at_most: int) -> list[Found]:
    """Find the window that stands out most, set its entries aside, and look again."""
    best = [field.windows(field.ended, which) for field in fields]
    found: list[Found] = []
    while len(found) < at_most:
        candidates = [
            (_fresh(Place(g, outcome), windows, found), Place(g, outcome), windows)
            for g, looked in enumerate(best)
            for outcome, windows in looked.items()
        ]
        score, place, windows = max(
            candidates, key=lambda one: float(one[0].max()), default=(None, None, None)
        )
        if score is None or place is None or windows is None or not np.isfinite(score.max()):
            break
        field = fields[place.ground]
        one = _told(field, place, int(np.argmax(score)), windows)
        found.append(one)
        field.set_aside(one.segment, one.start, one.length)
        best[place.ground] = field.windows(field.ended, which)
    return found


def _fresh(place: Place, windows: Windows, found: Sequence[Found]) -> NDArray[np.float64]:
    """Return the scores of windows, without those of segments found at this stage in overlapping weeks."""
    score = windows.score.copy()
    for one in (each for each in found if each.place.ground == place.ground):
        start, length = windows.start[one.segment], windows.length[one.segment]
        if start < one.start + one.length and one.start < start + length:
            score[one.segment] = -np.inf
    return score


def _told(field: Field, place: Place, segment: int, windows: Windows) -> Found:
    start, length = int(windows.start[segment]), int(windows.length[segment])
    tally, weeks = field.tally(place.outcome, field.ended), slice(start, start + length)
    seen, entered = (round(float(each[segment, weeks].sum())) for each in (tally.seen, tally.entered))
    usual, weight = float(windows.usual[segment]), float(windows.weight[segment])
    spread = float(field.spread[place.outcome][segment])
    known = min(max(weight * spread, 1e-6), 1.0 - 1e-6)
    others = entered * known / (1.0 - known)
    share = newcombe(seen, entered, usual / entered * others, others, effect=spread, other_effect=spread)
    excess = type(share)(*(each * entered for each in share))
    return Found(place, segment, start, length, float(windows.score[segment]), entered, seen, usual, excess)


def chance(
    fields: Sequence[Field],
    which: Rules,
    *,
    replicates: int,
    seed: int,
    progress: Progress = lambda _text, _share: None,
) -> NDArray[np.float64]:
    """Return the largest score anywhere in logs in which every week is as usual, float64[replicates]."""
    rng = np.random.default_rng(seed)
    largest = np.full(replicates, -np.inf)
    for replicate in range(replicates):
        if replicate % 10 == 0:
            progress("drawing logs in which nothing is unusual", replicate / replicates)
        for field in fields:
            ended = field.draw(rng)
            for windows in field.windows(ended, which).values():
                largest[replicate] = max(largest[replicate], float(windows.score.max()))
    return largest
