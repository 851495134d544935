"""Customers are the connected components of identifiers, against brute force, and the guards."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.ingest import identity
from cjmining.ingest.database import number_of
from cjmining.ingest.identity import SHARED_BY, long_id, phone_number
from tests.examples import examples

from .helpers import fates, groups_of, links
from .identity_by_hand import ByHand

KINDS = {"mail": "email", "user": "user_id", "cookie": "cookie"}


def visits(rows: list[dict[str, str | None]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[*KINDS, "phone", "account", "contact", "order"])
    frame["when"] = [f"2026-01-01 10:{i // 60:02d}:{i % 60:02d}" for i in range(len(frame))]
    return frame.astype("string")


def log_of(rows: list[dict[str, str | None]], **kinds: str):
    kinds = kinds or KINDS
    return cj.ingest(
        cj.sources.Table(
            visits(rows),
            name="t",
            customer=kinds,
            timestamp="when",
            touchpoint="visited",
            timezone="UTC",
            region="DE",
        )
    )


row = st.fixed_dictionaries(
    {
        "mail": st.one_of(st.none(), st.sampled_from([f"p{i}@shop.de" for i in range(8)])),
        "user": st.one_of(st.none(), st.sampled_from([f"U{i}" for i in range(8)])),
        "cookie": st.one_of(st.none(), st.sampled_from([f"c.{i}" for i in range(4, 12)])),
    }
)


@examples(15)
@given(st.lists(row, min_size=1, max_size=12).filter(lambda rows: any(any(r.values()) for r in rows)))
def test_customers_are_those_found_by_hand(rows):
    log = log_of(rows)
    by_hand = ByHand([frozenset((KINDS[k], v) for k, v in r.items() if v) for r in rows if any(r.values())])
    expected = by_hand.customers()
    assert groups_of(log) == expected
    without = sum(1 for r in rows if not any(r.values()))
    assert fates(log).get("set aside: no identifier", 0) == without


def test_numbers_of_customers_do_not_depend_on_the_order_of_rows():
    rows = [{"mail": f"p{i}@shop.de", "user": f"U{i % 7}"} for i in range(20)]
    one, other = log_of(rows).identities, log_of(rows[::-1]).identities
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(
    "mail",
    [
        "unknown",
        "n/a",
        "test@shop.de",
        "Test12@shop.de",
        "no-reply@shop.de",
        "noreply@x.org",
        "not an address",
        "a@b",
        "(none)",
        "anonymous",
    ],
)
def test_placeholders_link_nobody(mail):
    log = log_of([{"mail": mail, "user": "U1"}, {"mail": mail, "user": "U2"}, {"mail": mail}])
    assert log.n_customers == 2
    assert fates(log) == {"used": 2, "set aside: no identifier": 1}
    assert sum(links(log).values()) == 3
    assert groups_of(log) == {frozenset({("user_id", "U1")}), frozenset({("user_id", "U2")})}


@pytest.mark.parametrize("phone", ["0000", "00000000", "+4900000000", "+49 30 123456789", "anonymous", "12"])
def test_placeholder_phones_link_nobody(phone):
    log = log_of(
        [{"phone": phone, "user": "U1"}, {"phone": phone, "user": "U2"}], phone="phone", user="user_id"
    )
    assert log.n_customers == 2
    assert sum(links(log).values()) == 2


def test_an_address_is_one_whatever_its_case_and_blanks():
    log = log_of([{"mail": " Ann@Shop.de ", "user": "U1"}, {"mail": "ann@shop.DE", "cookie": "c.1"}])
    assert groups_of(log) == {frozenset({("email", "ann@shop.de"), ("user_id", "U1"), ("cookie", "c.1")})}


def test_a_phone_is_one_however_it_is_written():
    written = [
        "030 / 2312 500-1",
        "+49 30 23125001",
        "0049 30 23125001",
        "+493023125001",
        "tel:+493023125001",
    ]
    log = log_of([{"phone": phone} for phone in written], phone="phone")
    assert groups_of(log) == {frozenset({("phone", "+493023125001")})}


def test_what_many_share_is_no_link():
    shared = [{"mail": "info@company.de", "user": f"U{i}"} for i in range(SHARED_BY + 1)]
    log = log_of([*shared, {"mail": "info@company.de"}])
    assert log.n_customers == SHARED_BY + 1
    assert links(log) == {"refused: email shared by too many": SHARED_BY + 2}
    assert fates(log)["set aside: only an identifier that too many share"] == 1
    assert log_of(shared[:-1]).n_customers == 1


def test_many_cookies_of_one_person_are_a_link():
    assert log_of([{"mail": "ann@shop.de", "cookie": f"c.{i}"} for i in range(40)]).n_customers == 1


def test_a_kiosk_is_no_person():
    assert log_of([{"mail": f"p{i}@shop.de", "cookie": "c.1"} for i in range(6)]).n_customers == 6


def test_an_account_links_orders_to_its_only_contact_and_no_two_contacts():
    kinds = {"account": "crm_account", "contact": "crm_id", "order": "crm_opportunity"}
    lone = [{"account": "A", "contact": "P"}, {"account": "A", "order": "O"}]
    assert log_of(lone, **kinds).n_customers == 1
    two = [*lone, {"account": "A", "contact": "Q"}]
    log = log_of(two, **kinds)
    assert log.n_customers == 3  # P, Q and the order of one of them
    assert links(log) == {"refused: crm_account shared by several customers": 3}
    same = [*two, {"contact": "P", "order": "X"}, {"contact": "Q", "order": "X"}]
    assert log_of(same, **kinds).n_customers == 3  # an order of two contacts makes them no one person


def test_salesforce_ids_of_15_and_18_characters_are_one():
    """By hand: capitals of each five as bits, the first the lowest; 4 is E, 0 is A, 7 is H, 31 is 5."""
    assert long_id("00Q5g00000ABCde") == "00Q5g00000ABCdeEAH"
    assert long_id("000000000000000") == "000000000000000AAA"
    assert long_id("ABCDEabcdeABCDE") == "ABCDEabcdeABCDE5A5"
    log = log_of([{"contact": "0035g00000ABCDE"}, {"contact": "0035g00000ABCDEAA5"}], contact="crm_id")
    assert log.n_customers == 1


def test_phone_numbers_that_can_be_none_come_back_bare():
    assert phone_number("0171 2345678") == "01712345678"
    assert phone_number("anonymous", "DE") == "anonymous"


def test_identities_can_be_hashed_or_dropped(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("mail,when\nann@shop.de,2026-01-01 10:00\nbob@shop.de,soon\n")
    table = cj.sources.Table(
        path, name="t", customer={"mail": "email"}, timestamp="when", touchpoint="visited"
    )
    kept = cj.ingest(table)
    hashed = cj.ingest(table, identities="pseudonymise", key="secret")
    again = cj.ingest(table, identities="pseudonymise", key="secret")
    other = cj.ingest(table, identities="pseudonymise", key="another")
    assert kept.identities["value"].tolist() == ["ann@shop.de"]
    assert hashed.identities["value"].tolist() == again.identities["value"].tolist()
    assert hashed.identities["value"].tolist() != other.identities["value"].tolist()
    assert len(hashed.identities["value"][0]) == 32
    assert len(cj.ingest(table, identities="drop").identities) == 0
    assert "bob" in kept.quarantine["content"][0]
    assert hashed.quarantine["content"].isna().all()
    with pytest.raises(cj.SourceError, match="key="):
        cj.ingest(table, identities="pseudonymise")
    with pytest.raises(cj.SourceError, match="did you mean 'pseudonymise'"):
        cj.ingest(table, identities="pseudonymize")


def test_phone_numbers_without_a_country_are_counted():
    rows = [
        ("0171 2345678", "2026-01-01T10:00Z", "a"),
        ("0171/2345678", "2026-01-02T10:00Z", "b"),
        ("030 2345678", "2026-01-02T10:00Z", "c"),
        ("+49 171 2345678", "2026-01-03T10:00Z", "d"),
        ("unknown", "2026-01-04T10:00Z", "e"),
    ]
    frame = pd.DataFrame(rows, columns=["who", "when", "what"])

    def calls(region):
        return cj.sources.Table(
            frame, name="calls", customer={"who": "phone"}, timestamp="when", touchpoint="what", region=region
        )

    log = cj.ingest(calls(None))
    (note,) = log.notes
    assert note == (
        "source 'calls': 2 phone numbers have no country code and were compared as written; "
        "give region=, such as 'DE'"
    )
    assert log.n_customers == 3
    assert cj.ingest(calls("DE")).notes == ()


def test_sets_that_share_a_hash_are_told_apart_all_the_same(monkeypatch):
    rows = [{"mail": f"p{i}@shop.de", "cookie": f"c.{i % 5}"} for i in range(6)]
    told = groups_of(log_of(rows))
    monkeypatch.setattr(identity, "_CODES", ("length(x)", "md5_number(x)"))
    assert groups_of(log_of(rows)) == told


def test_texts_that_share_a_hash_of_the_database_have_numbers_of_their_own():
    import duckdb

    alike = [f"cookie:{i}841443748.1700037066\x1euser_id:C105295000{i}" for i in range(2)]
    one, other = (
        duckdb.execute(f"SELECT {number_of('x')} FROM (SELECT ? AS x)", [x]).fetchone() for x in alike
    )
    assert one != other
