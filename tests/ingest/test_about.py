"""What sources say of themselves: complete, in one vocabulary, and as the documentation has it."""

from __future__ import annotations

import pytest

from cjmining.ingest import vocabulary
from cjmining.ingest.sources import every_source
from docs.assemble.source_pages import COVERAGE, coverage

OWN_WORDS = {"Table", "SQL", "XES", "OCEL", "Customers"}
"""These have no events of their own: their touchpoints are what the data call them."""


@pytest.mark.parametrize("kind", every_source(), ids=lambda kind: kind.kind)
def test_every_source_says_what_it_reads_makes_and_was_checked_against(kind):
    about = kind.about
    for said in (about.system, about.layouts, about.needs, about.natural_key, about.times, about.checked):
        assert said
    if kind.kind not in OWN_WORDS:
        assert about.touchpoints
        assert about.identifiers
        assert about.documentation
        assert about.robots
        assert any(layout.columns or layout.pattern for layout in about.layouts)


@pytest.mark.parametrize("kind", [k for k in every_source() if k.kind not in OWN_WORDS], ids=lambda k: k.kind)
def test_one_vocabulary_over_all_sources(kind):
    unknown = {d.touchpoint for d in kind.about.touchpoints if not vocabulary.is_known(d.touchpoint)}
    assert not unknown


def test_the_page_of_all_sources_is_what_they_say():
    assert COVERAGE.read_text(encoding="utf-8") == coverage(), "run: python -m docs.assemble.source_pages"
