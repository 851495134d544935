"""The intended map: its model, its file, its automaton."""

from __future__ import annotations

from cjmining.intended.model import Exit, Expectation, IntendedMap, Persona, Stage, Touchpoint

__all__ = [
    "Exit",
    "Expectation",
    "IntendedMap",
    "Persona",
    "Stage",
    "Touchpoint",
]
