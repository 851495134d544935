"""From exports to the file that is mailed: nobody who must not be written to is in it."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pandas as pd
import pytest

import cjmining as cj
from cjmining.documents import read_document


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> Path:
    """Native exports of a simulated shop; its CRM also says who opted out, and of whom it must forget."""
    folder = cj.simulate.shop(900, seed=11).write(tmp_path_factory.mktemp("shop"))
    contacts = pd.read_csv(folder / "crm" / "Contact.csv", dtype=str, keep_default_na=False)
    number = range(len(contacts))
    consent = contacts[["Id", "Email"]].assign(
        HasOptedOutOfEmail=["true" if n % 7 == 0 else "false" for n in number],
        ShouldForget=["true" if n % 11 == 0 else "false" for n in number],
    )
    consent.to_csv(folder / "consent.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def check(exports) -> cj.Conformance:
    study = read_document(exports / "study.yaml", error=cj.StudyError).data
    sources = []
    for options in study["sources"]:
        given = dict(options)
        kind, path = given.pop("source"), exports / given.pop("path")
        sources.append(getattr(cj.sources, kind)(path, **given))
    listed = dict(study["customers"])
    customers = [
        cj.sources.Customers(exports / listed.pop("path"), **listed),
        cj.sources.Customers(
            exports / "consent.csv",
            name="consent",
            identifiers={"Id": "crm_id"},
            attributes=["HasOptedOutOfEmail", "ShouldForget"],
        ),
    ]
    log = cj.ingest(sources, customers=customers, data_end=study["data_end"])
    intended = cj.read_map(exports / "intended.yaml")
    return cj.check(log.label(exports / "labels.yaml").split(intended).with_personas(intended), intended)


def addresses(path: Path, column: str) -> set[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row[column].lower() for row in csv.DictReader(file) if row[column]}


def test_columns_of_consent_survive_ingestion(check):
    log = check._reading.log
    assert {"HasOptedOutOfEmail", "ShouldForget"} <= set(log.attributes)
    assert log.customers["HasOptedOutOfEmail"].dropna().isin([True, False]).all()
    assert log.customers["HasOptedOutOfEmail"].sum() > 20


def test_nobody_who_must_not_be_written_to_is_in_the_file(check, exports, tmp_path):
    who = cj.audience(check, identifiers="email")
    counts = who.account.groupby("fate")["customers"].sum()
    assert (counts[["erased", "opted out", "unsubscribed", "came back", "no identifier"]] > 0).all()
    mailed = addresses(who.write(tmp_path / "list.csv", form="marketo"), "Email Address")
    assert len(mailed) == len(who) > 100
    assert not mailed & addresses(exports / "email" / "Unsubs.csv", "EmailAddress")
    consent = pd.read_csv(exports / "consent.csv", dtype=str, keep_default_na=False)
    refused = consent[(consent["HasOptedOutOfEmail"] == "true") | (consent["ShouldForget"] == "true")]
    assert not mailed & set(refused["Email"].str.lower())


def test_the_erased_may_come_as_hashes(check, tmp_path):
    everybody = cj.audience(check, identifiers="email", returned=True)
    erased = everybody.customers["email"].iloc[::5]
    stop = tmp_path / "erased.csv"
    hashes = [hashlib.sha256(address.encode()).hexdigest() for address in erased]
    stop.write_text("\n".join(["email_sha256", *hashes]))
    who = cj.audience(check, identifiers="email", returned=True, suppress=stop)
    assert not set(who.customers["email"]) & set(erased)
    assert len(who) == len(everybody) - len(erased)


def test_the_sample_and_its_unsubscriptions(check, exports, tmp_path):
    """The exit of the map is the reason told; those who only unsubscribed later are removed as well."""
    who = cj.audience(check, stage="Checkout", identifiers=["crm_id", "email"], complete=True)
    rows = who.write(tmp_path / "mc.csv", form="marketing_cloud").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "SubscriberKey,EmailAddress"
    assert len(rows) == 1 + len(who)
    unsubscribed = who.account[who.account["fate"] == "unsubscribed"]
    assert set(unsubscribed["reason"]) == {"touchpoint unsubscribed"}
