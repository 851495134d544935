"""Journeys as sequences of steps, at the level that a question is asked at.

A step is what an event is called at that level: its touchpoint, its channel, the stage of the map. All verbs
of discovery read journeys through `Steps`, so that they agree on what comes after what.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining import asked
from cjmining.errors import LogError, nearest, shorten
from cjmining.event_columns import counts_of, elementwise, of_whole_journeys, pieces_of
from cjmining.intended.rules import actor_codes
from cjmining.log import expect_log, expect_map
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.intended import IntendedMap
    from cjmining.log import Block, JourneyLog

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Rows = slice | Ints

LEVELS: Final = ("touchpoint", "touchpoint@channel", "channel", "stage")
"""What a step may be."""

STAYS: Final = ("channel", "stage")
"""Levels at which several events in a row of one name are one step, which begins with the first."""


class Part(NamedTuple):
    """The steps of some journeys that lie together in the log.

    `bounds` counts from 0: journey j of the part has the steps bounds[j] to bounds[j + 1] - 1, maybe none.
    `rows` leads from a column of the log's events to a value a step (``log.numbers("wait_s")[part.rows]``),
    and `journeys` from a column of journeys to a value a journey.
    """

    bounds: Ints
    timestamp: Ints
    code: Codes
    rows: Rows
    journeys: slice

    def events(self) -> Ints:
        """Return the row in the log of each step."""
        if isinstance(self.rows, slice):
            return np.arange(self.rows.start, self.rows.stop, dtype=np.int64)
        return self.rows

    def only(self, kept: NDArray[np.bool_]) -> Part:
        """Return the same journeys with only the steps that `kept` marks; some may be left empty."""
        before = np.concatenate([[0], np.cumsum(kept)])
        return self._replace(
            bounds=before[self.bounds],
            timestamp=self.timestamp[kept],
            code=self.code[kept],
            rows=self.events()[kept],
        )

    def stays(self) -> Part:
        """Return the steps with those of one name in a row as one."""
        from cjmining.kernels.steps import begins_stay

        return self.only(begins_stay(self.bounds, self.code))


class Steps(NamedTuple):
    """The journeys of a log as steps.

    Attributes
    ----------
    level : str
        One of `LEVELS`.
    code : int32[n_events]
        The step of each event of the log, -1 where it is none.
    names : tuple of str
        What the codes mean.
    dropped : bool
        Whether some events are no step.
    notes : tuple of str
        What a reader should know: names to ignore that the log doesn't have.
    once : bool
        Whether several steps of one name in a row are one at every level, as they are at levels of stays.
    """

    level: str
    bounds: Ints
    timestamp: Ints
    code: Codes
    names: tuple[str, ...]
    dropped: bool
    notes: tuple[str, ...] = ()
    once: bool = False

    @classmethod
    def of(
        cls,
        log: JourneyLog,
        *,
        level: str = "touchpoint",
        ignore: Sequence[str] = (),
        intended: IntendedMap | None = None,
        verb: str,
    ) -> Steps:
        """Read the journeys of a log at a level.

        Parameters
        ----------
        log : JourneyLog
        level : str
            What a step is: "touchpoint", "touchpoint@channel" (the touchpoint alone where no channel is
            known), "channel" ("unknown" where none is), or "stage" of the map: where the journey is at;
            events that leave it where it is are no step.
        ignore : sequence of str
            Touchpoints that are no part of the journey.
        intended : IntendedMap, optional
            Needed at level "stage" alone; what it ignores is ignored too.
        verb : str
            What was called, for messages.

        Raises
        ------
        LogError
            If there is no such level, a map is lacking or is none, or `ignore` isn't a sequence of texts.
        """
        expect_log(log, verb)
        ignored_names = asked.texts("ignore", ignore, of="touchpoints")
        asked.one_of("level", level, LEVELS)
        if intended is not None:
            expect_map(intended, verb)
        code, names = _at_level(log, level, intended, verb)
        touchpoints = np.array(log.vocabulary("touchpoint"), dtype=object)
        ignored = np.isin(touchpoints, list(ignored_names))
        if ignored.any():
            left = np.int32(-1)
            code = elementwise(
                lambda touchpoint, own: np.where(ignored[touchpoint], left, own),
                log.codes("touchpoint"),
                code,
            )
        dropped = bool(ignored.any()) or level == "stage"
        return cls(level, log.bounds, log.timestamps, code, names, dropped, _unknown(log, ignored_names))

    def events_of(self, block: Block) -> Part:
        """Return the events of a block that are steps, each by itself at every level."""
        part = Part(
            bounds=block.own_bounds(self.bounds),
            timestamp=self.timestamp[block.events],
            code=self.code[block.events],
            rows=block.events,
            journeys=block.journeys,
        )
        return part.only(part.code >= 0) if self.dropped else part

    def of_block(self, block: Block) -> Part:
        """Return the steps of a block; at levels of stays, events of one name in a row are one step."""
        part = self.events_of(block)
        return part.stays() if self.once or self.level in STAYS else part

    def whole(self) -> Part:
        """Return the steps of the whole log."""
        from cjmining.log import Block

        return self.of_block(Block(0, len(self.bounds) - 1, 0, len(self.code)))


def _unknown(log: JourneyLog, ignored: Sequence[str]) -> tuple[str, ...]:
    """Say what to ignore the log doesn't have: a map may name such, and a person may misspell one."""
    known = log.vocabulary("touchpoint")
    absent = [f"{name!r}{nearest(name, known)}" for name in ignored if name not in known]
    if not absent or not log.n_events:
        return ()
    return (f"of what is to be ignored, the log has no {shorten(absent, 4)}",)


def _at_level(
    log: JourneyLog, level: str, intended: IntendedMap | None, verb: str
) -> tuple[Codes, tuple[str, ...]]:
    if level == "touchpoint":
        return log.codes("touchpoint"), log.vocabulary("touchpoint")
    if level == "touchpoint@channel":
        return _with_channel(log)
    if level == "channel":
        return _or_unknown(log.codes("channel"), log.vocabulary("channel"))
    if intended is None:
        raise LogError(f"{verb} at level 'stage' needs the map that has the stages: pass intended=")
    return _stages(log, intended)


def _with_channel(log: JourneyLog) -> tuple[Codes, tuple[str, ...]]:
    touchpoints, channels = log.vocabulary("touchpoint"), ("", *log.vocabulary("channel"))
    columns = log.codes("touchpoint"), log.codes("channel")
    both = elementwise(lambda one, other: one.astype(np.int64) * len(channels) + other + 1, *columns)
    counts = counts_of(both, len(touchpoints) * len(channels))
    used = np.flatnonzero(counts)
    place = np.zeros(len(counts), np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    names = [(touchpoints[one // len(channels)], channels[one % len(channels)]) for one in used.tolist()]
    return elementwise(place.__getitem__, both), tuple(
        f"{touchpoint}@{channel}" if channel else touchpoint for touchpoint, channel in names
    )


def _or_unknown(codes: Codes, words: tuple[str, ...]) -> tuple[Codes, tuple[str, ...]]:
    if not any((piece < 0).any() for (piece,) in pieces_of(codes)):
        return codes, words
    names = words if UNKNOWN in words else (*words, UNKNOWN)
    unknown = np.int32(names.index(UNKNOWN))
    return elementwise(lambda own: np.where(own < 0, unknown, own), codes), names


def _stages(log: JourneyLog, intended: IntendedMap) -> tuple[Codes, tuple[str, ...]]:
    """Read every journey by the variant of the map that holds for its customer's persona."""
    from cjmining.kernels.steps import stages_of_events

    words, actors = log.vocabulary("touchpoint"), log.vocabulary("actor")
    actor_codes(actors)
    columns = log.codes("touchpoint"), log.codes("actor")
    names = list(dict.fromkeys(name for variant in intended.variants for name in variant.stage_names))
    places = [
        np.array([*(names.index(name) for name in variant.stage_names), -1], np.int32)
        for variant in intended.variants
    ]
    rules = [variant.walk_rules(words, actors) for variant in intended.variants]
    variant_of = log.variant_of_journeys(intended)

    def read(first: int, last: int) -> Codes:
        """Return the stages of the events of some journeys."""
        begin, bounds = log.bounds[first], log.bounds[first : last + 1]
        events = slice(begin, bounds[-1])
        touchpoint, actor = columns[0][events], columns[1][events]
        of_event = np.repeat(variant_of[first:last], np.diff(bounds))
        code = np.full(len(of_event), -1, np.int32)
        for number, (common, rule) in enumerate(zip(places, rules, strict=True)):
            found = stages_of_events(bounds - begin, touchpoint, actor, rule)
            mine = of_event == number
            code[mine] = common[found[mine]]
        return code

    return of_whole_journeys(log.bounds, np.int32, read, at_once=log.memory_limit is None), tuple(names)
