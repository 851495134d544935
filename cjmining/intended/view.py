"""The map as people read it: lines of text, and a table for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining import shown, words
from cjmining.intended.words import duration_in_short, promise_in_words, rules_in_words

if TYPE_CHECKING:
    from cjmining.intended.model import Exit, IntendedMap, Persona, Stage, Touchpoint

_ORDERS = {"sequence": "in this order", "choice": "one of", "any": "in any order"}


def as_text(intended: IntendedMap) -> str:
    """Return the map as lines: the rules first, then a line a stage."""
    rules = [f"{name}: {value}" for name, value in _rules(intended)]
    width = max(map(len, intended.stage_names), default=0)
    stages = [
        f"{number}. {stage.stage:<{width}}  {_ORDERS[stage.order]}: "
        f"{', '.join(map(_in_short, stage.touchpoints))}{_notes_in_brackets(stage)}"
        for number, stage in enumerate(intended.stages, 1)
    ]
    personas = [f"Persona {_persona(persona)}" for persona in intended.personas]
    return "\n".join([f"Intended map '{intended.map}'", *rules, *stages, *personas])


def as_html(intended: IntendedMap) -> str:
    """Return the map for a notebook: its rules, and a table with a row a touchpoint."""
    stages = words.plural(len(intended.stages), "stage")
    touchpoints = sum(len(stage.touchpoints) for stage in intended.stages)
    rows = [row for number, stage in enumerate(intended.stages, 1) for row in _rows_of(number, stage)]
    heads = ("touchpoint", "channels", "done by", "notes")
    planned = shown.Fold(
        "Planned", words.plural(touchpoints, "touchpoint"), shown.grid(heads, rows), is_open=True
    )
    return shown.card(
        "Intended map",
        f"{intended.map}, {stages} with {words.plural(touchpoints, 'touchpoint')}",
        facts=[*_rules(intended), *((f"Persona {each.persona}", _told(each)) for each in intended.personas)],
        notes=intended.remarks,
        folds=[planned],
    )


def _persona(persona: Persona) -> str:
    return f"{persona.persona}: {_told(persona)}"


def _told(persona: Persona) -> str:
    differs = f" (differs in {', '.join(stage.stage for stage in persona.stages)})" if persona.stages else ""
    return f"{rules_in_words(persona.where)}{differs}"


def _rules(intended: IntendedMap) -> list[tuple[str, str]]:
    rules = [("Goal", " or ".join(intended.goal))]
    if intended.exits:
        rules.append(("Exits", ", ".join(map(_exit, intended.exits))))
    rules.append(("Patience", duration_in_short(intended.patience)))
    rules.append(("Horizon", duration_in_short(intended.horizon)))
    return rules


def _exit(exit_: Exit) -> str:
    return f"{exit_.touchpoint} (by the {exit_.by})"


def _rows_of(number: int, stage: Stage) -> list[tuple[str, ...]]:
    """Return a row for the stage, and one for each of its touchpoints."""
    notes = "; ".join(_stage_notes(stage, order=True))
    touchpoints = [
        (each.touchpoint, ", ".join(each.channels), each.planned_actor, "; ".join(_touchpoint_notes(each)))
        for each in stage.touchpoints
    ]
    return [(f"{number}. {stage.stage}{f': {notes}' if notes else ''}",), *touchpoints]


def _in_short(touchpoint: Touchpoint) -> str:
    notes = [note for note in _touchpoint_notes(touchpoint) if note in _SHORT]
    company = ["company"] if touchpoint.planned_actor == "company" else []
    notes = [*company, *notes]
    return f"{touchpoint.touchpoint} ({', '.join(notes)})" if notes else touchpoint.touchpoint


_SHORT = {"optional", "may repeat", "not recorded"}


def _touchpoint_notes(touchpoint: Touchpoint) -> list[str]:
    notes = []
    if touchpoint.optional:
        notes.append("optional")
    if touchpoint.repeat:
        notes.append("may repeat")
    if not touchpoint.recorded:
        notes.append("not recorded")
    if touchpoint.moment_of_truth:
        notes.append("moment of truth")
    if touchpoint.emotion is not None:
        notes.append(f"emotion {touchpoint.emotion:+d}" if touchpoint.emotion else "emotion 0")
    notes += [promise_in_words(promise) for promise in touchpoint.expect]
    if touchpoint.rates:
        notes.append(f"rates {', '.join(touchpoint.rates)}")
    return notes


def _stage_notes(stage: Stage, *, order: bool = False) -> list[str]:
    notes = [_ORDERS[stage.order]] if order and len(stage.touchpoints) > 1 else []
    if stage.optional:
        notes.append("optional stage")
    if stage.patience is not None:
        notes.append(f"patience {duration_in_short(stage.patience)}")
    if stage.within is not None:
        share = "" if stage.within_share == 1 else f" for {stage.within_share * 100:g} %"
        notes.append(f"within {duration_in_short(stage.within)}{share}")
    if len(stage.next) != 1:
        notes.append(f"then {' or '.join(stage.next)}" if stage.next else "the map ends here")
    if stage.returns_to:
        notes.append(f"or back to {' or '.join(stage.returns_to)}")
    return notes


def _notes_in_brackets(stage: Stage) -> str:
    notes = _stage_notes(stage)
    return f" [{'; '.join(notes)}]" if notes else ""
