"""The page in a browser: it loads nothing, complains of nothing, and works by keyboard and on a phone."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

import cjmining as cj
from tests.report.factory import grouped

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

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    results = grouped()
    page = cj.report(
        results.log,
        results.found,
        results.check,
        path=tmp_path_factory.mktemp("page") / "report.html",
        coverage=results.coverage,
        now=datetime(2026, 9, 2, tzinfo=UTC),
    )
    return page.as_uri()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda problem: page.said.append(str(problem)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(address)
    yield page
    page.close()


def test_it_complains_of_nothing_and_loads_nothing(opened, address):
    opened.wait_for_load_state("load")
    assert opened.said == []
    assert opened.asked == [address]


def test_the_first_tab_reaches_the_link_that_skips_to_the_findings(opened):
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.className") == "skip"
    assert opened.locator(".skip").bounding_box()["x"] >= 0
    opened.keyboard.press("Enter")
    assert opened.evaluate("document.activeElement.id") == "findings-head"


def test_the_switch_between_groups_works_by_keyboard(opened):
    for _ in range(40):
        opened.keyboard.press("Tab")
        if opened.evaluate("document.activeElement.id") == "persona":
            break
    assert opened.locator("#group-0").is_visible()
    assert not opened.locator("#group-1").is_visible()

    opened.keyboard.press("ArrowDown")

    assert opened.locator("#group-1").is_visible()
    assert not opened.locator("#group-0").is_visible()
    assert opened.locator("#group-1 h3").first.inner_text().startswith("Gen Z")


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_itself_never_scrolls_sideways(opened, width):
    opened.set_viewport_size({"width": width, "height": 900})
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_phone_the_titles_of_tables_are_whole_and_no_column_is_squeezed(opened):
    opened.set_viewport_size({"width": 420, "height": 900})
    titles = opened.locator("caption span:visible")
    assert titles.count() > 3
    for number in range(titles.count()):
        box = titles.nth(number).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 420
    assert opened.locator("#deviations-0 tbody td:nth-child(3)").first.is_visible()
    assert opened.locator("#deviations-0 tbody th").first.bounding_box()["width"] > 150
    assert opened.locator("#promises-0 tbody td:nth-child(4)").first.is_visible()
    assert not opened.locator("#promises-0 tbody td:nth-child(3)").first.is_visible()


def test_headings_are_there_for_a_screen_reader(opened):
    names = opened.locator("h1, h2").all_inner_texts()
    assert names[:4] == ["Online purchase", "Findings", "How sure are these headlines?", "Journeys"]


def test_pictures_have_names(opened):
    drawings = opened.locator(".panel svg")
    assert drawings.count() >= 3
    for number in range(drawings.count()):
        assert drawings.nth(number).get_attribute("role") == "img"
        assert drawings.nth(number).get_attribute("aria-label")


def test_text_has_enough_contrast_in_light_and_dark(browser, address):
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(address)
        for selector in (
            "h1",
            ".meta",
            ".findings li",
            ".note",
            "caption",
            "thead th",
            "nav a",
            ".strip label",
        ):
            if page.locator(selector).count():
                assert page.evaluate(CONTRAST, selector) >= 4.5, (scheme, selector)
        page.close()


def test_print_shows_every_group(opened):
    opened.emulate_media(media="print")
    assert opened.locator("#group-0").is_visible()
    assert opened.locator("#group-2").is_visible()
    assert not opened.locator(".strip").is_visible()


CONTRAST = """selector => {
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const light = rgb => { const [r, g, b] = rgb.map(c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) /
  1.055) ** 2.4);
                         return .2126 * r + .7152 * g + .0722 * b; };
  const ink = light(numbers(getComputedStyle(document.querySelector(selector)).color));
  const paper = light(numbers(getComputedStyle(document.body).backgroundColor));
  return (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
}"""
