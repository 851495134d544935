"""Tickets of Zendesk, written by hand after its API reference and Fivetran's tables."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import cjmining as cj
from cjmining.ingest.vocabulary import is_known
from tests.ingest.helpers import events_made, fates, groups_of, seen

DATA = Path(__file__).parents[2] / "data"
BY_AUDITS = {
    "withdrawn: asked for by an agent, no customer": 4,
    "withdrawn: by a suspended user": 1,
    "withdrawn: private: the customer never saw it": 1,
    "withdrawn: a note of a merge": 1,
    "withdrawn: merged into another ticket": 1,
    "withdrawn: by somebody else than who asked": 1,
    "withdrawn: a breach that was taken back": 1,
}


def ingest(path, **options):
    return cj.ingest(cj.sources.Zendesk(path, region="DE", **options), data_end="2026-03-10")


@pytest.fixture(scope="module")
def log():
    return ingest(DATA / "zendesk")


@pytest.fixture(scope="module")
def tables():
    return ingest(DATA / "zendesk_fivetran")


def of_customer(log, email: str, *columns: str) -> list[tuple[object, ...]]:
    """What happened to the customer with an address."""
    who = log.identities.set_index("value")["customer"][email]
    rows = seen(log, "customer", "timestamp", *columns)
    return [(row[1].removeprefix("2026-03-").removesuffix(":00"), *row[2:]) for row in rows if row[0] == who]


def test_a_ticket_from_opening_to_closing(log):
    assert of_customer(log, "ann@shop.de", "touchpoint", "actor", "channel", "wait_s") == [
        ("02 09:00", "ticket_opened", "customer", "email", None),
        ("02 09:20", "promise_broken", "company", "email", None),
        ("02 09:30", "ticket_answered", "company", "email", 1800),
        ("02 10:00", "ticket_opened", "customer", "web", None),  # of the user merged into her
        ("02 10:00", "ticket_replied", "customer", "email", None),
        ("02 11:30", "ticket_answered", "company", "email", None),
        ("02 11:30", "ticket_solved", "company", "email", None),
        ("02 11:31", "survey_sent", "company", "survey", None),
        ("02 20:00", "survey_answered", "customer", "survey", None),
        ("03 08:00", "ticket_replied", "customer", "email", None),
        ("03 08:00", "ticket_reopened", "customer", "email", None),
        ("03 09:00", "ticket_solved", "customer", "email", None),
        ("07 09:00", "ticket_closed", "system", "email", None),
    ]
    assert log.events.set_index("touchpoint")["failed"].dropna().to_dict() == {"promise_broken": True}


def test_tickets_by_other_ways(log):
    rows = of_customer(
        log, "bob@shop.de", "touchpoint", "actor", "channel", "wait_s", "duration_s", "precision"
    )
    assert rows == [
        ("02 11:00", "ticket_opened", "customer", "social", None, None, 0),
        ("02 11:20", "ticket_answered", "company", "social", 1200, None, 0),
        ("02 13:00", "ticket_opened", "customer", "phone", None, None, 0),  # an agent wrote his call down
        ("02 13:00", "ticket_solved", "company", "phone", None, None, 0),
        ("02 13:40", "ticket_answered", "company", "phone", None, 95, 0),
        # of this ticket no audits were exported: its metrics tell what they know, to the minute
        ("02 15:00", "ticket_opened", "customer", "chat", None, None, 0),
        ("02 15:45", "ticket_answered", "company", "chat", 2700, None, 60),
        ("02 17:00", "ticket_solved", "company", "chat", None, None, 0),
        ("02 17:30", "survey_sent", "company", "survey", None, None, 0),
        ("02 18:00", "survey_answered", "customer", "survey", None, None, 0),
        # asked for a rating, of which the audits of the ticket don't tell
        ("04 11:31", "survey_sent", "company", "survey", None, None, 0),
    ]


def test_ratings(log):
    rated = log.events[log.events["touchpoint"] == "survey_answered"].set_index("satisfaction")["properties"]
    assert json.loads(rated[1.0]) == {"score": "good"}
    assert json.loads(rated[0.0]) == {
        "score": "bad",
        "reason": "The issue took too long to resolve",
        "comment": "[..] here, call me on [..]. Slow!",
    }
    ratings = {"satisfaction_ratings": DATA / "zendesk" / "satisfaction_ratings.json"}
    assert "comment" not in ingest(ratings, comments=False).events["properties"].str.cat()


def test_nothing_that_was_written_is_kept(log):
    texts = " ".join(log.events["properties"].dropna())
    assert not any(word in texts for word in ("Ann", "order", "192.0.2.1", "merged", "Hello"))


def test_everything_is_accounted_for(log):
    assert events_made(log) == {"kept": 25, **BY_AUDITS}
    assert fates(log) == {
        "used": 44,
        "superseded: delivered again": 1,
        "set aside: deleted in Zendesk": 1,
        "set aside: a rating that nobody was asked for": 1,
        "set aside: no identifier": 3,  # two agents and a suspended user
    }
    assert all(map(is_known, log.events["touchpoint"].unique()))


def test_who_is_who(log):
    by_ann = next(group for group in groups_of(log) if ("user_id", "C1") in group)
    assert by_ann == {
        ("user_id", "C1"), ("phone", "+493023125001"), ("email", "ann@shop.de"), ("zendesk_user", "11"),
        ("email", "ann@work.de"),  # wrote the ticket's mail
        ("zendesk_user", "14"),  # merged into her
        ("zendesk_ticket", "1001"), ("zendesk_ticket", "1002"), ("zendesk_organization", "501"),
    }  # fmt: skip
    assert not any("company.example" in value for group in groups_of(log) for _, value in group)


def test_without_audits_tickets_tell_the_same_as_far_as_they_know(tmp_path, log):
    for path in (DATA / "zendesk").iterdir():
        if path.stem != "ticket_audits":
            shutil.copy(path, tmp_path)
    alone = ingest(tmp_path)
    columns = ("touchpoint", "actor", "wait_s")
    told = of_customer(alone, "ann@shop.de", *columns)
    known = {"ticket_opened", "ticket_answered", "ticket_solved", "promise_broken", "survey_answered"}
    assert {touchpoint for _, touchpoint, _, _ in told} == known
    by_audits = [row for row in of_customer(log, "ann@shop.de", *columns) if row[0] != "02 10:00"]
    assert [row for row in told if row[1] != "ticket_solved"] == [
        row for row in by_audits if row[1] in known and row[0] not in {"02 11:30", "03 09:00"}
    ]
    assert [row[0] for row in told if row[1] == "ticket_solved"] == ["03 09:00"]  # the last time it was


def test_audits_alone(tmp_path):
    shutil.copy(DATA / "zendesk" / "ticket_audits.json", tmp_path)
    found = ingest(tmp_path)
    opened = found.events[found.events["touchpoint"] == "ticket_opened"]
    assert len(opened) == 6
    assert {"ticket_opened", "ticket_solved", "ticket_reopened", "ticket_closed", "survey_sent"} == set(
        found.events["touchpoint"]
    )


def test_fivetran(tables, log):
    columns = ("touchpoint", "actor", "channel")
    left = {"promise_broken", "survey_sent"}
    by_api = [
        row
        for row in of_customer(log, "ann@shop.de", *columns)
        if row[1] not in left and row[:2] != ("02 10:00", "ticket_opened")
    ]
    by_api = [
        row
        for row in by_api
        if row[:2] not in {("02 11:30", "ticket_answered"), ("03 08:00", "ticket_replied")}
    ]
    assert of_customer(tables, "ann@shop.de", *columns) == by_api
    assert of_customer(tables, "bob@shop.de", *columns) == [("02 10:00", "ticket_opened", "customer", "web")]
    assert events_made(tables) == {
        "kept": 9,
        "withdrawn: a status that is no touchpoint": 2,
        "withdrawn: merged into another ticket": 1,
    }
    assert fates(tables) == {
        "used": 17,
        "superseded: delivered again": 1,
        "set aside: deleted in Zendesk": 1,
        "set aside: no identifier": 1,
        "set aside: a tag that is not read": 1,
        "set aside: a change of a field that is not read": 1,
    }


def test_frames_and_the_export_of_an_account(tmp_path):
    ticket = {
        "id": 1, "requester": {"id": 5, "email": "Eve@shop.de"}, "submitter_id": 5, "status": "solved",
        "created_at": "2026-03-02T09:00:00Z", "via": {"channel": "web"},
        "comments": [
            {"id": 1, "author_id": 5, "public": True, "created_at": "2026-03-02T09:00:00Z", "body": "x"},
            {"id": 2, "author_id": 9, "public": False, "created_at": "2026-03-02T09:10:00Z", "body": "x"},
            {"id": 3, "author_id": 9, "public": True, "created_at": "2026-03-02T09:20:00Z", "body": "x"},
            {"id": 4, "author_id": 5, "public": True, "created_at": "soon", "body": "x"},
        ],
    }  # fmt: skip
    (tmp_path / "tickets.jsonl").write_text(json.dumps(ticket) + "\n")
    found = ingest({"tickets": tmp_path / "tickets.jsonl"})
    assert of_customer(found, "eve@shop.de", "touchpoint") == [
        ("02 09:00", "ticket_opened"),
        ("02 09:20", "ticket_answered"),
    ]
    assert events_made(found)["withdrawn: a comment without a time that can be read"] == 1
    frame = pd.read_csv(DATA / "zendesk_fivetran" / "ticket.csv")
    assert len(ingest({"ticket": frame}).events) == 2


def test_what_is_given_twice_is_refused(tmp_path):
    shutil.copy(DATA / "zendesk" / "users.json", tmp_path)
    pd.DataFrame({"id": [1]}).to_parquet(tmp_path / "user.parquet")
    with pytest.raises(cj.SourceError, match="users is there as JSON and as a table"):
        ingest(tmp_path)
    with pytest.raises(cj.SourceError, match="comments is True or False"):
        cj.sources.Zendesk(tmp_path, comments="yes")


def test_files_are_told_by_what_they_hold(tmp_path, log):
    for i, each in enumerate(sorted((DATA / "zendesk").glob("*.json"))):
        shutil.copy(each, tmp_path / f"export-{i}-of-march.json")
    (tmp_path / "notes.json").write_text('{"tickets": [{"id": 1, "title": "of another system"}]}')
    what = ("timestamp", "touchpoint", "actor", "channel", "wait_s")
    renamed = ingest(tmp_path)
    assert seen(renamed, *what) == seen(log, *what)
    assert groups_of(renamed) == groups_of(log)


def test_a_page_of_few_keys_is_found_and_read(tmp_path):
    ticket = {
        "id": 5, "created_at": "2026-03-01T08:00:00Z", "updated_at": "2026-03-01T09:00:00Z",
        "status": "solved", "requester_id": 7, "subject": "help", "via": {"channel": "email"}, "tags": [],
    }  # fmt: skip
    page = tmp_path / "zendesk_tickets_page1.json"
    page.write_text(json.dumps({"tickets": [ticket], "next_page": None, "count": 1}))
    (source,) = cj.sources.detect(tmp_path).build()
    assert seen(cj.ingest(source), "timestamp", "touchpoint") == [("2026-03-01 08:00:00", "ticket_opened")]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(cj.SourceError, match=r"no file holds tickets.*found x\.csv"):
        cj.ingest(cj.sources.Zendesk(tmp_path / "other"))


def test_a_rating_asked_for_is_told_once(tmp_path):
    for name in ("tickets", "users", "ticket_audits"):
        shutil.copy(DATA / "zendesk" / f"{name}.json", tmp_path)
    before = events_made(ingest(tmp_path))
    offered = {
        "id": 71, "ticket_id": 1001, "requester_id": 11, "score": "offered",
        "created_at": "2026-03-02T11:31:00Z", "updated_at": "2026-03-02T11:31:00Z",
    }  # fmt: skip
    (tmp_path / "satisfaction_ratings.json").write_text(json.dumps({"satisfaction_ratings": [offered]}))
    assert events_made(ingest(tmp_path)) == {**before, "withdrawn: told by the audits too": 1}
