"""What the command line says and writes about the sources that a folder holds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cjmining.errors import CjminingError, SourceError

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.ingest.detecting import Detected

MOST_EVENTS = 40
"""Native events of a source that a first file of labels lists."""


def tell_detected(found: Detected) -> None:
    """Print what files were taken for, alike ones of a folder together, then the sources: part of a study."""
    from cjmining.ingest.detecting import options_text

    lines = list(_alike(found.files))
    width = max((len(name) for name, _ in lines), default=4)
    for name, rest in lines:
        typer.echo(f"{name:<{width}}  {rest}")
    typer.echo("")
    for line in options_text(found):
        typer.echo(line)


def _alike(files: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield for files of one folder taken for the same: the first, how many more there are, and for what."""
    columns = ["source", "layout", "certainty", "sure", "why"]
    told = files.assign(folder=files["file"].str.rpartition("/")[0])
    for _, group in told.groupby(["folder", *columns], sort=False, dropna=False):
        first = group.iloc[0]
        more = f" and {len(group) - 1} more" if len(group) > 1 else ""
        what = f"{first.source}, {first.layout}" if isinstance(first.source, str) else "not recognised"
        why = f" ({first.why})" if isinstance(first.why, str) else ""
        yield f"{first.file}{more}", f"{first.sure:<8}  {first.certainty:4.2f}  {what}{why}"


@dataclass(frozen=True)
class Written:
    """What was written, and which sources labels are missing of, with the reasons."""

    files: tuple[Path, ...]
    unread: Mapping[str, str]


def write_detected(found: Detected, out: Path, *, labels: bool) -> Written:
    """Write sources.yaml and labels.yaml; where sources.yaml is there already, labels.yaml from that.

    Labels are those of the sources that can be read; the others are named in the file with what they lack.

    Raises
    ------
    SourceError
        Nothing was recognised, or what is to be written is there already.
    """
    sources, own_labels = out / "sources.yaml", out / "labels.yaml"
    is_there = sources.exists()
    if is_there and (not labels or own_labels.exists()):
        both = "" if not labels else " and so is labels.yaml"
        raise SourceError(
            f"{sources} is there already{both}; name another folder, or move away what is to be made anew"
        )
    if labels and own_labels.exists():
        raise SourceError(f"{own_labels} is there already; name another folder, or move it away")
    if not is_there and not found.options:
        raise SourceError(f"nothing in {found.folder} was recognised, so there is nothing to write")
    written = []
    if not is_there:
        _write_sources(found, out, sources)
        written.append(sources)
    if not labels:
        return Written(tuple(written), {})
    unread: dict[str, str] = {}
    lines = list(_labels(_options_in(sources), out, unread))
    if any(line.startswith("  - ") for line in lines):
        own_labels.write_text("\n".join(lines) + "\n", encoding="utf-8")
        written.append(own_labels)
    return Written(tuple(written), unread)


def _write_sources(found: Detected, out: Path, file: Path) -> None:
    from cjmining.ingest.detecting import options_text

    out.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(options_text(_seen_from(found, out))) + "\n", encoding="utf-8")


def _seen_from(found: Detected, out: Path) -> Detected:
    """Return what was found with its paths as a file in `out` must write them."""
    from dataclasses import replace

    def moved(options: dict[str, Any]) -> dict[str, Any]:
        paths = options["path"]
        listed = [paths] if isinstance(paths, str) else paths
        there = [Path(os.path.relpath(found.folder / path, out)).as_posix() for path in listed]
        return {**options, "path": there[0] if isinstance(paths, str) else there}

    people = None if found.customers is None else moved(found.customers)
    return replace(found, options=[moved(each) for each in found.options], customers=people)


def _options_in(file: Path) -> list[dict[str, Any]]:
    """Return the sources that a sources.yaml lists."""
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise SourceError(f"{file} is no YAML: {problem}") from problem
    listed = content.get("sources") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise SourceError(f"{file} has no list of sources: under sources:")
    return listed


def _labels(options: Sequence[Mapping[str, Any]], folder: Path, unread: dict[str, str]) -> Iterator[str]:
    """Yield a first file of labels: each source's most frequent native events, as they are by default."""
    yield "# What the systems' own events mean. The first rule that fits wins; see the labels' documentation."
    yield "# Written from the most frequent native events, with the touchpoints they have by default:"
    yield "# change a touchpoint, add channel:, actor:, failed: or where: {property: pattern}, delete others."
    yield "labels:"
    for each in options:
        name = str(each.get("name", each.get("source")))
        try:
            yield from _labels_of(_events(each, folder))
        except CjminingError as problem:
            unread[name] = " ".join(str(problem).split())
            yield f"  # {name}: no labels yet, since it can't be read: {unread[name]}"


def _events(options: Mapping[str, Any], folder: Path) -> pd.DataFrame:
    from cjmining.ingest import ingest
    from cjmining.ingest.proposals import built

    try:
        return ingest(built(options, folder)).events
    except (TypeError, ValueError) as problem:
        raise SourceError(f"an option has a value that can't be used: {problem}") from problem


def _labels_of(events: pd.DataFrame) -> Iterator[str]:
    from cjmining.ingest.sources.base import counted

    for source, own in events.groupby("source", observed=True, sort=True):
        counts = _counts(own)
        yield f"  # {source}: {counted(len(own), 'event')}, {counted(len(counts), 'native one')}"
        for row in counts.head(MOST_EVENTS).itertuples():
            yield f"  - {_rule(str(source), str(row.native), str(row.touchpoint))}  # {row.n:,}"
        rest = counts.iloc[MOST_EVENTS:]
        if len(rest):
            yield f"  # and {len(rest)} more with {counted(int(rest['n'].sum()), 'event')}"


def _counts(events: pd.DataFrame) -> pd.DataFrame:
    """Return native, touchpoint (the most frequent one of it) and n, the most frequent first."""
    events = events.assign(native=events["native"].astype(object).fillna(events["touchpoint"]))
    pairs = events.groupby(["native", "touchpoint"], observed=True).size().rename("n").reset_index()
    pairs = pairs.sort_values(["n", "native", "touchpoint"], ascending=[False, True, True])
    totals = pairs.groupby("native", observed=True)["n"].sum()
    first = pairs.drop_duplicates("native").assign(n=lambda t: t["native"].map(totals).astype(int))
    return first.sort_values(["n", "native"], ascending=[False, True])


def _rule(source: str, native: str, touchpoint: str) -> str:
    import yaml

    rule = {"source": source, "native": native, "touchpoint": touchpoint}
    text: str = yaml.safe_dump(
        rule, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True
    )
    return text.strip()
