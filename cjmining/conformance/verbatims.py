"""A few of what customers wrote beside their answers, chosen by a rule that anybody can repeat."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cjmining import asked, schema
from cjmining.conformance.tables import frame
from cjmining.conformance.walk import Walk
from cjmining.event_columns import rows_where

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance.reading import Part, Reading
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]

TYPICAL, LEAST = "typical", "least satisfied"
_EASY_TO_READ: Final = range(12, 91)
"""Letters of a comment that says something and is read at a glance."""
_MOST: Final = 20
_COLUMNS = {
    "by": "text",
    "stage": "text",
    "touchpoint": "text",
    "channel": "text",
    "satisfaction": "float",
    "comment": "text",
    "chosen": "text",
    "comments": "int",
    "customers": "int",
    "answered": "int",
    "median_satisfaction": "float",
}


class _Answer(NamedTuple):
    """An answer to a survey; `about` is the touchpoint that it rates."""

    group: int
    stage: int
    about: str
    channel: str
    satisfaction: float
    customer: int
    event: int
    comment: str


def verbatims(
    reading: Reading, names: Sequence[str], *, as_one: bool, each: int, smallest: int
) -> pd.DataFrame:
    """Choose comments; `Conformance.verbatims` says how.

    Parameters
    ----------
    reading : Reading
        The log.
    names : sequence of str
        The groups, in the order of the result.
    as_one : bool
        Whether all journeys are one group, the only name.
    each, smallest : int
        How many of a stage at most, and how many customers must have commented there.
    """
    each = asked.whole("each", each, least=1, most=_MOST)
    smallest = asked.whole("smallest", smallest, least=1)
    answers = list(_answers(reading, as_one=as_one))
    groups = names if as_one else reading.groups
    stages = reading.plan.intended.stage_names
    rows = []
    for name in names:
        own = [answer for answer in answers if groups[answer.group] == name]
        told: set[str] = set()
        for number, stage in enumerate(stages):
            here = [answer for answer in own if answer.stage == number]
            rows += [{"by": name, "stage": stage, **row} for row in _of_stage(here, each, smallest, told)]
    return frame(rows, _COLUMNS)


def _of_stage(answers: list[_Answer], each: int, smallest: int, told: set[str]) -> Iterator[dict[str, Any]]:
    """Yield the comments chosen of a stage: around the median answer, and the last of the least satisfied."""
    comments = [answer for answer in answers if answer.comment]
    customers = len({answer.customer for answer in comments})
    if customers < smallest:
        return
    middle = float(np.median([answer.satisfaction for answer in answers]))
    typical = sorted(comments, key=lambda answer: (abs(answer.satisfaction - middle), *_readable(answer)))
    below = [answer for answer in comments if answer.satisfaction < middle]
    least = sorted(below, key=lambda answer: (answer.satisfaction, *_readable(answer)))
    worst = _first_untold(least, 1, told) if each > 1 else []
    usual = _first_untold(typical, each - len(worst), told)
    for why, answer in [*_with(TYPICAL, usual), *_with(LEAST, worst)]:
        yield {
            "touchpoint": answer.about,
            "channel": answer.channel,
            "satisfaction": answer.satisfaction,
            "comment": answer.comment,
            "chosen": why,
            "comments": len(comments),
            "customers": customers,
            "answered": len(answers),
            "median_satisfaction": middle,
        }


def _with(why: str, answers: Iterable[_Answer]) -> list[tuple[str, _Answer]]:
    return [(why, answer) for answer in answers]


def _readable(answer: _Answer) -> tuple[int, int, int, str]:
    """Put first what nothing was taken out of, then what has an easy length; then the earliest event."""
    length = len(answer.comment)
    off = max(_EASY_TO_READ.start - length, length - _EASY_TO_READ.stop, 0)
    return answer.comment.count("[..]"), off, answer.event, answer.comment


def _first_untold(ordered: Iterable[_Answer], number: int, told: set[str]) -> list[_Answer]:
    """Return the first ones that neither say what was told before nor are of one customer."""
    chosen: list[_Answer] = []
    for answer in ordered:
        words = _words(answer.comment)
        if len(chosen) == number:
            break
        if words and words not in told and answer.customer not in {other.customer for other in chosen}:
            told.add(words)
            chosen.append(answer)
    return chosen


def _words(comment: str) -> str:
    """Return a comment without what makes no difference to a reader: case, marks and blanks."""
    return " ".join(re.findall(r"[^\W_]+", comment.casefold()))


# reading --------------------------------------------------------------------------------------------------


def _answers(reading: Reading, *, as_one: bool) -> Iterator[_Answer]:
    """Yield the answers on the map of the journeys that have any; nothing else of the log is walked."""
    answered = rows_where(lambda value: ~np.isnan(value), reading.columns.satisfaction)
    journeys = np.unique(np.searchsorted(reading.bounds, answered, side="right") - 1)
    variant = np.zeros(len(journeys), np.int32) if reading.variant is None else reading.variant[journeys]
    for number, plan in enumerate(reading.plans):
        own = journeys[variant == number]
        if len(own):
            yield from _answers_of(reading, reading.part_of_several(plan, own), as_one=as_one)


def _answers_of(reading: Reading, part: Part, *, as_one: bool) -> Iterator[_Answer]:
    from cjmining.conformance.reading import judge_part

    walk = Walk(part, judge_part(part))
    rows = np.flatnonzero(~np.isnan(part.columns.satisfaction) & (walk.stage >= 0))
    about = np.where(walk.rated[rows] >= 0, walk.rated[rows], rows)
    events = part.event_numbers[rows]
    comments = comments_of(reading.log, events)
    channel = part.columns.channel[about]
    journey = walk.journey[rows]
    labels, channels = part.plan.labels, (*reading.channels, "")
    for i, row in enumerate(rows.tolist()):
        yield _Answer(
            group=0 if as_one else int(part.group[journey[i]]),
            stage=int(walk.stage[row]),
            about=labels[part.columns.touchpoint[about[i]]],
            channel=channels[channel[i]],
            satisfaction=float(part.columns.satisfaction[row]),
            customer=int(part.customer[journey[i]]),
            event=int(events[i]),
            comment=comments[i],
        )


def comments_of(log: JourneyLog, events: Ints) -> list[str]:
    """Return the comments of some events, "" where there is none; only their properties are read."""
    if "properties" not in log._stored.column_names:
        return [""] * len(events)
    return [_comment(said) if said else "" for said in log._values("properties", events).to_pylist()]


def _comment(properties: str) -> str:
    try:
        said = json.loads(properties)
    except ValueError:
        return ""
    comment = said.get(schema.COMMENT) if isinstance(said, dict) else None
    return " ".join(comment.split()) if isinstance(comment, str) else ""
