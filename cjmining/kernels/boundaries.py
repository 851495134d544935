"""Where journeys begin in a sequence of steps: sequences counted, the model's odds, forward and backward.

A *gram* is a run of 1, 2, ... steps that occurs, and has a number; `grams[t, j]` is that of the j + 1 steps
that end with t, -1 where it is unknown or reaches beyond the sequence. What came before a step (its *context*
of length j) is the gram of the j steps that end with the one before it; the empty context is the last number.

The hidden state of a step is its *age*: 1 where a journey begins with it, 2 for the next one, up to K, which
means "K or more". A context of length j thus counts twice: for all journeys that are at least that old (kind
0), and for those exactly that old, which began with it (kind 1, for j below K).

The last step of each sequence is none: it stands for the wait until the data end, has the code -1, and tells
only that the journey before it went on, or had ended.

Counts have a row a gram and a column a *part* (the log's customers are dealt into parts), and a last column
for all parts together, so that a step is judged by what the other parts show.
"""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN202 -- numba infers the types of inner steps

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import inlined, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]

BUCKETS = 24
"""Contexts are alike in how far they are to be trusted if they occurred about equally often."""

_SELDOM = 1e-9
_MOST_TRUSTED = 0.9999
_HASH = 0x9E3779B97F4A7C15


class Counts(NamedTuple):
    """Expected numbers, float64[2, grams, parts + 1]; the first axis is the kind.

    `inside`: how often the gram's last step continues the journey of the steps before. `gone_on`: how often
    the gram was followed by any step of the same journey. `ended`: how often a journey ended with the gram.
    `waiting`: how often it had not ended when the data did.
    """

    inside: Floats
    gone_on: Floats
    ended: Floats
    waiting: Floats


@kernel
def fill_table(keys: Ints, numbers: Codes, table_keys: Ints, table_numbers: Codes) -> None:
    """Put keys and their numbers into a hash table with open addressing; free places have the number -1."""
    mask = len(table_keys) - 1
    for i in range(len(keys)):
        place = _place(keys[i], mask)
        while table_numbers[place] >= 0:
            place = (place + 1) & mask
        table_keys[place] = keys[i]
        table_numbers[place] = numbers[i]


@kernel
def find_grams(
    bounds: Ints, code: Codes, width: int, n_codes: int, table_keys: Ints, table_numbers: Codes
) -> Codes:
    """Return the grams that end with each step, int32[steps, width].

    Parameters
    ----------
    bounds : int64[S + 1]
        Bounds of the sequences over the steps, from 0.
    code : int32[N]
        From 0 to n_codes - 1; runs with another one are unknown.
    width : int
        The longest gram.
    table_keys, table_numbers : int64[M], int32[M]
        Number of the gram with key (number of its beginning) * n_codes + last code; the empty beginning has
        the number -1.
    """
    grams = np.full((len(code), width), np.int32(-1))
    for sequence in range(len(bounds) - 1):
        for t in range(bounds[sequence], bounds[sequence + 1]):
            most = min(width, t - bounds[sequence] + 1)
            for j in range(most):
                beginning = np.int64(-1) if j == 0 else np.int64(grams[t - 1, j - 1])
                if code[t] < 0 or (j > 0 and beginning < 0):
                    continue
                grams[t, j] = _find(beginning * n_codes + code[t], table_keys, table_numbers)
    return grams


@kernel
def count(
    bounds: Ints, part: NDArray[np.int8], grams: Codes, inside: Floats, across: Floats, counts: Counts
) -> None:
    """Add up the probabilities of all ages by gram.

    Parameters
    ----------
    part : int8[N]
    inside, across : float64[N, K]
        Probability that the step before has the age, and that the journey goes on with this step, or that
        another one begins.
    counts : Counts
        Zero; filled in place.
    """
    most = inside.shape[1]
    empty = counts.inside.shape[1] - 1
    everywhere = counts.inside.shape[2] - 1
    for sequence in range(len(bounds) - 1):
        for t in range(bounds[sequence] + 1, bounds[sequence + 1]):
            on, over = 0.0, 0.0
            for j in range(most, -1, -1):
                if j > 0:
                    on += inside[t, j - 1]
                    over += across[t, j - 1]
                context = empty if j == 0 else grams[t - 1, j - 1]
                if context < 0:
                    continue
                waits = t == bounds[sequence + 1] - 1
                _add(counts, 0, context, grams[t, j], waits, part[t], everywhere, on, over)
                if 0 < j < most:
                    exact, exact_over = inside[t, j - 1], across[t, j - 1]
                    _add(counts, 1, context, grams[t, j], waits, part[t], everywhere, exact, exact_over)


@inlined
def _add(counts, kind, context, gram, waits, part, everywhere, on, over):
    for which in range(2):
        column = np.int64(part) if which == 0 else np.int64(everywhere)
        counts.ended[kind, context, column] += over
        if waits:
            counts.waiting[kind, context, column] += on
        else:
            counts.gone_on[kind, context, column] += on
        if gram >= 0:
            counts.inside[kind, gram, column] += on


@kernel
def continue_or_end(
    bounds: Ints,
    part: NDArray[np.int8],
    grams: Codes,
    counts: Counts,
    trust: Floats,
    n_codes: int,
    inside: Floats,
    across: Floats,
    go_on: Floats,
    end: Floats,
    helped: Floats,
    tried: Floats,
) -> None:
    """Work out for each step how likely the journey goes on with it, or has ended, by age of the one before.

    The share seen after the longest context is mixed with that after the next shorter one, and so on, down
    to all things being equally likely (deleted interpolation).

    Parameters
    ----------
    trust : float64[2, K + 1, BUCKETS]
        Weight of the share itself in the mixture, by kind, length of the context, and how often it occurred.
    inside, across : float64[N, K]
        As in `count`; what weights are learnt with. Zero where nothing is to be learnt.
    go_on, end : float64[N, K]
        Filled: probability of this step within the journey, and of the end before it.
    helped, tried : float64[2, K + 1, BUCKETS]
        Zero; filled with how often the share itself is what explains the step, and how often it was asked.
    """
    most = inside.shape[1]
    empty = counts.inside.shape[1] - 1
    chance = 1.0 / (n_codes + 1)
    on, over = np.zeros(most + 1), np.zeros(most + 1)
    weight, bucket = np.zeros(most + 1), np.full(most + 1, -1)
    on_share, over_share = np.zeros(most + 1), np.zeros(most + 1)
    for sequence in range(len(bounds) - 1):
        for t in range(bounds[sequence] + 1, bounds[sequence + 1]):
            longest = min(most, t - bounds[sequence])
            waits = t == bounds[sequence + 1] - 1
            below_on, below_over = 1 - chance if waits else chance, chance
            for j in range(longest + 1):
                context = empty if j == 0 else grams[t - 1, j - 1]
                bucket[j], on_share[j], over_share[j] = _shares(
                    counts, 0, context, grams[t, j], waits, part[t]
                )
                weight[j] = trust[0, j, bucket[j]] if bucket[j] >= 0 else 0.0
                below_on = weight[j] * on_share[j] + (1 - weight[j]) * below_on
                below_over = weight[j] * over_share[j] + (1 - weight[j]) * below_over
                on[j], over[j] = below_on, below_over
            for age in range(1, longest + 1):
                go_on[t, age - 1], end[t, age - 1] = on[age], over[age]
                goes, ends = inside[t, age - 1], across[t, age - 1]
                if age < most:
                    b, s, e = _shares(counts, 1, grams[t - 1, age - 1], grams[t, age], waits, part[t])
                    if b >= 0:
                        w = trust[1, age, b]
                        go_on[t, age - 1] = w * s + (1 - w) * on[age]
                        end[t, age - 1] = w * e + (1 - w) * over[age]
                        by_on = goes * w * s / go_on[t, age - 1]
                        by_over = ends * w * e / end[t, age - 1]
                        helped[1, age, b] += by_on + by_over
                        tried[1, age, b] += goes + ends
                        goes -= by_on
                        ends -= by_over
                for j in range(age, -1, -1):
                    if bucket[j] < 0:
                        continue
                    by_on = goes * weight[j] * on_share[j] / on[j]
                    by_over = ends * weight[j] * over_share[j] / over[j]
                    helped[0, j, bucket[j]] += by_on + by_over
                    tried[0, j, bucket[j]] += goes + ends
                    goes -= by_on
                    ends -= by_over


@inlined
def _shares(counts, kind, context, gram, waits, part):
    """Return a context's bucket (-1: never seen elsewhere), and the shares of going on so and of ending."""
    everywhere = counts.inside.shape[2] - 1
    bucket, goes, ends = -1, 0.0, 0.0
    if context >= 0:
        ended = counts.ended[kind, context, everywhere] - counts.ended[kind, context, part]
        gone_on = counts.gone_on[kind, context, everywhere] - counts.gone_on[kind, context, part]
        waiting = counts.waiting[kind, context, everywhere] - counts.waiting[kind, context, part]
        seen = ended + gone_on + waiting
        if seen > _SELDOM:
            bucket = min(int(2 * np.log2(1.0 + seen)), BUCKETS - 1)
            ends = min(max(ended / seen, 0.0), 1.0)
            if waits:
                goes = 1.0 - ends
            elif gram >= 0 and gone_on > _SELDOM:
                so = counts.inside[kind, gram, everywhere] - counts.inside[kind, gram, part]
                goes = min(max(so / gone_on, 0.0), 1.0) * (1.0 - ends)
    return bucket, goes, ends


@kernel
def forward_backward(
    bounds: Ints,
    go_on: Floats,
    end: Floats,
    start: Floats,
    ratio: Floats,
    begins: Floats,
    inside: Floats,
    across: Floats,
) -> float:
    """Work out how likely a journey begins with each step, given everything before and after it.

    Parameters
    ----------
    bounds : int64[S + 1]
        Bounds of the sequences over the steps, from 0; a journey begins with the first step of each.
    go_on, end : float64[N, K]
        Given the age of the step before: probability of this step in the same journey, and of its end.
    start : float64[N]
        Probability that a journey that begins, begins with this step.
    ratio : float64[N]
        How much likelier the silence before the step is between journeys than within one.
    begins : float64[N]
        Filled: probability that a journey begins with the step; of the wait, that the journey had ended.
    inside, across : float64[N, K]
        Filled: probability that the step before has the age, and that the journey goes on, or another begins.

    Returns
    -------
    float
        Natural logarithm of the likelihood, of the silences that of the ratios alone.
    """
    most = go_on.shape[1]
    total = 0.0
    forward = np.zeros((len(start), most))
    after, before = np.ones(most), np.ones(most)
    for sequence in range(len(bounds) - 1):
        first, last = bounds[sequence], bounds[sequence + 1]
        if first == last:
            continue
        forward[first, 0] = 1.0
        begins[first] = 1.0
        total += np.log(start[first])
        for t in range(first + 1, last):
            scale = 0.0
            for age in range(most):
                older = min(age + 1, most - 1)
                over = forward[t - 1, age] * end[t, age] * start[t] * ratio[t]
                on = forward[t - 1, age] * go_on[t, age]
                forward[t, 0] += over
                forward[t, older] += on
                scale += over + on
            forward[t] /= scale
            total += np.log(scale)
        after[:] = 1.0
        for t in range(last - 1, first, -1):
            scale = 0.0
            for age in range(most):
                older = min(age + 1, most - 1)
                over = end[t, age] * start[t] * ratio[t] * after[0]
                on = go_on[t, age] * after[older]
                before[age] = over + on
                across[t, age] = forward[t - 1, age] * over
                inside[t, age] = forward[t - 1, age] * on
                scale += across[t, age] + inside[t, age]
            begins[t] = 0.0
            for age in range(most):
                across[t, age] /= scale
                inside[t, age] /= scale
                begins[t] += across[t, age]
                after[age] = before[age] / scale
    return total


@kernel
def ages(bounds: Ints, begins: Floats, inside: Floats, across: Floats) -> None:
    """Fill in the probabilities of ages that go with beginnings that are independent of each other."""
    most = inside.shape[1]
    now, then = np.zeros(most), np.zeros(most)
    for sequence in range(len(bounds) - 1):
        now[:] = 0.0
        now[0] = 1.0
        for t in range(bounds[sequence] + 1, bounds[sequence + 1]):
            then[:] = 0.0
            then[0] = begins[t]
            for age in range(most):
                across[t, age] = now[age] * begins[t]
                inside[t, age] = now[age] * (1.0 - begins[t])
                then[min(age + 1, most - 1)] += inside[t, age]
            now[:] = then


@kernel
def trusted(trust: Floats, helped: Floats, tried: Floats) -> Floats:
    """Return the weights that explain best what was seen; where little was, they stay near what they were."""
    return np.minimum((helped + trust) / (tried + 1.0), _MOST_TRUSTED)


@inlined
def _place(key, mask):
    mixed = np.uint64(key) * np.uint64(_HASH)
    return np.int64((mixed >> np.uint64(20)) & np.uint64(mask))


@inlined
def _find(key, table_keys, table_numbers):
    mask = len(table_keys) - 1
    place = _place(key, mask)
    while table_numbers[place] >= 0 and table_keys[place] != key:
        place = (place + 1) & mask
    return table_numbers[place]
