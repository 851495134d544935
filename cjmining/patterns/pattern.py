"""A pattern as a value, and which journeys of a log have it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from cjmining.asked import yes
from cjmining.errors import LogError
from cjmining.patterns.grammar import read_pattern
from cjmining.patterns.machine import compiled, plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.log import JourneyLog
    from cjmining.patterns.grammar import Read
    from cjmining.patterns.machine import Compiled, Plan


@dataclass(frozen=True)
class Pattern:
    """A pattern over the events of a journey, made by `parse`.

    Attributes
    ----------
    text : str
        As it was written.
    steps : tuple of str
        The parts of its outermost sequence, as written.
    negated : bool
        Whether it begins with `not`, and so chooses the journeys without it.
    allow_unknown : bool
        Whether it may name touchpoints and channels that a log doesn't have.
    """

    text: str
    steps: tuple[str, ...] = field(compare=False)
    negated: bool = field(compare=False)
    allow_unknown: bool = False
    _read: Read = field(compare=False, repr=False, kw_only=True)
    _plan: Plan = field(compare=False, repr=False, kw_only=True)

    @property
    def optional(self) -> tuple[bool, ...]:
        """For each of `steps`, whether it may be left out."""
        return self._plan.optional

    @property
    def item_states(self) -> tuple[tuple[int, ...], ...]:
        """For each of `steps`, the states of the automaton that complete it."""
        return self._plan.items

    @property
    def item_of_states(self) -> tuple[int, ...]:
        """For each state of the automaton, which of `steps` it belongs to."""
        return self._plan.item_of

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def compiled(self, log: JourneyLog) -> Compiled:
        """Return the automaton in the codes of a log, and what it reads of it: what the kernels take."""
        return compiled(self._read, self._plan, log, self.text, allow_unknown=self.allow_unknown)


def parse(text: str | Pattern, *, allow_unknown: bool = False) -> Pattern:
    """Read a pattern.

    Parameters
    ----------
    text : str
        In the language that `cjmining.patterns` describes. A Pattern stays what it is.
    allow_unknown : bool
        Whether it may name touchpoints and channels that a log doesn't have: they are then taken for what
        didn't happen. Otherwise such a name is a mistake, told when the pattern is used.

    Returns
    -------
    Pattern
        To be used with any log.

    Raises
    ------
    LogError
        If the text can't be read: with the place, what was expected and what may have been meant.

    Examples
    --------
    >>> parse("cart -> {within 2d} order")
    Pattern('cart -> {within 2d} order')
    >>> parse("cart -> (order | call)? -> leave").steps
    ('cart', '(order | call)?', 'leave')
    """
    allow_unknown = yes("allow_unknown", allow_unknown)
    if isinstance(text, Pattern):
        return replace(text, allow_unknown=True) if allow_unknown else text
    read = read_pattern(text)
    built = plan(read)
    if built.whole.optional:
        raise LogError(f"the pattern {text!r} is met by no event at all: ask for at least one step")
    return Pattern(text, read.items, read.negated, allow_unknown, _read=read, _plan=built)


def having(log: JourneyLog, path: str | Pattern | Iterable[str | Pattern]) -> NDArray[np.bool_]:
    """Say which journeys have a match of a pattern, of every pattern where there are several.

    Of a pattern that begins with `not`, those that have none.

    Returns
    -------
    numpy.ndarray of bool, shape (n_journeys,)

    Raises
    ------
    LogError
        If a pattern can't be read, asks for what the log doesn't have, or there is none.
    """
    from cjmining.kernels import patterns as kernel

    several = [path] if isinstance(path, str | Pattern) or not isinstance(path, Iterable) else path
    patterns = [parse(each) for each in several]
    if not patterns:
        raise LogError("path names no pattern: write one, such as 'cart -> order', or leave path out")
    found = np.ones(log.n_journeys, dtype=np.bool_)
    for pattern in patterns:
        read = pattern.compiled(log)
        for block in log.blocks():
            n = block.last_journey - block.first_journey
            found[block.journeys] &= kernel.having(read.columns(block), read.machine, 0, n) != pattern.negated
    return found
