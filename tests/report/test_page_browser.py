"""The page in a browser, used as a person would: switched, filtered, followed, saved, printed, on a phone."""

from __future__ import annotations

import csv
import io
import json
import shutil
import struct
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.report.facts.gather import tables_of

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NOW = datetime(2026, 9, 2, tzinfo=UTC)
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def written(sample_shop, tmp_path_factory) -> Path:
    """A page about a simulated shop, with its facts beside it."""
    folder = tmp_path_factory.mktemp("page")
    intended = cj.read_map(sample_shop / "intended.yaml")
    log = cj.simulate.shop(600).log.split(intended).with_personas(intended)
    found = cj.discover(log, by="persona", ignore=intended.ignore)
    check = cj.check(log, intended, by="persona")
    return cj.report(log, found, check, path=folder / "report.html", facts=folder / "facts.json", now=NOW)


@pytest.fixture(scope="module")
def facts(written) -> dict:
    return json.loads((written.parent / "facts.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Open a page in a tab of its own; till the test ends it must load and complain of nothing."""
    tabs, said, asked = [], [], []

    def opened(address: Path, hash_: str = "", **options):
        tab = browser.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce"} | options).new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda problem: said.append(str(problem)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(address.as_uri() + hash_)
        tabs.append((tab, address))
        return tab

    yield opened
    for tab, _ in tabs:
        tab.context.close()
    assert said == []
    inside = tuple(address.as_uri() for _, address in tabs)
    assert [url for url in asked if not url.startswith((*inside, "blob:"))] == []


@pytest.fixture
def opened(visit, written):
    return visit(written)


def active(tab) -> str:
    return tab.evaluate("document.activeElement.id")


def column(tab, table: str, place: int) -> list[str]:
    return tab.locator(f"#{table} tbody tr:visible > :nth-child({place})").all_inner_texts()


def test_the_page_is_small_enough_to_be_sent(written):
    assert written.stat().st_size < 1_000_000


# Switches and addresses -------------------------------------------------------------------------------------


def test_the_first_tab_reaches_the_link_that_skips_to_the_findings(opened):
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.className") == "skip"
    assert opened.locator(".skip").bounding_box()["x"] >= 0
    opened.keyboard.press("Enter")
    assert active(opened) == "findings-head"


def test_the_persona_is_switched_by_keyboard_and_findings_about_others_step_back(opened):
    for _ in range(3):
        opened.keyboard.press("Tab")
        if active(opened) == "persona":
            break
    opened.keyboard.press("ArrowDown")

    chosen = opened.locator("#persona option:checked").get_attribute("value")
    assert [opened.locator(f"#group-{n}").is_visible() for n in range(3)] == [False, True, False]
    assert opened.locator("#group-1").get_attribute("data-group") == chosen
    assert opened.evaluate("location.hash") == f"#persona={chosen}"
    aside = opened.locator(".findings .aside")
    assert aside.count() > 0
    assert chosen not in {aside.nth(n).get_attribute("data-group") for n in range(aside.count())}


def test_the_stage_hides_rows_and_findings_about_others_and_says_how_many_are_left(opened):
    opened.select_option("#stage", "checkout")
    rows = opened.locator("#stages-0 tbody tr")
    assert column(opened, "stages-0", 1) == ["Checkout"]
    told = opened.locator(".table:has(#stages-0) output")
    assert told.inner_text() == f"1 of {rows.count()} rows"
    stages = {
        each.get_attribute("data-stage") for each in opened.locator("#findings li[data-kind]:visible").all()
    }
    assert stages == {"checkout", None}
    assert opened.locator("[data-mark][data-stage=Checkout].aside").count() == 0
    assert opened.locator("[data-mark][data-stage=Research].aside").count() > 0

    opened.click("[type=reset]")
    assert len(column(opened, "stages-0", 1)) == rows.count()
    assert told.inner_text() == ""


def test_what_is_chosen_stands_in_the_address_and_back_goes_back(opened, visit, written):
    opened.select_option("#persona", "gen-z")
    opened.select_option("#stage", "checkout")
    opened.click("nav a[href='#compared']")
    address = opened.evaluate("location.hash")
    assert address == "#persona=gen-z&stage=checkout&to=compared"

    fresh = visit(written, address)
    assert fresh.input_value("#persona") == "gen-z"
    assert fresh.input_value("#stage") == "checkout"
    assert fresh.locator("#compared").bounding_box()["y"] < 200

    for persona, stage in (("gen-z", "checkout"), ("gen-z", ""), ("", "")):
        opened.go_back()
        assert (opened.input_value("#persona"), opened.input_value("#stage")) == (persona, stage)
    opened.go_forward()
    assert opened.locator("#persona option:checked").inner_text() == "Gen Z"


def test_an_address_of_a_place_opens_whatever_hides_it(visit, written):
    tab = visit(written, "#transitions-2")
    assert tab.locator("#transitions-2").is_visible()
    assert tab.locator("#group-2 details").first.get_attribute("open") is not None
    assert tab.input_value("#persona") == tab.locator("#group-2").get_attribute("data-group")


def test_an_address_that_means_nothing_shows_everything(visit, written):
    tab = visit(written, "#persona=nobody&stage=%E0%A4%A&to=nowhere")
    assert tab.locator("#group-0").is_visible()
    assert tab.input_value("#stage") == ""


def test_the_same_table_of_another_persona_takes_the_place_of_the_one_being_read(opened):
    opened.locator("#dropouts-0").evaluate("each => each.scrollIntoView()")
    where = opened.locator("#dropouts-0").bounding_box()["y"]
    opened.select_option("#persona", "gen-z")
    number = opened.locator(".panel:visible").get_attribute("id").split("-")[1]
    there = opened.locator(f"#dropouts-{number}").bounding_box()["y"]
    assert abs(there - where) < 150


def test_the_journey_map_of_the_chosen_persona_stands_at_the_top(opened):
    assert opened.locator("#map > figure").get_attribute("id") == "figure-map-0"
    assert opened.locator("#map").bounding_box()["y"] < DESKTOP["height"]
    for persona in ("gen-z", "families", ""):
        opened.select_option("#persona", persona)
        shown = opened.locator(".panel:visible").get_attribute("id").split("-")[1]
        assert opened.locator("#map > figure").get_attribute("id") == f"figure-map-{shown}"
    assert opened.locator("figure[id^=figure-map]").count() == opened.locator(".panel").count()


def test_the_numbers_under_the_title_are_those_of_the_chosen_persona(opened, facts):
    for group in (facts["groups"][1], facts["groups"][2], facts["groups"][0]):
        opened.select_option("#persona", "" if group is facts["groups"][0] else group["slug"])
        told = opened.locator("header .ends")
        assert told.count() == 1
        assert told.inner_text().startswith(f"{group['name']}:")
        shown = [int(each.get_attribute("data-value")) for each in told.locator("dd").all()]
        assert shown == [card["value"] for card in group["outcomes"]["cards"]]
    assert opened.locator(".ends").count() == len(facts["groups"])


def test_who_is_shown_is_said_in_sentences(opened):
    assert opened.locator("#chosen").inner_text() == ""
    opened.select_option("#persona", "gen-z")
    shown, aside = (
        opened.locator(f"#findings .findings > [data-kind]{which}").count()
        for which in (":not(.aside)", ".aside")
    )
    assert opened.locator("#chosen").inner_text() == (
        f"Shown: {shown} findings about Gen Z or everyone. In grey: {aside} findings about others."
    )


# Findings ---------------------------------------------------------------------------------------------------


def test_a_finding_leads_to_the_row_that_it_rests_on(opened, facts):
    told = [finding for chapter in facts["findings"] for finding in chapter["findings"]]
    finding = next(f for f in told if f["kind"] == "largest drop-out" and f["group"] == "Gen Z")
    assert finding["evidence"]
    opened.locator(".each summary").first.click()
    opened.locator(f"[id='{finding['id']}'] .evidence").first.click()

    row = opened.locator("tr.flash")
    assert row.is_visible()
    assert row.locator("th").inner_text() == finding["stage"]
    assert opened.input_value("#persona") == "gen-z"
    assert row.evaluate("each => each.closest('table').id") == finding["evidence"][0]["anchor"]
    assert 0 < row.bounding_box()["y"] < DESKTOP["height"]


def test_every_finding_says_what_would_prove_it_wrong_and_where_it_rests(opened):
    findings = opened.locator("li[data-kind]")
    assert findings.count() > 10
    targets = opened.evaluate(
        "[...document.querySelectorAll('.evidence')].map(a => Boolean(document.querySelector("
        '`[id="${a.hash.slice(1)}"]`)))'
    )
    assert len(targets) >= findings.count()
    assert all(targets)
    wrong = opened.locator("li[data-kind] details p")
    assert wrong.count() == findings.count()
    first = opened.locator("li[data-kind] details").first
    assert not first.locator("p").is_visible()
    first.locator("summary").press("Enter")
    assert first.locator("p").is_visible()


def test_a_finding_has_an_address_of_its_own(opened, visit, written):
    opened.locator(".each summary").first.click()
    finding = opened.locator("li[data-kind='largest drop-out'][data-group]").first
    finding.locator(".here").click()
    address = opened.evaluate("location.hash")
    fresh = visit(written, address)
    assert fresh.locator(".flash").get_attribute("id") == finding.get_attribute("id")


# Tables -----------------------------------------------------------------------------------------------------


def test_a_table_is_sorted_by_value_and_the_third_time_as_it_came(opened):
    head = opened.locator("#stages-0 thead th").nth(1)
    came = column(opened, "stages-0", 1)

    def entered() -> list[int]:
        return [int(text.replace(",", "")) for text in column(opened, "stages-0", 2) if text[0].isdigit()]

    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert entered() == sorted(entered())
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert entered() == sorted(entered(), reverse=True)
    assert "descending" in opened.locator("#said").inner_text()
    head.locator("button").click()
    assert head.get_attribute("aria-sort") is None
    assert column(opened, "stages-0", 1) == came


def test_a_share_with_limits_is_sorted_by_the_share_and_the_total_stays_last(opened):
    opened.locator("#dropouts-0 thead button", has_text="Share of drop-outs").click()
    shares = [float(text.split()[0].lstrip("<")) for text in column(opened, "dropouts-0", 5)]
    assert all(one <= other for one, other in pairwise(shares))
    assert opened.locator("#dropouts-0 tr").last.locator("th").inner_text() == "All"


def test_a_long_table_is_filtered_and_says_how_many_rows_are_left(opened):
    table = opened.locator(".table:has(#standouts)")
    every = table.locator("tbody tr").count()
    table.locator("input[type=search]").fill("gen z")
    assert set(column(opened, "standouts", 1)) == {"Gen Z"}
    left = table.locator("tbody tr:visible").count()
    assert 0 < left < every
    assert table.locator("output").inner_text() == f"{left} of {every} rows"
    table.locator("input[type=search]").fill("no such thing")
    assert table.locator("output").inner_text() == f"0 of {every} rows"


def test_a_saved_table_holds_the_numbers_of_the_facts(opened, facts):
    for name in ("stages-0", "outcomes", "promises-0", "sources"):
        with opened.expect_download() as waiting:
            opened.locator(f".table:has(#{name}) button", has_text="Save CSV").click()
        assert waiting.value.suggested_filename == f"{name}.csv"
        content = Path(waiting.value.path()).read_bytes()
        assert content.startswith(b"\xef\xbb\xbf")  # so that Excel reads it as UTF-8
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        agrees(rows, next(table for table in tables_of(facts) if table["id"] == name))


def agrees(rows: list[dict[str, str]], table: dict) -> None:
    assert len(rows) == len(table["rows"]) + bool(table["total"])
    for row, given in zip(rows, table["rows"], strict=False):
        for head, cell in zip(table["columns"], given["cells"], strict=True):
            saved = row[head["label"]]
            if "value" in cell and not isinstance(cell["value"], str):
                assert float(saved) == pytest.approx(cell["value"], rel=1e-6)
            elif cell["text"]:
                assert saved.lstrip("'").split() == cell["text"].split()


def test_a_table_is_copied_as_it_is_shown(visit, written):
    tab = visit(written, "#stage=checkout", permissions=["clipboard-read", "clipboard-write"])
    tab.locator(".table:has(#stages-0) button", has_text="Copy").click()
    tab.wait_for_function("document.getElementById('said').textContent === 'Copied 1 rows'")
    lines = tab.evaluate("navigator.clipboard.readText()").split("\n")
    assert [line.split("\t")[0] for line in lines] == ["Stage", "Checkout"]
    shown = tab.locator("#stages-0 tbody tr:visible > *").all_inner_texts()
    assert [" ".join(text.split()) for text in shown] == lines[1].split("\t")


# Figures and pictures ---------------------------------------------------------------------------------------


def test_arrow_keys_read_the_marks_of_a_figure_and_escape_closes_the_note(opened):
    figure = opened.locator("#figure-flow-0 .drawing")
    assert figure.locator("[data-mark]:has(> title)").count() > 5
    figure.focus()
    opened.keyboard.press("ArrowRight")
    first = opened.locator(".tip").inner_text()
    assert first
    assert " ".join(opened.locator("#said").text_content().split()) == " ".join(first.split())
    opened.keyboard.press("ArrowRight")
    assert opened.locator(".tip").inner_text() != first
    opened.keyboard.press("ArrowLeft")
    assert opened.locator(".tip").inner_text() == first
    opened.keyboard.press("Escape")
    assert not opened.locator(".tip").is_visible()
    stops = figure.evaluate("each => each.querySelectorAll('a, button, input, [tabindex]').length")
    assert stops == 0  # the figure itself is the one


def test_a_mark_tells_what_it_is_under_the_pointer(opened):
    mark = opened.locator("#figure-flow-0 [data-mark]:has(> title)").first
    tip = mark.locator("title").first.text_content()
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    assert opened.locator(".tip").text_content() == tip


def test_every_figure_has_a_name_and_says_what_it_shows(opened):
    for drawing in opened.locator(".drawing").all():
        assert drawing.get_attribute("aria-label")
        svg = drawing.locator("svg").first
        assert svg.get_attribute("role") == "img"
        assert len(svg.get_attribute("aria-label")) > 20


def test_the_picture_of_a_finding_is_shown_and_saved_in_the_size_of_slides(opened):
    button = opened.locator("li[data-kind] button", has_text="Slide").first
    button.click()
    dialog = opened.locator("dialog[open]")
    box = dialog.locator("svg").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(16 / 9, abs=0.02)
    saved = {}
    for kind in ("PNG", "SVG"):
        with opened.expect_download() as waiting:
            dialog.locator("button", has_text=kind).click()
        assert waiting.value.suggested_filename.endswith(f".{kind.lower()}")
        saved[kind] = Path(waiting.value.path()).read_bytes()
    width, height = struct.unpack(">II", saved["PNG"][16:24])
    assert (width % 1280, height % 720, width / 1280) == (0, 0, height / 720)
    assert len(saved["PNG"]) > 20_000  # not an empty sheet
    assert b'xmlns="http://www.w3.org/2000/svg"' in saved["SVG"]
    opened.keyboard.press("Escape")
    assert not opened.locator("dialog").is_visible()
    assert button.evaluate("each => each === document.activeElement")


# On paper, on a phone, without script -----------------------------------------------------------------------


def test_print_shows_what_is_shown_and_no_controls(visit, written):
    tab = visit(written, "#persona=gen-z&stage=checkout", color_scheme="dark")
    folded = tab.locator("details:not([open])").count()
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator(".panel:visible").count() == 1
    assert "Printed: Gen Z, Checkout." in tab.locator("#printed").inner_text()
    assert tab.locator(".findings .aside:visible").count() == 0
    assert tab.locator(".panel .table-stages tbody th:visible").all_inner_texts() == ["Checkout"]
    assert tab.locator(".ways details:not([open])").count() == 0
    assert tab.locator(".strip:visible, .tools:visible, .ways button:visible").count() == 0
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    highest = tab.evaluate(
        "Math.max(...[...document.querySelectorAll('.drawing svg')]"
        ".map(each => each.getBoundingClientRect().height))"
    )
    assert highest <= 226 * 96 / 25.4  # of the 269 mm between the margins of A4
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.locator("details:not([open])").count() == folded
    pdf = tab.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF-")
    assert len(pdf) < 3_000_000


def test_the_page_itself_never_scrolls_sideways(opened):
    opened.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    for width in (1280, 800, 390, 320):
        opened.set_viewport_size({"width": width, "height": 900})
        assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_phone_titles_are_whole_and_a_wide_figure_says_that_it_scrolls(visit, written):
    tab = visit(written, viewport=PHONE)
    titles = tab.locator("caption span:visible")
    assert titles.count() > 3
    for box in (title.bounding_box() for title in titles.all()):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
    figure = tab.locator("#figure-map-0")
    assert "sideways" in figure.locator(".hint").inner_text()
    tiles, strip = tab.locator("header .outcomes").bounding_box(), tab.locator("#switch").bounding_box()
    assert tiles["y"] + tiles["height"] + 12 <= strip["y"]
    assert figure.locator(".drawing").evaluate("each => each.scrollWidth > each.clientWidth")
    assert tab.locator("#deviations-0 tbody th").first.bounding_box()["width"] > 100
    assert not tab.locator("#promises-0 tbody td:nth-child(3)").first.is_visible()
    strip = tab.locator("#switch").bounding_box()
    assert strip["height"] < 80


def test_without_script_everything_is_there(visit, written):
    tab = visit(written, java_script_enabled=False)
    assert tab.locator(".panel:visible").count() == tab.locator(".panel").count() > 1
    assert tab.locator("#switch:visible, .tools:visible, #findings button:visible").count() == 0
    assert tab.locator("table:visible").count() > 50


def test_the_page_runs_no_script_and_no_style_but_its_own(browser, written):
    tab = browser.new_page()
    tab.goto(written.as_uri())
    blocked = tab.evaluate(
        """async () => {
          const said = [];
          document.addEventListener("securitypolicyviolation", event => said.push(event.effectiveDirective));
          const add = (tag, given) => document.body.append(Object.assign(document.createElement(tag), given));
          add("script", { textContent: "window.ran = true" });
          add("style", { textContent: "h1 { display: none }" });
          document.querySelector("h1").setAttribute("style", "display: none");
          await new Promise(done => setTimeout(done, 100));
          return [said.sort(), window.ran ?? false, getComputedStyle(document.querySelector("h1")).display];
        }"""
    )
    assert blocked == [["script-src-elem", "style-src-attr", "style-src-elem"], False, "block"]
    tab.close()


# Names that attack ------------------------------------------------------------------------------------------

SCRIPT = "<script>alert(1)</script>"
FORMULA = "=cmd()"
BACKWARDS = "שלום \N{RIGHT-TO-LEFT OVERRIDE}gnp.exe"
SMILES = "🙂 <b>& 'quoted' \"twice\""
LONG = "x" * 300


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    """A page about stages, touchpoints and groups whose names are meant to do harm."""
    names = [SCRIPT, FORMULA, BACKWARDS, SMILES, LONG]
    stages = [{"stage": name, "touchpoints": [{"touchpoint": name + "!"}]} for name in names]
    said = {"map": SCRIPT, "goal": [names[-1] + "!"], "patience": "14d", "stages": stages}
    intended = parse_map(json.dumps(said, ensure_ascii=False))
    start = pd.Timestamp("2026-01-01", tz="UTC")
    events = [
        (customer, start + pd.Timedelta(hours=customer + step), name + "!")
        for customer in range(100)
        for step, name in enumerate(names[: 1 + customer % 5])
    ]
    customers = pd.DataFrame({"customer": range(100), "segment": [names[n // 20] for n in range(100)]})
    log = cj.JourneyLog.from_events(
        pd.DataFrame(events, columns=["customer", "timestamp", "touchpoint"]),
        customers=customers,
        data_end="2026-06-01",
    ).split(intended)
    page = tmp_path_factory.mktemp("hostile") / "report.html"
    found, check = cj.discover(log), cj.check(log, intended, by="segment")
    return cj.report(log, found, check, path=page, min_group=2, title=SCRIPT, now=NOW)


def test_hostile_names_are_shown_as_text(visit, hostile):
    tab = visit(hostile)
    assert tab.locator("h1").inner_text() == SCRIPT
    offered = set(tab.locator("#persona option").all_inner_texts()[1:])
    assert offered == {f"Segment {name}" for name in (SCRIPT, FORMULA, BACKWARDS, SMILES, LONG)}
    for option in tab.locator("#persona option").all():
        tab.select_option("#persona", option.get_attribute("value"))
        shown = tab.locator(".panel:visible h3").inner_text()
        assert " ".join(option.inner_text().split()) in " ".join(shown.split())
    for option in tab.locator("#stage option").all()[1:]:
        tab.select_option("#stage", option.get_attribute("value"))
        assert tab.locator(".panel:visible .table-stages tbody tr:visible").count() == 1
    for viewport in (DESKTOP, PHONE):
        tab.set_viewport_size(viewport)
        assert tab.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_a_cell_that_a_spreadsheet_would_run_is_saved_as_text(visit, hostile):
    tab = visit(hostile)
    with tab.expect_download() as waiting:
        tab.locator(".table:has(#stages-0) button", has_text="Save CSV").click()
    rows = list(csv.reader(io.StringIO(Path(waiting.value.path()).read_text("utf-8-sig"))))
    assert [row[0] for row in rows[1:]] == [SCRIPT, "'" + FORMULA, BACKWARDS, SMILES, LONG]


# Accessibility ----------------------------------------------------------------------------------------------


THIN = """() => {
  document.querySelectorAll("tbody tr:nth-child(n+4)").forEach(row => row.remove());
  [...document.querySelectorAll(".panel")].slice(2).forEach(panel => panel.remove());
  document.querySelectorAll(".panel").forEach(panel => { panel.hidden = false; });
  document.querySelectorAll("details").forEach(each => { each.open = true; });
}"""
"""Two panels with everything open, three rows a table: one of each kind, for thousands take minutes."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_violation(visit, written, scheme, viewport):
    tab = visit(written, "#persona=gen-z", color_scheme=scheme, viewport=viewport)
    tab.evaluate(THIN)
    assert violations(tab) == []


def test_axe_finds_no_violation_as_the_page_comes_and_with_a_picture_shown(visit, written):
    tab = visit(written)
    tab.evaluate("document.querySelectorAll('tbody tr:nth-child(n+4)').forEach(row => row.remove())")
    assert violations(tab) == []
    tab.locator("li[data-kind] button", has_text="Slide").first.click()
    assert violations(tab, "#slide") == []


def violations(tab, within: str | None = None) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(tab, within, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {[node['target'] for node in each['nodes'][:3]]}" for each in found]
