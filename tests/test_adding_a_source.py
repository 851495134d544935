"""The page on adding a source: its source, fixture, test and writer of exports work as they stand there."""

from __future__ import annotations

import random
import re
import sys
import types
from pathlib import Path

import pytest
import yaml

import cjmining as cj
from cjmining.ingest.kinds import KINDS
from cjmining.ingest.vocabulary import is_known
from tests.ingest.helpers import fates, seen

PAGE = Path(__file__).resolve().parents[1] / "docs" / "adding-a-source.md"
BLOCK = re.compile(r"^```(?:python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SOURCE, FIXTURE, TEST, EXPORTS = BLOCK.findall(PAGE.read_text())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The blocks of the page as modules, with the class where `cj.sources` would have it."""
    with pytest.MonkeyPatch.context() as patch:
        made = {}
        for name, text in {"source": SOURCE, "exports": EXPORTS, "tests": TEST}.items():
            module = types.ModuleType(f"page_{name}")
            patch.setitem(sys.modules, module.__name__, module)
            exec(compile(text, f"{PAGE.name}: {name}", "exec"), module.__dict__)  # noqa: S102 -- our own page
            made[name] = module
            if name == "source":
                patch.setattr(cj.sources, "Points", module.Points, raising=False)
        folder = tmp_path_factory.mktemp("points")
        (folder / "points.csv").write_text(FIXTURE)
        (folder / "stores.csv").write_text("store;city\nS1;Ulm\n")
        made["log"] = cj.ingest(module_source(made)(folder))
        yield made


def module_source(made):
    return made["source"].Points


@pytest.mark.parametrize("name", ["test_what_happened", "test_every_row_has_a_fate", "test_who_is_who"])
def test_the_tests_of_the_page_hold(written, name):
    getattr(written["tests"], name)(written["log"])


def test_the_page_shows_all_its_tests(written):
    assert len([name for name in vars(written["tests"]) if name.startswith("test_")]) == 3


def test_exports_that_are_written_can_be_read(written, tmp_path):
    written["exports"].write(tmp_path, random.Random(3), 40)  # noqa: S311 -- an example
    log = cj.ingest(written["exports"].read(tmp_path))
    assert fates(log) == {"used": 40}


def test_the_example_says_of_itself_what_it_does(written):
    about = module_source(written).about
    assert about.reads == "points.csv"
    assert all(is_known(each.touchpoint) for each in about.touchpoints)
    assert set(about.identifiers) <= set(KINDS)


def test_the_till_of_the_page_is_a_table(tmp_path):
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (options,) = yaml.safe_load(block)["sources"]
    (tmp_path / options.pop("path")).write_text(
        "receipt;loyalty_card;sold_at;amount;void;store_id;changed_at\n"
        "1;4711;2026-03-02 10:00;12.50;0;S1;1\n2;4711;2026-03-02 11:00;3.00;1;S1;1\n"
    )
    assert options.pop("source") == "Table"
    log = cj.ingest(cj.sources.Table(tmp_path / "till.csv", **options))
    assert seen(log, "timestamp", "touchpoint", "channel", "value", "failed", "branch") == [
        ("2026-03-02 09:00:00", "store_visited", "store", 12.5, False, "S1"),
        ("2026-03-02 10:00:00", "store_visited", "store", 3.0, True, "S1"),
    ]
