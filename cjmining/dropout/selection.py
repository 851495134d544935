"""The journeys behind a number of a check: how they ended, where, when and whose they were."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cjmining.dropout.entries import pieces_of
from cjmining.errors import LogError, nearest
from cjmining.schema import BEFORE_THE_MAP, OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from cjmining.conformance import Conformance

    Bools = NDArray[np.bool_]

TURNS = ("customer", "company", "")
_WORDS = {"dropped": "dropped out", "turned away": "were turned away", "open": "are under way"}


@dataclass(frozen=True)
class Selection:
    """Which journeys are asked for; an empty tuple or None is no condition. Times are half-open."""

    outcomes: tuple[str, ...]
    stages: tuple[str, ...]
    touchpoints: tuple[str, ...]
    turns: tuple[str, ...]
    where: tuple[tuple[str, tuple[str, ...]], ...]
    since: int | None
    until: int | None
    journeys: tuple[int, ...] | None

    def mask(self, check: Conformance) -> NDArray[np.bool_]:
        """Say which journeys of a check meet every condition.

        Raises
        ------
        LogError
            If the check or its log has no such place, group, value or journey.
        """
        keep = self.given(check)
        conditions = list(self._conditions(check))
        first = 0
        for columns in pieces_of(check, *(name for name, _ in conditions)) if conditions else ():
            own = keep[first : first + len(columns[0])]
            for (_, holds), values in zip(conditions, columns, strict=True):
                own &= holds(values)
            first += len(own)
        log = check._with_log("customers").log
        for name, wanted in self.where:
            codes, names = log.group(name)
            asked = _numbers_of(names, wanted, name)
            for block in log.blocks():
                keep[block.journeys] &= np.isin(codes[block.journeys], asked)
        return keep

    def _conditions(self, check: Conformance) -> Iterator[tuple[str, Callable[[NDArray[Any]], Bools]]]:
        """Give what has to hold of columns of what a check says of each journey."""
        stages = (BEFORE_THE_MAP, *check.intended.stage_names)
        labels = _touchpoints(check) if self.touchpoints else ()
        for name, wanted, known, column, first in (
            ("outcome", self.outcomes, OUTCOMES, "outcome", 0),
            ("stage", self.stages, stages, "place_stage", -1),
            ("touchpoint", self.touchpoints, labels, "place_touchpoint", -1),
            ("turn", self.turns, ("", *TURNS[:2]), "turn", -1),
        ):
            if wanted:
                asked = [number + first for number in _numbers_of(known, wanted, name)]
                yield column, partial(np.isin, test_elements=asked)
        if self.since is not None:
            yield "decided_at", partial(np.less_equal, self.since)
        if self.until is not None:
            yield "decided_at", partial(np.greater, self.until)

    def given(self, check: Conformance) -> NDArray[np.bool_]:
        """Say which journeys were named by their numbers; all where none was."""
        n = len(check._with_log("journeys").customer)
        if self.journeys is None:
            return np.ones(n, dtype=np.bool_)
        numbers = np.array(self.journeys, dtype=np.int64)
        strange = numbers[(numbers < 0) | (numbers >= n)]
        if len(strange):
            raise LogError(
                f"journeys are numbered 0 to {n - 1:,}, as in check.journeys; there is no {strange[0]}"
            )
        named = np.zeros(n, dtype=np.bool_)
        named[numbers] = True
        return named

    def __str__(self) -> str:
        said = [" or ".join(_WORDS.get(outcome, outcome) for outcome in self.outcomes)]
        said += [f"at {' or '.join(self.stages)}"] if self.stages else []
        said += [f"after {' or '.join(self.touchpoints)}"] if self.touchpoints else []
        said += (
            [f"on the turn of {' or '.join(turn or 'nobody' for turn in self.turns)}"] if self.turns else []
        )
        said += [f"with {name} {' or '.join(values)}" for name, values in self.where]
        said += [f"from {day_of(self.since)}"] if self.since is not None else []
        said += [f"before {day_of(self.until)}"] if self.until is not None else []
        return ", ".join(said)


def select(
    *,
    outcome: str | Sequence[str],
    stage: str | Sequence[str] | None,
    touchpoint: str | Sequence[str] | None,
    turn: str | Sequence[str] | None,
    persona: str | Sequence[str] | None,
    where: Mapping[str, Any] | None,
    since: object | None,
    until: object | None,
    journeys: Any,  # noqa: ANN401 -- any array of whole numbers
) -> Selection:
    """Bring the conditions that a user gives into one form.

    Raises
    ------
    LogError
        If an outcome, a turn or a time is none, or a condition is given twice.
    """
    if where is not None and not isinstance(where, Mapping):
        raise LogError(f"where is a mapping such as {{'device': 'mobile'}}, not {where!r}")
    conditions = dict(where or {})
    if persona is not None:
        if "persona" in conditions:
            raise LogError("persona is given twice, as persona= and in where=")
        conditions["persona"] = persona
    chosen = Selection(
        outcomes=_known(texts(outcome), OUTCOMES, "outcome"),
        stages=texts(stage),
        touchpoints=texts(touchpoint),
        turns=_known(texts(turn), TURNS, "turn"),
        where=tuple((name, texts(values)) for name, values in conditions.items()),
        since=moment(since, "since"),
        until=moment(until, "until"),
        journeys=None if journeys is None else _numbers(journeys),
    )
    expect_order(chosen.since, chosen.until)
    if not chosen.outcomes:
        raise LogError(f"outcome is one or more of {', '.join(OUTCOMES)}")
    for name, values in chosen.where:
        if not values:
            raise LogError(f"where={{{name!r}: ...}} names no value")
    return chosen


def expect_check(check: object, verb: str) -> None:
    """Raise a LogError unless `check` is what `cj.check` returns; `verb` is what was called."""
    from cjmining.conformance import Conformance

    if not isinstance(check, Conformance):
        raise LogError(f"{verb} takes a check first, not {type(check).__name__}: cj.check(log, intended)")


def texts(given: Any) -> tuple[str, ...]:  # noqa: ANN401 -- a value or several
    """Return one value or several as texts; None is none.

    Examples
    --------
    >>> texts("Checkout"), texts([1999, True]), texts(None)
    (('Checkout',), ('1999', 'True'), ())
    """
    if given is None:
        return ()
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        return (str(given),)
    return tuple(str(value) for value in given)


def moment(given: object | None, name: str) -> int | None:
    """Return a time as microseconds since 1970; without a zone it is UTC."""
    if given is None:
        return None
    import pandas as pd

    unclear = isinstance(given, int | float | np.number)
    if unclear or (isinstance(given, str) and not re.match(r"\s*\d{4}", given)):  # 04.05. is May or April
        raise LogError(f"{name} is a time such as '2026-05-04', not {given!r}")
    try:
        time = pd.Timestamp(given)  # type: ignore[arg-type]
    except (TypeError, ValueError) as problem:
        raise LogError(f"{name} is a time such as '2026-05-04', not {given!r}") from problem
    if pd.isna(time):
        raise LogError(f"{name} is a time such as '2026-05-04', not {given!r}")
    time = time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")
    return int(time.to_datetime64().astype("datetime64[us]").astype(np.int64))


def expect_order(since: int | None, until: int | None) -> None:
    """Raise a LogError where `since` is after `until`; both as `moment` returns them."""
    if since is not None and until is not None and since > until:
        raise LogError(f"since is after until: {day_of(since)} and {day_of(until)}")


def _known(given: tuple[str, ...], known: Sequence[str], name: str) -> tuple[str, ...]:
    for word in given:
        if word not in known:
            raise LogError(
                f"{name} is one of {', '.join(map(repr, known))}, not {word!r}{nearest(word, known)}"
            )
    return given


def _numbers(journeys: Any) -> tuple[int, ...]:  # noqa: ANN401
    array = np.asarray(journeys)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise LogError("journeys is a list of numbers of journeys, as in check.journeys['journey']")
    return tuple(np.unique(array).tolist())


def _numbers_of(known: Sequence[str], wanted: tuple[str, ...], what: str) -> list[int]:
    names = [str(name) for name in known]
    for word in wanted:
        if word not in names:
            shown = [name for name in names if name][:20]
            raise LogError(f"no {what} is {word!r}{nearest(word, names)}; it is one of {', '.join(shown)}")
    return [names.index(word) for word in wanted]


def _touchpoints(check: Conformance) -> tuple[str, ...]:
    return ("", *check._with_log("journeys").plan.labels)


def day_of(time: int) -> str:
    """Write a moment in microseconds since 1970 as a day, with the time where it is not midnight."""
    return str(np.datetime64(time, "us").astype("datetime64[s]")).replace("T00:00:00", "")
