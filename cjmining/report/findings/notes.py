"""Findings on what was noted when the log was made and checked: each with its own headline and refutation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cjmining.report.findings.finding import Finding, cite, headline, make_finding


class _Known(NamedTuple):
    """A sort of note: what it is known by, in short, where it shows, and what would prove it wrong."""

    pattern: str
    short: str
    table: tuple[str, str]
    refuted_by: str


_SOURCES, _STAGES = ("sources", "Sources"), ("stages", "Stages")
_OF = r"source '(?P<source>[^']*)'"
_KNOWN = (
    _Known(
        rf"{_OF}: (?P<n>[\d,]+) events? (has|have) a date without",
        "{n} events of {source} have a date without a time",
        _SOURCES,
        "If {source} keeps the time of day of these {n} events in a column that the export leaves out: then "
        "their order within the day can be known.",
    ),
    _Known(
        rf"{_OF}: .*?(?P<n>[\d,]+) records? in an hour that",
        "{n} records of {source} lie in the hour of a clock change",
        _SOURCES,
        "If the times of {source} are written in another time zone than the study says: then these {n} "
        "records lie in no such hour.",
    ),
    _Known(
        rf"{_OF}: (?P<n>[\d,]+) records? ha(s a time|ve times) without a zone",
        "{n} records of {source} have a time without a zone",
        _SOURCES,
        "If a few events of {source}, whose true time is known, lie at another hour in the log: then its "
        "times are of another zone.",
    ),
    _Known(
        rf"{_OF}: (?P<n>[\d,]+) phone numbers?",
        "{n} phone numbers of {source} have no country code",
        _SOURCES,
        "If those who own {source} say which country its numbers are of: with region= they then join the "
        "same customers as elsewhere.",
    ),
    _Known(
        rf"{_OF}: (?P<what>[^;(]+?) in (?P<n>[\d,]+) records?",
        "{source}: {what} in {n} records",
        _SOURCES,
        "If the {n} records of {source} say something that a person can read: then the study, not the "
        "export, is to be mended.",
    ),
    _Known(
        r"sources end at different times",
        "The sources end at different times",
        _SOURCES,
        "If the source that ends first is complete for longer, and only had nothing to record: then "
        "data_end= may be later.",
    ),
    _Known(
        r"(?P<n>[\d,]+) customers? ha(s|ve) several rows",
        "{n} customers have several rows of attributes",
        _SOURCES,
        "If the rows of these {n} customers are of different people who share an identifier.",
    ),
    _Known(
        r"the log is not split by the map",
        "The log is not cut into journeys by this map",
        _STAGES,
        "If the journeys as the sources gave them are one attempt at the goal each: then nothing is to be "
        "cut.",
    ),
    _Known(
        r"no goal of the map occurs",
        "No goal of the map occurs in the log",
        _STAGES,
        "If an event of the log is the goal under another name: a label for it would show conversions.",
    ),
)
_OTHER = "If the export or the setting that this speaks of, looked at where it comes from, showed otherwise."


def note_findings(notes: Iterable[str], told_elsewhere: tuple[str, ...]) -> Iterator[Finding]:
    """Say what was noted; what has one of these phrases is told in a finding of its own already."""
    for note in dict.fromkeys(notes):
        if any(phrase in note for phrase in told_elsewhere):
            continue
        text = f"{note[:1].upper()}{note[1:].rstrip('.')}."
        short, (table, label), refuted_by = _known(note)
        yield make_finding(
            "note",
            text,
            headline=short,
            cited=[cite(table, label)],
            refuted_by=refuted_by,
            about_data=True,
            also=(_without_numbers(note),),
        )


def _known(note: str) -> tuple[str, tuple[str, str], str]:
    """Return the headline of a note, where it shows, and what would prove it wrong.

    Examples
    --------
    >>> _known("source 'crm': 98 events have a date without a time and stand at the start of their day")[0]
    '98 events of crm have a date without a time'
    >>> _known("Something else. And more")[0]
    'Something else'
    """
    for known in _KNOWN:
        found = re.match(known.pattern, note, flags=re.IGNORECASE)
        if found:
            named = found.groupdict()
            fields = re.findall(r"\{(\w+)\}", known.short)
            short = headline(re.sub(r"\{\w+\}", "{}", known.short), *(named[field] for field in fields))
            return _one(short), known.table, _one(known.refuted_by.format(**named))
    said = re.split(r"[.;:] ", note)[0].rstrip(".")
    return headline("{}", f"{said[:1].upper()}{said[1:]}"), _SOURCES, _OTHER


def _one(text: str) -> str:
    """Put right what is said of one event, record or customer as of several."""
    text = re.sub(r"^1 (event|record|phone number|customer)s( of .*?)? have ", r"1 \1\2 has ", text)
    return re.sub(r"\b1 (event|record|customer)s\b", r"1 \1", text.replace("these 1 ", "this 1 "))


def _without_numbers(text: str) -> str:
    return re.sub(r"\d[\d.,:]*", "#", text)
