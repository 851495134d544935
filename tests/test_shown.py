"""How results show themselves: numbers for people, words before tables, everything escaped."""

from __future__ import annotations

import dataclasses
import html
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

import cjmining as cj
from cjmining import shown
from cjmining.intended import parse_map
from cjmining.results import Result
from cjmining.shown_tables import columns

SHOP = cj.simulate.shop(300, seed=4)
MAP = parse_map(SHOP.intended_text)
LOG = SHOP.log.split(MAP).with_personas(MAP)
CHECK = cj.check(LOG, MAP, by="persona")
FOUND = cj.discover(LOG, by="persona")
TAGGED = LOG.tag(outcome=CHECK.journeys["outcome"])

RESULTS = {
    "log": lambda: LOG,
    "map": lambda: MAP,
    "check": lambda: CHECK,
    "discover": lambda: FOUND,
    "coverage": lambda: cj.coverage(LOG, MAP),
    "incidence": lambda: cj.incidence(CHECK),
    "drivers": lambda: cj.drivers(CHECK, "Research", smallest_cell=1),
    "scan": lambda: cj.scan(CHECK, replicates=20),
    "what_if": lambda: cj.what_if(CHECK, {"stage": "Basket", "drop_out": 0.5}, replicates=10),
    "won_back": lambda: cj.won_back(CHECK),
    "lifetime_value": lambda: cj.lifetime_value(CHECK),
    "audience": lambda: cj.audience(CHECK, stage="Checkout"),
    "reconcile": lambda: CHECK.reconcile({"2026-03": {"orders": 40}}),
    "story": lambda: CHECK.explain(3),
    "funnel": lambda: cj.funnel(LOG, ["ad_clicked", "product_viewed"], by="persona"),
    "paths": lambda: cj.paths(LOG, start="ad_clicked", end="product_viewed"),
    "variants": lambda: cj.variants(TAGGED, by="persona"),
    "representatives": lambda: cj.variants(TAGGED).representatives(2),
    "partings": lambda: cj.partings(TAGGED),
    "matches": lambda: cj.matches(TAGGED, "basket_filled -> order_placed"),
    "markov": lambda: cj.markov(LOG),
    "compare": lambda: cj.compare(FOUND, "Silver", "Gen Z", q=0.9, smallest=5),
    "find_personas": lambda: cj.find_personas(LOG, number=2),
    "find_journeys": lambda: cj.find_journeys(LOG, method="gap", gap="3d"),
}


LATE = {
    "funnel": RESULTS["funnel"],
    "paths": RESULTS["paths"],
    "matches": RESULTS["matches"],
    "find_personas": RESULTS["find_personas"],
    "find_personas of some": lambda: cj.find_personas(
        LOG.tag(outcome=CHECK.journeys["outcome"]), number=2, ignore=["newsletter_opened"]
    ),
}


class Outline(HTMLParser):
    """Tags that were opened and closed, their attributes, and the text."""

    VOID = ("wbr",)

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


def cells(values, name="median_s", **further):
    return columns(pd.DataFrame({name: values, **further}))[0].cells


@pytest.mark.parametrize("name", LATE)
def test_tables_that_are_made_late_show_their_first_rows_alone(name):
    result = LATE[name]()
    told = result._repr_html_()
    assert not set(result._late) & set(vars(result))
    for table in result._late:
        first, rows = result._head(table), result._length(table)
        whole = getattr(result, table)
        assert rows == len(whole) > 8
        pd.testing.assert_frame_equal(first, whole.head(8), check_categorical=False)
    assert result._repr_html_() == told


# cells ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("entered", 31106, "31,106"),
        ("journey", 31106, "31106"),
        ("start_event", 31106, "31106"),
        ("share_of_journeys", 0.336, "34 %"),
        ("share_of_journeys", 0.0001, "<0.1 %"),
        ("fitness", 1.0, "100 %"),
        ("difference", 0.254, "+25 pts"),
        ("difference", -0.004, "-0.4 pts"),
        ("difference", 0.0, "0 pts"),
        ("drop_out_share", -0.25, "-25 %"),
        ("median_s", 181_440.0, "2.1 d"),
        ("longer_by_s", -660.0, "-11 min"),
        ("value_at_risk", 14912.34, "14,912"),
        ("value_at_risk", 9.5, "9.50"),
        ("p", 0.00001, "<0.001"),
        ("q", 0.0312, "0.031"),
        ("satisfaction", 0.4567, "0.46"),
        ("stands_out", True, "yes"),
        ("stage", "Checkout", "Checkout"),
        ("ratio", 1.2345, "1.23"),
        ("horizon", pd.Timedelta(days=14), "14 d"),
        ("week", pd.Timestamp("2026-03-02", tz="UTC"), "2026-03-02"),
        ("start", pd.Timestamp("2026-03-02 10:05:30", tz="UTC"), "2026-03-02 10:05"),
    ],
)
def test_numbers_are_written_for_people(name, value, said):
    assert cells([value], name) == (said,)


@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NaT, pd.NA])
def test_what_is_missing_is_a_dash(nothing):
    for name in ("median_s", "share", "entered", "stage", "difference", "start"):
        assert cells([nothing], name) == ("-",)
    assert cells(pd.array([1, None], "Int64"), "open") == ("1", "-")


def test_decimals_are_alike_in_a_column():
    assert cells([8.98, 10.64, 0.5], "events_per_journey") == ("9.0", "10.6", "0.5")
    assert cells([1.0, 2.0], "events_per_journey") == ("1", "2")
    assert cells([0.01234, 0.05], "per_day") == ("0.0123", "0.0500")
    assert cells([float("inf"), 3.25], "ratio") == ("inf", "3.25")


def test_values_of_a_measure_are_in_its_unit():
    table = pd.DataFrame({"measure": ["wait_s", "satisfaction", "within"], "median": [90.0, 0.75, 86_400.0]})
    assert columns(table)[1].cells == ("1.5 min", "0.75", "1 d")


def test_limits_stand_beside_what_they_limit():
    table = pd.DataFrame(
        {
            "drop_out_share": [0.336, 0.5],
            "lower": [0.293, float("nan")],
            "upper": [0.388, float("nan")],
            "difference": [-0.1, 0.1],
            "difference_lower": [-0.2, 0.05],
            "difference_upper": [0.01, 0.2],
            "value_at_risk": [1200.0, 50.0],
            "value_at_risk_lower": [1000.0, 40.0],
            "value_at_risk_upper": [1500.0, 60.5],
        }
    )
    share, difference, value = columns(table)
    assert share.limits == ("lower", "upper")
    assert share.cells == ("34 % (29-39 %)", "50 %")
    assert difference.cells == ("-10 pts (-20 to +1)", "+10 pts (+5 to +20)")
    assert value.cells == ("1,200 (1,000-1,500)", "50 (40-60.50)")


def test_limits_without_an_estimate_stay_columns():
    table = pd.DataFrame({"stage": ["a"], "lower": [0.1], "upper": [0.2]})
    assert [column.name for column in columns(table)] == ["stage", "lower", "upper"]


def test_limits_of_a_share_are_not_taken_for_those_of_a_count():
    table = pd.DataFrame(
        {"returned": [2], "returned_share": [0.05], "returned_lower": [0.01], "returned_upper": [0.17]}
    )
    assert [column.cells for column in columns(table)] == [("2",), ("5 % (1-17 %)",)]


@pytest.mark.parametrize("name", ["check", "what_if", "won_back", "lifetime_value", "incidence", "drivers"])
def test_every_estimate_lies_within_the_limits_that_stand_beside_it(name):
    result = RESULTS[name]()
    for table in (getattr(result, each) for each in result._tables):
        for column in columns(table.head(8)):
            if column.limits and "ratio" not in column.name:  # one of none is 0, below limits that add a half
                lower, upper = column.limits
                known = table[[column.name, lower, upper]].dropna()
                assert (known[lower] <= known[column.name] + 1e-9).all(), column.name
                assert (known[column.name] <= known[upper] + 1e-9).all(), column.name


def test_a_table_without_rows_or_columns_is_shown_as_that():
    assert columns(pd.DataFrame()) == []
    assert [column.cells for column in columns(pd.DataFrame({"a": [], "b": []}))] == [(), ()]


# the whole ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_shows_itself(name):
    result = RESULTS[name]()
    page = result._repr_html_()
    outline = Outline(page)
    assert outline.open == []
    assert not {"script", "link", "img", "iframe", "font"} & set(outline.tags)
    assert {key for key, _ in outline.attributes} <= {
        "class", "title", "open", "tabindex", "role", "aria-label", "scope", "colspan"
    }  # fmt: skip
    kind = type(result).__name__ if name != "map" else "Intended map"
    assert "".join(outline.text).replace(" ", "").lower().startswith(kind.replace(" ", "").lower())
    assert not re.search(r"url\(|@import|https?:", page)
    assert len(page) < 90_000
    if isinstance(result, Result):
        for table in result._tables:
            assert f".{table}" in outline.text


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_says_in_words_what_it_is(name):
    said = repr(RESULTS[name]())
    assert re.search(r"\d|one|no ", said)
    assert "rows)" not in said
    assert len(said.splitlines()[0]) < 700


def test_a_long_table_shows_its_head_and_says_how_to_get_the_rest():
    table = pd.DataFrame({"stage": [f"s{n}" for n in range(240)]})
    folded = shown.fold("stages", table, rows=240, of=cj.Conformance)
    assert folded.size == "240 rows"
    assert "s7" in folded.body
    assert "s8" not in folded.body
    assert "8 of 240 rows; all of them: .stages" in folded.body


def test_one_table_is_unfolded_and_empty_ones_cannot_be():
    page = cj.coverage(LOG, MAP)._repr_html_()
    assert page.count("<details open>") == 1
    assert re.search(r"<details open><summary><span class=\"cjm-name\">\.unknown_to_map", page)
    assert re.search(
        r'<div class="cjm-none"><span class="cjm-name">\.missing_from_log</span> .*?no rows', page
    )


def test_the_columns_are_explained_where_one_points_at_them():
    assert '<th class="cjm-n" title="journeys that entered the stage, each once">entered</th>' in (
        CHECK._repr_html_()
    )


def test_further_notes_are_folded():
    page = shown.card("Funnel", "so", notes=[f"n{number}" for number in range(6)])
    assert "<summary>3 more notes</summary>" in page
    assert page.index("n2<") < page.index("<details>") < page.index("n3<")


HOSTILE = [
    "<script>alert(1)</script>",
    "</style><b>",
    '" onmouseover="x',
    "x" * 300,
    "\N{RIGHT-TO-LEFT OVERRIDE}ab",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name):
    days = pd.to_datetime(["2026-03-01", "2026-03-02", "2026-03-01"], utc=True)
    events = pd.DataFrame({"customer": [0, 0, 1], "timestamp": days, "touchpoint": [name, "b", name]})
    log = cj.JourneyLog.from_events(events).tag(kind=[name, None])
    for result in (log, cj.discover(log, by="kind"), cj.variants(log)):
        page = result._repr_html_()
        outline = Outline(page)
        assert outline.open == []
        assert not {"script", "b"} & set(outline.tags)
        assert not [key for key, _ in outline.attributes if key.startswith("on")]
        assert name[:60] in html.unescape(page)


def test_a_long_text_is_cut_and_whole_where_one_points_at_it():
    body = shown.fold("found", pd.DataFrame({"variant": ["x" * 300]}), rows=1).body
    assert f'title="{"x" * 300}">{"x" * 69}...</td>' in body


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Little(Result):
    """A result.

    Attributes
    ----------
    table : pandas.DataFrame
        stage, sentence (what is so).
    """

    _tables = ("table",)
    _on_demand = ("more",)

    table: pd.DataFrame
    notes: tuple[str, ...] = ("be careful",)

    @property
    def more(self) -> pd.DataFrame:
        """More."""
        return self.table


LITTLE = Little(pd.DataFrame({"stage": ["a"] * 6, "sentence": [f"It is {n}." for n in range(6)]}))


def test_sentences_stand_before_the_tables():
    text = "|".join(Outline(LITTLE._repr_html_()).text)
    assert text.startswith(
        "Little|: table (6 rows)|It is 0.|It is 1.|It is 2.|It is 3.|and 2 more in .table|Note: be careful"
    )
    assert text.endswith("Made when asked for: .more")


def test_completion_offers_tables_and_methods_alone():
    assert dir(LITTLE) == ["more", "notes", "table", "to_arrow"]
    assert {"stages", "dropouts", "explain", "moves", "reconcile"} <= set(dir(CHECK))
    assert {"events", "label", "split", "where", "n_journeys"} <= set(dir(LOG))
    assert not [name for name in (*dir(CHECK), *dir(LOG)) if name.startswith("_")]


def test_names_of_the_package_are_offered_and_a_wrong_one_is_corrected():
    assert dir(cj) == sorted(cj.__all__)
    with pytest.raises(AttributeError, match="did you mean 'discover'"):
        _ = cj.discovr
    with pytest.raises(AttributeError, match="did you mean 'journey_map'"):
        _ = cj.plot.jurney_map
