"""The maps of a study: each is read, and all their mistakes are told at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cjmining.documents import Document, Mistake, raise_mistakes
from cjmining.errors import MapError, StudyError
from cjmining.intended import read_map

if TYPE_CHECKING:
    from cjmining.intended import IntendedMap
    from cjmining.study.form import StudyForm

LONGEST_SLUG = 60
"""Longest name of a map's folder, in characters."""


def read_maps(form: StudyForm, document: Document) -> tuple[IntendedMap, ...]:
    """Read the maps that a study names, in its order; relative paths start at the study's folder.

    Raises
    ------
    MapError
        With the mistakes of every map.
    StudyError
        If two maps have the same name, or one has no personas to group by, each with its line.
    """
    folder = Path(document.path).parent
    maps, problems = [], list[MapError]()
    for file in form.map:
        try:
            maps.append(read_map(folder / file))
        except MapError as problem:
            problems.append(problem)
    if problems:
        _raise_all(problems)
    mistakes = [*_same_names(form, document, maps), *_without_personas(form, maps)]
    if mistakes:
        raise_mistakes(document, mistakes, error=StudyError)
    return tuple(maps)


def slug(name: str) -> str:
    """Return the name of a map's folder: the same in every run, whatever other maps there are.

    Examples
    --------
    >>> slug("Online purchase")
    'online-purchase'
    >>> slug("Après-vente / Service")
    'apr-s-vente-service-a4a3b7'
    """
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_SLUG].rstrip("-")
    if name.lower() == readable.replace("-", " "):
        return readable
    digest = hashlib.sha256(name.lower().encode()).hexdigest()[:6]  # something of the name was lost
    return "-".join(filter(None, [readable, digest]))


def _raise_all(problems: Sequence[MapError]) -> None:
    """Raise the one problem as it is, several together."""
    if len(problems) == 1:
        raise problems[0]
    mistakes = [mistake for problem in problems for mistake in problem.mistakes or (str(problem),)]
    raise MapError(
        "\n".join([f"{len(problems)} maps have mistakes:", *(f"  {mistake}" for mistake in mistakes)]),
        mistakes=mistakes,
    )


def _same_names(form: StudyForm, document: Document, maps: Sequence[IntendedMap]) -> Iterator[Mistake]:
    """Names that differ in upper and lower case only are the same: their folders would be, too."""
    first: dict[str, int] = {}
    for place, intended in enumerate(maps):
        before = first.setdefault(intended.name.lower(), place)
        if before != place:
            what = (
                f"the map {form.map[place]} is called '{intended.name}', as {form.map[before]} in line "
                f"{document.line(('map', before))} is; give each map a name of its own"
            )
            yield Mistake(("map", place), what)


def _without_personas(form: StudyForm, maps: Sequence[IntendedMap]) -> Iterator[Mistake]:
    if form.by != "persona":
        return
    for file, intended in zip(form.map, maps, strict=True):
        if not intended.personas:
            yield Mistake(
                ("by",),
                f"the map {file} has no personas to group by; leave 'by' out, or give it personas",
            )
