"""Pictures as SVG: well-formed, searchable, self-contained, and side by side in one page."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree

import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.path import Path

import cjmining as cj
from cjmining import interop, plot
from cjmining.errors import LogError
from cjmining.intended import parse_map
from cjmining.plot import flow, journey_map, theme, to_svg, transitions
from cjmining.plot.flow import flow_sheet
from cjmining.plot.sheet import Sheet
from cjmining.plot.svg import rules, written
from cjmining.plot.text import drawn_width
from tests.plot import hostile
from tests.plot.factory import made_up_check, made_up_discovery, made_up_map

SPACE = "{http://www.w3.org/2000/svg}"


def parsed(picture):
    return ElementTree.fromstring(picture)  # noqa: S314 -- our own text


@pytest.fixture(scope="module", name="pictures")
def _pictures():
    check = made_up_check(made_up_map(4, 3), 300)
    found = made_up_discovery({("a", "b"): 5, ("b", "c"): 4, ("c", "a"): 1})
    axes = journey_map(check), journey_map(check, persona="Gen Z"), flow(check), transitions(found)
    return [to_svg(ax.figure) for ax in axes]


def test_every_picture_is_well_formed_and_says_what_it_is(pictures):
    labels = [parsed(picture).get("aria-label").split(". ")[0] for picture in pictures]
    assert labels == [
        "Journey map: Online purchase",
        "Journey map: Online purchase: Gen Z",
        "Flow: Online purchase",
        "Transitions: Transitions",
    ]


def test_there_are_no_identifiers_that_could_meet_in_a_page(pictures):
    assert not re.search(r'\bid="|href=|url\(', "".join(pictures))


@pytest.mark.parametrize(("hatch", "slope"), [("////", -1), ("\\\\\\", 1)])
def test_a_pattern_is_lines_that_end_at_the_edge_of_the_shape(hatch, slope):
    sheet = Sheet(width=100, height=100)
    sheet.area([(10, 10), (90, 10), (90, 30), (50, 80), (10, 30)], theme.PAPER, edge=theme.OPEN, hatch=hatch)
    path = list(parsed(written(sheet)).iter(f"{SPACE}path"))[-1].get("d")
    lines = re.findall(r"M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)", path)
    inside = Path([(10, 10), (90, 10), (90, 30), (50, 80), (10, 30), (10, 10)])
    assert len(lines) > 20
    for line in lines:
        x, y, to_x, to_y = map(float, line)
        assert (to_y - y) == pytest.approx(slope * (to_x - x), abs=0.2)
        shares = [(x + (to_x - x) * part, y + (to_y - y) * part) for part in (0.02, 0.5, 0.98)]
        assert all(
            inside.contains_point(point, radius=0.2) or inside.contains_point(point, radius=-0.2)
            for point in shares
        )


def test_type_stays_type_and_keeps_its_length_in_any_font(pictures):
    for picture in pictures:
        root = parsed(picture)
        lines = list(root.iter(f"{SPACE}text"))
        assert lines
        for line in lines:
            size, bold = float(line.get("font-size", root.get("font-size"))), line.get("font-weight") == "700"
            length = drawn_width(line.text, size, bold=bold)
            assert len(line.text) <= 4 or float(line.get("textLength")) == pytest.approx(length, abs=0.06)


def test_every_text_and_shape_of_the_axes_is_in_the_text_at_its_place():
    ax = journey_map(made_up_check(made_up_map(4, 3), 300))
    root = parsed(to_svg(ax))
    told = {(line.text, line.get("x"), line.get("y")) for line in root.iter(f"{SPACE}text")}
    for text, x, y in told:
        near = [each for each in ax.texts if each.get_text() == text]
        assert any(each.get_position() == pytest.approx((float(x), float(y)), abs=0.051) for each in near)
    assert len(list(root.iter(f"{SPACE}text"))) == len(ax.texts)
    forms = [element for name in ("path", "circle", "rect") for element in root.iter(f"{SPACE}{name}")]
    background = 1
    patterned = sum(1 for patch in ax.patches if patch.get_hatch())
    assert len(forms) == background + len(ax.patches) + patterned


def test_colours_are_those_of_the_paper_or_classes_that_the_rules_have():
    check = made_up_check(made_up_map(2, 2), 50)
    light, dark = to_svg(flow(check)), to_svg(flow(check, dark=True))
    assert theme.DROPPED.light in light
    assert theme.DROPPED.dark not in light
    assert theme.DROPPED.dark in dark
    assert theme.DROPPED.light not in dark
    by_class = written(flow_sheet(check), dark=None)
    assert not re.search(r"#[0-9a-f]{6}\b", by_class)
    used = {name for names in re.findall(r'class="([^"]+)"', by_class) for name in names.split()}
    assert used <= set(re.findall(r"\.([\w-]+)\{", rules()))


def test_what_belongs_to_a_mark_is_a_group_that_says_so_once():
    sheet = Sheet(width=100, height=50, title="Two")
    with sheet.mark('<Checkout> & "more"', stage="Check out"):
        sheet.disc(10, 10, 5, theme.DISC)
        sheet.line([(0, 0), (5, 5)], z=5)
        sheet.write("Checkout", 20, 12)
    sheet.disc(10, 30, 5, theme.DISC, z=4)
    groups = list(parsed(written(sheet)).iter(f"{SPACE}g"))
    assert [group.get("data-mark") for group in groups] == ["0", "0"]
    assert [group.get("data-stage") for group in groups] == ["Check out", None]
    titles = [title.text for group in groups for title in group.iter(f"{SPACE}title")]
    assert titles == ['<Checkout> & "more"']


@pytest.mark.parametrize("bad", [*hostile.NOT_XML])
def test_what_xml_cannot_hold_is_left_out_wherever_a_name_may_stand(bad):
    sheet = Sheet(width=100, height=50, title=f"a{bad}b", description=f"c{bad}d")
    with sheet.mark(f"e{bad}f\tg\U0001f6d2", stage=f"h{bad}<i>"):
        sheet.write(f"j{bad}k", 20, 12)
    alone, by_class = parsed(written(sheet)), parsed(f"<div>{written(sheet, dark=None)}</div>")[0]
    for root, space in ((alone, SPACE), (by_class, "")):
        assert root.get("aria-label") == "ab. cd"
        group = root.find(f"{space}g")
        assert group.get("data-stage") == "h<i>"
        assert group.find(f"{space}title").text == "ef\tg\U0001f6d2"
        assert group.find(f"{space}text").text in {"jk", "j k", "j\ufffdk"}


MAP_OF_NAMES = {
    "map": "m{}",
    "goal": ["end{}"],
    "patience": "5d",
    "horizon": "10d",
    "stages": [
        {"stage": "one{}", "touchpoints": [{"touchpoint": "seen{}", "channels": ["web{}"]}]},
        {
            "stage": "two{}",
            "touchpoints": [{"touchpoint": "end{}", "expect": [{"measure": "wait_s", "at_most": 60}]}],
        },
    ],
}


@pytest.fixture(scope="module", name="figures")
def _figures():
    """Every figure, of journeys in which no name can be written in XML as it is."""
    bad = "".join(each for each in hostile.NOT_XML if each not in "\x00\ud800\udfff") + "<&\"'"
    # what tables can hold: Arrow refuses halves of pairs
    intended = parse_map(json.dumps(MAP_OF_NAMES).replace("{}", json.dumps(bad)[1:-1]))
    walks = [("seen", "web", 0), ("late", "app", 1), ("end", "web", 2)]
    rows = [
        (
            n,
            pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(n % 50 + day, "D"),
            name + bad,
            by + bad,
        )
        for n in range(90)
        for name, by, day in walks[: 1 + n % 3]
    ]
    events = pd.DataFrame(rows, columns=["customer", "timestamp", "touchpoint", "channel"])
    people = pd.DataFrame({"customer": range(90), "team": [f"{n % 2}{bad}" for n in range(90)]})
    log = cj.JourneyLog.from_events(events, customers=people, data_end="2026-06-01").split(intended)
    check, found = cj.check(log, intended, by="team"), cj.discover(log)
    beside = interop.model_beside_map(interop.discover_model(log), intended)
    finding = dict.fromkeys(("kind", "headline", "text", "refuted_by", "stage"), f"a{bad}")
    return {
        "difference": plot.difference(cj.difference(check, *check.groups)),
        "flow": plot.flow(check),
        "heat_map": plot.heat_map(check),
        "incidence": plot.incidence(cj.incidence(check), stage=f"one{bad}"),
        "journey_map": plot.journey_map(check),
        "journey_maps": plot.journey_maps(check),
        "model_beside_map": plot.model_beside_map(beside),
        "scan": plot.scan(cj.scan(check)),
        "slide": plot.slide(finding | {"numbers": {}}, map_name=bad, period=bad),
        "story": plot.story(check.explain(2)),
        "transitions": plot.transitions(found, intended=intended),
        "variants": plot.variants(cj.variants(log)),
    }


def test_every_figure_is_well_formed_whatever_names_hold(figures):
    assert set(figures) == {name for name in plot.__all__ if name not in {"data", "to_svg"}}
    for name, ax in figures.items():
        assert parsed(to_svg(ax)).get("role") == "img", name
        inside = written(ax.sheet, dark=None).replace("<svg ", f'<svg xmlns="{SPACE[1:-1]}" ', 1)
        assert parsed(inside).get("role") == "img", name


def test_a_figure_of_another_making_is_refused():
    with pytest.raises(LogError, match="savefig"):
        to_svg(Figure())


def test_nothing_reaches_out_of_the_picture(pictures):
    for picture in pictures:
        assert " style=" not in picture
        assert "<script" not in picture
        assert not re.search(r'(?:href|src)="(?!#)', picture)


def test_pictures_are_small(pictures):
    assert max(map(len, pictures)) < 60_000


def test_a_title_and_a_description_are_spoken():
    drawn = to_svg(
        flow(made_up_check(made_up_map(2, 2), 50)).figure, title='A "title" & more', description="Told"
    )
    assert parsed(drawn).get("aria-label") == 'A "title" & more. Told'
