"""Pictures as SVG: well-formed, searchable, self-contained, and side by side in one page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from cjmining.plot import funnel, journey_map, to_svg, transitions
from cjmining.plot.text import drawn_width
from tests.plot.factory import made_up_check, made_up_discovery, made_up_map

SPACE = "{http://www.w3.org/2000/svg}"


def parsed(picture):
    return ElementTree.fromstring(picture)  # noqa: S314 -- our own text


@pytest.fixture(scope="module", name="pictures")
def _pictures():
    check = made_up_check(made_up_map(4, 3), 300)
    found = made_up_discovery({("a", "b"): 5, ("b", "c"): 4, ("c", "a"): 1})
    axes = journey_map(check), journey_map(check, persona="Gen Z"), funnel(check), transitions(found)
    return [to_svg(ax.figure) for ax in axes]


def test_every_picture_is_well_formed_and_says_what_it_is(pictures):
    labels = [parsed(picture).get("aria-label") for picture in pictures]
    assert labels == [
        "Journey map: Online purchase",
        "Journey map: Online purchase: Gen Z",
        "Funnel: Online purchase",
        "Transitions: Transitions",
    ]


def test_no_identifier_is_used_twice_in_a_page_and_every_reference_is_met(pictures):
    page = "".join(pictures)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', page)) <= set(ids)


def test_type_stays_type_and_keeps_its_length_in_any_font(pictures):
    for picture in pictures:
        lines = list(parsed(picture).iter(f"{SPACE}text"))
        assert lines
        for line in lines:
            size = float(re.search(r"([\d.]+)px", line.get("style"))[1])
            bold = "700" in line.get("style") or "bold" in line.get("style")
            assert float(line.get("textLength")) == pytest.approx(
                drawn_width(line.text, size, bold=bold), abs=0.06
            )


def test_nothing_reaches_out_of_the_picture(pictures):
    for picture in pictures:
        assert "<style" not in picture
        assert "<script" not in picture
        assert not re.search(r'(?:href|src)="(?!#)', picture)


def test_pictures_are_small(pictures):
    assert max(map(len, pictures)) < 200_000


def test_a_title_and_a_description_are_spoken():
    drawn = to_svg(
        funnel(made_up_check(made_up_map(2, 2), 50)).figure, title='A "title" & more', description="Told"
    )
    assert parsed(drawn).get("aria-label") == 'A "title" & more. Told'
