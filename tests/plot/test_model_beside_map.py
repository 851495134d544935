"""A model over the map: every kind of line told apart without colour, and nothing left out silently."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

import cjmining as cj
from cjmining.errors import LogError
from cjmining.interop import ModelBesideMap
from cjmining.interop.models import _tables
from cjmining.plot import model_beside_map
from cjmining.plot.model_beside_map import LOOKS, model_beside_map_sheet
from tests.plot.factory import made_up_map
from tests.plot.seen import faults, texts

MAP = made_up_map(4, 3)


def beside(pairs: int = 90, *, counted: bool = True, off_map: int = 3, seed: int = 1) -> ModelBesideMap:
    random = np.random.default_rng(seed)
    names = [*MAP.touchpoint_names, *(f"banner_{n}" for n in range(off_map))]
    drawn = [(names[a], names[b]) for a, b in random.integers(len(names), size=(pairs, 2))]
    planned, modelled = set(drawn[: pairs // 2]), set(drawn[pairs // 3 :])
    counts = {pair: (int(n), int(n)) for pair, n in zip(drawn, random.integers(0, 900, pairs), strict=True)}
    return ModelBesideMap(MAP, counted, *_tables(planned, modelled, counts if counted else None))


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize(("pairs", "off_map"), [(9, 0), (90, 3), (200, 14)])
def test_no_text_overlaps(pairs, off_map, counted):
    assert faults(model_beside_map(beside(pairs, counted=counted, off_map=off_map))) == []


def test_the_legend_has_a_line_and_the_numbers_of_each_kind():
    drawn = beside()
    shown = " ".join(texts(model_beside_map(drawn)))
    for row in drawn.account.to_dict("records"):
        assert f"{row['kind']}: {row['pairs']} pairs" in shown
    share = drawn.account["share_of_transitions"].iloc[0]
    assert f"({100 * share:.0f} %)" in shown


def test_kinds_differ_in_dashes_not_in_colour_alone():
    assert len({look.dashes for look in LOOKS.values()}) == len(LOOKS)
    grey = [
        0.299 * r + 0.587 * g + 0.114 * b
        for r, g, b in (to_rgb(look.colour.light) for look in LOOKS.values())
    ]
    assert min(abs(a - b) for i, a in enumerate(grey) for b in grey[:i]) > 0.05
    ax = model_beside_map(beside(12, off_map=0))
    styles = {str(patch.get_linestyle()) for patch in ax.patches if patch.get_facecolor()[3] == 0}
    assert len(styles) >= 3


def test_what_is_not_drawn_is_said():
    drawn = beside()
    pairs = drawn.pairs
    again = int((pairs["from_touchpoint"] == pairs["to_touchpoint"]).sum())
    on_map = pairs["from_touchpoint"].isin(MAP.touchpoint_names) & pairs["to_touchpoint"].isin(
        MAP.touchpoint_names
    )
    between = int((on_map & (pairs["from_touchpoint"] != pairs["to_touchpoint"])).sum())
    shown = " ".join(texts(model_beside_map(drawn)))
    assert f"Not drawn: {again} pair" in shown
    assert f"Not drawn: {between - 25} lines that are rarer; see `.pairs`" in shown


def test_without_counts_some_of_each_kind_are_drawn():
    drawn = beside(200, counted=False, off_map=0)
    assert (drawn.account["pairs"] > 15).all()
    ax = model_beside_map(drawn)
    legend, styles = 3, [patch for patch in ax.patches if patch.get_facecolor()[3] == 0]
    assert len(styles) == 25 + legend
    assert min(pd.Series([str(patch.get_linestyle()) for patch in styles]).value_counts()) >= 8


@pytest.mark.parametrize("counted", [True, False])
def test_its_table_has_all_pairs_and_says_what_is_drawn(counted):
    drawn = beside(counted=counted)
    table = cj.plot.data.model_beside_map(drawn)
    assert len(table) == len(drawn.pairs)
    assert table["drawn"].value_counts()["line"] == 25
    lane = table[table["drawn"] == "lane"]
    assert (~lane[["from_touchpoint", "to_touchpoint"]].isin(MAP.touchpoint_names)).any(axis=1).all()


def test_it_describes_itself_and_its_marks_say_what_they_are():
    sheet = model_beside_map_sheet(beside())
    assert "pairs; " in sheet.description
    assert all(kind in sheet.description for kind in LOOKS)
    tips = {shape.mark.tip for shape in sheet.shapes if shape.mark}
    assert any(tip.endswith(" times") and ": planned only, " in tip for tip in tips)


def test_what_is_no_such_result_is_refused():
    with pytest.raises(LogError, match=r"takes what cjmining\.interop\.model_beside_map returned, not str"):
        model_beside_map("picture")
