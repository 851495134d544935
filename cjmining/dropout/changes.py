"""What a scenario changes: read from mappings, held against the map and the log, every mistake at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

from cjmining.conformance.promises import WITHIN, Promise, promises_of
from cjmining.errors import LogError, nearest, shorten
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    from cjmining.conformance.reading import Reading

DROP_OUT, TURNED_AWAY, PROMISE, SKIP = "drop_out", "turned_away", "promise", "skip"
_KEYS = {
    "factor": ("stage", "touchpoint", "where", DROP_OUT, TURNED_AWAY),
    PROMISE: (PROMISE, "measure", "stage", "where", "kept"),
    SKIP: (SKIP, "stage", "where"),
}
_SETTLED_BY_THE_END = (WITHIN, "contacts")


@dataclass(frozen=True)
class Change:
    """One change of a scenario.

    Attributes
    ----------
    kind : str
        "drop_out" or "turned_away" (times a factor), "promise" (kept), "skip" (a touchpoint).
    cells : tuple of (int, str)
        The places it changes: number of the stage (-1 before the map) and touchpoint, "" for the whole stage.
    factor : float
        What the probability of leaving is multiplied by.
    where : tuple of (str, tuple of str)
        Attributes or dimensions, and the values for which it holds.
    promises : tuple of Promise
        Those that are kept.
    words : str
        The change in words.
    """

    kind: str
    cells: tuple[tuple[int, str], ...]
    factor: float
    where: tuple[tuple[str, tuple[str, ...]], ...]
    promises: tuple[Promise, ...]
    words: str

    @property
    def by_touchpoint(self) -> tuple[int, ...]:
        """The stages whose touchpoints have to be told apart."""
        return tuple(stage for stage, touchpoint in self.cells if touchpoint)


def changes_of(given: object, reading: Reading) -> tuple[Change, ...]:
    """Read the changes of a scenario.

    Parameters
    ----------
    given : mapping or sequence of mapping
        See `cj.what_if`.
    reading : Reading
        Whose map and log they are about.

    Returns
    -------
    tuple of Change
        In the order given; a mapping that changes both ways of ending is two.

    Raises
    ------
    LogError
        With every mistake: what is unknown, out of range or missing.
    """
    listed = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if not listed:
        raise LogError('a scenario changes something, for example {"stage": "Checkout", "drop_out": 0.5}')
    reader = _Reader(reading)
    found = [change for number, each in enumerate(listed, 1) for change in reader.read(each, number)]
    if reader.mistakes:
        raise LogError("what_if: " + "; ".join(reader.mistakes), mistakes=reader.mistakes)
    return tuple(found)


class _Reader:
    """Reads changes and gathers what is wrong with them."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.intended = reading.plan.intended
        self.mistakes: list[str] = []
        self.cells = dict.fromkeys(
            (number, at.touchpoint)
            for plan in reading.plans
            for number, stage in enumerate(plan.intended.stages)
            for at in stage.touchpoints
        )
        self.promises = dict.fromkeys(p for plan in reading.plans for p in promises_of(plan.intended))

    def read(self, given: object, number: int) -> list[Change]:
        """Return the changes of one mapping; none where it has mistakes."""
        self.where_in = f"change {number}"
        if not isinstance(given, Mapping):
            self._wrong(f"is a mapping such as {{'stage': 'Checkout', 'drop_out': 0.5}}, not {given!r}")
            return []
        known_mistakes = len(self.mistakes)
        kind = PROMISE if PROMISE in given else SKIP if SKIP in given else "factor"
        self._check_keys(given, kind)
        where = self._where(given.get("where"))
        told = _told_where(where)
        read = {PROMISE: self._promise, SKIP: self._skip, "factor": self._factors}[kind]
        found = read(given, where, told)
        return found if len(self.mistakes) == known_mistakes else []

    def _wrong(self, what: str) -> None:
        self.mistakes.append(f"{self.where_in} {what}")

    def _check_keys(self, given: Mapping[Any, Any], kind: str) -> None:
        known = _KEYS[kind]
        everything = sorted({key for keys in _KEYS.values() for key in keys})
        for key in given:
            if key not in known:
                hint = nearest(str(key), known) or nearest(str(key), everything)
                self._wrong(f"has {key!r}{hint}; beside {_first(kind)} it may have {', '.join(known)}")

    def _factors(
        self, given: Mapping[str, Any], where: tuple[tuple[str, tuple[str, ...]], ...], told: str
    ) -> list[Change]:
        cells = self._places(given)
        kinds = [kind for kind in (DROP_OUT, TURNED_AWAY) if kind in given]
        if not kinds:
            self._wrong("says nothing to change: give drop_out or turned_away (a factor), promise or skip")
        place = _told_place(given)
        found = []
        for kind in kinds:
            factor = given[kind]
            if isinstance(factor, bool) or not isinstance(factor, Real) or not 0 <= float(factor) <= 1:
                self._wrong(
                    f"has {kind} {factor!r}: it is a factor from 0 (nobody ends so any more) to 1 (as it is)"
                )
                continue
            what = "drop-out" if kind == DROP_OUT else "turning away"
            words = f"{what} at {place}{told} times {float(factor):g}"
            found.append(Change(kind, cells, float(factor), where, (), words))
        return found

    def _skip(
        self, given: Mapping[str, Any], where: tuple[tuple[str, tuple[str, ...]], ...], told: str
    ) -> list[Change]:
        cells = self._places({**given, "touchpoint": given[SKIP]})
        if given[SKIP] in self.intended.goal:
            self._wrong(f"skips {given[SKIP]!r}, which is a goal of the map")
        place = _told_place({**given, "touchpoint": given[SKIP]})
        return [Change(SKIP, cells, 0.0, where, (), f"{place} passed over{told}")]

    def _promise(
        self, given: Mapping[str, Any], where: tuple[tuple[str, tuple[str, ...]], ...], told: str
    ) -> list[Change]:
        if given.get("kept", True) is not True:
            self._wrong(f"has kept {given['kept']!r}: a promise is kept (True), or there is no change")
        promises = self._promises(given)
        names = self.intended.stage_names
        words = "; ".join(
            f"{p.touchpoint} in {names[p.stage]}: {p.measure}{_told_bounds(p)} kept for everyone"
            for p in promises
        )
        return [Change(PROMISE, (), 1.0, where, tuple(promises), words + told)]

    def _promises(self, given: Mapping[str, Any]) -> list[Promise]:
        """Return the promises meant: of the touchpoint, and of the measure and stage where they are given."""
        wanted, measure, stage = given[PROMISE], given.get("measure"), self._stage(given)
        of_name = [p for p in self.promises if p.touchpoint == wanted or (wanted == WITHIN == p.measure)]
        if not of_name:
            names = list(dict.fromkeys(p.touchpoint for p in self.promises if p.touchpoint))
            self._wrong(
                f"names a promise about {wanted!r}{nearest(str(wanted), names)}; "
                f"the map promises something of {', '.join(names) or 'nothing'}"
            )
            return []
        found = [
            p
            for p in of_name
            if (measure is None or p.measure == measure) and (stage is None or p.stage == stage)
        ]
        measures = list(dict.fromkeys(p.measure for p in of_name))
        if not found:
            told = ", ".join(f"{p.measure} in {self.intended.stage_names[p.stage]}" for p in of_name)
            self._wrong(f"names a promise of {wanted!r} that the map doesn't make; it promises {told}")
        elif measure is None and len({p.measure for p in found}) > 1:
            self._wrong(f"has to say which measure of {wanted!r} is meant: {', '.join(measures)}")
        elif not all(self._tells(promise) for promise in found):
            self._wrong(
                f"keeps {found[0].measure!r}, which can't be told from the journeys: those for whom it was "
                "kept are known by having gone on or ended, and say nothing of the others"
            )
        return found

    def _tells(self, promise: Promise) -> bool:
        """Say whether a promise is settled where a journey stands, not by where it goes.

        An answer is where the company gives it in the stage of the request.
        """
        if promise.measure in _SETTLED_BY_THE_END:
            return False
        if promise.measure != "response_s":
            return True
        stages = [plan.intended.stages[promise.stage].touchpoints for plan in self.reading.plans]
        by_company = any(
            at.touchpoint == promise.touchpoint and at.actor == "company" for stage in stages for at in stage
        )
        return by_company and any(at.touchpoint == promise.after for stage in stages for at in stage)

    def _places(self, given: Mapping[str, Any]) -> tuple[tuple[int, str], ...]:
        """Return the stage and touchpoint of the places meant."""
        stage, touchpoint = self._stage(given), given.get("touchpoint")
        if touchpoint is None:
            if stage is None and "stage" not in given:
                self._wrong("names no place: give a stage, a touchpoint, or both")
            return () if stage is None else ((stage, ""),)
        names = [name for _, name in self.cells]
        if touchpoint not in names:
            self._wrong(
                f"names touchpoint {touchpoint!r}, which no stage has{nearest(str(touchpoint), names)}"
            )
            return ()
        cells = tuple(cell for cell in self.cells if cell[1] == touchpoint and stage in (None, cell[0]))
        if not cells:
            own = [self.intended.stage_names[number] for number, name in self.cells if name == touchpoint]
            self._wrong(f"names touchpoint {touchpoint!r} in {given['stage']}, but it is in {', '.join(own)}")
        return cells

    def _stage(self, given: Mapping[str, Any]) -> int | None:
        if (name := given.get("stage")) is None:
            return None
        names = (BEFORE_THE_MAP, *self.intended.stage_names)
        if name not in names:
            self._wrong(
                f"names stage {name!r}, which the map doesn't have{nearest(str(name), names)}; "
                f"it has {', '.join(names[1:])}"
            )
            return None
        return names.index(name) - 1

    def _where(self, given: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
        if given is None:
            return ()
        if not isinstance(given, Mapping):
            self._wrong(f"has where {given!r}: it is a mapping such as {{'device': 'mobile'}}")
            return ()
        found = []
        for name, values in given.items():
            several = isinstance(values, Sequence) and not isinstance(values, str)
            listed = [str(value) for value in (values if several else [values])]
            try:
                known = self.reading.log.group(str(name))[1]
            except LogError as error:
                self._wrong(f"has where {name!r}: {error}")
                continue
            for value in listed:
                if value not in known:
                    self._wrong(
                        f"has where {name} {value!r}, which the log doesn't have{_some(value, known)}"
                    )
            found.append((str(name), tuple(listed)))
        return tuple(found)


def _first(kind: str) -> str:
    return "a place" if kind == "factor" else kind


def _some(value: str, known: Sequence[str]) -> str:
    return f"{nearest(value, known)}; it has {shorten(known, 5)}"


def _told_place(given: Mapping[str, Any]) -> str:
    touchpoint, stage = given.get("touchpoint"), given.get("stage")
    return " in ".join(str(name) for name in (touchpoint, stage) if name is not None)


def _told_where(where: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    if not where:
        return ""
    return " where " + " and ".join(f"{name} is {' or '.join(values)}" for name, values in where)


def _told_bounds(promise: Promise) -> str:
    bounds = {"at least": promise.at_least, "at most": promise.at_most}
    told = [f"{words} {value:g}" for words, value in bounds.items() if value is not None]
    return " " + " and ".join(told) if told else ""
