"""What a pattern consists of: steps, what may lie between them, choices and repetitions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

from cjmining.errors import LogError, nearest, shorten
from cjmining.event_columns import elementwise, pieces_of
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.log import JourneyLog

    Flags = NDArray[np.bool_]

FOREVER: Final = np.iinfo(np.int64).max
"""Microseconds of a time without a bound."""


@dataclass(frozen=True)
class Name:
    """The name of a touchpoint or channel, as written at a place of the text.

    `*` stands for any text, unless the name is in quotes (`exact`).
    """

    text: str
    exact: bool = False
    at: int = field(default=0, compare=False)

    def fitting(self, words: Iterable[str]) -> list[bool]:
        """Say which of these words the name means."""
        if self.exact or "*" not in self.text:
            return [word == self.text for word in words]
        fits = re.compile(".*".join(map(re.escape, self.text.split("*"))), re.DOTALL)
        return [fits.fullmatch(word) is not None for word in words]


@dataclass(frozen=True)
class Event:
    """What one event must be like; None where anything will do."""

    touchpoint: Name | None = None
    channel: Name | None = None
    failed: bool | None = None


@dataclass(frozen=True)
class Step:
    """One event of a pattern: what it must be, or (negated) what it must not be.

    Make one with `parse_step`.

    Attributes
    ----------
    text : str
        As it was written.
    events : tuple of Event
        One of these.
    negated : bool
        Or none of these.
    """

    text: str
    events: tuple[Event, ...]
    negated: bool = False
    source: str = field(default="", compare=False, repr=False)

    def of(self, log: JourneyLog, *, allow_unknown: bool = False) -> Flags:
        """Say which events of a log are this step.

        Parameters
        ----------
        log : JourneyLog
        allow_unknown : bool
            Whether names that the log doesn't have are taken for what merely didn't happen.

        Returns
        -------
        numpy.ndarray of bool, shape (n_events,)

        Raises
        ------
        LogError
            If the log has no such touchpoint or channel, or doesn't know which events failed.

        Examples
        --------
        >>> import cjmining as cj
        >>> from cjmining.patterns import parse_step
        >>> log = cj.simulate.shop(50, seed=1).log
        >>> is_click = parse_step("ad_clicked@ad").of(log)
        >>> bool((log.events["touchpoint"][is_click] == "ad_clicked").all())
        True
        """
        cells = Cells.of(log, [self])
        found: Flags = cells.table(self, allow_unknown=allow_unknown)[cells.of_events(log)]
        return found

    def asks_channel(self) -> bool:
        """Say whether the channel matters."""
        return any(event.channel is not None for event in self.events)

    def asks_failed(self) -> bool:
        """Say whether it matters that an event failed."""
        return any(event.failed is not None for event in self.events)


@dataclass(frozen=True)
class Arrow:
    """How one step follows another: directly or after anything, when (microseconds), without what between."""

    direct: bool = False
    after: int = 0
    within: int = FOREVER
    without: Step | None = None


@dataclass(frozen=True)
class Sequence:
    """One part after the other; `arrows[k]` leads from part k to part k + 1."""

    parts: tuple[Node, ...]
    arrows: tuple[Arrow, ...]


@dataclass(frozen=True)
class Choice:
    """One of several ways."""

    ways: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """The same several times; `most` is None where there is no limit."""

    part: Node
    arrow: Arrow
    least: int
    most: int | None


Node: TypeAlias = Step | Sequence | Choice | Repeat


class Cells(NamedTuple):
    """Kinds of events that steps tell apart: combinations of touchpoint, channel and failure.

    Channel and failure count as one value each where no step asks for them, so that nothing is read in vain.
    """

    touchpoints: tuple[str, ...]
    channels: tuple[str, ...]
    n_channels: int
    n_failed: int
    knows_failed: bool

    @classmethod
    def of(cls, log: JourneyLog, steps: Iterable[Step]) -> Cells:
        """Take the words of a log, and see what the steps ask for."""
        asked = list(steps)
        channels = log.vocabulary("channel")
        by_channel = any(step.asks_channel() for step in asked)
        by_failed = any(step.asks_failed() for step in asked)
        return cls(
            touchpoints=log.vocabulary("touchpoint"),
            channels=channels,
            n_channels=len(channels) + 1 if by_channel else 1,
            n_failed=3 if by_failed else 1,
            knows_failed=by_failed and any((piece >= 0).any() for (piece,) in pieces_of(log.flags("failed"))),
        )

    @property
    def n_kinds(self) -> int:
        """Number of kinds."""
        return len(self.touchpoints) * self.n_channels * self.n_failed

    def of_events(self, log: JourneyLog) -> NDArray[np.int32]:
        """Return the kind of each event of the log."""
        kind = log.codes("touchpoint")
        if self.n_channels > 1:
            kind = elementwise(partial(_combined, self.n_channels), kind, log.codes("channel"))
        if self.n_failed > 1:
            kind = elementwise(partial(_combined, self.n_failed), kind, log.flags("failed"))
        return kind

    def table(self, step: Step, *, allow_unknown: bool = False) -> Flags:
        """Say which kinds of events a step means."""
        if not allow_unknown:
            tell(step.source, self.unknown(step))
        fits = np.zeros((len(self.touchpoints), self.n_channels, self.n_failed), dtype=np.bool_)
        for event in step.events:
            fits |= (
                self._touchpoints(event.touchpoint)[:, None, None]
                & self._channels(event.channel)[None, :, None]
                & self._failed(event.failed)[None, None, :]
            )
        return (~fits if step.negated else fits).ravel()

    def _touchpoints(self, name: Name | None) -> Flags:
        if name is None:
            return np.ones(len(self.touchpoints), dtype=np.bool_)
        return np.array(name.fitting(self.touchpoints), dtype=np.bool_)

    def _channels(self, name: Name | None) -> Flags:
        """The first place stands for events without a channel, which are called unknown."""
        if name is None:
            return np.ones(self.n_channels, dtype=np.bool_)
        return np.array(name.fitting((UNKNOWN, *self.channels)), dtype=np.bool_)

    def _failed(self, failed: bool | None) -> Flags:
        """Unknown, no, yes: what isn't known to have failed has not failed."""
        if failed is None:
            return np.ones(self.n_failed, dtype=np.bool_)
        return np.array([not failed, not failed, failed], dtype=np.bool_)

    def unknown(self, step: Step) -> Iterator[tuple[int, str]]:
        """Yield what a step asks for and the log lacks, with its place in the text.

        A log without events has no words to hold names against.
        """
        if not self.touchpoints:
            return
        channels = (*self.channels, UNKNOWN)  # that no channel is known is no name that could be wrong
        for event in step.events:
            for what, name, words in (
                ("touchpoint", event.touchpoint, self.touchpoints),
                ("channel", event.channel, channels),
            ):
                if name is not None and not any(name.fitting(words)):
                    known = [word for word in words if word != UNKNOWN]
                    hint = nearest(name.text, known) or f"; it has {shorten(known) or 'none'}"
                    yield name.at, f"the log has no {what} {name.text!r}{hint}"
            if event.failed is not None and not self.knows_failed:
                place = event.touchpoint or event.channel
                yield (place.at if place else 0), "the log doesn't know of any event whether it failed"


def tell(source: str, mistakes: Iterable[tuple[int, str]]) -> None:
    """Raise one LogError of all mistakes, each with its place in the text; none, none."""
    told = [f"{what}\n{pointed(source, at)}" for at, what in dict.fromkeys(sorted(mistakes))]
    if len(told) == 1:
        raise LogError(told[0], mistakes=told)
    if told:
        raise LogError("\n".join([f"{len(told)} mistakes in a pattern:", *told]), mistakes=told)


def pointed(source: str, at: int) -> str:
    """Return the line of a text that has a place, with a caret below it."""
    begin = source.rfind("\n", 0, at) + 1
    line = source[begin:].split("\n", 1)[0]
    return f"  {line}\n  {' ' * (at - begin)}^"


def _combined(several: int, kind: NDArray[np.int32], code: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """Number the combinations of a kind with a code, from -1 on and below `several` - 1."""
    return kind * np.int32(several) + code + np.int32(1)
