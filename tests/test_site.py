"""The documentation site: every public name has its place, what pages show runs, links lead somewhere."""

from __future__ import annotations

import doctest
import inspect
import posixpath
import re

import matplotlib as mpl
import pandas as pd
import pytest

import cjmining as cj
from docs.assemble.links import linked, site_place
from docs.assemble.names import MODULES, PARTS, documented, module_of, public_names, thing
from docs.assemble.site import ROOT, made_pages, page_places

DOCS = ROOT / "docs"
HOW_TO = sorted(path.name for path in (DOCS / "how-to").glob("*.md") if path.name != "index.md")
PLACES = page_places()
PAGES = sorted(origin for origin in PLACES if origin.endswith(".md"))
FENCED = re.compile(r"^ {0,3}(`{3,}|~{3,}|:{3,})[^\n]*\n.*?^ {0,3}\1 *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.fixture(autouse=True)
def as_a_reader_sees_it(monkeypatch):
    """Tables as wide as the pages show them, pictures without a screen."""
    monkeypatch.chdir(ROOT)
    with pd.option_context("display.width", 130, "display.max_columns", 20), mpl.rc_context():
        mpl.use("agg")
        yield


# The reference


def test_every_public_name_has_a_place_in_the_reference():
    missing = sorted(set(public_names()) - documented())
    assert not missing, f"give them a place in docs/assemble/names.py: {missing}"


def test_the_reference_has_no_name_twice_and_none_that_is_gone():
    names = [name for part in PARTS for name in part.names]
    assert len(names) == len(set(names))
    assert all(thing(name) is not None for name in documented())


def test_every_name_has_a_page_that_a_list_leads_to():
    pages = made_pages()
    listed = re.findall(r"^   ((?:verb|class)/\S+)$", "\n".join(pages.values()), re.MULTILINE)
    assert len(listed) == len(set(listed)) == len(documented())
    assert all(f"api/{place}.rst" in pages for place in listed)


def test_no_two_pages_share_a_name_where_capitals_do_not_count():
    names = [name.lower() for name in [*made_pages(), *PLACES.values()]]
    assert len(names) == len(set(names))


def test_every_module_with_public_names_is_there():
    assert [name for name in MODULES if module_of(name) is None] == []


def test_every_source_has_a_page_with_what_it_needs():
    pages = made_pages()
    for about in cj.sources.describe_sources():
        page = pages[f"sources/{about['source'].lower()}.md"]
        assert about["needs"].replace("|", "\\|") in page
        assert about["timezone"] in page


# What pages show


@pytest.mark.parametrize("page", ["../installation.md", *HOW_TO])
def test_the_code_of_a_how_to_runs_and_shows_what_stands_there(page):
    found = doctest.testfile(
        str((DOCS / "how-to" / page).resolve()),
        module_relative=False,
        encoding="utf-8",
        optionflags=doctest.NORMALIZE_WHITESPACE,
    )
    assert found.attempted >= 2
    assert not found.failed


def test_the_tour_runs(monkeypatch):
    asked = []
    takes = inspect.signature(cj.report)
    # two how-to pages make the page of a report, and the tour does when the site is built
    monkeypatch.setattr(cj, "report", lambda *args, **options: asked.append(takes.bind(*args, **options)))
    text = (DOCS / "tour.md").read_text(encoding="utf-8")
    cells = re.findall(r"```\{code-cell\}[^\n]*\n(?::[^\n]*\n)*(.*?)```", text, re.DOTALL)
    names: dict[str, object] = {}
    for cell in cells:
        exec(compile(cell, "tour.md", "exec"), names)  # noqa: S102 -- what a reader would run
    assert [call.arguments["check"] for call in asked] == [names["check"]]


# Links and words


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_links_lead_somewhere(page):
    text = FENCED.sub("", (ROOT / page).read_text(encoding="utf-8"))
    lost = [target for target in LINK.findall(text) if not leads_somewhere(target, page)]
    assert not lost


def leads_somewhere(target: str, page: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return True
    path, _, anchor = target.partition("#")
    file = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
    place = site_place(file, PLACES)
    if place in made_pages():
        return not anchor
    there = ROOT / file
    return there.exists() and (not anchor or anchor in headings(there.read_text(encoding="utf-8")))


def headings(text: str) -> set[str]:
    """Return the anchors that headings get: lower case, hyphens for spaces, without other signs."""
    lines = re.findall(r"^#{1,6} (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.strip().lower()).replace(" ", "-") for line in lines}


def test_every_page_is_in_a_list_of_contents():
    texts = {PLACES[origin]: (ROOT / origin).read_text(encoding="utf-8") for origin in PAGES} | made_pages()
    listed = {"index"}
    for place, text in texts.items():
        for block in re.findall(r"\{toctree\}\n(.*?)```", text, re.DOTALL) + re.findall(
            r"\.\. toctree::\n((?:   [^\n]*\n|\n)+)", text
        ):
            lines = [line.strip() for line in block.splitlines() if line.strip() and line.strip()[0] != ":"]
            names = [re.sub(r".*<(.+)>$", r"\1", line) for line in lines]
            listed |= {posixpath.normpath(posixpath.join(posixpath.dirname(place), name)) for name in names}
    notebooks = [place for place in PLACES.values() if place.endswith(".ipynb")]
    assert {place.rpartition(".")[0] for place in [*texts, *notebooks]} == listed


@pytest.mark.parametrize("page", PAGES)
def test_prose_has_no_em_dashes(page):
    assert "\N{EM DASH}" not in (ROOT / page).read_text(encoding="utf-8")


# The pages put together


def test_links_go_to_where_the_site_has_the_page():
    places = {"docs/a/b.md": "a/b.md", "benchmarks/README.md": "benchmarks/index.md"}
    text = (
        "[one](../../benchmarks/README.md#speed) [two](../../Makefile) [three](#here) [four](https://x.org/)"
    )
    assert linked(text, "docs/a/b.md", "a/b.md", places) == (
        "[one](../benchmarks/index.md#speed) two [three](#here) [four](https://x.org/)"
    )


def test_names_of_the_code_become_links_in_prose_alone():
    text = "Call `cj.check(log)`, `log.split` or `cj.nothing`.\n\n```\n`cj.check`\n```\n# `cj.check`"
    assert linked(text, "docs/a.md", "a.md", {}) == (
        "Call {py:obj}`cj.check(log) <cjmining.check>`, {py:obj}`log.split <cjmining.JourneyLog.split>` or "
        "`cj.nothing`.\n\n```\n`cj.check`\n```\n# `cj.check`"
    )
