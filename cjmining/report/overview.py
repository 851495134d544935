"""The page of a study with several maps: for each map its headline numbers, and the way to its own page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from cjmining.report import words
from cjmining.report.facts.head import outcome_cards
from cjmining.report.rendering import fill_in
from cjmining.report.writing import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from cjmining.conformance import Conformance

TEMPLATE = "overview.html"

_HEADLINES = ("largest drop-out", "before the map")
"""Where most leave, and how many never came to the map: without that, the outcomes would mislead."""


@dataclass(frozen=True)
class Part:
    """What the page says of one map.

    Attributes
    ----------
    name : str
        The name of the map.
    address : str
        Where its own page lies, seen from this one.
    check : Conformance
        Actual against intended.
    compared, gone : sequence of dict
        As `findings.compare_findings` returns them.
    """

    name: str
    address: str
    check: Conformance
    compared: Sequence[Mapping[str, Any]]
    gone: Sequence[Mapping[str, Any]] = ()


def write_overview(
    parts: Sequence[Part],
    *,
    path: Path,
    title: str,
    data_end: datetime,
    settings_changed: str = "",
    now: datetime,
) -> Path:
    """Write a page that says for each map how its journeys ended and where most leave, and links to its page.

    Parameters
    ----------
    parts : sequence of Part
        The maps, in the order of the study.
    path : Path
        The page to write.
    title : str
        Its title.
    data_end : datetime
        Until when customers were observed.
    settings_changed : str
        What differs from the earlier run in maps and settings.
    now : datetime
        The moment shown as the time of making.
    """
    from cjmining import __version__

    facts = {
        "title": title,
        "version": __version__,
        "made": words.minute(now),
        "data_end": words.minute(data_end),
        "settings_changed": settings_changed,
        "maps": [_map_facts(part, number) for number, part in enumerate(parts)],
        "data_findings": list(about_the_data(parts)),
    }
    write_whole(path, fill_in(TEMPLATE, facts).encode())
    return path


class _Told(Protocol):
    """A map by name, with its findings as `findings.compare_findings` returns them."""

    @property
    def name(self) -> str: ...

    @property
    def compared(self) -> Sequence[Mapping[str, Any]]: ...


def about_the_data(maps: Sequence[_Told]) -> Iterator[dict[str, Any]]:
    """Yield what the findings say about the data: what all maps say alike once, the rest with its map."""
    found = [(each.name, finding) for each in maps for finding in each.compared if finding["about_data"]]
    alike = Counter((finding["id"], finding["text"]) for _, finding in found)
    told = set[tuple[str, str]]()
    for name, finding in found:
        said = (finding["id"], finding["text"])
        if alike[said] < len(maps):
            yield {**finding, "id": f"{name}.{finding['id']}", "text": f"{name}: {finding['text']}"}
        elif said not in told:
            told.add(said)
            yield dict(finding)


def _map_facts(part: Part, number: int) -> dict[str, Any]:
    headlines = [f for f in part.compared if f["kind"] in _HEADLINES and f["group"] is None]
    others = sum(not finding["about_data"] for finding in part.compared) - len(headlines)
    return {
        "id": f"map-{number}",
        "name": part.name,
        "address": part.address,
        "outcomes": outcome_cards(part.check.overall),
        "headlines": [{**finding, "id": f"map-{number}.{finding['id']}"} for finding in headlines],
        "changes": _changes(part),
        "onward": f"All findings, the journey map and the tables of {part.name}" if others else part.name,
    }


def _changes(part: Part) -> str:
    """Say how many findings are new, changed or gone since the last run."""
    if all(finding.get("status") is None for finding in part.compared):
        return ""
    counts = Counter(finding.get("status") for finding in part.compared)
    numbers = [(counts["new"], "new"), (counts["changed"], "changed"), (len(part.gone), "gone")]
    said = [f"{words.count(number)} {what}" for number, what in numbers if number]
    if not said:
        return "Since the last run no finding has changed."
    return f"Since the last run: {words.several(said)}."
