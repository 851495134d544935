"""A first map drawn from the journeys that converted; small ones are drawn by hand from the stated method."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import cjmining as cj
from cjmining.cli import app
from cjmining.intended import Touchpoint, parse_map

DAY = pd.Timedelta(days=1)


def log_of(*journeys: str, times: int = 1, split: bool = True, **columns: dict[str, str]) -> cj.JourneyLog:
    """A log of journeys written as touchpoints with a space between, a day apart; a customer each."""
    rows = [
        {
            "customer": customer,
            "timestamp": pd.Timestamp("2026-03-01") + place * DAY,
            "touchpoint": touchpoint,
        }
        for customer, journey in enumerate(journey for journey in journeys for _ in range(times))
        for place, touchpoint in enumerate(journey.split())
    ]
    events = pd.DataFrame(rows)
    for column, values in columns.items():
        events[column] = events["touchpoint"].map(values)
    return cj.JourneyLog.from_events(events)


def stages(sketch: cj.IntendedMap) -> list[tuple[str, str]]:
    """A line a stage: its order, and its touchpoints with ? for optional and * for repeated."""
    return [
        (
            stage.order,
            " ".join(t.touchpoint + "?" * t.optional + "*" * t.repeat for t in stage.touchpoints),
        )
        for stage in sketch.stages
    ]


# By hand -------------------------------------------------------------------------------------------------


def test_a_stage_begins_with_what_nearly_all_have_and_holds_what_comes_before_the_next():
    """10 journeys that paid: seen in all, asked in 4, rare in 1; odd in none of them.

    Nothing says whether rare comes before asked, but it comes earlier: halfway, asked at two thirds.
    """
    log = log_of(
        *["ad seen asked paid"] * 4, *["seen paid"] * 5, "seen rare paid", "odd seen", "odd"
    )  # fmt: skip
    sketch = cj.sketch_map(log, goal="paid", name="Shop", share=0.2)
    assert stages(sketch) == [("sequence", "ad?"), ("sequence", "seen asked?"), ("sequence", "paid")]
    assert [stage.optional for stage in sketch.stages] == [True, False, False]
    assert sketch.stage_names == ("Ad", "Seen", "Paid")
    assert (sketch.name, sketch.goal, sketch.exits) == ("Shop", ("paid",), ())
    assert "# in 40 % of the journeys" in sketch.text
    assert "#   rare (10 %)" in sketch.text
    assert "odd" not in sketch.text
    assert stages(cj.sketch_map(log, goal="paid"))[1] == ("sequence", "seen rare? asked?")


def test_the_text_reads_as_the_map():
    sketch = cj.sketch_map(log_of("seen paid"), goal="paid", name="A: b")
    assert parse_map(sketch.text) == sketch


def test_what_exclude_each_other_are_a_choice():
    """20 card and 20 invoice: chance would give 20 x 20 / 40 = 10 journeys with both, none has."""
    log = log_of("seen card paid", "seen invoice paid", times=20)
    sketch = cj.sketch_map(log, goal="paid")
    assert stages(sketch) == [("sequence", "seen"), ("choice", "card invoice"), ("sequence", "paid")]
    assert sketch.stages[1].stage == "Card or invoice"
    assert not sketch.stages[1].optional
    half = log_of("seen card paid", "seen invoice paid", "seen paid", times=20)
    assert cj.sketch_map(half, goal="paid").stages[1].optional


def test_too_few_journeys_make_no_choice():
    """3 card and 3 invoice: chance would give 1.5 journeys with both, so that none says little."""
    log = log_of("seen card paid", "seen invoice paid", times=3)
    assert stages(cj.sketch_map(log, goal="paid"))[0] == ("sequence", "seen card? invoice?")


def test_milestones_without_a_clear_order_share_a_stage():
    """a before b in 3 of 4 journeys with both: less than 80 %; in 4 of 5 it is clear."""
    sketch = cj.sketch_map(log_of(*["a b paid"] * 3, "b a paid"), goal="paid")
    assert stages(sketch) == [("any", "a b"), ("sequence", "paid")]
    sketch = cj.sketch_map(log_of(*["a b paid"] * 4, "b a paid"), goal="paid", share=0.25)
    assert stages(sketch) == [("sequence", "a"), ("sequence", "b"), ("sequence", "paid")]


def test_repeats_and_ways_back_are_drawn_where_enough_journeys_take_them():
    """Of 5 journeys, 1 sees again at once and 1 goes back from the basket: 20 % each."""
    log = log_of("seen seen basket paid", "seen basket seen basket paid", *["seen basket paid"] * 3)
    sketch = cj.sketch_map(log, goal="paid", share=0.2)
    assert stages(sketch) == [("sequence", "seen*"), ("sequence", "basket"), ("sequence", "paid")]
    assert sketch.stages[1].returns_to == ("Seen",)
    rare = cj.sketch_map(log, goal="paid", share=0.3)
    assert stages(rare)[0] == ("sequence", "seen")
    assert rare.stages[1].returns_to == ()


def test_back_and_forth_inside_a_stage_is_any_order():
    sketch = cj.sketch_map(log_of("seen read seen paid", "seen read paid", "seen paid"), goal="paid")
    assert stages(sketch) == [("any", "seen* read?"), ("sequence", "paid")]


def test_more_than_five_without_an_order_loop():
    log = log_of("a b c d e f paid", "f e d c b a paid")
    sketch = cj.sketch_map(log, goal="paid")
    assert sketch.stages[0].order == "sequence"
    assert len(sketch.stages[0].touchpoints) == 6
    assert sketch.stages[0].returns_to == (sketch.stages[0].stage,)


def test_a_large_stage_is_cut_into_parts_where_the_order_is_clear():
    """Seen by all, and six that each lack in one of six journeys: parts of five at most, in their order."""
    common = "abcdef"
    log = log_of(*[f"seen {' '.join(common.replace(one, ''))} paid" for one in common])
    sketch = cj.sketch_map(log, goal="paid")
    assert stages(sketch) == [
        ("sequence", "seen a? b? c? d?"),
        ("sequence", "e? f?"),
        ("sequence", "paid"),
    ]


def test_a_help_desk_is_sketched_as_its_tickets_go(shared_data):
    """The published log's main variant: seriousness assigned, taken in charge, resolved, closed."""
    log = cj.ingest([cj.sources.XES(shared_data / "crm" / "helpdesk_tickets.xes.gz")])
    planned = [t for stage in cj.sketch_map(log, goal="Closed").stages for t in stage.touchpoints]
    assert [t.touchpoint for t in planned if not t.optional] == [
        "Assign seriousness",
        "Take in charge ticket",
        "Resolve ticket",
        "Closed",
    ]


def test_ranked_pairs_keep_the_clearest_votes():
    """a before b 9:0, b before c 8:0 and c before a 3:0 can't all be kept; the faintest is lost."""
    log = log_of(*["a b paid"] * 9, *["b c paid"] * 8, *["c a paid"] * 3)
    drawn = [t.touchpoint for stage in cj.sketch_map(log, goal="paid").stages for t in stage.touchpoints]
    assert drawn == ["a", "b", "c", "paid"]


def test_channels_and_actors_are_as_observed():
    log = log_of(
        "seen sent scanned paid",
        times=10,
        channel={"seen": "web", "sent": "email", "scanned": "email"},
        actor={"seen": "customer", "sent": "company", "scanned": "system", "paid": "customer"},
    )
    sketch = cj.sketch_map(log, goal="paid")
    assert [t for stage in sketch.stages for t in stage.touchpoints] == [
        Touchpoint("seen", channels=("web",)),
        Touchpoint("sent", channels=("email",), actor="company"),
        Touchpoint("paid"),
    ]
    assert sketch.ignore == ("scanned",)
    assert "# Ignored, since systems do it, not people: scanned" in sketch.text


def test_several_goals_are_one_of():
    sketch = cj.sketch_map(log_of("seen paid", "seen picked_up"), goal=["paid", "picked_up"])
    assert stages(sketch)[-1] == ("choice", "paid picked_up")
    assert sketch.goal == ("paid", "picked_up")


def test_what_a_customer_did_is_cut_behind_goals_and_at_silences():
    """Attempts of one customer: old | (100 days) seen paid | asked paid. Two convert, none has old."""
    days = [0, 100, 101, 102, 103]
    events = pd.DataFrame(
        {
            "customer": 0,
            "timestamp": pd.Timestamp("2026-03-01") + pd.to_timedelta(days, unit="D"),
            "touchpoint": ["old", "seen", "paid", "asked", "paid"],
        }
    )
    log = cj.JourneyLog.from_events(events)
    cut = cj.sketch_map(log, goal="paid", patience="14d")
    assert set(cut.touchpoint_names) == {"seen", "asked", "paid"}
    assert "# in 50 % of the journeys" in cut.text
    assert cut.patience == timedelta(days=14)
    assert "old" in cj.sketch_map(log, goal="paid", patience="never").touchpoint_names


def test_the_suggested_patience_covers_95_percent_of_the_longest_silences():
    """20 journeys: 19 with one day of silence, one with 40; 95 % of 20 are 19."""
    rows = [(n, day, what) for n in range(20) for day, what in ((0, "seen"), (40 if n == 7 else 1, "paid"))]
    events = pd.DataFrame(rows, columns=["customer", "day", "touchpoint"])
    events["timestamp"] = pd.Timestamp("2026-03-01") + pd.to_timedelta(events.pop("day"), unit="D")
    assert cj.sketch_map(cj.JourneyLog.from_events(events), goal="paid").patience == timedelta(days=1)


def test_failed_goals_do_not_convert():
    events = pd.DataFrame(
        {
            "customer": [0, 0, 1, 1],
            "timestamp": pd.to_datetime(["2026-03-01", "2026-03-02"] * 2),
            "touchpoint": ["seen", "paid", "asked", "paid"],
            "failed": [False, False, False, True],
        }
    )
    assert cj.sketch_map(cj.JourneyLog.from_events(events), goal="paid").touchpoint_names == ("seen", "paid")


# Errors --------------------------------------------------------------------------------------------------


def test_an_actor_that_none_knows_is_told_with_the_nearest():
    log = log_of("seen paid", actor={"seen": "custmer", "paid": "customer"})
    with pytest.raises(cj.LogError, match=r"an actor 'custmer'; expected .*, did you mean 'customer'"):
        cj.sketch_map(log, goal="paid")


def test_what_cannot_be_drawn_is_told():
    log = log_of("seen paid")
    with pytest.raises(cj.LogError, match="the goal 'payd' does not occur in the log, did you mean 'paid'"):
        cj.sketch_map(log, goal="payd")
    with pytest.raises(cj.LogError, match="needs a goal"):
        cj.sketch_map(log, goal=[])
    with pytest.raises(cj.LogError, match="share is above 0"):
        cj.sketch_map(log, goal="paid", share=0)
    with pytest.raises(cj.LogError, match="always lies between"):
        cj.sketch_map(log, goal="paid", share=0.5, always=0.4)
    with pytest.raises(cj.LogError, match="expected a duration"):
        cj.sketch_map(log, goal="paid", patience="14")


# The command line ----------------------------------------------------------------------------------------


def test_the_command_line_prints_the_sketch(tmp_path):
    log = log_of("seen paid", "seen bot paid")
    log.write(tmp_path / "log")
    arguments = ["map", "sketch", tmp_path / "log", "--goal", "paid", "--ignore", "bot", "--patience", "3d"]
    ran = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert ran.exit_code == 0, ran.output
    assert ran.stdout == cj.sketch_map(log, goal="paid", patience="3d", ignore=["bot"]).text


# A simulated shop ----------------------------------------------------------------------------------------

MAIN = [
    "product_viewed",
    "basket_filled",
    "checkout_opened",
    "payment_entered",
    "order_placed",
    "parcel_sent",
]


@pytest.fixture(scope="module")
def shop():
    shop = cj.simulate.shop(1500, seed=3)
    true = parse_map(shop.intended_text)
    return shop.log.split(true), true


@pytest.fixture(scope="module")
def sketch(shop):
    log, true = shop
    return cj.sketch_map(log, goal=true.goal, ignore=true.ignore)


def test_the_main_touchpoints_of_a_shop_are_drawn_in_their_order(shop, sketch):
    planned = [t for stage in sketch.stages for t in stage.touchpoints]
    assert [t.touchpoint for t in planned if t.touchpoint in MAIN] == MAIN
    assert not any(t.optional for t in planned if t.touchpoint in MAIN)
    assert planned[-1] == Touchpoint("order_delivered", channels=("mail",), actor="company")
    assert cj.sketch_map(shop[0], goal=shop[1].goal, ignore=shop[1].ignore).text == sketch.text


def test_converted_journeys_of_a_shop_fit_the_sketch(shop, sketch):
    """The mean fitness lies between two bounds that need no alignment.

    Lower: one explanation matches only the milestones that come in the sketch's order; every other milestone
    is missing, every other event ad hoc. The best explanation is no dearer. Upper: the events of touchpoints
    that the sketch does not have can only be ad hoc. A journey's worst cost is that of its events and of the
    shortest way through the map, which is the milestones.
    """
    log, _ = shop
    log = log.split(sketch)
    check = cj.check(log, sketch)
    milestones = [
        t.touchpoint
        for stage in sketch.stages
        for t in stage.touchpoints
        if not (t.optional or stage.optional)
    ]
    converted = check.journeys[check.journeys["outcome"] == "converted"]
    words = np.array(log.vocabulary("touchpoint"), dtype=object)[log.codes("touchpoint")]
    lower, upper = [], []
    for journey in converted["journey"]:
        events = [
            word for word in words[slice(*log.bounds[journey : journey + 2])] if word not in sketch.ignore
        ]
        events = events[: events.index(sketch.goal[0]) + 1]
        worst = len(events) + len(milestones)
        lower.append(1 - (worst - 2 * longest_common(events, milestones)) / worst)
        upper.append(1 - sum(word not in sketch.touchpoint_names for word in events) / worst)
    assert np.mean(lower) <= converted["fitness"].mean() <= np.mean(upper)
    assert converted["fitness"].mean() > 0.85


def longest_common(one: list[str], other: list[str]) -> int:
    """The length of the longest sequence that both hold in order."""
    row = [0] * (len(other) + 1)
    for a in one:
        last = row[:]
        for place, b in enumerate(other, 1):
            row[place] = last[place - 1] + 1 if a == b else max(last[place], row[place - 1])
    return row[-1]
