"""The library's exceptions: one small tree, and the hint that goes with a wrong word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CjminingError(Exception):
    """Base of every error that this library raises on purpose.

    Parameters
    ----------
    message : str
        What was found, where, what was expected and what to do.
    mistakes : iterable of str
        The single mistakes, where several were found at once.
    """

    def __init__(self, message: str, *, mistakes: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.mistakes: tuple[str, ...] = tuple(mistakes)


class SourceError(CjminingError):
    """An export, a frame or a customers table can't be read as asked."""


class MapError(CjminingError):
    """The intended map has mistakes; all of them are listed."""


class LogError(CjminingError):
    """The event log lacks what an analysis needs, or its files are damaged."""


class StudyError(CjminingError):
    """The study file has mistakes, or names what does not exist."""


def nearest(word: str, candidates: Iterable[str]) -> str:
    """Return ``", did you mean 'x'?"`` for the candidate nearest to `word`, or an empty text.

    Upper and lower case are taken for the same.

    Examples
    --------
    >>> nearest("chanels", ["channels", "actor"])
    ", did you mean 'channels'?"
    >>> nearest("AD_CLICKED", ["ad_clicked", "ad_closed"])
    ", did you mean 'ad_clicked'?"
    >>> nearest("zzz", ["channels"])
    ''
    """
    folded: dict[str, str] = {}
    for candidate in candidates:
        folded.setdefault(candidate.casefold(), candidate)
    found = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    return f", did you mean '{folded[found[0]]}'?" if found else ""


def shorten(names: Iterable[object], most: int = 12) -> str:
    """List some names for a message, and say how many more there are.

    Examples
    --------
    >>> shorten(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    listed = [str(name) for name in names]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
