"""Whole verbs, from a log in memory to all tables as DataFrames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Counts = dict[str, int]


def discover(folder: Path) -> Callable[[], Counts]:
    """`cj.discover`: transitions with medians, variants, touchpoints, starts and ends."""
    import cjmining as cj

    log = cj.read_log(folder / "log")
    return lambda: {"transitions": int(cj.discover(log).transitions["count"].sum())}


def check(folder: Path) -> Callable[[], Counts]:
    """`cj.check` by persona: outcomes, alignments, deviations, drop-outs; half and twice the patience too."""
    import cjmining as cj

    log = cj.read_log(folder / "log")
    intended = cj.read_map(folder / "intended.yaml")
    return lambda: {"journeys": len(cj.check(log, intended, by="persona").journeys)}


ENGINES = {"discover, everything": {"cjmining": discover}, "check, everything": {"cjmining": check}}
