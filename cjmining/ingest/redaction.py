"""What customers wrote, without what tells who they are: addresses, numbers and their own names come out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import NamedTuple

PUT_IN = "[..]"
"""What stands in place of whatever was taken out."""
EMAIL, NUMBER, URL, ACCOUNT, DATE, PLACE, NAME = (
    "an e-mail address",
    "a phone number or another long number",
    "a link",
    "an account number",
    "a date with its year",
    "a postal address",
    "the customer's own name",
)
SHORTEST_NAME = 3
"""Shorter parts of a name are left: they are words of many languages."""
FEWEST_DIGITS_OF_ACCOUNT = 10
"""Less is no account, whatever words of four letters stand around it: "in 20 days they came"."""

_GAP = r"[\W_]{0,3}"
_IN_BRACKETS = r"\s*[\[({{]\s*(?:{})\s*[\])}}]\s*"
_DOT = rf"(?:\.|{_IN_BRACKETS.format('dot|punkt|point')}|\s+(?:dot|punkt)\s+)"
_HOST = rf"[\w-]+(?:{_DOT}[\w-]+)*?{_DOT}(?:com|net|org|info|[a-z]{{2}})\b\S*"
_CLOCK = r"\d{1,2}:\d\d"
_YEAR = r"(?:19|20)\d\d"
_MONTH = r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[^\W\d_]*\.?"
_CAPITAL = r"[^\W\d_a-zà-öø-ÿ]"
_STREETS = "Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Court|Square|Close|Boulevard|Blvd|Terrace|Crescent"
_PATTERNS = (
    (
        URL,
        re.compile(
            r"(?:[a-z][a-z0-9+.-]*://|\bwww\.)\S+"
            r"|(?<![\w@])[\w-]+(?:\.[\w-]+)*\.[a-z]{2,24}/\S+",  # example.com/anna
            re.IGNORECASE,
        ),
    ),
    (
        EMAIL,
        re.compile(
            rf"(?<!\S)(?:\S+{_IN_BRACKETS.format('at|ät|@')}\S+(?:{_DOT}\S+)?"  # anna (at) example [dot] com
            rf"|\S+(?:{_IN_BRACKETS.format('a')}|\s+[aä]t\s+|@\s+|\s+@){_HOST}"
            r"|\S+\s+@\s+\S+|\S*@\S*)",
            re.IGNORECASE,
        ),
    ),
    (
        ACCOUNT,
        re.compile(
            r"\b[A-Za-z]{2}[\W_]{0,2}\d\d(?:[\W_]{0,2}[A-Za-z0-9]{4})"
            r"(?:[\W_]{0,2}(?:[A-Z]{4}|(?=[A-Za-z]{0,3}\d)[A-Za-z0-9]{4})){1,6}(?:[\W_]?\d[A-Z0-9]{0,3})?\b"
        ),
    ),
    (
        DATE,
        re.compile(
            rf"(?<!\d)(?<!\d[./-])(?:{_YEAR}([./-])\d{{1,2}}\1\d{{1,2}}"
            rf"|\d{{1,2}}([./-])\s?\d{{1,2}}\2\s?(?:{_YEAR}|\d\d)"
            rf"|\d{{1,2}}(?:st|nd|rd|th|\.)?\s+{_MONTH},?\s+{_YEAR}"
            rf"|\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+{_YEAR})(?!{_GAP}\d)",
            re.IGNORECASE,
        ),
    ),
    (
        PLACE,
        re.compile(
            rf"\b(?:{_CAPITAL}[\w-]*\s)?\b{_CAPITAL}[\w-]*(?:(?<=[Ss]tr)\.|(?<=[Ss]traße)|(?<=[Ss]trasse)"
            rf"|(?<=\w\w\w(?:weg))|(?<=allee)|(?<=\w\wplatz)|(?<=gasse))\s*\d{{1,4}}(?:\s?[a-z])?\b"
            rf"|\b\d{{1,5}}[a-z]?,?\s+(?:{_CAPITAL}[\w'-]*\s+){{1,3}}(?:{_STREETS})\b\.?"
            rf"|\b\d{{5}}\s+(?!EUR|Eur|CHF|USD|GBP|Dollar|Pfund|Franken){_CAPITAL}[^\W\d_]{{2,}}"
            r"|\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b"
        ),
    ),
    (
        NUMBER,
        re.compile(
            rf"(?<!\d)(?!{_CLOCK}\s?[-\u2013]\s?{_CLOCK}(?!{_GAP}\d))[+(]*\d(?:{_GAP}\d){{6,}}|\d{{6,}}"
        ),
    ),
)
_HIDDEN = re.compile(
    "[\u00ad\u034f\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\u3164\ufeff\ufff9-\ufffb]"
    "|(?<=[A-Za-z\u00c0-\u024f])[\u200c\u200d](?=[A-Za-z\u00c0-\u024f])"
)
_WORTH_A_LOOK = re.compile(r"[\d@:/(\[{]|www|\s[aä]t\s", re.IGNORECASE)


class Redacted(NamedTuple):
    """A comment as the log keeps it, and what was taken out of it."""

    text: str
    taken_out: tuple[str, ...]


def redact(comment: str, names: Collection[str] = ()) -> Redacted:
    """Take out of a comment what may tell who wrote it.

    Gone are links; e-mail addresses, also those spelt with "(at)" or "at"; account numbers like an IBAN;
    dates with their year, birthdays among them; streets with a number and postcodes of five digits with a
    town (of German and English addresses); six or more digits in a row, and seven or more with up to three
    signs or blanks between them (phone and card numbers, orders, but also lists of figures and amounts of
    millions);
    and the names given, also spelt with ae for ä or without its dots, with an s behind, or letter by letter.

    What stays: names of others and addresses told in words, which no rule knows; numbers told in words; a
    name that is misspelt, written with letters of another script, or shorter than three letters; a date
    without its year. Somebody should read
    comments before many see them.

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
            before, text = text, pattern.sub(_account if kind == ACCOUNT else PUT_IN, text)
            if text != before:
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


def _account(found: re.Match[str]) -> str:
    digits = sum(character.isdigit() for character in found[0])
    return PUT_IN if digits >= FEWEST_DIGITS_OF_ACCOUNT else found[0]


def _without_names(text: str, names: Collection[str]) -> tuple[str, int]:
    known = {spelling for name in names for spelling in _spellings(name)}
    if not known:
        return text, 0
    letter_by_letter = "|".join(
        r"[\W_]{1,2}".join(map(re.escape, name)) for name in sorted(known, key=lambda n: (-len(n), n))
    )
    told, spelt = re.subn(rf"\b(?:{letter_by_letter})\b", PUT_IN, text, flags=re.IGNORECASE)
    words = re.split(r"([^\W\d_]+)", told)
    kept = [PUT_IN if _is_named(word, known) else word for word in words]
    return "".join(kept), spelt + sum(a is not b for a, b in zip(words, kept, strict=True))


def _is_named(word: str, known: Collection[str]) -> bool:
    """Say whether a word is a name, two in one, or either with an s of possession."""
    if len(word) < SHORTEST_NAME:
        return False
    return any(
        stem in known or any(stem.startswith(name) and stem[len(name) :] in known for name in known)
        for spelling in _spellings(word)
        for stem in {spelling, spelling.removesuffix("s"), spelling.removesuffix("es")}
    )


_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "æ": "ae", "å": "aa"})
_SPELT_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae"})


def _spellings(word: str) -> set[str]:
    """Return a word in small letters as it is, without marks, and with an e for dots.

    Examples
    --------
    >>> sorted(_spellings("Müller"))
    ['mueller', 'muller', 'müller']
    """
    small = word.casefold()
    if small.isascii():
        return {small}
    apart = unicodedata.normalize("NFKD", small.translate(_SPELT_PLAIN))
    plain = "".join(character for character in apart if not unicodedata.combining(character))
    return {small, plain, small.translate(_SPELT_OUT)}
