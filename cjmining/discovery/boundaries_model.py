"""How likely a journey begins with each step, learnt from steps and silences without knowing any journey.

The model: a customer's steps are journeys one after the other. Within a journey each step depends on those
before it in the journey (at most `order`), or the journey ends; a journey begins with a step drawn from those
that journeys begin with. Silences within a journey depend on the two steps around them, silences between
journeys on nothing. All of it is estimated by expectation maximisation: forward and backward over each
customer's steps for the probabilities, expected counts for the model. A customer's steps are judged by what
the other customers show, so that nothing confirms itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.engine.local import map_blocks
from cjmining.kernels import boundaries as kernels
from cjmining.kernels.boundary_silences import silence_ratios, silence_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]
    Parts = NDArray[np.int8]

SAMPLE_STEPS: Final = 100_000
"""From about so many steps of whole customers the model is learnt; all of them where there are fewer."""

BLOCK_STEPS: Final = 100_000
"""So many steps are judged at once."""

PARTS: Final = 10
"""Customers are dealt into so many parts; each is judged by the others."""

LONGEST_ORDER: Final = 4
"""More steps before a step are not looked at."""

SEEN_BEFORE: Final = 20
"""So often must a run of steps occur on average for runs of its length to be looked at."""

DOUBT: Final = 30.0
"""A pair of steps with so many silences around them is half believed that its silences are its own."""

FIRST_SHARE: Final = 0.2
"""The share of steps that journeys are taken to begin with at first: where the silences are long."""

ROUNDS: Final = 60
"""At most so many rounds are gone; most logs need fewer."""

STILL: Final = 2e-4
"""The rounds end when probabilities move by less than this on average."""

_BINS = 40
_A_BIN = 25
"""So many silences, at least, tell how likely those of about their length are between journeys."""
_PAIR = 20
_MOST_PAIRS = 5000


class Sequences(NamedTuple):
    """Steps of customers: sequence i has those from bounds[i] to bounds[i + 1] - 1."""

    bounds: Ints
    code: Codes
    silence: Ints
    customer: Ints
    n_codes: int

    def part(self) -> Parts:
        """Return the part of each step: its customer's, or its tenth of all steps where customers are few."""
        customers, number = np.unique(self.customer, return_inverse=True)
        if len(customers) >= PARTS:
            return np.repeat((number % PARTS).astype(np.int8), np.diff(self.bounds))
        return (np.arange(len(self.code)) * PARTS // max(len(self.code), 1)).astype(np.int8)

    def inner(self) -> NDArray[np.bool_]:
        """Return whether each step has another one of its sequence before it."""
        inner = np.ones(len(self.code), np.bool_)
        inner[self.bounds[:-1]] = False
        return inner


class Learnt(NamedTuple):
    """Where journeys may begin, and how that was learnt.

    Attributes
    ----------
    begins : float64[steps]
        Probability that a journey begins with the step.
    order : int
        How many steps before a step were looked at.
    rounds : int
        Rounds until probabilities stood still, or `ROUNDS`.
    moved : float
        By how much they moved in the last round, on average.
    steps, customers : int
        From how many it was learnt.
    likelihood : tuple of float
        Its natural logarithm a step after each round.
    """

    begins: Floats
    order: int
    rounds: int
    moved: float
    steps: int
    customers: int
    likelihood: tuple[float, ...]

    @property
    def settled(self) -> bool:
        """Whether probabilities stood still in the end."""
        return self.moved < STILL


class _Grams(NamedTuple):
    """The runs of steps that are counted: their hash table and their number, the empty one included."""

    keys: Ints
    numbers: Codes
    size: int
    order: int
    n_codes: int
    pair_rows: Codes

    def find(self, bounds: Ints, code: Codes) -> Codes:
        return kernels.find_grams(bounds, code, self.order + 1, self.n_codes, self.keys, self.numbers)

    def pairs(self, grams: Codes) -> Codes:
        """Return the row of the silences of each step and the one before it, -1 where they have none."""
        return np.where(grams[:, 1] >= 0, self.pair_rows[grams[:, 1]], np.int32(-1))


class _Model(NamedTuple):
    grams: _Grams
    counts: kernels.Counts
    trust: Floats
    start: Floats
    edges: Floats
    ratio: Floats


def learn(steps: Sequences, *, order: int | None = None, least: int = 0, seed: int = 0) -> Learnt:
    """Return how likely a journey begins with each step.

    Parameters
    ----------
    steps : Sequences
        Silences in microseconds; that of a sequence's first step does not count.
    order : int, optional
        How many steps before a step are looked at; by default as many as runs of steps occur often enough.
    least : int
        A journey may begin only after so long a silence, in microseconds.
    seed : int
        Which customers are chosen to learn from, where there are many.
    """
    part = steps.part()
    chosen = _sample(steps, seed)
    fitting = _Fitting(*_only(steps, part, chosen), order, least)
    rounds, moved = 0, 1.0
    while rounds < ROUNDS and moved >= STILL:
        moved = fitting.round()
        rounds += 1
    model = fitting.model()
    begins = np.ones(len(steps.code))
    map_blocks(lambda block: _judge(model, steps, part, block, least, begins), list(_blocks(steps.bounds)))
    likelihood = tuple(fitting.likelihood)
    n = len(fitting.steps.code)
    return Learnt(begins, model.grams.order, rounds, moved, n, len(fitting.steps.bounds) - 1, likelihood)


# Learning -------------------------------------------------------------------------------------------------


class _Fitting:
    """The steps that are learnt from, and what is known of them so far."""

    def __init__(self, steps: Sequences, part: Parts, order: int | None, least: int) -> None:
        n = len(steps.code)
        self.steps, self.part, self.least = steps, part, least
        self.inner = steps.inner()
        self.grams = _grams(steps, order)
        self.found = self.grams.find(steps.bounds, steps.code)
        self.pair = self.grams.pairs(self.found)
        self.edges = _edges(steps.silence[self.inner])
        self.bin = np.searchsorted(self.edges, steps.silence, side="right").astype(np.int32)
        shape = (n, self.grams.order)
        self.inside, self.across, self.go_on, self.end = (np.zeros(shape) for _ in range(4))
        self.begins = _by_silence(steps.silence, self.inner, least)
        self.trust = np.full((2, self.grams.order + 1, kernels.BUCKETS), 0.5)
        self.likelihood: list[float] = []
        kernels.ages(steps.bounds, self.begins, self.inside, self.across)

    def round(self) -> float:
        """Estimate the model from the probabilities, and these from the model; return how far they moved."""
        bounds, before = self.steps.bounds, self.begins.copy()
        counts = self._counts()
        self._continue_or_end(counts)
        across, inside = self._silences()
        ratio, share = self._ratios(across, inside)
        start = self._starts()[self.part, self.steps.code]
        of_step = ratio[self.pair, self.part, self.bin]
        of_step = np.where(self.steps.silence >= self.least, of_step, 0.0)
        total = kernels.forward_backward(
            bounds, self.go_on, self.end, start, of_step, self.begins, self.inside, self.across
        )
        total += float(np.log(share[self.pair, self.part, self.bin][self.inner]).sum())
        self.likelihood.append(total / len(start))
        n_inner = max(int(self.inner.sum()), 1)
        return float(np.abs(self.begins - before).sum()) / n_inner

    def model(self) -> _Model:
        """Return the model that goes with the probabilities."""
        ratio, _ = self._ratios(*self._silences())
        return _Model(self.grams, self._counts(), self.trust, self._starts(), self.edges, ratio)

    def _counts(self) -> kernels.Counts:
        shape = (2, self.grams.size, PARTS + 1)
        counts = kernels.Counts(np.zeros(shape), np.zeros(shape), np.zeros(shape))
        kernels.count(self.steps.bounds, self.part, self.found, self.inside, self.across, counts)
        return counts

    def _continue_or_end(self, counts: kernels.Counts) -> None:
        helped, tried = np.zeros_like(self.trust), np.zeros_like(self.trust)
        kernels.continue_or_end(
            self.steps.bounds,
            self.part,
            self.found,
            counts,
            self.trust,
            self.grams.n_codes,
            self.inside,
            self.across,
            self.go_on,
            self.end,
            helped,
            tried,
        )
        self.trust = kernels.trusted(self.trust, helped, tried)

    def _silences(self) -> tuple[Floats, Floats]:
        """Return the shares of the bins between journeys and within them."""
        bins = self.bin[self.inner]
        number = np.bincount(bins, minlength=len(self.edges) + 1).astype(np.float64)
        begun = np.bincount(bins, weights=self.begins[self.inner], minlength=len(self.edges) + 1)
        mean = begun.sum() / max(number.sum(), 1.0)
        share = (begun + mean) / (number + 1.0)
        across, inside = share * (number + 1.0), (1.0 - share) * (number + 1.0) + 1e-6
        return across / max(across.sum(), 1e-300), inside / inside.sum()

    def _ratios(self, across: Floats, inside: Floats) -> tuple[Floats, Floats]:
        rows = int(self.grams.pair_rows.max(initial=-1)) + 1
        sums = silence_sums(self.steps.bounds, self.pair, self.part, self.bin, self.begins, rows, PARTS)
        return silence_ratios(sums, DOUBT, inside, across)

    def _starts(self) -> Floats:
        """Return how likely a journey begins with each code, by all parts but one: float64[parts, codes]."""
        n_codes, code = self.steps.n_codes, self.steps.code
        cell = self.part.astype(np.int64) * n_codes + code
        begun = np.bincount(cell, weights=self.begins, minlength=PARTS * n_codes).reshape(PARTS, n_codes)
        others = begun.sum(axis=0) - begun
        usual = (np.bincount(code, minlength=n_codes) + 1.0) / (len(code) + n_codes)
        starts: Floats = (np.maximum(others, 0.0) + 2 * usual) / (others.sum(axis=1, keepdims=True) + 2)
        return starts


def _by_silence(silence: Ints, inner: NDArray[np.bool_], least: int) -> Floats:
    """Return a first guess of the probabilities: the longer the silence beside the others, the likelier."""
    begins = np.ones(len(silence))
    mine = silence[inner]
    ordered = np.sort(mine)
    rank = (np.searchsorted(ordered, mine, "left") + np.searchsorted(ordered, mine, "right")) / 2
    guess = (rank / max(len(mine), 1)) ** (1 / FIRST_SHARE - 1)
    begins[inner] = np.where(mine >= least, guess, 0.0)
    return begins


def _edges(silence: Ints) -> Floats:
    """Return where bins of silences meet: equally many in each, and finer at the long end."""
    n = len(silence)
    bins = int(np.clip(n // _A_BIN, 4, _BINS))
    at = list(np.arange(1, bins) / bins)
    tail = 1 / bins
    while n * tail / 2 >= _A_BIN:
        tail /= 2
        at.append(1 - tail)
    return np.unique(np.quantile(silence, at)) if n else np.zeros(0)


def _grams(steps: Sequences, order: int | None) -> _Grams:
    """Number the runs of steps that occur at least twice, longer ones up to the order that fits."""
    place = np.arange(len(steps.code)) - np.repeat(steps.bounds[:-1], np.diff(steps.bounds))
    ending = np.full(len(steps.code), -1, np.int64)
    keys, numbers, size, pair_rows = [], [], 0, np.zeros(0, np.int32)
    most = LONGEST_ORDER if order is None else order
    longest = 0
    while longest <= most:
        here = place >= longest
        if longest:
            ending = np.concatenate([[-1], ending[:-1]])
            here &= ending >= 0
        key = ending * steps.n_codes + steps.code
        unique, of, times = np.unique(key[here], return_inverse=True, return_counts=True)
        kept = (times >= 2) | (longest == 0)
        number = np.where(kept, size + np.cumsum(kept) - 1, -1)
        ending = np.full(len(key), -1, np.int64)
        ending[here] = number[of]
        keys.append(unique[kept])
        numbers.append(number[kept].astype(np.int32))
        size += int(kept.sum())
        if longest == 1:
            pair_rows = _pair_rows(size + 1, number[kept], times[kept])
        longest += 1
        # The runs of this length are the contexts of the next; too many different ones tell too little.
        if order is None and longest > 1 and int(here.sum()) < SEEN_BEFORE * len(unique):
            most = min(most, max(longest - 1, 1))
    used = longest - 1
    table = 1 << max(2 * size - 1, 1).bit_length()
    table_keys, table_numbers = np.zeros(table, np.int64), np.full(table, -1, np.int32)
    kernels.fill_table(np.concatenate(keys), np.concatenate(numbers), table_keys, table_numbers)
    rows = np.full(size + 1, -1, np.int32)
    rows[: len(pair_rows)] = pair_rows[: size + 1]
    return _Grams(table_keys, table_numbers, size + 1, used, steps.n_codes, rows)


def _pair_rows(size: int, number: Ints, times: Ints) -> Codes:
    """Give the pairs of steps that occur often enough rows of their own."""
    often = np.flatnonzero(times >= _PAIR)
    often = np.sort(often[np.argsort(-times[often], kind="stable")][:_MOST_PAIRS])
    rows = np.full(size, -1, np.int32)
    rows[number[often]] = np.arange(len(often), dtype=np.int32)
    return rows


# Choosing and judging -------------------------------------------------------------------------------------


def _sample(steps: Sequences, seed: int) -> Ints:
    """Return the sequences to learn from: all, or whole customers drawn by a hash of their number."""
    lengths = np.diff(steps.bounds)
    if len(steps.code) <= SAMPLE_STEPS:
        return np.arange(len(lengths))
    drawn = _hash(steps.customer, seed)
    order = np.lexsort((steps.customer, drawn))
    enough = np.searchsorted(np.cumsum(lengths[order]), SAMPLE_STEPS) + 1
    return np.sort(order[:enough])


def _hash(customer: Ints, seed: int) -> NDArray[np.uint64]:
    """Mix the bits of customers' numbers (SplitMix64's finaliser)."""
    mixed = customer.astype(np.uint64) + np.uint64(seed % (1 << 32)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _only(steps: Sequences, part: Parts, chosen: Ints) -> tuple[Sequences, Parts]:
    if len(chosen) == len(steps.bounds) - 1:
        return steps, part
    keep = np.zeros(len(steps.bounds) - 1, np.bool_)
    keep[chosen] = True
    lengths = np.diff(steps.bounds)
    mine = np.repeat(keep, lengths)
    bounds = np.concatenate([[0], np.cumsum(lengths[keep])])
    fewer = Sequences(bounds, steps.code[mine], steps.silence[mine], steps.customer[keep], steps.n_codes)
    return fewer, part[mine]


def _blocks(bounds: Ints) -> Iterator[tuple[int, int]]:
    """Yield ranges of whole sequences with about `BLOCK_STEPS` steps each."""
    first, n = 0, len(bounds) - 1
    while first < n:
        last = max(int(np.searchsorted(bounds, bounds[first] + BLOCK_STEPS)), first + 1)
        yield first, min(last, n)
        first = last


def _judge(
    model: _Model, steps: Sequences, part: Parts, block: tuple[int, int], least: int, begins: Floats
) -> None:
    """Fill in the probabilities of the steps of a block."""
    bounds = steps.bounds[block[0] : block[1] + 1]
    mine = slice(int(bounds[0]), int(bounds[-1]))
    code, silence, parts = steps.code[mine], steps.silence[mine], part[mine]
    grams = model.grams.find(bounds - bounds[0], code)
    shape = (len(code), model.grams.order)
    inside, across, go_on, end = (np.zeros(shape) for _ in range(4))
    kernels.continue_or_end(
        bounds - bounds[0],
        parts,
        grams,
        model.counts,
        model.trust,
        steps.n_codes,
        inside,
        across,
        go_on,
        end,
        np.zeros_like(model.trust),
        np.zeros_like(model.trust),
    )
    place = np.searchsorted(model.edges, silence, side="right")
    ratio = model.ratio[model.grams.pairs(grams), parts, place]
    kernels.forward_backward(
        bounds - bounds[0],
        go_on,
        end,
        model.start[parts, code],
        np.where(silence >= least, ratio, 0.0),
        begins[mine],
        inside,
        across,
    )
