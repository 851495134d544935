"""A mixture of Markov chains fitted to what customers did: expectation and maximisation, from several starts.

Each persona has a first-order chain: how journeys begin, what follows what, how they end. All journeys of a
customer are of one persona. The weights of the personas may depend on the group (attributes) of a customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.engine.local import map_blocks
from cjmining.kernels.mixture import Counts, expect, hashed, posterior, rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.personas.counts import Cells, Units

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

UNITS: Final = 16_384
"""Different customers in one block of a pass; fixed, so that sums are the same on any machine."""

PRIOR: Final = 1.0
"""How many steps of everybody's a persona has seen at each step before it sees its own customers; as many
customers are spread evenly over the weights of each group."""

TRACE: Final = 1e-3
POOL: Final = 2_000
"""Different customers among whom those are drawn that a start begins with."""
SEED_PRIOR: Final = 3.0
"""What `PRIOR` is for the chain of a single customer."""
SHORT: Final = 25
LONG: Final = 1_000
RISE: Final = 1e-7
"""A fit ends where a pass raises what it maximises by less than this share."""


class Model(NamedTuple):
    """A fitted mixture.

    Attributes
    ----------
    log_mixing : float64[G, K]
        Log of the weight of each persona, by group.
    log_cells : float64[cells, K]
        Log of the probability of each cell, by persona.
    objective : float
        What was maximised: log likelihood and log prior.
    log_likelihood : float
        Of all customers, natural logarithm.
    passes : int
        Over the customers, by the start that was taken.
    """

    log_mixing: Floats
    log_cells: Floats
    objective: float
    log_likelihood: float
    passes: int

    @property
    def number(self) -> int:
        """The number of personas."""
        return int(self.log_cells.shape[1])

    def ordered(self, order: Ints) -> Model:
        """Return the same model with its personas in another order."""
        return self._replace(log_mixing=self.log_mixing[:, order], log_cells=self.log_cells[:, order])


class Data(NamedTuple):
    """Different customers with their weights, as `Units.different` returns them, and what is counted.

    `groups` is the number of groups that customers may be in.
    """

    counts: Counts
    cells: Cells
    groups: int

    @property
    def everybody(self) -> Floats:
        """The probability of each cell over all customers."""
        counts = self.counts
        weight = np.repeat(counts.weight, np.diff(counts.bounds))
        totals = np.bincount(counts.cell, weights=counts.times * weight, minlength=len(self.cells.from_step))
        # Cells that only others had (a half of the customers, a bootstrap) keep a trace of a count.
        return by_row(np.maximum(totals, TRACE), self.cells)


def fit(data: Data, number: int, *, starts: int, seed: int) -> Model:
    """Fit a mixture of so many chains.

    Parameters
    ----------
    data : Data
        The customers.
    number : int
        How many personas; at most as many as there are different customers.
    starts : int
        Each is followed for up to 25 passes; the best is then followed to its end.
    seed : int
        Makes the starts repeatable.

    References
    ----------
    Cadez, Heckerman, Meek, Smyth, White (2003), doi:10.1023/A:1024992613384, the mixture of Markov chains;
    Biernacki, Celeux, Govaert (2003), doi:10.1016/S0167-9473(02)00163-9, short runs before a long one.
    """
    everybody = data.everybody
    if number == 1:
        return climb(data, everybody, np.log(everybody)[:, None], passes=2)
    begun = [
        climb(data, everybody, _start(data, everybody, number, start, seed), passes=SHORT)
        for start in range(starts)
    ]
    best = max(begun, key=lambda model: model.objective)
    return climb(data, everybody, best.log_cells, passes=LONG, log_mixing=best.log_mixing)


def by_row(totals: Floats, cells: Cells) -> Floats:
    """Return each cell's share of its row."""
    if not len(totals):
        return totals
    sums = np.add.reduceat(totals, cells.rows[:-1], axis=0)
    shares: Floats = totals / np.repeat(sums, np.diff(cells.rows), axis=0)
    return shares


def climb(
    data: Data, everybody: Floats, log_cells: Floats, *, passes: int, log_mixing: Floats | None = None
) -> Model:
    """Follow a start: what each pass maximises never falls."""
    number = log_cells.shape[1]
    if log_mixing is None:
        log_mixing = np.full((data.groups, number), -np.log(number))
    before = -np.inf
    for done in range(1, passes + 1):
        log_likelihood, mixing, expected = one_pass(data.counts, log_mixing, log_cells)
        objective = log_likelihood + _log_prior(everybody, log_mixing, log_cells)
        model = Model(log_mixing, log_cells, objective, log_likelihood, done)
        if objective - before < RISE * abs(objective):
            break
        before = objective
        log_mixing, log_cells = _maximise(mixing, expected, data.cells, everybody)
    return model


def one_pass(counts: Counts, log_mixing: Floats, log_cells: Floats) -> tuple[float, Floats, Floats]:
    """Run the expectation over all units, in blocks on all threads; sums are made in the blocks' order."""
    n = len(counts.bounds) - 1
    blocks = [(first, min(first + UNITS, n)) for first in range(0, n, UNITS)]
    sums = map_blocks(lambda block: expect(counts, *block, log_mixing, log_cells), blocks)
    total, mixing, expected = sums[0]
    for more in sums[1:]:
        total += more[0]
        mixing += more[1]
        expected += more[2]
    return total, mixing, expected


def _log_prior(everybody: Floats, log_mixing: Floats, log_cells: Floats) -> float:
    of_cells = PRIOR * float((everybody[:, None] * log_cells).sum())
    return of_cells + PRIOR / int(log_mixing.shape[1]) * float(log_mixing.sum())


def _maximise(mixing: Floats, expected: Floats, cells: Cells, everybody: Floats) -> tuple[Floats, Floats]:
    weights = mixing + PRIOR / mixing.shape[1]
    shares = weights / weights.sum(axis=1, keepdims=True)
    return np.log(shares), np.log(by_row(expected + PRIOR * everybody[:, None], cells))


def _start(data: Data, everybody: Floats, number: int, start: int, seed: int) -> Floats:
    """Begin with single customers who are unlike each other, each drawn by how badly those before tell them.

    This is the idea of k-means++ (Arthur and Vassilvitskii 2007) for chains: a customer's distance is by how
    much the own chain tells what they did better than the best chain so far.
    """
    salt = (seed * 1_000 + start) * 1_000 + number
    cells, n = data.cells, len(data.counts.weight)
    pool = np.sort(np.argsort(hashed(np.arange(n), salt), kind="stable")[:POOL])
    draws = hashed(np.arange(number), salt + 500)
    few = rows_of(data.counts, pool)
    row = np.repeat(np.arange(len(cells.rows) - 1), np.diff(cells.rows))
    own = _own_log_likelihood(few, row, everybody)
    best = np.full(len(pool), -np.inf)
    weights, columns = few.weight / few.weight.sum(), []
    for draw in draws:
        one = min(int(np.searchsorted(np.cumsum(weights), draw, side="right")), len(pool) - 1)
        columns.append(_log_cells_of(few, one, cells, everybody))
        best = np.maximum(best, _log_likelihood(few, columns[-1]))
        far = few.weight * np.maximum(own - best, 1e-12)
        weights = far / far.sum()
    return np.stack(columns, axis=1)


def _log_likelihood(counts: Counts, log_cells: Floats) -> Floats:
    """Return each unit's log likelihood by one chain."""
    summed: Floats = np.add.reduceat(counts.times * log_cells[counts.cell], counts.bounds[:-1])
    return summed


def _own_log_likelihood(counts: Counts, row: Ints, everybody: Floats) -> Floats:
    """Return each unit's log likelihood by the chain that it would begin."""
    unit = np.repeat(np.arange(len(counts.weight)), np.diff(counts.bounds))
    place = unit * (int(row[-1]) + 1) + row[counts.cell]
    _, where = np.unique(place, return_inverse=True)
    of_row = np.bincount(where, weights=counts.times)[where]
    share = (counts.times + SEED_PRIOR * everybody[counts.cell]) / (of_row + SEED_PRIOR)
    summed: Floats = np.add.reduceat(counts.times * np.log(share), counts.bounds[:-1])
    return summed


def _log_cells_of(counts: Counts, unit: int, cells: Cells, everybody: Floats) -> Floats:
    its_own = slice(counts.bounds[unit], counts.bounds[unit + 1])
    totals = SEED_PRIOR * everybody
    totals[counts.cell[its_own]] += counts.times[its_own]
    logs: Floats = np.log(by_row(totals, cells))
    return logs


class Membership(NamedTuple):
    """How likely units are of each persona; those that did the same are weighed once.

    Attributes
    ----------
    different : Counts
        Units that did the same as one, D of them, and how many each stands for.
    member : int64[U]
        Which of these each unit is.
    probability : float64[D, K]
        Of being of each persona.
    log_likelihood : float64[D]
        Natural logarithm.
    """

    different: Counts
    member: Ints
    probability: Floats
    log_likelihood: Floats

    @property
    def likeliest(self) -> Ints:
        """The most likely persona of each of the different; the first where several are equally likely."""
        likeliest: Ints = self.probability.argmax(axis=1)
        return likeliest

    @property
    def persona(self) -> Ints:
        """The most likely persona of each unit."""
        return self.likeliest[self.member]

    def sizes(self) -> Ints:
        """Return how many units each persona has."""
        number = self.probability.shape[1]
        return np.bincount(self.likeliest, weights=self.different.weight, minlength=number).astype(np.int64)

    def by(self, model: Model) -> Membership:
        """Return the membership of the same units by another model."""
        told = posterior(self.different, model.log_mixing, model.log_cells)
        return self._replace(probability=told[0], log_likelihood=told[1])


def entropy(probability: Floats) -> Floats:
    """Return how unsure a persona is, by row; natural logarithm."""
    logs = np.log(np.where(probability > 0, probability, 1.0))
    unsure: Floats = -(probability * logs).sum(axis=1)
    return unsure


def members(units: Units, model: Model) -> Membership:
    """Return the membership of units."""
    different, member = units.different()
    return Membership(different, member, *posterior(different, model.log_mixing, model.log_cells))
