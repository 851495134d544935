# ruff: noqa: E501 -- native rows are as long as they are
"""OCEL: objects of one type are journeys; what that does to events is told."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zipfile
from collections import Counter
from contextlib import closing

import pytest

import cjmining as cj
from tests.ingest.helpers import events_made, fates, groups_of, seen


@pytest.fixture(scope="module")
def orders(request):
    return request.config.rootpath / "tests" / "data" / "ocel" / "orders.jsonocel"


@pytest.fixture(scope="module")
def log(orders):
    return cj.ingest(
        cj.sources.OCEL(orders, case="orders", customer="customers", dimensions=["size", "carrier"])
    )


def test_an_event_is_told_for_each_object_of_the_type(log):
    assert sorted(seen(log, "native_journey", "timestamp", "touchpoint", "size", "carrier")) == [
        ("o1", "2026-03-02 09:00:00", "place order", "small", None),
        ("o1", "2026-03-02 15:00:00", "send parcel", "large", "bike"),  # as the order was then
        ("o2", "2026-03-02 08:30:00", "place order", None, None),
        ("o2", "2026-03-02 15:00:00", "send parcel", None, "bike"),  # once, although related twice
        ("o3", "2026-03-02 09:10:00", "place order", None, None),
        ("o4", "2026-03-02 09:20:00", "place order", None, None),
    ]
    assert log.n_journeys == 4
    assert not log.splittable.any()
    assert json.loads(log.events["properties"].dropna().iloc[0]) == {"carrier": "bike", "weight": "2.5"}


def test_the_ledger_tells_events_of_no_order_and_spoilt_ones(log):
    assert fates(log) == {
        "used": 6,
        "set aside: related to no object of type 'orders'": 1,
        "quarantined: time is no time that can be read": 1,
        "quarantined: event type is empty": 1,
        "quarantined: event is empty": 1,
    }
    assert events_made(log) == {"kept": 6}
    assert any(
        "1 of 9 events belong to several objects of type 'orders' and count once for each (OCEL's convergence): "
        "10 records" in note
        for note in log.notes
    )


def test_customers_are_found_by_relations_and_never_merged(log):
    assert groups_of(log) == {
        frozenset({("customer", "c1")}),  # it names the order
        frozenset({("customer", "c2")}),  # the order names it
        frozenset({("customer", "c3")}),  # by the order's events
        frozenset({("case", "ocel/o4")}),  # of two customers: neither of them
    }
    assert any(
        "2 of 5 objects of type 'orders' are related to no 'customers', or to several" in n for n in log.notes
    )


def test_each_order_is_a_customer_by_default(orders):
    log = cj.ingest(cj.sources.OCEL(orders, case="orders", name="shop", channel="store"))
    assert groups_of(log) == {frozenset({("case", f"shop/o{i}")}) for i in range(1, 5)}
    assert set(log.events["channel"]) == {"store"}


XML = """<?xml version="1.0" encoding="UTF-8"?>
<log>
  <event-types/><object-types/>
  <events>{events}</events>
  <objects>{objects}</objects>
</log>"""


def as_xml(told):
    objects = "".join(
        f'<object id="{o["id"]}" type="{o["type"]}"><attributes>'
        + "".join(f'<attribute name="{a["name"]}" time="{a["time"]}">{a["value"]}</attribute>' for a in o.get("attributes", ()))
        + "</attributes><objects>"
        + "".join(f'<relationship object-id="{r["objectId"]}" qualifier="x"/>' for r in o.get("relationships", ()))
        + "</objects></object>"
        for o in told["objects"]
    )  # fmt: skip
    events = "".join(
        f'<event id="{e["id"]}" {"type=" + json.dumps(e["type"]) if "type" in e else ""} time="{e["time"]}"><attributes>'
        + "".join(f'<attribute name="{a["name"]}">{a["value"]}</attribute>' for a in e.get("attributes", ()))
        + "</attributes><objects>"
        + "".join(f'<relationship object-id="{r["objectId"]}" qualifier="x"/>' for r in e["relationships"])
        + "</objects></event>"
        for e in told["events"] if e != 7
    )  # fmt: skip
    return XML.format(events=events + "<event/>", objects=objects)


def as_first_version(told):
    return {
        "ocel:events": {
            e["id"]: {
                "ocel:activity": e.get("type"), "ocel:timestamp": e["time"],
                "ocel:omap": [r["objectId"] for r in e["relationships"]],
                "ocel:vmap": {a["name"]: a["value"] for a in e.get("attributes", ())},
            }
            for e in told["events"] if e != 7
        },
        "ocel:objects": {o["id"]: {"ocel:type": o["type"], "ocel:ovmap": {}} for o in told["objects"]},
    }  # fmt: skip


@pytest.mark.parametrize("form", ["xml", "gz", "zip"])
def test_every_form_gives_the_same_events(tmp_path, orders, log, form):
    text = orders.read_text()
    if form == "xml":
        path = tmp_path / "orders.xmlocel"
        path.write_text(as_xml(json.loads(text)))
    elif form == "gz":
        path = tmp_path / "orders.jsonocel.gz"
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path = tmp_path / "orders.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("in/orders.json", text)
    again = cj.ingest(
        cj.sources.OCEL(path, case="orders", customer="customers", dimensions=["size", "carrier"])
    )
    assert again.to_arrow()["events"].drop_columns("event_id") == log.to_arrow()["events"].drop_columns(
        "event_id"
    )


def test_the_first_version_has_no_relations_of_objects(tmp_path, orders):
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(as_first_version(json.loads(orders.read_text()))))
    log = cj.ingest(cj.sources.OCEL(path, case="orders", customer="customers"))
    assert fates(log)["used"] == 6
    assert ("case", "ocel/o2") in set.union(*map(set, groups_of(log)))


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (
            None,
            {"case": "order"},
            r"case='order' is no type of its objects, did you mean 'orders'.* orders \(5\)",
        ),
        (None, {"case": "orders", "customer": "people"}, "customer='people' is no type"),
        (None, {"case": "orders", "dimensions": ["seize"]}, "have an attribute 'seize', did you mean 'size'"),
        (None, {"case": ""}, "case is a type of objects"),
        ('{"events": [', {"case": "a"}, "can't be read as JSON"),
        ("[" * 100_000, {"case": "a"}, "can't be read as JSON"),
        ('{"objects": []}', {"case": "a"}, "no list of events"),
        ('{"events": [], "objects": [1, {"id": 1}]}', {"case": "a"}, "is no type of its objects"),
        ("<log><events>", {"case": "a"}, "can't be read as XML"),
        ("<html/>", {"case": "a"}, "no OCEL"),
        ("<!DOCTYPE a [<!ENTITY a 'b'>]><log>&a;</log>", {"case": "a"}, "declares a document type"),
        ("SQLite format 3\x00 and no more", {"case": "a"}, "can't be read as OCEL in SQLite"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, orders, text, options, said):
    path = orders
    if text is not None:
        path = tmp_path / "log.jsonocel"
        path.write_text(text)
    with pytest.raises(cj.SourceError, match=said):
        cj.ingest(cj.sources.OCEL(path, **options))


def test_objects_without_a_type_are_of_none(tmp_path):
    path = tmp_path / "log.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        for table in ("event (ocel_id, ocel_type)", "object (ocel_id, ocel_type)", "event_map_type (ocel_type, ocel_type_map)",
                      "object_map_type (ocel_type, ocel_type_map)", "event_object (ocel_event_id, ocel_object_id)"):  # fmt: skip
            connection.execute(f"CREATE TABLE {table}")
        connection.execute("INSERT INTO object VALUES ('o1', NULL), ('o2', 7)")
        connection.commit()
    with pytest.raises(cj.SourceError, match=r"case='orders' is no type of its objects; there are 7 \(1\)"):
        cj.ingest(cj.sources.OCEL(path, case="orders"))


def test_another_database_is_refused(tmp_path):
    path = tmp_path / "till.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE sales (a)")
    with pytest.raises(cj.SourceError, match="no table 'event'; it has sales"):
        cj.ingest(cj.sources.OCEL(path, case="orders"))


@pytest.mark.parametrize("case", ["Purchase Order", "Invoice", "Payment", "Purchase Requisition"])
def test_published_samples_against_plain_counts(shared_data, case):
    folder = shared_data / "exchange"
    by_json = cj.ingest(cj.sources.OCEL(folder / "ocel20_example.jsonocel", case=case))
    told = json.loads((folder / "ocel20_example.jsonocel").read_text())
    ids = {each["id"] for each in told["objects"] if each["type"] == case}
    pairs = [
        (r["objectId"], event["type"]) for event in told["events"] for r in event["relationships"] if r["objectId"] in ids
    ]  # fmt: skip
    assert Counter(
        zip(by_json.events["native_journey"], by_json.events["touchpoint"], strict=True)
    ) == Counter(pairs)
    # the database holds the same times an hour ahead, without a zone
    by_sqlite = cj.ingest(
        cj.sources.OCEL(folder / "ocel20_example.sqlite", case=case, timezone="Europe/Berlin")
    )
    columns = ("native_journey", "timestamp", "touchpoint", "properties")
    assert seen(by_sqlite, *columns) == seen(by_json, *columns)
    with closing(sqlite3.connect(f"file:{folder / 'ocel20_example.sqlite'}?mode=ro", uri=True)) as connection:
        ((n,),) = connection.execute(
            "SELECT count(*) FROM (SELECT DISTINCT ocel_event_id, ocel_object_id FROM event_object "
            "JOIN object ON ocel_object_id = ocel_id WHERE ocel_type = ?)", (case,),
        )  # fmt: skip
    assert fates(by_sqlite)["used"] == n == len(pairs)


def test_published_sample_against_pm4py(shared_data):
    pm4py = pytest.importorskip("pm4py")
    path = shared_data / "exchange" / "ocel20_example.jsonocel"
    flat = pm4py.ocel_flattening(pm4py.read_ocel2_json(str(path)), "Invoice")
    log = cj.ingest(cj.sources.OCEL(path, case="Invoice"))
    theirs = zip(flat["case:concept:name"], flat["time:timestamp"], flat["concept:name"], strict=True)
    ours = zip(log.events["native_journey"], log.events["timestamp"], log.events["touchpoint"], strict=True)
    assert sorted((c, t.timestamp(), a) for c, t, a in ours) == sorted(
        (c, t.timestamp(), a) for c, t, a in theirs
    )
