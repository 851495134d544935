# ruff: noqa: E501 -- native rows are as long as they are
"""Attributes of customers are joined by identifiers."""

from __future__ import annotations

import pandas as pd
import pytest

import cjmining as cj

from .helpers import fates

EVENTS = pd.DataFrame({"mail": ["ann@x.de", "bob@x.de", "cat@x.de"], "when": ["2026-01-01"] * 3})


def ingest(customers, **options):
    table = cj.sources.Table(
        EVENTS, name="t", customer={"mail": "email"}, timestamp="when", touchpoint="seen"
    )
    return cj.ingest(
        table,
        customers=cj.sources.Customers(customers, identifiers={"mail": "email", "id": "user_id"}, **options),
    )


def test_attributes_keep_their_kind_of_value():
    rows = pd.DataFrame(
        {
            "mail": ["ANN@x.de", "bob@x.de", "dan@x.de"], "id": ["1", "2", "3"], "birth_year": ["1990", None, "2001"],
            "score": ["1.5", "2", None], "zip": ["01234", "10115", None], "vip": ["true", "false", None], "city": ["Ulm", "Bonn", None],
        }
    )  # fmt: skip
    log = ingest(rows)
    found = log.customers.set_index("customer")
    by_mail = dict(
        zip(
            log.identities.query("kind == 'email'")["value"],
            log.identities.query("kind == 'email'")["customer"],
            strict=True,
        )
    )
    arrow = log.to_arrow()["customers"].schema
    assert [str(arrow.field(n).type) for n in ("birth_year", "score", "zip", "vip", "city")] == [
        "int64",
        "double",
        "string",
        "bool",
        "string",
    ]
    assert found.loc[by_mail["ann@x.de"], "birth_year"] == 1990
    assert found.loc[by_mail["ann@x.de"], "zip"] == "01234"
    assert pd.isna(found.loc[by_mail["cat@x.de"], "birth_year"])
    assert log.n_customers == 4  # dan has no events, but is known
    assert fates(log, "customers") == {"used": 3}


def test_of_several_rows_the_first_value_counts():
    rows = pd.DataFrame(
        {"mail": ["ann@x.de", "ann@x.de"], "id": ["1", "2"], "a": [None, "x"], "b": ["y", "z"]}
    )
    log = ingest(rows)
    ann = log.customers.dropna(subset=["b"])
    assert ann[["a", "b"]].to_numpy().tolist() == [["x", "y"]]
    assert any("1 customer has several rows" in note for note in log.notes)


@pytest.mark.parametrize(
    ("name", "values", "kept"),
    [
        ("HasOptedOutOfEmail", ["false", "true", "false"], True),
        ("Status", ["Active", "Unsubscribed", "Active"], "Unsubscribed"),
        ("Accepts Marketing", ["yes", "no", "yes"], "no"),
        ("unsubscribed_at", [None, "2026-02-01", None], "2026-02-01"),
        ("HasOptedOutOfEmail", [None, "false", "false"], False),
        ("newsletter_topic", ["shoes", "none", "hats"], "shoes"),
    ],
)
def test_of_several_rows_one_that_speaks_against_writing_counts(name, values, kept):
    rows = pd.DataFrame({"mail": ["ann@x.de"] * 3, "id": ["1", "2", "3"], name: values})
    known = ingest(rows).customers[name].dropna()
    assert known.tolist() == [kept]


def test_a_row_without_identifier_is_set_aside_and_rows_link_sources():
    rows = pd.DataFrame(
        {"mail": ["n/a", "ann@x.de", "bob@x.de"], "id": [None, "7", "7"], "a": ["1", "2", "3"]}
    )
    log = ingest(rows)
    assert fates(log, "customers") == {"used": 2, "set aside: no identifier": 1}
    assert log.n_customers == 2  # ann and bob have one number, so they are one


def test_attributes_can_be_chosen_and_renamed():
    rows = pd.DataFrame({"mail": ["ann@x.de"], "id": ["1"], "born": ["1990"], "secret": ["x"]})
    assert list(ingest(rows, attributes={"birth_year": "born"}).customers.columns) == [
        "customer",
        "birth_year",
    ]
    with pytest.raises(cj.SourceError, match="did you mean 'born'"):
        ingest(rows, attributes=["bron"])
    with pytest.raises(cj.SourceError, match="'persona'"):
        ingest(rows, attributes={"persona": "born"})
    with pytest.raises(cj.SourceError, match="identifiers is"):
        cj.sources.Customers(rows, identifiers=["mail"])
