"""A page for each source system, made from what its class says and from what it reads of the sample."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import cjmining as cj
from docs.assemble.links import named

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "shop"
_ZONE = "all times say their zone themselves"


def pages() -> dict[str, str]:
    """Return the pages of sources by their places."""
    abouts = cj.sources.describe_sources()
    made = {f"sources/{about['source'].lower()}.md": _page(about) for about in abouts}
    return {place: named(text) for place, text in (made | {"sources/index.md": _index(abouts)}).items()}


def _index(abouts: list[dict[str, str]]) -> str:
    rows = "".join(
        f"| [{about['source']}]({about['source'].lower()}.md) | {_cell(about['reads'])} | "
        f"{about['timezone']} |\n"
        for about in abouts
    )
    tree = "\n".join(about["source"].lower() for about in abouts)
    return f"""# Sources

What `cj.ingest` reads, a page a system: which files, which columns, what identifies a customer, in
which zone times
are. Any other system is a `Table`: you name its columns.

| source | reads | times without a zone are in |
|---|---|---|
{rows}
Several systems are read together and their customers resolved by the identifiers they share:
[Read exports](../how-to/read-exports.md). Where your system has an export of its own that is a
table with one event a
row, [Table](table.md) reads it; logs from other tools of process mining come as [XES](xes.md) or
[from pm4py](../exchange.md).

```{{toctree}}
:hidden:

{tree}
```
"""


def _page(about: dict[str, str]) -> str:
    name = about["source"]
    source = getattr(cj.sources, name)
    summary, *further = (inspect.getdoc(source) or "").split("\n\nParameters\n")[0].split("\n\n")
    blocks = [
        f"# {name}",
        summary.replace("\n", " "),
        *further,
        f"Reads\n: {about['reads']}",
        f"Needs\n: {about['needs']}",
        f"A record is the same again by\n: {about['natural_key']}",
        f"Times without a zone are in\n: {about['timezone']}, unless `timezone` says otherwise",
        *_feeds(name),
        *_touchpoints(source),
        (
            f"## Options\n\n{{py:class}}`cj.sources.{name} <cjmining.sources.{name}>` has them all, "
            f"with an example."
        ),
    ]
    return "\n\n".join(blocks) + "\n"


def _of_the_sample(name: str) -> cj.sources.Table | None:
    """Return the source as it reads the sample, where the system's own columns are fixed."""
    made = {
        "Salesforce": lambda: cj.sources.Salesforce(SAMPLE / "crm"),
        "MarketingCloud": lambda: cj.sources.MarketingCloud(SAMPLE / "email"),
        "GA4": lambda: cj.sources.GA4(SAMPLE / "web"),
        "AmazonConnect": lambda: cj.sources.AmazonConnect(SAMPLE / "calls"),
    }
    return made[name]() if name in made else None


def _feeds(name: str) -> list[str]:
    """Return a section for each form of record: its columns, and what of them identifies a customer."""
    source = _of_the_sample(name)
    if source is None:
        return []
    blocks = [
        "## Columns read\n\nFurther columns are passed over; columns that are not needed may be absent."
    ]
    for feed in source.feeds():
        rows = "".join(
            f"| `{column.name}`{_aliases(column.aliases)} | {column.kind} | {_needed(column)} |\n"
            for column in feed.columns
        )
        who = ", ".join(sorted({kind.partition("/")[0] for kind, _ in feed.identifiers})) or "none"
        blocks.append(
            f"### {feed.name}\n\nIdentifies a customer by: {who}.\n\n| column | kind | "
            f"must be there |\n|---|---|---|\n{rows}"
        )
    return blocks


def _aliases(names: tuple[str, ...]) -> str:
    return f" (or {', '.join(f'`{name}`' for name in names)})" if names else ""


def _needed(column: object) -> str:
    needed, filled = getattr(column, "needed", False), getattr(column, "filled", False)
    return "a value in each record" if filled else "needed" if needed else ""


def _touchpoints(source: type) -> list[str]:
    """Return the table of native events and the touchpoints that they are by themselves."""
    known = getattr(importlib.import_module(source.__module__), "TOUCHPOINTS", None)
    if not known:
        return []
    rows = "".join(f"| `{native}` | `{ours}` |\n" for native, ours in known.items())
    return [
        (
            "## Touchpoints\n\nWhat native events are called before "
            "[labels](../how-to/label-events.md); others keep "
            f"their name.\n\n| native event | touchpoint |\n|---|---|\n{rows}"
        )
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
