"""Links and guards on sets of identifiers alone, against the same rules done by hand."""

from __future__ import annotations

import random
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cjmining.ingest import linking
from cjmining.ingest.kinds import kind_of
from cjmining.ingest.linking import (
    CUTS,
    REASONS,
    SEVERAL,
    SHARED,
    Limits,
    LimitsOfAll,
    Sets,
    components,
    improbable,
    join,
    limits_of,
    link,
    pairs,
)
from tests.examples import examples

from .identity_by_hand import ByHand, most

KINDS = ("user_id", "crm_id", "email", "phone", "order_id", "crm_account", "cookie", "case")


def shown(sets, certain=(), cluster=None, known=None):
    """Return the identifiers, and what linking gets of them and their sets; `known` says what is refused."""
    nodes = sorted({one for each in sets for one in each})
    number = {one: i for i, one in enumerate(nodes)}
    kinds = sorted({kind for kind, _ in nodes})
    pairs = sorted((i, number[one]) for i, each in enumerate(sets) for one in each)
    return nodes, Sets(
        kinds=[kind_of(kind) for kind in kinds],
        kind=np.array([kinds.index(kind) for kind, _ in nodes], np.int64),
        refusal=np.array([(known or {}).get(node, 0) for node in nodes], np.int8),
        set=np.array([i for i, _ in pairs], np.int64),
        node=np.array([n for _, n in pairs], np.int64),
        same=np.array([number[a] for a, _ in certain], np.int64),
        other=np.array([number[b] for _, b in certain], np.int64),
        cluster=None if cluster is None else np.array([cluster.get(n, -1) for n in nodes], np.int64),
    )


def found(sets, certain=(), cluster=None):
    """Return the customers, the refused identifiers and each set's customer (as its identifiers)."""
    nodes, given = shown(sets, certain, cluster)
    linked = link(given)
    groups: dict[int, set] = {}
    for node, customer in zip(nodes, linked.customer.tolist(), strict=True):
        if customer >= 0:
            groups.setdefault(customer, set()).add(node)
    assert sorted(groups) == list(range(len(groups)))
    assert [min(groups[i]) for i in range(len(groups))] == sorted(min(each) for each in groups.values())
    refused = {node: REASONS[code] for node, code in zip(nodes, linked.refusal.tolist(), strict=True) if code}
    whose = {
        frozenset(sets[i]): frozenset(groups[c]) if c >= 0 else c
        for i, c in zip(linked.set.tolist(), linked.set_customer.tolist(), strict=True)
    }
    return {frozenset(each) for each in groups.values()}, refused, whose


def ids(**given):
    return frozenset(given.items())


identifier = st.tuples(st.sampled_from(KINDS), st.sampled_from("abcd"))
some_sets = st.lists(st.frozensets(identifier, min_size=1, max_size=4), min_size=1, max_size=14)


@examples(150)
@given(some_sets)
def test_customers_are_those_found_by_hand(sets):
    by_hand = ByHand(sets)
    customers, refused, _ = found(sets)
    assert refused == by_hand.refused
    assert customers == by_hand.customers()


@examples(60)
@given(some_sets, st.randoms(use_true_random=False))
def test_neither_the_order_nor_the_number_of_sets_matters(sets, chance):
    again = [*sets, *chance.choices(sets, k=3)]
    chance.shuffle(again)
    assert found(again) == found(sets)


@examples(60)
@given(some_sets)
def test_without_conflicts_they_are_connected_components(sets):
    """Where no guard refuses anything, plain union and find over the sets."""
    customers, refused, whose = found(sets)
    groups: list[set] = []
    for each in sets:
        groups = [g for g in groups if not g & each] + [set(each).union(*(g for g in groups if g & each))]
    for customer in customers:
        assert any(customer <= group for group in groups), "joined beyond what is linked"
    if not refused and -2 not in whose.values():
        assert customers == {frozenset(group) for group in groups}
        assert all(each <= whose[each] for each in map(frozenset, sets))


@examples(60)
@given(st.data(), st.integers(2, 7))
def test_what_is_merged_joins_no_strangers(data, n):
    """Persons' numbers alone, some refused by their value, some in clusters from elsewhere, some merged."""
    place = st.integers(0, n - 1)
    merged = data.draw(st.lists(st.tuples(place, place).filter(lambda pair: pair[0] < pair[1]), max_size=6))
    refusal = np.array(data.draw(st.lists(st.sampled_from([0, 0, 1]), min_size=n, max_size=n)), np.int8)
    cluster = np.array(data.draw(st.lists(st.sampled_from([-1, -1, 0]), min_size=n, max_size=n)), np.int64)
    refusal[cluster >= 0] = 0
    same, other = np.array(merged, np.int32).reshape(-1, 2).T
    own = np.arange(n, dtype=np.int32)
    linked = link(
        Sets(
            kinds=[kind_of("user_id")], kind=np.zeros(n, np.int8), refusal=refusal, set=own, node=own,
            same=same, other=other, cluster=cluster,
        )
    )  # fmt: skip
    listed = np.flatnonzero(cluster >= 0).tolist()
    usable = [{node} for node in own.tolist() if not refusal[node]]
    joined = [{*pair} for pair in merged if not refusal[list(pair)].any()] + [set(listed)] * bool(listed)
    groups: list[set] = []
    for each in [*usable, *joined]:
        groups = [g for g in groups if not g & each] + [each.union(*(g for g in groups if g & each))]
    groups.sort(key=min)
    whose = {node: customer for customer, group in enumerate(groups) for node in group}
    assert linked.customer.tolist() == [whose.get(node, -1) for node in own.tolist()]


# guards, one by one ---------------------------------------------------------------------------------------


def test_a_tablet_of_two_people_makes_them_no_one_person():
    sets = [
        ids(user_id="1", cookie="tablet"),
        ids(user_id="2", cookie="tablet"),
        ids(user_id="1", cookie="own"),
        ids(cookie="tablet"),
    ]
    customers, refused, whose = found(sets)
    assert customers == {
        frozenset({("user_id", "1"), ("cookie", "own")}),
        frozenset({("user_id", "2")}),
    }
    assert refused == {("cookie", "tablet"): SEVERAL}
    assert whose[ids(cookie="tablet")] == -1
    assert whose[ids(user_id="2", cookie="tablet")] == ids(user_id="2")


def test_a_browser_joins_what_one_person_may_both_have():
    form = [ids(email="ann", cookie="c"), ids(user_id="1", cookie="c")]
    assert len(found(form)[0]) == 1
    assert len(found([*form, ids(user_id="1", email="other")])[0]) == 2


def test_what_was_done_before_login_is_the_customers_afterwards():
    sets = [
        ids(cookie="c"),
        ids(cookie="c", user_id="1"),
        ids(cookie="d", device="d"),
        ids(device="d", user_id="1"),
    ]
    customers, _, whose = found(sets)
    (everything,) = customers
    assert everything == {("cookie", "c"), ("cookie", "d"), ("device", "d"), ("user_id", "1")}
    assert whose[ids(cookie="c")] == whose[ids(cookie="d", device="d")] == everything


def test_a_telephone_of_a_household_links_neither_of_two_with_numbers_of_one_system():
    two = [ids(crm_id="1", phone="0"), ids(crm_id="2", phone="0")]
    assert found(two)[1] == {("phone", "0"): SEVERAL}
    across = [ids(crm_id="1", phone="0"), ids(user_id="2", phone="0")]
    assert len(found(across)[0]) == 1
    # a chain of two telephones must not join what one alone would not
    chain = [
        ids(crm_id="1", phone="0"),
        ids(user_id="2", phone="0"),
        ids(user_id="2", phone="9"),
        ids(crm_id="3", phone="9"),
    ]
    customers, refused, _ = found(chain)
    assert len(customers) == 3
    assert set(refused) == {("phone", "0"), ("phone", "9")}


def test_an_address_joins_two_numbers_of_one_system_unless_each_has_an_address_of_its_own():
    double = [ids(crm_id="1", email="ann"), ids(crm_id="2", email="ann")]
    assert len(found(double)[0]) == 1
    couple = [*double, ids(crm_id="1", email="own"), ids(crm_id="2", email="hers")]
    customers, refused, _ = found(couple)
    assert len(customers) == 2
    assert refused == {("email", "ann"): SEVERAL}


def test_an_order_links_across_systems_but_not_two_buyers():
    assert len(found([ids(user_id="1", order_id="7"), ids(crm_id="1", order_id="7")])[0]) == 1
    assert len(found([ids(crm_id="2", order_id="7"), ids(crm_id="1", order_id="7")])[0]) == 2
    assert len(found([ids(email="2", order_id="7"), ids(email="1", order_id="7")])[0]) == 2


def test_accounts_that_were_merged_stand_for_the_persons_of_both():
    accounts = frozenset({("crm_account", "A"), ("crm_account", "B")})
    sets = [accounts, ids(crm_account="A", crm_id="p"), ids(crm_account="B", crm_id="q")]
    customers, refused, _ = found(sets)
    assert customers == {ids(crm_id="p"), ids(crm_id="q")}
    assert set(refused) == set(accounts)
    assert len(found(sets[:2])[0]) == 1


def test_a_case_links_all_that_is_seen_with_it():
    sets = [ids(case="A", crm_id=str(i), email=str(i)) for i in range(500)]
    customers, refused, _ = found(sets)
    assert len(customers) == 1
    assert not refused


def test_what_a_system_says_was_merged_is_one_whatever_a_guard_doubts():
    sets = [ids(crm_id=f"{i}", email=f"e{i}") for i in range(40)]
    sets += [frozenset({("crm_id", "0"), ("crm_id", f"{i}")}) for i in range(1, 40)]
    certain = [(("crm_id", "0"), ("crm_id", f"{i}")) for i in range(1, 40)]
    assert len(found(sets)[0]) > 1
    customers, refused, _ = found(sets, certain)
    assert len(customers) == 1
    assert not refused


# improbable -----------------------------------------------------------------------------------------------


def test_a_placeholder_that_nobody_listed_finds_itself():
    people = [ids(user_id=f"{i}", email=f"{i}@x") for i in range(2000)]
    typed = [ids(user_id=f"{i}", email="till@shop") for i in range(0, 2000, 5)]
    customers, refused, _ = found(people + typed)
    assert refused == {("email", "till@shop"): SHARED}
    assert len(customers) == 2000


def test_a_number_seen_with_improbably_many_browsers_is_no_persons():
    people = [ids(user_id=f"{i}", cookie=f"{i}.{k}") for i in range(300) for k in range(1 + i % 4)]
    nobody = [ids(user_id="-1", cookie=f"n{k}") for k in range(5000)]
    customers, refused, _ = found(people + nobody)
    assert refused == {("user_id", "-1"): SHARED}
    assert len(customers) == 300 + 5000


def test_a_chain_of_addresses_that_would_join_improbably_many_is_cut():
    chain = [ids(user_id=f"{i + k}", email=f"e{i}") for i in range(60) for k in (0, 1)]
    others = [ids(user_id=f"u{i}", email=f"x{i}") for i in range(200)]
    customers, refused, _ = found(chain + others)
    assert set(refused.values()) == {SHARED}
    assert max(len({v for k, v in c if k == "user_id"}) for c in customers) == 1


def test_where_all_have_many_many_are_no_wonder():
    sets = [ids(user_id=f"{i}", subscriber_key=f"{i}.{k}") for i in range(50) for k in range(25)]
    customers, refused, _ = found(sets)
    assert len(customers) == 50
    assert not refused


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.booleans())
@example([1] * 10_000, False)
@example([20] * 40, True)
def test_improbable_is_what_is_computed_by_hand(counts, devices):
    assert improbable(np.bincount(counts), devices=devices) == pytest.approx(most(counts, devices))


@pytest.mark.parametrize("piece", [37, linking._PIECE])
def test_a_larger_random_world_agrees_with_the_one_by_hand(monkeypatch, piece):
    monkeypatch.setattr(linking, "_PIECE", piece)
    chance = random.Random(5)  # noqa: S311 -- a test's world
    sets = []
    for _ in range(1500):
        kinds = chance.sample(KINDS[:7], chance.choice((1, 2, 2, 3)))
        sets.append(frozenset((kind, str(int(chance.triangular(0, 900, 0)))) for kind in kinds))
    by_hand = ByHand(sets)
    customers, refused, whose = found(sets)
    assert refused == by_hand.refused
    assert customers == by_hand.customers()
    assert whose == whose_by_hand(sets, customers, refused)


def found_in_bins(sets, certain, number):
    """Return the customers and the refused identifiers, found in bins of components, and what was counted."""
    nodes, given = shown(sets, certain)
    before = linking._Linking(given, *pairs(given.set, given.node), Limits())
    before.refuse_improbable()
    refused = dict(zip(nodes, before.refusal.tolist(), strict=True))
    label = dict(zip(nodes, components(len(nodes), (before.one, before.other)).tolist(), strict=True))
    bins: list[list] = [[] for _ in range(number)]
    for each in sets:
        usable = sorted(label[one] for one in each if not refused[one])
        bins[usable[0] % number if usable else 0].append(each)
    known: list[dict] = []
    for _ in range(CUTS + 1):
        counted, customers, gone = [], set(), {}
        for own in filter(None, bins):
            there = {one for each in own for one in each}
            own_nodes, part = shown(own, [pair for pair in certain if there.issuperset(pair)], known=refused)
            limits = LimitsOfAll(known)
            customer, refusal = join(part, *pairs(part.set, part.node), limits)
            counted.append(limits.counts)
            groups: dict[int, set] = {}
            for node, whose, code in zip(own_nodes, customer.tolist(), refusal.tolist(), strict=True):
                if code:
                    gone[node] = REASONS[code]
                else:
                    groups.setdefault(whose, set()).add(node)
            customers |= {frozenset(each) for each in groups.values()}
        known.append(limits_of(counted))
    return customers, gone, known


@examples(80)
@given(some_sets, st.integers(1, 4), st.booleans())
def test_bins_of_components_have_the_customers_of_all(sets, number, merged):
    numbers = sorted({one for each in sets for one in each if one[0] == "user_id"})
    together = next((each for each in sets if len(each.intersection(numbers)) > 1), frozenset())
    certain = [tuple(sorted(together.intersection(numbers))[:2])] if merged and together else []
    assert found_in_bins(sets, certain, number)[:2] == found(sets, certain)[:2]


def test_what_is_usual_in_a_bin_is_what_is_usual_everywhere():
    """In a bin of its own a chain would be nothing unusual, and in the other bins nothing is cut."""
    chains = [
        ids(user_id=f"{c}.{i + k}", email=f"{c}.{i}") for c in range(6) for i in range(8) for k in (0, 1)
    ]
    others = [ids(user_id=f"u{i}", email=f"x{i}") for i in range(200)] + [
        ids(crm_id=f"{i}") for i in range(50)
    ]
    everything = chains + others
    customers, gone, known = found_in_bins(everything, [], 7)
    assert (customers, gone) == found(everything)[:2]
    assert set(gone.values()) == {SHARED}
    assert known[0]["user_id"] < 9 < improbable(np.bincount([9]), devices=False)


def whose_by_hand(sets, customers, refused):
    """Return each set's customer, from whose the surest of its identifiers are."""
    owner = {one: frozenset(customer) for customer in customers for one in customer}
    tier = {"email": 1, "phone": 2, "order_id": 3, "crm_account": 4, "cookie": 5}  # else a number: 0
    whose = {}
    for each in sets:
        usable = [(tier.get(one[0], 0), owner[one]) for one in each if one not in refused]
        surest = {customer for rank, customer in usable if rank == min(rank for rank, _ in usable)}
        whose[each] = -1 if not usable else surest.pop() if len(surest) == 1 else -2
    return whose


@examples(60)
@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=24))
def test_components_are_those_of_union_and_find(edges):
    least = list(range(16))
    for _ in least:
        for a, b in edges:
            least[a] = least[b] = min(least[a], least[b])
    first, second = (np.array([edge[i] for edge in edges], np.int32) for i in (0, 1))
    assert components(16, (first, second)).tolist() == least


@examples(40)
@given(st.lists(st.frozensets(st.integers(0, 9), min_size=1, max_size=4), min_size=1, max_size=8))
def test_pairs_are_all_that_are_seen_in_one_set(sets):
    rows = sorted((i, one) for i, each in enumerate(sets) for one in each)
    one, other = pairs(np.array([i for i, _ in rows], np.int32), np.array([n for _, n in rows], np.int32))
    expected = {(a, b) for each in sets for a in each for b in each if a < b}
    assert list(zip(one.tolist(), other.tolist(), strict=True)) == sorted(expected)


def test_who_is_who_takes_little_memory_for_each_identifier(monkeypatch):
    monkeypatch.setattr(linking, "_PIECE", 4096)
    n = 100_000
    person = np.arange(n, dtype=np.int32)
    shown = Sets(
        kinds=[kind_of("cookie"), kind_of("email")],
        kind=np.repeat(np.array([0, 1], np.int8), n),
        refusal=np.zeros(2 * n, np.int8),
        same=np.empty(0, np.int32),
        other=np.empty(0, np.int32),
        set=np.repeat(person, 2),
        node=np.column_stack((person, person + n)).ravel().astype(np.int32),
    )
    tracemalloc.start()
    linked = link(shown)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert linked.customer.tolist() == [*range(n), *range(n)]
    assert peak < 40 * 2 * n
