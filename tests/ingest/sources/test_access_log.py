# ruff: noqa: E501 -- native rows are as long as they are
"""Access logs: requests of whom somebody can name; robots, assets and redirects counted."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import cjmining as cj
from tests.ingest.helpers import events_made, fates, groups_of, seen

DATA = Path(__file__).parents[2] / "data" / "access_log"
WHAT = ("timestamp", "native", "touchpoint", "channel", "device", "campaign", "failed", "referral")


@pytest.fixture(scope="module")
def log():
    return cj.ingest(cj.sources.AccessLog(DATA, cookies={"sid": "cookie"}, parameters={"cid": "user_id"}))


def test_touchpoints(log):
    desk, phone = ("web", "desktop", None, False, None), ("web", "mobile", None, False, None)
    assert seen(log, *WHAT) == [
        ("2026-03-01 09:00:00", "GET", "page_viewed", "web", "mobile", None, True, None),  # status 500
        ("2026-03-01 09:30:00", "arrival", "link_followed", "social", "mobile", None, None, "t.co"),
        ("2026-03-01 09:30:00", "GET", "page_viewed", *phone),
        ("2026-03-01 09:40:00", "GET", "page_viewed", *phone),
        ("2026-03-01 09:00:00", "arrival", "ad_clicked", "search", "desktop", "spring sale", None, "google"),
        ("2026-03-01 09:00:00", "GET", "page_viewed", "web", "desktop", "spring sale", False, None),
        ("2026-03-01 09:01:00", "GET", "page_viewed", *desk),  # status 304: seen from the browser's memory
        ("2026-03-01 09:02:00", "POST", "form_submitted", *desk),
        ("2026-03-01 09:02:01", "GET", "page_viewed", *desk),
        ("2026-03-01 09:04:00", "GET", "page_viewed", "web", "desktop", None, True, None),  # status 404
        ("2026-03-01 09:05:00", "GET", "file_downloaded", *desk),
        ("2026-03-01 09:34:00", "GET", "page_viewed", "web", None, None, False, None),  # common log format
        # with the virtual host first: what it refers to itself is no arrival
        ("2026-02-28 22:30:00", "GET", "page_viewed", *desk),
        ("2026-02-28 22:50:00", "arrival", "link_followed", "referral", "desktop", None, None, "partner.example"),
        ("2026-02-28 22:50:00", "GET", "page_viewed", *desk),
        # without it a site that isn't known may be the log's own
        ("2026-02-28 22:55:00", "GET", "page_viewed", *desk),
    ]  # fmt: skip


def test_accounts_and_identities(log):
    assert fates(log) == {
        "used": 13, "superseded: delivered again": 1, "set aside: a method that shows no page": 1,
        "set aside: a redirect": 1, "set aside: a robot, asks for robots.txt": 1,
        "set aside: a robot, by its user agent": 1, "set aside: a robot, without a user agent": 1,
        "set aside: an asset (image, style, script, feed)": 1, "set aside: no identifier": 1,
        "set aside: no request that can be read": 1, "quarantined: a line of another form": 1,
        "quarantined: time is no time that can be read": 1,
    }  # fmt: skip
    assert events_made(log) == {"kept": 16, "withdrawn: the same arrival told again": 1}
    assert groups_of(log) == {
        frozenset({("cookie", "abc123"), ("email", "bob@shop.example")}),
        frozenset({("user_id", "ann"), ("user_id", "77")}),
        *(frozenset({("user_id", name)}) for name in ("carl", "dora", "john smith")),
    }


def test_who_asks_for_robots_txt_and_an_impossible_day(tmp_path):
    """Eve's first browser is a robot, her second isn't, nor is her neighbour with the first at another address."""
    lines = (
        ("192.0.2.1", "31/Mar/2026:10:00:00", "/a", "Firefox"),
        ("192.0.2.1", "31/Mar/2026:10:00:01", "/robots.txt", "Firefox"),
        ("192.0.2.1", "31/Mar/2026:10:00:02", "/b", "Firefox"),
        ("192.0.2.1", "31/Mar/2026:10:00:03", "/c", "Safari"),
        ("192.0.2.2", "31/Mar/2026:10:00:04", "/d", "Firefox"),
        ("192.0.2.2", "31/Feb/2026:10:00:05", "/e", "Firefox"),
    )
    (tmp_path / "access.log").write_text(
        "".join(
            f'{host} - eve [{when} +0000] "GET {page} HTTP/1.1" 200 1 "-" "{agent}"\n'
            for host, when, page, agent in lines
        )
    )
    log = cj.ingest(cj.sources.AccessLog(tmp_path))
    assert seen(log, "timestamp") == [("2026-03-31 10:00:03",), ("2026-03-31 10:00:04",)]
    assert fates(log) == {
        "used": 2, "set aside: a robot, asks for robots.txt": 3,
        "quarantined: time is no time that can be read": 1,
    }  # fmt: skip


def test_a_site_that_is_named(tmp_path):
    log = cj.ingest(
        cj.sources.AccessLog(DATA / "access.log.1", site="shop.example", robots=True, assets=True)
    )
    assert Counter(log.events["referral"].dropna()) == {"partner.example": 2, "google": 1}
    (tmp_path / "notes.md").write_text("x")
    with pytest.raises(cj.SourceError, match="no access log"):
        cj.ingest(cj.sources.AccessLog(tmp_path))
    with pytest.raises(cj.SourceError, match="cookies is"):
        cj.sources.AccessLog(DATA, cookies=["sid"])


def test_published(shared_data, tmp_path):
    """1,100 lines, cut and judged here by other means; each is given a login, so that there are customers."""
    lines = (shared_data / "web" / "apache_combined_1100.log").read_text().splitlines()
    assert sum(bool(re.search("bot|spider|crawl", line, re.IGNORECASE)) for line in lines) == 262
    told = [line.replace(" - - [", f" - u{i % 50} [", 1) for i, line in enumerate(lines)]
    (tmp_path / "access.log").write_text("\n".join(told) + "\n")
    log = cj.ingest(cj.sources.AccessLog(tmp_path, site="semicomplete.com"))
    agents = [line.rsplit('"', 2)[1] for line in lines]
    named = [bool(re.search("bot|spider|crawl", agent, re.IGNORECASE)) for agent in agents]
    assert sum(named) == 258  # the other four only ask for robots.txt, or for pages on robots
    counted = fates(log)
    assert sum(counted.values()) == 1_100
    assert counted["set aside: a robot, without a user agent"] == agents.count("-") == 55
    # beside those who call themselves robots, those who fetch feeds, previews and the like
    others = re.compile(
        r"feed|fetch|slurp|rss/|preview|proxy|\+ ?http|embedly|ezooms|desktop/|distilator|portscout|livejournal",
        re.IGNORECASE,
    )
    fetching = [
        not is_named and bool(others.search(agent)) for is_named, agent in zip(named, agents, strict=True)
    ]
    assert counted["set aside: a robot, by its user agent"] == sum(named) + sum(fetching)
    visitors = [(line.split()[0], agent) for line, agent in zip(lines, agents, strict=True)]
    asking = {who for who, line in zip(visitors, lines, strict=True) if " /robots.txt" in line}
    pages = []
    for line, is_named, fetches in zip(lines, named, fetching, strict=True):
        method, target = line.split('"')[1].split()[:2]
        status, path = line.split('"')[2].split()[0], target.split("?")[0].split("#")[0]
        ending = path.rsplit(".", 1)[-1].lower() if "." in path.rsplit("/", 1)[-1] else ""
        asset = ending in {"css", "js", "png", "gif", "jpg", "jpeg", "svg", "ico", "ttf", "woff", "xml"}
        asks = (line.split()[0], line.rsplit('"', 2)[1]) in asking
        if not (is_named or fetches or asset or asks) and method == "GET":
            pages.append((line.rsplit('"', 2)[1], status))
    seen_pages = [status for agent, status in pages if agent != "-" and status not in {"301", "302"}]
    assert counted["used"] == len(seen_pages)
    plain = log.events[log.events["native"] != "arrival"]
    assert int(plain["failed"].sum()) == sum(status >= "400" for status in seen_pages)
    arrivals = log.events[log.events["native"] == "arrival"]
    assert set(arrivals["channel"]) == {"search", "referral"}
    assert not arrivals["referral"].str.contains("semicomplete").any()
