"""How far long work has come: told to whoever asks, or shown as a bar in a notebook or a terminal.

The library never prints by itself. A verb that can take long has `progress=`: a callable gets what is being
done and the share of the whole that is done; True shows a bar, with the time that is left once that can be
said. Shares never fall, and end with 1. The calls come from the thread that called the verb, at most a
hundred for each of its steps however large the log is: they cost nothing.

A verb tells its steps; within one, `during` lets whoever works on blocks tell of each.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from html import escape
from itertools import accumulate
from time import monotonic
from typing import Any, Final, Protocol

from cjmining.errors import LogError

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of the whole that is done, 0 to 1."""

_DONE: Final = "done"
_OFTEN: Final = 0.1
"""Seconds between two updates of a bar that say nothing new but the share."""


@contextmanager
def telling(progress: Progress | bool | None, title: str) -> Iterator[Progress]:
    """Give what a verb calls while it works: shares that never fall, and 1 when the work is done.

    Parameters
    ----------
    progress : callable or bool or None
        What the caller of the verb asked for: a callable, True for a bar, None or False for nothing.
    title : str
        The name of the verb.

    Yields
    ------
    callable
        To be called with what is being done and the share done.

    Raises
    ------
    LogError
        If `progress` is none of these.

    Examples
    --------
    >>> calls = []
    >>> with telling(lambda text, share: calls.append((text, share)), "check") as tell:
    ...     tell("reading", 0.5)
    ...     tell("sorting", 0.4)
    >>> calls
    [('reading', 0.5), ('sorting', 0.5), ('done', 1.0)]
    """
    with _asked(progress, title) as shown:
        if shown is None:
            yield nobody
            return
        rising = _Rising(shown)
        yield rising
        rising.finish()


def nobody(text: str, share: float) -> None:
    """Tell nobody."""


def part(tell: Progress, begin: float, end: float) -> Progress:
    """Return what tells of a part of the work, which lies between two shares of the whole.

    That a part is done is not told: the whole goes on.

    Examples
    --------
    >>> half = part(lambda text, share: print(text, share), 0.5, 1.0)
    >>> half("sorting", 0.5)
    sorting 0.75
    >>> half("done", 1.0)
    """
    if tell is nobody:
        return tell

    def told(text: str, share: float) -> None:
        if text != _DONE:
            tell(text, begin + (end - begin) * share)

    return told


@contextmanager
def during(tell: Progress, text: str, begin: float, end: float, *, passes: int = 1) -> Iterator[None]:
    """Tell of a step of a verb, and of each block that is worked on meanwhile.

    Parameters
    ----------
    tell : callable
        What the verb calls while it works.
    text : str
        What is being done.
    begin, end : float
        The shares of the whole between which the step lies.
    passes : int
        How often blocks are worked on in it, for about the same time each.

    Examples
    --------
    >>> with during(print, "counting", 0.0, 0.8):
    ...     told = of_blocks([100, 300])
    ...     told(1)
    counting 0.0
    counting: block 2 of 2 0.2
    """
    tell(text, begin)
    if tell is nobody:
        yield
        return
    before = _STEP.set(_Step(part(tell, begin, end), text, passes))
    try:
        yield
    finally:
        _STEP.reset(before)


@contextmanager
def unseen() -> Iterator[None]:
    """Tell nothing of blocks: what works on one may itself work on others."""
    before = _STEP.set(None)
    try:
        yield
    finally:
        _STEP.reset(before)


def of_blocks(sizes: Sequence[int]) -> Callable[[int], None] | None:
    """Return what is called with how many blocks are done; None where nobody asked, or there is one block.

    Parameters
    ----------
    sizes : sequence of int
        How much there is to do in each.
    """
    step = _STEP.get()
    return None if step is None or len(sizes) < 2 else step.pass_over(sizes)


class _Step:
    """A step of a verb, in which blocks are worked on once or several times."""

    def __init__(self, tell: Progress, text: str, passes: int) -> None:
        self._tell = tell
        self._text = text
        self._passes = passes
        self._begun = 0

    def pass_over(self, sizes: Sequence[int]) -> Callable[[int], None]:
        ends = [0, *accumulate(sizes)]
        first = min(self._begun, self._passes - 1) / self._passes
        self._begun += 1
        said = first

        def told(done: int) -> None:
            nonlocal said
            share = first + ends[done] / max(ends[-1], 1) / self._passes
            if share - said >= _WORTH_TELLING:
                said = share
                self._tell(f"{self._text}: block {min(done + 1, len(sizes))} of {len(sizes)}", share)

        return told


_WORTH_TELLING: Final = 0.01
"""Of a step."""

_STEP: ContextVar[_Step | None] = ContextVar("step", default=None)


class _Rising:
    """Passes shares on so that they never fall, and never say that all is done before it is."""

    def __init__(self, tell: Progress) -> None:
        self._tell = tell
        self._share = 0.0

    def __call__(self, text: str, share: float) -> None:
        self._share = max(self._share, min(share, 1.0))
        self._tell(text, self._share)

    def finish(self) -> None:
        if self._share < 1:
            self(_DONE, 1.0)


@contextmanager
def _asked(progress: Progress | bool | None, title: str) -> Iterator[Progress | None]:
    """Give the caller's callable, or a bar where there is somebody to see it."""
    if progress is None or progress is False:
        yield None
    elif progress is True:
        with _bar(title) as shown:
            yield shown
    elif callable(progress):
        yield progress
    else:
        raise LogError(
            "progress is called with what is being done and the share done, or is True for a bar: "
            f"not {progress!r}"
        )


def _bar(title: str) -> AbstractContextManager[Progress | None]:
    return _in_notebook(title) if _is_notebook() else _in_terminal()


def _is_notebook() -> bool:
    """Say whether a notebook shows what is displayed; IPython is not imported to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


class _Handle(Protocol):
    """What IPython gives for a display that can be changed."""

    def update(self, shown: Any) -> None: ...  # noqa: ANN401 -- anything IPython can show


@contextmanager
def _in_notebook(title: str) -> Iterator[Progress]:
    """Show a bar below the cell, changed in place; at last it says how long the work took."""
    from IPython import display as notebook

    shown: Any = notebook.display  # IPython states no types
    html: Any = notebook.HTML
    begun = monotonic()
    handle: _Handle = shown(html(_as_html(title, 0.0)), display_id=True)
    left = TimeLeft()

    def show(text: str, share: float) -> None:
        handle.update(html(_as_html(f"{title}: {text}", share, left(share))))

    seldom = _Seldom(show)
    ended = "stopped after"
    try:
        yield seldom
        ended = "took"
    finally:
        handle.update(
            html(f'<div style="opacity:.78">{escape(title)} {ended} {monotonic() - begun:.1f} s</div>')
        )


def _as_html(text: str, share: float, times: str = "") -> str:
    """Draw a bar in the colour of the text around it; without styles the percentage is left."""
    percent = f"{100 * share:.0f}"
    after = f'<span style="opacity:.78"> · {escape(times)}</span>' if times else ""
    about = f'role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}"'
    done = f'<span style="{_FILLED};width:{percent}%"></span>'
    return (
        f'<div {about} aria-label="{escape(text)}"><span style="{_WHOLE}">{done}</span> '
        f"{percent} % {escape(text)}{after}</div>"
    )


_WHOLE: Final = "display:inline-block;width:12em;height:.6em;border:1px solid currentColor;border-radius:3px"
_FILLED: Final = "display:block;height:100%;background:currentColor"


@contextmanager
def _in_terminal() -> Iterator[Progress | None]:
    """Show a bar on the error stream of a terminal, gone when the work is done; none where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    left = TimeLeft()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[times]}", markup=False),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("starting", total=1.0, times="")

        def show(text: str, share: float) -> None:
            shown.update(task, description=text, completed=share, times=left(share))

        yield _Seldom(show)


class TimeLeft:
    """Says how long work has taken, and how long it will take at the rate that it has.

    That is the lower of two rates, of all that was done and of what was done in the later half of the time:
    where work has become slower, it doesn't promise what it began with. Nothing is said of the rest within
    the first seconds, with little done, or while nothing goes on.

    Examples
    --------
    >>> moment = 0.0
    >>> times = TimeLeft(lambda: moment)
    >>> moment = 60.0
    >>> times(0.25)
    '60 s, about 3 min left'
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._begun = clock()
        self._seen: deque[tuple[float, float]] = deque([(0.0, 0.0)])

    def __call__(self, share: float) -> str:
        """Return what is told of the time, when a share of the work is done."""
        took, left = self.seconds(share)
        elapsed = duration(took)
        return elapsed if left is None else f"{elapsed}, about {duration(left, up=True)} left"

    def seconds(self, share: float) -> tuple[float, float | None]:
        """Return how long it took until a share was done, and how long the rest will, if that can be said."""
        took = self._clock() - self._begun
        left = self._left(took, share)
        self._seen.append((took, share))
        return took, left

    def _left(self, took: float, share: float) -> float | None:
        while len(self._seen) > 1 and self._seen[1][0] <= took / 2:
            self._seen.popleft()
        before, share_before = self._seen[0]
        if took < _SOON or share < _LITTLE or share >= 1 or share <= share_before:
            return None
        rates = share / took, (share - share_before) / (took - before)
        return (1 - share) / min(rates)


_SOON: Final = 5.0
"""Seconds within which nothing is said of how long work will take."""
_LITTLE: Final = 0.03
"""The share of work with which nothing is said of the rest."""


def duration(seconds: float, *, up: bool = False) -> str:
    """Write a duration in whole units, cut off, or rounded up to what an estimate can say.

    Examples
    --------
    >>> duration(72.4), duration(192.4), duration(72.4, up=True), duration(11, up=True)
    ('72 s', '3 min 12 s', '2 min', '15 s')
    """
    if not up:
        minutes, rest = divmod(int(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        if hours:
            return f"{hours} h {minutes} min"
        return f"{minutes} min {rest} s" if seconds >= 100 else f"{int(seconds)} s"
    if seconds <= 55:
        return f"{5 * math.ceil(seconds / 5)} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(10 * math.ceil(minutes / 10), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


class _Seldom:
    """Passes on what is new, and the same with another share ten times a second at most."""

    def __init__(self, tell: Progress) -> None:
        self._tell = tell
        self._text = ""
        self._last = -_OFTEN

    def __call__(self, text: str, share: float) -> None:
        now = monotonic()
        if text == self._text and now - self._last < _OFTEN:
            return
        self._text, self._last = text, now
        self._tell(text, share)
