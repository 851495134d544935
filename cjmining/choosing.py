"""Which journeys of a log meet what is asked of them: when they begin, what they hold, their paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cjmining import asked, grouping, schema
from cjmining.errors import LogError, nearest
from cjmining.event_columns import rows_by_piece
from cjmining.tables import microseconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.log import JourneyLog
    from cjmining.patterns import Pattern

    Flags = NDArray[np.bool_]


def choose(
    log: JourneyLog,
    start: object | None,
    end: object | None,
    path: str | Pattern | Sequence[str | Pattern] | None,
    values: Mapping[str, str | Sequence[str]],
) -> Flags:
    """Say of each journey whether it meets every condition; `JourneyLog.where` says what they mean."""
    keep = _beginning(log, start, end)
    if path is not None:
        from cjmining.patterns import having

        keep &= having(log, path)
    for name, wanted in values.items():
        keep &= _having(log, name, _wanted(name, wanted))
    return keep


def _beginning(log: JourneyLog, start: object | None, end: object | None) -> Flags:
    keep = np.ones(log.n_journeys, dtype=bool)
    begin = log.timestamps[log.bounds[:-1]]
    first, last = _limit("start", start), _limit("end", end)
    if first is not None and last is not None and first >= last:
        raise LogError(f"no journey begins from start, {start}, until end, {end}: end must be later")
    if first is not None:
        keep &= begin >= first
    if last is not None:
        keep &= begin < last
    return keep


def _limit(name: str, moment: object) -> int | None:
    """Return a time in microseconds; a bare number is none, since nobody knows its unit."""
    if moment is None:
        return None
    if isinstance(moment, int | np.number):
        raise LogError(f"{name}={moment!r} is not a time; write it as 2026-08-31T22:00:00Z")
    try:
        return microseconds(moment)
    except LogError as problem:
        raise LogError(f"{name}={problem}") from None


def _wanted(name: str, values: object) -> Sequence[str]:
    """Return the values to choose by: one text or some."""
    if isinstance(values, str):
        return (values,)
    if isinstance(values, Iterable):
        texts = asked.texts(name, values, of="values")
        if not texts:
            raise LogError(f"{name}=[] chooses no journey; give a value, or leave {name} out")
        return texts
    hint = "" if values is None else f": write {name}={str(values)!r}"
    raise LogError(f"{name} takes a value or several values to choose by, as texts, not {values!r}{hint}")


def _having(log: JourneyLog, name: str, wanted: Sequence[str]) -> Flags:
    of_journeys = grouping.is_of_journeys(log, name)
    if not of_journeys and name not in _text_columns(log):
        raise _nothing_to_choose_by(log, name)
    codes, words = log.group(name) if of_journeys else (log.codes(name), log.vocabulary(name))
    for word in wanted:
        if word not in words:
            hint = nearest(word, words)
            raise LogError(f"no {name} is {word!r}{hint}; {_known_words(words)}")
    meant = [words.index(word) for word in wanted]
    if of_journeys:
        return np.isin(codes, meant)
    having = np.zeros(log.n_journeys, dtype=bool)
    for events in rows_by_piece(lambda code: np.isin(code, meant), codes):
        having[np.searchsorted(log.bounds, events, side="right") - 1] = True
    return having


def _text_columns(log: JourneyLog) -> list[str]:
    return [field.name for field in schema.EVENTS if field.type == schema.TEXT] + list(log.dimensions)


def _nothing_to_choose_by(log: JourneyLog, name: str) -> LogError:
    if name in ("persona", "outcome"):  # says how a log comes to know them
        try:
            log.group(name)
        except LogError as problem:
            return problem
    columns = _text_columns(log)
    hint = nearest(name, [*grouping.PERIODS, *log.attributes, *log.tags, *columns])
    tags = f"journeys are tagged with {', '.join(log.tags)}, " if log.tags else ""
    return LogError(
        f"there is no {name!r} to choose journeys by{hint}; customers have "
        f"{', '.join(log.attributes) or 'no attributes'}, {tags}events have {', '.join(columns)}; "
        f"periods are {', '.join(grouping.PERIODS)}"
    )


def _known_words(words: Sequence[str]) -> str:
    return f"it is one of {', '.join(words[:20])}" if words else "the log has none at all"
