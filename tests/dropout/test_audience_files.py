"""Audiences as files that systems import, and the identifiers in them."""

from __future__ import annotations

import csv
import hashlib
import logging
import stat
from pathlib import Path

import pandas as pd
import pytest

import cjmining as cj
from cjmining.dropout.identifiers import google_email, google_phone, meta_email, meta_phone, sha256
from cjmining.errors import LogError
from tests.dropout.test_audience import LEFT, checked

IDS = [
    (0, "crm_id", "0035g0000000001AAA"),
    (0, "email", "Ann.Lee+shop@gmail.com"),
    (0, "email", "lee@example.org"),
    (0, "phone", "+16505551212"),
    (1, "crm_id", "0035g0000000002AAA"),
    (1, "email", "=cmd@example.org"),
    (2, "crm_id", "0035g0000000003AAA"),
    (2, "email", 'quote"d, käthe@example.org'),
    (2, "phone", "0171 2345678"),
]


@pytest.fixture
def who() -> cj.Audience:
    check = checked(LEFT, LEFT, LEFT, ids=IDS)
    return cj.audience(check, identifiers=["email", "phone", "crm_id"])


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


# published examples --------------------------------------------------------------------------------------


def test_meta_publishes_these_hashes():
    """developers.facebook.com, Conversions API, Customer information parameters: em and ph."""
    em = sha256(meta_email("John_Smith@gmail.com"))
    assert em == "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
    ph = sha256(meta_phone("1 (650)555-1212"))
    assert ph == "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("cloudy.sanfrancisco+shopping@gmail.com", "cloudysanfrancisco@gmail.com"),
        ("user.name+NYC@Example.com", "user.name+nyc@example.com"),
        ("  a.b @GoogleMail.com", "ab@googlemail.com"),
    ],
)
def test_google_publishes_these_forms_of_addresses(written, normal):
    """developers.google.com, Data Manager API, Format user data; the third follows from its rules."""
    assert google_email(written) == normal


def test_google_publishes_this_form_of_a_number():
    """The same page: "(800)555-0100 should be formatted and normalized to +18005550100"."""
    assert google_phone("+1 (800)555-0100") == "+18005550100"


# ad audiences --------------------------------------------------------------------------------------------


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def test_google_ads(who, tmp_path):
    head, *lines = rows(who.write(tmp_path / "g.csv", form="google_ads", region="DE"))
    assert head == ["Email", "Email", "Phone"]
    assert sorted(lines) == lines
    assert {frozenset(line) - {""} for line in lines} == {
        frozenset({hashed("annlee@gmail.com"), hashed("lee@example.org"), hashed("+16505551212")}),
        frozenset({hashed("=cmd@example.org")}),
        frozenset({hashed('quote"d,käthe@example.org'), hashed("+491712345678")}),
    }


def test_meta_ads(who, tmp_path):
    head, *lines = rows(who.write(tmp_path / "m.csv", form="meta_ads", region="DE"))
    assert head == ["email", "email", "phone"]
    assert {frozenset(line) - {""} for line in lines} == {
        frozenset({hashed("ann.lee+shop@gmail.com"), hashed("lee@example.org"), hashed("16505551212")}),
        frozenset({hashed("=cmd@example.org")}),
        frozenset({hashed('quote"d, käthe@example.org'), hashed("491712345678")}),
    }


def test_a_number_without_its_country_is_not_hashed(tmp_path):
    check = checked(LEFT, LEFT, LEFT, ids=[row for row in IDS if row[1] == "phone"])
    who = cj.audience(check, identifiers="phone")
    with pytest.raises(
        LogError, match="1 of 2 customers have no address and no number that names its country"
    ):
        who.write(tmp_path / "m.csv", form="meta_ads")
    assert len(rows(who.write(tmp_path / "m.csv", form="meta_ads", region="DE"))) == 3


def test_those_held_out_are_not_written(tmp_path):
    ids = [(n, "email", f"p{n}@example.org") for n in range(30)]
    test = cj.audience(checked(*[LEFT] * 30, ids=ids), identifiers="email").holdout(0.5)
    lines = rows(test.write(tmp_path / "m.csv", form="meta_ads"))[1:]
    assert {line[0] for line in lines} == {hashed(email) for email in test.customers["email"]}
    assert 0 < len(lines) < 30


def test_too_small_an_ad_audience_is_warned_of(who, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="cjmining"):
        who.write(tmp_path / "g.csv", form="google_ads", region="DE")
    assert "g.csv has 3 customers; ad platforms show nothing to fewer than 100" in caplog.text


def test_an_unknown_country_of_numbers_is_refused(who, tmp_path):
    with pytest.raises(LogError, match="region is a country of two letters such as 'DE', not 'XX'"):
        who.write(tmp_path / "g.csv", form="google_ads", region="XX")
    assert not (tmp_path / "g.csv").exists()


# mailing systems -----------------------------------------------------------------------------------------


def test_marketing_cloud(who, tmp_path):
    path = who.write(tmp_path / "mc.csv", form="marketing_cloud", columns={"stage": "LastStage"})
    assert rows(path) == [
        ["SubscriberKey", "LastStage", "EmailAddress"],
        ["0035g0000000001AAA", "Buy", "Ann.Lee+shop@gmail.com"],
        ["0035g0000000002AAA", "Buy", "=cmd@example.org"],
        ["0035g0000000003AAA", "Buy", 'quote"d, käthe@example.org'],
    ]
    assert not path.read_bytes().startswith(b"\xef\xbb\xbf")
    keyed = who.write(tmp_path / "mc2.csv", form="marketing_cloud", subscriber_key="email")
    assert rows(keyed)[1] == ["Ann.Lee+shop@gmail.com", "Ann.Lee+shop@gmail.com"]


def test_marketo(who, tmp_path):
    path = who.write(tmp_path / "list.csv", form="marketo", columns=["persona", "left_at"])
    assert rows(path)[:2] == [
        ["Email Address", "persona", "left_at"],
        ["Ann.Lee+shop@gmail.com", "", "2026-03-08T00:00:00Z"],
    ]


def test_every_row_of_an_import_has_what_the_form_needs(tmp_path):
    check = checked(LEFT, LEFT, ids=[(0, "email", "a@b.org"), (1, "crm_id", "0035g0000000001AAA")])
    loose = cj.audience(check, identifiers=["email", "crm_id"])
    with pytest.raises(LogError, match=r"1 of 2 customers have no crm_id, .* complete=True"):
        loose.write(tmp_path / "mc.csv", form="marketing_cloud")
    with pytest.raises(LogError, match=r"needs email, .* identifiers=\['crm_id', 'email'\]"):
        cj.audience(check, identifiers="crm_id").write(tmp_path / "mc.csv", form="marketing_cloud")
    assert not list(tmp_path.iterdir())


# for people ----------------------------------------------------------------------------------------------


def test_what_a_spreadsheet_would_run_is_quoted_for_people_alone(who, tmp_path):
    for_people = pd.read_csv(who.write(tmp_path / "who.csv"), dtype=str, keep_default_na=False)
    assert for_people["email"].tolist()[1] == "'=cmd@example.org"
    assert for_people["phone"].tolist() == ["'+16505551212", "", "0171 2345678"]
    assert for_people["left_at"].tolist() == ["2026-03-08T00:00:00Z"] * 3
    few = rows(who.write(tmp_path / "few.csv", columns=["stage"]))
    assert few[0] == ["stage", "email", "phone", "crm_id"]


# files ---------------------------------------------------------------------------------------------------


def test_only_the_owner_may_read_the_file(who, tmp_path):
    path = who.write(tmp_path / "new" / "who.csv")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(LogError, match="exists already"):
        who.write(path)
    who.write(path, overwrite=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["who.csv"]


def test_what_cannot_be_written_leaves_nothing_behind(who, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LogError, match="can't write the audience"):
        who.write(tmp_path / "file" / "who.csv")
    with pytest.raises(LogError, match=r"form is one of .*did you mean 'meta_ads'\?"):
        who.write(tmp_path / "x.csv", form="metaads")
    with pytest.raises(LogError, match=r"no column 'stages' to add, did you mean 'stage'\?"):
        who.write(tmp_path / "x.csv", columns=["stages"])
    with pytest.raises(LogError, match="leave columns= out"):
        who.write(tmp_path / "x.csv", form="google_ads", columns=["stage"])
    with pytest.raises(LogError, match="matched by email or phone"):
        cj.audience(checked(LEFT)).write(tmp_path / "x.csv", form="google_ads")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_an_empty_audience_is_a_file_with_a_header(tmp_path, caplog):
    who = cj.audience(checked("seen@1 carted@2 paid@3", ids=[(0, "email", "a@b.org")]), identifiers="email")
    with caplog.at_level(logging.WARNING, logger="cjmining"):
        assert rows(who.write(tmp_path / "list.csv", form="marketo")) == [["Email Address"]]
    assert "list.csv has no customers" in caplog.text
