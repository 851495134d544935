"""Checks between the parts of a map: names that must be known, unique, or agree.

They are made on the raw values, so that a mistake of form elsewhere in the file hides none of them. The
map of a persona that overrides stages is checked like the map itself, and its mistakes are told where the
persona stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from cjmining.documents import Mistake, Steps
from cjmining.errors import nearest
from cjmining.intended.model import RESERVED_PERSONAS

MAX_ANY = 5


def cross_checks(outline: Outline) -> list[Mistake]:
    """Return the mistakes that only show between parts of a map, those of its variants included."""
    mistakes = [mistake for check in _CHECKS for mistake in check(outline)]
    mistakes += [mistake for check in _CHECKS_OF_PERSONAS for mistake in check(outline)]
    for variant in outline.variants:
        found = (mistake for check in _CHECKS for mistake in check(variant.outline))
        mistakes += variant.told(mistake for mistake in found if variant.is_own(mistake, mistakes))
    return mistakes


def checks_of_personas(outline: Outline) -> list[Mistake]:
    """Return the mistakes that only show between personas: names twice, or the library's own words."""
    return [mistake for check in _CHECKS_OF_NAMES for mistake in check(outline)]


@dataclass(frozen=True)
class Named:
    """A name and where it stands."""

    name: str
    steps: Steps


class Outline:
    """The names in a map's raw values; what has the wrong form is passed over."""

    def __init__(self, data: Any) -> None:  # noqa: ANN401 -- any plain value
        self._top: dict[str, Any] = data if isinstance(data, dict) else {}
        top = self._top
        self.raw_stages = list(_dicts(top.get("stages"), ("stages",)))
        self.stages = list(_names(top.get("stages"), ("stages",), "stage"))
        self.goal = list(_texts(top.get("goal"), ("goal",)))
        self.ignore = list(_texts(top.get("ignore"), ("ignore",)))
        self.exits = list(_names(top.get("exits"), ("exits",), "touchpoint"))
        self.raw_personas = list(_dicts(top.get("personas"), ("personas",)))
        self.personas = list(_names(top.get("personas"), ("personas",), "persona"))
        self.endings = list(_texts(top.get("new_journey_after"), ("new_journey_after",)))
        self.touchpoints = [
            name
            for at, raw in self.raw_stages
            for name in _names(raw.get("touchpoints"), (*at, "touchpoints"), "touchpoint")
        ]
        # Written as mere text instead of {touchpoint: ...}: told as such, but still on the map.
        self.bare_touchpoints = [
            named.name for _, raw in self.raw_stages for named in _texts(raw.get("touchpoints"), ())
        ]

    @property
    def planned(self) -> list[str]:
        """The names of the touchpoints of all stages."""
        return [named.name for named in self.touchpoints] + self.bare_touchpoints

    @cached_property
    def _touchpoint_at(self) -> dict[Steps, dict[str, Any]]:
        return {
            steps: raw
            for at, stage in self.raw_stages
            for steps, raw in _dicts(stage.get("touchpoints"), (*at, "touchpoints"))
        }

    def raw(self, touchpoint: Named) -> dict[str, Any]:
        """Return the raw values of the touchpoint that carries a name."""
        return self._touchpoint_at[touchpoint.steps[:-1]]

    def listed(self, touchpoint: Named, key: str) -> list[Named]:
        """Return the words in a list of a touchpoint (`channels`, `rates`)."""
        return list(_texts(self.raw(touchpoint).get(key), (*touchpoint.steps[:-1], key)))

    def promises(self, touchpoint: Named) -> list[tuple[Steps, dict[str, Any]]]:
        """Return the raw expectations of a touchpoint, each with its place."""
        return list(_dicts(self.raw(touchpoint).get("expect"), (*touchpoint.steps[:-1], "expect")))

    @cached_property
    def variants(self) -> list[Variant]:
        """The map of each persona that overrides stages of the map."""
        return [
            self._variant(at, raw, overrides)
            for at, raw in self.raw_personas
            if (overrides := self.overrides(at, raw))
        ]

    def overrides(self, at: Steps, persona: Mapping[str, Any]) -> list[tuple[Steps, dict[str, Any]]]:
        """Return the raw overrides of a persona that name a stage, each with its place."""
        return [
            (steps, raw)
            for steps, raw in _dicts(persona.get("stages"), (*at, "stages"))
            if _is_text(raw.get("stage"))
        ]

    def _variant(
        self, at: Steps, persona: Mapping[str, Any], overrides: Sequence[tuple[Steps, dict[str, Any]]]
    ) -> Variant:
        stages = list(self._top["stages"]) if isinstance(self._top.get("stages"), list) else []
        numbers = {named.name: int(named.steps[1]) for named in reversed(self.stages)}
        moved: dict[Steps, Steps] = {}
        for steps, override in overrides:
            number = numbers.get(override["stage"])
            if number is not None:
                stages[number] = {**stages[number], **override}
                moved |= {("stages", number, key): (*steps, key) for key in override}
                moved["stages", number] = steps
        outline = Outline({**self._top, "stages": stages})
        return Variant(str(persona.get("persona")), (*at, "stages"), outline, moved)


@dataclass(frozen=True)
class Variant:
    """The outline of the map with the stages of one persona, and where these stand in the file.

    Attributes
    ----------
    persona : str
        Its name.
    at : tuple
        The way to its overrides.
    outline : Outline
        The map with the overrides in place.
    moved : mapping
        For the way to an overridden key (and stage) in `outline`, the way to it in the file.
    """

    persona: str
    at: Steps
    outline: Outline
    moved: Mapping[Steps, Steps]

    def is_own(self, mistake: Mistake, told: Sequence[Mistake]) -> bool:
        """Say whether a mistake of the variant isn't that of the map, which has been told."""
        if len(mistake.steps) > 2 and mistake.steps[:3] in self.moved:
            return mistake.steps[2] != "stage"
        return all((mistake.steps, mistake.what) != (other.steps, other.what) for other in told)

    def told(self, mistakes: Iterable[Mistake]) -> Iterator[Mistake]:
        """Yield mistakes of the variant as mistakes of the file, told where the persona stands."""
        for mistake in mistakes:
            what = f"for the persona '{self.persona}': {mistake.what}"
            yield replace(mistake, steps=self._place(mistake.steps), what=what)

    def _place(self, steps: Steps) -> Steps:
        """Return where the persona says it; what arises elsewhere on the map is told at its overrides."""
        if steps[:3] in self.moved:
            return (*self.moved[steps[:3]], *steps[3:])
        return self.at


def _dicts(values: object, at: Steps) -> Iterator[tuple[Steps, dict[str, Any]]]:
    for number, value in enumerate(values if isinstance(values, list) else []):
        if isinstance(value, dict):
            yield (*at, number), value


def _texts(values: object, at: Steps) -> Iterator[Named]:
    for number, value in enumerate(values if isinstance(values, list) else []):
        if _is_text(value):
            yield Named(value, (*at, number))


def _names(values: object, at: Steps, key: str) -> Iterator[Named]:
    for steps, value in _dicts(values, at):
        if _is_text(value.get(key)):
            yield Named(value[key], (*steps, key))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


# The map, and each variant of it -------------------------------------------------------------------------


def _repeated_names(outline: Outline) -> Iterator[Mistake]:
    yield from _twice(outline.stages, "the stage")
    yield from _twice(outline.exits, "the exit")
    yield from _twice(outline.goal, "the goal")
    yield from _twice(outline.ignore, "the ignored touchpoint")
    yield from _twice(outline.endings, "the end")
    for at, raw in outline.raw_stages:
        for key in ("next", "returns_to"):
            yield from _twice(list(_texts(raw.get(key), (*at, key))), f"the stage in '{key}'")
        inside = [named for named in outline.touchpoints if named.steps[:2] == at]
        again = f" of stage '{raw.get('stage')}' is named twice; where it may occur again, say repeat: true"
        yield from _twice(inside, "the touchpoint", again)
    for named in outline.touchpoints:
        yield from _twice(outline.listed(named, "channels"), "the channel")
        yield from _twice(outline.listed(named, "rates"), "the touchpoint in 'rates'")


def _twice(named: Sequence[Named], what: str, again: str = " is named twice") -> Iterator[Mistake]:
    seen: set[str] = set()
    for one in named:
        if one.name in seen:
            yield Mistake(one.steps, f"{what} '{one.name}'{again}")
        seen.add(one.name)


def _unknown_stages(outline: Outline) -> Iterator[Mistake]:
    for at, raw in outline.raw_stages:
        for key in ("next", "returns_to"):
            for named in _texts(raw.get(key), (*at, key)):
                yield from _no_such_stage(named, outline)


def _no_such_stage(named: Named, outline: Outline) -> Iterator[Mistake]:
    known = [stage.name for stage in outline.stages]
    if named.name not in known:
        hint = nearest(named.name, known) or f"; stages are {', '.join(known)}"
        yield Mistake(named.steps, f"there is no stage '{named.name}'{hint}")


def _goals(outline: Outline) -> Iterator[Mistake]:
    for goal in outline.goal:
        if goal.name not in outline.planned:
            hint = nearest(goal.name, outline.planned)
            yield Mistake(goal.steps, f"the goal '{goal.name}' is no touchpoint of any stage{hint}")
    goals = {goal.name for goal in outline.goal}
    for named in outline.touchpoints:
        if named.name in goals and outline.raw(named).get("recorded") is False:
            what = f"the goal '{named.name}' is not recorded, so no journey could be seen to reach it"
            yield Mistake((*named.steps[:-1], "recorded"), what)


def _exits(outline: Outline) -> Iterator[Mistake]:
    goals = {goal.name for goal in outline.goal}
    for exit_ in outline.exits:
        if exit_.name in goals:
            yield Mistake(
                exit_.steps, f"'{exit_.name}' is both a goal and an exit; it can end a journey in one way"
            )


def _ignored(outline: Outline) -> Iterator[Mistake]:
    used = {
        **{named.name: "a touchpoint of the map" for named in outline.touchpoints},
        **{named.name: "an exit" for named in outline.exits},
        **{named.name: "a goal" for named in outline.goal},
    }
    for named in outline.ignore:
        if named.name in used:
            yield Mistake(named.steps, f"'{named.name}' is to be ignored, but is {used[named.name]}")


def _large_any(outline: Outline) -> Iterator[Mistake]:
    for at, raw in outline.raw_stages:
        touchpoints = raw.get("touchpoints")
        if raw.get("order") == "any" and isinstance(touchpoints, list) and len(touchpoints) > MAX_ANY:
            what = f"a stage in any order may have {MAX_ANY} touchpoints, this one has {len(touchpoints)}"
            yield Mistake((*at, "touchpoints"), f"{what}; split the stage, or make it a sequence")


def _actors(outline: Outline) -> Iterator[Mistake]:
    """A touchpoint has one actor wherever the map names it: its events can't be told apart."""
    stated: dict[str, str] = {}
    for named in outline.touchpoints:
        actor = outline.raw(named).get("actor")
        if actor not in ("customer", "company"):
            continue
        first = stated.setdefault(named.name, actor)
        if first != actor:
            what = f"'{named.name}' is done by the {actor} here, but by the {first} in an earlier stage"
            yield Mistake((*named.steps[:-1], "actor"), what)


def _rated(outline: Outline) -> Iterator[Mistake]:
    """What a touchpoint rates is on the map, is another one, and is the same in every stage that names it."""
    stated: dict[str, list[str]] = {}
    for named in outline.touchpoints:
        rates = outline.listed(named, "rates")
        for one in rates:
            yield from _no_such_touchpoint(one, outline)
            if one.name == named.name:
                yield Mistake(one.steps, f"'{named.name}' can't rate itself; name the touchpoint it judges")
        names = [one.name for one in rates]
        first = stated.setdefault(named.name, names) if names else names
        if first != names:
            what = f"'{named.name}' rates {', '.join(names)} here, but {', '.join(first)} in an earlier stage"
            yield Mistake((*named.steps[:-1], "rates"), what)


def _answered(outline: Outline) -> Iterator[Mistake]:
    """A response comes after another touchpoint of the map."""
    for named in outline.touchpoints:
        for at, promise in outline.promises(named):
            after = promise.get("after")
            if not isinstance(after, str) or not after:
                continue
            yield from _no_such_touchpoint(Named(after, (*at, "after")), outline)
            if after == named.name:
                what = f"the time from '{after}' to itself is no response; name the touchpoint it answers"
                yield Mistake((*at, "after"), what)


def _shares_of_nothing(outline: Outline) -> Iterator[Mistake]:
    """A share belongs to a promised time; a persona may take away the time alone (`within: null`)."""
    for at, raw in outline.raw_stages:
        if "within_share" in raw and "within" not in raw:
            what = "within_share says for which share a time is promised, but there is no 'within'"
            yield Mistake((*at, "within_share"), what)


def _no_such_touchpoint(named: Named, outline: Outline) -> Iterator[Mistake]:
    if named.name not in outline.planned:
        known = list(dict.fromkeys(outline.planned))
        hint = nearest(named.name, known) or f"; it has {', '.join(known)}"
        yield Mistake(named.steps, f"the map has no touchpoint '{named.name}'{hint}")


_CHECKS = (
    _repeated_names,
    _unknown_stages,
    _goals,
    _exits,
    _ignored,
    _large_any,
    _actors,
    _rated,
    _answered,
    _shares_of_nothing,
)


# Personas ------------------------------------------------------------------------------------------------


def _repeated_personas(outline: Outline) -> Iterator[Mistake]:
    yield from _twice(outline.personas, "the persona")


def _reserved_personas(outline: Outline) -> Iterator[Mistake]:
    for named in outline.personas:
        if named.name in RESERVED_PERSONAS:
            what = f"'{named.name}' is the library's own word for those whom no persona fits or nobody knows"
            yield Mistake(named.steps, f"{what}; choose another name")


def _overridden_stages(outline: Outline) -> Iterator[Mistake]:
    for at, raw in outline.raw_personas:
        overridden = [
            Named(override["stage"], (*steps, "stage")) for steps, override in outline.overrides(at, raw)
        ]
        for named in overridden:
            yield from _no_such_stage(named, outline)
        yield from _twice(
            overridden, "the stage", f" is overridden twice for the persona '{raw.get('persona')}'"
        )


_CHECKS_OF_NAMES = (_repeated_personas, _reserved_personas)
_CHECKS_OF_PERSONAS = (*_CHECKS_OF_NAMES, _overridden_stages)
