"""The command line: thin, it calls the library and says what came of it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cjmining.errors import CjminingError, MapError

if TYPE_CHECKING:
    from cjmining.study import StudyResult

BAD_INPUT = 2
"""Exit code where the input can't be used as it is; the message says what to do."""

SAMPLE = Path("data") / "samples" / "shop"
"""Where the repository keeps its sample, seen from its top."""

app = typer.Typer(
    name="cjmining",
    help="Customer-journey mining: where customers leave the journey you intend, and how sure that is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
maps = typer.Typer(help="Work with intended maps.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(maps, name="map")
sources = typer.Typer(help="What can be read, and what a folder holds.", rich_markup_mode=None)
app.add_typer(sources, name="sources")

Out = Annotated[
    Path | None, typer.Option("--out", help="Folder for the results; default: out beside the study.")
]

Full = Annotated[bool, typer.Option("--full", help="Print whole sentences, with limits and denominators.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines, and nothing else.")]


def main() -> None:
    """Run the command line; errors in the input are told in words, with exit code 2."""
    logging.getLogger("cjmining").addHandler(logging.NullHandler())  # what it notes stands among the findings
    try:
        app()
    except CjminingError as problem:
        typer.echo(f"cjmining: {problem}", err=True)
        sys.exit(BAD_INPUT)


@app.callback(invoke_without_command=True)
def _start(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and stop.", is_eager=True)
    ] = False,
) -> None:
    if version:
        from cjmining import __version__

        typer.echo(f"cjmining {__version__}")
        raise typer.Exit


@app.command()
def run(
    study: Annotated[Path, typer.Argument(help="The study file; docs/study-format.md has its keys.")],
    out: Out = None,
    full: Full = False,
    json: Json = False,
) -> None:
    """Run a study: read the exports, hold them against its maps, write findings, tables and the page.

    Exit codes: 0 done, 1 a fault of cjmining itself, 2 something in the study or its files must be changed
    first; the error stream says what.
    """
    from cjmining.study import run_study

    _say(run_study(study, out=out, progress=True), full=full, json=json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the results.")] = Path("cjmining-demo"),
    full: Full = False,
    json: Json = False,
) -> None:
    """Show what a study gives, on a simulated shop."""
    from cjmining.study import run_study

    _say(run_study(_sample(out) / "study.yaml", out=out, progress=True), full=full, json=json)


@sources.callback(invoke_without_command=True)
def list_sources(context: typer.Context) -> None:
    """List what can be read: the names to use in a study, the files and the columns."""
    from cjmining.ingest.sources import describe_sources
    from cjmining.study import option_names, source_kinds

    if context.invoked_subcommand is not None:
        return
    abouts = {about["source"]: about for about in describe_sources()}
    for name, kind in source_kinds().items():
        about = abouts[name]
        typer.echo(f"{name}\n  reads  {about['reads']}\n  needs  {about['needs']}")
        typer.echo(f"  options  {', '.join(option_names(kind))}\n")
    typer.echo("In a study: sources: [{source: <name>, path: <file or folder>, <option>: <value>, ...}]")


@sources.command("detect")
def detect_sources(
    exports: Annotated[
        list[Path], typer.Argument(help="A folder of exports, a zip archive or a file; or several.")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write into; default: nothing.")] = None,
    labels: Annotated[
        bool, typer.Option(help="Read the exports and write a first labels.yaml; --no-labels leaves it out.")
    ] = True,
) -> None:
    """Say which sources a folder holds, how sure that is, and what would be read.

    With --out, writes sources.yaml (the sources: part of a study file, its paths seen from that folder) and
    labels.yaml, a first one of the most frequent native events, for people to go on with. Where sources.yaml
    is there already, it stays as it is, and labels.yaml is written from it: complete it, then run this again.
    """
    from cjmining.cli_detect import tell_detected, write_detected
    from cjmining.ingest.detecting import detect

    found = detect(exports)
    tell_detected(found)
    if out is not None:
        written = write_detected(found, out, labels=labels)
        typer.echo("")
        for name, lacks in written.unread.items():
            typer.echo(f"{name}: no labels yet, since it can't be read: {lacks}")
        for path in written.files:
            typer.echo(f"{path} is written")
        if written.unread:
            typer.echo(
                f"Complete {out / 'sources.yaml'}, remove labels.yaml if it was written, and run this again"
            )


@maps.command("check")
def check_map(file: Annotated[Path, typer.Argument(help="The map: .yaml, .xlsx or .json.")]) -> None:
    """Check an intended map: all its mistakes at once, or what it says in words."""
    from cjmining.intended import read_map

    intended = read_map(file)
    for remark in intended.remarks:
        typer.echo(f"remark: {remark}")
    typer.echo(intended.explain())


@maps.command("schema")
def map_schema() -> None:
    """Print the JSON Schema of map files, with which editors complete and check them."""
    import json

    from cjmining.intended import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


@maps.command("template")
def map_template(
    file: Annotated[Path, typer.Argument(help="The workbook to write, ending in .xlsx.")],
    from_: Annotated[
        Path | None, typer.Option("--from", help="A map to write into it; by default a small example.")
    ] = None,
) -> None:
    """Write an Excel workbook in which a map is drawn, with help texts and drop-downs."""
    from cjmining.intended import read_map
    from cjmining.intended.excel_template import write_excel

    if file.exists():
        raise MapError(f"{file} is there already; name another file, or move it away")
    path = write_excel(file, read_map(from_) if from_ else None)
    typer.echo(f"{path} is written. Fill it in, then check it: cjmining map check {path}")


@maps.command("sketch")
def map_sketch(
    log: Annotated[Path, typer.Argument(help="The folder of a log, as log.write wrote it.")],
    goal: Annotated[list[str], typer.Option(help="A touchpoint that completes a journey; may be repeated.")],
    patience: Annotated[str | None, typer.Option(help="Such as 14d, or never; by default suggested.")] = None,
    name: Annotated[str, typer.Option(help="The name of the map.")] = "Sketch",
    ignore: Annotated[
        list[str] | None, typer.Option(help="A touchpoint to leave out; may be repeated.")
    ] = None,
    share: Annotated[float, typer.Option(help="Drawn from this share of journeys on.")] = 0.1,
    always: Annotated[float, typer.Option(help="Not optional from this share of journeys on.")] = 0.9,
) -> None:
    """Print a first map, drawn from the journeys of a log that converted: YAML, for people to go on with."""
    from cjmining.discovery.sketch import sketch_map
    from cjmining.log import read_log

    sketch = sketch_map(
        read_log(log),
        goal=goal,
        patience=patience,
        name=name,
        ignore=ignore or (),
        share=share,
        always=always,
    )
    typer.echo(sketch.text, nl=False)


def _say(result: StudyResult, *, full: bool, json: bool) -> None:
    from cjmining import cli_output

    if json:
        typer.echo(cli_output.as_json(result))
    else:
        cli_output.tell(result, full=full)


def _sample(out: Path) -> Path:
    """Return the folder of the sample shop; simulate one beside `out` where there is none."""
    for folder in (SAMPLE, Path(__file__).resolve().parents[1] / SAMPLE):
        if (folder / "study.yaml").is_file():
            return folder
    from cjmining import simulate

    folder = out.with_name(f"{out.name}-shop")
    if not (folder / "study.yaml").is_file():
        simulate.shop(2000, fault=simulate.SAMPLE_FAULT).write(folder)
    return folder
