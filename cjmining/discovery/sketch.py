"""The verb `sketch_map`: a first intended map, drawn from the journeys that converted.

The method has four steps, each of which people can follow with a pencil.

1. Drawn is what at least `share` of the converted journeys contain.
2. An order: the pairs of touchpoints vote by which of them comes first in how many journeys, and the clearest
   votes are kept first (ranked pairs).
3. A stage begins with every milestone, a touchpoint that at least `always` of the journeys contain. The other
   touchpoints go with the milestone before them. Milestones that have no clear order among each other share
   a stage (the rule of the sequence cut of inductive mining, over milestones). Touchpoints next to each other
   that hardly ever occur in the same journey are a stage of their own: one of them. A stage too large for
   any order is cut once more, by what is common instead of what nearly all have.
4. What at least `share` of the journeys do again, or go back to, may be repeated or returned to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cjmining.discovery import attempts as found
from cjmining.documents import parse_duration
from cjmining.errors import LogError, nearest
from cjmining.intended.checks import MAX_ANY
from cjmining.intended.reader import parse_map
from cjmining.intended.writing import duration_text, to_yaml
from cjmining.log import expect_log
from cjmining.schema import ACTORS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.attempts import Attempts, Converted
    from cjmining.documents import Steps
    from cjmining.intended.model import IntendedMap
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]

CLEAR: Final = 0.8
"""The share of journeys with both in which one comes first, from which on their order is clear."""
COMMON: Final = 0.5
"""The share of journeys from which on a touchpoint is common enough to cut a large stage."""
APART: Final = 0.05
"""The share of the rarer one's journeys up to which two touchpoints are alternatives."""
EXPECTED: Final = 3.0
"""How many journeys with both chance alone must give, before none (or few) of them says anything.

With three expected, none at all is seen by chance in fewer than 5 % of logs.
"""
WITHIN_PATIENCE: Final = 0.95
"""The share of converted journeys whose longest silence the suggested patience covers."""
MAX_STATES: Final = 250
"""What the stages may need together; the automaton takes 256."""
DAY: Final = timedelta(days=1)
_DAY_US: Final = DAY // timedelta(microseconds=1)


def sketch_map(
    log: JourneyLog,
    *,
    goal: str | Sequence[str],
    patience: str | None = None,
    name: str = "Sketch",
    ignore: Sequence[str] = (),
    share: float = 0.1,
    always: float = 0.9,
) -> IntendedMap:
    """Draw a first intended map from the journeys that converted, for people to go on with.

    What customers do is not what the business intends: the sketch spares the typing, not the thinking. It
    knows no exits, promises, emotions or owners.

    Parameters
    ----------
    log : JourneyLog
        With its touchpoints named (`log.label`). Journeys that it was split into, and those that a source
        names itself, are taken as they are; else what a customer did is cut behind each goal and, where
        `patience` is given, at silences longer than that.
    goal : str or sequence of str
        Any of these touchpoints converts; failed ones don't count.
    patience : str, optional
        The customer's silence that counts as having left: `14d`, or `never`. Without it the map gets the
        whole number of days that covers the longest silence of 95 % of the converted journeys.
    name : str
        The name of the map.
    ignore : sequence of str
        Touchpoints that are no part of the journey. What systems do is left out in any case.
    share : float
        Above 0, at most 1: the share of converted journeys from which on a touchpoint is drawn, a repetition
        allowed, a way back planned, a channel named.
    always : float
        Above `share`, at most 1: the share from which on a touchpoint is not optional, and begins a stage.

    Returns
    -------
    IntendedMap
        Its `text` is YAML with comments: how many journeys have each touchpoint, and what was not drawn.

    Raises
    ------
    LogError
        If a goal is not in the log, no journey reaches one, or a share or the patience is none.

    Notes
    -----
    A stage begins with every milestone (in `always` of the journeys) and holds the touchpoints that typically
    come before the next. Milestones without a clear order (one first in 80 % of the journeys with both) share
    a stage in any order. A stage of more than 5 touchpoints is cut in the same way by those that half of the
    journeys have, into parts of at most 5 where the order allows it; else it may loop.
    Neighbours of which at most 5 % of the journeys with the rarer one have both, where chance would give 3
    journeys or more, are alternatives: a choice. The same log gives the same map.

    References
    ----------
    Order by ranked pairs: Tideman (1987), doi:10.1007/BF00433944. Stages between which every order is clear:
    the sequence cut of Leemans, Fahland, van der Aalst (2013), doi:10.1007/978-3-642-38697-8_17.

    Examples
    --------
    >>> import pandas as pd
    >>> import cjmining as cj
    >>> days = pd.to_datetime(["2026-03-01", "2026-03-02", "2026-03-05", "2026-03-01", "2026-03-03"])
    >>> log = cj.JourneyLog.from_events(pd.DataFrame({
    ...     "customer": [0, 0, 0, 1, 1], "timestamp": days,
    ...     "touchpoint": ["viewed", "asked", "paid", "viewed", "paid"],
    ... }))
    >>> print(cj.sketch_map(log, goal="paid", name="Shop"))
    Intended map 'Shop'
    Goal: paid
    Patience: 3 d
    Horizon: 30 d
    1. Viewed  in this order: viewed, asked (optional)
    2. Paid    in this order: paid [the map ends here]
    """
    expect_log(log, "sketch_map")
    goals = _goals(log, [goal] if isinstance(goal, str) else list(goal))
    _check_shares(share, always)
    silence = _silence(patience)
    evidence = _evidence(log, goals, silence, list(ignore), share)
    stages = _drawn(evidence, share, always)
    text = _text(evidence, stages, name=name, patience=patience, share=share, always=always)
    return parse_map(text, name=f"the sketch '{name}'")


# What the log says ---------------------------------------------------------------------------------------


class _Evidence(NamedTuple):
    """Converted journeys, reduced to the touchpoints that are drawn, and what was left out."""

    names: tuple[str, ...]
    goals: tuple[int, ...]
    journeys: _Drawn
    number: int
    holding: Ints
    before: Ints
    places: NDArray[np.float64]
    channels: tuple[tuple[str, ...], ...]
    by_company: tuple[bool, ...]
    waits: Ints
    left_out: tuple[tuple[str, int], ...]
    ignored: tuple[str, ...]
    by_systems: tuple[str, ...]

    def both(self, one: int, other: int) -> int:
        """Return how many journeys have two different touchpoints: in each, one of them comes first."""
        return int(self.before[one, other] + self.before[other, one])

    def is_clear(self, one: int, other: int) -> bool:
        """Say whether `one` comes first, as far as any journey has both."""
        return bool(self.before[one, other] >= CLEAR * self.both(one, other))

    def are_alternatives(self, one: int, other: int) -> bool:
        """Say whether hardly any journey has both, where chance would give some."""
        a, b = self.holding[one], self.holding[other]
        by_chance = a * b / self.number
        return bool(by_chance >= EXPECTED and self.both(one, other) <= APART * min(a, b))


def _goals(log: JourneyLog, goals: list[str]) -> list[int]:
    words = log.vocabulary("touchpoint")
    for goal in goals:
        if goal not in words:
            some = ", ".join(words[:5])
            hint = nearest(goal, words) or f"; the log has {some}{', ...' if len(words) > 5 else ''}"
            raise LogError(f"the goal '{goal}' does not occur in the log{hint}")
    if not goals:
        raise LogError("sketch_map needs a goal: the touchpoint that completes a journey")
    return [words.index(goal) for goal in dict.fromkeys(goals)]


def _silence(patience: str | None) -> timedelta | None:
    try:
        return None if patience in {None, "never"} else parse_duration(patience, otherwise=", or never")
    except ValueError as problem:
        raise LogError(f"patience: {problem}") from None


def _check_shares(share: float, always: float) -> None:
    if not 0 < share <= 1:
        raise LogError(f"share is above 0 and at most 1, not {share}")
    if not share <= always <= 1:
        raise LogError(f"always lies between share ({share}) and 1, not {always}")


def _evidence(
    log: JourneyLog, goals: list[int], patience: timedelta | None, ignore: list[str], share: float
) -> _Evidence:
    everything = found.Converted(log, goals, patience)
    words, channels = log.vocabulary("touchpoint"), log.vocabulary("channel")
    number, holding, events, by_systems, waits = everything.total(
        lambda part: (
            np.array([part.number]),
            part.holding(len(words)),
            *_events_by(part, "system", len(words)),
            np.bincount(-(-found.longest_silences(part) // _DAY_US)),
        )
    )
    if not number[0]:
        what = " or ".join(f"'{words[goal]}'" for goal in goals)
        raise LogError(f"no journey of the log reaches {what}: there is nothing to draw a map from")
    of_systems = _mostly(by_systems, events)
    unwanted = of_systems | np.isin(np.array(words, dtype=object), ignore)
    unwanted[goals] = False
    drawn = (holding >= share * number[0]) & ~unwanted
    drawn[[goal for goal in goals if holding[goal]]] = True
    codes = np.flatnonzero(drawn)
    renamed = np.full(len(words), -1, dtype=np.int32)
    renamed[codes] = np.arange(len(codes))
    journeys = _Drawn(everything, renamed)
    before, ranks, by_company, at = journeys.total(lambda part: _orders(part, len(codes), len(channels)))
    others = np.flatnonzero((holding > 0) & ~drawn & ~unwanted)
    return _Evidence(
        names=tuple(words[code] for code in codes),
        goals=tuple(int(renamed[goal]) for goal in goals if drawn[goal]),
        journeys=journeys,
        number=int(number[0]),
        holding=holding[codes],
        before=before,
        places=found.mean_places(ranks, holding[codes]),
        channels=_channels(at, events[codes], channels, share),
        by_company=tuple(bool(one) for one in _mostly(by_company, events[codes])),
        waits=waits,
        left_out=tuple(
            (words[code], int(holding[code])) for code in sorted(others, key=lambda code: -holding[code])
        ),
        ignored=tuple(word for word in words if word in set(ignore)),
        by_systems=tuple(words[code] for code in np.flatnonzero(unwanted & of_systems & (holding > 0))),
    )


class _Drawn(NamedTuple):
    """The converted journeys with only what is drawn of them, numbered anew."""

    journeys: Converted
    renamed: NDArray[np.int32]

    def total(self, count: Callable[[Attempts], tuple[Ints, ...]]) -> tuple[Ints, ...]:
        """Add up what is counted block by block."""
        return self.journeys.total(lambda part: count(self._of(part)))

    def _of(self, part: Attempts) -> Attempts:
        kept = part.take(self.renamed[part.touchpoint] >= 0)
        return kept._replace(touchpoint=self.renamed[kept.touchpoint])


def _orders(part: Attempts, size: int, n_channels: int) -> tuple[Ints, ...]:
    """Count what comes before what, at which place, by the company, and at which channel."""
    positions = found.first_positions(part, size)
    known = part.channel >= 0
    cells = part.touchpoint[known].astype(np.int64) * n_channels + part.channel[known]
    at = np.bincount(cells, minlength=size * n_channels).reshape(size, n_channels)
    _, by_company = _events_by(part, "company", size)
    return found.precedence(positions), found.ranks(positions), by_company, at


def _events_by(part: Attempts, actor: str, size: int) -> tuple[Ints, Ints]:
    """Return the number of events of each touchpoint, and of these by one kind of actor."""
    its = part.touchpoint[part.actor == ACTORS.index(actor)]
    return np.bincount(part.touchpoint, minlength=size), np.bincount(its, minlength=size)


def _mostly(its: Ints, events: Ints) -> NDArray[np.bool_]:
    """Say of each touchpoint whether at least half of its events are such."""
    mostly: NDArray[np.bool_] = (2 * its >= events) & (events > 0)
    return mostly


def _channels(at: Ints, events: Ints, words: Sequence[str], share: float) -> tuple[tuple[str, ...], ...]:
    """Return the channels with at least `share` of a touchpoint's events, the most frequent first."""
    return tuple(
        tuple(words[code] for code in np.argsort(-row, kind="stable") if row[code] >= max(share * total, 1))
        for row, total in zip(at, events, strict=True)
    )


# Stages --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stage:
    """A stage to be drawn: its touchpoints in order, how they go together, and what comes again."""

    members: list[int]
    milestones: list[int] = field(default_factory=list)
    order: str = "sequence"
    optional: bool = False
    repeats: frozenset[int] = frozenset()
    returns_to: tuple[int, ...] = ()


def _drawn(evidence: _Evidence, share: float, always: float) -> list[_Stage]:
    stages = _stages(evidence, always)
    steps_back = _steps_back(evidence, stages).tolist()
    stages = [
        _with_order(evidence, stage, back, share) for stage, back in zip(stages, steps_back, strict=True)
    ]
    stages = _small_enough(stages)
    repeats, returns = _comes_again(evidence, stages, share)
    return [
        replace(stage, repeats=repeats.intersection(stage.members), returns_to=returns.get(number, ()))
        for number, stage in enumerate(stages)
    ]


def _typical_order(evidence: _Evidence) -> list[int]:
    """Return the touchpoints in their typical order, the goals last.

    Ranked pairs: which of two comes first is decided by the journeys that have both; the decisions are kept
    from the clearest to the faintest, leaving out those that would contradict the ones kept before. Where
    these leave two open, the one that occurs earlier in its journeys comes first.
    """
    size = len(evidence.names)
    margin = evidence.before - evidence.before.T
    pairs = [(one, other) for one in range(size) for other in range(size) if margin[one, other] > 0]
    pairs.sort(key=lambda pair: (-margin[pair], evidence.names[pair[0]], evidence.names[pair[1]]))
    leads = np.eye(size, dtype=np.bool_)
    for one, other in pairs:
        if not leads[other, one]:
            leads |= leads[:, one, None] & leads[None, other, :]
    rest, order = sorted(range(size), key=lambda code: (evidence.places[code], evidence.names[code])), []
    rest = [code for code in rest if code not in evidence.goals]
    while rest:
        free = next(code for code in rest if not any(leads[other, code] for other in rest if other != code))
        order.append(free)
        rest.remove(free)
    return [*order, *evidence.goals]


def _stages(evidence: _Evidence, always: float) -> list[_Stage]:
    """Cut the typical order into stages: at milestones, and around alternatives."""
    order = _typical_order(evidence)
    before_goal = order[: len(order) - len(evidence.goals)]
    stages: list[_Stage] = []
    for part, milestones in _blocks(evidence, before_goal, always):
        runs = [part] if milestones else _runs_of_alternatives(evidence, part)
        for run in runs:
            if milestones:
                stages.append(_Stage(run, milestones))
            elif len(run) > 1:
                optional = int(evidence.holding[run].sum()) < always * evidence.number
                stages.append(_Stage(run, run, "choice", optional))
            elif stages and stages[-1].order != "choice":
                stages[-1].members.extend(run)
            else:
                stages.append(_Stage(run, optional=True))
    goals = list(evidence.goals)
    parts = [part for stage in stages for part in _parts(evidence, stage)]
    return [*parts, _Stage(goals, goals, "choice" if len(goals) > 1 else "sequence")]


def _parts(evidence: _Evidence, stage: _Stage) -> list[_Stage]:
    """Cut a stage too large for any order by its common touchpoints, as the whole is cut by milestones.

    Touchpoints that come one by one stay together as long as the part stays small enough.
    """
    if stage.order == "choice" or len(stage.members) <= MAX_ANY:
        return [stage]
    runs: list[list[int]] = []
    for run, common in _blocks(evidence, stage.members, COMMON):
        if runs and len(common) <= 1 and len(runs[-1]) + len(run) <= MAX_ANY:
            runs[-1].extend(run)
        else:
            runs.append(list(run))
    return [
        _Stage(run, mine, optional=not mine)
        for run in runs
        for mine in [[code for code in run if code in stage.milestones]]
    ]


def _is_clear_among(evidence: _Evidence, run: list[int]) -> bool:
    """Say whether touchpoints clearly come one after the other, as they are listed."""
    return all(evidence.is_clear(one, other) for place, one in enumerate(run) for other in run[place + 1 :])


def _blocks(evidence: _Evidence, order: list[int], always: float) -> list[tuple[list[int], list[int]]]:
    """Cut the order into milestones (with all between those without a clear order) and what lies between."""
    is_milestone = [evidence.holding[code] >= always * evidence.number for code in order]
    places = [place for place, yes in enumerate(is_milestone) if yes]
    blocks: list[tuple[list[int], list[int]]] = []
    done = 0
    while places:
        size = next(
            size
            for size in range(1, len(places) + 1)
            if all(evidence.is_clear(order[a], order[b]) for a in places[:size] for b in places[size:])
        )
        first, last = places[0], places[size - 1]
        if order[done:first]:
            blocks.append((order[done:first], []))
        blocks.append((order[first : last + 1], [order[place] for place in places[:size]]))
        done, places = last + 1, places[size:]
    return [*blocks, (order[done:], [])] if order[done:] else blocks


def _runs_of_alternatives(evidence: _Evidence, part: list[int]) -> list[list[int]]:
    """Cut neighbours into runs in which every two are alternatives; a run of one has none."""
    runs: list[list[int]] = []
    for code in part:
        if runs and all(evidence.are_alternatives(code, other) for other in runs[-1]):
            runs[-1].append(code)
        else:
            runs.append([code])
    return runs


def _with_order(evidence: _Evidence, stage: _Stage, steps_back: int, share: float) -> _Stage:
    """Let a stage be done in any order where its touchpoints are, or loop where it is too large for that."""
    if stage.order == "choice" or len(stage.members) == 1:
        return stage
    if _is_clear_among(evidence, stage.members) and steps_back < share * evidence.number:
        return stage
    return replace(stage, order="any" if len(stage.members) <= MAX_ANY else "loop")


def _small_enough(stages: list[_Stage]) -> list[_Stage]:
    """Make loops of stages in any order, the largest first, until the automaton can hold the map."""

    def states(stage: _Stage) -> int:
        return 2 ** len(stage.members) - 1 if stage.order == "any" else len(stage.members)

    while sum(map(states, stages)) > MAX_STATES and any(stage.order == "any" for stage in stages):
        largest = max(range(len(stages)), key=lambda number: (states(stages[number]), -number))
        stages = [
            replace(stage, order="loop") if number == largest else stage
            for number, stage in enumerate(stages)
        ]
    return stages


def _places_of(evidence: _Evidence, stages: list[_Stage]) -> tuple[Ints, Ints]:
    """Return the stage of each touchpoint, and its position there."""
    stage_of = np.zeros(len(evidence.names), dtype=np.int64)
    position = np.zeros(len(evidence.names), dtype=np.int64)
    for number, stage in enumerate(stages):
        stage_of[stage.members] = number
        position[stage.members] = np.arange(len(stage.members))
    return stage_of, position


def _steps_back(evidence: _Evidence, stages: list[_Stage]) -> Ints:
    """Return for each stage the journeys that step back inside it to a touchpoint listed earlier."""
    stage_of, position = _places_of(evidence, stages)

    def count(part: Attempts) -> tuple[Ints, ...]:
        here, there = part.touchpoint[:-1], part.touchpoint[1:]
        back = part.follows() & (stage_of[here] == stage_of[there]) & (position[there] < position[here])
        return (found.count_journeys(part.journey[:-1][back], stage_of[here[back]], len(stages)),)

    return evidence.journeys.total(count)[0]


def _comes_again(
    evidence: _Evidence, stages: list[_Stage], share: float
) -> tuple[frozenset[int], dict[int, tuple[int, ...]]]:
    """Return what enough journeys repeat, and which stages enough go back to, by the one they come from."""
    stage_of, _ = _places_of(evidence, stages)
    size = len(stages)
    repeating, returning = evidence.journeys.total(
        lambda part: (_repeats(part, stages, stage_of), _returns(part, stages, stage_of))
    )
    repeats = np.flatnonzero(repeating >= np.maximum(share * evidence.holding, 1)).tolist()
    enough = returning.reshape(size, size) >= max(share * evidence.number, 1)
    return frozenset(repeats), {
        number: tuple(int(target) for target in np.flatnonzero(enough[number])) for number in range(size)
    }


def _returns(part: Attempts, stages: list[_Stage], stage_of: Ints) -> Ints:
    """Return for each two stages how many journeys go straight back from the one to the other."""
    codes, size = part.touchpoint, len(stages)
    here, there = stage_of[codes[:-1]], stage_of[codes[1:]]
    loops = np.array([stage.order in {"loop", "choice"} for stage in stages])
    again = (here == there) & loops[here] & (codes[:-1] != codes[1:])
    back = part.follows() & ((there < here) | again)
    return found.count_journeys(part.journey[:-1][back], here[back] * size + there[back], size * size)


def _repeats(part: Attempts, stages: list[_Stage], stage_of: Ints) -> Ints:
    """Return how many journeys do each touchpoint again at once (in any order: while there)."""
    codes, size = part.touchpoint, len(stage_of)
    here, in_any_order = stage_of[codes], np.array([stage.order == "any" for stage in stages])
    goes_on = (codes[1:] != codes[:-1]) & ~in_any_order[here[1:]]
    left = ~part.follows() | (here[1:] != here[:-1]) | goes_on
    visit = np.cumsum(np.append(True, left))[: len(codes)]
    _, first, counts = np.unique(visit * size + codes, return_index=True, return_counts=True)
    again = first[counts > 1]
    return found.count_journeys(part.journey[again], codes[again], size)


# The text ------------------------------------------------------------------------------------------------


def _text(
    evidence: _Evidence, stages: list[_Stage], *, name: str, patience: str | None, share: float, always: float
) -> str:
    suggested = patience or _suggested_patience(evidence.waits)
    names = _stage_names(evidence, stages)
    data: dict[str, Any] = {
        "map": name,
        "goal": [evidence.names[goal] for goal in evidence.goals],
        "patience": suggested,
    }
    if suggested != "never" and parse_duration(suggested) > 30 * DAY:
        data["horizon"] = suggested
    ignored = list(dict.fromkeys([*evidence.ignored, *evidence.by_systems]))
    if ignored:
        data["ignore"] = ignored
    data["stages"] = [
        _stage_form(evidence, stage, names, number, always) for number, stage in enumerate(stages)
    ]
    comments = _comments(evidence, stages)
    if patience is None:
        covered = f"covers the longest silence of {_percent(WITHIN_PATIENCE)} of these journeys"
        comments["patience",] = f"{covered}; yours to set"
    return (
        to_yaml(data, head=_head(evidence, share, always), comments=comments) + "\n" + _rest(evidence, share)
    )


def _suggested_patience(waits: Ints) -> str:
    """Return the whole days, at least one, that cover the longest silence of 95 % of the journeys."""
    within = np.cumsum(waits)
    days = int(np.searchsorted(within, np.ceil(WITHIN_PATIENCE * within[-1])))
    return duration_text(max(days, 1) * DAY)


def _stage_form(
    evidence: _Evidence, stage: _Stage, names: list[str], number: int, always: float
) -> dict[str, Any]:
    values: dict[str, Any] = {"stage": names[number]}
    if stage.order in {"choice", "any"}:
        values["order"] = stage.order
    if stage.optional:
        values["optional"] = True
    values["touchpoints"] = [_touchpoint_form(evidence, stage, code, always) for code in stage.members]
    if stage.returns_to:
        values["returns_to"] = [names[target] for target in stage.returns_to]
    return values


def _touchpoint_form(evidence: _Evidence, stage: _Stage, code: int, always: float) -> dict[str, Any]:
    values: dict[str, Any] = {"touchpoint": evidence.names[code]}
    if evidence.channels[code]:
        values["channels"] = list(evidence.channels[code])
    if evidence.holding[code] < always * evidence.number and stage.order != "choice":
        values["optional"] = True
    if code in stage.repeats:
        values["repeat"] = True
    if evidence.by_company[code]:
        values["actor"] = "company"
    return values


def _stage_names(evidence: _Evidence, stages: list[_Stage]) -> list[str]:
    """Name stages by their milestones, else by what is most common; people will find better names."""
    names: list[str] = []
    for number, stage in enumerate(stages):
        commonest = max(stage.members, key=lambda code: int(evidence.holding[code]))
        words = [_in_words(evidence.names[code]) for code in stage.milestones or [commonest]]
        joined = (" or " if stage.order == "choice" else " and ").join(words)
        name = joined[:1].upper() + joined[1:]
        names.append(name if name not in names else f"{name} ({number + 1})")
    return names


def _in_words(name: str) -> str:
    return name.replace("_", " ").strip() or name


def _head(evidence: _Evidence, share: float, always: float) -> list[str]:
    number = evidence.number
    drawn = f"Drawn is what at least {_percent(share)} of these journeys have"
    return [
        f"A sketch, drawn from the {number:,} journeys that reached the goal: what customers did, which is",
        "not yet what is intended. Name the stages, take out what you don't intend, and add exits (what ends",
        "a journey without the goal: the log can't know), promises, owners and personas.",
        f"{drawn}; optional is what less than {_percent(always)} have.",
    ]


def _comments(evidence: _Evidence, stages: list[_Stage]) -> dict[Steps, str]:
    number = evidence.number
    return {
        (
            "stages",
            at,
            "touchpoints",
            place,
        ): f"in {_percent(evidence.holding[code] / number)} of the journeys"
        for at, stage in enumerate(stages)
        for place, code in enumerate(stage.members)
    }


def _rest(evidence: _Evidence, share: float) -> str:
    number = evidence.number
    lines = []
    if evidence.left_out:
        lines.append(f"# Not drawn, since fewer than {_percent(share)} of the journeys have it:")
        lines += [f"#   {name} ({_percent(count / number)})" for name, count in evidence.left_out]
    if evidence.by_systems:
        lines.append(f"# Ignored, since systems do it, not people: {', '.join(evidence.by_systems)}")
    return "\n".join([*lines, ""]) if lines else ""


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 or not share else "under 1 %"
