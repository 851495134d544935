"""How likely a journey begins with each step, learnt from steps and silences without knowing any journey.

The model: a customer's steps are journeys one after the other. Within a journey each step depends on those
before it in the journey (at most `order`), or the journey ends; a journey begins with a step drawn from those
that journeys begin with. Silences within a journey depend on the two steps around them, silences between
journeys on nothing. Who has ended a journey comes back for another one or not; how long a customer has been
silent when the data end tells whether the last journey had ended.

All of it is estimated by expectation maximisation: forward and backward over each customer's steps for the
probabilities, expected counts for the model. A customer's steps are judged by what the other customers show,
so that nothing confirms itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.discovery.journeys.gap import find_gap
from cjmining.discovery.journeys.grams import Grams, find_runs, order_of
from cjmining.discovery.journeys.sequences import PARTS, Dealt, Sequences
from cjmining.engine.local import map_blocks
from cjmining.errors import LogError
from cjmining.kernels import boundaries as kernels
from cjmining.kernels.boundary_silences import silence_ratios, silence_sums
from cjmining.scratch import beside

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

DOUBT: Final = 30.0
"""A pair of steps with so many silences around them is half believed that its silences are its own."""

FIRST_SHARE: Final = 0.2
"""The share of steps that journeys are taken to begin with at first: where the silences are long."""

SURE: Final = 0.95
"""What is first thought of silences beyond the dip, where there is one."""

AGAIN: Final = 0.5
"""The share of those whose journey has ended who come back for another one, as it is taken to be at first."""

ROUNDS: Final = 60
"""At most so many rounds are gone; most logs need fewer."""

STILL: Final = 2e-4
"""The rounds end when probabilities move by less than this on average."""

_BINS = 40
_A_BIN = 25
"""So many silences, at least, tell how likely those of about their length are between journeys."""


class Learnt(NamedTuple):
    """Where journeys may begin, and how that was learnt.

    Attributes
    ----------
    begins : float64[steps]
        Probability that a journey begins with the step; a column if the steps are.
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


class _Model(NamedTuple):
    grams: Grams
    counts: kernels.Counts
    trust: Floats
    start: Floats
    edges: Floats
    longest: int
    ratio: Floats
    waited: Floats


def learn(steps: Sequences, *, order: int | None = None, least: int = 0, seed: int = 0) -> Learnt:
    """Return how likely a journey begins with each step.

    Parameters
    ----------
    steps : Sequences
        Without waits, which are added here.
    order : int, optional
        How many steps before a step are looked at; by default as many as tell something of unseen customers.
    least : int
        A journey may begin only after so long a silence, in microseconds.
    seed : int
        Which customers are chosen to learn from, where there are many.
    """
    dealt = Dealt(steps)
    chosen = _sample(steps, seed)
    fitting = _Fitting(steps.take(chosen).with_waits(), dealt.of(chosen), order, least)
    rounds, moved = 0, 1.0
    while rounds < ROUNDS and moved >= STILL:
        moved = fitting.round()
        rounds += 1
    model = fitting.model()
    begins = beside(steps.code, np.float64)

    def judge(block: tuple[int, int]) -> None:
        parts = dealt.of(np.arange(*block))
        begins.put(int(steps.bounds[block[0]]), _judged(model, steps.cut(*block).with_waits(), parts, least))

    map_blocks(judge, list(_blocks(steps.bounds)))
    likelihood = tuple(fitting.likelihood)
    learnt_from = int(fitting.steps.steps().sum()), len(fitting.steps.bounds) - 1
    return Learnt(begins.column(), model.grams.order, rounds, moved, *learnt_from, likelihood)


# Learning -------------------------------------------------------------------------------------------------


class _Fitting:
    """The steps that are learnt from, and what is known of them so far."""

    def __init__(self, steps: Sequences, part: Parts, order: int | None, least: int) -> None:
        n = len(steps.code)
        self.steps, self.part, self.least = steps, part, least
        self.inner = steps.inner()
        self.grams = find_runs(steps, order_of(steps, part) if order is None else order)
        self.found = self.grams.find(steps.bounds, steps.code)
        self.pair = self.grams.pairs(self.found)
        self.edges = _edges(steps.silence[self.inner])
        self.longest = int(steps.silence[self.inner].max(initial=0))
        self.bin = _bins(self.edges, self.longest, steps)
        shape = (n, self.grams.order)
        self.inside, self.across, self.go_on, self.end = (np.zeros(shape) for _ in range(4))
        self.begins = _by_silence(steps, self.inner, least)
        self.trust = np.full((2, self.grams.order + 1, kernels.BUCKETS), 0.5)
        self.again = AGAIN
        self.likelihood: list[float] = []
        kernels.ages(steps.bounds, self.begins, self.inside, self.across)

    def round(self) -> float:
        """Estimate the model from the probabilities, and these from the model; return how far they moved."""
        bounds, before = self.steps.bounds, self.begins.copy()
        counts = self._counts()
        self._continue_or_end(counts)
        across, inside = self._silences()
        ratio, share = self._ratios(across, inside)
        waits = _of_waits(across, inside, self.again)
        odds = _odds(ratio * self.again, waits.odds, self.steps, self.pair, self.part, self.bin, self.least)
        start = _start(self._starts(), self.part, self.steps.code)
        total = kernels.forward_backward(
            bounds, self.go_on, self.end, start, odds, self.begins, self.inside, self.across
        )
        mine = self.inner
        total += float(np.log(share[self.pair[mine], self.part[mine], self.bin[mine]]).sum())
        waiting = ~self.steps.steps()
        total += float(np.log(waits.still[self.bin[waiting]]).sum())
        back = float(self.begins[mine].sum())
        gone = float((self.begins * waiting * waits.gone[np.where(waiting, self.bin, 0)]).sum())
        self.again = (back + AGAIN) / (back + gone + 1.0)
        self.likelihood.append(total / max(len(start), 1))
        n_inner = max(int(self.inner.sum()), 1)
        return float(np.abs(self.begins - before).sum()) / n_inner

    def model(self) -> _Model:
        """Return the model that goes with the probabilities."""
        across, inside = self._silences()
        ratio, _ = self._ratios(across, inside)
        waited = _of_waits(across, inside, self.again).odds
        bins = self.edges, self.longest
        return _Model(
            self.grams, self._counts(), self.trust, self._starts(), *bins, ratio * self.again, waited
        )

    def _counts(self) -> kernels.Counts:
        shape = (2, self.grams.size, PARTS + 1)
        counts = kernels.Counts(*(np.zeros(shape) for _ in range(4)))
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
        mine = self.steps.steps()
        n_codes, code, begins = self.steps.n_codes, self.steps.code[mine], self.begins[mine]
        cell = self.part[mine].astype(np.int64) * n_codes + code
        begun = np.bincount(cell, weights=begins, minlength=PARTS * n_codes).reshape(PARTS, n_codes)
        others = begun.sum(axis=0) - begun
        usual = (np.bincount(code, minlength=n_codes) + 1.0) / (len(code) + n_codes)
        starts: Floats = (np.maximum(others, 0.0) + 2 * usual) / (others.sum(axis=1, keepdims=True) + 2)
        return starts


def _by_silence(steps: Sequences, inner: NDArray[np.bool_], least: int) -> Floats:
    """Return a first guess of the probabilities: by the dip among silences, else by their rank."""
    silence, of = steps.silence, steps.silence[inner]
    try:
        guess = np.where(silence >= find_gap(of), SURE, 1 - SURE)
    except LogError:
        ordered = np.sort(of)
        rank = (np.searchsorted(ordered, silence, "left") + np.searchsorted(ordered, silence, "right")) / 2
        guess = (rank / max(len(ordered), 1)) ** (1 / FIRST_SHARE - 1)
    guess[inner & (silence < least)] = 0.0
    guess[steps.bounds[:-1]] = 1.0
    return guess


class _Waits(NamedTuple):
    """What a wait until the data end says, by its bin; the last bin is that of waits beyond all silences.

    `odds`: how much likelier it is after the end of a journey than amid one. `still`: how likely it is amid
    one. `gone`: of those whose journey has ended, the share of those who won't come back.
    """

    odds: Floats
    still: Floats
    gone: Floats


def _of_waits(across: Floats, inside: Floats, again: float) -> _Waits:
    back, still = (
        np.append(share[::-1].cumsum()[::-1] - share / 2, share[-1] / 4) for share in (across, inside)
    )
    ended = 1 - again + again * back
    return _Waits(ended / still, still, (1 - again) / ended)


def _bins(edges: Floats, longest: int, steps: Sequences) -> Codes:
    """Return the bin of each silence, and of each wait, which has one more beyond the longest silence."""
    bins = np.searchsorted(edges, steps.silence, side="right")
    beyond = ~steps.steps() & (steps.silence > longest)
    return np.where(beyond, len(edges) + 1, bins).astype(np.int32)


def _odds(
    ratio: Floats, waited: Floats, steps: Sequences, pair: Codes, part: Parts, bin_: Codes, least: int
) -> Floats:
    """Return how much likelier each silence is between journeys, and each wait after one, than within."""
    odds = np.where(steps.silence >= least, ratio[pair, part, np.minimum(bin_, ratio.shape[2] - 1)], 0.0)
    return np.where(steps.steps(), odds, waited[bin_])


def _start(starts: Floats, part: Parts, code: Codes) -> Floats:
    """Return how likely a journey begins with each step; a wait is no beginning."""
    return np.where(code >= 0, starts[part, np.maximum(code, 0)], 1.0)


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


# Choosing and judging -------------------------------------------------------------------------------------


def _sample(steps: Sequences, seed: int) -> Ints:
    """Return the sequences to learn from: all, or whole customers drawn by a hash of their number."""
    waited = np.diff(steps.bounds) + 1
    if steps.n_waited <= SAMPLE_STEPS:
        return np.arange(len(waited))
    drawn = _hash(steps.customer, seed)
    order = np.lexsort((steps.customer, drawn))
    enough = np.searchsorted(np.cumsum(waited[order]), SAMPLE_STEPS) + 1
    return np.sort(order[:enough])


def _hash(customer: Ints, seed: int) -> NDArray[np.uint64]:
    """Mix the bits of customers' numbers (SplitMix64's finaliser)."""
    mixed = customer.astype(np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15) % (1 << 64))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _blocks(bounds: Ints) -> Iterator[tuple[int, int]]:
    """Yield ranges of whole sequences with about `BLOCK_STEPS` steps and waits each."""
    first, n = 0, len(bounds) - 1
    waited = bounds + np.arange(n + 1)
    while first < n:
        last = max(int(np.searchsorted(waited, waited[first] + BLOCK_STEPS)), first + 1)
        yield first, min(last, n)
        first = last


def _judged(model: _Model, steps: Sequences, part: Parts, least: int) -> Floats:
    """Return how likely a journey begins with each of some steps, whose waits are judged but not returned."""
    grams = model.grams.find(steps.bounds, steps.code)
    shape = (len(steps.code), model.grams.order)
    inside, across, go_on, end = (np.zeros(shape) for _ in range(4))
    kernels.continue_or_end(
        steps.bounds,
        part,
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
    bin_ = _bins(model.edges, model.longest, steps)
    odds = _odds(model.ratio, model.waited, steps, model.grams.pairs(grams), part, bin_, least)
    start = _start(model.start, part, steps.code)
    begins = np.ones(len(steps.code))
    kernels.forward_backward(steps.bounds, go_on, end, start, odds, begins, inside, across)
    return begins[steps.steps()]
