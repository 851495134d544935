"""Twilio's calls: lines, arrays, pages of the API, or the table of a warehouse."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source


def write(folder: Path, rng: random.Random, records: int) -> None:
    calls: list[dict[str, object]] = []
    while len(calls) < records:
        calls += _call(rng)[: records - len(calls)]
    name, form = f"calls_{writing.token(rng, 6)}", rng.choice(("lines", "lines", "array", "page", "csv"))
    if form == "csv":
        header = list(calls[0])
        text = writing.separated(header, [[call.get(key) for key in header] for call in calls])
        writing.put(folder / f"{name}.csv", text, rng)
    elif form == "lines":
        writing.put(folder / f"{name}.jsonl", "".join(json.dumps(call) + "\n" for call in calls), rng)
    else:
        told = calls if form == "array" else {"calls": calls, "page": 0, "next_page_uri": None}
        writing.put(folder / f"{name}.json", json.dumps(told), rng)


def read(folder: Path) -> Source:
    return cj.sources.Twilio(folder)


def _call(rng: random.Random) -> list[dict[str, object]]:
    """A call, and sometimes the leg by which it was put through."""
    start = writing.moment(rng)
    number = f"+4930{writing.token(rng, 8, '123456789')}"
    inbound = rng.random() < 0.7
    call = {
        "sid": f"CA{writing.token(rng, 32, '0123456789abcdef')}", "parent_call_sid": None,
        "from": number if inbound else "+4930999", "to": "+4930999" if inbound else number,
        "direction": "inbound" if inbound else "outbound-api",
        "status": rng.choice(("completed", "completed", "busy", "no-answer")),
        "start_time": _at(start), "end_time": _at(start + timedelta(seconds=rng.randrange(900))),
        "date_created": _at(start), "date_updated": _at(start + timedelta(hours=1)), "answered_by": None,
    }  # fmt: skip
    if not inbound or rng.random() < 0.5:
        return [call]
    leg = call | {
        "sid": f"CA{writing.token(rng, 32, '0123456789abcdef')}", "parent_call_sid": call["sid"],
        "to": "client:kim", "direction": "outbound-dial", "status": rng.choice(("completed", "no-answer")),
    }  # fmt: skip
    return [call, leg]


def _at(moment: datetime) -> str:
    return f"{moment:%a, %d %b %Y %H:%M:%S} +0000"
