"""Channels side by side and hand-offs: by hand, against plain Python, and a shop against pandas."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import cjmining as cj
from cjmining.conformance import contacts, finding, tables
from cjmining.conformance import reading as scanning
from cjmining.conformance.plan import make_plans
from cjmining.intended import IntendedMap, parse_map
from cjmining.log import JourneyLog
from tests.examples import examples

MAP = """
map: Help
goal: [solved]
patience: 30d
stages:
  - stage: Advert
    owner: Marketing
    order: any
    touchpoints:
      - {touchpoint: opened, optional: true, repeat: true}
      - {touchpoint: clicked, optional: true}
  - stage: Ask
    owner: Sales
    touchpoints:
      - {touchpoint: asked, optional: true, repeat: true}
      - {touchpoint: rated, optional: true, rates: [asked, solved]}
      - {touchpoint: offered, actor: company}
  - stage: Buy
    owner: Sales
    touchpoints:
      - {touchpoint: bought}
      - {touchpoint: asked, optional: true}
  - stage: Anything
    touchpoints:
      - {touchpoint: waited}
  - stage: Work
    owner: Service
    touchpoints:
      - {touchpoint: begun, actor: company}
      - {touchpoint: solved, actor: company}
"""
INTENDED = parse_map(MAP)
START = pd.Timestamp("2026-03-02", tz="UTC")
HOUR = 3600.0


def log_of(*journeys: str, customers: list[int] | None = None) -> JourneyLog:
    """Read journeys written as "touchpoint@hour,channel,wait=60,sat=1 ..."."""
    rows = []
    for journey, text in enumerate(journeys):
        for word in text.split():
            head, channel, *measures = [*word.split(","), ""][: max(2, word.count(",") + 1)]
            name, hour = head.split("@")
            given_ = dict(each.split("=") for each in measures)
            rows.append(
                {
                    "customer": journey if customers is None else customers[journey],
                    "native_journey": f"{journey:03d}",
                    "timestamp": START + pd.Timedelta(hours=float(hour)),
                    "touchpoint": name,
                    "channel": channel or None,
                    "wait_s": float(given_.get("wait", math.nan)),
                    "satisfaction": float(given_.get("sat", math.nan)),
                }
            )
    events = pd.DataFrame(rows)
    events["channel"] = events["channel"].astype("string")
    return JourneyLog.from_events(events, data_end=START + pd.Timedelta(days=400))


def found_in(
    log: JourneyLog,
    intended: IntendedMap = INTENDED,
    by: str | None = None,
    block: int = 10**9,
    *,
    all_: bool = False,
) -> dict[str, pd.DataFrame]:
    """Return the tables of a log, read in blocks of so many events."""
    reading = scanning.Reading.of(log, make_plans(log, intended), by)
    reading = dataclasses.replace(reading, blocks=log.blocks(events=block))
    parts = [part for each in reading.blocks for part in reading.parts(each)]
    merged = contacts.merge([contacts.count(part, scanning.see(part)) for part in parts])
    sums = finding.count(reading)
    if all_:
        counted = tables.Counted.of(reading, finding.together(reading, sums), ("all",))
        return contacts.tables(counted, reading, contacts.together(reading, merged))
    return contacts.tables(tables.Counted.of(reading, sums, reading.groups), reading, merged)


def channels(*journeys: str, customers: list[int] | None = None) -> pd.DataFrame:
    return found_in(log_of(*journeys, customers=customers))["channels"].set_index("channel")


def handed(*journeys: str, kind: str = "channel") -> list[tuple[str, str, str, bool, int]]:
    """Return from, to, stage, again and how often."""
    rows = found_in(log_of(*journeys))["handoffs"].query("kind == @kind")
    return [tuple(row) for row in rows[["from", "to", "stage", "again", "handoffs"]].itertuples(index=False)]


# -- channels side by side ----------------------------------------------------------------------


def test_a_contact_is_what_customers_do_on_the_map() -> None:
    found = channels("asked@0,phone asked@1,phone offered@2,email strange@3,web asked@4,chat", "asked@0")
    assert found[["contacts", "journeys"]].to_dict("index") == {
        "phone": {"contacts": 2, "journeys": 1},
        "chat": {"contacts": 1, "journeys": 1},
        "": {"contacts": 1, "journeys": 1},
    }


def test_an_answer_counts_for_the_channel_that_it_is_about() -> None:
    found = channels("asked@0,phone asked@1,chat rated@2,survey,sat=0.2", "asked@0,phone,sat=1")
    assert "survey" not in found.index
    assert found.loc["chat", ["satisfaction", "answered"]].tolist() == [0.2, 1]
    assert found.loc["phone", ["satisfaction", "answered"]].tolist() == [1, 1]


def test_what_the_company_did_can_be_rated_too() -> None:
    """No contact of the customer, but an answer about the channel all the same."""
    goes_on = parse_map(MAP + "  - stage: After\n    touchpoints: [{touchpoint: judged, rates: [solved]}]\n")
    log = log_of("asked@0,phone begun@1,mail solved@2,mail judged@3,survey,sat=0.8")
    found = found_in(log, goes_on)["channels"].set_index("channel")
    assert found.loc["mail", ["contacts", "satisfaction", "answered"]].tolist() == [0, 0.8, 1]


def test_the_mean_has_students_limits_where_each_customer_answers_once() -> None:
    answers = [0.2, 0.4, 0.9, 0.5]
    found = channels(*[f"asked@0,phone,sat={answer}" for answer in answers]).loc["phone"]
    expected = stats.ttest_1samp(answers, 0).confidence_interval(0.95)
    assert found["satisfaction"] == pytest.approx(0.5)
    assert (found["lower"], found["upper"]) == pytest.approx((max(0, expected.low), min(1, expected.high)))


def test_the_same_customers_answer_twice_says_no_more() -> None:
    twice = [f"asked@0,phone,sat={answer}" for answer in (0.4, 0.5, 0.6) for _ in range(2)]
    once = [f"asked@0,phone,sat={answer}" for answer in (0.4, 0.5, 0.6)]
    both = [channels(*twice, customers=[0, 0, 1, 1, 2, 2]), channels(*once)]
    limits = [found.loc["phone", ["satisfaction", "lower", "upper"]].tolist() for found in both]
    assert limits[0] == pytest.approx(limits[1])


def stage_limits(check: cj.Conformance) -> pd.DataFrame:
    columns = ["satisfaction", "satisfaction_lower", "satisfaction_upper", "satisfaction_answered"]
    return check.stages.set_index(["by", "stage"])[columns].astype(float)


def test_the_mean_of_a_stage_has_students_limits_where_each_customer_answers_once() -> None:
    answers = [0.2, 0.4, 0.9, 0.5]
    log = log_of(*[f"asked@0,phone,sat={answer}" for answer in answers])
    found = stage_limits(cj.check(log, INTENDED)).loc["all"].dropna().iloc[0]
    expected = stats.ttest_1samp(answers, 0).confidence_interval(0.95)
    assert found["satisfaction"] == pytest.approx(0.5)
    assert found["satisfaction_lower"] == pytest.approx(max(0, expected.low))
    assert found["satisfaction_upper"] == pytest.approx(min(1, expected.high))


def test_the_same_customers_answer_twice_says_no_more_of_a_stage() -> None:
    once = [f"asked@0,phone,sat={answer}" for answer in (0.4, 0.5, 0.6)]
    twice = [each for each in once for _ in range(2)]
    logs = log_of(*once), log_of(*twice, customers=[0, 0, 1, 1, 2, 2])
    one, two = (stage_limits(cj.check(log, INTENDED)).drop(columns="satisfaction_answered") for log in logs)
    pd.testing.assert_frame_equal(one, two)


def test_limits_of_stages_hold_by_group_for_everybody_and_over_blocks(
    shop: tuple[JourneyLog, IntendedMap],
) -> None:
    """The means inside their limits are those of the stage table, whatever the grouping."""
    log, intended = shop
    grouped = cj.check(log, intended, by="device")
    alone = stage_limits(cj.check(log, intended))
    pd.testing.assert_frame_equal(stage_limits(grouped.overall), alone)
    for table in (alone, stage_limits(grouped)):
        told = table.dropna()
        assert len(told) >= 3
        assert (told["satisfaction_lower"] <= told["satisfaction"]).all()
        assert (told["satisfaction"] <= told["satisfaction_upper"]).all()
        middle = (told["satisfaction_lower"] + told["satisfaction_upper"]) / 2
        inside = told["satisfaction_upper"].between(0.01, 0.99)
        assert middle[inside].to_numpy() == pytest.approx(told["satisfaction"][inside].to_numpy())


def test_one_answer_has_no_limits() -> None:
    found = channels("asked@0,phone,sat=0.5", "asked@0,chat")
    assert np.isnan(found.loc["phone", ["lower", "upper"]].astype(float)).all()
    assert np.isnan(found.loc["chat", ["satisfaction", "median_wait_s"]].astype(float)).all()


def test_waits_are_those_of_contacts() -> None:
    found = channels("asked@0,phone,wait=100 asked@1,phone,wait=200 asked@2,phone offered@3,phone,wait=9999")
    row = found.loc["phone"]
    assert (row["contacts"], row["waits"]) == (3, 2)
    assert (row["median_wait_s"], row["p90_wait_s"]) == pytest.approx((150, 190), rel=1 / 128)


# -- hand-offs ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        ("asked@0,phone asked@1,phone", []),
        ("asked@0,phone asked@5,chat", [("phone", "chat", "Ask", True, 1)]),  # says it all again
        ("asked@0,phone bought@5,web", [("phone", "web", "Buy", False, 1)]),
        ("asked@0,phone rated@1,survey asked@5,phone", []),  # an answer to a survey is no contact
        ("asked@0,phone offered@1,email bought@5,phone", []),  # nor is what the company sends
        ("asked@0,phone asked@1 asked@5,chat", [("phone", "chat", "Ask", True, 1)]),  # unknown: passed over
        # From the web back to the phone where it was last in Ask: nothing is said again.
        (
            "asked@0,phone bought@1,web waited@2,phone",
            [("phone", "web", "Buy", False, 1), ("web", "phone", "Anything", False, 1)],
        ),
        # Asked in Ask by phone, then in Buy by chat: the same touchpoint once more.
        (
            "asked@0,phone bought@1,chat asked@2,chat",
            [("phone", "chat", "Buy", False, 1)],
        ),
        (
            "asked@0,phone bought@1,web asked@2,web",
            [("phone", "web", "Buy", False, 1)],
        ),
        # A newsletter opened in between begins afresh and hands nothing off.
        ("asked@0,phone opened@1,email asked@5,phone", []),
        ("asked@0,phone opened@1,email asked@5,chat", [("phone", "chat", "Ask", True, 1)]),
        ("opened@0,email asked@1,phone", [("email", "phone", "Ask", False, 1)]),
        ("opened@0,email clicked@1,ad", [("email", "ad", "Advert", True, 1)]),
    ],
)
def test_channels_that_a_matter_passes_through(journey: str, expected: list[tuple]) -> None:
    assert sorted(handed(journey)) == sorted(expected)


def test_asking_again_in_another_stage_is_said_again() -> None:
    """Asked by phone in Ask and, after buying on the web, by chat in Buy: once more, on another channel."""
    assert ("web", "chat", "Buy", True, 1) in handed("asked@0,phone bought@1,web asked@2,chat")


@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        ("asked@0 bought@1", []),  # both are Sales'
        ("bought@0 begun@5", [("Sales", "Service", "Work", False, 1)]),  # by the company, later: moves it
        ("clicked@0 asked@1", [("Marketing", "Sales", "Ask", False, 1)]),
        ("bought@0 waited@1 begun@5", []),  # nobody is said to own what lies between
        ("bought@0 clicked@1 begun@5", [("Sales", "Service", "Work", False, 1)]),  # back to the start: afresh
        (
            "bought@0 offered@1 begun@5",
            [("Sales", "Service", "Work", False, 1)],
        ),  # an offer moves nobody back
        (
            "bought@0 begun@5 asked@6",
            [("Sales", "Service", "Work", False, 1), ("Service", "Sales", "Buy", False, 1)],
        ),
    ],
)
def test_owners_that_a_matter_passes_through(journey: str, expected: list[tuple]) -> None:
    assert sorted(handed(journey, kind="owner")) == sorted(expected)


def test_the_time_lost_lies_between_the_two() -> None:
    log = log_of("asked@0,phone asked@5,phone asked@8,chat", "asked@0,phone asked@4,chat", "asked@0,phone")
    row = found_in(log)["handoffs"].iloc[0]
    assert (row["handoffs"], row["journeys"], row["share_of_journeys"]) == (2, 2, pytest.approx(2 / 3))
    assert row["median_s"] == pytest.approx(3.5 * HOUR, rel=1 / 128)
    assert row["p90_s"] == pytest.approx(3.9 * HOUR, rel=1 / 128)


def test_journeys_count_once_and_the_most_frequent_lead() -> None:
    log = log_of("bought@0,web asked@1,phone bought@2,web asked@3,phone", "bought@0,web asked@1,phone")
    rows = found_in(log)["handoffs"]
    assert rows[["from", "to", "again", "handoffs", "journeys"]].to_numpy().tolist() == [
        ["web", "phone", True, 3, 2],
        ["phone", "web", True, 1, 1],
    ]


# -- against plain Python ----------------------------------------------------------------------

STAGES = {"opened": 0, "clicked": 0, "offered": 1, "bought": 2, "waited": 3, "begun": 4}
COMPANY = {"begun", "offered"}
an_event = st.tuples(
    st.sampled_from([*STAGES, "bought", "waited", "strange"]),
    st.sampled_from(["phone", "chat", "web", ""]),
    st.integers(1, 200),
)
a_log = st.lists(st.lists(an_event, min_size=1, max_size=10), min_size=1, max_size=5)


def handed_over(journey: list[tuple[str, str, int]]) -> list[tuple[str, str, str, int, bool, int]]:
    """Read off kind, from, to, stage, again and hours, event by event."""
    owners = [stage.owner for stage in INTENDED.stages]
    hours, found, done, at, walked = 0, [], [], None, -1
    for name, channel, gap in journey:
        hours += gap
        stage = STAGES.get(name)
        if stage is None:
            continue
        company = name in COMPANY
        if company and stage <= walked:
            continue
        walked = stage
        if stage == 0 and at is not None and at[0] > 0:
            continue
        again = False
        if not company and channel:
            there = [c for s, n, c, _ in done if s == stage][-1:]
            same = [c for s, n, c, _ in done if n == name][-1:]
            again = any(c != channel for c in there + same)
            if done and done[-1][2] != channel:
                found.append(("channel", done[-1][2], channel, stage, again, hours - done[-1][3]))
            done.append((stage, name, channel, hours))
        if at is not None and owners[at[0]] and owners[stage] and owners[at[0]] != owners[stage]:
            found.append(("owner", owners[at[0]], owners[stage], stage, again, hours - at[1]))
        at = (stage, hours)
    return found


@examples(100)
@given(a_log)
def test_hand_offs_are_as_plain_python_reads_them(journeys: list[list[tuple[str, str, int]]]) -> None:
    """Where nobody falls silent, and each touchpoint lies in one stage."""
    texts = []
    for journey in [*journeys, [("bought", "web", 1)]]:
        hours = np.cumsum([gap for _, _, gap in journey])
        texts.append(" ".join(f"{n}@{h},{c}" for (n, c, _), h in zip(journey, hours, strict=True)))
    log = log_of(*texts)
    rows = [(number, *each) for number, journey in enumerate(journeys) for each in handed_over(journey)]
    expected = pd.DataFrame(rows, columns=["journey", "kind", "from", "to", "stage", "again", "hours"])
    names = INTENDED.stage_names
    keys = ["kind", "from", "to", "stage", "again"]
    patient = dataclasses.replace(INTENDED, patience=None)
    found = found_in(log, patient)["handoffs"].set_index(keys)
    assert found["handoffs"].sum() == len(rows)
    for key, each in expected.groupby(keys):
        row = found.loc[(*key[:3], names[key[3]], key[4])]
        assert (row["handoffs"], row["journeys"]) == (len(each), each["journey"].nunique())
        assert row["median_s"] == pytest.approx(each["hours"].median() * HOUR, rel=1 / 128)


# -- a shop ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop() -> tuple[JourneyLog, IntendedMap]:
    made = cj.simulate.shop(1500, seed=5)
    intended = parse_map(made.intended_text)
    return made.log.split(intended).with_personas(intended), intended


def test_blocks_add_up(shop: tuple[JourneyLog, IntendedMap]) -> None:
    log, intended = shop
    for by in (None, "persona", "device"):
        whole, pieces = (found_in(log, intended, by, block) for block in (10**9, 2_000))
        for name, table in whole.items():
            pd.testing.assert_frame_equal(table, pieces[name], rtol=1e-9)


def test_everybody_is_the_sum_of_the_groups(shop: tuple[JourneyLog, IntendedMap]) -> None:
    log, intended = shop
    together = found_in(log, intended, "device", all_=True)
    alone = found_in(log, intended, None)
    for name, table in alone.items():
        pd.testing.assert_frame_equal(together[name], table, rtol=1e-9)


def test_chat_frustrates_and_calls_satisfy(shop: tuple[JourneyLog, IntendedMap]) -> None:
    """The simulated shop's chat is slow and poorly rated; pandas finds the same from the events."""
    log, intended = shop
    found = found_in(log, intended)["channels"].set_index("channel")
    events = log.events
    chats = events[events["touchpoint"] == "chat_rated"]["satisfaction"]
    assert found.loc["chat", "answered"] == len(chats)
    assert found.loc["chat", "satisfaction"] == pytest.approx(chats.mean())
    assert found.loc["chat", "upper"] < found.loc["phone", "lower"]
    assert "survey" not in found.index
    check = cj.check(log, intended)
    planned = check.touchpoints.query("channel == 'phone' and touchpoint != 'case_closed'")
    assert found.loc["phone", "contacts"] == planned["events"].sum()


def test_a_persona_with_another_owner(shop: tuple[JourneyLog, IntendedMap]) -> None:
    """Hand-offs of a persona whose stage another team owns have that team's name, and nothing is lost."""
    log, intended = shop
    basket = next(stage for stage in intended.stages if stage.stage == "Basket")
    other = dataclasses.replace(basket, owner="A team for the young")
    personas = tuple(
        dataclasses.replace(p, stages=(other,)) if p.persona == "Gen Z" else p for p in intended.personas
    )
    varied = dataclasses.replace(intended, personas=personas)
    found, plain = (found_in(log, each, "persona", 4_000)["handoffs"] for each in (varied, intended))
    young = found.query("by == 'Gen Z' and kind == 'owner' and stage == 'Basket'")
    assert set(young["to"]) == {"A team for the young"}
    assert "A team for the young" not in set(found.query("by != 'Gen Z'")["to"])
    for same in ("kind == 'channel'", "by != 'Gen Z'"):
        rows = [table.query(same).reset_index(drop=True) for table in (found, plain)]
        pd.testing.assert_frame_equal(*rows)
