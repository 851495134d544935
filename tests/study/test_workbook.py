"""A study writes the workbook where it is asked to, and says at once where it can't."""

from __future__ import annotations

import sys

import openpyxl
import pytest

import cjmining as cj
from tests.study.shop import write_study


def with_workbook(folder):
    study = write_study(folder)
    study.write_text(study.read_text() + "workbook: true\n")
    return study


def test_the_workbook_lies_beside_the_page_and_keeps_to_the_smallest_group(tmp_path):
    result = cj.run_study(with_workbook(tmp_path))
    book = openpyxl.load_workbook(result.out / "findings.xlsx")
    assert {"discover overview", "check stages", "coverage gaps", "map", "log ledger"} <= set(book.sheetnames)
    settings = {row[1]: row[2] for row in book["Settings"].iter_rows(values_only=True)}
    assert settings["smallest_group"] == "2"
    before = (result.out / "findings.xlsx").read_bytes()
    assert (cj.run_study(tmp_path / "study.yaml").out / "findings.xlsx").read_bytes() == before


def test_without_openpyxl_nothing_is_read(tmp_path, monkeypatch):
    study = with_workbook(tmp_path)
    (tmp_path / "visits.csv").unlink()
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(cj.StudyError, match=r"workbook: .*cjmining\[excel\]"):
        cj.run_study(study)
