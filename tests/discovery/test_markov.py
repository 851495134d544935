"""Chains of journeys: by hand, by brute force, and on journeys made by chains of a known order."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.discovery import summary
from cjmining.discovery.markov import END, START
from cjmining.discovery.markov_choice import FOLDS, MIXTURES, PAIRS, folds_of
from tests.examples import examples


def _log(customer, touchpoint, **columns):
    return cj.JourneyLog.from_events(
        pa.table(
            {
                "customer": np.asarray(customer, np.int64),
                "timestamp": pa.array(np.arange(len(customer)), pa.timestamp("s", "UTC")),
                "touchpoint": pa.array(touchpoint, pa.string()),
                **columns,
            }
        )
    )


def _of_journeys(journeys):
    """A log of journeys written as texts, a letter a step, one journey a customer."""
    return _log(
        [number for number, one in enumerate(journeys) for _ in one], [c for one in journeys for c in one]
    )


# by hand --------------------------------------------------------------------------------------------------


def test_chains_by_hand():
    chains = cj.markov(_of_journeys(["ab", "abb", "b"]).tag(outcome=["converted", "open", "dropped"]))
    table = chains.transitions.set_index(["order", "from", "to_touchpoint"])[
        ["count", "journeys", "probability"]
    ]
    assert {key: tuple(row) for key, row in zip(table.index, table.to_numpy().tolist(), strict=True)} == {
        (0, "(any)", "a"): (2, 2, 0.25),
        (0, "(any)", "b"): (4, 3, 0.5),
        (0, "(any)", "(end)"): (2, 2, 0.25),
        (1, "(start)", "a"): (2, 2, 2 / 3),
        (1, "(start)", "b"): (1, 1, 1 / 3),
        (1, "a", "b"): (2, 2, 1.0),
        (1, "b", "b"): (1, 1, 1 / 3),
        # The second journey is open: nothing is known of what follows its last step.
        (1, "b", "(end)"): (2, 2, 2 / 3),
        (2, "(start)", "a"): (2, 2, 2 / 3),
        (2, "(start)", "b"): (1, 1, 1 / 3),
        (2, "(start) > a", "b"): (2, 2, 1.0),
        (2, "(start) > b", "(end)"): (1, 1, 1.0),
        (2, "a > b", "b"): (1, 1, 0.5),
        (2, "a > b", "(end)"): (1, 1, 0.5),
    }
    assert chains.orders["states"].tolist() == [1, 3, 4]
    assert chains.orders["parameters"].tolist() == [2, 2, 2]
    assert chains.orders["steps"].tolist() == [8, 8, 8]
    assert chains.notes == ("Open journeys: 1 of 3. They have no end, since what follows is not known.",)


def test_without_the_tag_every_journey_ends():
    chains = cj.markov(_of_journeys(["ab", "abb", "b"]))
    assert (
        chains.transitions.query("to_touchpoint == '(end)'").groupby("order")["count"].sum().tolist()
        == [3] * 3
    )
    assert "log.tag(outcome=check.journeys['outcome'])" in chains.notes[0]


def test_the_matrix_by_hand():
    chains = cj.markov(_of_journeys(["ab", "abb", "b"]), order=1)
    matrix = chains.matrix()
    assert matrix.index.tolist() == [START, "a", "b"]
    assert matrix.columns.tolist() == ["a", "b", END]
    assert matrix.to_numpy().tolist() == [[2 / 3, 1 / 3, 0], [0, 1, 0], [0, 0.25, 0.75]]
    assert chains.matrix(order=2).index.tolist() == [START, "(start) > a", "(start) > b", "a > b", "b > b"]
    assert chains.matrix(order=0).index.tolist() == ["(any)"]


def test_a_journey_of_ignored_touchpoints_starts_and_ends():
    matrix = cj.markov(_of_journeys(["ab", "b"]), ignore=["b"]).matrix(order=1)
    assert matrix.loc[START].to_dict() == {"a": 0.5, END: 0.5}


def test_an_order_that_was_asked_for_is_chosen():
    journeys = ["ab", "abb", "b"] * 5
    assert cj.markov(_of_journeys(journeys), order=2).chosen.tolist() == [2]
    assert "all: order 1" in repr(cj.markov(_of_journeys(journeys), order=1))


def test_steps_named_like_the_words_of_chains_are_told_apart():
    log = _log([0, 0, 1, 2], ["(start)", "(end)", "(any)", "a"])
    chains = cj.markov(log, order=1)
    matrix = chains.matrix()
    assert matrix.index.tolist() == ["((start))", "(any)", "(end)", "(start)", "a"]
    assert matrix.columns.tolist() == ["(any)", "(end)", "(start)", "a", "((end))"]
    assert matrix.sum(axis=1).tolist() == pytest.approx([1.0] * 5)
    assert chains.matrix(order=0).index.tolist() == ["((any))"]
    assert chains.matrix(order=2).sum(axis=1).tolist() == pytest.approx([1.0] * 5)


def test_names_to_ignore_that_the_log_lacks_are_noted():
    log = _of_journeys(["ab", "b"])
    chains, found = cj.markov(log, ignore=["bb"]), cj.discover(log, ignore=["bb"])
    for result in (chains, found):
        assert "bb" in result.notes[-1]
        assert result.notes[-1] in repr(result)


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"seed": 1.5}, {"seed": "x"}])
def test_seeds_that_are_none_are_refused(wrong):
    with pytest.raises(cj.LogError, match="seed is a whole number"):
        cj.markov(_of_journeys(["ab"]), **wrong)


@pytest.mark.parametrize("order", [0, 3, "2", None, True])
def test_other_orders_are_refused(order):
    with pytest.raises(cj.LogError, match="order is 'auto', 1 or 2"):
        cj.markov(_of_journeys(["ab"]), order=order)


def test_matrices_that_are_not_there_are_refused():
    log = _of_journeys(["ab", "b"]).tag(kind=["short", "long"])
    chains = cj.markov(log, by="kind")
    with pytest.raises(cj.LogError, match="say which group: there are long, short"):
        chains.matrix()
    with pytest.raises(cj.LogError, match=r"no group 'shrt'.*short"):
        chains.matrix("shrt")
    with pytest.raises(cj.LogError, match="there is no group 5"):
        chains.matrix(5)
    with pytest.raises(cj.LogError, match="order is a whole number from 0 to 2, not 3"):
        chains.matrix("short", 3)


def test_more_than_can_be_counted_is_refused(monkeypatch):
    log = _of_journeys(["ab"])
    monkeypatch.setattr(type(log), "group", lambda *_: (np.zeros(1, np.int32), range(2**60)))
    with pytest.raises(cj.LogError, match="fewer groups"):
        cj.markov(log)


def test_an_empty_log_gives_empty_tables_with_types():
    empty, full = cj.markov(_log([], [])), cj.markov(_of_journeys(["ab", "b"]))
    assert empty.groups == ()
    for name in empty._tables:
        assert len(empty._table(name)) == 0
        assert empty._table(name).dtypes.equals(full._table(name).dtypes)
    assert "MarkovChains" in repr(empty)


# by brute force -------------------------------------------------------------------------------------------


@st.composite
def logs(draw):
    journeys = draw(st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=12))
    customers = sorted(draw(st.lists(st.integers(0, 9), min_size=len(journeys), max_size=len(journeys))))
    each = {"min_size": len(journeys), "max_size": len(journeys)}
    log = _log(
        [customer for customer, one in zip(customers, journeys, strict=True) for _ in one],
        [step for one in journeys for step in one],
        native_journey=pa.array([f"{at:02}" for at, one in enumerate(journeys) for _ in one], pa.string()),
    )
    return log.tag(
        outcome=draw(st.lists(st.sampled_from(["converted", "open"]), **each)),
        kind=draw(st.lists(st.sampled_from(["x", "y"]), **each)),
    )


def predictions_of(log):
    """Of every journey its customer, group, and the steps with their two predecessors."""
    frame = log.events
    for journey, row in enumerate(log.journeys.itertuples()):
        steps = frame.loc[frame["journey"] == journey, "touchpoint"].astype(str).tolist()
        steps += [END] if row.outcome != "open" else []
        before = [START, START, *steps]
        yield row.customer, row.kind, list(zip(before, before[1:], steps, strict=False))


def states(before, last):
    return ((), (last,), (before, last))


class Chain:
    """Counts of some journeys, and what they say of the next step."""

    def __init__(self, journeys, mixture, outcomes):
        self.mixture, self.outcomes = mixture, outcomes
        self.counts = defaultdict(Counter)
        for _, _, steps in journeys:
            for before, last, to in steps:
                for state in states(before, last):
                    self.counts[state][to] += 1

    def bits(self, step, order):
        before, last, to = step
        p = 1 / self.outcomes
        for state in states(before, last)[: order + 1]:
            seen = self.counts.get(state, Counter())
            p = (seen[to] + self.mixture * p) / (sum(seen.values()) + self.mixture)
        return -math.log2(p)

    def total(self, journeys, order):
        return sum(self.bits(step, order) for _, _, steps in journeys for step in steps)


def held_out(journeys, outcomes, order, seed):
    """The bits of each customer's steps from chains of the other folds, with the mixture that suits these."""
    fold = {one[0]: int(folds_of(np.array([one[0]]), seed)[0]) for one in journeys}
    folds = [[one for one in journeys if fold[one[0]] == number] for number in range(FOLDS)]
    needed = Counter()
    for left_out in range(FOLDS):
        others = [number for number in range(FOLDS) if number != left_out]
        scores = [
            sum(
                Chain(
                    itertools.chain(*(folds[one] for one in others if one != predicted)), mixture, outcomes
                ).total(folds[predicted], order)
                for predicted in others
            )
            for mixture in MIXTURES
        ]
        # Sums in another order may differ in the last digits: the first of those that are the least.
        least = next(at for at, score in enumerate(scores) if score <= min(scores) + 1e-9)
        chain = Chain(itertools.chain(*(folds[one] for one in others)), MIXTURES[least], outcomes)
        for one in folds[left_out]:
            needed[one[0]] += chain.total([one], order)
    return needed


@examples(60)
@given(logs(), st.integers(0, 3))
def test_bits_of_unseen_journeys_equal_brute_force(log, seed):
    chains = cj.markov(log, by="kind", seed=seed)
    everything = list(predictions_of(log))
    outcomes = len({to for _, _, steps in everything for _, _, to in steps})
    for group in chains.groups:
        journeys = [one for one in everything if one[1] == group]
        rows = chains.orders[chains.orders["by"] == group].set_index("order")
        steps = Counter()
        for customer, _, each in journeys:
            steps[customer] += len(each)
        bits = [held_out(journeys, outcomes, order, seed) for order in range(3)]
        n, customers = sum(steps.values()), len(steps)
        assert rows["steps"].tolist() == [n] * 3
        assert rows["journeys"].tolist() == [len(journeys)] * 3
        assert rows["customers"].tolist() == [customers] * 3
        for order in range(3):
            assert rows.loc[order, "bits_per_step"] == pytest.approx(sum(bits[order].values()) / n)
        limits = {}
        for low, high in PAIRS:
            saved = {one: bits[low][one] - bits[high][one] for one in steps}
            gain = sum(saved.values()) / n
            spread = sum((saved[one] - gain * steps[one]) ** 2 for one in steps)
            width = (
                1.959964 * math.sqrt(spread * customers / (customers - 1)) / n if customers > 1 else math.nan
            )
            limits[low, high] = (gain, gain - width, gain + width)
        for order in (1, 2):
            found = rows.loc[order, ["gain_bits", "lower", "upper"]].tolist()
            assert found == pytest.approx(limits[order - 1, order], abs=1e-6, nan_ok=True)
        unsure = any(abs(lower) < 1e-6 for _, lower, _ in limits.values())
        beaten = {low for (low, _), (_, lower, _) in limits.items() if lower > 0}
        assert unsure or chains.chosen[group] == min({0, 1, 2} - beaten)


@given(logs())
def test_counts_equal_brute_force(log):
    found = cj.markov(log, by=["kind", "outcome"]).transitions
    counts, journeys, leaving = Counter(), Counter(), Counter()
    names = log.group(["kind", "outcome"])[1]
    for at, (_, _, steps) in enumerate(predictions_of(log)):
        group = names[log.group(["kind", "outcome"])[0][at]]
        cells = [
            (group, order, state, to)
            for before, last, to in steps
            for order, state in enumerate(("(any)", last, f"{before} > {last}" if last != START else START))
        ]
        counts.update(cells)
        journeys.update(set(cells))
        leaving.update(cell[:3] for cell in cells)
    assert len(found) == len(counts)
    columns = ["by", "order", "from", "to_touchpoint", "count", "journeys", "probability"]
    for by, order, state, to, count, of, probability in found[columns].itertuples(index=False, name=None):
        assert (count, of) == (counts[by, order, state, to], journeys[by, order, state, to])
        assert probability == count / leaving[by, order, state]


@given(logs(), st.integers(1, 12))
def test_any_split_into_blocks_gives_the_same_chains(log, size):
    whole = cj.markov(log, by="kind")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary, "BLOCK_EVENTS", size)
        patch.setattr(summary, "MOST_BLOCKS", 100)
        split = cj.markov(log, by="kind")
    pd.testing.assert_frame_equal(split.transitions, whole.transitions)
    pd.testing.assert_frame_equal(split.orders, whole.orders, rtol=1e-9, atol=1e-12)


@examples(25)
@given(logs())
def test_rows_of_matrices_add_up_to_one(log):
    chains = cj.markov(log, by="kind", level="channel")
    for group, order in itertools.product(chains.groups, range(3)):
        np.testing.assert_allclose(chains.matrix(group, order).sum(axis=1), 1.0)


# a known truth --------------------------------------------------------------------------------------------


def journeys_of_a_chain(order, n, seed):
    """Journeys of three kinds of steps that depend on so many steps back, and on nothing before those."""
    rng = np.random.default_rng(seed)
    shares = {state: rng.dirichlet(np.ones(4)) for state in itertools.product("sabc", repeat=order)}
    for _ in range(n):
        steps = ["s"] * order
        while len(steps) < order + 30:
            step = rng.choice(list("abc "), p=shares[tuple(steps[len(steps) - order :])])
            if step == " ":
                break
            steps.append(step)
        if steps[order:]:
            yield "".join(steps[order:])


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_the_source_is_found(order, seed):
    chains = cj.markov(_of_journeys(list(journeys_of_a_chain(order, 1500, seed))))
    assert chains.chosen.tolist() == [order]
    bits = chains.orders["bits_per_step"]
    assert (bits.iloc[order] <= bits + 0.01).all()


@pytest.mark.parametrize("seed", range(4))
def test_steps_that_depend_on_nothing_need_no_memory(seed):
    """They are of open journeys: an end depends on something, since no journey ends before its first step."""
    steps = np.random.default_rng(seed).choice(list("abc"), p=[0.6, 0.3, 0.1], size=(1500, 6))
    log = _of_journeys(["".join(one) for one in steps]).tag(outcome=["open"] * 1500)
    assert cj.markov(log).chosen.tolist() == [0]


def test_each_group_has_its_own_order():
    one, two = (list(journeys_of_a_chain(order, 1500, seed=9)) for order in (1, 2))
    log = _of_journeys([*one, *two]).tag(kind=["one"] * len(one) + ["two"] * len(two))
    assert cj.markov(log, by="kind").chosen.to_dict() == {"one": 1, "two": 2}


def test_folds_are_even_and_follow_from_the_number_alone():
    customers = np.arange(20_000)
    fold = folds_of(customers, 0)
    assert np.bincount(fold).tolist() == pytest.approx([4000] * FOLDS, rel=0.06)
    assert folds_of(customers[::-3], 0).tolist() == fold[::-3].tolist()
    assert (folds_of(customers, 1) == fold).mean() == pytest.approx(1 / FOLDS, abs=0.02)
    assert set(folds_of(np.array([-1, 2**62]), -5)) <= set(range(FOLDS))


def test_the_seed_deals_otherwise_and_nothing_else_changes():
    log = _of_journeys(list(journeys_of_a_chain(1, 300, 1)))
    one, again, other = cj.markov(log), cj.markov(log), cj.markov(log, seed=1)
    pd.testing.assert_frame_equal(one.orders, again.orders)
    pd.testing.assert_frame_equal(one.transitions, other.transitions)
    assert one.orders["bits_per_step"].tolist() != other.orders["bits_per_step"].tolist()
    assert one.orders["bits_per_step"].tolist() == pytest.approx(
        other.orders["bits_per_step"].tolist(), abs=0.02
    )
