"""The native exports: reproducible, as the systems write them, and true to the log in memory."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.simulate.__main__ import main
from cjmining.simulate.identifiers import salesforce_id
from tests.examples import examples

BERLIN = "Europe/Berlin"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file's bytes, those of gzip unpacked, since its packing differs between versions of zlib."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): gzip.decompress(path.read_bytes())
        if path.suffix == ".gz"
        else path.read_bytes()
        for path in files
    }


def rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


def lines_of(file: Path) -> list[str]:
    return gzip.decompress(file.read_bytes()).decode().splitlines()


def json_lines(folder: Path) -> list[dict]:
    return [json.loads(line) for file in sorted(folder.glob("*.gz")) for line in lines_of(file)]


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    shop = cj.simulate.shop(400, seed=5, clean=True)
    shop.write(folder)
    return shop, folder


@pytest.fixture(scope="module")
def truth(sample_shop):
    return json.loads((sample_shop / "truth.json").read_text())


# the sample -----------------------------------------------------------------------------------------------


def test_the_committed_sample_is_what_the_command_writes(sample_shop, tmp_path):
    assert main([str(tmp_path)]) == 0
    written, committed = contents(tmp_path), contents(sample_shop)
    assert written.keys() == committed.keys()
    assert [name for name in written if written[name] != committed[name]] == []


def test_the_sample_is_small(sample_shop):
    assert sum(path.stat().st_size for path in sample_shop.rglob("*") if path.is_file()) < 6_000_000


@examples(8)
@given(customers=st.integers(1, 60), seed=st.integers(0, 1000), clean=st.booleans())
def test_a_shop_of_any_size_can_be_written_and_read(tmp_path_factory, customers, seed, clean):
    folder = cj.simulate.shop(customers, seed=seed, clean=clean).write(tmp_path_factory.mktemp("any"))
    assert json.loads((folder / "truth.json").read_text())["sizes"]["customers"] == customers
    for row in rows(folder / "crm" / "Contact.csv"):
        assert len(row["Id"]) == 18
        assert row["CreatedDate"].endswith("Z")


def test_the_command_writes_other_shops_too(tmp_path):
    main([str(tmp_path / "null"), "--customers", "60", "--null"])
    main([str(tmp_path / "whole"), "--customers", "60", "--no-fault", "--clean"])
    null, whole = (json.loads((tmp_path / name / "truth.json").read_text()) for name in ("null", "whole"))
    assert null["sizes"]["stray_events"] == 0
    assert whole["sizes"]["stray_events"] > 0
    assert null["sizes"]["fault"] is whole["sizes"]["fault"] is None


def test_an_older_run_leaves_nothing_behind(tmp_path):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "events_201901.jsonl.gz").write_bytes(b"")
    cj.simulate.shop(50).write(tmp_path)
    assert not (tmp_path / "web" / "events_201901.jsonl.gz").exists()


def test_the_truth_counts_the_records_of_every_file(sample_shop, truth):
    folders = {"crm": "crm/", "email": "email/", "web": "web/", "calls": "calls/"}
    for source, files in truth["exports"].items():
        for file, account in files.items():
            if not file:
                continue
            path = sample_shop / f"{folders.get(source, '')}{file}"
            text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            header = 0 if ".jsonl" in file else 1
            assert account["records"] == text.count(b"\n") - header, file


def test_the_sample_holds_each_kind_of_dirt(truth):
    kinds = Counter()
    for files in truth["exports"].values():
        for account in files.values():
            kinds.update(account)
    planted = {
        "duplicates", "newer versions", "bad dates", "wrong number of columns", "not JSON", "missing keys",
        "missing times", "placeholder identifiers", "deleted records", "lost by a tag that was down",
    }  # fmt: skip
    assert planted <= set(kinds)


def test_broken_lines_can_be_found_by_an_independent_reader(sample_shop, truth):
    for file, account in truth["exports"]["web"].items():
        if not file:
            continue
        broken = 0
        for line in lines_of(sample_shop / "web" / file):
            try:
                json.loads(line)
            except json.JSONDecodeError:
                broken += 1
        assert broken == account["not JSON"]
    till = (sample_shop / "till.csv").read_text().splitlines()
    assert (
        sum(line.count(";") != 4 for line in till)
        == truth["exports"]["store"]["till.csv"]["wrong number of columns"]
    )


def test_the_tag_was_down_for_two_days(sample_shop):
    days = Counter()
    for file in (sample_shop / "web").glob("events_202605*.gz"):
        for line in lines_of(file):
            days[line[15:23]] += line.startswith('{"event_date":"')
    assert days["20260511"] > 50
    assert days["20260514"] > 50
    assert not {"20260512", "20260513"} & set(days)


def test_the_till_knows_an_hour_that_did_not_exist(sample_shop):
    till = [row for row in rows(sample_shop / "till.csv", ";") if row["loyalty_card"]]
    sold = {row["receipt"]: row["sold_at"] for row in till}.values()
    skipped = [text for text in sold if text.startswith("2026-03-29 02:")]
    assert len(skipped) == 3
    assert sum(len(text) == 10 for text in sold) > 5


# form -----------------------------------------------------------------------------------------------------


def test_salesforce_ids_carry_the_suffix_that_salesforce_computes():
    # by hand: in 0035g 00000 ABCDE only the last part has capitals, all five: binary 11111 is written 5
    assert salesforce_id("003", 10 * 62**4 + 11 * 62**3 + 12 * 62**2 + 13 * 62 + 14) == "0035g00000ABCDEAA5"


def test_ga4_nests_its_parameters_and_writes_whole_numbers_as_text(clean):
    _, folder = clean
    for row in json_lines(folder / "web")[:200]:
        moment = datetime.fromtimestamp(int(row["event_timestamp"]) / 1e6, tz=UTC)
        assert row["event_date"] == f"{pd.Timestamp(moment).tz_convert(BERLIN):%Y%m%d}"
        params = {each["key"]: each["value"] for each in row["event_params"]}
        assert isinstance(params["ga_session_id"]["int_value"], str)
        assert ("page_location" in params) == (row["platform"] == "WEB")


def test_most_of_ga4_is_page_views(clean):
    _, folder = clean
    names = Counter(row["event_name"] for row in json_lines(folder / "web"))
    assert names.most_common(1)[0][0] == "page_view"


def test_every_session_begins_once(clean):
    _, folder = clean
    started, seen = Counter(), set()
    for row in json_lines(folder / "web"):
        params = {each["key"]: each["value"] for each in row["event_params"]}
        session = (row["user_pseudo_id"], params["ga_session_id"]["int_value"])
        seen.add(session)
        started[session] += row["event_name"] == "session_start"
    begun = sum(count == 1 for count in started.values())
    assert begun > 0.98 * len(seen)


# the same customers as in memory --------------------------------------------------------------------------


def test_exports_tell_of_the_same_events_as_the_log(clean):
    shop, folder = clean
    events = shop.log.events
    count = events.groupby(["source", "touchpoint"], observed=True).size()
    web = Counter(row["event_name"] for row in json_lines(folder / "web"))
    assert web["purchase"] == count["web", "order_placed"]
    assert len(rows(folder / "survey.csv")) == count["survey"].sum()
    assert len(rows(folder / "till.csv", ";")) == count["store"].sum()
    assert len(json_lines(folder / "calls")) == count["calls"].sum()
    assert len(rows(folder / "crm" / "Lead.csv")) == count["crm", "catalogue_requested"]
    sent = Counter(
        row["TriggeredSendExternalKey"].split("_")[0] for row in rows(folder / "email" / "Sent.csv")
    )
    assert sent == {
        "newsletter": count["email", "newsletter_sent"],
        "basket": count["email", "basket_reminder_sent"],
        "parcel": count["email", "parcel_sent"],
    }
    stages = Counter(row["StageName"] for row in rows(folder / "crm" / "OpportunityHistory.csv"))
    assert stages["Delivered"] == count["crm", "order_delivered"]


def test_times_agree_with_the_log_in_each_systems_own_zone(clean):
    shop, folder = clean
    events = shop.log.events

    def log_times(*touchpoints):
        return sorted(events[events.touchpoint.isin(touchpoints)].timestamp.dt.tz_convert("UTC"))

    sent = [
        pd.to_datetime(row["EventDate"], format="%m/%d/%Y %I:%M:%S %p")
        for row in rows(folder / "email" / "Sent.csv")
    ]
    in_utc = sorted((moment + pd.Timedelta(hours=6)).tz_localize("UTC") for moment in sent)
    assert in_utc == log_times("newsletter_sent", "basket_reminder_sent", "parcel_sent")

    answered = [pd.Timestamp(row["answered_at"]).tz_localize(BERLIN) for row in rows(folder / "survey.csv")]
    assert sorted(answered) == log_times("call_rated", "chat_rated", "checkout_rated", "delivery_rated")

    requested = [pd.Timestamp(row["CreatedDate"]) for row in rows(folder / "crm" / "Lead.csv")]
    assert sorted(requested) == log_times("catalogue_requested")

    called = [pd.Timestamp(row["InitiationTimestamp"]) for row in json_lines(folder / "calls")]
    assert sorted(called) == sorted(events[events.source == "calls"].timestamp)


def test_no_identifier_belongs_to_two_customers(sample_shop):
    details = json.loads(gzip.decompress((sample_shop / "truth_details.json.gz").read_bytes()))
    owners = Counter((kind, value) for customer in details["identifiers"] for kind, value in customer)
    assert max(owners.values()) == 1
    several = sum(len(customer) > 1 for customer in details["identifiers"])
    assert several > 0.8 * len(details["identifiers"])


def test_a_guest_is_known_by_cookies_alone(clean):
    shop, folder = clean
    details = json.loads(gzip.decompress((folder / "truth_details.json.gz").read_bytes()))
    guests = shop.truth["customers"].query("guest").customer
    assert len(guests)
    for guest in guests:
        assert {kind for kind, _ in details["identifiers"][guest]} == {"cookie"}


def test_a_clean_shop_has_no_dirt(clean):
    _, folder = clean
    exports = json.loads((folder / "truth.json").read_text())["exports"]
    assert all(set(account) == {"records"} for files in exports.values() for account in files.values())
