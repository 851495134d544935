"""Drop-out questions to a log that is read within a limit of memory: the same answers, by small lots."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import cjmining as cj
from cjmining import schema
from cjmining.dropout.entries import entries, list_entries
from cjmining.dropout.exposures import candidates
from cjmining.dropout.later import ends_of, pieces_of_ends
from cjmining.intended import parse_map

DAY_US = 86_400_000_000


def addresses(customers):
    """Two of three customers have an address, some have two."""
    known = [c for c in range(customers) if c % 3] + list(range(0, customers, 7))
    values = [f"{number}@example.com" for number in range(len(known))]
    kinds = pa.array(["email"] * len(known)).dictionary_encode()
    table = pa.table({"customer": known, "kind": kinds, "value": values})
    return table.cast(schema.IDENTITIES)


@pytest.fixture(scope="module")
def checks(tmp_path_factory):
    """The same check of a log in memory, and of one that is read in many small blocks."""
    shop = cj.simulate.shop(300, seed=8)
    intended = parse_map(shop.intended_text)
    path = replace(shop.log, _kept_identities=addresses(300)).write(
        tmp_path_factory.mktemp("logs") / "shop.log"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cjmining.log.LEAST_EVENTS", 100)
        patch.setattr("cjmining.dropout.later.MOST_AT_ONCE", 60)
        patch.setattr("cjmining.dropout.scan_counts._MOST_ROWS", 30)
        patch.setattr("cjmining.dropout.patience.MOST_DRAWN", 60)
        patch.setattr("cjmining.dropout.semi_markov._MOST_AT_ONCE", 60)
        found = []
        for limit in (None, "1MB"):
            log = cj.read_log(path, memory_limit=limit).split(intended).with_personas(intended)
            found.append(cj.check(log, intended, by="persona"))
        yield found


def same(one, other):
    for name in one._tables:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-15)
    assert one.notes == other.notes


QUESTIONS = {
    "several groups at the entry": lambda check: cj.incidence(
        check, by=["channel", "persona"], when="entry", to="next"
    ),
    "touchpoints": lambda check: cj.incidence(check.overall, at="touchpoint", horizons=["7d", "30d"]),
    "scan": lambda check: cj.scan(check, by=["channel", "device"], fewest=1, replicates=20),
    "won back": lambda check: cj.won_back(check, at="touchpoint"),
    "an audience": lambda check: cj.won_back(
        check, audience=cj.audience(check, until="2026-06-01", returned=True).holdout(0.4)
    ),
    "lifetime value": lambda check: cj.lifetime_value(check, scan=cj.scan(check, fewest=1, replicates=20)),
    "patience": lambda check: cj.settle_patience(
        check._reading.log, replace(check.intended, patience="auto"), share=0.1, replicates=10
    ),
    "drivers of some": lambda check: cj.drivers(check, "Basket", where={"device": "mobile"}, most=40),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_do_not_depend_on_the_limit(question, checks):
    in_memory, limited = checks
    assert len(limited._reading.blocks) > 4
    same(QUESTIONS[question](in_memory), QUESTIONS[question](limited))


def test_a_scenario_is_the_same_to_the_last_digit(checks):
    changes = [
        {"stage": "Checkout", "where": {"device": "mobile", "persona": "Gen Z"}, "drop_out": 0.5},
        {"touchpoint": "product_viewed", "drop_out": 0.9},
        {"promise": "call_answered"},
    ]
    one, other = (cj.what_if(check, changes, replicates=9) for check in checks)
    for name in one._tables:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    assert one.notes == other.notes
    assert one.changes["visits"].min() > 0


@pytest.mark.parametrize(
    "conditions",
    [
        {"stage": ["Basket", "Research"], "turn": "customer", "where": {"device": "mobile"}},
        {
            "outcome": ["open", "dropped"],
            "persona": "Gen Z",
            "since": "2026-04-01",
            "until": "2026-06-01",
            "identifiers": "email",
            "suppress": pd.DataFrame({"email": [f"{number}@example.com" for number in range(0, 90, 4)]}),
        },
    ],
)
def test_who_an_audience_is_does_not_depend_on_the_limit(conditions, checks):
    one, other = (cj.audience(check, **conditions) for check in checks)
    assert 1 < len(one) < one.behind
    for mine, theirs in ((one, other), (one.holdout(0.4), other.holdout(0.4))):
        pd.testing.assert_frame_equal(mine.customers, theirs.customers, rtol=1e-9, atol=0)
        pd.testing.assert_frame_equal(mine.account, theirs.account)
    assert one.notes == other.notes


def test_entries_within_a_limit_are_listed_once_and_again_where_a_check_goes(checks):
    in_memory, limited = checks
    assert list_entries(limited) is list_entries(limited)
    assert list_entries(limited, at="touchpoint") is not list_entries(limited)
    assert list_entries(in_memory) is not list_entries(in_memory)
    elsewhere = pickle.loads(pickle.dumps(limited))  # noqa: S301 -- our own
    assert elsewhere._reading.entries == {}
    assert set(limited._reading.entries) == {"stage", "touchpoint"}


def test_entries_come_in_pieces(checks):
    in_memory, limited = (list_entries(check) for check in checks)
    assert len(list(in_memory.pieces())) == 1
    assert len(list(limited.pieces())) > 4
    whole = entries(checks[0])
    for place in range(len(limited.names)):
        journeys = np.concatenate([piece.journey for piece in limited.pieces([place])])
        assert journeys.tolist() == whole.journey[whole.place == place].tolist()
    assert limited.shares() == [[place] for place in range(len(limited.names))]


def test_ends_come_by_lots_of_whole_customers(checks):
    limited = checks[1]
    reading = limited._reading
    whole, lots = ends_of(limited, reading), list(pieces_of_ends(limited, reading))
    assert len(lots) > 2
    assert [own.start for own, _ in lots] == [0, *(own.stop for own, _ in lots[:-1])]
    for (_, ends), (_, following) in pairwise(lots):
        assert ends.customer[-1] != following.customer[0]
    for number, column in enumerate(whole):
        assert np.concatenate([ends[number] for _, ends in lots]).tolist() == column.tolist()


def test_trials_are_made_again_where_memory_is_short_and_kept_where_not(checks):
    for check, kept in zip(checks, (True, False), strict=True):
        found = entries(check)
        at = found.only((found.place == 2) & found.followed(30 * DAY_US))
        each = next(candidates(check, at, 30 * DAY_US, stratum=None))
        assert (each.trial is each.trial) == kept
        assert each.trial.entry.tolist() == each.trial.entry.tolist()


def test_drivers_compare_all_entries_of_the_customers_drawn(checks):
    check = checks[0]
    everybody = cj.drivers(check, "Basket", most=None)
    some = cj.drivers(check, "Basket", most=100)
    assert some.entered < everybody.entered
    assert abs(some.entered - 100) < 40
    assert f"Compared are {some.entered:,} of {everybody.entered:,} entries" in some.notes[-1]
    assert cj.drivers(check, "Basket", most=everybody.entered).entered == everybody.entered
    assert not any("Compared are" in note for note in everybody.notes)


@pytest.mark.parametrize("most", [0, 2.5, True, "many"])
def test_so_many_entries_are_none(most, checks):
    with pytest.raises(ValueError, match="most must be a whole number of at least 1, or None"):
        cj.drivers(checks[0], "Basket", most=most)
