"""The index of decisions, made from what lies in their folder."""

from __future__ import annotations

from pathlib import Path


def pages(folder: Path) -> dict[str, str]:
    """Return the index of the decisions."""
    found = sorted(folder.glob("[0-9]*.md"))
    rows = "".join(f"| {path.stem[:4]} | [{_title(path)}]({path.name}) |\n" for path in found)
    tree = "\n".join(path.stem for path in found)
    return {
        "decisions/index.md": f"""# Decisions

Why things are as they are, half a page each: what was open, what was chosen, and what spoke
against the other ways.

| number | decision |
|---|---|
{rows}
```{{toctree}}
:hidden:

{tree}
```
"""
    }


def _title(path: Path) -> str:
    first = next(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# "))
    text = first.removeprefix("# ").strip()
    return text.split(" ", 1)[1] if text[:1].isdigit() and " " in text else text
