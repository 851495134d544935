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


def test_an_estimated_patience_is_in_the_workbook_and_among_what_is_told_of_the_data(tmp_path):
    shop = cj.simulate.shop(300, seed=1)
    shop.write(tmp_path / "shop")
    folder = tmp_path / "shop"
    of_map = next(path for path in folder.glob("*.yaml") if "patience: 14d" in path.read_text())
    of_map.write_text(of_map.read_text().replace("patience: 14d", "patience: auto", 1))
    study = folder / "study.yaml"
    if "workbook:" not in study.read_text():
        study.write_text(study.read_text() + "\nworkbook: true\n")
    result = cj.run_study(study, out=tmp_path / "out")
    (told,) = [each for each in result.findings if each.kind == "patience"]
    assert told.about_data
    assert told.text.startswith(result.maps[0].patience.intended.settled)
    assert "Delivery (never)" in told.text
    book = openpyxl.load_workbook(result.out / "findings.xlsx")
    assert "settled patience stages" in book.sheetnames
    settings = {row[1]: row[2] for row in book["Settings"].iter_rows(values_only=True)}
    assert settings["patience"].endswith("d (estimated)")
    assert settings["patience in Delivery"] == "never"
