"""Who is held against whom: journeys worked by hand."""

from __future__ import annotations

import pandas as pd
import pytest

import cjmining as cj
from cjmining.dropout.entries import entries, place_number
from cjmining.dropout.exposures import Trial, candidates
from cjmining.intended import parse_map
from cjmining.log import JourneyLog
from tests.conformance.factory import START

DAY_US = 86_400_000_000
MAP = """
map: Advice
goal: [paid]
exits: [{touchpoint: cancelled}]
patience: 10d
horizon: 20d
ignore: [ping]
stages:
  - stage: Look
    owner: Marketing
    touchpoints:
      - {touchpoint: seen, channels: [web], repeat: true}
      - touchpoint: called
        optional: true
        repeat: true
        expect: [{measure: wait_s, at_most: 120, share: 0.9}]
      - {touchpoint: rated, optional: true, rates: [called], expect: [{measure: satisfaction, at_least: 0.6}]}
    within: 6d
  - stage: Buy
    owner: Sales
    touchpoints:
      - {touchpoint: carted, repeat: true}
      - {touchpoint: paid}
    returns_to: [Look]
"""
CHANNELS = {"called": "phone", "chatted": "chat"}


def log_of(*journeys: str, days: float = 200) -> JourneyLog:
    """Read "touchpoint@day/name=value" words; `!` failed, a customer a journey."""
    rows = []
    for customer, journey in enumerate(journeys):
        for position, word in enumerate(journey.split()):
            name, *more = word.split("/")
            touchpoint, day = name.split("@")
            measures = {key: float(value) for key, value in (each.split("=") for each in more)}
            rows.append(
                {
                    "customer": customer,
                    "timestamp": START + pd.Timedelta(days=float(day)),
                    "touchpoint": touchpoint.rstrip("!"),
                    "failed": touchpoint.endswith("!"),
                    "channel": CHANNELS.get(touchpoint.rstrip("!"), "web"),
                    "actor": "system" if touchpoint.startswith("mail") else "customer",
                    "sequence": position,
                    "wait_s": float("nan"),
                    "satisfaction": float("nan"),
                    **measures,
                }
            )
    tiers = [("gold", "basic", None)[n % 3] for n in range(len(journeys))]
    customers = pd.DataFrame({"customer": range(len(journeys)), "tier": tiers})
    end = START + pd.Timedelta(days=days)
    return JourneyLog.from_events(pd.DataFrame(rows), customers=customers, data_end=end)


def found(stage: str, *journeys: str, days: float = 200) -> dict[tuple[str, str, str, str], Trial]:
    intended = parse_map(MAP)
    check = cj.check(log_of(*journeys, days=days).split(intended), intended)
    all_ = entries(check)
    horizon = intended.horizon_us
    at = all_.only((all_.place == place_number(all_, stage)) & all_.followed(horizon))
    return {tuple(each.what): each.trial for each in candidates(check, at, horizon, stratum=None)}


def rows(trial: Trial) -> list[tuple[int, bool, bool]]:
    return list(zip(trial.entry.tolist(), trial.exposed.tolist(), trial.hit.tolist(), strict=True))


def test_what_was_so_at_the_entry_is_told_of_all_entries() -> None:
    all_ = found(
        "Buy",
        "seen@20 called@21/wait_s=300 seen@22 carted@23",
        "seen@20 called@21/wait_s=60 carted@23 paid@24",
        "seen@20 carted@23 called@24/wait_s=300 paid@25",
    )
    phone = all_["channel", "phone", "used before", "before entry"]
    assert rows(phone) == [(0, True, True), (1, True, False), (2, False, False)]
    just_before = all_["preceding touchpoint", "called", "just before", "before entry"]
    assert just_before.exposed.tolist() == [False, True, False]
    # Only those who had called could have had their promise broken; the call after the entry doesn't count.
    promise = all_["broken promise", "called", "wait at most 2 min", "before entry"]
    assert rows(promise) == [(0, True, True), (1, False, False)]
    waited = all_["long wait", "called", "longer than 4 min", "before entry"]
    assert rows(waited) == [(0, True, True), (1, False, False)]
    again = all_["repeat contact", "seen", "more than once", "before entry"]
    assert again.exposed.tolist() == [True, False, False]


def test_deviations_are_those_of_the_journey_as_it_stood() -> None:
    all_ = found("Buy", "blog@19 seen@20 carted@23", "carted@23 seen@24 carted@25", "seen@20 carted@27")
    missing = all_["deviation", "seen", "missing in Look", "before entry"]
    assert missing.exposed.tolist() == [False, True, False]  # what came later does not undo it
    blog = all_["deviation", "blog", "ad hoc in (before the map)", "before entry"]
    assert blog.exposed.tolist() == [True, False, False]
    late = all_["deviation", "carted", "late in Look", "before entry"]
    within = all_["broken promise", "Look", "on within 6 d", "before entry"]
    assert late.exposed.tolist() == [False, False, True]
    assert rows(within) == [(0, False, True), (2, True, True)]


def test_how_a_contact_went_is_held_against_other_contacts_of_the_same_number() -> None:
    all_ = found(
        "Look",
        "seen@20 called@21/wait_s=60 called@22/wait_s=300 called@23/wait_s=400",
        "seen@20 called@21/wait_s=300 carted@22",
        "seen@20 called@21/wait_s=90",
        "seen@20 carted@22 called@23/wait_s=300",
    )
    waited = all_["long wait", "called", "longer than 4 min", "during the stage"]
    assert rows(waited) == [(0, False, True), (0, True, True), (1, True, False), (2, False, True)]
    assert waited.cell.tolist() == [0, 1, 0, 0]


def test_who_gave_up_earlier_did_not_wait_less() -> None:
    all_ = found(
        "Look", "seen@20 called!@21/wait_s=150", "seen@20 called@21/wait_s=700", "seen@20 called@21/wait_s=9"
    )
    waited = all_["long wait", "called", "longer than 10 min", "during the stage"]
    assert waited.entry.tolist() == [1, 2]
    promise = all_["broken promise", "called", "wait at most 2 min", "during the stage"]
    assert list(zip(promise.entry, promise.exposed, strict=True)) == [(0, True), (1, True), (2, False)]
    failed = all_["error", "called", "failed", "during the stage"]
    assert failed.exposed.tolist() == [True, False, False]


def test_answers_and_moments_after_the_stage() -> None:
    all_ = found(
        "Look",
        "seen@20 called@21/wait_s=60 rated@22/satisfaction=0.2",
        "seen@20 called@21/wait_s=60 rated@22/satisfaction=1 carted@23",
        "seen@20 called@21/wait_s=60 carted@22 rated@23/satisfaction=0.2",
    )
    low = all_["broken promise", "rated", "satisfaction at least 0.6", "during the stage"]
    assert rows(low) == [(0, True, True), (1, False, False)]


def test_what_happened_is_held_against_those_idle_as_long() -> None:
    all_ = found(
        "Look",
        "seen@20 mail_lost!@22",  # exposed two days after its first act
        "seen@20 seen@21 seen@30 carted@31",
        "seen@20 carted@22",
        "seen@20 seen@20.5 mail_lost!@21 carted@22",
        "mail_lost!@19 seen@20",  # it had happened before
    )
    lost = all_["error", "mail_lost", "failed", "during the stage"]
    assert not lost.is_act
    told = sorted(
        (entry, exposed, since / DAY_US, cell)
        for entry, exposed, since, cell in zip(
            lost.entry.tolist(), lost.exposed.tolist(), lost.since.tolist(), lost.cell.tolist(), strict=True
        )
    )
    assert [row[:2] for row in told] == [
        *[(0, False), (0, True), (1, False), (1, False), (1, False)],
        *[(2, False), (3, False), (3, False), (3, True)],
    ]
    assert [round(row[2], 6) for row in told] == [2, 2, 1, 1, 9, 2, 0.5, 0.5, 0.5]
    assert lost.hit[lost.exposed].tolist() == [True, False]


def test_acts_count_only_after_the_entry_and_a_repeat_needs_a_first() -> None:
    all_ = found("Look", "seen@20 called@21 called@23", "called@20 seen@21", "seen@20 carted@22")
    phone = all_["channel", "phone", "used there", "during the stage"]
    assert phone.is_act
    assert sorted(set(phone.entry[phone.exposed].tolist())) == [0]
    assert 1 not in phone.entry  # it entered by phone
    again = all_["repeat contact", "called", "once more", "during the stage"]
    assert again.entry[again.exposed].tolist() == [0]
    # Journey 1 could call again from its entry on, journey 2 never called.
    assert sorted(again.entry[~again.exposed].tolist()) == [0, 1, 1]


def test_attributes_that_are_unknown_are_not_compared() -> None:
    all_ = found("Look", "seen@20", "seen@20", "seen@20", "seen@20 carted@21")
    gold = all_["attribute", "tier", "gold", "before entry"]
    assert rows(gold) == [(0, True, True), (1, False, True), (3, True, False)]


def test_moments_too_late_to_judge_do_not_count() -> None:
    # Day 60 is the last, and the horizon 20 days. The first call is too late to say what followed.
    late = found("Look", "seen@39 called@41/wait_s=300", "seen@20 called@21/wait_s=300", days=60)
    waited = late["broken promise", "called", "wait at most 2 min", "during the stage"]
    assert rows(waited) == [(1, True, True)]
    assert len(late["attribute", "tier", "gold", "before entry"].entry) == 2


@pytest.mark.parametrize("stage", ["Look", "Buy"])
def test_no_journeys_no_trials(stage: str) -> None:
    assert found(stage, "seen@150", days=160) == {}
