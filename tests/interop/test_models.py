"""What a discovered model lets follow, told part by part of its tree, is what its net lets follow."""

from __future__ import annotations

import itertools
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.interop import discover_model, from_event_log, model_beside_map
from cjmining.interop.models import pairs_of, tree_pairs
from cjmining.interop.nets import behaviour_of
from tests.discovery.test_variants import log_of
from tests.examples import examples
from tests.interop.test_logs import shop_log

TILL = parse_map("""
map: Till
goal: [paid]
patience: 2d
ignore: [mail]
stages:
  - {stage: Look, order: choice, touchpoints: [{touchpoint: ad}, {touchpoint: seen}]}
  - {stage: Think, optional: true, touchpoints: [{touchpoint: thought, recorded: false}]}
  - {stage: Choose, touchpoints: [{touchpoint: taken, repeat: true}], returns_to: [Look]}
  - {stage: Pay, touchpoints: [{touchpoint: paid}]}
""")


def by_words(*ways: str) -> cj.JourneyLog:
    return log_of([(n, list(enumerate(way.split()))) for n, way in enumerate(ways)])


def rows(table) -> list[tuple]:
    return list(table.itertuples(index=False, name=None))


def test_by_hand(pm4py):
    """Nobody takes twice or goes back; some pay at once, and one looks after having paid."""
    log = by_words(
        *["ad taken paid"] * 20, *["seen taken mail paid"] * 20, *["ad paid"] * 20, "ad taken paid seen"
    )
    model = _tree(pm4py, "->( X( 'ad', 'seen' ), X( tau, 'taken' ), 'paid' )")
    beside = model_beside_map(model, TILL, found=cj.discover(log, ignore=TILL.ignore))
    assert rows(beside.pairs) == [
        ("ad", "taken", "planned and modelled", 21, 21),
        ("seen", "taken", "planned and modelled", 20, 20),
        ("taken", "paid", "planned and modelled", 41, 41),
        ("taken", "ad", "planned only", 0, 0),
        ("taken", "seen", "planned only", 0, 0),
        ("taken", "taken", "planned only", 0, 0),
        ("ad", "paid", "modelled only", 20, 20),
        ("seen", "paid", "modelled only", 0, 0),
        ("paid", "seen", "in neither", 1, 1),
    ]
    assert rows(beside.account) == [
        ("planned and modelled", 3, 82, 82 / 103),
        ("planned only", 3, 0, 0.0),
        ("modelled only", 2, 20, 20 / 103),
        ("in neither", 1, 1, 1 / 103),
    ]
    assert "3 planned and modelled, 3 planned only, 2 modelled only, 1 in neither" in repr(beside)


def test_without_counts_there_are_none(pm4py):
    beside = model_beside_map(discover_model(by_words("ad taken paid")), TILL)
    assert beside.pairs.columns.tolist() == ["from_touchpoint", "to_touchpoint", "kind"]
    assert beside.account["kind"].tolist() == ["planned and modelled", "planned only", "modelled only"]


WAYS = st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=5), min_size=1, max_size=8)


@examples(60)
@given(WAYS, st.sampled_from([0.0, 0.2, 0.5]), st.sets(st.sampled_from("abcde"), max_size=1))
def test_the_tree_tells_what_the_net_lets_follow(pm4py, ways, noise, ignored):
    model = discover_model(by_words(*map(" ".join, ways)), noise=noise)
    by_tree = tree_pairs(model.tree, frozenset(ignored)).pairs
    assert set(by_tree) == pairs_of(behaviour_of(*model.net, tuple(ignored), "the net"))
    if noise == 0 and not ignored:  # the miner promises that every journey fits
        assert {pair for way in ways for pair in itertools.pairwise(way)} <= by_tree


def _tree(pm4py, text: str):
    from pm4py.objects.process_tree.utils.generic import parse

    return parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("->( 'a', X( tau, 'b' ), 'c' )", "ab ac bc"),
        ("X( 'a', ->( 'b', 'c' ) )", "bc"),
        ("+( ->( 'a', 'b' ), 'c' )", "ab ac ca bc cb"),
        ("*( 'a', 'b' )", "ab ba"),
        ("*( 'a', tau )", "aa"),
        ("*( X( tau, 'a' ), 'b' )", "ab ba bb"),
        ("O( 'a', 'b' )", "ab ba"),
    ],
)
def test_operators_by_hand(pm4py, text, expected):
    assert {"".join(pair) for pair in tree_pairs(_tree(pm4py, text)).pairs} == set(expected.split())


def test_nets_and_trees_are_taken_and_parallel_parts_have_no_limit(pm4py):
    model = discover_model(by_words("ad taken paid", "seen taken paid"))
    same = [model_beside_map(each, TILL).pairs for each in (model, model.tree, model.net)]
    assert same[0].equals(same[1])
    assert same[0].equals(same[2])
    wide = _tree(pm4py, f"+( {', '.join(repr(f't{n}') for n in range(20))} )")  # a million markings
    assert len(tree_pairs(wide).pairs) == 20 * 19


def test_the_shop_and_the_help_desk(pm4py, tickets):
    desk = from_event_log(tickets)
    for log in (shop_log(), desk):
        model, found = discover_model(log, noise=0), cj.discover(log)
        touched = set(log.vocabulary("touchpoint"))
        intended = parse_map(
            "{map: One, goal: [last], patience: 2d, stages: [{stage: A, touchpoints: [{touchpoint: last}]}]}"
        )
        beside = model_beside_map(model, intended, found=found)
        assert beside.account.set_index("kind")["count"].to_dict() == {
            "planned and modelled": 0,
            "planned only": 0,
            "modelled only": int(found.transitions["count"].sum()),
            "in neither": 0,
        }
        assert set(beside.pairs["from_touchpoint"]) <= touched


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda log: discover_model(log, noise=2), "noise is a number from 0 to 1, not 2"),
        (lambda log: discover_model(log, noise="x"), "noise is a number from 0 to 1, not 'x'"),
        (lambda log: discover_model(log, noise=None), "noise is a number from 0 to 1, not None"),
        (lambda log: discover_model(log, ignore=None), "ignore is a sequence of touchpoints, not None"),
        (lambda _: discover_model("log"), "interop.discover_model takes a JourneyLog first, not str"),
        (lambda log: discover_model(log, ignore="mail"), r"write \['mail'\], not 'mail'"),
        (lambda log: discover_model(log, ignore=["ad", "paid"]), "no events to discover a model from"),
        (lambda _: model_beside_map("model", TILL), r"takes what discover_model returned.*not str"),
        (
            lambda log: model_beside_map(discover_model(log), TILL, found=log),
            "found is the result of cj.discover",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(pm4py, call, words):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(cj.LogError, match=words):
            call(by_words("ad paid"))
