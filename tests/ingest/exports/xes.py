"""An event log in XES, as process-mining tools exchange it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_TYPES = {"concept:name": "string", "org:resource": "string", "time:timestamp": "date", "cost": "float"}


def write(folder: Path, rng: random.Random, records: int) -> None:
    traces = []
    while records > 0:
        n = min(records, rng.randint(1, 4))
        events = "".join(_event(rng) for _ in range(n))
        traces.append(f"<trace>{_attribute('concept:name', writing.token(rng, 8))}{events}</trace>\n")
        records -= n
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<log xes.version="1.0" xmlns="http://www.xes-standard.org/">\n'
        '<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>\n'
        '<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>\n'
        f"{''.join(traces)}</log>\n"
    )
    writing.put(folder / f"tickets_{writing.token(rng, 6)}.xes", text, rng)


def read(folder: Path) -> Source:
    return cj.sources.XES(folder, name="tickets")


def _event(rng: random.Random) -> str:
    values = {
        "concept:name": rng.choice(("Assign", "Take in charge", "Wait", "Resolve")),
        "org:resource": writing.phrase(rng, 2),
        "time:timestamp": f"{writing.moment(rng):%Y-%m-%dT%H:%M:%S}.000+00:00",
        "cost": f"{rng.randrange(1000) / 10}",
    }
    return f"<event>{''.join(_attribute(key, value) for key, value in values.items())}</event>"


def _attribute(key: str, value: str) -> str:
    return f"<{_TYPES[key]} key={quoteattr(key)} value={quoteattr(value)}/>"
