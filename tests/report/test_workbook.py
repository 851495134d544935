"""The workbook for colleagues, opened again: what is in it, what never is, and that it stays the same."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

import cjmining as cj
from cjmining.definitions import definitions
from cjmining.intended import parse_map
from cjmining.report.small_rows import is_personal, size_column
from cjmining.report.workbook_file import cell_value
from cjmining.results import Result
from cjmining.units import units

SHOP = cj.simulate.shop(400, seed=4)
MAP = parse_map(SHOP.intended_text)
LOG = SHOP.log.split(MAP).with_personas(MAP)
CHECK = cj.check(LOG, MAP, by="persona")
TAGGED = LOG.tag(outcome=CHECK.journeys["outcome"])
FOUND = cj.discover(LOG, by="persona")

AUTO = parse_map(SHOP.intended_text.replace("patience: 14d", "patience: auto", 1))

RESULTS = {
    "check": lambda: CHECK,
    "discover": lambda: FOUND,
    "find_personas": lambda: cj.find_personas(LOG, number=2, stability=2),
    "paths": lambda: cj.paths(LOG, start="ad_clicked", end="product_viewed", within="7d", by="persona"),
    "funnel": lambda: cj.funnel(LOG, ["ad_clicked", "product_viewed"], within="7d", by="persona"),
    "markov": lambda: cj.markov(LOG, by="persona"),
    "coverage": lambda: cj.coverage(LOG, MAP),
    "audience": lambda: cj.audience(CHECK, stage="Checkout"),
    "won_back": lambda: cj.won_back(CHECK),
    "settle_patience": lambda: cj.settle_patience(SHOP.log, AUTO, share=0.05, replicates=20),
    "incidence": lambda: cj.incidence(CHECK),
    "drivers": lambda: cj.drivers(CHECK, "Research", smallest_cell=2),
    "lifetime_value": lambda: cj.lifetime_value(CHECK, scan=cj.scan(CHECK, replicates=20)),
    "what_if": lambda: cj.what_if(CHECK, {"stage": "Basket", "drop_out": 0.5}, replicates=20),
    "scan": lambda: cj.scan(CHECK, replicates=20),
    "find_journeys": lambda: cj.find_journeys(LOG, method="gap", gap="999d"),  # cuts nothing: still that log
    "reconcile": lambda: CHECK.reconcile({"2026-03": {"orders": 40, "revenue": 4000}}),
    "variants": lambda: cj.variants(TAGGED, by="persona"),
    "difference": lambda: cj.difference(CHECK, "Silver", "Gen Z"),
    "compare": lambda: cj.compare(FOUND, "Silver", "Gen Z", q=0.5, smallest=10),
    "representatives": lambda: cj.variants(TAGGED).representatives(3),
    "partings": lambda: cj.partings(TAGGED),
    "matches": lambda: cj.matches(TAGGED, "basket_filled -> {within 2d} order_placed", by="persona"),
}
"""Every result that `export` takes, on a small shop: add a line for a new one."""


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("book") / "findings.xlsx"
    return cj.export(target, LOG, *(make() for make in RESULTS.values()))


@pytest.fixture(scope="module")
def book(path):
    return openpyxl.load_workbook(path)


def header(sheet) -> int:
    return int("".join(filter(str.isdigit, sheet.auto_filter.ref.split(":")[0])))


def table(sheet) -> pd.DataFrame:
    """Read a sheet's table: the header is the row of the filter."""
    head, *rows = sheet.iter_rows(min_row=header(sheet), values_only=True)
    return pd.DataFrame(rows, columns=head)


# the definitions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RESULTS)
def test_every_column_that_is_exported_is_defined_and_sized(name):
    result = RESULTS[name]()
    assert isinstance(result, Result)
    for table_name in result._all_tables():
        columns = list(result._table(table_name).columns)
        if is_personal(result, table_name, columns):
            continue
        place = f"{type(result).__name__}.{table_name}"
        without = [each.column for each in definitions(type(result), table_name, columns) if not each.meaning]
        assert not without, f"{place}: name {without} with a meaning in the docstring, or in COMMON"
        assert size_column(place, columns) in {None, *columns}
        assert set(units(result._table(table_name), place)) == set(columns)


def test_definitions_in_the_book_cover_every_sheet(book):
    told = table(book["Definitions"])
    said = set(zip(told["sheet"], told["column"], strict=True))
    for sheet in book.worksheets[1:-1]:
        for column in table(sheet).columns:
            assert (sheet.title, column) in said
    assert told["meaning"].notna().all()
    stages = told[told["sheet"] == "check stages"].set_index("column")
    assert stages.loc["mature", "meaning"] == "entered at least horizon and patience before the data ends"
    assert stages.loc["drop_out_share", "unit"] == "%"


# what stands in it ----------------------------------------------------------------------------------------


def test_read_me_says_what_this_is_and_leads_to_every_sheet(book):
    sheet = book["Read me"]
    lines = {row[0]: row[1] for row in sheet.iter_rows(values_only=True) if row[0]}
    assert "2026-08-31 22:00 UTC, when the data end" in lines["Period"]
    assert lines["Size"].startswith(f"{LOG.n_journeys:,} journeys of 400 customers")
    assert "patience 14 d" in lines["Map 1 'Online purchase'"]
    links = [cell.hyperlink.location for cell in sheet["A"] if cell.hyperlink]
    assert links == [f"'{name}'!A1" for name in book.sheetnames[1:]]


def test_numbers_are_those_of_the_result(book):
    told = table(book["check stages"])
    everyone = told[told["by"] == "all"].reset_index(drop=True)
    expected = CHECK.overall.stages
    expected = expected[expected["entered"] >= 10].reset_index(drop=True)
    for column in ("stage", "entered", "converted", "dropped"):
        assert everyone[column].tolist() == expected[column].tolist()
    np.testing.assert_allclose(everyone["drop_out_share"].astype(float), expected["drop_out_share"])


def test_shares_are_percentages_and_times_are_moments(book):
    sheet = book["check stages"]
    at = header(sheet)
    head = {cell.value: cell.column for cell in sheet[at]}
    assert sheet.cell(at + 1, head["drop_out_share"]).number_format == "0.0%"
    assert sheet.cell(at + 1, head["lower"]).number_format == "0.0%"
    assert sheet.cell(at + 1, head["median_s"]).number_format == "#,##0.0"
    assert sheet.cell(at - 1, head["median_s"]).value == "seconds"
    assert isinstance(table(book["discover overview"])["start"].iloc[0], dt.datetime)
    told = units(CHECK.standouts, "Conformance.standouts")
    assert told["lower"].name == ""  # limits of a ratio are no percentages
    told = units(CHECK.expectations, "Conformance.expectations")
    assert (told["lower"].name, told["difference_upper"].name, told["measured"].name) == ("%", "%", "")


def test_an_excess_is_of_journeys_and_so_are_its_limits():
    names = ["excess", "lower", "upper", "share", "excess_customers_turn", "excess_companys_turn"]
    told = units(pd.DataFrame({name: [11.5] for name in names}), "DropOutScan.findings")
    assert [told[name].name for name in names] == ["", "", "", "%", "", ""]
    assert told["excess_customers_turn"] == told["excess_companys_turn"]


def test_every_table_has_filters_and_a_header_that_stays_in_sight(book):
    for sheet in book.worksheets[1:]:
        first = header(sheet)
        assert int("".join(filter(str.isdigit, sheet.freeze_panes))) == first + 1
        for column in sheet.columns:
            letter = column[0].column_letter
            assert 9 <= sheet.column_dimensions[letter].width <= (60 if sheet.max_column > 4 else 100)
        assert first == 4
        assert sheet.cell(first, 1).font.bold


def test_the_map_the_settings_and_the_ledger(tmp_path, sample_shop):
    till = cj.sources.Table(
        pd.DataFrame(
            {
                "who": ["anneliese", "anneliese", "bartholomew", "eve@example.com"],
                "when": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 09:00", "never"],
                "what": ["viewed", "ordered", "viewed", "viewed"],
                "paid": ["", "5", "my number is 0170 1234567", ""],
            }
        ),
        name="shop", customer="who", timestamp="when", touchpoint="what", measures={"value": "paid"},
    )  # fmt: skip
    intended = parse_map(
        "{map: M, goal: [ordered], patience: 2d, stages: [{stage: A, touchpoints: [{touchpoint: viewed}]}, "
        "{stage: B, touchpoints: [{touchpoint: ordered}]}]}"
    )
    log = cj.ingest(till).split(intended)
    book = openpyxl.load_workbook(
        cj.export(tmp_path / "a.xlsx", log, cj.check(log, intended), smallest_group=1)
    )
    ledger = table(book["log ledger"])
    assert ledger["count"].sum() == log.ledger["count"].sum()
    assert table(book["log quarantine"]).to_numpy().tolist() == [
        ["shop", log.quarantine["file"].iloc[0], log.quarantine["reason"].iloc[0], 1]
    ]
    assert table(book["map"])["touchpoint"].tolist() == ["viewed", "ordered"]
    settings = table(book["Settings"]).set_index(["of", "setting"])["value"]
    assert settings["map 'M'", "patience"] == "2 d"
    assert settings["versions", "cjmining"] == cj.__version__
    everything = " ".join(
        str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row
    )
    for personal in ("eve@example.com", "0170", "bartholomew", "anneliese"):
        assert personal not in everything


# what never does ------------------------------------------------------------------------------------------


def test_no_row_is_a_person_and_none_is_about_few(book):
    for sheet in book.worksheets[1:]:
        told = table(sheet)
        assert {"customer", "journey", "event", "content", "email"}.isdisjoint(told.columns)
        if sheet.title.startswith(("check", "discover", "lifetime")):
            for column in ("journeys", "customers", "entered"):
                if column in told.columns and sheet.title != "check fitness":
                    numbers = told[column].dropna().astype(float)
                    if column == size_column(_place(sheet), list(told.columns)):
                        assert not ((numbers > 0) & (numbers < 10)).any(), sheet.title
    text = " ".join(str(row[1]) for row in book["Read me"].iter_rows(values_only=True))
    assert "check journeys: its rows are single customers or journeys." in text


def _with_one_busy_customer(log: cj.JourneyLog) -> cj.JourneyLog:
    """Give one customer a dozen journeys of the same kind, with a touchpoint that nobody else has."""
    events = log.events.drop(columns=["journey", "event_id"])
    way = ["ad_clicked", "secret", "product_viewed", "basket_filled", "secret", "order_placed"]
    day = [pd.Timestamp("2026-08-20", tz="UTC") - pd.Timedelta(days=20 * number) for number in range(12)]
    own = pd.DataFrame(
        {
            "customer": 3,
            "timestamp": [begin + pd.Timedelta(hours=hour) for begin in day for hour in range(len(way))],
            "touchpoint": way * len(day),
            "native": way * len(day),
            "channel": "web",
            "source": "web",
            "actor": "customer",
            "device": "mobile",
        }
    )
    table = pd.concat([events[events["customer"] != 3], own], ignore_index=True)
    table["sequence"] = np.arange(len(table))
    kept = [*own.columns, "sequence", "value", "currency", "wait_s", "satisfaction"]
    return cj.JourneyLog.from_events(table[kept], customers=log.customers, data_end=log.data_end)


def test_journeys_of_one_customer_are_in_no_table(tmp_path, monkeypatch):
    log = _with_one_busy_customer(SHOP.log).split(MAP).with_personas(MAP)
    check = cj.check(log, MAP, by="persona")
    tagged = log.tag(outcome=check.journeys["outcome"])
    values = {"LOG": log, "CHECK": check, "TAGGED": tagged, "FOUND": cj.discover(log, by="persona")}
    for name, value in values.items():
        monkeypatch.setitem(globals(), name, value)
    assert (values["FOUND"].transitions.query("to_touchpoint == 'secret'")["journeys"] == 12).any()
    results = {name: make() for name, make in RESULTS.items() if name != "settle_patience"}
    wide = {"whole": cj.discover(log), "pattern": cj.matches(tagged, "ad_clicked -> basket_filled")}
    for given in ((log, *results.values(), *wide.values()), tuple(wide.values()), (results["markov"],)):
        book = openpyxl.load_workbook(cj.export(tmp_path / "a.xlsx", *given))
        assert not _saying(book, "secret"), given
    everything = openpyxl.load_workbook(cj.export(tmp_path / "b.xlsx", *wide.values(), smallest_group=1))
    assert _saying(everything, "secret")  # so it was looked for where it would be


def _saying(book, word: str) -> set[str]:
    return {
        sheet.title
        for sheet in book
        for row in sheet.iter_rows(values_only=True)
        for cell in row
        if word in str(cell)
    }


def test_customers_are_counted_even_where_every_touchpoint_is_common(tmp_path):
    # Everybody has both a and b; one customer goes from b to a, twenty times.
    whose = [*range(20), *[20] * 20]
    way = [["a", "b"]] * 20 + [["b", "a"]] * 20
    events = pd.DataFrame(
        {
            "customer": np.repeat(whose, 2),
            "timestamp": pd.Timestamp("2026-03-01", tz="UTC") + pd.to_timedelta(np.arange(80), unit="h"),
            "touchpoint": [step for one in way for step in one],
            "native_journey": np.repeat(np.arange(40), 2).astype(str),
        }
    )
    log = cj.JourneyLog.from_events(events)
    found, chains = cj.discover(log), cj.markov(log)
    assert found.transitions.set_index("from_touchpoint").loc["b", ["journeys", "customers"]].tolist() == [
        20,
        1,
    ]
    book = openpyxl.load_workbook(cj.export(tmp_path / "a.xlsx", log, found, chains))
    for name in ("discover transitions", "discover follows", "discover first_and_again"):
        assert table(book[name])[["from_touchpoint", "to_touchpoint"]].to_numpy().tolist() == [["a", "b"]]
    assert table(book["discover variants"])["variant"].tolist() == ["a > b"]
    assert table(book["discover ends"])["touchpoint"].tolist() == ["a", "b"]
    chained = table(book["markov chains transitions"])
    assert {("(start)", "b"), ("b", "a")}.isdisjoint(
        zip(chained["from"], chained["to_touchpoint"], strict=True)
    )


def test_tables_made_on_demand_are_sheets_unless_small_groups_are_merged(tmp_path):
    book = openpyxl.load_workbook(cj.export(tmp_path / "a.xlsx", LOG, cj.discover(LOG)))
    further = {f"discover {name}" for name in ("follows", "rework", "first_and_again", "together")}
    assert further <= set(book.sheetnames)
    least = int(FOUND.overview["customers"].min()) + 1
    book = openpyxl.load_workbook(cj.export(tmp_path / "a.xlsx", CHECK, FOUND, smallest_group=least))
    assert further.isdisjoint(book.sheetnames)
    assert "discover follows: small groups are merged." in read_me_of(book)


def _place(sheet) -> str:
    name, kind = sheet.cell(1, 1).value.rstrip(")").split(" (")
    return f"{kind}.{name.lower().replace(' ', '_')}"


def test_small_groups_are_merged_as_on_the_page(tmp_path):
    sizes = CHECK.outcomes.set_index("by")["customers"]
    least = int(sizes.min()) + 1
    value = cj.lifetime_value(CHECK)
    book = openpyxl.load_workbook(cj.export(tmp_path / "a.xlsx", CHECK, FOUND, value, smallest_group=least))
    for name in ("check outcomes", "discover overview", "lifetime value groups"):
        assert sizes.idxmin() not in set(table(book[name])["by"])
    outcomes = table(book["check outcomes"]).set_index("by")["journeys"]
    assert "smaller groups" in outcomes
    assert outcomes.drop("all").sum() == outcomes["all"] == LOG.n_journeys


def test_small_groups_of_a_result_by_itself_are_left_out(tmp_path):
    sizes = FOUND.overview.set_index("by")["customers"]
    least = int(sizes.min()) + 1
    book = openpyxl.load_workbook(cj.export(tmp_path / "a.xlsx", FOUND, smallest_group=least))
    for sheet in book.worksheets[1:6]:
        assert sizes.idxmin() not in set(table(sheet)["by"])


def test_rows_beyond_the_most_are_said_to_be_missing(tmp_path):
    book = openpyxl.load_workbook(cj.export(tmp_path / "a.xlsx", FOUND, smallest_group=1, most_rows=5))
    sheet = book["discover variants"]
    told = table(sheet)
    assert len(told) == 5
    assert (
        sheet.cell(2, 1).value
        == f"{len(FOUND.variants) - 5:,} further rows with the lowest customers not shown."
    )
    assert sorted(told["journeys"]) == sorted(FOUND.variants["journeys"].nlargest(5))


def test_texts_that_look_like_formulas_stay_texts(tmp_path):
    events = pd.DataFrame(
        {
            "customer": np.arange(40) // 2,
            "timestamp": pd.Timestamp("2026-03-01", tz="UTC") + pd.to_timedelta(np.arange(40), unit="h"),
            "touchpoint": ["=HYPERLINK(1)", "+ordered\x01"] * 20,
        }
    )
    log = cj.JourneyLog.from_events(events)
    book = openpyxl.load_workbook(cj.export(tmp_path / "a.xlsx", log, cj.discover(log)))
    sheet = book["discover touchpoints"]
    cells = [cell for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert {cell.data_type for cell in cells} == {"s"}
    tricky = [cell for cell in cells if cell.value.startswith(("=", "+"))]
    assert {cell.value for cell in tricky} == {"=HYPERLINK(1)", "+ordered\ufffd"}
    assert all(cell.quotePrefix for cell in tricky)


def test_the_same_results_give_the_same_bytes(tmp_path):
    one = cj.export(tmp_path / "one.xlsx", LOG, CHECK)
    other = cj.export(tmp_path / "other.xlsx", LOG, cj.check(LOG, MAP, by="persona"))
    assert one.read_bytes() == other.read_bytes()
    with zipfile.ZipFile(one) as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"2026-08-31T22:00:00Z</dcterms:modified>" in parts.read("docProps/core.xml")


def read_me_of(book) -> list[str]:
    return [str(cell) for row in book["Read me"].iter_rows(values_only=True) for cell in row if cell]


def test_read_me_tells_nothing_of_few_either(tmp_path):
    who = cj.audience(CHECK, stage="Checkout")
    book = openpyxl.load_workbook(cj.export(tmp_path / "a.xlsx", LOG, who, smallest_group=10**6))
    told = read_me_of(book)
    assert "Not told here: it would say something of few customers." in told
    assert not any(who.about in line for line in told)


def test_notes_say_what_they_are_of(book):
    lines = [row[:2] for row in book["Read me"].iter_rows(values_only=True)]
    notes = RESULTS["drivers"]().notes
    assert ("drivers, Research", notes[0]) in lines


def test_results_of_a_kind_say_by_what_they_are(tmp_path):
    whole = cj.incidence(CHECK.overall)
    book = openpyxl.load_workbook(cj.export(tmp_path / "a.xlsx", LOG, cj.incidence(CHECK), whole))
    assert book["incidence 1 hazard"].cell(2, 1).value.startswith("By persona.")
    assert book["incidence 2 hazard"].cell(2, 1).value.startswith("Of all journeys together.")


def test_a_rate_a_day_is_no_percentage():
    table = pd.DataFrame({"days": [2.0], "per_day": [1.5]})
    assert units(table, "Incidence.hazard")["per_day"].name == "a day"


# what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "options", "words"),
    [
        ("a.csv", (CHECK,), {}, "ends in .xlsx"),
        ("absent/a.xlsx", (CHECK,), {}, "does not exist"),
        ("a.xlsx", (), {}, "nothing to write"),
        ("a.xlsx", (CHECK.stages,), {}, "not DataFrame"),
        ("a.xlsx", (CHECK.explain(0),), {}, "Story is about single customers"),
        ("a.xlsx", (LOG, SHOP.log), {}, "one log, not of several"),
        ("a.xlsx", (SHOP.log, CHECK), {}, "Conformance was made from another log"),
        ("a.xlsx", (CHECK,), {"smallest_group": 0}, "smallest_group is a whole number of at least 1"),
        ("a.xlsx", (CHECK,), {"most_rows": 0}, "most_rows is a whole number"),
    ],
)
def test_what_cannot_be_exported_is_told(tmp_path, name, given, options, words):
    with pytest.raises(cj.LogError, match=words):
        cj.export(tmp_path / name, *given, **options)


OTHER_LOG = cj.simulate.shop(701, seed=6).log.split(MAP).with_personas(MAP)


@pytest.mark.parametrize("name", sorted(RESULTS.keys() - {"coverage", "audience", "settle_patience"}))
def test_a_result_of_another_log_is_refused(tmp_path, name):
    with pytest.raises(cj.LogError, match=f"was made from another log, of {LOG.n_journeys:,} journeys"):
        cj.export(tmp_path / "a.xlsx", OTHER_LOG, RESULTS[name]())
    assert not list(tmp_path.iterdir())


def test_results_of_two_logs_are_refused_without_a_log_too(tmp_path):
    other = cj.incidence(cj.check(OTHER_LOG, MAP))
    with pytest.raises(cj.LogError, match="Incidence was made from another log"):
        cj.export(tmp_path / "a.xlsx", RESULTS["drivers"](), other)


def test_results_of_two_logs_by_the_same_verb_are_refused_without_a_log_too(tmp_path):
    with pytest.raises(cj.LogError, match=r"MarkovChains was made from another log, .*from one log"):
        cj.export(tmp_path / "a.xlsx", cj.discover(LOG), cj.markov(OTHER_LOG))


def test_a_result_of_several_logs_stands_beside_each_but_not_between_them(tmp_path):
    one, other = cj.markov(LOG), cj.markov(OTHER_LOG)
    both = cj.discover(LOG)._made_of(LOG, OTHER_LOG)
    assert cj.export(tmp_path / "a.xlsx", one, both).exists()
    assert cj.export(tmp_path / "a.xlsx", both, other).exists()
    with pytest.raises(cj.LogError, match="another log"):
        cj.export(tmp_path / "a.xlsx", both, one, other)


def test_without_openpyxl_the_extra_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(cj.LogError, match=r"pip install 'cjmining\[excel\]'"):
        cj.export(tmp_path / "a.xlsx", CHECK)
    assert not list(tmp_path.iterdir())


def test_several_results_of_a_kind_are_told_apart(tmp_path):
    both = cj.export(tmp_path / "a.xlsx", cj.check(LOG, MAP), CHECK, cj.check(LOG, MAP, by="device"))
    names = openpyxl.load_workbook(both).sheetnames
    assert {"check 1 stages", "check 2 stages", "check 3 stages", "map", "map text"} <= set(names)
    assert all(len(name) <= 31 for name in names)


def test_cells_hold_what_a_spreadsheet_can():
    assert cell_value(np.int64(3)) == 3
    assert cell_value(np.nan) is None
    assert cell_value(pd.NaT) is None
    assert cell_value(-np.inf) == "minus infinite"
    assert cell_value(np.bool_(True)) is True
    berlin = pd.Timestamp("2026-03-01 01:00", tz="Europe/Berlin")
    assert cell_value(berlin) == dt.datetime(2026, 3, 1)  # noqa: DTZ001 -- as a cell has it
    assert len(cell_value("x" * 40_000)) == 32_767
