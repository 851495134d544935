"""A map file read, checked as a whole, and turned into an `IntendedMap`.

Every mistake is told at once: those of the form (unknown keys, wrong values), and those that only show
between parts of the map. The latter are looked for in the raw values, so that a mistake of form elsewhere
in the file hides none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cjmining.documents import Document, Mistake, Steps, check, parse_document, raise_mistakes, read_document
from cjmining.errors import MapError, nearest
from cjmining.intended.automaton import reachable_stages
from cjmining.intended.form import (
    RESERVED_PERSONAS,
    ExpectationForm,
    MapForm,
    PersonaForm,
    StageForm,
    TouchpointForm,
)
from cjmining.intended.model import Exit, Expectation, IntendedMap, Persona, Stage, Touchpoint

MAX_ANY = 5


def read_map(source: str | Path) -> IntendedMap:
    """Read an intended map from a YAML file.

    Parameters
    ----------
    source : str or Path
        The file; its format is described in `docs/map-format.md`.

    Returns
    -------
    IntendedMap
        With `remarks` on what is legal but looks like a mistake.

    Raises
    ------
    MapError
        With every mistake of the file and its line, also as `.mistakes`.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "map.yaml").write_text(
    ...     "{map: Till, goal: [paid], patience: 2d, "
    ...     "stages: [{stage: Pay, touchpoints: [{touchpoint: paid}]}]}"
    ... )
    >>> read_map(folder / "map.yaml").stage_names
    ('Pay',)
    """
    return _read(read_document(source, error=MapError))


def parse_map(text: str, name: str = "map.yaml") -> IntendedMap:
    """Read an intended map from YAML text; `name` stands for the file in messages."""
    return _read(parse_document(text, name=name, error=MapError))


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a map file, with which editors complete and check it."""
    return MapForm.model_json_schema()


def _read(document: Document) -> IntendedMap:
    form, mistakes = check(document, MapForm)
    outline = _Outline(document.data)
    mistakes += _cross_checks(outline)
    if form is None or mistakes:
        raise_mistakes(document, mistakes, error=MapError)
        raise AssertionError  # pragma: no cover -- raise_mistakes always raises
    intended = _as_map(form, document)
    return _checked_as_a_whole(intended, document, outline)


def _checked_as_a_whole(intended: IntendedMap, document: Document, outline: _Outline) -> IntendedMap:
    """Make the checks that need a map without other mistakes, and add the remarks."""
    mistakes = list(_unreachable_goals(intended, outline))
    try:
        intended.automaton  # noqa: B018 -- compiled once here, so that a map too large is told when it is read
    except MapError as problem:
        mistakes.append(Mistake(("stages",), str(problem)))
    if mistakes:
        raise_mistakes(document, mistakes, error=MapError)
    remarks = sorted(_remarks(intended, outline), key=document.line_of)
    object.__setattr__(intended, "remarks", tuple(document.describe(remark) for remark in remarks))
    return intended


# From the form to the model ------------------------------------------------------------------------------


def _as_map(form: MapForm, document: Document) -> IntendedMap:
    names = [stage.stage for stage in form.stages]
    return IntendedMap(
        map=form.map,
        goal=form.goal,
        stages=tuple(
            _as_stage(stage, follower)
            for stage, follower in zip(form.stages, [*names[1:], None], strict=True)
        ),
        exits=tuple(Exit(exit_.touchpoint, exit_.by) for exit_ in form.exits),
        patience=None if form.patience == "never" else form.patience,
        horizon=form.horizon,
        ignore=form.ignore,
        new_journey_after=form.new_journey_after,
        personas=tuple(_as_persona(persona) for persona in form.personas),
        text=document.text,
        path=document.path,
    )


def _as_stage(form: StageForm, follower: str | None) -> Stage:
    default = () if follower is None else (follower,)
    return Stage(
        stage=form.stage,
        owner=form.owner,
        motivation=form.motivation,
        order=form.order,
        touchpoints=tuple(_as_touchpoint(touchpoint) for touchpoint in form.touchpoints),
        optional=form.optional,
        patience=form.patience,
        within=form.within,
        next=default if form.next is None else form.next,
        returns_to=form.returns_to,
    )


def _as_touchpoint(form: TouchpointForm) -> Touchpoint:
    plain = {name: getattr(form, name) for name in TouchpointForm.model_fields if name != "expect"}
    return Touchpoint(**plain, expect=tuple(_as_expectation(promise) for promise in form.expect))


def _as_expectation(form: ExpectationForm) -> Expectation:
    return Expectation(form.measure, form.at_most, form.at_least, form.share)


def _as_persona(form: PersonaForm) -> Persona:
    where = {name: condition.model_dump(exclude_none=True) for name, condition in form.where.items()}
    return Persona(form.persona, where, form.needs, form.value)


# Checks between the parts of a map -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Named:
    """A name and where it stands."""

    name: str
    steps: Steps


class _Outline:
    """The names in a map's raw values; what has the wrong form is passed over."""

    def __init__(self, data: Any) -> None:  # noqa: ANN401 -- any plain value
        top = data if isinstance(data, dict) else {}
        self.raw_stages = list(_dicts(top.get("stages"), ("stages",)))
        self.stages = [
            _Named(raw["stage"], (*at, "stage")) for at, raw in self.raw_stages if _text(raw.get("stage"))
        ]
        self.goal = list(_texts(top.get("goal"), ("goal",)))
        self.ignore = list(_texts(top.get("ignore"), ("ignore",)))
        self.exits = list(_names(top.get("exits"), ("exits",), "touchpoint"))
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

    def raw(self, touchpoint: _Named) -> dict[str, Any]:
        """Return the raw values of the touchpoint that carries a name."""
        _, stage, _, number, _ = touchpoint.steps
        raw = next(raw for at, raw in self.raw_stages if at[1] == stage)
        found: dict[str, Any] = raw["touchpoints"][number]
        return found


def _dicts(values: object, at: Steps) -> Iterator[tuple[Steps, dict[str, Any]]]:
    for number, value in enumerate(values if isinstance(values, list) else []):
        if isinstance(value, dict):
            yield (*at, number), value


def _texts(values: object, at: Steps) -> Iterator[_Named]:
    for number, value in enumerate(values if isinstance(values, list) else []):
        if _text(value):
            yield _Named(value, (*at, number))


def _names(values: object, at: Steps, key: str) -> Iterator[_Named]:
    for steps, value in _dicts(values, at):
        if _text(value.get(key)):
            yield _Named(value[key], (*steps, key))


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _cross_checks(outline: _Outline) -> list[Mistake]:
    checks = (
        _repeated_names,
        _unknown_stages,
        _goals,
        _exits,
        _ignored,
        _large_any,
        _actors,
        _reserved_personas,
    )
    return [mistake for one in checks for mistake in one(outline)]


def _repeated_names(outline: _Outline) -> Iterator[Mistake]:
    yield from _twice(outline.stages, "the stage")
    yield from _twice(outline.personas, "the persona")
    yield from _twice(outline.exits, "the exit")
    yield from _twice(outline.goal, "the goal")
    yield from _twice(outline.ignore, "the ignored touchpoint")
    yield from _twice(outline.endings, "the end")
    for at, raw in outline.raw_stages:
        for key in ("next", "returns_to"):
            yield from _twice(list(_texts(raw.get(key), (*at, key))), f"the stage in '{key}'")
        inside = [named for named in outline.touchpoints if named.steps[:2] == at]
        yield from _twice(inside, "the touchpoint", f" of stage '{raw.get('stage')}'")


def _twice(named: Sequence[_Named], what: str, of: str = "") -> Iterator[Mistake]:
    seen: set[str] = set()
    for one in named:
        if one.name in seen:
            hint = "; where it may occur again, say repeat: true" if of else ""
            yield Mistake(one.steps, f"{what} '{one.name}'{of} is named twice{hint}")
        seen.add(one.name)


def _unknown_stages(outline: _Outline) -> Iterator[Mistake]:
    known = [stage.name for stage in outline.stages]
    for at, raw in outline.raw_stages:
        for key in ("next", "returns_to"):
            for named in _texts(raw.get(key), (*at, key)):
                if named.name not in known:
                    hint = nearest(named.name, known) or f"; stages are {', '.join(known)}"
                    yield Mistake(named.steps, f"there is no stage '{named.name}'{hint}")


def _goals(outline: _Outline) -> Iterator[Mistake]:
    planned = [named.name for named in outline.touchpoints] + outline.bare_touchpoints
    for goal in outline.goal:
        if goal.name not in planned:
            hint = nearest(goal.name, planned)
            yield Mistake(goal.steps, f"the goal '{goal.name}' is no touchpoint of any stage{hint}")
    goals = {goal.name for goal in outline.goal}
    for named in outline.touchpoints:
        if named.name in goals and outline.raw(named).get("recorded") is False:
            what = f"the goal '{named.name}' is not recorded, so no journey could be seen to reach it"
            yield Mistake((*named.steps[:-1], "recorded"), what)


def _exits(outline: _Outline) -> Iterator[Mistake]:
    goals = {goal.name for goal in outline.goal}
    for exit_ in outline.exits:
        if exit_.name in goals:
            yield Mistake(
                exit_.steps, f"'{exit_.name}' is both a goal and an exit; it can end a journey in one way"
            )


def _ignored(outline: _Outline) -> Iterator[Mistake]:
    used = {
        **{named.name: "a touchpoint of the map" for named in outline.touchpoints},
        **{named.name: "an exit" for named in outline.exits},
        **{named.name: "a goal" for named in outline.goal},
    }
    for named in outline.ignore:
        if named.name in used:
            yield Mistake(named.steps, f"'{named.name}' is to be ignored, but is {used[named.name]}")


def _large_any(outline: _Outline) -> Iterator[Mistake]:
    for at, raw in outline.raw_stages:
        touchpoints = raw.get("touchpoints")
        if raw.get("order") == "any" and isinstance(touchpoints, list) and len(touchpoints) > MAX_ANY:
            what = f"a stage in any order may have {MAX_ANY} touchpoints, this one has {len(touchpoints)}"
            yield Mistake((*at, "touchpoints"), f"{what}; split the stage, or make it a sequence")


def _actors(outline: _Outline) -> Iterator[Mistake]:
    """A touchpoint has one actor wherever the map names it: its events can't be told apart."""
    stated: dict[str, str] = {}
    for named in outline.touchpoints:
        actor = outline.raw(named).get("actor")
        if actor not in {"customer", "company"}:
            continue
        first = stated.setdefault(named.name, actor)
        if first != actor:
            what = f"'{named.name}' is done by the {actor} here, but by the {first} in an earlier stage"
            yield Mistake((*named.steps[:-1], "actor"), what)


def _reserved_personas(outline: _Outline) -> Iterator[Mistake]:
    for named in outline.personas:
        if named.name in RESERVED_PERSONAS:
            what = f"'{named.name}' is the library's own word for those whom no persona fits or nobody knows"
            yield Mistake(named.steps, f"{what}; choose another name")


def _unreachable_goals(intended: IntendedMap, outline: _Outline) -> Iterator[Mistake]:
    reached = {
        touchpoint.touchpoint
        for number in reachable_stages(intended.stages)
        for touchpoint in intended.stages[number].touchpoints
    }
    for goal in outline.goal:
        if goal.name not in reached:
            yield Mistake(goal.steps, f"the goal '{goal.name}' lies only in stages that no 'next' leads to")


# Remarks: legal, but it looks like a mistake -------------------------------------------------------------


def _remarks(intended: IntendedMap, outline: _Outline) -> Iterator[Mistake]:
    reached = reachable_stages(intended.stages)
    for number, stage in enumerate(intended.stages):
        if number not in reached:
            yield Mistake(
                ("stages", number), f"nobody can reach the stage '{stage.stage}': no 'next' leads to it"
            )
        if intended.horizon_us < stage.patience_us:
            what = f"its patience is longer than the horizon ({_days(intended.horizon_us)})"
            yield Mistake(
                ("stages", number, "patience") if stage.patience else ("patience",),
                f"stage '{stage.stage}': {what}, so silence there never counts within the horizon",
            )
    yield from _shared_touchpoints(outline)
    yield from _exits_on_the_map(outline)
    yield from _unreachable_by_time(intended)


def _shared_touchpoints(outline: _Outline) -> Iterator[Mistake]:
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


def _exits_on_the_map(outline: _Outline) -> Iterator[Mistake]:
    planned = {named.name for named in outline.touchpoints}
    for exit_ in outline.exits:
        if exit_.name in planned:
            what = f"the exit '{exit_.name}' is also planned in a stage"
            yield Mistake(exit_.steps, f"{what}, where it will count as missing: an exit is never aligned")


def _unreachable_by_time(intended: IntendedMap) -> Iterator[Mistake]:
    if intended.patience is None and not any(stage.patience_us > 0 for stage in intended.stages):
        yield Mistake(
            ("patience",), "with patience never, nobody counts as dropped by silence, only by an exit"
        )


def _days(microseconds: int) -> str:
    return f"{microseconds / 86_400_000_000:g} d"
