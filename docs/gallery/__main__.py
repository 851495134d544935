"""Draw the gallery: ``python -m docs.gallery``, or ``make gallery``."""

from __future__ import annotations

from docs.gallery.draw import write

if __name__ == "__main__":
    write()
