"""Drawing the gallery: SVG on light and on dark paper, a list for pages and programs, and a contact sheet."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from docs.gallery.figures import FIGURES, Example

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IMAGES: Final = Path(__file__).resolve().parents[1] / "images"
FOLDER: Final = IMAGES / "gallery"
SHEET: Final = IMAGES / "gallery.png"
_LIGHT, _DARK = 640, 300
"""Pixels of a figure on the contact sheet, on light and on dark paper."""
_EDGE: Final = 24
_HEAD: Final = 34
_COLOURS: Final = 256
_GROUND: Final = "#dfe5ea"


def write(folder: Path = FOLDER, sheet: Path = SHEET) -> None:
    """Draw all figures into a folder, with a list of them, and the contact sheet."""
    names = prepared()
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [
        (example, *(axes_of(example, names, dark=dark) for dark in (False, True))) for example in FIGURES
    ]
    listed = []
    for example, light, dark in drawn:
        listed.append(entry(example, light))
        for ax, paper in ((light, "light"), (dark, "dark")):
            (folder / listed[-1][paper]).write_text(_svg(ax) + "\n", encoding="utf-8")
    text = json.dumps(listed, indent=1, ensure_ascii=False) + "\n"
    (folder / "gallery.json").write_text(text, encoding="utf-8")
    sheet.write_bytes(contact_sheet([(each.title, light, dark) for each, light, dark in drawn]))


def prepared(customers: int | None = None) -> dict[str, Any]:
    """Run prepare.py, for a shop of so many customers, and return its names."""
    code = (FOLDER / "prepare.py").read_text(encoding="utf-8")
    if customers is not None:
        code, changed = re.subn(r"(?m)^customers = [\d_]+$", f"customers = {customers}", code)
        if changed != 1:
            raise ValueError("prepare.py says in one line how many customers the shop has")
    names: dict[str, Any] = {}
    exec(compile(code, "prepare.py", "exec"), names)  # noqa: S102 -- our own file
    return names


def axes_of(example: Example, names: dict[str, Any], *, dark: bool = False) -> Axes:
    """Run the code of an example and return what it drew."""
    code = example.code if not dark else re.sub(r"\)$", ", dark=True)", example.code)
    here = dict(names)
    exec(compile(code, example.name, "exec"), here)  # noqa: S102 -- our own text
    ax: Axes = here["ax"]
    return ax


def entry(example: Example, ax: Any) -> dict[str, Any]:  # noqa: ANN401 -- a Picture, whose sheet mypy doesn't see
    """Return what the list says of a figure."""
    return {
        **example._asdict(),
        "description": ax.sheet.description,
        "light": f"{example.name}-light.svg",
        "dark": f"{example.name}-dark.svg",
        "width": round(ax.sheet.width),
        "height": round(ax.sheet.height),
    }


def _svg(ax: Axes) -> str:
    from cjmining.plot import to_svg

    return to_svg(ax)


# the contact sheet ----------------------------------------------------------------------------------------


def contact_sheet(drawn: list[tuple[str, Any, Any]]) -> bytes:
    """Return a PNG of all figures in two columns, each on light and, smaller, on dark paper."""
    from PIL import Image, ImageDraw

    pictures = [(title, _pixels(light, _LIGHT), _pixels(dark, _DARK)) for title, light, dark in drawn]
    column = _LIGHT + _DARK + 2 * _EDGE
    ends, placed = [_EDGE, _EDGE], []
    for title, light, dark in pictures:
        side = ends.index(min(ends))
        placed.append((title, light, dark, _EDGE + side * column, ends[side]))
        ends[side] += light.height + _HEAD + _EDGE
    whole = Image.new("RGB", (2 * column + _EDGE, max(ends)), _GROUND)
    for title, light, dark, x, y in placed:
        _title(ImageDraw.Draw(whole), title, x, y)
        whole.paste(light, (x, y + _HEAD))
        whole.paste(dark, (x + _LIGHT + _EDGE // 2, y + _HEAD))
    made = io.BytesIO()
    whole.quantize(palette=_palette(whole), dither=Image.Dither.NONE).save(made, "PNG", optimize=True)
    return made.getvalue()


def _palette(whole: Any) -> Any:  # noqa: ANN401 -- images of Pillow, which brings no types
    """Return the colours of the theme, of which some are rare, and then the most frequent ones."""
    from PIL import Image

    from cjmining.plot import theme

    themes = {_parts(each) for colour in theme.every_colour() for each in (colour.light, colour.dark)}
    counted = sorted(whole.getcolors(whole.width * whole.height), key=lambda each: (-each[0], each[1]))
    used = {colour for _, colour in counted}
    kept = dict.fromkeys([*sorted(themes & used), *(colour for _, colour in counted)])
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in list(kept)[:_COLOURS] for part in colour])
    return palette


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def _pixels(ax: Any, wide: int) -> Any:  # noqa: ANN401 -- an image of Pillow, which brings no types
    """Draw a figure with matplotlib, twice as large as it is kept, so that small type stays legible."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    figure = ax.get_figure(root=True)
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(72 * 2 * wide / ax.sheet.width)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    return image.resize((wide, round(image.height * wide / image.width)), Image.Resampling.LANCZOS)


def _title(draw: Any, title: str, x: int, y: int) -> None:  # noqa: ANN401
    from matplotlib.font_manager import FontProperties, findfont
    from PIL import ImageFont

    font = ImageFont.truetype(findfont(FontProperties(family="DejaVu Sans", weight="bold")), 17)
    draw.text((x, y + 6), title, fill="#1f2933", font=font)
