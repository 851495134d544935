"""The library against the simulator's truth: who left, where, and who is who."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import yaml

import cjmining as cj
from cjmining.simulate import SAMPLE_FAULT

PATIENCE = pd.Timedelta(days=14)


@pytest.fixture(scope="module")
def intended(sample_shop):
    return cj.read_map(sample_shop / "intended.yaml")


@pytest.fixture(scope="module")
def clean_check(intended):
    shop = cj.simulate.shop(5000, clean=True)
    log = shop.log.split(intended).with_personas(intended)
    return shop, log, cj.check(log, intended)


@pytest.fixture(scope="module")
def sample_log(sample_shop):
    """The sample, ingested as its study says."""
    study = yaml.safe_load((sample_shop / "study.yaml").read_text())
    sources = []
    for options in study["sources"]:
        reader, path = options.pop("source"), options.pop("path")
        sources.append(getattr(cj.sources, reader)(sample_shop / path, **options))
    listed = study["customers"]
    customers = cj.sources.Customers(sample_shop / listed.pop("path"), **listed)
    return cj.ingest(sources, customers=customers, data_end=study["data_end"])


def with_found_outcome(shop, log, check):
    """The true journeys, each with the outcome that the library gives the journey of its last own event."""
    journeys = shop.truth["journeys"].copy()
    own = shop.event_journey >= 0
    last_own = journeys.last_own.dt.tz_convert(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    is_last = own & (log.timestamps == last_own[shop.event_journey])
    found = pd.Series(log.event_journeys()[is_last], index=shop.event_journey[is_last]).groupby(level=0).max()
    journeys["found"] = (
        check.journeys.set_index("journey").outcome.reindex(found.reindex(journeys.index)).to_numpy()
    )
    journeys["found_stage"] = (
        check.journeys.set_index("journey").last_stage.reindex(found.reindex(journeys.index)).to_numpy()
    )
    return journeys


def test_silence_tells_who_left_in_at_least_95_of_100_cases(clean_check):
    shop, log, check = clean_check
    journeys = with_found_outcome(shop, log, check)
    knowable = journeys[(journeys.outcome != "dropped") | (journeys.last_own + PATIENCE <= log.data_end)]
    left = knowable[(knowable.outcome == "dropped") | (knowable.found == "dropped")]
    assert len(left) > 2000
    assert (left.outcome == left.found).mean() >= 0.95
    agreed = left[left.outcome == left.found]
    assert (agreed.place_stage == agreed.found_stage).mean() >= 0.95


def test_goals_and_rejections_are_exact(clean_check):
    shop, _, check = clean_check
    outcomes = check.journeys.outcome.value_counts()
    sizes = shop.truth["sizes"]["outcomes"]
    assert outcomes["converted"] == sizes["converted"]
    assert outcomes["turned away"] == sizes["turned away"]


def test_nobody_is_lost_while_a_parcel_is_on_its_way(clean_check):
    shop, log, check = clean_check
    journeys = with_found_outcome(shop, log, check)
    waiting = journeys[journeys.parcel_on_its_way | journeys.slow_parcel]
    assert len(waiting)
    assert not (waiting.found == "dropped").any()


def test_newsletters_keep_nobody(clean_check, intended):
    """Without the newsletters the same journeys end in the same way at the same time."""
    shop, _, check = clean_check
    events = shop.log.to_arrow()["events"]
    news = shop.log.events.touchpoint.isin(["newsletter_sent", "newsletter_prefetched"]).to_numpy()
    quiet = cj.JourneyLog.from_events(
        events.filter(~news).drop_columns(["journey"]), data_end=shop.log.data_end
    )
    ends = cj.check(quiet.split(intended), intended).journeys
    columns = ["customer", "outcome", "last_touchpoint", "decided_at"]
    one, other = (
        frame.loc[frame.last_touchpoint != "", columns].reset_index(drop=True)
        for frame in (check.journeys, ends)
    )
    pd.testing.assert_frame_equal(one, other, check_categorical=False)


@pytest.mark.parametrize("fault", [SAMPLE_FAULT, None])
def test_the_fault_leads_gen_z_s_drop_out_table_and_nothing_does_without_it(intended, fault):
    log = cj.simulate.shop(2000, seed=7, fault=fault).log.split(intended).with_personas(intended)
    dropouts = cj.check(log, intended, by="persona").dropouts
    by_stage = dropouts[dropouts.by == "Gen Z"].groupby("stage").journeys.sum()
    assert by_stage.idxmax() == ("Checkout" if fault else "Research")


def test_planted_deviations_are_found(clean_check):
    shop, _, check = clean_check
    found = check.deviations.groupby(["type", "touchpoint"]).journeys.sum()
    journeys = shop.truth["journeys"]
    assert found["wrong channel", "order_placed"] == journeys.wrong_channel.sum()
    assert found["repeated", "order_placed"] == journeys.repeated.sum()
    # a parcel is late against the Checkout's week, and weeks may also pass before the order
    assert found["late", "parcel_sent"] >= journeys.late.sum()
    # a payment may fail and also be entered in another order, or be repeated after failing
    assert found["missing", "payment_entered"] == pytest.approx(journeys.missing.sum(), rel=0.15)


# the sample, from its exports -----------------------------------------------------------------------------


def test_the_ledger_accounts_for_every_planted_piece_of_dirt(sample_shop, sample_log):
    exports = json.loads((sample_shop / "truth.json").read_text())["exports"]
    ledger = sample_log.ledger
    records = ledger[ledger.what == "records"]
    for source, files in exports.items():
        found = records[records.source == source]
        planted = Counter()
        for file, account in files.items():
            planted.update(account)
            if file:
                assert found[found.file == file]["count"].sum() == account["records"], file
        fates = found.groupby("fate")["count"].sum()
        spoilt = ("bad dates", "wrong number of columns", "not JSON", "missing times")
        keyless = planted["missing keys"] if source == "crm" else 0  # a record without its Id can't be read
        assert fates.get("quarantined", 0) == sum(planted[kind] for kind in spoilt) + keyless, source
        assert fates.get("superseded", 0) == planted["duplicates"] + planted["newer versions"], source


def test_placeholders_link_nobody(sample_shop, sample_log):
    exports = json.loads((sample_shop / "truth.json").read_text())["exports"]
    ledger = sample_log.ledger
    for source, files in exports.items():
        planted = sum(account.get("placeholder identifiers", 0) for account in files.values())
        refused = ledger[(ledger.source == source) & (ledger.what == "links")]["count"].sum()
        assert refused == planted, source
    values = set(sample_log.identities.value)
    assert not values & {"unknown@example.com", "anonymous", "+490000000"}


def test_customers_are_found_again_behind_their_identifiers(sample_shop, sample_log):
    details = json.loads(gzip.decompress((sample_shop / "truth_details.json.gz").read_bytes()))
    identities = sample_log.identities
    identities = identities[identities.kind != "crm_case"]  # ties records of a case together, names nobody
    found = dict(zip(zip(identities.kind, identities.value, strict=True), identities.customer, strict=True))
    true = {
        (kind, value): number for number, each in enumerate(details["identifiers"]) for kind, value in each
    }
    assert true.keys() == found.keys()

    def pairs(groups):
        sizes = np.array(list(Counter(groups).values()), dtype=np.int64)
        return int((sizes * (sizes - 1) // 2).sum())

    both = pairs((true[each], found[each]) for each in true)
    assert both / pairs(found.values()) >= 0.999
    assert both / pairs(true.values()) >= 0.98


def test_the_exports_give_the_log_that_is_in_memory(sample_shop, sample_log):
    """But for what the tag lost in May."""
    memory = cj.simulate.shop(2000, seed=7, fault=SAMPLE_FAULT).log
    down = pd.Timestamp("2026-05-11T22:00Z"), pd.Timestamp("2026-05-13T22:00Z")
    both = []
    for log in (memory, sample_log.label(sample_shop / "labels.yaml")):
        events = log.events
        lost = (events.source == "web") & events.timestamp.between(*down, inclusive="left")
        kept = events[~lost]
        known = kept[kept.touchpoint.isin(memory.vocabulary("touchpoint"))]
        columns = [
            "timestamp",
            "touchpoint",
            "channel",
            "source",
            "actor",
            "device",
            "wait_s",
            "satisfaction",
            "precision",
        ]
        texts = known[columns].astype(dict.fromkeys(columns[1:6], "object"))
        both.append(texts.sort_values([*columns[:6], "wait_s", "satisfaction"]).reset_index(drop=True))
    from_memory, from_exports = both
    pd.testing.assert_frame_equal(from_memory, from_exports, check_dtype=False)
