"""What is legal in a map but looks like a mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cjmining.documents import Mistake
from cjmining.intended.automaton import may_be_empty, reachable_stages
from cjmining.intended.checks import Named, Outline
from cjmining.intended.conditions import contradictory, covers
from cjmining.intended.model import NEVER_US
from cjmining.intended.words import duration_in_short

if TYPE_CHECKING:
    from datetime import timedelta

    from cjmining.intended.model import IntendedMap, Persona, Stage


def remarks(intended: IntendedMap, outline: Outline) -> list[Mistake]:
    """Return what is legal in a map but looks like a mistake, what only holds for a persona included."""
    found = [remark for look in _LOOKS for remark in look(intended, outline)]
    found += _personas(intended, outline)
    said = {remark.what for remark in found}
    for variant in outline.variants:
        own = intended.for_persona(variant.persona)
        again = [remark for look in _LOOKS for remark in look(own, variant.outline)]
        found += variant.told(remark for remark in again if remark.what not in said)
    return found


# Stages --------------------------------------------------------------------------------------------------


def _reached(intended: IntendedMap, _: Outline) -> Iterator[Mistake]:
    reached = reachable_stages(intended.stages)
    for number, stage in enumerate(intended.stages):
        if number not in reached:
            what = f"nobody can reach the stage '{stage.stage}': no 'next' leads to it"
            yield Mistake(("stages", number), what)


def _times(intended: IntendedMap, _: Outline) -> Iterator[Mistake]:
    for number, stage in enumerate(intended.stages):
        if intended.horizon_us < stage.patience_us:
            what = f"its patience is longer than the horizon ({duration_in_short(intended.horizon)})"
            yield Mistake(
                ("stages", number, "patience") if stage.patience else ("patience",),
                f"stage '{stage.stage}': {what}, so silence there never counts within the horizon",
            )
        if stage.within is not None:
            yield from _promised_time(stage, stage.within, ("stages", number, "within"))
    if intended.patience is None and all(stage.patience_us == NEVER_US for stage in intended.stages):
        what = "with patience never, nobody counts as dropped by silence, only by an exit"
        yield Mistake(("patience",), what)


def _promised_time(stage: Stage, within: timedelta, at: tuple[str | int, ...]) -> Iterator[Mistake]:
    if not stage.next:
        what = f"no stage follows '{stage.stage}', so the time until the next can't be measured"
        yield Mistake(at, what)
    elif 0 <= stage.patience_us < within.total_seconds() * 1e6:
        what = f"stage '{stage.stage}' promises the next within {duration_in_short(within)}"
        longer = "which is longer than the patience there: whoever is silent has dropped out before"
        yield Mistake(at, f"{what}, {longer}")


def _ways(intended: IntendedMap, _: Outline) -> Iterator[Mistake]:
    places = {name: place for place, name in enumerate(intended.stage_names)}
    for number, stage in enumerate(intended.stages):
        for item, name in enumerate(stage.next):
            if places[name] <= number:
                what = f"'next' of stage '{stage.stage}' leads back to '{name}'"
                yield Mistake(
                    ("stages", number, "next", item),
                    f"{what}; where that is a loop, say returns_to: [{name}]",
                )
        for item, name in enumerate(stage.returns_to):
            at = ("stages", number, "returns_to", item)
            if name in stage.next:
                what = f"stage '{stage.stage}' leads on to '{name}' by 'next' already"
                yield Mistake(at, f"{what}, so that naming it in 'returns_to' says nothing")
            elif places[name] > number:
                what = f"'returns_to' of stage '{stage.stage}' leads on to the later stage '{name}'"
                yield Mistake(at, f"{what}; where nobody has been there yet, say it in 'next'")


def _late_returns(intended: IntendedMap, _: Outline) -> Iterator[Mistake]:
    """A way back opens when the stage is finished: where that takes the goal, nobody goes it before."""
    automaton = intended.automaton
    stage_of = np.full(automaton.n_states, -1)
    stage_of[automaton.edge_to] = automaton.edge_stage
    passed = automaton.goal_passed
    for number, stage in enumerate(intended.stages):
        if may_be_empty(stage) or passed[stage_of == number].all():
            continue
        leaving = automaton.edge_returns & (stage_of[automaton.edge_from] == number)
        for item, name in enumerate(stage.returns_to):
            back = leaving & (automaton.edge_stage == intended.stage_names.index(name))
            if name != stage.stage and back.any() and passed[automaton.edge_from[back]].all():
                what = (
                    f"'{stage.stage}' is finished only by the goal, so that nobody returns to '{name}' before"
                )
                at = ("stages", number, "returns_to", item)
                yield Mistake(at, f"{what} it; split the stage where they may turn back")


def _never_missed(intended: IntendedMap, _: Outline) -> Iterator[Mistake]:
    for number, stage in enumerate(intended.stages):
        if stage.optional or not may_be_empty(stage) or not any(t.recorded for t in stage.touchpoints):
            continue
        one = "one of its touchpoints" if stage.order == "choice" else "each of its touchpoints"
        what = f"nothing is ever missing in the stage '{stage.stage}', since {one} may be skipped"
        yield Mistake(("stages", number), f"{what}; where that is meant, say optional: true")


# Touchpoints ---------------------------------------------------------------------------------------------


def _shared_touchpoints(_: IntendedMap, outline: Outline) -> Iterator[Mistake]:
    stages: dict[str, int | str] = {}
    for named in outline.touchpoints:
        stage = named.steps[1]
        first = stages.setdefault(named.name, stage)
        if first != stage:
            names = [str(raw.get("stage")) for at, raw in outline.raw_stages if at[1] in (first, stage)]
            what = f"'{named.name}' is a touchpoint of two stages ({' and '.join(names)})"
            yield Mistake(
                named.steps, f"{what}; its events count for the one that the journey is in, or comes to next"
            )


def _unmeasured(intended: IntendedMap, outline: Outline) -> Iterator[Mistake]:
    unseen = _unrecorded(intended)
    for named in outline.touchpoints:
        for at, promise in outline.promises(named):
            after = promise.get("after")
            if named.name in unseen:
                what = f"'{named.name}' is not recorded, so that no promise about it can be measured"
                yield Mistake(at, what)
            elif after in unseen:
                what = f"'{after}' is not recorded, so that the time from it can't be measured"
                yield Mistake((*at, "after"), what)
            elif after is not None and not _may_come_before(intended, after, named.name):
                what = f"on the map '{after}' never comes before '{named.name}', which is to answer it"
                yield Mistake((*at, "after"), what)


def _rated(intended: IntendedMap, outline: Outline) -> Iterator[Mistake]:
    unseen = _unrecorded(intended)
    for named in outline.touchpoints:
        for rated in outline.listed(named, "rates"):
            if rated.name in unseen:
                what = (
                    f"'{rated.name}' is not recorded, so that the answers of '{named.name}' fall to nothing"
                )
                yield Mistake(rated.steps, what)
            elif not _may_come_before(intended, rated.name, named.name):
                what = f"on the map '{rated.name}' never comes before '{named.name}', which is to rate it"
                yield Mistake(rated.steps, what)


def _unrecorded(intended: IntendedMap) -> set[str]:
    """Return the touchpoints that no stage has recorded."""
    planned = [touchpoint for stage in intended.stages for touchpoint in stage.touchpoints]
    return {t.touchpoint for t in planned} - {t.touchpoint for t in planned if t.recorded}


def _may_come_before(intended: IntendedMap, first: str, second: str) -> bool:
    """Say whether some intended journey has one touchpoint and later the other."""
    automaton = intended.automaton
    symbol = np.array([automaton.symbols[code] for code in automaton.edge_symbol])
    reached = np.zeros(automaton.n_states, dtype=bool)
    reached[automaton.edge_to[symbol == first]] = True
    for _ in range(automaton.n_states):
        reached[automaton.edge_to[reached[automaton.edge_from]]] = True
    return bool(reached[automaton.edge_from[symbol == second]].any())


# Goal, exits and words -----------------------------------------------------------------------------------


def _early_goals(intended: IntendedMap, outline: Outline) -> Iterator[Mistake]:
    if len(intended.touchpoint_names) == 1:
        return
    automaton = intended.automaton
    first = {
        automaton.symbols[code] for code in automaton.edge_symbol[automaton.edge_from == automaton.start]
    }
    inside = {touchpoint.touchpoint for touchpoint in intended.stages[0].touchpoints}
    for goal in outline.goal:
        if goal.name in first:
            what = f"the goal '{goal.name}' may be the first step of a journey"
            yield Mistake(goal.steps, f"{what}, which is then complete before anything was done for it")
        elif goal.name in inside and len(intended.stages) > 1:
            what = f"the goal '{goal.name}' is a touchpoint of the first stage, '{intended.stage_names[0]}'"
            yield Mistake(goal.steps, f"{what}; the stages behind it come after the end")


def _exits_on_the_map(_: IntendedMap, outline: Outline) -> Iterator[Mistake]:
    planned = {named.name for named in outline.touchpoints}
    for exit_ in outline.exits:
        if exit_.name in planned:
            what = f"the exit '{exit_.name}' is also planned in a stage"
            yield Mistake(exit_.steps, f"{what}, where it will count as missing: an exit is never aligned")


def _spellings(_: IntendedMap, outline: Outline) -> Iterator[Mistake]:
    channels = [one for named in outline.touchpoints for one in outline.listed(named, "channels")]
    owners = [
        Named(raw["owner"], (*at, "owner"))
        for at, raw in outline.raw_stages
        if isinstance(raw.get("owner"), str)
    ]
    yield from _spelled_twice(channels, "channel")
    yield from _spelled_twice(owners, "owner")
    yield from _spelled_twice([*outline.touchpoints, *outline.exits, *outline.ignore], "touchpoint")


def _spelled_twice(words: Sequence[Named], what: str) -> Iterator[Mistake]:
    first: dict[str, str] = {}
    told = set()
    for word in words:
        usual = first.setdefault(re.sub(r"[\s_-]+", "", word.name.casefold()), word.name)
        if usual != word.name and word.name not in told:
            told.add(word.name)
            meant = f"these are two {what}s wherever they are compared, did you mean '{usual}'?"
            yield Mistake(word.steps, f"the {what} '{word.name}' is also written '{usual}'; {meant}")


_LOOKS = (
    _reached,
    _times,
    _ways,
    _late_returns,
    _never_missed,
    _shared_touchpoints,
    _unmeasured,
    _rated,
    _early_goals,
    _exits_on_the_map,
    _spellings,
)


# Personas ------------------------------------------------------------------------------------------------


def _personas(intended: IntendedMap, outline: Outline) -> Iterator[Mistake]:
    for number, persona in enumerate(intended.personas):
        yield from _never_fits(persona, intended.personas[:number], ("personas", number, "where"))
        yield from _overrides(intended, persona, outline, number)


def _never_fits(persona: Persona, earlier: Sequence[Persona], at: tuple[str | int, ...]) -> Iterator[Mistake]:
    attribute = contradictory(persona.where)
    if attribute is not None:
        what = f"nobody can be '{persona.persona}': no value of '{attribute}' meets all its conditions"
        yield Mistake((*at, attribute), what)
        return
    first = next((other for other in earlier if covers(other.where, persona.where)), None)
    if first is not None:
        what = f"nobody can be '{persona.persona}': whoever fits it fits '{first.persona}', which comes first"
        yield Mistake(at, what)


def _overrides(intended: IntendedMap, persona: Persona, outline: Outline, number: int) -> Iterator[Mistake]:
    stages = {stage.stage: stage for stage in intended.stages}
    raw_stages = {raw["stage"]: raw for _, raw in outline.raw_stages}
    at, raw_persona = outline.raw_personas[number]
    for stage, (steps, raw) in zip(persona.stages, outline.overrides(at, raw_persona), strict=True):
        if stage == stages[stage.stage]:
            what = f"nothing in the stage '{stage.stage}' differs from the map"
            yield Mistake(steps, f"for the persona '{persona.persona}': {what}")
        else:
            yield from _lost(persona, raw_stages[stage.stage], raw, steps)


_COUNTS = ("channels", "actor", "expect", "rates")
"""What a touchpoint says that numbers depend on, apart from what overrides are written to change."""


def _lost(
    persona: Persona, of_map: Mapping[str, object], override: Mapping[str, object], at: tuple[str | int, ...]
) -> Iterator[Mistake]:
    """Tell what the map says of a touchpoint and the persona's list doesn't repeat."""
    said = {raw["touchpoint"]: raw for raw in _touchpoints(of_map)}
    for item, raw in enumerate(_touchpoints(override)):
        lost = [key for key in _COUNTS if key in said.get(raw["touchpoint"], {}) and key not in raw]
        if lost:
            what = f"'{raw['touchpoint']}' has {', '.join(lost)} in the map and not here"
            yield Mistake(
                (*at, "touchpoints", item),
                f"for the persona '{persona.persona}': {what}; this list replaces the map's as a whole",
            )


def _touchpoints(stage: Mapping[str, object]) -> list[dict[str, object]]:
    found = stage.get("touchpoints")
    return found if isinstance(found, list) else []
