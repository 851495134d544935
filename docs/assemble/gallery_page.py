"""The gallery: every figure with the code that draws it, from the list beside the pictures."""

from __future__ import annotations

import json
from pathlib import Path


def pages(folder: Path) -> dict[str, str]:
    """Return the page of figures."""
    listed = folder / "gallery.json"
    figures = json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else []
    return {"gallery.md": "# Gallery\n\n" + "\n".join(map(str, figures)) + "\n"}
