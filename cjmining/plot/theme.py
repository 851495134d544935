"""How the pictures look: colours, sizes and the one typeface, in one place.

Drop-out alone has the strong colour. The four outcomes differ in lightness and in pattern as well as in hue,
so that they can be told apart in black and white and by colour-blind readers.
"""

from __future__ import annotations

from typing import Final

FONT: Final = "DejaVu Sans"
"""Comes with matplotlib, so that a picture measures and looks the same on every machine."""

INK: Final = "#1f2933"
MUTED: Final = "#5f6b7a"
RULE: Final = "#d5dae0"
PANEL: Final = "#e8edf1"
LANE: Final = "#f1f4f6"
PAPER: Final = "#ffffff"
RIBBON: Final = "#a3b8ce"
AFTER_GOAL: Final = "#b9d2cf"
DISC: Final = "#3d6690"

CONVERTED: Final = "#0f5f5a"
DROPPED: Final = "#c43d21"
TURNED_AWAY: Final = "#86640d"
OPEN: Final = "#66717e"
TURNED_AWAY_FILL: Final = "#efe2bd"
OPEN_FILL: Final = "#e3e7eb"
TURNED_AWAY_HATCH: Final = "\\\\\\"
OPEN_HATCH: Final = "////"
"""Lines, never dots: an SVG writes each dot of a pattern as a circle of its own."""
OUTCOME: Final = {"converted": CONVERTED, "dropped": DROPPED, "turned away": TURNED_AWAY, "open": OPEN}

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
