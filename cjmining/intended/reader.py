"""A map file read, checked as a whole, and turned into an `IntendedMap`.

Every mistake is told at once: those of the form (unknown keys, wrong values), and those that only show
between parts of the map.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cjmining.documents import Document, Mistake, check, parse_document, raise_mistakes, read_document
from cjmining.errors import MapError
from cjmining.intended.automaton import reachable_stages
from cjmining.intended.checks import Outline, cross_checks
from cjmining.intended.form import (
    ExpectationForm,
    MapForm,
    OverrideForm,
    PersonaForm,
    StageForm,
    TouchpointForm,
)
from cjmining.intended.model import Exit, Expectation, IntendedMap, Persona, Stage, Touchpoint
from cjmining.intended.remarks import remarks


def read_map(source: str | Path) -> IntendedMap:
    """Read an intended map from a file.

    Parameters
    ----------
    source : str or Path
        A YAML file, whose format is described in `docs/map-format.md`; an Excel workbook (.xlsx) with the
        same columns; or a journey specification of Salesforce Journey Builder (.json).

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
    suffix = Path(source).suffix.lower()
    if suffix == ".xlsx":
        from cjmining.intended.excel import read_excel

        return read_excel(source)
    if suffix == ".json":
        from cjmining.intended.journey_builder import read_journey_builder

        return read_journey_builder(source)
    return map_of(read_document(source, error=MapError))


def parse_map(text: str, name: str = "map.yaml") -> IntendedMap:
    """Read an intended map from YAML text; `name` stands for the file in messages."""
    return map_of(parse_document(text, name=name, error=MapError))


def map_of(document: Document, told: Sequence[str] = ()) -> IntendedMap:
    """Return the map that a document holds, after all checks.

    Parameters
    ----------
    document : Document
        The plain values of a map file. Its `describe` tells a mistake with its place and its `line_of` orders
        them, so that values from elsewhere than YAML are told where they stand there.
    told : sequence of str
        What there is to remark already; the map's `remarks` begin with it.

    Raises
    ------
    MapError
        With every mistake, also as `.mistakes`.
    """
    form, mistakes = check(document, MapForm)
    outline = Outline(document.data)
    mistakes += cross_checks(outline)
    if form is None or mistakes:
        raise_mistakes(document, mistakes, error=MapError)
        raise AssertionError  # pragma: no cover -- raise_mistakes always raises
    return _checked_as_a_whole(_as_map(form, document), document, outline, told)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a map file, with which editors complete and check it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **MapForm.model_json_schema()}


def _checked_as_a_whole(
    intended: IntendedMap, document: Document, outline: Outline, told: Sequence[str]
) -> IntendedMap:
    """Make the checks that need a map without other mistakes, and add the remarks."""
    mistakes = list(_mistakes_as_a_whole(intended, outline))
    for variant in outline.variants:
        found = _mistakes_as_a_whole(intended.for_persona(variant.persona), outline)
        mistakes += variant.told(mistake for mistake in found if variant.is_own(mistake, mistakes))
    if mistakes:
        raise_mistakes(document, mistakes, error=MapError)
    remarked = sorted(remarks(intended, outline), key=document.line_of)
    object.__setattr__(intended, "remarks", (*told, *map(document.describe, remarked)))
    return intended


def _mistakes_as_a_whole(intended: IntendedMap, outline: Outline) -> Iterator[Mistake]:
    reached = {
        touchpoint.touchpoint
        for number in reachable_stages(intended.stages)
        for touchpoint in intended.stages[number].touchpoints
    }
    for goal in outline.goal:
        if goal.name not in reached:
            yield Mistake(goal.steps, f"the goal '{goal.name}' lies only in stages that no 'next' leads to")
    try:
        intended.automaton  # noqa: B018 -- compiled once here, so that a map too large is told when it is read
    except MapError as problem:
        yield Mistake(("stages",), str(problem))


# From the form to the model ------------------------------------------------------------------------------


def _as_map(form: MapForm, document: Document) -> IntendedMap:
    names = [stage.stage for stage in form.stages]
    followers = dict(zip(names, [*names[1:], None], strict=True))
    return IntendedMap(
        map=form.map,
        goal=form.goal,
        stages=tuple(_as_stage(stage, followers[stage.stage]) for stage in form.stages),
        exits=tuple(Exit(exit_.touchpoint, exit_.by) for exit_ in form.exits),
        patience=None if form.patience == "never" else form.patience,
        horizon=form.horizon,
        ignore=form.ignore,
        new_journey_after=form.new_journey_after,
        personas=tuple(_as_persona(persona, form.stages, followers) for persona in form.personas),
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
        within_share=1.0 if form.within is None else form.within_share,
        next=default if form.next is None else form.next,
        returns_to=form.returns_to,
    )


def _as_touchpoint(form: TouchpointForm) -> Touchpoint:
    plain = {name: getattr(form, name) for name in TouchpointForm.model_fields if name != "expect"}
    return Touchpoint(**plain, expect=tuple(_as_expectation(promise) for promise in form.expect))


def _as_expectation(form: ExpectationForm) -> Expectation:
    return Expectation(form.measure, form.at_most, form.at_least, form.share, form.after)


def _as_persona(
    form: PersonaForm, stages: Sequence[StageForm], followers: Mapping[str, str | None]
) -> Persona:
    where = {name: condition.model_dump(exclude_none=True) for name, condition in form.where.items()}
    of_map = {stage.stage: stage for stage in stages}
    own = tuple(
        _as_stage(_overridden(of_map[override.stage], override), followers[override.stage])
        for override in form.stages
    )
    return Persona(form.persona, where, form.needs, form.value, own)


def _overridden(stage: StageForm, override: OverrideForm) -> StageForm:
    return stage.model_copy(update={key: getattr(override, key) for key in override.overridden})
