"""The command line says what it found, or in one line what is wrong with the input."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cjmining as cj
from cjmining.cli import app, main
from tests.study.shop import write_study

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments, cwd=None) -> subprocess.CompletedProcess[str]:
    """What the program's own entry does, in this interpreter: starting one costs more than a tiny study."""
    told, wrong = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(told), redirect_stderr(wrong):
        patch.setattr(sys, "argv", ["cjmining", *map(str, arguments)])
        if cwd is not None:
            patch.chdir(cwd)
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
    return subprocess.CompletedProcess(arguments, code, told.getvalue(), wrong.getvalue())


def run_apart(*arguments) -> subprocess.CompletedProcess[str]:
    """The same in an interpreter of its own, where what is imported, warned and logged shows too."""
    command = [sys.executable, "-c", "from cjmining.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    study = write_study(tmp_path_factory.mktemp("study"))
    return study, run_apart("run", study)


def test_a_run_prints_the_findings_as_a_table_and_the_path_of_the_page(done):
    study, ran = done
    assert ran.returncode == 0
    lines = ran.stdout.splitlines()
    assert re.split(r"\s{2,}", lines[0]) == ["Findings", "of"]
    assert re.split(r"\s{2,}", lines[1]) == ["33 % of 24 journeys reached the goal", "24"]
    assert f"Page:     {study.parent / 'out' / 'report.html'}" in lines
    assert f"Tables:   {study.parent / 'out' / 'tables'}" in lines


def test_the_table_fits_a_terminal_and_has_no_colours_where_nobody_watches(done):
    study, ran = done
    told = [line for line in ran.stdout.splitlines() if str(study.parent) not in line]
    assert max(map(len, told)) <= 80
    assert "\x1b" not in ran.stdout


def test_the_findings_are_told_in_full_where_that_is_asked_for(done):
    study, _ = done
    ran = CliRunner().invoke(app, ["run", str(study), "--full"])
    assert "  - Of 24 journeys of 24 customers, 8 (33 %) reached the goal" in ran.stdout


def test_one_json_document_is_all_that_machines_are_told(done):
    study, _ = done
    ran = CliRunner().invoke(app, ["run", str(study), "--json"])
    assert (ran.exit_code, ran.stderr) == (0, "")
    document = json.loads(ran.stdout)
    assert set(document) == {"format", "counts", "settings_changed", "findings", "gone", "outputs", "maps"}
    assert document["counts"]["journeys"] == {"A small shop": 24}
    assert document["counts"]["new"] == 0
    first = document["findings"][0]
    assert (first["kind"], first["status"], first["numbers"]["converted"]) == ("outcomes", "same", 8)
    assert first["headline"] == "33 % of 24 journeys reached the goal"
    assert document["outputs"]["page"] == str(study.parent / "out" / "report.html")
    stored = json.loads(Path(document["outputs"]["findings"]).read_text(encoding="utf-8"))
    assert document["findings"] == stored["findings"]


def test_what_is_printed_for_machines_is_documented():
    page = (ROOT / "docs" / "terminal.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert documented == {
        "format", "counts", "settings_changed", "findings", "gone", "outputs", "maps"
    }  # fmt: skip
    for option in ("--out", "--full", "--json"):
        assert f"| `{option}" in page
    shown = page.split("$ cjmining run study.yaml\n")[1].split("```")[0]
    assert max(map(len, shown.splitlines())) <= 80


def test_json_says_nothing_on_its_stream_where_the_input_is_wrong(tmp_path):
    ran = run("run", "nothing.yaml", "--json", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "cjmining: nothing.yaml: there is no such file\n"


def test_a_run_says_nothing_else_where_nobody_watches(done):
    _, ran = done
    assert ran.stderr == ""


def test_a_second_run_marks_what_changed(done):
    study, _ = done
    write_study(study.parent, buyers=18)
    ran = run("run", study)
    write_study(study.parent)
    assert re.search(r"^75 % of 24 journeys reached the goal +24  changed$", ran.stdout, re.MULTILINE)
    assert "Gone since the last run" in ran.stdout


def test_a_study_of_two_maps_tells_the_findings_map_by_map_and_where_the_pages_are(tmp_path):
    study = write_study(tmp_path)
    second = study.with_name("map.yaml").read_text().replace("A small shop", "A second look")
    study.with_name("second.yaml").write_text(second.replace("patience: 7d", "patience: 5d"))
    study.write_text(study.read_text().replace("map: map.yaml", "map: [map.yaml, second.yaml]"))
    ran = run("run", study)
    assert ran.returncode == 0
    lines = ran.stdout.splitlines()
    heads = [re.split(r"\s{2,}", line)[0] for line in lines]
    assert heads.index("A small shop") < heads.index("A second look")
    assert heads.count("33 % of 24 journeys reached the goal") == 2
    assert f"Page:     {tmp_path / 'out' / 'report.html'}" in lines
    assert f"A second look: {tmp_path / 'out' / 'maps' / 'a-second-look' / 'report.html'}" in lines


def test_a_changed_patience_is_told_before_the_findings(tmp_path):
    study = write_study(tmp_path)
    run("run", study)
    map_file = study.with_name("map.yaml")
    map_file.write_text(map_file.read_text().replace("patience: 7d", "patience: 3d"))
    assert run("run", study).stdout.startswith(
        "The patience was changed from 7 days to 3 days since the last run"
    )


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    ran = run("run", write_study(tmp_path), "--out", tmp_path / "file" / "out")
    assert ran.returncode == 2
    assert (
        ran.stderr == f"cjmining: can't write the results to {tmp_path / 'file' / 'out'}: Not a directory\n"
    )


def test_the_package_itself_runs_the_command_line():
    ran = subprocess.run(
        [sys.executable, "-m", "cjmining", "--version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.stdout == f"cjmining {cj.__version__}\n"


def test_the_version_is_told():
    assert run("--version").stdout == f"cjmining {cj.__version__}\n"


def test_what_can_be_read_is_listed():
    ran = run("sources")
    assert ran.returncode == 0
    for name in ("Salesforce", "MarketingCloud", "GA4", "AmazonConnect", "Table"):
        assert f"{name}\n" in ran.stdout


def test_a_good_map_is_summed_up(done):
    study, _ = done
    ran = run("map", "check", study.with_name("map.yaml"))
    assert ran.returncode == 0
    assert "A small shop" in ran.stdout
    assert "A journey begins in " in ran.stdout
    assert "order_placed (the goal)" in ran.stdout


def test_the_schema_of_maps_is_printed_as_it_is_published():
    ran = run("map", "schema")
    assert ran.returncode == 0
    assert ran.stdout == (ROOT / "docs" / "schema" / "map.schema.json").read_text()


def test_a_map_with_five_mistakes_tells_all_five(tmp_path):
    text = """
map: Shop
goal: [order_placd]
patience: 14
horizn: 30d
stages:
  - stage: Look
    touchpoints: [{touchpoint: viewed, chanels: [web]}]
  - stage: Buy
    next: [Lok]
    touchpoints: [{touchpoint: order_placed}]
"""
    (tmp_path / "map.yaml").write_text(text)
    ran = run("map", "check", tmp_path / "map.yaml")
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr.startswith("cjmining: ")
    for word in ("order_placd", "14", "horizn", "chanels", "Lok"):
        assert word in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("arguments", [("run", "nothing.yaml"), ("map", "check", "nothing.yaml")])
def test_a_missing_file_is_told_in_one_line(tmp_path, arguments):
    ran = run(*arguments, cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stderr == "cjmining: nothing.yaml: there is no such file\n"


def test_a_study_of_an_unknown_source_is_told_in_one_line(tmp_path):
    study = write_study(tmp_path)
    study.write_text(study.read_text().replace("source: Table", "source: Tabel"))
    ran = run_apart("run", study)
    assert ran.returncode == 2
    assert "there is no source 'Tabel', did you mean 'Table'?" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "visits.csv"),
        ("", "visits.csv"),
        ("user,when,what\nu1,2026-03-01,view\n", "time"),
    ],
    ids=["missing", "empty", "column"],
)
def test_an_export_that_cannot_be_read_is_told_without_a_traceback(tmp_path, content, words):
    study = write_study(tmp_path)
    export = tmp_path / "visits.csv"
    if content is None:
        export.unlink()
    else:
        export.write_text(content)
    ran = run("run", study)
    assert ran.returncode == 2
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "out").exists()


def test_a_wrong_encoding_is_told_without_a_traceback(tmp_path):
    study = write_study(tmp_path)
    study.write_text(study.read_text().replace("path: visits.csv", "path: visits.csv\n    encoding: utf-8"))
    (tmp_path / "visits.csv").write_bytes("user,time,what\nJürgen,2026-03-01,view\n".encode("latin-1"))
    ran = run("run", study)
    assert ran.returncode == 2
    assert "visits.csv" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_demo_simulates_its_shop_where_there_is_no_sample(tmp_path, monkeypatch):
    from cjmining import cli

    monkeypatch.setattr(cli, "SAMPLE", tmp_path / "nowhere")
    folder = cli._sample(tmp_path / "demo")
    assert folder == tmp_path / "demo-shop"
    assert (folder / "study.yaml").is_file()
    assert cli._sample(tmp_path / "demo") == folder
