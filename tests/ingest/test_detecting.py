"""What a folder of exports is taken for: each system's own export for it, the rest for what it may be."""

from __future__ import annotations

import importlib
import pkgutil
import random
import zipfile

import pytest
import yaml

import cjmining as cj
from cjmining.cli import app
from cjmining.ingest.detecting import detect

from . import exports

WRITERS = sorted(module.name for module in pkgutil.iter_modules(exports.__path__))
BY_THEIR_COLUMNS = {"table", "customers", "sql", "writing"}
"""Columns of these are the user's own: nothing can tell them apart."""


@pytest.mark.parametrize("name", [name for name in WRITERS if name not in BY_THEIR_COLUMNS])
def test_each_system_is_recognised_by_its_own_export(name, tmp_path):
    writer = importlib.import_module(f"{exports.__name__}.{name}")
    for seed in range(4):
        folder = tmp_path / str(seed)
        folder.mkdir()
        writer.write(folder, random.Random(seed), 6)  # noqa: S311 -- an example, no secret
    found = detect(tmp_path).files
    kind = writer.read(tmp_path / "0").kind
    others = found[found["source"] != kind]
    assert others.empty, others[["file", "source", "layout", "certainty"]].to_string()


def test_a_folder_of_several_systems(tmp_path):
    shop = tmp_path / "exports"
    (shop / "web").mkdir(parents=True)
    (shop / "web" / "events_20260101.json").write_text(
        '{"event_timestamp": 1, "event_name": "x", "event_params": [], "user_pseudo_id": "1"}\n'
    )
    with zipfile.ZipFile(shop / "crm.zip", "w") as archive:
        archive.writestr("Lead.csv", "Id,CreatedDate,IsConverted,ConvertedContactId,LeadSource,Status\n")
    (shop / "till.csv").write_text("card;sold_at;eur\n17;2026-01-31 10:00;3\n")
    (shop / "people.csv").write_text("customer_id,email,city\nC1,ann@x.de,Bonn\n")
    (shop / "notes.txt").write_text("nothing to see\n")
    (shop / "empty.csv").write_text("")
    found = cj.sources.detect(shop)
    assert {row.file: row.source for row in found.files.dropna().itertuples()} == {
        "crm.zip/Lead.csv": "Salesforce",
        "people.csv": "Customers",
        "till.csv": "Table",
        "web/events_20260101.json": "GA4",
    }
    assert found.files.set_index("file")["why"]["empty.csv"] == "the file is empty"
    assert found.options == [
        {"source": "Salesforce", "path": "crm.zip", "name": "crm"},
        {
            "source": "Table", "path": "till.csv", "name": "till", "customer": {"card": "loyalty"},
            "timestamp": "sold_at", "touchpoint": "till",
        },
        {"source": "GA4", "path": "web/events_20260101.json", "name": "web"},
    ]  # fmt: skip
    assert found.customers == {
        "path": "people.csv",
        "identifiers": {"customer_id": "user_id", "email": "email"},
    }
    assert [source.name for source in found.build()] == ["crm", "till", "web"]
    with pytest.raises(cj.SourceError, match=r"export does not exist, did you mean 'exports'"):
        detect(tmp_path / "export")


def test_one_file_that_is_broken_leaves_the_others(tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK nothing")
    (tmp_path / "Lead.csv").write_text(
        "Id,CreatedDate,IsConverted,ConvertedContactId,LeadSource,Status,LastName\n"
    )
    found = detect(tmp_path)
    assert [each["source"] for each in found.options] == ["Salesforce"]
    assert "is no zip archive that can be read" in found.files.set_index("file")["why"]["bad.zip"]


def test_several_paths(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "till.csv").write_text("card,sold_at\n17,2026-01-31 10:00\n")
    (tmp_path / "a" / "other.csv").write_text("card,sold_at\n17,2026-01-31 10:00\n")
    found = detect([tmp_path / "a" / "till.csv", str(tmp_path / "b")])
    assert found.files["file"].tolist() == ["a/till.csv", "b/till.csv"]
    assert [(each["path"], each["name"]) for each in found.options] == [
        ("a/till.csv", "till"), ("b/till.csv", "till_2"),
    ]  # fmt: skip
    assert (
        repr(found).splitlines()[0]
        == f"Detected in {tmp_path}: Table 'till' (1 file), Table 'till_2' (1 file)"
    )
    assert found.ingest().n_events == 2


def test_what_is_no_data_is_told(tmp_path):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "till.db")) as database:
        database.execute("CREATE TABLE sales (card, at)")
        database.commit()
    for name, text in (
        ("README.txt", "a note"), ("~$Book.xlsx", "lock"), ("study.yaml", "a: 1"), ("x.xlsx", "PK"),
        ("events.schema.json", '{"$schema": "https://json-schema.org", "type": "object"}'),
        ("api.json", '{"data": [{"uid": 1, "ts": "2026-03-01"}, {"uid": 2, "ts": "2026-03-02"}]}'),
        ("nobody.csv", "customer_id,email,created_at\n"), ("list.csv", "a,b\n1,2\n"),
        ("page.json", '{"tickets": [{"ticket_id": 1, "metric": 2}, {"ticket_id": 2, "metric": 5}]}'),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
    found = detect(tmp_path)
    why = found.files.set_index("file")["why"]
    assert {"README.txt", "~$Book.xlsx", "study.yaml", "events.schema.json"} == set(
        why[why == "not data"].index
    )
    assert why["till.db"] == "a SQLite database: read it by cj.sources.SQL(path, query); its tables are sales"
    assert why["x.xlsx"].startswith("a workbook: save its sheet as CSV")
    assert why["api.json"].endswith("its records are the list 'data': give Table a frame of it")
    assert why["nobody.csv"] == "a header but no records"
    assert why["list.csv"] == "no source knows these columns"
    assert why["page.json"] == "2 of 3 columns or keys that tell it (not instance_id)"
    assert found.files.set_index("file")["source"].dropna().to_dict() == {"page.json": "Zendesk"}
    assert found.customers is None


def test_the_table_with_the_most_identifiers_is_that_of_customers(tmp_path):
    (tmp_path / "a.csv").write_text("customer_id,city\n1,Bonn\n2,Bonn\n")
    (tmp_path / "b.csv").write_text(
        "customer_id,email,birth_date,created_at\n1,a@x.de,1990-01-01,2026-01-01\n"
    )
    (tmp_path / "c.csv").write_text("customer_id,email\n1,a@x.de\n2,b@x.de\n")
    found = detect(tmp_path)
    assert found.customers == {"path": "c.csv", "identifiers": {"customer_id": "user_id", "email": "email"}}
    assert found.remarks == {"customers": "may be tables of customers too: b.csv, a.csv"}
    assert repr(found.build_customers()) == "Customers(name='customers')"


def test_tables_are_guessed_from_their_values_too(tmp_path):
    import pandas as pd

    (tmp_path / "Bestellungen März.csv").write_text(
        "Kundennr;E-Mail;Datum;Betrag;Status\n4000;k0@x.de;01.03.2026 00:15;1.682,18;storniert\n"
        "4001;k1@x.de;02.03.2026 01:15;2.220,73;bestellt\n4002;k2@x.de;03.03.2026 02:15;83,93;bestellt\n"
    )
    (tmp_path / "us.csv").write_text("card,when,rating\n1,3/4/2026,5\n1,3/14/2026,2\n2,4/2/2026,4\n")
    pd.DataFrame(
        {
            "user_id": ["1", "2", "1"],
            "event_time": pd.Timestamp("2026-03-01"),
            "event": ["open", "open", "push"],
        }
    ).to_parquet(tmp_path / "app.parquet")
    found = detect(tmp_path)
    assert found.options == [
        {
            "source": "Table", "path": "Bestellungen März.csv", "name": "Bestellungen März",
            "customer": {"Kundennr": "user_id", "E-Mail": "email"}, "timestamp": "Datum",
            "touchpoint": "Status", "date_format": "%d.%m.%Y %H:%M", "measures": {"value": "Betrag"},
            "decimal": ",",
        },
        {
            "source": "Table", "path": "app.parquet", "name": "app", "customer": {"user_id": "user_id"},
            "timestamp": "event_time", "touchpoint": "event",
        },
        {
            "source": "Table", "path": "us.csv", "name": "us", "customer": {"card": "loyalty"},
            "timestamp": "when", "touchpoint": "us", "date_format": "%m/%d/%Y",
            "measures": {"satisfaction": ["rating", 1, 5]},
        },
    ]  # fmt: skip
    log = found.ingest(data_end="2026-12-31")
    assert log.n_events == 9
    assert log.events["value"].sum() == pytest.approx(1682.18 + 2220.73 + 83.93)
    assert sorted(log.events["satisfaction"].dropna()) == [0.25, 0.75, 1.0]
    assert str(log.events.query("source == 'us'")["timestamp"].max())[:10] == "2026-04-02"


@pytest.mark.parametrize(
    ("values", "forms"),
    [
        (["3/4/2026", "4/5/2026"], ()),  # March or April
        (["14/3/2026 10:00", "3/4/2026 11:00"], ("%d/%m/%Y %H:%M",)),
        (["3/14/26 1:05 PM"], ("%m/%d/%y %I:%M %p",)),
        (["31.12.2026", "31.12.2026 10:00:01"], ("%d.%m.%Y", "%d.%m.%Y %H:%M:%S")),
        (["2026-03-01", "01.03.2026"], ("iso", "%d.%m.%Y")),
        (["1772323200", "1772323201"], ("epoch s",)),
        (["1772323200000"], ("epoch ms",)),
        (["01.03.2026 midnight"], ()),
    ],
)
def test_forms_of_times(values, forms):
    from cjmining.ingest.guessed_values import date_forms

    assert date_forms(values) == forms


def test_labels_of_the_sources_that_can_be_read(tmp_path):
    import json

    exports, study = tmp_path / "exports", tmp_path / "study"
    exports.mkdir()
    (exports / "till.csv").write_text(
        "card,sold_at,action\n17,2026-01-31 10:00,sale\n17,2026-01-31 11:00,sale\n"
    )
    objects = [{"id": "o1", "type": "order"}, {"id": "i1", "type": "item"}, {"id": "i2", "type": "item"}]
    (exports / "x.jsonocel").write_text(
        json.dumps({
            "objectTypes": [{"name": "order"}, {"name": "item"}], "eventTypes": [], "objects": objects,
            "events": [{"id": "e", "type": "packed", "time": "2026-01-01T10:00:00Z",
                        "relationships": [{"objectId": "i1", "qualifier": ""}]}],
        })
    )  # fmt: skip
    (exports / "broken.csv").write_text("card,sold_at,action\n17,2/3/2026,sale\n")
    call = [str(exports), "--out", str(study)]
    run = _detect(*call)
    assert run.exit_code == 0, run.output
    assert (
        "broken: no labels yet, since it can't be read: source 'broken', broken.csv: in the only"
        in run.output
    )
    text = (study / "sources.yaml").read_text()
    assert "# case is one of these types of objects: item (2), order (1)\n" in text
    assert "name: ocel, case: item}" in text
    rules = yaml.safe_load((study / "labels.yaml").read_text())["labels"]
    assert [(rule["source"], rule["touchpoint"]) for rule in rules] == [("till", "sale"), ("ocel", "packed")]
    # completed by hand, then labels once more
    (study / "sources.yaml").write_text(
        text.replace("name: broken,", "name: broken, date_format: '%d/%m/%Y',")
    )
    (study / "labels.yaml").unlink()
    run = _detect(*call)
    assert run.exit_code == 0, run.output
    assert "sources.yaml is written" not in run.output
    rules = yaml.safe_load((study / "labels.yaml").read_text())["labels"]
    assert [rule["source"] for rule in rules] == ["broken", "till", "ocel"]
    assert "is there already and so is labels.yaml" in str(_detect(*call).exception)


def test_a_study_takes_what_was_written(tmp_path):
    from cjmining.study.form import build_sources, read_study

    (tmp_path / "exports" / "x").mkdir(parents=True)
    for name in ("a_lead.csv", "x/lead.csv"):
        (tmp_path / "exports" / name).write_text(
            "Id,CreatedDate,IsConverted,ConvertedContactId,LeadSource,Status,LastName\n"
        )
    _detect(str(tmp_path / "exports"), "--out", str(tmp_path), "--no-labels")
    text = (tmp_path / "sources.yaml").read_text()
    assert "path: [exports/a_lead.csv, exports/x/lead.csv]" in text
    (tmp_path / "study.yaml").write_text(f"study: s\nmap: m.yaml\n{text}")
    sources, _ = build_sources(*read_study(tmp_path / "study.yaml"))
    assert [source.kind for source in sources] == ["Salesforce"]


def test_files_of_one_layout_in_a_folder_are_one_line(tmp_path):
    for month in range(1, 8):
        (tmp_path / f"till_{month}.csv").write_text("card,sold_at\n17,2026-01-31 10:00\n")
    run = _detect(str(tmp_path))
    assert run.output.startswith(
        "till_1.csv and 6 more  possible  0.40  Table, a table with a time and an id"
    )


def _detect(*arguments):
    from typer.testing import CliRunner

    return CliRunner().invoke(app, ["sources", "detect", *arguments])


def test_the_command_line_writes_sources_and_labels(tmp_path):
    from typer.testing import CliRunner

    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "till.csv").write_text(
        "card,sold_at,action\n17,2026-01-31 10:00,sale\n17,2026-01-31 11:00,sale\n18,2026-02-01 09:00,back\n"
    )
    run = CliRunner().invoke(
        app, ["sources", "detect", str(tmp_path / "exports"), "--out", str(tmp_path / "study")]
    )
    assert run.exit_code == 0, run.output
    assert "till.csv  possible  0.40  Table, a table with a time and an identifier" in run.output
    written = yaml.safe_load((tmp_path / "study" / "sources.yaml").read_text())
    assert written["sources"] == [
        {
            "source": "Table", "path": "../exports/till.csv", "name": "till", "customer": {"card": "loyalty"},
            "timestamp": "sold_at", "touchpoint": "action",
        }
    ]  # fmt: skip
    labels = (tmp_path / "study" / "labels.yaml").read_text()
    assert (
        "  # till: 3 events, 2 native ones\n  - {source: till, native: sale, touchpoint: sale}  # 2" in labels
    )
    (source,) = cj.sources.detect(tmp_path / "exports").build()
    assert cj.ingest(source).label(tmp_path / "study" / "labels.yaml").n_events == 3
    again = CliRunner().invoke(
        app, ["sources", "detect", str(tmp_path / "exports"), "--out", str(tmp_path / "study")]
    )
    assert "is there already" in str(again.exception)
