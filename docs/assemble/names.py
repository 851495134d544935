"""The public names, and where the reference has each."""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import cjmining as cj

MODULES = ("sources", "plot", "plot.data", "patterns", "simulate", "interop", "engines")
"""Modules whose every public name has its place on the module's own page."""


class Part(NamedTuple):
    """A page of the reference: names that answer one kind of question."""

    file: str
    title: str
    intro: str
    names: tuple[str, ...]


PARTS = (
    Part(
        "reading",
        "From exports to a log",
        "Read what systems recorded, say what it means, and cut it into journeys. `JourneyLog` is "
        "the one object "
        "that everything else takes; its methods label, split, group, tag and choose.",
        ("ingest", "read_log", "JourneyLog", "Explanation"),
    ),
    Part(
        "intended",
        "The intended map",
        "The journey that the business intends, and whether the log can be held against it.",
        ("read_map", "IntendedMap", "read_personas", "sketch_map", "coverage", "Coverage",
         "intended.parse_map"),
    ),
    Part(
        "conformance",
        "Actual against intended",
        "Every journey aligned with the map: outcomes, drop-out, deviations, promises; and our "
        "figures beside "
        "those of the CRM or of finance.",
        ("check", "Conformance", "difference", "Difference", "conformance.story.Story", "Reconciliation"),
    ),
    Part(
        "dropout",
        "Where and why customers leave",
        "What a check says of those who leave: how likely, where and when, what goes with it, and "
        "what counts as "
        "having left.",
        ("incidence", "Incidence", "scan", "DropOutScan", "drivers", "Drivers", "settle_patience",
         "SettledPatience", "lifetime_value", "LifetimeValue"),
    ),
    Part(
        "doing",
        "What to do about it",
        "A change played through, the customers whom to write to, and who came back.",
        ("what_if", "Scenario", "audience", "Audience", "won_back", "WonBack"),
    ),
    Part(
        "discovery",
        "What customers do",
        "With or without a map: what follows what, paths, funnels, variants, patterns, comparisons.",
        ("discover", "Discovery", "paths", "Paths", "funnel", "Funnel", "variants", "Variants",
         "Representatives",
         "partings", "Partings", "nearest_journey", "NearestJourneys", "matches", "Matches", "markov",
         "MarkovChains", "compare", "Comparison"),
    ),
    Part(
        "finding",
        "Personas and journeys that nobody drew",
        "Groups that behaviour shows, and where journeys begin when no map says so.",
        ("find_personas", "FoundPersonas", "find_journeys", "FoundJourneys"),
    ),
    Part(
        "telling",
        "Show it, hand it on, run it again",
        "One page for people who don't program, one workbook for those who calculate, one study for "
        "the scheduler.",
        ("report", "export", "run_study"),
    ),
    Part(
        "errors",
        "Errors",
        "One small tree. A message says what was found, where, what was expected and the nearest "
        "right thing.",
        ("CjminingError", "SourceError", "MapError", "LogError", "StudyError"),
    ),
)  # fmt: skip

MODULE_TITLES = {
    "sources": "Sources",
    "plot": "Figures",
    "plot.data": "The numbers of figures",
    "patterns": "Patterns of paths",
    "simulate": "Simulated customers",
    "interop": "Exchange",
    "engines": "Where blocks are worked on",
}


def public_names() -> list[str]:
    """Return every public name, as it is written after `cjmining.`, those of public modules among them."""
    modules = present_modules()
    names = [name for name in cj.__all__ if name != "__version__" and name not in modules]
    return names + [f"{module}.{name}" for module in modules for name in module_names(module)]


def present_modules() -> list[str]:
    """Return the public modules."""
    return [name for name in MODULES if module_names(name)]


def module_of(name: str) -> ModuleType | None:
    """Return a public module by its name after `cjmining.`, or None where there is none."""
    home = {"sources": "ingest.sources", "engines": "engine"}.get(name, name)
    try:
        return importlib.import_module(f"cjmining.{home}")
    except ModuleNotFoundError:
        return None


def module_names(module: str) -> list[str]:
    """Return the public names of a module that are no modules themselves."""
    home = module_of(module)
    return [name for name in home.__all__ if not isinstance(getattr(home, name), ModuleType)] if home else []


@cache
def documented() -> frozenset[str]:
    """Return all names that have a page, as they are written after `cjmining.`."""
    parts = {name for part in PARTS for name in part.names}
    return frozenset(parts | {f"{m}.{name}" for m in present_modules() for name in module_names(m)})


def thing(name: str) -> Any:  # noqa: ANN401 -- any public object
    """Return what a name stands for."""
    first, _, last = name.rpartition(".")
    home = (module_of(first) if first else cj) or importlib.import_module(f"cjmining.{first}")
    return getattr(home, last)


@cache
def METHODS_OF(name: str) -> tuple[str, ...]:  # noqa: N802 -- reads like the table that it is
    """Return the public methods and properties of a class that say what they are for, in their order."""
    return members(thing(name))


def members(a_class: type) -> tuple[str, ...]:
    """Return the public methods and properties of a class that have a docstring, its own first."""
    found: dict[str, None] = {}
    for base in a_class.__mro__:
        if base.__module__.startswith("cjmining"):
            found |= {n: None for n, value in vars(base).items() if not n.startswith("_") and _told(value)}
    return tuple(found)


def _told(value: object) -> bool:
    kinds = ("property", "cached_property", "classmethod", "staticmethod")
    is_member = inspect.isfunction(value) or type(value).__name__ in kinds
    return is_member and bool(inspect.getdoc(value))


def is_class(name: str) -> bool:
    """Whether a name stands for a class."""
    return inspect.isclass(thing(name))


def first_sentence(name: str) -> str:
    """Return what a name is for, in the first sentence of its docstring."""
    value = thing(name)
    if not callable(value):
        return ""
    return " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())
