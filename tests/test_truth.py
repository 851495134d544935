"""The main job held against the simulated shop's own truth, which never derives leaving from silence."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import cjmining as cj
from cjmining import cli
from cjmining.intended import parse_map

PATIENCE = pd.Timedelta(days=14)


def checked(shop):
    intended = parse_map(shop.intended_text, name="intended.yaml")
    log = shop.log.split(intended).with_personas(intended)
    return log, cj.check(log, intended, by="persona")


@pytest.fixture(scope="module")
def study(sample_shop, tmp_path_factory):
    return cj.run_study(sample_shop / "study.yaml", out=tmp_path_factory.mktemp("study") / "out")


@pytest.fixture(scope="module")
def truth(sample_shop):
    return json.loads((sample_shop / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def details(sample_shop):
    return json.loads(gzip.decompress((sample_shop / "truth_details.json.gz").read_bytes()))


@pytest.fixture(scope="module")
def clean():
    """A clean shop in memory, its log as the map splits it, and the check."""
    shop = cj.simulate.shop(3000, seed=11, clean=True)
    return shop, *checked(shop)


# the fault ------------------------------------------------------------------------------------------------


def leading_stages(check, persona):
    """The stage that leads the persona's drop-out table by count, and the one with the largest share."""
    first = check.dropouts.query("by == @persona").iloc[0]
    stages = check.stages.query("by == @persona and mature >= 10")
    return first["stage"], stages.loc[stages["drop_out_share"].idxmax(), "stage"]


def test_with_the_fault_checkout_leads_what_gen_z_loses(study):
    assert leading_stages(study.check, "Gen Z") == ("Checkout", "Checkout")
    assert any("Gen Z" in f.text and "Checkout" in f.text for f in study.findings)


def test_without_the_fault_the_same_shop_loses_gen_z_elsewhere():
    _, check = checked(cj.simulate.shop(2000, seed=7, fault=None))
    by_count, by_share = leading_stages(check, "Gen Z")
    assert by_count != "Checkout"
    assert by_share != "Checkout"


def test_the_demo_tells_what_the_study_of_the_sample_shop_found(study, sample_shop, tmp_path, monkeypatch):
    """The demo is that study: it is asked for and what it found is told; it runs once for all tests here."""
    asked = []
    monkeypatch.setattr("cjmining.study.run_study", lambda path, **_: asked.append(path) or study)
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(cli.app, ["demo", "--out", str(tmp_path / "demo")])
    assert ran.exit_code == 0
    assert [path.resolve() for path in asked] == [(sample_shop / "study.yaml").resolve()]
    assert "Gen Z: 55 % drop out at Checkout" in ran.stdout
    assert str(study.path) in ran.stdout


@pytest.mark.parametrize("persona", ["Families", "Silver"])
def test_the_fault_leaves_the_other_personas_as_they_were(study, persona):
    stages = study.check.stages.query("by == @persona and stage == 'Checkout'").iloc[0]
    assert stages["drop_out_share"] < 0.3


# outcomes -------------------------------------------------------------------------------------------------


def test_goals_and_exits_are_exact(clean):
    shop, _, check = clean
    true = shop.truth["journeys"]
    for ours, planted in (
        ("converted", true["outcome"] == "converted"),
        ("turned away", true["outcome"] == "turned away"),
        ("dropped", true["unsubscribed"] & (true["outcome"] == "dropped")),
    ):
        found = check.journeys[check.journeys["outcome"] == ours]
        if ours == "dropped":
            found = found[found["by_exit"]] if "by_exit" in found else _by_exit(shop, found)
        moments = Counter(zip(found["customer"], found["decided_at"].astype("int64"), strict=True))
        expected = true[planted]
        told = Counter(zip(expected["customer"], expected["decided_at"].astype("int64"), strict=True))
        assert moments == told, ours


def _by_exit(shop, found):
    events = shop.log.events
    exits = events[events["touchpoint"] == "unsubscribed"]
    at = set(zip(exits["customer"], exits["timestamp"], strict=True))
    return found[[pair in at for pair in zip(found["customer"], found["decided_at"], strict=True)]]


def silent_ends(shop, log, check):
    """For each true journey that ended by silence or still runs: what it truly is, what we say."""
    true = shop.truth["journeys"]
    events = pd.DataFrame({"true": shop.event_journey, "ours": log.event_journeys(), "time": log.timestamps})
    own = events[(events["true"] >= 0) & (log.events["actor"] == "customer").to_numpy()]
    last = own.groupby("true")["ours"].last()
    rows = true.loc[last.index]
    silent = (rows["outcome"].isin(["dropped", "open"]) & ~rows["unsubscribed"]).to_numpy()
    rows, last = rows[silent], last[silent]
    over = (rows["left_at"].notna() & (rows["last_own"] + PATIENCE <= log.data_end)).to_numpy()
    said = check.journeys.set_index("journey").loc[last.to_numpy(), "outcome"].astype(str).to_numpy()
    return pd.crosstab(np.where(over, "dropped", "open"), said)


def test_silent_ends_agree_with_the_simulators_own_moments_of_leaving(clean):
    matrix = silent_ends(*clean)
    right = sum(matrix.loc[name, name] for name in ("dropped", "open"))
    assert right / matrix.to_numpy().sum() >= 0.95, matrix


def test_nobody_is_lost_while_a_parcel_is_on_its_way(clean):
    shop, log, check = clean
    true = shop.truth["journeys"]
    events = pd.DataFrame({"true": shop.event_journey, "ours": log.event_journeys()})
    waiting = true.index[true["parcel_on_its_way"]]
    sent = log.events["touchpoint"].eq("parcel_sent").to_numpy()
    ours = events[events["true"].isin(waiting) & sent]["ours"].unique()
    assert len(ours) > 5
    assert set(check.journeys.set_index("journey").loc[ours, "outcome"]) == {"open"}


def test_nobody_is_kept_alive_by_newsletters(clean):
    shop, log, check = clean
    events = log.events
    own = events[(events["actor"] == "customer")].groupby("journey")["timestamp"].max()
    still_open = check.journeys.query("outcome == 'open'").set_index("journey")
    last_own = own.reindex(still_open.index).dropna()
    at_delivery = still_open.loc[last_own.index, "last_stage"] == "Delivery"
    assert (log.data_end - last_own[~at_delivery] < PATIENCE).all()
    assert shop.truth["sizes"]["emails"]["newsletters_sent_after_the_last_journey_was_left"] > 100


# the ledger and the customers -----------------------------------------------------------------------------

BROKEN = {"bad dates", "not JSON", "wrong number of columns", "missing times"}


def planted_dirt(files):
    """What was planted in a source's files, summed."""
    total = Counter()
    for file, dirt in files.items():
        total.update(dirt if file else {})
    return total


def test_every_record_of_every_file_is_accounted_for(study, truth):
    ledger = study.log.ledger.query("what == 'records'")
    for source, files in truth["exports"].items():
        of_source = ledger[ledger["source"] == source]
        for file, planted in files.items():
            read = of_source.loc[of_source["file"].str.endswith(file), "count"].sum()
            assert not file or read == planted["records"], (source, file)


def test_planted_dirt_meets_its_fate(study, truth):
    ledger = study.log.ledger.query("what == 'records'")
    for source, files in truth["exports"].items():
        fates = ledger[ledger["source"] == source].groupby("fate")["count"].sum()
        planted = planted_dirt(files)
        # a record delivered again supersedes the one in the earlier file, so the sum is what is known
        assert fates.get("superseded", 0) == planted["duplicates"] + planted["newer versions"], source
        broken = sum(planted[name] for name in BROKEN)
        apart = broken + planted["missing keys"] + planted["deleted records"]
        both = fates.get("quarantined", 0) + fates.get("set aside", 0)
        # a record whose only identifier is a placeholder belongs to nobody and is set aside too
        assert apart <= both <= apart + planted["placeholder identifiers"], (source, dict(fates))
        assert fates.get("quarantined", 0) >= broken, (source, dict(fates))


def test_events_made_are_kept_joined_or_withdrawn(study):
    events = study.log.ledger.query("what == 'events'")
    assert set(events["fate"]) <= {"kept", "joined", "withdrawn"}
    assert events.query("fate == 'kept'")["count"].sum() == study.log.n_events


def test_every_planted_placeholder_is_refused_as_a_link(study, truth):
    planted = sum(f.get("placeholder identifiers", 0) for s in truth["exports"].values() for f in s.values())
    refused = study.log.ledger.query("what == 'links' and fate == 'refused'")["count"].sum()
    assert planted > 0
    assert refused >= planted


def test_customers_are_resolved_with_precision_and_recall(study, details):
    whose = {}
    for person, identifiers in enumerate(details["identifiers"]):
        for kind, value in identifiers:
            whose[kind, value] = person
    found = study.log.identities
    known = found[[pair in whose for pair in zip(found["kind"].astype(str), found["value"], strict=True)]]
    people = [whose[pair] for pair in zip(known["kind"].astype(str), known["value"], strict=True)]
    table = pd.crosstab(pd.Series(people), known["customer"].reset_index(drop=True)).to_numpy()
    both = sum(comb(int(n), 2) for n in table.ravel())
    precision = both / sum(comb(int(n), 2) for n in table.sum(axis=0))
    recall = both / sum(comb(int(n), 2) for n in table.sum(axis=1))
    assert len(known) > 5_000
    assert precision >= 0.999
    assert recall >= 0.98


def test_the_identities_are_the_only_table_with_personal_identifiers(study, details):
    values = {
        value
        for person in details["identifiers"][:200]
        for kind, value in person
        if kind in {"email", "phone"}
    }
    tables = study.log.to_arrow()
    for name in ("events", "journeys", "customers", "sources", "ledger"):
        text = tables[name].to_pandas().to_csv(index=False)
        assert not [value for value in values if value in text], name
    page = study.path.read_text(encoding="utf-8")
    assert not [value for value in values if value in page]


# what is not there is not found ---------------------------------------------------------------------------


def test_on_null_shops_nobody_stands_out():
    """In none of 12 shops in which nothing is planted, by persona, device and region.

    A rule that lets somebody stand out in a fifth of such shops passes with a probability of 0.8**12 = 0.07,
    as it would with one loud shop allowed among 20; one that does so in a tenth passes less often than there.
    """
    loud = []
    for seed in range(12):
        shop = cj.simulate.null_shop(2000, seed=seed)
        intended = parse_map(shop.intended_text, name="intended.yaml")
        log = shop.log.split(intended).with_personas(intended)
        for by in ("persona", "device", "region"):
            check = cj.check(log, intended, by=by)
            assert len(check.stages), "the descriptive tables stay"
            if check.standouts["stands_out"].any():
                loud.append((seed, by))
    assert not loud


def test_the_small_persona_with_a_high_but_constant_drop_out_is_told_with_its_size(study):
    islanders = study.check.stages.query("by == 'Islanders' and stage == 'Basket'").iloc[0]
    assert islanders["mature"] < 100
    width = islanders["upper"] - islanders["lower"]
    families = study.check.stages.query("by == 'Families' and stage == 'Basket'").iloc[0]
    assert width > 2 * (families["upper"] - families["lower"])


def test_all_pairs_of_tables_agree_on_how_many_journeys_dropped(study):
    check = study.check
    told = {
        "outcomes": check.outcomes["dropped"].sum(),
        "stages": check.stages["dropped"].sum(),
        "dropouts": check.dropouts["journeys"].sum(),
        "journeys": (check.journeys["outcome"] == "dropped").sum(),
        "overall": check.overall.outcomes["dropped"].sum(),
    }
    assert all(a == b for a, b in combinations(told.values(), 2)), told
