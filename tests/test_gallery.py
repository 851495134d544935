"""The gallery: it has every figure of cj.plot, its examples run, and what is kept is small and sound."""

from __future__ import annotations

import inspect
import json
import struct
from xml.etree import ElementTree

import pytest

import cjmining as cj
from docs.gallery import draw
from docs.gallery.figures import FIGURES

SMALL = 400
NO_FIGURES = {"data", "to_svg"}


@pytest.fixture(scope="module", name="names")
def _names():
    return draw.prepared(SMALL)


@pytest.fixture(scope="module", name="listed")
def _listed():
    return json.loads((draw.FOLDER / "gallery.json").read_text(encoding="utf-8"))


def test_every_figure_of_the_library_is_in_the_gallery():
    figures = set(cj.plot.__all__) - NO_FIGURES
    assert {figure.name for figure in FIGURES} == figures
    assert all(inspect.signature(getattr(cj.plot, name)).parameters["dark"] for name in figures)


@pytest.mark.parametrize("example", FIGURES, ids=lambda example: example.name)
def test_every_example_runs_on_a_small_shop(example, names):
    assert f"cj.plot.{example.name}(" in example.code
    said = draw.entry(example, draw.axes_of(example, names, dark=True))
    assert len(said["description"]) >= 40
    assert said["width"] > 0
    assert said["height"] > 0


def test_the_kept_list_is_that_of_the_figures(listed):
    kept = [(each["name"], each["title"], each["shows"], each["code"]) for each in listed]
    assert kept == [tuple(example) for example in FIGURES], "run make gallery"


@pytest.mark.parametrize("paper", ["light", "dark"])
def test_every_kept_picture_is_well_formed_small_and_has_a_text_alternative(listed, paper):
    for figure in listed:
        text = (draw.FOLDER / figure[paper]).read_text(encoding="utf-8")
        assert len(text) < 100_000, figure["name"]
        root = ElementTree.fromstring(text)  # noqa: S314 -- our own pictures
        assert root.attrib["role"] == "img"
        assert len(root.attrib["aria-label"]) > 40
        assert " style=" not in text


def test_nothing_is_kept_that_is_not_listed(listed):
    pictures = {figure[paper] for figure in listed for paper in ("light", "dark")}
    assert {path.name for path in draw.FOLDER.iterdir()} == pictures | {"gallery.json", "prepare.py"}


def test_the_contact_sheet_is_a_png_of_less_than_600_kilobytes():
    sheet = draw.SHEET.read_bytes()
    assert sheet[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", sheet[16:20])[0] >= 1_000
    assert len(sheet) < 600_000
