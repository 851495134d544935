"""The map in words, for a reader who is to say whether it is what was meant."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from cjmining.intended.automaton import entry_stages
from cjmining.intended.words import both, duration_in_words, either, promise_in_words, rules_in_words

if TYPE_CHECKING:
    from cjmining.intended.model import IntendedMap, Persona, Stage, Touchpoint

WIDTH = 100


def explain(intended: IntendedMap) -> str:
    """Return the map in words: how journeys end, then stage by stage what is expected, then the personas.

    Examples
    --------
    >>> from cjmining.intended import parse_map
    >>> till = parse_map("{map: Till, goal: [paid], patience: 2d, stages: [{stage: Pay, touchpoints: "
    ...                  "[{touchpoint: paid, expect: [{measure: wait_s, at_most: 120, share: 0.9}]}]}]}")
    >>> print(explain(till).split("1. ")[1])
    Pay
       This happens:
         - paid (the goal). Promised: at least 90 % wait at most 2 minutes.
       Nothing is planned to follow.
    """
    blocks = [
        intended.map,
        *map(_wrapped, _introduction(intended)),
        *(_stage(number, stage, intended) for number, stage in enumerate(intended.stages, 1)),
    ]
    if intended.personas:
        people = [_persona(persona, intended) for persona in intended.personas]
        blocks.append("\n".join([_wrapped(_FIRST_THAT_FITS), *people]))
    return "\n\n".join(blocks)


_FIRST_THAT_FITS = (
    "Personas: a customer has the first that fits; is 'other' where none does; and 'unknown' where that "
    "depends on what isn't known of them."
)


# How journeys begin and end ------------------------------------------------------------------------------


def _introduction(intended: IntendedMap) -> Iterator[str]:
    names = intended.stage_names
    begins = either([names[stage] for stage in entry_stages(intended.stages)])
    yield (
        f"A journey begins in {begins}. It is complete, and the customer has converted, when "
        f"{either(intended.goal)} happens.{_exits(intended)} What failed decides nothing. "
        f"{_silence(intended)} What has neither ended nor been silent for so long when the data ends is open."
    )
    within = duration_in_words(intended.horizon)
    yield f"Drop-out and conversion are stated within {within}. {_next_journeys(intended)}"
    behind = _behind_the_goal(intended)
    if behind:
        yield f"Behind the goal the map still plans {both(behind)}; that belongs to the completed journey."
    if intended.ignore:
        yield f"As if they had not happened: {both(intended.ignore)}."
    usual = "Where nothing else is said, a touchpoint is up to the customer and always expected, once."
    yield f"{usual} Emotions run from -2 to +2." if _has_emotions(intended) else usual


def _exits(intended: IntendedMap) -> str:
    left = [exit_.touchpoint for exit_ in intended.exits if exit_.by == "customer"]
    refused = [exit_.touchpoint for exit_ in intended.exits if exit_.by == "company"]
    said = []
    if left:
        said.append(f"{either(left)} happens (the customer has dropped out)")
    if refused:
        said.append(f"{either(refused)} happens (the company has turned the customer away)")
    return f" It ends without the goal when {either(said)}." if said else ""


def _silence(intended: IntendedMap) -> str:
    if intended.patience is None:
        return "Silence, however long, does not count as dropping out, where no stage says otherwise."
    if intended.patience == "auto":
        return (
            "A customer who does nothing for too long has dropped out too; how long is estimated from those "
            "who came back."
        )
    return f"A customer who does nothing for {duration_in_words(intended.patience)} has dropped out too."


def _next_journeys(intended: IntendedMap) -> str:
    after = intended.new_journey_after
    if not after:
        return "Each customer has one journey, however it ends."
    said = []
    if "silence" in after:
        said.append("after silence, whatever the customer does next begins another journey")
    decided = [{"goal": "the goal", "exit": "an exit"}[end] for end in after if end != "silence"]
    if decided:
        said.append(f"after {either(decided)}, the next touchpoint in which journeys may begin does")
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def _behind_the_goal(intended: IntendedMap) -> list[str]:
    automaton = intended.automaton
    behind = automaton.goal_passed[automaton.edge_from] & ~automaton.edge_returns
    stages = dict.fromkeys(automaton.edge_stage[behind].tolist())
    return [intended.stage_names[stage] for stage in sorted(stages)]


def _has_emotions(intended: IntendedMap) -> bool:
    return any(t.emotion is not None for stage in intended.stages for t in stage.touchpoints)


# Stages --------------------------------------------------------------------------------------------------


def _stage(number: int, stage: Stage, intended: IntendedMap) -> str:
    head = f"{number}. {stage.stage}"
    indent = " " * len(f"{number}. ")
    return "\n".join([head, *_indented(_parts(stage, intended).values(), indent)])


def _parts(stage: Stage, intended: IntendedMap) -> dict[str, list[str]]:
    """Return what there is to say of a stage, by what it is about: a sentence, then its items."""
    parts = {
        "owner": [f"Answered for by {stage.owner}."] if stage.owner else [],
        "motivation": [f"What moves the customer: {stage.motivation.rstrip('.')}."]
        if stage.motivation
        else [],
        "happens": [f"{_happens(stage)}:", *(_touchpoint(t, intended) for t in stage.touchpoints)],
        "next": [_ways(stage)],
        "within": [],
        "patience": _patience(stage, intended),
    }
    if stage.within is not None:
        promised = f"the next stage within {duration_in_words(stage.within)} of entering this one"
        share = f", for at least {100 * stage.within_share:g} % of journeys" if stage.within_share < 1 else ""
        parts["within"] = [f"Promised: {promised}{share}."]
    return parts


def _happens(stage: Stage) -> str:
    if len(stage.touchpoints) == 1:
        what = "This happens"
    else:
        what = {
            "sequence": "These happen, in this order",
            "choice": "One of these happens",
            "any": "All of these happen, in any order",
        }[stage.order]
    return f"The stage may be skipped; else {what[0].lower()}{what[1:]}" if stage.optional else what


def _ways(stage: Stage) -> str:
    on = f"Next: {either(stage.next)}." if stage.next else "Nothing is planned to follow."
    others = [name for name in stage.returns_to if name != stage.stage]
    again = " The stage may be gone through again." if stage.stage in stage.returns_to else ""
    return f"{on}{f' Or back to {either(others)}.' if others else ''}{again}"


def _patience(stage: Stage, intended: IntendedMap) -> list[str]:
    if stage.patience == "auto":
        return ["The silence that counts as dropping out here is estimated from those who came back here."]
    if stage.patience_us == intended.patience_us:
        return []
    if stage.patience_us < 0:
        return ["Here silence never counts as dropping out."]
    patience = duration_in_words(timedelta(microseconds=stage.patience_us))
    return [f"Here {patience} of silence count as dropping out."]


def _touchpoint(touchpoint: Touchpoint, intended: IntendedMap) -> str:
    goal = " (the goal)" if touchpoint.touchpoint in intended.goal else ""
    where = f", on {either(touchpoint.channels)}" if touchpoint.channels else ""
    said = [f"{touchpoint.touchpoint}{goal}{where}{_manner(touchpoint)}."]
    said += [f"Promised: {promise_in_words(promise)}." for promise in touchpoint.expect]
    if touchpoint.rates:
        said.append(f"It judges {either(touchpoint.rates)}, the last one before it.")
    if touchpoint.pain_points:
        said.append(f"Known to hurt: {'; '.join(touchpoint.pain_points)}.")
    if touchpoint.opportunities:
        said.append(f"Could be better: {'; '.join(touchpoint.opportunities)}.")
    return " ".join(said)


def _manner(touchpoint: Touchpoint) -> str:
    said = []
    if touchpoint.planned_actor == "company":
        said.append("done by the company")
    if not touchpoint.recorded:
        said.append("which no system records, so that it is never missing")
    elif touchpoint.optional:
        said.append("may be skipped")
    if touchpoint.repeat:
        said.append("may happen again")
    if touchpoint.moment_of_truth:
        said.append("a moment of truth")
    if touchpoint.emotion is not None:
        said.append(f"intended emotion {touchpoint.emotion:+d}".replace("+0", "0"))
    return "".join(f"; {one}" for one in said)


# Personas ------------------------------------------------------------------------------------------------


def _persona(persona: Persona, intended: IntendedMap) -> str:
    said = [f"{persona.persona}: {rules_in_words(persona.where)}."]
    if persona.needs:
        said.append(f"Needs: {'; '.join(persona.needs)}.")
    if persona.value is not None:
        said.append(f"A conversion is worth {persona.value:g}.")
    lines = [_wrapped(" ".join(said), "  - ", "    ")]
    for stage in intended.stages:
        own = next((one for one in persona.stages if one.stage == stage.stage), stage)
        lines += _differences(stage, own, intended)
    return "\n".join(lines)


def _differences(stage: Stage, own: Stage, intended: IntendedMap) -> list[str]:
    """Say what differs for a persona in a stage: only what is said of it in other words."""
    of_map, parts = _parts(stage, intended), _parts(own, intended)
    differing = {
        about: parts[about] or [_LEFT_OUT[about]] for about in parts if parts[about] != of_map[about]
    }
    if not differing:
        return []
    return [f"    For them {stage.stage} differs:", *_indented(differing.values(), " " * 6)]


_LEFT_OUT = {
    "owner": "Nobody answers for it.",
    "motivation": "Nothing is said of what moves them.",
    "within": "No time until the next stage is promised.",
    "patience": "Silence counts as everywhere else on the map.",
}


# Text ----------------------------------------------------------------------------------------------------


def _indented(parts: Iterable[Sequence[str]], indent: str) -> Iterator[str]:
    for part in parts:
        for number, text in enumerate(part):
            first, later = (indent, indent) if number == 0 else (f"{indent}  - ", f"{indent}    ")
            yield _wrapped(text, first, later)


def _wrapped(text: str, first: str = "", later: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
