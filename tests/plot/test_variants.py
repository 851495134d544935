"""The variant explorer: rows are the variants, shares add up to all, long rows fold and say so."""

from __future__ import annotations

import pyarrow as pa
import pytest

import cjmining as cj
from cjmining.errors import LogError
from cjmining.intended import parse_map
from cjmining.plot.svg import written
from cjmining.plot.variants import _ends_in_words, variants_sheet
from tests.plot import hostile
from tests.plot.seen import faults, texts

ENDS = ["converted", "dropped", "turned_away", "open"]


@pytest.fixture(scope="module", name="found")
def _found():
    shop = cj.simulate.shop(500, seed=4)
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended).with_personas(intended)
    tagged = log.tag(outcome=cj.check(log, intended).journeys["outcome"])
    return cj.variants(tagged, by="persona", level="touchpoint@channel", repeats=False)


def walked(*journeys, channel="web"):
    """A log in which customers take these steps, a second apart, all on one channel."""
    events = [(who, second, step) for who, steps in enumerate(journeys) for second, step in enumerate(steps)]
    who, seconds, steps = ([event[at] for event in events] for at in range(3))
    return cj.JourneyLog.from_events(
        pa.table(
            {
                "customer": who,
                "timestamp": pa.array(seconds, pa.timestamp("s", "UTC")),
                "touchpoint": steps,
                "channel": [channel] * len(events),
            }
        )
    )


def of(log, **options):
    return cj.variants(log, level="touchpoint@channel", **options)


@pytest.mark.parametrize("group", ["Families", "Islanders"])
def test_nothing_overlaps_or_leaves_the_figure(found, group):
    assert faults(cj.plot.variants(found, group=group)) == []


@pytest.mark.parametrize("number", [1, 8, 30])
def test_the_shares_and_every_count_add_up_to_all_journeys(found, number):
    table = cj.plot.data.variants(found, group="Families", number=number)
    total = found.totals.set_index("by").loc["Families"]
    assert table["share_of_journeys"].sum() == pytest.approx(1)
    assert table["journeys"].sum() == total["journeys"]
    assert table["variants"].sum() == total["variants"]
    assert table[ENDS].sum().tolist() == total[ENDS].tolist()
    assert table[ENDS].sum(axis=1).tolist() == table["journeys"].tolist()
    shown = texts(cj.plot.variants(found, group="Families", number=number))
    counts = [text.split(" of ")[0] for text in shown if text.endswith(f" of {total['journeys']}")]
    assert sum(int(count) for count in counts) == total["journeys"]


def test_rows_are_the_variants_with_their_share_and_denominator(found):
    shown = texts(cj.plot.variants(found, group="Families"))
    first = found.head(1).query("by == 'Families'").iloc[0]
    total = found.totals.set_index("by").loc["Families", "journeys"]
    assert f"{first['journeys']} of {total}" in shown
    assert f"{100 * first['share_of_journeys']:.0f} %" in shown


def test_a_step_again_at_once_is_one_chevron_with_its_number():
    found = of(walked(["ad", "shop", "shop", "shop", "pay"], ["ad", "shop", "shop", "shop", "pay"]))
    table = cj.plot.data.variants(found)
    assert table["chevrons"].tolist() == [(("ad", "web", 1), ("shop", "web", 3), ("pay", "web", 1))]
    shown = texts(cj.plot.variants(found))
    assert "shop\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}3" in shown or (
        "shop \N{MULTIPLICATION SIGN} 3" in shown
    )
    assert shown.count("web") == 2  # under the run of chevrons, and in the legend


def test_a_long_way_folds_and_says_how_many_steps_are_left_out():
    steps = [f"step_number_{number}" for number in range(30)]
    ax = cj.plot.variants(of(walked(steps, steps)))
    shown = texts(ax)
    assert faults(ax) == []
    told = sum(text.startswith("step number") for text in shown)
    assert f"{30 - told} steps" in shown
    assert "step number 0" in shown
    assert "step number 29" in shown


def test_what_one_customer_did_is_among_the_others():
    found = of(walked(["a"], ["a"], ["b"], ["c", "d"]))
    table = cj.plot.data.variants(found)
    assert table[["rank", "variants", "journeys", "largest"]].to_numpy().tolist() == [
        [1, 1, 2, 2],
        [0, 2, 2, 1],
    ]
    assert "2 other ways, each taken by at most 1 journey" in texts(cj.plot.variants(found))
    every = cj.plot.data.variants(found, smallest=1)
    assert every["rank"].tolist() == [1, 2, 3]


def test_without_outcomes_there_is_no_strip_and_no_word_of_ends(found):
    plain = of(walked(["a", "b"], ["a", "b"]))
    assert cj.plot.data.variants(plain)[ENDS].isna().all(axis=None)
    assert "how they ended" not in texts(cj.plot.variants(plain))
    assert "how they ended" in texts(cj.plot.variants(found, group="Families"))


def test_any_names_are_drawn():
    names = [name.replace("\n", " ") for name in hostile.NAMES]
    found = of(walked(names, names, names * 3, names * 3, channel=hostile.NAMES[3]))
    ax = cj.plot.variants(found)
    assert faults(ax) == []
    assert "<script>" not in written(ax.sheet, dark=None)
    of_channels = cj.variants(walked(names, names, channel=hostile.NAMES[1]), level="channel")
    assert faults(cj.plot.variants(of_channels)) == []


def test_nothing_and_one_journey_are_drawn():
    nothing = of(walked())
    assert cj.plot.data.variants(nothing).empty
    assert "There are no journeys" in texts(cj.plot.variants(nothing))
    ax = cj.plot.variants(of(walked(["a"])))
    assert faults(ax) == []
    assert "1 way, taken by 1 journey" in texts(ax)
    ignored = cj.variants(walked(["a"], ["a"]), ignore=["a"])
    assert "no steps: all were ignored" in texts(cj.plot.variants(ignored))


def test_a_row_is_a_mark_that_says_all_steps(found):
    sheet = variants_sheet(found, group="Families", number=3)
    tips = list(dict.fromkeys(words.mark.tip for words in sheet.words if words.mark))
    assert len(tips) == 4
    first = found.head(1).query("by == 'Families'").iloc[0]
    assert tips[0].startswith(f"{first['journeys']} of ")
    assert sheet.description.startswith("The 3 most frequent of ")


def test_the_channels_have_the_same_colours_in_the_pictures_of_all_groups(found):
    from cjmining.plot.variants import _colours

    colours = _colours(found)
    assert len(set(colours.values())) == min(len(colours), 10)
    assert set(colours) == set(found.channels)


def test_it_is_small_and_the_same_every_time(found):
    svg = written(variants_sheet(found, group="Families"), dark=None)
    assert len(svg.encode()) <= 20_000
    assert svg == written(variants_sheet(found, group="Families"), dark=None)


def test_what_is_no_result_and_unknown_groups_are_refused(found):
    with pytest.raises(LogError, match=r"takes what cj.variants\(log\) returned, not DataFrame"):
        cj.plot.variants(found.totals)
    with pytest.raises(LogError, match=r"no group 'Familes'.*did you mean 'Families'"):
        cj.plot.variants(found, group="Familes")
    with pytest.raises(LogError, match="variants of 5 groups: pass group="):
        cj.plot.variants(found)
    with pytest.raises(LogError, match="number is a whole number of at least 1, not 0"):
        cj.plot.variants(found, group="Families", number=0)


@pytest.mark.parametrize(("times", "last"), [(1, "2 open, 1 turned away"), (1000, "else")])
def test_all_ends_of_a_way_are_told(times, last):
    row = {"converted": 4 * times, "dropped": 9 * times, "open": 2 * times, "turned_away": times}
    said = _ends_in_words(row, 240.0 if times == 1 else 120.0)
    assert said.endswith(last)
    assert sum(int(part.split()[0].replace(",", "")) for part in said.split(", ")) == 16 * times
    assert "…" not in said
