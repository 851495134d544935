"""The map in words, for a reader who is to say whether it is what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.intended.view import as_text

if TYPE_CHECKING:
    from cjmining.intended.model import IntendedMap


def explain(intended: IntendedMap) -> str:
    """Return the map in words."""
    return as_text(intended)
