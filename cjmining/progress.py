"""How far long work has come: told to whoever asks, or shown as a bar in a notebook or a terminal.

The library never prints by itself. A verb that can take long has `progress=`: a callable gets what is being
done and the share of the whole that is done; True shows a bar. Shares never fall, and end with 1. The calls
come from the thread that called the verb, some tens of them however large the log is: they cost nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from html import escape
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
        rising = _Rising(shown)
        yield rising
        rising.finish()


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

    def told(text: str, share: float) -> None:
        if text != _DONE:
            tell(text, begin + (end - begin) * share)

    return told


class _Rising:
    """Passes shares on so that they never fall, and never say that all is done before it is."""

    def __init__(self, tell: Progress | None) -> None:
        self._tell = tell
        self._share = 0.0

    def __call__(self, text: str, share: float) -> None:
        if self._tell is None:
            return
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
    seldom = _Seldom(lambda text, share: handle.update(html(_as_html(f"{title}: {text}", share))))
    ended = "stopped after"
    try:
        yield seldom
        ended = "took"
    finally:
        handle.update(
            html(f'<div style="opacity:.78">{escape(title)} {ended} {monotonic() - begun:.1f} s</div>')
        )


def _as_html(text: str, share: float) -> str:
    """Draw a bar in the colour of the text around it; without styles the percentage is left."""
    percent = f"{100 * share:.0f}"
    about = f'role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}"'
    done = f'<span style="{_FILLED};width:{percent}%"></span>'
    return (
        f'<div {about} aria-label="{escape(text)}"><span style="{_WHOLE}">{done}</span> '
        f"{percent} % {escape(text)}</div>"
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
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("starting", total=1.0)
        yield _Seldom(lambda text, share: shown.update(task, description=text, completed=share))


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
