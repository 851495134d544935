"""The worked examples of the documentation hold."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"


PAGES = [
    "semantics.md",
    "identity.md",
    *sorted(
        f"discovery/{path.name}" for path in (DOCS / "discovery").glob("*.md") if path.name != "index.md"
    ),
]


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_hold(page):
    found = doctest.testfile(
        str(DOCS / page), module_relative=False, encoding="utf-8", optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert found.attempted >= 5
    assert not found.failed
