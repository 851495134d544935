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
