"""A mixture of multinomial rows over sparse counts: what each customer did, and how many there are like them.

A unit is a customer (or several with equal counts). Its counts fall into cells; the cells of one row are the
alternatives of one choice, such as all steps that may follow a step. A component of the mixture has one
probability a cell.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel
from cjmining.kernels.bootstrap import poisson_weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]

_MULTIPLIER: Final = 0x9E3779B97F4A7C15


class Counts(NamedTuple):
    """Units by row: unit i has `times[j]` times the cell `cell[j]` for j from bounds[i] to bounds[i + 1] - 1.

    `group` says which mixing weights a unit has, `weight` how many customers it stands for.
    """

    bounds: Ints
    cell: Codes | Ints
    times: Floats
    group: Codes
    weight: Floats


class Sums(NamedTuple):
    """What a pass over units adds up: log likelihood, weights by group, expected counts by cell."""

    log_likelihood: float
    mixing: Floats
    cells: Floats


@kernel
def transitions_of_customers(
    bounds: Ints, code: Codes, customer: Ints, is_open: NDArray[np.bool_], n_codes: int
) -> tuple[Ints, Ints, Ints]:
    """Count what each customer's journeys begin with, what follows what in them, and what they end with.

    Parameters
    ----------
    bounds : int64[J + 1]
        Journey j has the steps bounds[j] to bounds[j + 1] - 1, maybe none.
    code : int32[N]
        The step.
    customer : int64[J]
        Whose journey it is; those of a customer lie together.
    is_open : bool[J]
        Whether the journey goes on after the data: it has no end.
    n_codes : int
        How many different steps there are, S.

    Returns
    -------
    bounds : int64[C + 1]
        Of the customers, in order.
    key : int64[n]
        from x (S + 1) + to, rising for each customer; S as `from` is the beginning, as `to` the end.
    count : int64[n]
        How often.
    """
    size = n_codes + 1
    found = np.empty(len(code) + len(bounds) - 1, np.int64)
    starts = np.empty(len(customer) + 1, np.int64)
    n_customers, n = 0, 0
    for journey in range(len(customer)):
        if journey == 0 or customer[journey] != customer[journey - 1]:
            starts[n_customers] = n
            n_customers += 1
        before = n_codes
        for step in range(bounds[journey], bounds[journey + 1]):
            found[n] = before * size + code[step]
            before = code[step]
            n += 1
        if before != n_codes and not is_open[journey]:
            found[n] = before * size + n_codes
            n += 1
    starts[n_customers] = n
    return _run_lengths(found, starts[: n_customers + 1])


@kernel
def _run_lengths(found: Ints, starts: Ints) -> tuple[Ints, Ints, Ints]:
    kept = np.zeros(len(starts), np.int64)
    key = np.empty(starts[-1], np.int64)
    count = np.empty(starts[-1], np.int64)
    n = 0
    for unit in range(len(starts) - 1):
        its_own = np.sort(found[starts[unit] : starts[unit + 1]])
        for place in range(len(its_own)):
            if place > 0 and its_own[place] == its_own[place - 1]:
                count[n - 1] += 1
            else:
                key[n] = its_own[place]
                count[n] = 1
                n += 1
        kept[unit + 1] = n
    return kept, key[:n].copy(), count[:n].copy()


def merge_equal(counts: Counts) -> tuple[Counts, Ints]:
    """Put units of equal counts and group together; return them and which of them each unit became.

    They are in the order in which they first come.
    """
    first, member = _group(counts.bounds, counts.cell, counts.times, counts.group, np.uint64(_MULTIPLIER))
    weight: Floats = np.bincount(member, weights=counts.weight, minlength=len(first)).astype(np.float64)
    return rows_of(counts, first)._replace(weight=weight), member


def rows_of(counts: Counts, units: Ints) -> Counts:
    """Return some units, in the order asked for."""
    lengths = np.diff(counts.bounds)[units]
    bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    taken = np.repeat(counts.bounds[units] - bounds[:-1], lengths) + np.arange(bounds[-1])
    return Counts(bounds, counts.cell[taken], counts.times[taken], counts.group[units], counts.weight[units])


def one_after_the_other(parts: Sequence[Counts]) -> Counts:
    """Return the units of several."""
    lengths = np.concatenate([np.diff(part.bounds) for part in parts])
    bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return Counts(bounds, *(np.concatenate(each) for each in zip(*(part[1:] for part in parts), strict=True)))


@kernel
def _group(
    bounds: Ints, cell: Codes | Ints, count: Floats, group: Codes, multiplier: np.uint64
) -> tuple[Ints, Ints]:
    n = len(bounds) - 1
    room = 16
    while room < 2 * n:
        room *= 2
    mask = np.uint64(room - 1)
    table = np.full(room, -1, np.int64)
    first = np.empty(n, np.int64)
    hashes = np.empty(n, np.uint64)
    member = np.empty(n, np.int64)
    found = 0
    for unit in range(n):
        mixed = np.uint64(group[unit] + 1) * multiplier
        for place in range(bounds[unit], bounds[unit + 1]):
            mixed = (mixed ^ np.uint64(cell[place] + 1)) * multiplier
            mixed ^= mixed >> np.uint64(29)
            mixed = (mixed ^ np.uint64(np.int64(count[place]))) * multiplier
            mixed ^= mixed >> np.uint64(31)
        spot = mixed & mask
        while True:
            one = table[spot]
            if one < 0:
                table[spot] = found
                first[found] = unit
                hashes[found] = mixed
                member[unit] = found
                found += 1
                break
            if hashes[one] == mixed and _same(bounds, cell, count, group, unit, first[one]):
                member[unit] = one
                break
            spot = (spot + np.uint64(1)) & mask
    return first[:found].copy(), member


@kernel
def _same(bounds: Ints, cell: Codes | Ints, count: Floats, group: Codes, one: int, other: int) -> bool:
    length = bounds[one + 1] - bounds[one]
    if group[one] != group[other] or length != bounds[other + 1] - bounds[other]:
        return False
    for step in range(length):
        a, b = bounds[one] + step, bounds[other] + step
        if cell[a] != cell[b] or count[a] != count[b]:
            return False
    return True


@kernel
def expect(
    counts: Counts, first: int, last: int, log_mixing: Floats, log_cells: Floats
) -> tuple[float, Floats, Floats]:
    """Weigh units first to last - 1 by how likely each component made them, and add up what each then has.

    Parameters
    ----------
    counts : Counts
        The units.
    first, last : int
        Which of them.
    log_mixing : float64[G, K]
        Log of the weight of each component, by group.
    log_cells : float64[cells, K]
        Log of the probability of each cell.

    Returns
    -------
    log_likelihood : float
    mixing : float64[G, K]
        Expected number of customers by group and component.
    cells : float64[cells, K]
        Expected counts.
    """
    n_components = log_cells.shape[1]
    mixing = np.zeros(log_mixing.shape)
    cells = np.zeros(log_cells.shape)
    mine = np.empty(n_components)
    total = 0.0
    for unit in range(first, last):
        group, weight = counts.group[unit], counts.weight[unit]
        for k in range(n_components):
            mine[k] = log_mixing[group, k]
        for place in range(counts.bounds[unit], counts.bounds[unit + 1]):
            cell, n = counts.cell[place], counts.times[place]
            for k in range(n_components):
                mine[k] += n * log_cells[cell, k]
        total += weight * _normalise(mine)
        for k in range(n_components):
            mine[k] *= weight
            mixing[group, k] += mine[k]
        for place in range(counts.bounds[unit], counts.bounds[unit + 1]):
            cell, n = counts.cell[place], counts.times[place]
            for k in range(n_components):
                cells[cell, k] += n * mine[k]
    return total, mixing, cells


@kernel
def posterior(counts: Counts, log_mixing: Floats, log_cells: Floats) -> tuple[Floats, Floats]:
    """Return how likely each component made each unit, float64[U, K], and each unit's log likelihood."""
    n_units, n_components = len(counts.bounds) - 1, log_cells.shape[1]
    shares = np.empty((n_units, n_components))
    log_likelihood = np.empty(n_units)
    for unit in range(n_units):
        mine = shares[unit]
        for k in range(n_components):
            mine[k] = log_mixing[counts.group[unit], k]
        for place in range(counts.bounds[unit], counts.bounds[unit + 1]):
            cell, n = counts.cell[place], counts.times[place]
            for k in range(n_components):
                mine[k] += n * log_cells[cell, k]
        log_likelihood[unit] = _normalise(mine)
    return shares, log_likelihood


@kernel
def _normalise(mine: Floats) -> float:
    """Turn logs into shares of their sum, and return the log of that sum."""
    largest = mine[0]
    for k in range(1, len(mine)):
        largest = max(largest, mine[k])
    total = 0.0
    for k in range(len(mine)):
        mine[k] = np.exp(mine[k] - largest)
        total += mine[k]
    for k in range(len(mine)):
        mine[k] /= total
    return float(largest + np.log(total))


@kernel
def hashed(number: Ints, salt: int) -> Floats:
    """Return a number from 0 to 1 for each number, from a hash of it and a salt: the same in every order.

    References
    ----------
    Steele, Lea, Flood (2014), doi:10.1145/2660193.2660195, SplitMix64.
    """
    shares = np.empty(len(number))
    for unit in range(len(number)):
        mixed = np.uint64(number[unit]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= np.uint64(salt) * np.uint64(0xD1342543DE82EF95)
        for _ in range(2):
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
        shares[unit] = np.float64(mixed >> np.uint64(11)) / np.float64(1 << 53)
    return shares


@kernel
def bootstrap_weights(number: Ints, replicate: int) -> Floats:
    """Return how often each customer counts in a replicate of the bootstrap, from a hash of both."""
    weights = np.empty(len(number))
    for unit in range(len(number)):
        weights[unit] = poisson_weight(number[unit], replicate)
    return weights


@kernel
def customers_with(
    counts: Counts, what: Ints, component: Ints, n_what: int, n_components: int
) -> NDArray[np.int64]:
    """Count the customers of each component who ever have something, each once: int64[W, K].

    Parameters
    ----------
    counts : Counts
        Customers; `weight` says for how many a unit stands.
    what : int64[cells]
        What each cell is counted as, -1 as nothing.
    component : int64[units]
        Of each unit.
    n_what, n_components : int
        How many there are, W and K.
    """
    found = np.zeros((n_what, n_components), np.int64)
    seen = np.full(n_what, -1, np.int64)
    for unit in range(len(component)):
        for place in range(counts.bounds[unit], counts.bounds[unit + 1]):
            one = what[counts.cell[place]]
            if one >= 0 and seen[one] != unit:
                seen[one] = unit
                found[one, component[unit]] += np.int64(counts.weight[unit])
    return found
