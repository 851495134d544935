"""What notebooks show, in a browser: their styles don't harm it in any theme, and it stays in its cell."""

from __future__ import annotations

import shutil

import pytest

import cjmining as cj
from cjmining.intended import parse_map
from tests.notebook_pages import NOTEBOOKS, SCHEMES, page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

SHOP = cj.simulate.shop(400, seed=4)
MAP = parse_map(SHOP.intended_text)
LOG = SHOP.log.split(MAP).with_personas(MAP)
CHECK = cj.check(LOG, MAP, by="persona")
FOUND = cj.discover(LOG, by="persona")
SHOWN = [
    each._repr_html_() for each in (LOG, MAP, CHECK, FOUND, CHECK.explain(3), cj.plot.journey_map(CHECK))
]

CONTRAST = """
() => {
  const rgba = text => { const m = text.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m[3] ?? 1] }
  const over = (top, below) => [0, 1, 2].map(i => top[3] * top[i] + (1 - top[3]) * below[i])
  const light = c => { const f = c.map(v => { v /= 255;
    return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 });
    return .2126 * f[0] + .7152 * f[1] + .0722 * f[2] }
  const found = []
  for (const el of document.querySelectorAll('.cjm *')) {
    const own = [...el.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())
    if (!own || el.tagName === 'STYLE' || !el.getClientRects().length) continue
    let ground = [255, 255, 255], fade = 1
    const chain = []
    for (let at = el; at; at = at.parentElement) chain.unshift(getComputedStyle(at))
    for (const style of chain) { ground = over(rgba(style.backgroundColor), ground); fade *= style.opacity }
    const ink = rgba(getComputedStyle(el).color); ink[3] *= fade
    const [a, b] = [light(over(ink, ground)), light(ground)].sort((x, y) => y - x)
    found.push([el.textContent.slice(0, 40), (a + .05) / (b + .05)])
  }
  return found
}
"""


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module", params=[(n, s) for n in NOTEBOOKS for s in SCHEMES], ids="-".join)
def seen(browser, request, tmp_path_factory):
    notebook, scheme = request.param
    file = tmp_path_factory.mktemp("notebook") / "page.html"
    file.write_text(page(notebook, scheme, SHOWN), encoding="utf-8")
    with browser.new_context(color_scheme=scheme, viewport={"width": 900, "height": 700}) as context:
        tab = context.new_page()
        tab.requested = []
        tab.on("request", lambda asked: tab.requested.append(asked.url))
        tab.goto(file.as_uri())
        tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        yield tab


def computed(tab, selector, name):
    return tab.eval_on_selector_all(
        selector, f"all => [...new Set(all.map(e => getComputedStyle(e).{name}))]"
    )


def test_every_text_has_enough_contrast(seen):
    found = seen.evaluate(CONTRAST)
    assert len(found) > 500
    assert not [each for each in found if each[1] < 4.5]


def test_numbers_stand_at_the_right_and_texts_at_the_left(seen):
    assert computed(seen, ".cjm td.cjm-n, .cjm th.cjm-n", "textAlign") == ["right"]
    left = computed(seen, ".cjm td:not(.cjm-n), .cjm p, .cjm li", "textAlign")
    assert set(left) <= {"left", "start"}


def test_nothing_of_the_notebooks_styles_reaches_it(seen):
    assert computed(seen, ".cjm tr, .cjm thead", "backgroundColor") == ["rgba(0, 0, 0, 0)"]
    assert computed(seen, ".cjm table", "tableLayout") == ["auto"]
    assert computed(seen, ".cjm table", "marginRight") == ["0px"]
    assert computed(seen, ".cjm ul", "listStyleType") == ["none"]
    assert computed(seen, ".cjm td", "verticalAlign") == ["top"]
    assert len(computed(seen, ".cjm td", "fontSize")) == 1
    assert computed(seen, ".cjm details", "paddingTop") == ["0px"]


def test_it_stays_in_its_cell_and_scrolls_inside(seen):
    widths = seen.eval_on_selector_all(".cell", "all => all.map(e => [e.scrollWidth, e.clientWidth])")
    assert not [each for each in widths if each[0] > each[1]]
    wide = seen.eval_on_selector_all(
        ".cjm-wide", "all => all.map(e => [e.scrollWidth > e.clientWidth, getComputedStyle(e).overflowX])"
    )
    assert [True, "auto"] in wide
    assert seen.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_pictures_shrink_to_their_cell_and_keep_their_shape(seen):
    width, height = seen.eval_on_selector("svg", "svg => [svg.clientWidth, svg.clientHeight]")
    drawn = seen.eval_on_selector("svg", "svg => svg.viewBox.baseVal.width / svg.viewBox.baseVal.height")
    assert width <= seen.eval_on_selector(".cell:has(svg)", "cell => cell.clientWidth")
    assert width / height == pytest.approx(drawn, rel=0.01)


def test_rows_of_tables_take_one_line(seen):
    heights = seen.eval_on_selector_all(
        ".cjm details:not(:has(.cjm-w)) tbody tr", "all => all.map(e => e.getBoundingClientRect().height)"
    )
    assert max(heights) < 30


def test_outputs_do_not_disturb_each_other_or_load_anything(seen):
    assert seen.evaluate("document.querySelectorAll('.cjm [id], .cjm script, .cjm [style]').length") == 0
    assert [url for url in seen.requested if not url.startswith("file:")] == []


def test_folds_open_by_keyboard(browser):
    with browser.new_context() as context:
        tab = context.new_page()
        tab.set_content(CHECK._repr_html_())
        closed = tab.locator("details:not([open]) summary").first
        name = closed.text_content()
        closed.focus()
        tab.keyboard.press("Enter")
        opened = tab.locator("details[open] summary").all_text_contents()
        assert name in opened


def test_without_styles_the_text_reads_as_it_should(browser):
    """GitHub takes styles and classes out, and keeps the rest."""
    with browser.new_context() as context:
        tab = context.new_page()
        tab.set_content(CHECK._repr_html_())
        tab.evaluate(
            "document.querySelectorAll('style').forEach(e => e.remove());"
            "document.querySelectorAll('[class]').forEach(e => e.removeAttribute('class'))"
        )
        text = tab.inner_text("body")
    lines = [line for line in text.splitlines() if line]
    assert lines[0].startswith("Conformance to 'Online purchase', by persona: ")
    table = next(at for at, line in enumerate(lines) if line.startswith(".stages "))
    assert lines[table + 1].split("\t")[:3] == ["by", "stage", "entered"]
    row = CHECK.stages.iloc[0]
    assert lines[table + 2].split("\t")[:3] == [row["by"], row["stage"], f"{row['entered']:,}"]
