"""Results appear all at once, replace only what a run wrote, and are safe to open in a spreadsheet."""

from __future__ import annotations

import contextlib
import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cjmining as cj
from cjmining.study import outputs


def test_a_new_folder_appears_when_everything_is_written(tmp_path):
    out = tmp_path / "deep" / "out"
    with outputs.replaced_folder(out) as unfinished:
        (unfinished / "report.html").write_text("page")
        assert not out.exists()
    assert (out / "report.html").read_text() == "page"
    assert [entry.name for entry in out.parent.iterdir()] == ["out"]


def test_an_earlier_result_stays_where_writing_fails(tmp_path):
    out = tmp_path / "out"
    with outputs.replaced_folder(out) as unfinished:
        (unfinished / "report.html").write_text("first")
    with contextlib.suppress(ZeroDivisionError), outputs.replaced_folder(out) as unfinished:
        (unfinished / "report.html").write_text("second")
        raise ZeroDivisionError
    assert (out / "report.html").read_text() == "first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_an_earlier_result_is_replaced_whole(tmp_path):
    out = tmp_path / "out"
    for name in ("report.html", "findings.json"):
        with outputs.replaced_folder(out) as unfinished:
            (unfinished / name).write_text(name)
    assert [entry.name for entry in out.iterdir()] == ["findings.json"]


def test_a_folder_with_somebody_elses_files_is_refused(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(cj.StudyError, match=r"thesis\.docx, which no earlier run wrote"):
        outputs.check_folder(tmp_path)


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(cj.StudyError, match="not a folder"):
        outputs.check_folder(tmp_path / "out")


def test_findings_that_no_run_wrote_are_refused(tmp_path):
    (tmp_path / "findings.json").write_text('{"findings": [1]}')
    with pytest.raises(cj.StudyError, match="not the result of an earlier run"):
        outputs.read_findings(tmp_path)


def test_tables_are_written_as_parquet_and_csv_with_formulas_quoted(tmp_path):
    evil = ["=cmd|' /C calc'!A1", "+1", "-1", "@x", "\tx", "plain"]
    table = pa.table(
        {"touchpoint": pa.array(evil).dictionary_encode(), "share": [-0.5, 1.0, 2.0, 3.0, 4.0, None]}
    )
    outputs.write_tables(tmp_path / "tables", {"stages": table})

    assert pq.read_table(tmp_path / "tables" / "stages.parquet").column("touchpoint").to_pylist() == evil
    rows = list(
        csv.DictReader(io.StringIO((tmp_path / "tables" / "stages.csv").read_bytes().decode(), newline=""))
    )
    assert [row["touchpoint"] for row in rows] == [f"'{text}" for text in evil[:-1]] + ["plain"]
    assert rows[0]["share"] == "-0.5"
    assert rows[5]["share"] == ""
