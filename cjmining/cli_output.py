"""What the command line says of a run: findings as a short table, in full, or as JSON for machines."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from cjmining.words import number

if TYPE_CHECKING:
    from cjmining.study import MapResult, StudyResult

JSON_FORMAT: Final = 1
"""Version of what `--json` prints; docs/terminal.md has its keys."""

_WIDEST, _NARROWEST = 80, 50
"""How wide the table is at most, and at least: what is narrower than that can't be read."""

_OF, _STATUS = 9, 7
"""Widths of the last columns, before each of which stand two spaces; headlines have the rest."""
_NEWS: Final = ("new", "changed")

_SHARES: Final = {
    "outcomes": "journeys",
    "largest drop-out": "mature",
    "stand-out": "mature",
    "goes with leaving": "exposed",
    "broken promise": "measured",
    "promises": "promises",
    "drop-out place": ("journeys", "share_of_dropped"),
    "deviation": ("journeys", "share_of_journeys"),
    "hand-off": ("journeys", "share_of_journeys"),
    "no place stands out": "places",
    "quarantine": "records",
    "unlabelled": "all_events",
}
"""What a finding's share is a share of: a number that it states, or a part and the share that it is."""


def tell(result: StudyResult, *, full: bool = False) -> None:
    """Print what a run found, what changed since the last one, and where its outputs are.

    Parameters
    ----------
    result : StudyResult
        The run.
    full : bool
        Print whole sentences instead of a table.
    """
    if result.settings_changed:
        typer.echo(f"{result.settings_changed}\n")
    write = _sentences if full else _table
    for heading, findings in _sections(result):
        typer.echo("\n".join([*write(heading, findings), ""]))
    for name, path in _outputs(result):
        typer.echo(f"{name + ': ':<10}{path}")
    if not full:
        typer.echo("Whole sentences, with limits: --full. For machines: --json.")


def as_json(result: StudyResult) -> str:
    """Return one JSON document: the findings with their numbers, the counts, and where the outputs are."""
    log = result.maps[0].log
    findings = list(result.compared)
    document = {
        "format": JSON_FORMAT,
        "counts": {
            "events": log.n_events,
            "customers": log.n_customers,
            "journeys": {each.name: each.log.n_journeys for each in result.maps},
            "findings": len(findings),
            "new": sum(each["status"] == "new" for each in findings),
            "changed": sum(each["status"] == "changed" for each in findings),
            "gone": len(result.gone),
        },
        "settings_changed": result.settings_changed,
        "findings": findings,
        "gone": list(result.gone),
        "outputs": {name.lower(): str(path) for name, path in _outputs(result)},
        "maps": [
            {"map": each.name, **{name.lower(): str(path) for name, path in _outputs_of(each)}}
            for each in result.maps
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)


def _sections(result: StudyResult) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Yield the findings under their headings, those of each map, of the data, and what is gone."""
    from cjmining.report.overview import about_the_data

    several = len(result.maps) > 1
    sections = [
        (each.name if several else "Findings", [one for one in each.compared if not one["about_data"]])
        for each in result.maps
    ]
    sections.append(("About the data", list(about_the_data(result.maps))))
    gone: list[Mapping[str, Any]] = [
        {**one, "text": f"{each.name}: {one['text']}" if several else one["text"]}
        for each in result.maps
        for one in each.gone
    ]
    sections.append(("Gone since the last run", gone))
    yield from ((heading, findings) for heading, findings in sections if findings)


def _table(heading: str, findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield lines as wide as the terminal, at most 80 letters: headline, what its share is of, status."""
    room = min(_WIDEST, _width() or _WIDEST) - (2 + _OF) - (2 + _STATUS)
    marked = any(finding.get("status") in _NEWS for finding in findings)
    of = "of" if any(map(_whole, findings)) else ""
    yield _bold(f"{_fitting(heading, room)}  {of:>{_OF}}  {'status' if marked else ''}".rstrip())
    for finding in findings:
        said = _fitting(finding.get("headline") or finding["text"], room)
        status = finding.get("status")
        mark = _coloured(status, status) if status in _NEWS else ""
        yield f"{said}  {_whole(finding):>{_OF}}  {mark}".rstrip()


def _sentences(heading: str, findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the findings as whole sentences, those that are new or changed marked."""
    yield from (_bold(heading), "")
    for finding in findings:
        status = finding.get("status")
        mark = f"{_coloured(f'[{status}]', status)} " if status in _NEWS else ""
        yield _wrapped(f"{mark}{finding['text']}")


def _wrapped(text: str) -> str:
    """Break an entry of a list where the terminal ends; one line where nobody reads it in a terminal."""
    width = _width()
    if width is None:
        return f"  - {text}"
    return textwrap.fill(
        text,
        width=width,
        initial_indent="  - ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _width() -> int | None:
    """Return how many letters fit into a line, if that is known: in a terminal, or where COLUMNS says so."""
    if not sys.stdout.isatty() and not os.environ.get("COLUMNS", "").isdigit():
        return None
    return max(_NARROWEST, shutil.get_terminal_size((_WIDEST, 24)).columns)


def _whole(finding: Mapping[str, Any]) -> str:
    """Return what the finding's share is a share of, where it states one."""
    key, numbers = _SHARES.get(finding.get("kind", "")), finding.get("numbers") or {}
    if isinstance(key, tuple):
        part, share = (numbers.get(name) for name in key)
        return number(part / share) if part and share else ""
    return number(numbers[key]) if key and numbers.get(key) else ""


def _fitting(text: str, width: int) -> str:
    """Cut or fill a text to a width, in which some letters take two columns; none steers the terminal."""
    from rich.cells import cell_len, set_cell_size

    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return set_cell_size(line, width) if cell_len(line) <= width else f"{set_cell_size(line, width - 3)}..."


def _outputs(result: StudyResult) -> Iterator[tuple[str, Path]]:
    """Yield what the run wrote, by what it is called."""
    yield "Page", result.path
    if len(result.maps) == 1:
        yield from list(_outputs_of(result.maps[0]))[1:]
    else:
        yield from ((each.name, each.path) for each in result.maps)
    yield "Findings", result.out / "findings.json"


def _outputs_of(result: MapResult) -> Iterator[tuple[str, Path]]:
    folder = result.path.parent
    yield "Page", result.path
    for name, file in {"Facts": "facts.json", "Tables": "tables", "Workbook": "findings.xlsx"}.items():
        if (folder / file).exists():
            yield name, folder / file


def _bold(text: str) -> str:
    return typer.style(text, bold=True) if _has_colours() else text


def _coloured(text: str, status: object) -> str:
    """Colour a status, which is told by its word too."""
    colour = typer.colors.GREEN if status == "new" else typer.colors.YELLOW
    return typer.style(text, fg=colour) if _has_colours() else text


def _has_colours() -> bool:
    """Say whether colours may be used; where the output is no terminal, typer takes them out anyway."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
