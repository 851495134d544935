"""A page for each source system, and the table of all of them, made from what its class says of itself."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cjmining.ingest.sources import every_source
from cjmining.ingest.vocabulary import AREAS
from docs.assemble.links import named

if TYPE_CHECKING:
    from cjmining.ingest.sources.about import About
    from cjmining.ingest.sources.base import Source

COVERAGE = Path(__file__).resolve().parents[1] / "sources.md"
_HEAD = """This page is made from what the sources say of themselves (`python -m docs.assemble.source_pages`);
a test holds it to them. Any other system is a `Table`: you name its columns. To add one, see
[Adding a source](adding-a-source.md)."""
_WORDS = """One vocabulary of touchpoints over all sources; a part in angle brackets stands for the company's
own words. What has no standard meaning keeps its native name, until labels give it one."""


def pages() -> dict[str, str]:
    """Return the pages of sources by their places."""
    made = {f"sources/{kind.kind.lower()}.md": _page(kind) for kind in every_source()}
    return {place: named(text) for place, text in (made | {"sources/index.md": _index()}).items()}


def coverage() -> str:
    """Return the page that says of every source what it reads and what was checked against what."""
    parts = [
        "# What is read from which system",
        _HEAD,
        _table(
            ("source", "system", "layouts", "identifiers", "measures", "checked against"),
            [_covered(kind) for kind in every_source()],
        ),
        *(_section(kind) for kind in every_source()),
        "## The vocabulary",
        _WORDS,
        *(
            f"### {area}\n\n" + _table(("touchpoint", "meaning"), [(f"`{w}`", m) for w, m in words.items()])
            for area, words in AREAS.items()
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _covered(kind: type[Source]) -> tuple[str, ...]:
    about = kind.about
    return (
        f"[{kind.kind}](#{kind.kind.lower()})",
        about.system,
        "; ".join(dict.fromkeys(layout.name for layout in about.layouts)),
        ", ".join(about.identifiers) or "none",
        ", ".join(measure.partition(":")[0] for measure in about.measures) or "none",
        about.checked,
    )


def _section(kind: type[Source]) -> str:
    return "\n\n".join([f"## {kind.kind}", *_said(kind.about, "###")])


def _said(about: About, level: str) -> list[str]:
    """Return what a source says of itself, block by block."""
    files = [(layout.name, layout.files) for layout in about.layouts]
    facts = [
        ("needs", about.needs),
        ("a record is the same again by", about.natural_key),
        ("identifiers", ", ".join(about.identifiers)),
        ("times", about.times),
        ("failed", about.failed),
        ("measures", "; ".join(about.measures)),
        ("dimensions", "; ".join(about.dimensions)),
        ("bots, scanners, tests", about.robots),
        ("checked against", about.checked),
        ("written after", ", ".join(f"<{address}>" for address in about.documentation)),
    ]
    blocks = [_table(("layout", "files"), files)] if files else []
    blocks.append(_table(("", ""), [(name, text) for name, text in facts if text]))
    if about.touchpoints:
        rows = [
            (f"`{d.native}`", f"`{d.touchpoint}`", d.actor, d.channel, _failed(d.failed, d.note))
            for d in about.touchpoints
        ]
        blocks += [
            f"{level} Touchpoints before labels",
            _table(("native event", "touchpoint", "actor", "channel", "failed, remarks"), rows),
        ]
    return blocks


def _failed(failed: str, note: str) -> str:
    return "; ".join(part for part in (f"failed: {failed}" if failed else "", note) if part)


def _index() -> str:
    rows = [
        (f"[{kind.kind}]({kind.kind.lower()}.md)", kind.about.reads, kind.default_zone)
        for kind in every_source()
    ]
    tree = "\n".join(kind.kind.lower() for kind in every_source())
    table = _table(("source", "reads", "times without a zone are in"), rows)
    return f"""# Sources

What `cj.ingest` reads, a page a system: which files, which columns, what identifies a customer, in
which zone times are. Any other system is a `Table`: you name its columns.
[What is read from which system](../sources.md) has all of it on one page, with what was checked.

{table}

`cj.sources.detect("exports/")` says which of them a folder holds. Several systems are read together and
their customers resolved by the identifiers they share: [Read exports](../how-to/read-exports.md). Where your
system has an export of its own that is a table with one event a row, [Table](table.md) reads it; logs from
other tools of process mining come as [XES](xes.md), [OCEL](ocel.md) or [from pm4py](../exchange.md).

```{{toctree}}
:hidden:

{tree}
```
"""


def _page(kind: type[Source]) -> str:
    summary, *further = (inspect.getdoc(kind) or "").split("\n\nParameters\n")[0].split("\n\n")
    blocks = [
        f"# {kind.kind}",
        summary.replace("\n", " "),
        *further,
        *_said(kind.about, "##"),
        f"Times without a zone are in {kind.default_zone}, unless `timezone` says otherwise.",
        (
            f"## Options\n\n{{py:class}}`cj.sources.{kind.kind} <cjmining.sources.{kind.kind}>` has them "
            "all, with an example."
        ),
    ]
    return "\n\n".join(blocks) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(text) for text in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Write docs/sources.md."""
    COVERAGE.write_text(coverage(), encoding="utf-8")
    sys.stdout.write(f"{COVERAGE} is written\n")


if __name__ == "__main__":
    main()
