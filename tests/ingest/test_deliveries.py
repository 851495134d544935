"""Adding deliveries to a log: the same log as of all at once, and what is refused."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

import cjmining as cj
from cjmining.ingest import comments
from cjmining.ingest.redaction import redact

from .delivering import check
from .helpers import fates


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_deliveries_makes_the_log_of_all_at_once(seed, tmp_path):
    assert check(seed, tmp_path)[1]


@pytest.fixture
def put(tmp_path):
    def write(name: str, *rows: str):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(("id,who,mail,at,what,v", *rows)) + "\n")
        return path

    return write


def orders(*paths, **options):
    kinds = {"who": "user_id", "mail": "email"}
    named = {"timestamp": "at", "touchpoint": "what", "event_id": "id", "version": "v", "customer": kinds}
    return cj.sources.Table(list(paths), name="orders", **(named | options))


def test_a_late_correction_joins_two_customers_and_moves_an_event(put, tmp_path):
    first = put(
        "1/o.csv", "1,c1,,2026-01-01,placed,1", "2,,b@x.de,2026-01-02,placed,1", "3,c1,,2026-01-03,paid,1"
    )
    log = cj.ingest(orders(first), path=tmp_path / "log", add=True)
    assert (log.n_customers, log.n_events) == (2, 3)
    second = put("2/o.csv", "3,c1,b@x.de,2025-12-24,paid,2", "4,,b@x.de,2026-01-04,left,1", ",,,,,")
    log = cj.ingest(orders(second), path=tmp_path / "log", add=True)
    assert list(log.events["touchpoint"]) == ["paid", "placed", "placed", "left"]
    assert log.n_customers == 1
    assert fates(log) == {"used": 4, "superseded: delivered again": 1, "quarantined: at is empty": 1}
    again = cj.ingest(orders(second), path=tmp_path / "log", add=True)
    assert list(again.events["touchpoint"]) == list(log.events["touchpoint"])
    assert fates(again)["superseded: delivered again"] == 3


def test_what_can_not_be_added_is_refused_and_the_log_stays(put, tmp_path):
    path = put("1/o.csv", "1,c1,,2026-01-01,placed,1")
    with pytest.raises(cj.SourceError, match="add=True needs path="):
        cj.ingest(orders(path), add=True)
    with pytest.raises(cj.SourceError, match="a log without identities can't take in further deliveries"):
        cj.ingest(orders(path), path=tmp_path / "log", add=True, identities="drop")
    cj.ingest(orders(path), path=tmp_path / "plain")
    with pytest.raises(cj.SourceError, match=r"was made without add=True .*ingest everything once"):
        cj.ingest(orders(path), path=tmp_path / "plain", add=True)
    hashed = {"identities": "pseudonymise", "add": True, "path": tmp_path / "hashed"}
    cj.ingest(orders(path), key="one", **hashed)
    with pytest.raises(cj.SourceError, match="was made with another key"):
        cj.ingest(orders(path), key="two", **hashed)
    log = cj.ingest(orders(path), path=tmp_path / "log", add=True)
    changed = [
        ({"dimensions": ["v"]}, r"'orders', events: the log .* other options .* what is read of a record"),
        ({"touchpoint": {"fixed": "ordered"}}, "other options .* what is read of a record"),
        ({"event_id": None}, "other options .* its key"),
        ({"customer": {"who": "loyalty", "mail": "email"}}, "other options .* its identifiers differs"),
        ({"timezone": "Europe/Berlin"}, "has a source of that name whose timezone is UTC"),
    ]
    for options, message in changed:
        with pytest.raises(cj.SourceError, match=message):
            cj.ingest(orders(path, **options), path=tmp_path / "log", add=True)
    other = cj.sources.Segment(tmp_path, name="orders")
    with pytest.raises(cj.SourceError, match="has a source of that name whose system is Table, not Segment"):
        cj.ingest(other, path=tmp_path / "log", add=True)
    with pytest.raises(cj.SourceError, match=r"takes in deliveries\. Give add=True to add to it"):
        cj.ingest(orders(path), path=tmp_path / "log")
    assert cj.read_log(tmp_path / "log").events.equals(log.events)


def test_comments_are_kept_without_what_names_people(put, tmp_path, monkeypatch):
    survey = tmp_path / "s.csv"
    survey.write_text(
        "id,mail,at,score,comment\n1,greta@x.de,2026-01-01,3,Greta here: mail g@home.de\n"
        "2,,2026-01-01,3,of nobody: 0170 1234567\n"
    )
    redacted = []
    monkeypatch.setattr(comments, "redact", lambda text, names: redacted.append(text) or redact(text, names))
    options = {"timestamp": "at", "touchpoint": "asked", "measures": {"satisfaction": ("score", 1, 5)}}
    source = cj.sources.Table(survey, name="s", customer={"mail": "email"}, event_id="id", **options)
    cj.ingest(source, path=tmp_path / "log", add=True)
    (kept,) = (tmp_path / "log" / "records").glob("*.parquet")
    said = pq.read_table(kept).column("c:comment").to_pylist()
    assert sorted(said) == ["[..] here: mail [..]", "of nobody: [..]"]
    assert len(redacted) == 2


@pytest.mark.parametrize("how", [{"identities": "pseudonymise", "key": "secret"}, {"identities": "drop"}])
def test_names_of_cases_are_hidden_with_the_identities(how, tmp_path):
    visits = tmp_path / "v.csv"
    visits.write_text(
        "who,case,at,what\nC71,C71-a,2026-01-01,x\nC71,C71-a,2026-01-02,y\nC72,C72-b,2026-01-01,z\n"
    )
    asked = {"customer": "who", "journey": "case", "timestamp": "at", "touchpoint": "what"}
    log = cj.ingest(cj.sources.Table(visits, name="v", **asked), path=tmp_path / "log", **how)
    assert log.n_journeys == 2
    assert not log.journeys["native_journey"].str.contains("C7").any()
    for file in (tmp_path / "log").rglob("*.parquet"):
        text = str(pq.read_table(file).to_pylist())
        assert "C71" not in text
        assert "C72" not in text
