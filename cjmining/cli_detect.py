"""What the command line says and writes about the sources that a folder holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cjmining.errors import CjminingError, SourceError

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.ingest.detecting import Detected
    from cjmining.log import JourneyLog

MOST_EVENTS = 40
"""Native events of a source that a first file of labels lists."""


def tell_detected(found: Detected) -> None:
    """Print every file with what it was taken for, then the sources: part of a study."""
    from cjmining.ingest.detecting import options_text

    width = max((len(name) for name in found.files["file"]), default=4)
    for row in found.files.itertuples():
        what = f"{row.source}, {row.layout}" if isinstance(row.source, str) else "not recognised"
        why = f" ({row.why})" if isinstance(row.why, str) else ""
        typer.echo(f"{row.file:<{width}}  {row.sure:<8}  {row.certainty:4.2f}  {what}{why}")
    typer.echo("")
    for line in options_text(found):
        typer.echo(line)


def write_detected(found: Detected, out: Path, *, labels: bool) -> list[Path]:
    """Write sources.yaml, and labels.yaml where the exports can be read; return what was written.

    Raises
    ------
    SourceError
        Nothing was recognised, or one of the files is there already.
    """
    if not found.options:
        raise SourceError(f"nothing in {found.folder} was recognised, so there is nothing to write")
    files = [out / "sources.yaml", *([out / "labels.yaml"] if labels else [])]
    for file in files:
        if file.exists():
            raise SourceError(f"{file} is there already; name another folder, or move it away")
    out.mkdir(parents=True, exist_ok=True)
    from cjmining.ingest.detecting import options_text

    seen_from = _seen_from(found, out)
    files[0].write_text("\n".join(options_text(seen_from)) + "\n", encoding="utf-8")
    if labels:
        files[1].write_text("\n".join(_labels(_read(found))) + "\n", encoding="utf-8")
    return files


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


def _read(found: Detected) -> JourneyLog:
    from cjmining.ingest import ingest

    try:
        return ingest(found.build())
    except CjminingError as problem:
        raise SourceError(
            f"the exports can't be read with what was found, so there are no labels yet: {problem}. "
            "Complete sources.yaml first; --no-labels writes it alone"
        ) from problem


def _labels(log: JourneyLog) -> Iterator[str]:
    """Yield a first file of labels: each source's most frequent native events, as they are by default."""
    yield "# What the systems' own events mean. The first rule that fits wins; see the labels' documentation."
    yield "# Written from the most frequent native events, with the touchpoints they have by default:"
    yield "# change a touchpoint, add channel:, actor:, failed: or where: {property: pattern}, delete others."
    yield "labels:"
    events = log.events
    for source, own in events.groupby("source", observed=True, sort=True):
        counts = _counts(own)
        yield f"  # {source}: {len(own):,} events, {len(counts)} native ones"
        for row in counts.head(MOST_EVENTS).itertuples():
            yield f"  - {_rule(str(source), str(row.native), str(row.touchpoint))}  # {row.n:,}"
        rest = counts.iloc[MOST_EVENTS:]
        if len(rest):
            yield f"  # and {len(rest)} more with {rest['n'].sum():,} events"


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
