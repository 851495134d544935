"""The map in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cjmining.intended import parse_map
from cjmining.intended.model import Expectation
from cjmining.intended.words import duration_in_words, promise_in_words

PURCHASE = """\
map: Purchase
goal: [bought, ordered]
exits: [{touchpoint: left}, {touchpoint: refused, by: company}]
patience: 3d
ignore: [ping]
new_journey_after: [silence, goal]
stages:
  - stage: Look
    owner: Marketing
    motivation: Wonders whether we fit.
    patience: 2h
    within: 90m
    touchpoints:
      - {touchpoint: seen, repeat: true, channels: [web, app], emotion: 1}
      - {touchpoint: friend_asked, recorded: false}
    returns_to: [Look]
  - {stage: Buy, order: any, touchpoints: [{touchpoint: bought}, {touchpoint: ordered}], next: [Ask, Rate]}
  - stage: Ask
    optional: true
    patience: never
    touchpoints:
      - {touchpoint: asked}
      - touchpoint: answered
        actor: company
        moment_of_truth: true
        expect: [{measure: response_s, after: asked, at_most: 3600, share: 0.9}]
    returns_to: [Buy]
  - stage: Rate
    optional: true
    touchpoints:
      - {touchpoint: rated, rates: [answered, bought], optional: true}
personas:
  - persona: Young
    where: {age: {below: 30}}
    needs: [Speed]
    value: 80
    stages:
      - {stage: Look, patience: null, within: null}
      - {stage: Buy, order: choice}
  - persona: Old
    where: {age: {at_least: 60}}
"""

IN_WORDS = """\
Purchase

A journey begins in Look. It is complete, and the customer has converted, when bought or ordered
happens. It ends without the goal when left happens (the customer has dropped out) or refused
happens (the company has turned the customer away). What failed decides nothing. A customer who does
nothing for 3 days has dropped out too. What has neither ended nor been silent for so long when the
data ends is open.

Drop-out and conversion are stated within 30 days. After silence, whatever the customer does next
begins another journey; after the goal, the next touchpoint in which journeys may begin does.

Behind the goal the map still plans Buy, Ask and Rate; that belongs to the completed journey.

As if they had not happened: ping.

Where nothing else is said, a touchpoint is up to the customer and always expected, once. Emotions
run from -2 to +2.

1. Look
   Answered for by Marketing.
   What moves the customer: Wonders whether we fit.
   These happen, in this order:
     - seen, on web or app; may happen again; intended emotion +1.
     - friend_asked; which no system records, so that it is never missing.
   Next: Buy. The stage may be gone through again.
   Promised: the next stage within 90 minutes of entering this one.
   Here 2 hours of silence count as dropping out.

2. Buy
   All of these happen, in any order:
     - bought (the goal).
     - ordered (the goal).
   Next: Ask or Rate.

3. Ask
   The stage may be skipped; else these happen, in this order:
     - asked.
     - answered; done by the company; a moment of truth. Promised: in at least 90 % of cases it
       comes at most 1 hour after asked.
   Next: Rate. Or back to Buy.
   Here silence never counts as dropping out.

4. Rate
   The stage may be skipped; else this happens:
     - rated; may be skipped. It judges answered or bought, the last one before it.
   Nothing is planned to follow.

Personas: a customer has the first that fits; is 'other' where none does; and 'unknown' where that
depends on what isn't known of them.
  - Young: age below 30. Needs: Speed. A conversion is worth 80.
    For them Look differs:
      No time until the next stage is promised.
      Silence counts as everywhere else on the map.
    For them Buy differs:
      One of these happens:
        - bought (the goal).
        - ordered (the goal).
  - Old: age at least 60."""


def test_a_map_is_told_as_a_business_reader_would_check_it():
    assert parse_map(PURCHASE).explain() == IN_WORDS


@pytest.mark.parametrize(
    ("promise", "words"),
    [
        (Expectation("wait_s", at_most=120, share=0.9), "at least 90 % wait at most 2 minutes"),
        (Expectation("wait_s", at_most=90), "everyone waits at most 90 seconds"),
        (
            Expectation("duration_s", at_least=60, at_most=120),
            "it always takes between 1 minute and 2 minutes",
        ),
        (Expectation("duration_s", at_most=86400, share=0.995), "for at least 99.5 % it takes at most 1 day"),
        (Expectation("satisfaction", at_least=0.8), "every answer is at least 0.8 (0 worst, 1 best)"),
        (
            Expectation("response_s", at_most=3600, after="asked"),
            "it always comes at most 1 hour after asked",
        ),
        (
            Expectation("contacts", at_most=1, share=0.8),
            "in at least 80 % of journeys it happens at most once",
        ),
        (Expectation("wait_s", at_most=1e15), "everyone waits at most 1e+15 seconds"),
        (Expectation("contacts", at_most=3), "in every journey it happens at most 3 times"),
    ],
)
def test_a_promise_in_words(promise, words):
    assert promise_in_words(promise) == words


def test_a_duration_is_told_in_the_largest_unit_that_divides_it():
    found = [duration_in_words(timedelta(seconds=s)) for s in (0.5, 60, 90, 7200, 86_400, 1_209_600)]
    assert found == ["0.5 seconds", "1 minute", "90 seconds", "2 hours", "1 day", "14 days"]


def test_without_patience_and_further_journeys():
    text = parse_map(
        "{map: m, goal: [a], patience: never, new_journey_after: [], "
        "stages: [{stage: S, touchpoints: [{touchpoint: a}]}]}"
    ).explain()
    assert "Silence, however long, does not count as dropping out" in text
    assert "Each customer has one journey, however it ends." in text
