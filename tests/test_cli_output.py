"""What the command line prints, line by line: widths, colours, hostile texts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.cells import cell_len

from cjmining import cli_output


@pytest.fixture(autouse=True)
def of_no_width(monkeypatch):
    """Whatever the terminal is in which the tests run."""
    monkeypatch.delenv("COLUMNS", raising=False)


def finding(headline="42 % of 2,468 journeys reached the goal", **given):
    base = {"kind": "outcomes", "numbers": {"journeys": 2468}, "text": f"{headline}.", "status": "same"}
    return base | {"headline": headline, "about_data": False, "id": headline} | given


def study(tmp_path, *findings, gone=()):
    compared, path = tuple(findings), tmp_path / "report.html"
    only = SimpleNamespace(name="Shop", compared=compared, gone=tuple(gone), path=path)
    return SimpleNamespace(
        maps=(only,), compared=compared, gone=tuple(gone), path=path, out=tmp_path, settings_changed=""
    )


def printed(capsys, result, **asked):
    cli_output.tell(result, **asked)
    return capsys.readouterr().out.splitlines()


def test_a_line_has_the_headline_what_it_is_a_share_of_and_what_is_new(tmp_path, capsys):
    lines = printed(capsys, study(tmp_path, finding(), finding(status="new"), finding(status="changed")))
    assert lines[:4] == [
        "Findings                                                             of  status",
        "42 % of 2,468 journeys reached the goal                           2,468",
        "42 % of 2,468 journeys reached the goal                           2,468  new",
        "42 % of 2,468 journeys reached the goal                           2,468  changed",
    ]


@pytest.mark.parametrize(
    ("kind", "numbers", "of"),
    [
        ("largest drop-out", {"mature": 1132, "drop_out_share": 0.27}, "1,132"),
        ("drop-out place", {"journeys": 400, "share_of_dropped": 400 / 1295}, "1,295"),
        ("deviation", {"journeys": 0, "share_of_journeys": 0.0}, ""),
        ("no place stands out", {"places": 0}, ""),
        ("broken promise", {"measured": 34}, "34"),
        ("late start", {"days": 43}, ""),
        ("of no kind that is known", {}, ""),
    ],
)
def test_a_share_stands_beside_what_it_is_a_share_of(tmp_path, capsys, kind, numbers, of):
    lines = printed(capsys, study(tmp_path, finding("So it is", kind=kind, numbers=numbers)))
    assert lines[1] == f"So it is{of:>63}".rstrip()


@pytest.mark.parametrize(
    "headline",
    [
        "x" * 300,
        "客" * 100,
        "\N{RIGHT-TO-LEFT OVERRIDE}evil",
        "a\x1b[31mred",
        "two\nlines",
        "<script>",
        "👩‍👩‍👧" * 40,
    ],
)
def test_no_name_breaks_the_table_or_steers_the_terminal(tmp_path, capsys, headline):
    lines = printed(capsys, study(tmp_path, finding(headline, status="new")))
    assert lines[1].endswith("    2,468  new")
    assert cell_len(lines[1]) <= 80
    assert "\x1b" not in lines[1]
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in lines[1]


@pytest.mark.parametrize(("columns", "widest"), [("60", 60), ("20", 50), ("200", 80), ("", 80)])
def test_the_table_is_as_wide_as_the_terminal(tmp_path, capsys, monkeypatch, columns, widest):
    monkeypatch.setenv("COLUMNS", columns)
    lines = printed(capsys, study(tmp_path, finding("x" * 60, status="changed")))
    assert len(lines[1]) == widest
    assert lines[1].endswith("2,468  changed")


def test_sentences_are_broken_where_the_terminal_ends_and_only_there(tmp_path, capsys, monkeypatch):
    told = study(tmp_path, finding(text="of many words " * 20))
    monkeypatch.setenv("COLUMNS", "60")
    lines = printed(capsys, told, full=True)
    sentence = [line for line in lines if "of many words" in line]
    assert len(sentence) > 4
    assert max(map(len, sentence)) <= 60
    assert {line[:4] for line in sentence} == {"  - ", "    "}
    monkeypatch.delenv("COLUMNS")
    assert sum("of many words" in line for line in printed(capsys, told, full=True)) == 1


def test_what_is_about_the_data_and_what_is_gone_stand_by_themselves(tmp_path, capsys):
    about = finding("web: 1 gap", about_data=True, kind="gap", numbers={"periods": 1})
    gone = {"id": "x", "kind": "deviation", "text": "It used to be so.", "group": None}
    lines = printed(capsys, study(tmp_path, finding(), about, gone=[gone]))
    heads = [line.split("  ")[0] for line in lines]
    assert "About the data" in lines  # nothing there is a share of anything
    assert heads.index("Findings") < heads.index("About the data") < heads.index("Gone since the last run")
    assert "It used to be so." in lines


def test_colours_are_left_out_where_that_is_asked_for(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert cli_output._coloured("new", "new") == "\x1b[32mnew\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert cli_output._coloured("new", "new") == "new"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert cli_output._bold("Findings") == "Findings"


def test_paths_of_what_was_written_are_named(tmp_path, capsys):
    (tmp_path / "tables").mkdir()
    (tmp_path / "facts.json").write_text("{}")
    lines = printed(capsys, study(tmp_path, finding()))
    paths = dict(line.split(": ", 1) for line in lines if str(tmp_path) in line)
    assert {name: Path(path.strip()).name for name, path in paths.items()} == {
        "Page": "report.html",
        "Facts": "facts.json",
        "Tables": "tables",
        "Findings": "findings.json",
    }
