"""What is said where files are given to the source of another system, or of which nothing is left."""

from __future__ import annotations

import pytest

import cjmining as cj

GA4 = (
    '{"event_date": "20260301", "event_timestamp": "1772352000000000", "event_name": "page_view", '
    '"event_params": [], "user_pseudo_id": "1.1", "user_id": null, "event_previous_timestamp": null}\n'
)
LEAD = (
    "Id,CreatedDate,IsConverted,ConvertedContactId,LeadSource,Status,LastName,Email\n"
    "00Q1,2026-03-01T10:00:00Z,false,,,Open,A,a@x.de\n"
)
ROWS = "who,when\nann,2026-03-01 10:00\n"


@pytest.fixture
def web(tmp_path):
    folder = tmp_path / "web"
    folder.mkdir()
    for day in (1, 2, 3):
        (folder / f"events_2026030{day}.jsonl").write_text(GA4)
    return folder


def test_files_of_another_system_are_told(web):
    for source in (cj.sources.Segment(web), cj.sources.AmazonConnect(web)):
        with pytest.raises(cj.SourceError) as found:
            cj.ingest(source)
        assert "These files look like GA4: cj.sources.GA4(...)" in str(found.value)
    with pytest.raises(
        cj.SourceError, match=r"none of .* is in .*web; found .* look like GA4: cj\.sources\.GA4"
    ):
        cj.ingest(cj.sources.Salesforce(web))


def test_they_are_told_beside_other_sources_too(web, tmp_path):
    (tmp_path / "t.csv").write_text(ROWS)
    (tmp_path / "Lead.csv").write_text(LEAD)
    own = cj.sources.Table(tmp_path / "t.csv", name="t", customer="who", timestamp="when", touchpoint="seen")
    log = cj.ingest([own, cj.sources.Segment(web, name="app")])
    assert [note for note in log.notes if "became an event" in note] == [
        "source 'app': none of 3 records became an event. These files look like GA4: cj.sources.GA4(...)"
    ]
    assert not any(
        "look like" in note for note in cj.ingest([own, cj.sources.Salesforce(tmp_path / "Lead.csv")]).notes
    )


def test_files_with_the_same_fate_are_told_together(tmp_path):
    for month in (1, 2, 3):
        (tmp_path / f"{month}.csv").write_text("who,when,what\nunknown,2026-01-01,a\n,2026-01-02,b\n")
    (tmp_path / "4.csv").write_text("who,when,what\n")
    source = cj.sources.Table(tmp_path, name="t", customer="who", timestamp="when", touchpoint="what")
    with pytest.raises(cj.SourceError) as found:
        cj.ingest(source)
    assert str(found.value).startswith(
        "no events are left of what was read. 't', 4.csv: a header but no records; "
        "'t', 3 files: 6 records set aside (no identifier). Where there is no identifier, customer= names"
    )


def test_advice_names_options_that_the_source_has(tmp_path):
    (tmp_path / "Lead.csv").write_text(LEAD.replace("2026-03-01T10:00:00Z", "sometime"))
    with pytest.raises(cj.SourceError) as found:
        cj.ingest(cj.sources.Salesforce(tmp_path))
    assert "date_format=" not in str(found.value)
    (tmp_path / "events.json").write_text(
        '[{"event": "open", "timestamp": 1772352000, "sg_event_id": "1", "sg_message_id": "m"}]'
    )
    with pytest.raises(cj.SourceError) as found:
        cj.ingest(cj.sources.SendGrid(tmp_path / "events.json"))
    assert "customer=" not in str(found.value)
    assert "identifiers= names further columns" in str(found.value)
