"""A journey's story in words: plain sentences from what a check found of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from cjmining.intended.words import either

if TYPE_CHECKING:
    from cjmining.conformance.promises import Promise
    from cjmining.intended import IntendedMap

_DAY, _HOUR = 86_400.0, 3_600.0
_UNITS = (("day", _DAY), ("hour", _HOUR), ("minute", 60.0), ("second", 1.0))
_SHOWN = 4
_AFTER = "after the end"


class Step(NamedTuple):
    """A move, or an event that isn't aligned; `event` counts in the journey, -1 for what is missing."""

    move: str
    types: tuple[str, ...]
    stage: int
    touchpoint: str
    channel: str = ""
    us: int = 0
    precision: float = math.nan
    failed: bool = False
    event: int = -1


class Kept(NamedTuple):
    """A promise that came due: the event it is about, the value (NaN: it never came), when it showed."""

    about: int
    value: float
    kept: bool
    settled_us: int


class Next(NamedTuple):
    """A touchpoint that the map plans next, or one of several; required where it can't be passed over."""

    stage: str
    touchpoint: str
    required: bool


@dataclass(frozen=True)
class Facts:
    """What a story tells; times in microseconds since 1970, stages by number, -1 before the map."""

    journey: int
    customer: int
    persona: str
    attempt: int
    intended: IntendedMap
    steps: Sequence[Step]
    ignored: int
    promises: Sequence[tuple[Promise, Kept]]
    outcome: str
    decided_us: int
    deciding: Step | None
    place: str
    place_us: int
    place_stage: int
    last_sign_us: int | None
    due_us: int | None
    turn: int
    planned_next: Sequence[Next]
    won_back: int
    cost: int
    worst: int
    next_journey: int | None
    next_start_us: int
    next_outcome: str


def tell(facts: Facts) -> tuple[str, str]:
    """Return the story, paragraphs apart by an empty line, and the sentence in it that says how it ended."""
    ending = _ending(facts)
    paragraphs = [
        _who(facts),
        _intention(facts),
        "\n".join(_course(facts)),
        "\n".join(_against_the_plan(facts)),
        " ".join([ending, *_turn(facts)]),
        " ".join(_afterwards(facts)),
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph), ending


def _who(facts: Facts) -> str:
    persona = f", persona {facts.persona}" if facts.persona else ""
    attempt = f", {_ordinal(facts.attempt)} journey of this customer" if facts.attempt > 1 else ""
    return f"Journey {facts.journey}: customer {facts.customer}{persona}{attempt}."


def _intention(facts: Facts) -> str:
    goals = either([plain(name) for name in facts.intended.goal])
    stages = ", ".join(facts.intended.stage_names)
    return f"Intended by '{facts.intended.name}': {stages}; the goal is {goals}."


# What happened --------------------------------------------------------------------------------------------


def _course(facts: Facts) -> Iterator[str]:
    """Yield when it began, then a line for each stay in a stage."""
    happened = [step for step in facts.steps if step.event >= 0]
    if happened:
        first = happened[0]
        yield f"It began on {_moment(first.us, first.precision, weekday=True)} (UTC)."
    names = facts.intended.stage_names
    before: Step | None = None
    visits = zip(facts.steps, stays(facts.steps), strict=True)
    for (stage, is_after), pairs in groupby(visits, key=lambda pair: (pair[1], pair[0].move == _AFTER)):
        visit, said = [step for step, _ in pairs], []
        when = next((f", {_day(step.us, year=False)}" for step in visit if step.event >= 0), "")
        for run in _runs(visit):
            said.append(_said(run, before, stage, facts))
            before = run[-1] if run[-1].event >= 0 else before
        title = "After the end" if is_after else names[stage] if stage >= 0 else "Before the map"
        yield f"{title}{when}: {'; '.join(said)}."
    if facts.ignored:
        yield f"Left out: {_times(facts.ignored, 'event')} that the map ignores."


def stays(steps: Sequence[Step]) -> list[int]:
    """Return by step the number of the stage that the journey was in: planned steps lead, the others stay."""
    found, here = [], -1
    for step in steps:
        here = step.stage if step.move in {"synchronous", "map only"} else here
        found.append(here)
    return found


def _runs(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Yield what happened several times at once, and in the same way, together."""
    for _, run in groupby(steps, key=lambda s: (s.move, s.types, s.stage, s.touchpoint, s.channel, s.failed)):
        listed = list(run)
        if listed[0].event >= 0:
            yield listed
        else:
            yield from ([step] for step in listed)


def _said(run: Sequence[Step], before: Step | None, stage: int, facts: Facts) -> str:
    step, times = run[0], len(run)
    if step.event < 0:
        return _absent(step, facts)
    often = "" if times == 1 else f" {_often(times)}{_lasting(run)}"
    channel = f" ({step.channel})" if step.channel else ""
    remarks = "".join(f", {remark}" for remark in _remarks(step, stage, facts))
    return f"{_gap(before, step)}{plain(step.touchpoint)}{often}{channel}{remarks}"


def _lasting(run: Sequence[Step]) -> str:
    seconds = (run[-1].us - run[0].us) / 1e6
    return f" in {_span(seconds, exact=False)}" if seconds >= _HOUR else ""


def _absent(step: Step, facts: Facts) -> str:
    """Say what became of a planned step that has no event there."""
    what = plain(step.touchpoint)
    if "missing" in step.types:
        return f"{what} is missing"
    elsewhere = {
        s.touchpoint for s in facts.steps if s.move == "log only" and s.types in {("out of order",), ()}
    }
    options = step.touchpoint.removeprefix("one of ").split(", ")
    if elsewhere.intersection(options):
        return f"{what} was planned here, and came at another time"
    return f"{what} was planned here, but its source recorded nothing then"


def _remarks(step: Step, stage: int, facts: Facts) -> Iterator[str]:
    """Say how an event differs from the plan; `stage` is the one that the journey was in."""
    if step.failed:
        yield "which failed"
    for kind in step.types:
        if kind == "out of order" and step.stage not in {stage, -1}:
            yield f"out of order: planned in {facts.intended.stage_names[step.stage]}"
        elif kind == "wrong channel":
            yield f"planned by {either(_channels(step, facts))}"
        elif kind != "failed":
            yield _REMARKS.get(kind, kind)
    if step.move == "log only" and not step.types:
        yield "at a time too coarse to say in which order"
    elif step.move == "exit":
        yield "which ends the journey"
    elif step is facts.deciding:
        yield "the goal"


_REMARKS = {
    "ad hoc": "not planned",
    "repeated": "once more than planned",
    "late": "later than promised",
}


def _channels(step: Step, facts: Facts) -> list[str]:
    stage = facts.intended.stages[step.stage]
    return [channel for t in stage.touchpoints if t.touchpoint == step.touchpoint for channel in t.channels]


def _gap(before: Step | None, step: Step) -> str:
    """Say how long after the event before."""
    if before is None:
        return ""
    seconds = (step.us - before.us) / 1e6
    if max(_width(before), _width(step), seconds) >= _DAY:
        days = (_utc(step.us).date() - _utc(before.us).date()).days
        return "the same day " if days == 0 else f"{_times(days, 'day')} later "
    if seconds < 1:
        return "at once "
    return f"{_span(seconds, exact=False)} later "


# Against the plan -----------------------------------------------------------------------------------------


def _against_the_plan(facts: Facts) -> Iterator[str]:
    if not facts.worst:
        yield "Nothing of it can be held against the plan."
    else:
        matched = sum(step.move == "synchronous" and not step.types for step in facts.steps)
        counts = [_count_of(kind, facts.steps) for kind in _KINDS]
        said = ", ".join(text for text in counts if text)
        fitness = 1 - facts.cost / facts.worst
        yield (
            f"Against the plan: {_times(matched, 'step')} as planned{', ' + said if said else ''} "
            f"(fitness {_percent(fitness)})."
        )
    broken = [_broken(promise, kept, facts) for promise, kept in facts.promises if not kept.kept]
    if broken:
        told = (text if n == 1 else f"{text} ({n} times)" for text, n in Counter(broken).items())
        yield f"Promises broken: {'; '.join(told)}."
    n_kept = len(facts.promises) - len(broken)
    if n_kept:
        yield f"Promises kept: {n_kept} of {len(facts.promises)} that came due."


_KINDS = ("missing", "ad hoc", "out of order", "repeated", "failed", "wrong channel", "late")
_SAID = {"ad hoc": "not planned", "repeated": "repeated", "wrong channel": "by another channel"}


def _count_of(kind: str, steps: Sequence[Step]) -> str:
    n = sum(kind in step.types for step in steps)
    return f"{n} {_SAID.get(kind, kind)}" if n else ""


def _broken(promise: Promise, kept: Kept, facts: Facts) -> str:
    """Say how a promise was broken."""
    what, stage = plain(promise.touchpoint), facts.intended.stage_names[promise.stage]
    never, value = math.isnan(kept.value), kept.value
    if promise.measure == "within":
        limit = _span(promise.at_most or 0.0)
        if never:
            return f"still in {stage} after the promised {limit}"
        return f"{_span(value)} from entering {stage} to the next stage, promised {limit}"
    if promise.measure == "response_s":
        after = plain(promise.after)
        if never:
            return f"no {what} after {after}, promised {_bounds(promise, _span)}"
        return f"{what} {_span(value)} after {after}, promised {_bounds(promise, _span)}"
    if promise.measure == "contacts":
        return f"{what} {_often(value)}, promised {_bounds(promise, _often)}"
    if promise.measure == "satisfaction":
        return (
            f"satisfaction {value:.2g} with {what}, promised {_bounds(promise, lambda bound: f'{bound:g}')}"
        )
    did = "waited" if promise.measure == "wait_s" else "took"
    return f"{what} {did} {_span(value)}, promised {_bounds(promise, _span)}"


def _bounds(promise: Promise, said: object) -> str:
    write = said if callable(said) else str
    low = "" if promise.at_least is None else f"at least {write(promise.at_least)}"
    high = "" if promise.at_most is None else f"at most {write(promise.at_most)}"
    return " and ".join(filter(None, (low, high)))


def _often(value: float) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(round(value), f"{round(value)} times")


# The end --------------------------------------------------------------------------------------------------


def _ending(facts: Facts) -> str:
    """Say where and when the journey ended, and by what."""
    when = _moment(facts.decided_us)
    if facts.outcome == "converted":
        return f"Converted with {plain(facts.place)} on {when}{_took(facts)}."
    where = _where(facts)
    if facts.outcome == "open":
        due = (
            ""
            if facts.due_us is None
            else f"; without a sign it counts as dropped on {_moment(facts.due_us)}"
        )
        return f"Still open on {_day(facts.decided_us)}, when the data ends: {where}{due}."
    word = "Turned away" if facts.outcome == "turned away" else "Dropped"
    if facts.deciding is not None:
        return f"{word} {where}: {plain(facts.deciding.touchpoint)} on {when} ended it."
    if facts.last_sign_us is None:  # pragma: no cover -- silence is the customer's
        return f"{word} {where} on {when}."
    silence = _span((facts.decided_us - facts.last_sign_us) / 1e6, exact=False)
    return f"{word} {where}: counted as left on {when}, after {silence} of silence."


def _took(facts: Facts) -> str:
    first = next(step for step in facts.steps if step.event >= 0)
    seconds = (facts.decided_us - first.us) / 1e6
    return f", {_span(seconds, exact=False)} after it began" if seconds >= 1 else ""


def _where(facts: Facts) -> str:
    if facts.place_stage < 0:
        return "before the map"
    stage = facts.intended.stage_names[facts.place_stage]
    return f"at {stage}, after {plain(facts.place)} on {_day(facts.place_us)}"


def _turn(facts: Facts) -> Iterator[str]:
    """Say whose turn it was and what the plan had next; of a journey that ended short of the goal."""
    if facts.outcome == "converted":
        return
    if facts.turn >= 0:
        be = "is" if facts.outcome == "open" else "was"
        yield f"It {be} the {('customer', 'company')[facts.turn]}'s turn."
    required = [planned for planned in facts.planned_next if planned.required]
    free = [planned for planned in facts.planned_next if not planned.required]
    have = "has" if facts.outcome == "open" else "had"
    if required:
        also = f"; before it, optionally, {_listed(free)}" if free else ""
        yield f"The plan {have} next: {_listed(required)}{also}."
    elif free:
        yield f"The plan {have} next: {_listed(free)}, all optional."


def _listed(planned: Sequence[Next]) -> str:
    said = [f"{plain(each.touchpoint)} ({each.stage})" for each in planned]
    more = [f"{len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
    return either([*said[:_SHOWN], *more])


def _afterwards(facts: Facts) -> Iterator[str]:
    """Say what followed: in the same journey, or in the customer's next."""
    first = next((step for step in facts.steps if step.move == "after the end"), None)
    if facts.won_back and first is not None:
        did = "converted" if facts.won_back == 2 else "came back"
        yield f"Later, in the same journey, the customer {did} (first sign on {_moment(first.us)})."
    if facts.next_journey is not None:
        ended = {"open": "is still open", "dropped": "dropped out", "turned away": "was turned away"}
        end = ended.get(facts.next_outcome, facts.next_outcome)
        again = _moment(facts.next_start_us)
        yield f"The customer began again on {again}: journey {facts.next_journey}, which {end}."


# Words ----------------------------------------------------------------------------------------------------


def plain(name: str) -> str:
    """Return a name as a reader says it."""
    return name.replace("_", " ") or "an event without a touchpoint"


def _ordinal(n: int) -> str:
    suffix = "th" if n % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{suffix}"


def _times(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _percent(share: float) -> str:
    return f"{math.floor(100 * share)} %" if share < 1 else "100 %"


def _utc(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def _width(step: Step) -> float:
    return 0.0 if math.isnan(step.precision) else step.precision


def _day(us: int, *, year: bool = True) -> str:
    moment = _utc(us)
    return f"{moment.day} {moment:%B %Y}" if year else f"{moment.day} {moment:%B}"


def _moment(us: int, precision: float = math.nan, *, weekday: bool = False) -> str:
    moment = _utc(us)
    day = f"{moment:%A} {_day(us)}" if weekday else _day(us)
    return day if precision >= _DAY else f"{day} at {moment:%H:%M}"


def _span(seconds: float, *, exact: bool = True) -> str:
    """Return a time in its largest unit; to two digits where it is exact, else whole.

    Examples
    --------
    >>> _span(840.0), _span(126.0), _span(126.0, exact=False), _span(3 * 86_400.0), _span(1.0)
    ('14 minutes', '2.1 minutes', '2 minutes', '3 days', '1 second')
    """
    for unit, length in _UNITS:
        amount = seconds / length
        if round(amount, 1 if exact else 0) >= 1 or unit == "second":
            shown = round(amount, 1) if exact and amount < 10 else round(amount)
            return f"{shown:,g} {unit}{'' if shown == 1 else 's'}"
    raise AssertionError  # the loop always meets seconds
