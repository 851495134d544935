"""The intended map: its model, its file, its automaton."""

from __future__ import annotations

from cjmining.intended.model import Exit, Expectation, IntendedMap, Persona, Stage, Touchpoint
from cjmining.intended.reader import json_schema, parse_map, read_map

__all__ = [
    "Exit",
    "Expectation",
    "IntendedMap",
    "Persona",
    "Stage",
    "Touchpoint",
    "json_schema",
    "parse_map",
    "read_map",
]
