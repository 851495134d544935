"""How the pictures look: colours, sizes and the one typeface, in one place.

Drop-out alone has the strong colour. The four outcomes differ in lightness and in pattern as well as in hue,
so that they can be told apart in black and white and by colour-blind readers. Each colour is a pair: for
pictures on light paper and on dark.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Colour(NamedTuple):
    """A colour by its part in a picture: a name, and what it is on light and on dark paper (#rrggbb)."""

    name: str
    light: str
    dark: str

    def on(self, *, dark: bool) -> str:
        """Return what is drawn on light or on dark paper."""
        return self.dark if dark else self.light


FONT: Final = "DejaVu Sans"
"""Comes with matplotlib, so that a picture measures and looks the same on every machine."""

INK: Final = Colour("ink", "#1f2933", "#e6eaee")
MUTED: Final = Colour("muted", "#5f6b7a", "#a7b1bc")
RULE: Final = Colour("rule", "#d5dae0", "#3a434d")
PANEL: Final = Colour("panel", "#e8edf1", "#29313a")
LANE: Final = Colour("lane", "#f1f4f6", "#1f262d")
PAPER: Final = Colour("paper", "#ffffff", "#151a1f")
RIBBON: Final = Colour("ribbon", "#a3b8ce", "#4a6785")
AFTER_GOAL: Final = Colour("after-goal", "#b9d2cf", "#355450")
PATH: Final = Colour("path", "#ccd8e4", "#33475b")
DISC: Final = Colour("disc", "#3d6690", "#7fa9d3")

CONVERTED: Final = Colour("converted", "#0f5f5a", "#86dccf")
DROPPED: Final = Colour("dropped", "#c43d21", "#ef6f52")
TURNED_AWAY: Final = Colour("turned-away", "#86640d", "#d6ad45")
OPEN: Final = Colour("open", "#66717e", "#9ba6b2")
TURNED_AWAY_FILL: Final = Colour("turned-away-fill", "#efe2bd", "#4b3e1a")
OPEN_FILL: Final = Colour("open-fill", "#e3e7eb", "#343d46")
TURNED_AWAY_HATCH: Final = "\\\\\\"
OPEN_HATCH: Final = "////"
"""Patterns are lines one way or the other: they stay apart in black and white."""
OUTCOME: Final = {"converted": CONVERTED, "dropped": DROPPED, "turned away": TURNED_AWAY, "open": OPEN}

FORWARD: Final = Colour("forward", "#86a3c1", "#5d82a8")
BACK: Final = Colour("back", "#c9a95c", "#a98b45")
OFF_MAP: Final = Colour("off-map", "#b9c1ca", "#59646f")
MODELLED: Final = Colour("modelled", "#b07a1e", "#d59c3e")
NEITHER: Final = Colour("neither", "#9aa5b1", "#6d7884")

CATEGORY: Final = (
    Colour("category-1", "#2f5d8a", "#78abdd"),
    Colour("category-2", "#e0a43a", "#e9bd68"),
    Colour("category-3", "#2a8277", "#55b8ab"),
    Colour("category-4", "#8a5793", "#c096c9"),
    Colour("category-5", "#9cc3e4", "#3f6f9b"),
    Colour("category-6", "#6f4a2b", "#b88d67"),
    Colour("category-7", "#b3b95a", "#7d8334"),
    Colour("category-8", "#d9c6a5", "#5e5038"),
    Colour("category-9", "#e3a0bb", "#8d4a68"),
    Colour("category-10", "#8c96a1", "#68727d"),
)
"""For things without an order, such as channels; a legend or a label always says which is which."""

_STEPS: Final = 9
_HEAT_LIGHT: Final = ("#fbf1ed", "#e58a6d", "#9a2a12")
_HEAT_DARK: Final = ("#2a2422", "#a54730", "#f8a993")

TITLE: Final = 20.0
FIGURE: Final = 19.0
HEAD: Final = 11.0
BODY: Final = 9.0
SMALL: Final = 8.0

LINE: Final = 1.36
"""Distance of two baselines, in multiples of the size of the type."""

PAGE: Final = 880.0
"""Width of a picture in points; a page shows a point as 1.1 to 1.2 pixels, so that the type is still read."""
MARGIN: Final = 20.0


def paler(colour: Colour) -> Colour:
    """Return a colour mixed with five times as much paper: for bands behind a curve."""
    return Colour(
        f"{colour.name}-pale",
        _mixed(PAPER.light, colour.light, 1 / 6),
        _mixed(PAPER.dark, colour.dark, 1 / 4),
    )


def heat(share: float) -> Colour:
    """Return the step of the ramp for a share from 0 (near the paper) to 1 (strongest).

    On either paper the ramp goes one way in lightness, so that it reads in black and white.
    """
    step = round(min(max(share, 0.0), 1.0) * (_STEPS - 1))
    return Colour(f"heat-{step}", _ramp(_HEAT_LIGHT, step), _ramp(_HEAT_DARK, step))


def upon(colour: Colour) -> Colour:
    """Return the colour of type on a ground: black or white, whichever stands out more.

    That is at least 4.5 to 1.
    """
    return Colour(f"upon-{colour.name}", _upon(colour.light), _upon(colour.dark))


def every_colour() -> tuple[Colour, ...]:
    """Return all colours that a picture may use, each once."""
    named = [value for value in globals().values() if isinstance(value, Colour)] + list(CATEGORY)
    ramp = [heat(step / (_STEPS - 1)) for step in range(_STEPS)]
    grounds = [*CATEGORY, *ramp, CONVERTED, DROPPED, DISC, RIBBON]
    return (*named, *ramp, *map(paler, named), *map(upon, grounds))


def _upon(ground: str) -> str:
    """Return what stands out: both do alike where luminance and .05 together are the root of .05 x 1.05."""
    return "#000000" if _lightness(ground) + 0.05 > (0.05 * 1.05) ** 0.5 else "#ffffff"


def _lightness(colour: str) -> float:
    """Return the relative luminance of a colour as WCAG 2.1 defines it."""
    parts = [part / 255 for part in _parts(colour)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _ramp(stops: tuple[str, str, str], step: int) -> str:
    at = 2 * step / (_STEPS - 1)
    return _mixed(stops[0], stops[1], at) if at <= 1 else _mixed(stops[1], stops[2], at - 1)


def _mixed(one: str, other: str, share: float) -> str:
    """Return `share` of the other colour in the one."""
    pairs = zip(_parts(one), _parts(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _parts(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue
