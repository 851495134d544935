"""Which rows of a result a picture shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cjmining.errors import LogError, nearest
from cjmining.intended.model import RESERVED_PERSONAS

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.intended import IntendedMap, Stage, Touchpoint

ALL = "all"
Row = dict[str, Any]

LARGEST_Q = 0.05
"""Below this a deviation is said to go with more or fewer conversions."""


def significant(deviation: Mapping[str, Any]) -> bool:
    """Say whether journeys with a deviation converted more or less often than those there without it.

    That is, by more than chance allows among so many comparisons.
    """
    return bool(deviation["q"] < LARGEST_Q and deviation["difference"])


def map_of(intended: IntendedMap, by: str | None, group: str) -> IntendedMap:
    """Return the map that a group's picture is drawn on.

    That is a persona's own map; for everybody and for other groups, whose journeys may follow the maps of
    several personas, the map with the touchpoints of all of them.
    """
    own = {*RESERVED_PERSONAS, *(persona.persona for persona in intended.personas)}
    if by == "persona" and group in own:
        return intended.for_persona(group)
    variants = intended.variants
    if len(variants) == 1:
        return intended
    stages = zip(*(variant.stages for variant in variants), strict=True)
    return replace(intended, stages=tuple(replace(same[0], touchpoints=_union(same)) for same in stages))


def _union(stages: tuple[Stage, ...]) -> tuple[Touchpoint, ...]:
    """Return the touchpoints of a stage in all maps, each name once, as the first map has it."""
    named: dict[str, Touchpoint] = {}
    for stage in stages:
        for touchpoint in stage.touchpoints:
            named.setdefault(touchpoint.touchpoint, touchpoint)
    return tuple(named.values())


def rows(table: pd.DataFrame, group: str) -> list[Row]:
    """Return the rows of one group, as dictionaries, in the table's order."""
    chosen_rows: list[Row] = table[table["by"].astype(str) == group].to_dict("records")  # type: ignore[assignment]
    return chosen_rows


def expect_check(check: object, verb: str) -> None:
    """Raise a LogError unless `check` is what `cj.check` returned; `verb` is what was called."""
    _expect(check, ("intended", "stages", "outcomes"), f"{verb} takes the result of cj.check(log, intended)")


def expect_found(found: object, verb: str) -> None:
    """Raise a LogError unless `found` is what `cj.discover` returned; `verb` is what was called."""
    _expect(found, ("overview", "transitions"), f"{verb} takes the result of cj.discover(log)")


def expect_map(intended: object, verb: str) -> None:
    """Raise a LogError unless `intended` is an intended map or None; `verb` is what was called."""
    if intended is not None:
        _expect(intended, ("stages", "ignore"), f"{verb} takes as intended what cj.read_map(path) returns")


def expect_story(story: object, verb: str) -> None:
    """Raise a LogError unless `story` is what `check.explain` returned; `verb` is what was called."""
    _expect(story, ("moves", "ending", "end_position"), f"{verb} takes what check.explain(journey) returns")


def expect_beside(beside: object, verb: str) -> None:
    """Raise a LogError unless `beside` is what `model_beside_map` returned; `verb` is what was called."""
    _expect(
        beside,
        ("pairs", "account", "counted", "intended"),
        f"{verb} takes what cjmining.interop.model_beside_map returned",
    )


def _expect(value: object, having: tuple[str, ...], expected: str) -> None:
    if not all(hasattr(value, name) for name in having):
        raise LogError(f"{expected}, not {type(value).__name__}")


def chosen(result: Any, group: str | None, *, what: str = "persona") -> tuple[Any, str]:  # noqa: ANN401
    """Return the result to draw and the group's name in it: all journeys without a group.

    Raises
    ------
    LogError
        If the result has no such group; the message names the nearest and those there are.
    """
    if group is None:
        overall = getattr(result, "overall", None)
        return (result if overall is None else overall), ALL
    groups = tuple(str(name) for name in result.groups)
    if result.by is None:
        raise LogError(
            f"{what} '{group}' asked for, but the result isn't grouped; use by='persona' to group it"
        )
    if group not in groups:
        hint = nearest(group, groups)
        there_are = f"{hint} There are" if hint else "; there are"
        raise LogError(f"there is no {what} '{group}'{there_are}: {', '.join(groups)}")
    return result, group
