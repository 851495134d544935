"""Personas found in behaviour: what the tables say, by hand; one where nobody differs; new customers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.simulate import Behaviour

TWO = [(0, "abd"), (0, "abd"), (1, "abd"), (2, "abbd"), (3, "cb"), (3, "cb"), (4, "cb")]
"""Three customers come by a and reach d, two come by c and stay at b."""

LOOKERS = Behaviour(
    "Lookers", 0.4, (1966, 1996), ad=0, newsletter=0, store=0, catalogue=0, chats=0, calls=0,
    leave_research=0.9, buys_again=0.1,
)  # fmt: skip
CALLERS = Behaviour(
    "Callers", 0.6, (1938, 1965), ad=0, newsletter=0, store=0, catalogue=0.97, chats=0, calls=0.95,
    leave_awareness=0.02, leave_research=0.02, leave_basket=0.05, leave_checkout=0.05, buys_again=0.6,
)  # fmt: skip


def log_of(journeys, *, actor=None, **customers) -> cj.JourneyLog:
    rows = [(who, f"{n:05d}", letter) for n, (who, steps) in enumerate(journeys) for letter in steps]
    events = pd.DataFrame(rows, columns=["customer", "native_journey", "touchpoint"])
    events["timestamp"] = pd.to_datetime(np.arange(len(events)), unit="m", utc=True)
    if actor:
        events["actor"] = actor
    people = pd.DataFrame({"customer": range(1 + max(who for who, _ in journeys)), **customers})
    return cj.JourneyLog.from_events(events, customers=people)


@pytest.fixture(scope="module")
def two() -> cj.FoundPersonas:
    return cj.find_personas(log_of(TWO), number=2)


@pytest.fixture(scope="module")
def shop():
    """A shop of 900 customers whose two personas are clearly apart."""
    return cj.simulate.shop(900, seed=5, personas=(LOOKERS, CALLERS), fault=None, loyalty=1.0)


@pytest.fixture(scope="module")
def in_shop(shop):
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended)
    return log, cj.find_personas(log, ignore=intended.ignore, stability=4)


# the tables, by hand --------------------------------------------------------------------------------------


def test_personas_are_ordered_by_size_and_named_by_what_sets_them_apart(two):
    assert two.names == ("Persona 1: begins with a and d", "Persona 2: begins with c and ends with b")
    assert two.personas["customers"].tolist() == [3, 2]
    assert two.personas["journeys"].tolist() == [4, 3]
    assert two.personas["share_of_customers"].tolist() == [0.6, 0.4]
    assert (two.personas["probability"] > 0.9).all()
    assert two.personas["entropy"].between(0, 1).all()


def test_every_customer_has_a_persona_and_a_second_best(two):
    first, second = two.names
    assert two.customers["customer"].tolist() == [0, 1, 2, 3, 4]
    assert two.customers["persona"].tolist() == [first] * 3 + [second] * 2
    assert two.customers["second_best"].tolist() == [second] * 3 + [first] * 2
    np.testing.assert_allclose(two.customers["probability"] + two.customers["second_probability"], 1)


def test_traits_count_customers_here_and_elsewhere(two):
    traits = two.traits.set_index(["persona", "kind", "step"])
    d = traits.loc[two.names[0], "does", "d"]
    assert (d["customers"], d["share_of_customers"], d["elsewhere"], d["share_elsewhere"]) == (3, 1.0, 0, 0.0)
    assert d["ratio"] == math.inf
    assert d["apart"] == math.inf
    b = traits.loc[two.names[1], "does", "b"]
    assert (b["customers"], b["share_of_customers"], b["share_elsewhere"], b["apart"]) == (2, 1.0, 1.0, 0.0)


def test_transitions_count_what_follows_what(two):
    rows = two.transitions.set_index(["persona", "from_step", "to_step"])
    first = two.names[0]
    assert rows.loc[(first, "(start)", "a"), ["customers", "count"]].tolist() == [3, 4]
    assert rows.loc[(first, "b", "b"), ["customers", "count"]].tolist() == [1, 1]
    assert rows.loc[(first, "b", "d"), "count"] == 4
    assert rows.loc[(first, "d", "(end)"), "count"] == 4
    sums = two.transitions.groupby(["persona", "from_step"])["probability"].sum()
    np.testing.assert_allclose(sums, 1)


def test_quality_is_what_the_chains_of_the_table_need(two):
    """Told journey by journey from the table of transitions; naming 4 of 7 costs their entropy."""
    chain = two.transitions.set_index(["persona", "from_step", "to_step"])["probability"]
    persona = two.customers.set_index("customer")["persona"]
    bits = 0.0
    for who, steps in TWO:
        way = ["(start)", *steps, "(end)"]
        bits -= sum(math.log2(chain[persona[who], a, b]) for a, b in itertools.pairwise(way))
    naming = -(4 / 7 * math.log2(4 / 7) + 3 / 7 * math.log2(3 / 7))
    found = two.quality.set_index("told_by").loc["the personas found"]
    assert found["step_bits"] == pytest.approx(bits / 7)
    assert found["naming_bits"] == pytest.approx(naming)
    assert found["bits_per_journey"] == pytest.approx(bits / 7 + naming)
    assert (found["selector_bits"], found["share_fitting"], found["journeys"]) == (0, 1, 7)


def test_one_chain_needs_the_bits_of_the_pooled_counts(two):
    """4 of 7 begin with a; a always leads to b; b to d 4, b 1, end 3 of 8; c to b; d to the end."""
    entropy = -sum(n * math.log2(n / of) for n, of in ((4, 7), (3, 7), (4, 8), (1, 8), (3, 8))) / 7
    one = two.quality.set_index("told_by").loc["one persona"]
    assert one["bits_per_journey"] == pytest.approx(entropy)
    assert one["naming_bits"] == 0


def test_a_needless_persona_costs(in_shop):
    """Within persona 1 of the shop nobody differs: a further split names more than it tells."""
    log, found = in_shop
    mine = found.assign(log).where(persona=found.names[0])
    quality = cj.find_personas(mine, number=2, ignore=found.ignore).quality
    assert quality["bits_per_journey"].iloc[1] > quality["bits_per_journey"].iloc[0]
    assert quality["step_bits"].iloc[1] < quality["step_bits"].iloc[0]


# what counts ----------------------------------------------------------------------------------------------


def test_open_journeys_have_no_end():
    log = log_of(TWO)
    outcome = ["converted"] * 6 + ["open"]
    found = cj.find_personas(log.tag(outcome=outcome), number=2)
    ends = found.transitions[found.transitions["to_step"] == "(end)"]
    assert ends["count"].sum() == 6
    assert found.quality["journeys"].tolist() == [6, 6]


def test_only_what_customers_do_counts_and_nobody_is_lost():
    actor = ["customer"] * 3 + ["company", "customer"] + ["company"] * 2
    found = cj.find_personas(log_of([(0, "abd"), (1, "xa"), (2, "xx")], actor=actor), number=1)
    assert set(found.transitions["to_step"]) == {"a", "b", "d", "(end)"}
    assert found.personas["persona"].tolist() == ["Persona 1: everybody", "unknown"]
    assert found.personas["customers"].tolist() == [2, 1]
    assert found.personas["journeys"].tolist() == [2, 1]
    assert found.customers["persona"].tolist()[2] == "unknown"
    assert math.isnan(found.customers["probability"][2])
    assert "1 customer took no step of their own" in found.notes[0]


def test_attributes_lean_to_a_persona_but_make_none():
    """b alone tells nothing; where all others of a region are of one persona, it is theirs."""
    journeys = [(who, "abd" if who < 20 else "cb") for who in range(40)] + [(40, "x"), (41, "x")]
    region = ["North"] * 20 + ["South"] * 20 + ["North", "South"]
    log = log_of(journeys, region=region)
    plain = cj.find_personas(log, number=2).customers.set_index("customer")
    told = cj.find_personas(log, number=2, attributes=["region"]).customers.set_index("customer")
    assert plain.loc[40, "persona"] == plain.loc[41, "persona"]
    assert told.loc[40, "persona"] == told.loc[0, "persona"]
    assert told.loc[41, "persona"] == told.loc[20, "persona"]
    same = log_of([(who, "ab") for who in range(40)], region=["North"] * 20 + ["South"] * 20)
    assert cj.find_personas(same, attributes=["region"]).number == 1


@pytest.mark.parametrize("level", ["channel", "touchpoint@channel", "stage"])
def test_any_level_will_do(level, shop):
    intended = parse_map(shop.intended_text)
    found = cj.find_personas(
        shop.log.split(intended), number=2, level=level, intended=intended, ignore=intended.ignore
    )
    assert found.level == level
    truth = shop.truth["customers"]["persona"].to_numpy()
    table = pd.crosstab(truth, found.customers["persona"].to_numpy())
    assert table.to_numpy().max(axis=0).sum() > 0.85 * len(truth)


# the number -----------------------------------------------------------------------------------------------


def test_clear_personas_are_found_by_themselves_and_again(shop, in_shop):
    _, found = in_shop
    assert found.number == 2
    truth = shop.truth["customers"].set_index("customer")["persona"]
    agreement = pd.crosstab(truth, found.customers.set_index("customer")["persona"]).to_numpy()
    assert agreement.max(axis=0).sum() > 0.97 * agreement.sum()
    assert (found.stability["jaccard"] > 0.9).all()
    assert found.stability["replicates"].tolist() == [4, 4]
    chosen = found.criteria.set_index("number")
    assert chosen.loc[2, "chosen"]
    assert chosen.loc[2, "further_journey_bits"] > 0
    assert chosen.loc[1, "further_journey_bits"] == 0
    assert "belong together" in found.notes[0]


def test_criteria_are_those_of_their_definitions(in_shop):
    criteria = in_shop[1].criteria
    np.testing.assert_allclose(
        criteria["bic"], -2 * criteria["log_likelihood"] + criteria["parameters"] * math.log(900)
    )
    np.testing.assert_allclose(criteria["icl"], criteria["bic"] + 2 * criteria["entropy"])
    assert criteria["log_likelihood"].is_monotonic_increasing


@pytest.mark.parametrize("seed", range(1, 6))
def test_there_is_one_persona_where_nobody_differs(seed):
    shop = cj.simulate.null_shop(1000, seed=seed)
    intended = parse_map(shop.intended_text)
    assert cj.find_personas(shop.log.split(intended), ignore=intended.ignore).number == 1
    assert cj.find_personas(shop.log, ignore=intended.ignore).number == 1


def test_kinds_of_journeys_are_no_kinds_of_customers():
    """Everybody goes either way, journey by journey; BIC alone would take the two ways for two personas."""
    draw = np.random.default_rng(1)
    ways = ["ababab", "aabbaa"]
    log = log_of([(who, ways[draw.integers(2)]) for who in np.repeat(np.arange(300), 2)])
    found = cj.find_personas(log)
    assert found.number == 1
    criteria = found.criteria.set_index("number")
    assert criteria.loc[2, "bic"] < criteria.loc[1, "bic"]
    assert criteria.loc[2, "further_journey_bits"] < 0
    of_one_journey = cj.find_personas(log_of([(n, ways[n % 2]) for n in range(300)]))
    assert of_one_journey.number == 2
    assert "Too few have several journeys" in of_one_journey.notes[0]


def test_planted_patterns_are_found(shared_data):
    table = pd.read_csv(shared_data / "truth" / "planted_journey_patterns.csv")
    steps = table["actual"].str.split("-").explode()
    events = pd.DataFrame({"customer": steps.index, "touchpoint": steps.to_numpy()})
    events["timestamp"] = pd.to_datetime(np.arange(len(events)), unit="s", utc=True)
    found = cj.find_personas(cj.JourneyLog.from_events(events))
    assert found.number == table["original_pattern"].nunique() == 4
    both = pd.crosstab(table["original_pattern"].to_numpy(), found.customers["persona"].to_numpy())
    assert (both.to_numpy() > 0).sum() == 4  # each pattern is one persona, and the other way round


def test_a_range_is_kept_to_and_its_end_is_told():
    found = cj.find_personas(log_of([(n, "ababab" if n % 2 else "aabbaa") for n in range(99)]), number=(1, 2))
    assert found.criteria["number"].tolist() == [1, 2]
    assert any("largest number that was tried" in note for note in found.notes)


def test_the_number_may_be_chosen_on_a_sample_which_is_said(in_shop):
    log, whole = in_shop
    found = cj.find_personas(log, sample=400, ignore=whole.ignore)
    assert set(found.criteria["customers"]) == {400}
    assert found.number == 2
    assert found.personas["customers"].sum() == log.n_customers
    assert "on 400 of 900 customers" in found.notes[0]


# the same again, and new customers ------------------------------------------------------------------------


def test_equal_input_gives_equal_tables(in_shop, monkeypatch):
    log, found = in_shop
    monkeypatch.setattr("cjmining.log.BLOCK_EVENTS", 700)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    again = cj.find_personas(log, ignore=found.ignore, stability=4)
    for name in found._tables:
        pd.testing.assert_frame_equal(found._table(name), again._table(name), check_exact=True)


def test_another_seed_finds_the_same(in_shop):
    log, found = in_shop
    again = cj.find_personas(log, number=2, seed=9, ignore=found.ignore)
    both = pd.crosstab(found.customers["persona"], again.customers["persona"]).to_numpy()
    assert both.max(axis=0).sum() > 0.99 * both.sum()


def test_assigning_the_same_log_gives_the_table_of_customers(in_shop):
    log, found = in_shop
    named = found.assign(log)
    assert named.customers["persona"].tolist() == found.customers["persona"].tolist()
    assert set(cj.discover(named, by="persona").groups) == set(found.names)


def test_new_customers_are_assigned_by_what_the_model_knows(two):
    """Touchpoint z was never seen, nor c after d: what is known decides; of the last nothing is."""
    new = log_of([(0, "zabd"), (1, "cbz"), (2, "dcb"), (3, "zz")])
    first, second = two.names
    assert two.assign(new).customers["persona"].tolist() == [first, second, second, "unknown"]


def test_a_group_that_the_model_never_saw_has_the_weights_of_all():
    journeys = [(who, "abd" if who < 30 else "cb") for who in range(40)]
    log = log_of(journeys, region=["North"] * 30 + ["South"] * 10)
    found = cj.find_personas(log, number=2, attributes=["region"])
    new = log_of([(0, "abd"), (1, "cb")], region=["East", "North"])
    assert found.assign(new).customers["persona"].tolist() == [found.names[0], found.names[1]]
    with pytest.raises(cj.LogError, match="no attribute 'region'"):
        found.assign(log_of([(0, "ab")]))


# what is refused, and how it looks ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"number": 0}, "how many personas"),
        ({"number": (3, 2)}, "the smallest and the largest"),
        ({"number": (3,)}, "the smallest and the largest"),
        ({"number": "two"}, "not 'two'"),
        ({"number": 3}, "3 personas can't be told apart: there are 2 different customers"),
        ({"criterion": "bicc"}, "did you mean 'bic'"),
        ({"starts": 0}, "starts is a whole number from 1 to 1,000, not 0"),
        ({"stability": -1}, "stability is a whole number from 0 to 10,000, not -1"),
        ({"sample": 0.5}, "sample is a whole number"),
        ({"attributes": "region"}, r"write \['region'\]"),
        ({"attributes": ["regoin"]}, "did you mean 'region'"),
        ({"level": "touch"}, "there is no level 'touch'"),
        ({"ignore": ["a", "b", "c"]}, "nobody in this log took a step"),
        ({"ignore": "ab"}, "ignore is a sequence of touchpoints"),
        ({"number": (1, 2.5)}, "the smallest and the largest"),
        ({"seed": "x"}, "seed is a whole number"),
        ({"seed": None}, "seed is a whole number"),
        ({"seed": -1}, "seed is a whole number"),
        ({"seed": 10**30}, "seed is a whole number"),
        ({"starts": 10**6}, "starts is a whole number from 1 to 1,000"),
        ({"stability": 10**6}, "stability is a whole number from 0 to 10,000"),
        ({"starts": None}, "starts is a whole number"),
        ({"attributes": 5}, "attributes is a sequence of names, not 5"),
        ({"progress": 5}, "progress is called with"),
    ],
)
def test_wrong_arguments_are_told(options, words):
    log = log_of([(0, "ab"), (1, "ab"), (2, "c")], region=["North", "South", "North"])
    with pytest.raises(cj.LogError, match=words):
        cj.find_personas(log, **options)


def test_numbers_may_be_those_of_numpy(two):
    ways = [(0, "ab"), (0, "ab"), (1, "ab"), (2, "c")]
    plain = cj.find_personas(log_of(ways), number=2, seed=3)
    assert cj.find_personas(log_of(ways), number=np.int64(2), seed=np.int64(3)).names == plain.names


def test_names_hold_no_commas_and_ignored_names_that_are_not_there_are_told():
    log = log_of([(0, ["a, b", 'say "c"']), (1, ["a, b", 'say "c"']), (2, ["d", "e"]), (3, ["d", "e"])])
    found = cj.find_personas(log, number=2, ignore=["nothing"])
    assert sorted(found.names) == ["Persona 1: begins with a b and say c", "Persona 2: begins with d and e"]
    assert "begins with a, b" in found.personas["description"].iloc[0]
    assert "'nothing'" in found.notes[-1]


def test_journeys_in_which_a_known_customer_did_nothing_are_told():
    log = log_of([(0, "a"), (0, "b"), (1, "a")], actor=["customer", "company", "customer"])
    found = cj.find_personas(log, number=1)
    assert found.personas["journeys"].tolist() == [2]
    assert any(note.startswith("1 journey of known customers without a step") for note in found.notes)


def test_assigning_overwrites_nothing_unless_told(two):
    given = log_of([(0, "abd"), (1, "cb")], persona=["Young", "Old"])
    with pytest.raises(cj.LogError, match="have the attribute 'persona' already: give another name"):
        two.assign(given)
    beside = two.assign(given, name="found")
    assert beside.customers["persona"].tolist() == ["Young", "Old"]
    assert beside.customers["found"].tolist() == list(two.names)
    assert set(cj.discover(beside, by=["persona", "found"]).groups) == {
        f"Young, {two.names[0]}",
        f"Old, {two.names[1]}",
    }
    replaced = two.assign(given, overwrite=True)
    assert replaced.customers["persona"].tolist() == list(two.names)
    assert replaced.attributes == ("persona",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": ""}, "name is what the attribute is called"),
        ({"name": 5}, "name is what the attribute is called"),
        ({"name": "customer"}, "means something else in this log"),
        ({"name": "channel"}, "means something else in this log"),
        ({"name": "month"}, "means something else in this log"),
        ({"name": "outcome"}, "means something else in this log"),
        ({"overwrite": "yes"}, "overwrite is True or False"),
    ],
)
def test_names_that_mean_something_else_are_refused(two, options, words):
    log = log_of([(0, "ab"), (1, "cb")]).tag(outcome=["converted", "dropped"])
    with pytest.raises(cj.LogError, match=words):
        two.assign(log, **options)


def test_found_personas_are_no_rules(two):
    with pytest.raises(cj.LogError, match=r"found\.assign\(log\)"):
        log_of([(0, "ab")]).with_personas(two)


def test_too_many_combinations_of_attributes_are_refused():
    log = log_of([(n, "ab") for n in range(150)], number=[str(n) for n in range(150)])
    with pytest.raises(cj.LogError, match="150 combinations, at most 100"):
        cj.find_personas(log, attributes=["number"])


def test_it_says_what_it_is(two, in_shop):
    lines = repr(two).splitlines()
    assert lines[0] == "FoundPersonas: 2 personas (as given) among 5 customers with 7 journeys"
    assert lines[1].startswith(f"  {two.names[0]}: 3 customers (60 % of all), 4 journeys; ")
    assert lines[1].endswith(two.personas["description"].iloc[0])
    assert len(lines) == 3
    assert f"  note: {in_shop[1].notes[0]}" in repr(in_shop[1])
    assert "2 personas (by BIC) among 900 customers" in repr(in_shop[1])
    assert "Persona 1" in two._repr_html_()
    assert two.stability.empty
    assert two.stability["jaccard"].dtype == np.float64
    assert set(two.to_arrow()) == set(two._tables)


def test_progress_is_told(shop):
    told = []
    cj.find_personas(shop.log, number=(1, 3), progress=lambda what, share: told.append((what, share)))
    assert ("trying 1 persona", 0.1) in told
    assert [share for _, share in told] == sorted(share for _, share in told)
