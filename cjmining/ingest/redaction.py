"""What customers wrote, without what tells who they are: addresses, numbers and their own names come out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import NamedTuple

PUT_IN = "[..]"
"""What stands in place of whatever was taken out."""
EMAIL, NUMBER, URL, ACCOUNT, NAME = (
    "an e-mail address",
    "a phone number or another long number",
    "a link",
    "an account number",
    "the customer's own name",
)
SHORTEST_NAME = 3
"""Shorter parts of a name are left: they are words of many languages."""

_BETWEEN_DIGITS = "[\\s().\\-\u2010-\u2015/\u200c\u200d]"
_PATTERNS = (
    (URL, re.compile(r"(?:[a-z][a-z0-9+.-]*://|\bwww\.)\S+", re.IGNORECASE)),
    (
        EMAIL,
        re.compile(
            r"\S+\s*[\[({]\s*(?:at|@)\s*[\])}]\s*\S+"  # anna (at) example.com
            r"|\S+\s+@\s+\S+|\S*@\S*",
            re.IGNORECASE,
        ),
    ),
    (ACCOUNT, re.compile(r"\b[A-Za-z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")),
    (NUMBER, re.compile(rf"[+(]*\d(?:{_BETWEEN_DIGITS}{{0,3}}\d){{6,}}|\d{{6,}}")),
)
_HIDDEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
_WORTH_A_LOOK = re.compile(r"[\d@:(\[{]|www", re.IGNORECASE)


class Redacted(NamedTuple):
    """A comment as the log keeps it, and what was taken out of it."""

    text: str
    taken_out: tuple[str, ...]


def redact(comment: str, names: Collection[str] = ()) -> Redacted:
    """Take out of a comment what may tell who wrote it.

    Gone are links, e-mail addresses (also those spelt with "(at)"), account numbers like an IBAN, six or more
    digits in a row and seven or more with blanks, dots, dashes or brackets between them (phone and card
    numbers, orders; a date as well), and the names given. Names of others can't be known, and stay.

    Parameters
    ----------
    comment : str
        As it was written. Characters of one look are made one (NFKC), invisible ones go, blanks are single.
    names : collection of str
        Words that name the customer, from `words_of_name`.

    Returns
    -------
    Redacted
        The text with "[..]" in place of what was taken out, and the kinds of that, each once.

    Examples
    --------
    >>> redact("Call me: 0170 123 45 67, Anna (anna@example.com)", {"anna"}).text
    'Call me: [..], [..] [..]'
    """
    text = _HIDDEN.sub("", unicodedata.normalize("NFKC", comment))
    text = " ".join(text.split())
    taken_out = []
    if _WORTH_A_LOOK.search(text):
        for kind, pattern in _PATTERNS:
            text, times = pattern.subn(PUT_IN, text)
            if times:
                taken_out.append(kind)
    text, named = _without_names(text, names)
    return Redacted(text, (*taken_out, NAME) if named else tuple(taken_out))


def words_of_name(text: str) -> set[str]:
    """Return the words of a name, or of what stands before the @ of an address, that are long enough.

    Examples
    --------
    >>> sorted(words_of_name("greta.clausen4@example.org"))
    ['clausen', 'greta']
    """
    before_at = unicodedata.normalize("NFKC", text).partition("@")[0]
    words = re.findall(r"[^\W\d_]+", before_at)
    return {word.casefold() for word in words if len(word) >= SHORTEST_NAME}


def _without_names(text: str, names: Collection[str]) -> tuple[str, int]:
    folded = text.casefold()
    present = sorted((name for name in names if name in folded), key=lambda name: (-len(name), name))
    if not present:
        return text, 0
    words = re.split(r"([^\W\d_]+)", text)
    known = set(present)
    told = [PUT_IN if word.casefold() in known else word for word in words]
    return "".join(told), sum(a is not b for a, b in zip(words, told, strict=True))
