"""Promises of a map: each definition by hand, all of them against plain Python, and a shop against pandas."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.conformance import expectations as promises
from cjmining.conformance import finding, tables
from cjmining.conformance import reading as scanning
from cjmining.conformance.plan import make_plans
from cjmining.intended import parse_map
from cjmining.log import JourneyLog
from cjmining.stats import newcombe, wilson
from tests.examples import examples

MAP = """
map: Help
goal: [solved]
exits:
  - {touchpoint: cancelled, by: customer}
  - {touchpoint: refused, by: company}
patience: 10d
horizon: 20d
ignore: [ping]
stages:
  - stage: Ask
    touchpoints:
      - touchpoint: called
        repeat: true
        optional: true
        expect:
          - {measure: wait_s, at_most: 120, share: 0.8}
          - {measure: satisfaction, at_least: 0.6, share: 0.5}
          - {measure: contacts, at_most: 2, share: 0.9}
      - {touchpoint: rated, optional: true, rates: [called, chatted]}
      - {touchpoint: wrote, optional: true, repeat: true}
      - touchpoint: replied
        actor: company
        optional: true
        repeat: true
        expect:
          - {measure: response_s, after: wrote, at_most: 86400, share: 0.9}
    within: 4d
  - stage: Agree
    touchpoints:
      - {touchpoint: signed}
      - touchpoint: chatted
        optional: true
        repeat: true
        expect: [{measure: duration_s, at_least: 60, at_most: 600, share: 0.9}]
    within: 3d
  - stage: Work
    patience: never
    touchpoints:
      - {touchpoint: begun, actor: company}
      - {touchpoint: solved, actor: company}
  - stage: Care
    optional: true
    touchpoints:
      - touchpoint: complained
        optional: true
        repeat: true
      - touchpoint: apologised
        actor: company
        optional: true
        repeat: true
        expect:
          - {measure: response_s, after: complained, at_most: 86400, share: 0.9}
          - {measure: contacts, at_most: 1}
"""
INTENDED = parse_map(MAP)
START = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday
MEASURES = {
    "wait": "wait_s",
    "took": "duration_s",
    "sat": "satisfaction",
    "on": "channel",
    "exact": "precision",
}


def log_of(
    *journeys: str, days: float = 400, customers: list[int] | None = None, **columns: list
) -> JourneyLog:
    """Read journeys written as "touchpoint@day,wait=60,on=phone ..."; `!` marks what failed."""
    rows = []
    for journey, text in enumerate(journeys):
        for word in text.split():
            head, *measures = word.split(",")
            name, day = head.split("@")
            row = {
                "customer": journey if customers is None else customers[journey],
                "native_journey": None if customers is None else f"{journey:03d}",
                "timestamp": START + pd.Timedelta(days=float(day)),
                "touchpoint": name.rstrip("!"),
                "failed": name.endswith("!"),
                **dict.fromkeys(("wait_s", "duration_s", "satisfaction", "precision"), math.nan),
                "channel": None,
            }
            for measure in measures:
                key, value = measure.split("=")
                row[MEASURES[key]] = value if key == "on" else float(value)
            rows.append(row)
    events = pd.DataFrame(rows)
    for name in ("channel", "native_journey"):
        events[name] = events[name].astype("string")
    return JourneyLog.from_events(events.assign(**columns), data_end=START + pd.Timedelta(days=days))


def checked(*journeys: str, **settings_: object) -> cj.Conformance:
    return cj.check(log_of(*journeys, **settings_), INTENDED)


def promise(check: cj.Conformance, touchpoint: str, measure: str, table: str = "expectations") -> pd.Series:
    return promised(check, touchpoint, measure, table).iloc[0]


def promised(
    check: cj.Conformance, touchpoint: str, measure: str, table: str = "expectations"
) -> pd.DataFrame:
    rows = getattr(check, table)
    return rows[(rows["touchpoint"] == touchpoint) & (rows["measure"] == measure)]


def counts(check: cj.Conformance, touchpoint: str, measure: str) -> tuple[int, int, int, int]:
    row = promise(check, touchpoint, measure)
    return row["measured"], row["kept"], row["unmeasured"], row["not_due"]


# -- each definition by hand ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        ("called@0,wait=60", (1, 1, 0, 0)),
        ("called@0,wait=120", (1, 1, 0, 0)),  # at most: the bound itself keeps it
        ("called@0,wait=121", (1, 0, 0, 0)),
        ("called@0", (0, 0, 1, 0)),  # nobody measured it
        ("called!@0,wait=300", (1, 0, 0, 0)),  # an abandoned call waited, too
        ("called!@0,wait=30", (0, 0, 1, 0)),  # gave up before the promised time was over: neither
        ("called@0,wait=60 called@1,wait=200", (2, 1, 0, 0)),
        (
            "called@0,wait=60 called@30,wait=200",
            (1, 1, 0, 0),
        ),  # dropped on day 10: the second is after the end
        ("called@0,wait=60 cancelled@1 called@2,wait=200", (1, 1, 0, 0)),
        ("signed@0 begun@1 solved@2 called@3,wait=200", (0, 0, 0, 0)),  # after the goal the map plans no call
    ],
)
def test_waits_up_to_the_end_count(journey: str, expected: tuple[int, int, int, int]) -> None:
    assert counts(checked(journey), "called", "wait_s") == expected


def test_a_promise_may_have_two_bounds() -> None:
    check = checked("signed@0 chatted@1,took=59 chatted@2,took=60 chatted@3,took=600 chatted@4,took=601")
    row = promise(check, "chatted", "duration_s")
    assert (row["measured"], row["kept"], row["at_least"], row["at_most"]) == (4, 2, 60, 600)
    assert row["median"] == pytest.approx(330, rel=1 / 128)


@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        ("called@0,sat=0.6", (1, 1, 0, 0)),
        ("called@0 rated@1,sat=0.2", (1, 0, 0, 0)),  # the answer is about the call
        ("called@0 called@1 rated@2,sat=1", (1, 1, 1, 0)),  # about the last one: nobody asked about the first
        ("called@0,sat=1 rated@1,sat=0", (2, 1, 0, 0)),  # two answers about one call
        ("rated@0,sat=0 called@1", (0, 0, 1, 0)),  # about nothing before it
        ("called@0 rated@1", (0, 0, 1, 0)),  # asked, not answered
        ("called@0 signed@1 chatted@2 rated@3,sat=1", (0, 0, 1, 0)),  # about the chat
        ("called@0 cancelled@1 rated@2,sat=1", (0, 0, 1, 0)),  # after the end
    ],
)
def test_an_answer_judges_the_last_contact_that_it_rates(
    journey: str, expected: tuple[int, int, int, int]
) -> None:
    assert counts(checked(journey), "called", "satisfaction") == expected


def test_an_answer_never_judges_a_contact_of_another_journey() -> None:
    check = checked("called@0", "rated@1,sat=1", customers=[0, 0])
    assert counts(check, "called", "satisfaction") == (0, 0, 1, 0)


def test_an_answer_counts_for_week_and_channel_of_the_contact() -> None:
    check = checked("called@0,on=phone rated@8,sat=1,on=survey")
    assert promise(check, "called", "satisfaction", "expectations_by_channel")["channel"] == "phone"
    week = promise(check, "called", "satisfaction", "expectations_by_week")["week"]
    assert week == pd.Timestamp("2026-03-02")


@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        ("wrote@0 replied@1", (1, 1, 0, 0)),  # just in time
        ("wrote@0 replied@1.01", (1, 0, 0, 0)),
        ("wrote@0 wrote@0.5 replied@1.2", (2, 1, 0, 0)),  # one reply answers both, the first too late
        ("wrote@0 replied!@0.5 replied@1.5", (1, 0, 0, 0)),  # a reply that failed is none
        ("wrote!@0 replied@0.5", (0, 0, 0, 0)),  # nor is a request that failed: it awaits nothing
        ("wrote@0 replied@0.5 replied@5", (1, 1, 0, 0)),
        ("replied@0 wrote@1 cancelled@1.5 replied@1.6", (0, 0, 0, 1)),  # left before the reply was due
        ("wrote@0 cancelled@3", (1, 0, 0, 0)),  # nobody replied in time, while the journey was under way
        ("wrote@0", (1, 0, 0, 0)),  # dropped on day 10
        (
            "wrote@0 replied@9",
            (1, 0, 0, 0),
        ),  # the company's reply before patience ended still counts, as late
        ("wrote@0,exact=86400 replied@1.9", (1, 1, 0, 0)),  # some time on that day: perhaps within one day
        ("wrote@0,exact=86400 replied@2.1", (1, 0, 0, 0)),
    ],
)
def test_requests_wait_for_the_next_answer(journey: str, expected: tuple[int, int, int, int]) -> None:
    assert counts(checked(journey), "replied", "response_s") == expected


def test_a_request_at_the_end_of_the_data_is_not_due() -> None:
    assert counts(checked("wrote@0", days=0.5), "replied", "response_s") == (0, 0, 0, 1)
    assert counts(checked("wrote@0", days=1.5), "replied", "response_s") == (1, 0, 0, 0)


def test_where_the_map_goes_on_after_the_goal_requests_wait_on() -> None:
    solved = "signed@0 begun@1 solved@2 "
    assert counts(checked(solved + "complained@3"), "apologised", "response_s") == (1, 0, 0, 0)
    assert counts(checked(solved + "complained@3", days=3.5), "apologised", "response_s") == (0, 0, 0, 1)
    assert counts(checked(solved + "complained@3 apologised@3.5"), "apologised", "response_s") == (1, 1, 0, 0)
    # The next journey begins before the answer is due: who knows whether it was still wanted.
    check = checked(solved + "complained@3", "signed@3.5", customers=[0, 0])
    assert counts(check, "apologised", "response_s") == (0, 0, 0, 1)


def test_the_median_response_is_that_of_requests_that_were_answered() -> None:
    check = checked("wrote@0 replied@0.5", "wrote@0 replied@1.5", "wrote@0")
    row = promise(check, "replied", "response_s")
    assert (row["measured"], row["kept"], row["median"]) == (3, 1, 86_400)


@pytest.mark.parametrize(
    ("journey", "days", "expected"),
    [
        ("called@0 called@1", 400, (1, 1, 0, 0)),
        ("called@0 called@1 called@2 called@3", 400, (1, 0, 0, 0)),  # once a journey
        ("called@0 called@1 called!@2", 400, (1, 0, 0, 0)),  # what failed was an effort as well
        ("called@0 called@1", 5, (0, 0, 0, 1)),  # still under way, and may call again
        ("called@0 called@1 called@2", 5, (1, 0, 0, 0)),  # broken is broken
        ("signed@0", 400, (0, 0, 0, 0)),  # never called: no effort to judge
    ],
)
def test_contacts_are_judged_once_a_journey(
    journey: str, days: float, expected: tuple[int, int, int, int]
) -> None:
    assert counts(checked(journey, days=days), "called", "contacts") == expected


@pytest.mark.parametrize(
    ("journey", "days", "expected"),
    [
        ("called@0 signed@4", 400, (1, 1, 0, 0)),
        ("called@0 signed@4.1", 400, (1, 0, 0, 0)),
        ("called@0,exact=86400 signed@4.9", 400, (1, 1, 0, 0)),
        ("called@0 called@3 signed@5", 400, (1, 0, 0, 0)),  # from entering the stage, not from the last event
        ("called@0", 3, (0, 0, 0, 1)),  # under way, not yet due
        ("called@0", 5, (1, 0, 0, 0)),  # under way, and the time is over
        # Fell silent at once, when it was the customer's own turn: had left before the time was over.
        ("called@0", 400, (0, 0, 0, 0)),
        ("called@0 called@5", 400, (1, 0, 0, 0)),  # was still there when the time was over
        ("called@0 cancelled@2", 400, (0, 0, 0, 0)),
        ("called@0 cancelled@5", 400, (1, 0, 0, 0)),
        ("called@0 refused@5", 400, (1, 0, 0, 0)),
    ],
)
def test_the_time_to_the_next_stage(journey: str, days: float, expected: tuple[int, int, int, int]) -> None:
    check = checked(journey, days=days)
    row = check.expectations.query("stage == 'Ask' and measure == 'within'").iloc[0]
    assert tuple(row[["measured", "kept", "unmeasured", "not_due"]]) == expected


def test_who_waits_for_the_company_waits_until_patience_ends() -> None:
    """In Agree after signing it is the company's turn to begin: silence there is waiting, up to day 10."""
    check = checked("called@0 signed@1")
    agree = check.expectations.query("stage == 'Agree' and measure == 'within'").iloc[0]
    assert check.journeys["turn"].tolist() == ["company"]
    assert (agree["measured"], agree["kept"]) == (1, 0)


def test_a_converted_journey_has_nothing_left_to_reach() -> None:
    check = checked("called@0 solved@9")
    assert check.journeys["outcome"].tolist() == ["converted"]
    assert counts(check, "", "within") == (1, 0, 0, 0)  # Work was reached on day 9: late
    straight = parse_map(MAP.replace("    within: 3d\n", "").replace("goal: [solved]", "goal: [signed]"))
    # From Agree, where the goal now lies, no later stage is due.
    check = cj.check(log_of("called@0 signed@1"), straight)
    assert counts(check, "", "within") == (1, 1, 0, 0)


def test_nobody_is_late_for_a_stage_that_the_map_does_not_lead_on_to() -> None:
    text = MAP.replace("  - stage: Care\n", "  - stage: Care\n    within: 1d\n")
    check = cj.check(log_of("complained@0", "complained@0 complained@3", days=5), parse_map(text))
    care = check.expectations.query("stage == 'Care' and measure == 'within'").iloc[0]
    assert (care["measured"], care["not_due"], care["verdict"]) == (0, 0, "unclear")


# -- what is said about them ------------------------------------------------------------------------


def test_shares_have_wilsons_limits_where_each_customer_has_one() -> None:
    check = checked(*["called@0,wait=60"] * 9, "called@0,wait=600")
    row = promise(check, "called", "wait_s")
    assert (row["share_kept"], row["lower"], row["upper"]) == pytest.approx(wilson(9, 10))
    assert row["verdict"] == "unclear"  # 80 % were promised: 60 to 98 % may be


def test_calls_of_the_same_customers_count_less() -> None:
    """Ten customers with two calls each, both kept or both not, are ten observations."""
    check = checked(*["called@0,wait=60 called@1,wait=60"] * 5, *["called@0,wait=600 called@1,wait=600"] * 5)
    row = promise(check, "called", "wait_s")
    assert (row["measured"], row["kept"]) == (20, 10)
    assert (row["lower"], row["upper"]) == pytest.approx(wilson(5, 10)[1:])
    assert row["verdict"] == "broken"


def test_verdicts() -> None:
    assert promise(checked(*["called@0,wait=60"] * 40), "called", "wait_s")["verdict"] == "kept"
    nothing = promise(checked("called@0"), "called", "wait_s")
    assert nothing["verdict"] == "unclear"
    assert math.isnan(nothing["share_kept"])
    # Promised to everyone: kept as long as nobody saw it broken.
    solved = "signed@0 begun@1 solved@2 apologised@3 "
    assert promise(checked(solved), "apologised", "contacts")["verdict"] == "kept"
    assert (
        promise(checked(*[solved] * 99, solved + "apologised@4"), "apologised", "contacts")["verdict"]
        == "broken"
    )


def test_what_followed_is_told_of_the_first_promise_of_a_journey() -> None:
    """Three journeys met a long wait; for one of them only after a short one, from which it is counted."""
    left, stayed = " cancelled@5", " signed@5 begun@6 solved@7"
    check = checked(
        "called@0,wait=600" + left,
        "called@0,wait=600" + stayed,
        "called@0,wait=60 called@1,wait=600" + left,
        "called@0,wait=60" + stayed,
        "called@0,wait=60" + stayed,
    )
    row = promise(check, "called", "wait_s")
    assert (row["journeys_kept"], row["journeys_broken"]) == (2, 3)
    assert (row["mature_broken"], row["dropped_when_broken"]) == (2, 1)
    assert (row["mature_kept"], row["dropped_when_kept"]) == (3, 1)
    expected = newcombe(1, 2, 1, 3)
    found = row[["difference", "difference_lower", "difference_upper"]].astype(float)
    assert tuple(found) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("journey", "touchpoint", "measure", "dropped"),
    [
        # Left on day 22: within 20 days of day 9, when the third call broke the promise of two.
        ("called@0 called@1 called@9 called@16 cancelled@22", "called", "contacts", 1),
        ("called@0 called@1 called@1.5 called@9 called@16 cancelled@22", "called", "contacts", 0),
        # The reply was due on day 1, whenever it came; the next stage on day 4.
        ("wrote@0 called@8 replied@9 called@16 cancelled@22", "replied", "response_s", 0),
        ("wrote@0 called@8 replied@9 called@16 cancelled@20.9", "replied", "response_s", 1),
        ("wrote@0 signed@8 chatted@16 cancelled@25", "", "within", 0),
        ("wrote@0 signed@8 chatted@16 cancelled@23.9", "", "within", 1),
        # An answer is told from the day on which it was given.
        ("called@0 signed@5 chatted@12 rated@13,sat=0 cancelled@22", "chatted", "satisfaction", 1),
    ],
)
def test_what_followed_is_told_from_the_moment_that_settled_it(
    journey: str, touchpoint: str, measure: str, dropped: int
) -> None:
    text = MAP.replace("share: 0.9}]", "share: 0.9}, {measure: satisfaction, at_least: 0.5}]")
    check = cj.check(log_of(journey), parse_map(text))
    row = promise(check, touchpoint, measure)
    assert (row["mature_broken"], row["dropped_when_broken"]) == (1, dropped)


def test_only_journeys_that_could_be_seen_to_leave_are_compared() -> None:
    """Horizon 20 days and patience 10: a call less than 30 days before the data ends is too recent."""
    early, late = "called@0,wait=600 cancelled@1", "called@5,wait=600 cancelled@6"
    row = promise(checked(early, late, days=31), "called", "wait_s")
    assert (row["journeys_broken"], row["mature_broken"], row["dropped_when_broken"]) == (2, 1, 1)
    # After the goal nobody can leave any more.
    after = promise(checked("signed@0 begun@1 solved@2 complained@3"), "apologised", "response_s")
    assert (after["journeys_broken"], after["mature_broken"]) == (1, 0)
    assert math.isnan(after["difference"])


def test_weeks_begin_on_monday_utc() -> None:
    check = checked("called@6.9999,wait=60", "called@7,wait=600", "called@13.9,wait=60", "called@21,wait=60")
    weeks = promised(check, "called", "wait_s", "expectations_by_week")
    assert weeks["week"].dt.strftime("%Y-%m-%d").tolist() == ["2026-03-02", "2026-03-09", "2026-03-23"]
    assert weeks["measured"].tolist() == [1, 2, 1]
    assert weeks["kept"].tolist() == [1, 1, 1]


def test_times_before_1970_have_weeks() -> None:
    log = log_of("called@0,wait=60", timestamp=pd.to_datetime(["1969-12-28T23:00Z"], utc=True))
    week = promise(cj.check(log, INTENDED), "called", "wait_s", "expectations_by_week")["week"]
    assert week == pd.Timestamp("1969-12-22")


def test_a_channel_that_nobody_noted_has_no_name() -> None:
    check = checked("called@0,wait=60", "called@0,wait=600,on=phone")
    channels = promised(check, "called", "wait_s", "expectations_by_channel")
    assert channels.set_index("channel")["kept"].to_dict() == {"phone": 0, "": 1}


def test_a_promise_of_a_touchpoint_that_the_log_lacks_is_told() -> None:
    row = promise(checked("signed@0"), "replied", "response_s")
    assert (row["measured"], row["unmeasured"], row["verdict"], row["after"]) == (0, 0, "unclear", "wrote")


def test_two_promises_on_one_measure_stay_apart() -> None:
    text = MAP.replace(
        "- {measure: wait_s, at_most: 120, share: 0.8}",
        "- {measure: wait_s, at_most: 120, share: 0.8}\n          - {measure: wait_s, at_most: 600}",
    )
    check = cj.check(log_of("called@0,wait=300"), parse_map(text))
    rows = promised(check, "called", "wait_s")
    assert rows["at_most"].tolist() == [120, 600]
    assert rows["kept"].tolist() == [0, 1]
    assert promised(check, "called", "wait_s", "expectations_by_week")["at_most"].tolist() == [120, 600]


# -- against plain Python ---------------------------------------------------------------------------

NAMES = (
    "called", "rated", "wrote", "replied", "signed", "chatted", "begun", "solved", "complained",
    "apologised", "cancelled", "refused", "ping", "unplanned",
)  # fmt: skip
STAGE_OF = {t.touchpoint: n for n, stage in enumerate(INTENDED.stages) for t in stage.touchpoints}
BY_COMPANY = {t.touchpoint for stage in INTENDED.stages for t in stage.touchpoints if t.actor == "company"}
DAY = 86_400
PATIENCE = (10 * DAY, 10 * DAY, math.inf, 10 * DAY)


def an_event(names: list[str]) -> st.SearchStrategy[tuple]:
    return st.tuples(
        st.sampled_from(names),
        st.sampled_from([1, 3600, 20 * 3600, DAY, 2 * DAY, 6 * DAY]),
        st.sampled_from([None, 30.0, 120.0, 500.0]),
        st.sampled_from([None, 0.0, 0.5, 1.0]),
        st.booleans(),
        st.sampled_from([None, "phone", "web"]),
    )


# A few touchpoints at a time meet more often: requests their answers, ratings what they rate.
a_log = st.lists(st.sampled_from(NAMES), min_size=1, max_size=5).flatmap(
    lambda names: st.lists(st.lists(an_event(names), min_size=1, max_size=9), min_size=1, max_size=6)
)


def happened(journey: list[tuple]) -> list[dict]:
    """Give each event a time of its own, so that no two and no deadline ever coincide."""
    seconds, events = 0, []
    for number, (name, gap, measure, answer, failed, channel) in enumerate(journey):
        seconds += gap + number + 1
        events.append(
            {
                "touchpoint": name,
                "at": seconds,
                "wait_s": measure,
                "duration_s": measure,
                "satisfaction": answer,
                "failed": failed and name not in ("solved", "cancelled", "refused"),
                "channel": channel,
            }
        )
    return events


class Told:
    """What the definitions say of one journey, read off event by event."""

    def __init__(self, events: list[dict], end: float, turn: str) -> None:
        self.events, self.end, self.turn = events, end, turn
        self.outcome, self.decided, self.goal, self.last_act = "open", end, None, None
        self._decide()
        self.counted = [e for e in events if self._counts(e)]

    def _decide(self) -> None:
        stage, patience, silent = -1, PATIENCE[0], None
        for e in self.events:
            if e["touchpoint"] == "ping":
                continue
            if silent is not None and e["at"] > silent + patience:
                self.outcome, self.decided = "dropped", silent + patience
                return
            if e["touchpoint"] in ("solved", "cancelled", "refused"):
                self.outcome = {"solved": "converted", "cancelled": "dropped", "refused": "turned away"}[
                    e["touchpoint"]
                ]
                self.decided, self.goal = e["at"], e["touchpoint"]
                return
            acts, at = e["touchpoint"] not in BY_COMPANY, STAGE_OF.get(e["touchpoint"], -1)
            if at >= 0 and (acts or at > stage):
                stage, patience = at, PATIENCE[at]
            if acts:
                silent = self.last_act = e["at"]
        if silent is not None and silent + patience <= self.end:
            self.outcome, self.decided = "dropped", silent + patience

    def _counts(self, e: dict) -> bool:
        if e["touchpoint"] not in STAGE_OF:
            return False
        if self.outcome == "converted":
            return e["at"] <= self.decided or e["touchpoint"] in ("complained", "apologised")
        return e["at"] < self.decided or self.outcome == "open"

    def of(self, name: str) -> list[dict]:
        return [e for e in self.counted if e["touchpoint"] == name]

    def times(self, name: str, measure: str, low: float, high: float) -> list[tuple[dict, bool, float]]:
        known = [e for e in self.of(name) if e[measure] is not None]
        found = [(e, low <= e[measure] <= high, e["at"]) for e in known]
        return [(e, kept, at) for e, kept, at in found if not (kept and e["failed"])]

    def answers(self) -> list[tuple[dict, bool, float]]:
        found = []
        for number, e in enumerate(self.counted):
            about = [b for b in self.counted[:number] if b["touchpoint"] in ("called", "chatted")]
            about = (
                e
                if e["touchpoint"] == "called"
                else about[-1]
                if e["touchpoint"] == "rated" and about
                else None
            )
            if about is not None and about["touchpoint"] == "called" and e["satisfaction"] is not None:
                found.append((about, e["satisfaction"] >= 0.6, e["at"]))
        return found

    def responses(self, asked: str, answer: str) -> tuple[list[tuple[dict, bool, float]], int]:
        found, not_due = [], 0
        until = self.end if answer == "apologised" and self.outcome == "converted" else self.decided
        for e in self.of(asked):
            if e["failed"]:
                continue
            later = [b["at"] for b in self.of(answer) if b["at"] > e["at"] and not b["failed"]]
            if later and later[0] - e["at"] <= DAY:
                found.append((e, True, later[0]))
            elif later or e["at"] + DAY < until:
                found.append((e, False, e["at"] + DAY))
            else:
                not_due += 1
        return found, not_due

    def contacts(self, name: str, most: int) -> tuple[list[tuple[dict, bool, float]], int]:
        events = self.of(name)
        if len(events) > most:
            return [(events[0], False, events[most]["at"])], 0
        if self.outcome == "open":
            return [], int(bool(events))
        return [(events[0], True, events[-1]["at"])] if events else [], 0

    def passage(self, stage: int, promised: float) -> tuple[list[tuple[dict, bool, float]], int]:
        entered, here = None, -1
        for e in self.counted:
            at = STAGE_OF[e["touchpoint"]]
            after_goal = self.outcome == "converted" and e["at"] >= self.decided
            if e["touchpoint"] in BY_COMPANY and at <= here and not after_goal:
                continue
            here = at
            if entered is None:
                entered = e if at == stage else None
            elif at > stage:
                on_time = e["at"] - entered["at"] <= promised
                return [(entered, on_time, e["at"] if on_time else entered["at"] + promised)], 0
        if entered is None or self.outcome == "converted":
            return [], 0
        due = entered["at"] + promised
        silent = self.outcome == "dropped" and self.goal is None and self.turn != "company"
        if due < (self.last_act if silent else self.decided):
            return [(entered, False, due)], 0
        return [], int(self.outcome == "open")


def reference(told: list[Told]) -> dict[tuple[str, str, str], dict[str, object]]:
    """Return what the tables must say: by stage, touchpoint and measure."""
    each = {
        ("Ask", "called", "wait_s"): lambda t: (t.times("called", "wait_s", 0, 120), 0),
        ("Ask", "called", "satisfaction"): lambda t: (t.answers(), 0),
        ("Ask", "called", "contacts"): lambda t: t.contacts("called", 2),
        ("Ask", "replied", "response_s"): lambda t: t.responses("wrote", "replied"),
        ("Ask", "", "within"): lambda t: t.passage(0, 4 * DAY),
        ("Agree", "chatted", "duration_s"): lambda t: (t.times("chatted", "duration_s", 60, 600), 0),
        ("Agree", "", "within"): lambda t: t.passage(1, 3 * DAY),
        ("Care", "apologised", "response_s"): lambda t: t.responses("complained", "apologised"),
        ("Care", "apologised", "contacts"): lambda t: t.contacts("apologised", 1),
    }
    patience = {"Ask": PATIENCE[0], "Agree": PATIENCE[1], "Care": PATIENCE[3]}
    found = {}
    for key, observe in each.items():
        seen = [observe(t) for t in told]
        all_ = [o for observed, _ in seen for o in observed]
        row: dict[str, object] = {
            "measured": len(all_),
            "kept": sum(kept for _, kept, _ in all_),
            "not_due": sum(not_due for _, not_due in seen),
            "journeys_kept": sum(bool(o) and all(k for _, k, _ in o) for o, _ in seen),
            "journeys_broken": sum(not all(k for _, k, _ in o) for o, _ in seen),
            **dict.fromkeys(("mature_kept", "dropped_when_kept", "mature_broken", "dropped_when_broken"), 0),
        }
        for t, (observed, _) in zip(told, seen, strict=True):
            if not observed:
                continue
            _, kept, at = min(observed, key=lambda o: o[2])
            if (t.decided > at or t.outcome == "open") and at + 20 * DAY + patience[key[0]] <= t.end:
                which = "kept" if kept else "broken"
                row[f"mature_{which}"] += 1
                row[f"dropped_when_{which}"] += t.outcome == "dropped" and t.decided - at <= 20 * DAY
        found[key] = row | {"about": [(e["at"], e["channel"] or "", kept) for e, kept, _ in all_]}
    return found


@examples(40)
@given(a_log, st.sampled_from([5, 20, 45, 100]))
def test_all_promises_are_as_plain_python_reads_them(journeys: list[list[tuple]], days: int) -> None:
    rows = [{"customer": c} | e for c, journey in enumerate(journeys) for e in happened(journey)]
    end = max([days * DAY + 500, *(row["at"] for row in rows)])
    events = pd.DataFrame(rows)
    events["timestamp"] = START + pd.to_timedelta(events.pop("at"), unit="s")
    events["channel"] = events["channel"].astype("string")
    for name in ("wait_s", "duration_s", "satisfaction"):
        events[name] = events[name].astype(float)
    log = JourneyLog.from_events(events, data_end=START + pd.Timedelta(seconds=end))
    if set(STAGE_OF).isdisjoint(events["touchpoint"]):
        return
    check = cj.check(log, INTENDED)
    told = [
        Told(happened(journey), end, turn)
        for journey, turn in zip(journeys, check.journeys["turn"], strict=True)
    ]
    assert check.journeys["outcome"].tolist() == [t.outcome for t in told]
    expected = reference(told)
    found = check.expectations.set_index(["stage", "touchpoint", "measure"])
    assert set(found.index) == set(expected)
    for key, row in expected.items():
        about = pd.DataFrame(row.pop("about"), columns=["at", "channel", "kept"])
        assert found.loc[key, list(row)].to_dict() == row, key
        week = (START + pd.to_timedelta(about["at"], unit="s")).dt.tz_localize(None).dt.to_period("W-SUN")
        for table, by in (
            ("expectations_by_week", week.dt.start_time),
            ("expectations_by_channel", about["channel"]),
        ):
            kept = about.groupby(by)["kept"].agg(["size", "sum"])
            rows_ = getattr(check, table).set_index(["stage", "touchpoint", "measure"])
            rows_ = rows_.loc[[key]] if key in rows_.index else rows_.iloc[:0]
            column = rows_.columns[4]
            assert dict(
                zip(rows_[column], zip(rows_["measured"], rows_["kept"], strict=True), strict=True)
            ) == {name: (n, k) for name, n, k in kept.itertuples()}


# -- a shop -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop() -> tuple[JourneyLog, object]:
    made = cj.simulate.shop(1500, seed=5)
    intended = parse_map(made.intended_text)
    return made.log.split(intended).with_personas(intended), intended


def scanned(log: JourneyLog, intended: object, by: str | None, block: int) -> dict[str, pd.DataFrame]:
    """Return the tables of a log read in blocks of so many events."""
    reading = scanning.Reading.of(log, make_plans(log, intended), by)
    reading = dataclasses.replace(reading, blocks=log.blocks(events=block))
    parts = [part for block_ in reading.blocks for part in reading.parts(block_)]
    assert len(parts) > 1 or block > log.n_events
    counted = tables.Counted.of(reading, finding.count(reading), reading.groups)
    merged = promises.merge([promises.count(part, scanning.see(part)) for part in parts])
    return promises.tables(counted, reading, merged)


def test_blocks_add_up(shop: tuple[JourneyLog, object]) -> None:
    log, intended = shop
    for by in (None, "persona", "device"):
        whole, pieces = (scanned(log, intended, by, block) for block in (10**9, 2_000))
        for name, table in whole.items():
            pd.testing.assert_frame_equal(table, pieces[name], rtol=1e-9)


def test_groups_add_up_to_everybody(shop: tuple[JourneyLog, object]) -> None:
    log, intended = shop
    check = cj.check(log, intended, by="device")
    alone = cj.check(log, intended)
    key = ["stage", "touchpoint", "measure", "at_most"]
    counted = [
        "measured",
        "kept",
        "unmeasured",
        "not_due",
        "journeys_kept",
        "journeys_broken",
        "mature_broken",
    ]
    summed = check.expectations.groupby(key, sort=False, dropna=False)[counted].sum().reset_index(drop=True)
    pd.testing.assert_frame_equal(summed, alone.expectations[counted])
    for name in ("expectations", "expectations_by_week", "expectations_by_channel"):
        pd.testing.assert_frame_equal(getattr(check.overall, name), getattr(alone, name))


def test_waits_are_those_of_the_events(shop: tuple[JourneyLog, object]) -> None:
    """On a log split by the map each promised wait and answer is one of the events', and pandas agrees."""
    log, intended = shop
    check = cj.check(log, intended, by="persona")
    events = log.events.merge(check.journeys[["journey", "by", "decided_at", "outcome"]], on="journey")
    for touchpoint, bound in (("chat_answered", 60), ("call_answered", 120)):
        own = events[(events["touchpoint"] == touchpoint) & (events["timestamp"] <= events["decided_at"])]
        kept = (
            own.assign(kept=own["wait_s"] <= bound).groupby("by", observed=True)["kept"].agg(["size", "sum"])
        )
        rows = check.expectations[
            (check.expectations["touchpoint"] == touchpoint) & (check.expectations["measure"] == "wait_s")
        ]
        found = rows.groupby("by")[["measured", "kept"]].sum()
        assert found.loc[kept.index].to_numpy().tolist() == kept.to_numpy().tolist()
        whole = check.overall.expectations.query("touchpoint == @touchpoint and stage == 'Research'").iloc[0]
        if touchpoint == "chat_answered":
            assert whole["median"] == pytest.approx(own["wait_s"].median(), rel=1 / 128)
            assert whole["p90"] == pytest.approx(own["wait_s"].quantile(0.9), rel=1 / 128)


def test_every_event_of_a_promised_touchpoint_is_measured_or_not(shop: tuple[JourneyLog, object]) -> None:
    log, intended = shop
    check = cj.check(log, intended)
    events = check.touchpoints.groupby(["stage", "touchpoint"])["events"].sum()
    for row in check.expectations.query("measure == 'wait_s'").itertuples():
        assert row.measured + row.unmeasured == events[row.stage, row.touchpoint]


def test_late_journeys_are_those_that_deviate_as_late(shop: tuple[JourneyLog, object]) -> None:
    """Who reached a later stage too late has the deviation `late`; promises also see who never got there."""
    log, intended = shop
    check = cj.check(log, intended)
    late = check.deviations.query("type == 'late'").groupby("stage")["journeys"].sum()
    broken = check.expectations.query("measure == 'within'").set_index("stage").eval("measured - kept")
    assert (broken.reindex(late.index) >= late).all()


def test_variants_with_promises_of_their_own(shop: tuple[JourneyLog, object]) -> None:
    """Silver was promised a quicker answer: its promise stands beside the others', for its journeys."""
    log, intended = shop
    stage = next(stage for stage in intended.stages if stage.stage == "Support")
    own = tuple(
        dataclasses.replace(t, expect=tuple(dataclasses.replace(e, at_most=10.0) for e in t.expect))
        if t.touchpoint == "support_called"
        else t
        for t in stage.touchpoints
    )
    personas = tuple(
        dataclasses.replace(p, stages=(dataclasses.replace(stage, touchpoints=own),))
        if p.persona == "Silver"
        else p
        for p in intended.personas
    )
    varied = dataclasses.replace(intended, personas=personas)
    check = cj.check(log, varied, by="persona")
    bounds = check.expectations.query("touchpoint == 'support_called'").groupby("by")["at_most"].agg(list)
    assert bounds.pop("Silver") == [10.0]
    assert all(bound == [120.0] for bound in bounds)
    overall = check.overall.expectations.query("touchpoint == 'support_called'")
    assert overall["at_most"].tolist() == [120.0, 10.0]
    plain = cj.check(log, intended).expectations.query("touchpoint == 'support_called'").iloc[0]
    assert overall["measured"].sum() == plain["measured"]
    assert np.isfinite(overall["share_kept"]).all()


def test_a_promise_that_changes_nothing_is_followed_by_the_same() -> None:
    """Each contact is broken by chance and left after by chance, whatever came before.

    Journeys with any broken contact are the long ones, so that holding those against the others would find
    that broken promises keep customers. Told from the first promise on, there is no difference.
    """
    rng = np.random.default_rng(7)
    journeys = []
    for _ in range(3000):
        contacts_ = 1 + rng.geometric(0.4)
        waits = np.where(rng.random(contacts_) < 0.3, 600, 60)
        calls = " ".join(f"called@{day},wait={wait}" for day, wait in enumerate(waits))
        journeys.append(f"{calls} {'cancelled' if contacts_ < 4 else 'signed'}@{contacts_}")
    row = promise(checked(*journeys), "called", "wait_s")
    assert row["difference_lower"] < 0 < row["difference_upper"]
    assert row["difference_upper"] - row["difference_lower"] < 0.1


@pytest.mark.parametrize("persona", ["Silver", "Families", "unknown"])
def test_a_persona_alone_is_told_the_same_against_its_own_map(persona: str) -> None:
    """Silver's map promises other things and names another owner: its rows need no other persona."""
    made = cj.simulate.shop(600, seed=3)
    text = made.intended_text
    own_stages = """
    stages:
      - {stage: Basket, owner: Care, within: 2d, returns_to: []}
      - stage: Checkout
        touchpoints:
          - touchpoint: call_answered
            optional: true
            expect: [{measure: wait_s, at_most: 30, share: 0.5}, {measure: contacts, at_most: 1}]
          - {touchpoint: order_placed, expect: [{measure: response_s, after: call_answered, at_most: 3600}]}
"""
    silver = "  - persona: Silver\n    where: {birth_year: {at_most: 1965}}"
    assert silver in text
    varied = parse_map(text.replace(silver, silver + own_stages.rstrip()))
    log = made.log.split(varied).with_personas(varied)
    check = cj.check(log, varied, by="persona")
    own = varied.for_persona(persona)
    alone = cj.check(made.log.with_personas(varied).where(persona=persona).split(own), own, by="persona")
    for name in ("expectations", "expectations_by_week", "expectations_by_channel", "channels", "handoffs"):
        found, expected = (
            table[table["by"] == persona].sort_values(list(table.columns), ignore_index=True)
            for table in (getattr(check, name), getattr(alone, name))
        )
        assert len(found), name
        pd.testing.assert_frame_equal(found, expected, rtol=1e-9)
