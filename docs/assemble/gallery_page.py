"""The gallery: every figure with the code that draws it, from the list beside the pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docs.assemble.links import named
from docs.assemble.names import documented

_INTRO = """# Gallery

Every figure takes a result, never a log, and returns matplotlib's Axes; `dark=True` draws it on dark
paper. The pictures here change with the theme of this page. Each has a twin of the same name and
keywords, such as `cj.plot.data.flow`, that returns the numbers it draws as a table.
"""


_SHEET = """## All on one sheet

```{image} images/gallery.png
:alt: All the figures above on one sheet, each on light and on dark paper.
:class: figure
:target: _images/gallery.png
```"""


def pages(folder: Path) -> dict[str, str]:
    """Return the page of figures."""
    listed = folder / "gallery.json"
    figures = json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else []
    blocks = [named(_INTRO), *_preparation(folder / "prepare.py"), *map(_figure, figures)]
    if (folder.parent / "gallery.png").is_file():
        blocks.append(_SHEET)
    return {"gallery.md": "\n\n".join(blocks) + "\n"}


def _preparation(path: Path) -> list[str]:
    """Return what all examples start from, folded away: it is the same on every page."""
    if not path.is_file():
        return []
    code = path.read_text(encoding="utf-8").strip()
    return [f":::{{dropdown}} What the examples start from\n```python\n{code}\n```\n:::"]


def _figure(figure: dict[str, Any]) -> str:
    """Return the section of one figure: what it is for, the picture on light and on dark paper, its code."""
    name = f"plot.{figure['name']}"
    links = [f"{{py:obj}}`cj.{name} <cjmining.{name}>`"] if name in documented() else []
    twin = f"plot.data.{figure['name']}"
    links += [f"{{py:obj}}`cj.{twin} <cjmining.{twin}>`"] if twin in documented() else []
    parts = [
        f"## {figure['title']}",
        figure["shows"],
        *(_picture(figure, on) for on in ("light", "dark")),
        f"```python\n{figure['code'].strip()}\n```",
        *([f"Reference: {', '.join(links)}"] if links else []),
    ]
    return "\n\n".join(parts)


def _picture(figure: dict[str, Any], on: str) -> str:
    said = " ".join(figure["description"].split())
    return f"```{{image}} images/gallery/{figure[on]}\n:alt: {said}\n:class: only-{on} figure\n```"
