"""What a map names and a log lacks, and the other way round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cjmining.conformance.tables import frame
from cjmining.event_columns import counts_of, rows_where
from cjmining.log import expect_log, expect_map
from cjmining.results import Result
from cjmining.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog


@dataclass(frozen=True, repr=False, eq=False)
class Coverage(Result):
    """What a map and a log do not share.

    Attributes
    ----------
    missing_from_log : pandas.DataFrame
        stage, touchpoint (planned, but never occurs), recorded (whether a system should record it: then it
        counts as missing wherever the map requires it).
    unknown_to_map : pandas.DataFrame
        Events that are no touchpoint, goal or exit of the map, nor ignored by it: source, native, touchpoint,
        events, share_of_events (of all events of the log), journeys, share_of_journeys (of all journeys of
        the log), labelled (it has another name than its native one). Most events first.
    gaps : pandas.DataFrame
        source, start and end (of a period in which it recorded improbably little).
    """

    _tables: ClassVar[tuple[str, ...]] = (  # type: ignore[misc]
        "missing_from_log",
        "unknown_to_map",
        "gaps",
    )

    missing_from_log: pd.DataFrame
    unknown_to_map: pd.DataFrame
    gaps: pd.DataFrame

    def _summary(self) -> str:
        missing, unknown, gaps = len(self.missing_from_log), len(self.unknown_to_map), len(self.gaps)
        events, names = int(self.unknown_to_map["events"].sum()), plural(unknown, "kind")
        return (
            f"Coverage: {plural(missing, 'touchpoint')} of the map never "
            f"{'occurs' if missing == 1 else 'occur'}; {plural(events, 'event')} of {names} "
            f"{'is' if events == 1 else 'are'} unknown to it; {plural(gaps, 'gap')} in the sources"
        )


def coverage(log: JourneyLog, intended: IntendedMap) -> Coverage:
    """Compare what a map plans with what a log has.

    Parameters
    ----------
    log : JourneyLog
        Labelled, if it is to be.
    intended : IntendedMap
        The map.

    Returns
    -------
    Coverage
        What is missing on either side, and gaps in the sources.

    Raises
    ------
    LogError
        If it isn't given a log and a map.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(300, seed=1)
    >>> cj.coverage(shop.log, parse_map(shop.intended_text)).missing_from_log.columns.tolist()
    ['stage', 'touchpoint', 'recorded']
    """
    expect_log(log, "coverage")
    expect_map(intended, "coverage")
    return Coverage(
        missing_from_log=frame(
            _missing_from_log(log, intended), {"stage": "text", "touchpoint": "text", "recorded": "bool"}
        ),
        unknown_to_map=_unknown_to_map(log, intended),
        gaps=_gaps(log),
    )


def occurring_touchpoints(log: JourneyLog) -> list[str]:
    """Return the touchpoints that some event of the log has, sorted."""
    words = log.vocabulary("touchpoint")
    return [words[code] for code in np.flatnonzero(counts_of(log.codes("touchpoint"), len(words)))]


def _missing_from_log(log: JourneyLog, intended: IntendedMap) -> Iterator[dict[str, Any]]:
    occurring = set(occurring_touchpoints(log))
    of_personas = (stage for persona in intended.personas for stage in persona.stages)
    told = set()
    for stage in (*intended.stages, *of_personas):
        for touchpoint in stage.touchpoints:
            place = stage.stage, touchpoint.touchpoint
            if touchpoint.touchpoint not in occurring and place not in told:
                told.add(place)
                yield {
                    "stage": stage.stage,
                    "touchpoint": touchpoint.touchpoint,
                    "recorded": touchpoint.recorded,
                }


def _unknown_to_map(log: JourneyLog, intended: IntendedMap) -> pd.DataFrame:
    known = {*intended.every_touchpoint, *intended.goal, *intended.ignore}
    known |= {exit_.touchpoint for exit_ in intended.exits}
    names = {column: log.vocabulary(column) for column in ("source", "native", "touchpoint")}
    foreign = np.array([name not in known for name in names["touchpoint"]], dtype=bool)
    foreign = np.append(foreign, False)  # of events without a touchpoint
    events = rows_where(foreign.__getitem__, log.codes("touchpoint"))
    kind = np.zeros(len(events), dtype=np.int64)
    for column, words in names.items():
        kind = kind * (len(words) + 1) + log.codes(column)[events] + 1
    journey = np.searchsorted(log.bounds, events, side="right") - 1
    kinds, place, counts = np.unique(kind, return_inverse=True, return_counts=True)
    pairs = np.unique(place.astype(np.int64) * max(log.n_journeys, 1) + journey)
    journeys = np.bincount(pairs // max(log.n_journeys, 1), minlength=len(kinds))
    rows = [
        _unknown_row(log, names, int(k), int(n), int(j))
        for k, n, j in zip(kinds, counts, journeys, strict=True)
    ]
    rows.sort(key=lambda row: (-row["events"], row["source"], row["native"], row["touchpoint"]))
    texts = dict.fromkeys(("source", "native", "touchpoint"), "text")
    return frame(
        rows,
        texts
        | {"events": "int", "share_of_events": "float", "journeys": "int"}
        | {"share_of_journeys": "float", "labelled": "bool"},
    )


def _unknown_row(
    log: JourneyLog, names: dict[str, tuple[str, ...]], kind: int, events: int, journeys: int
) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column, words in reversed(names.items()):
        kind, code = divmod(kind, len(words) + 1)
        row[column] = words[code - 1] if code else ""
    return row | {
        "events": events,
        "share_of_events": events / log.n_events,
        "journeys": journeys,
        "share_of_journeys": journeys / log.n_journeys,
        "labelled": _plain(row["native"]) != _plain(row["touchpoint"]),
    }


def _plain(name: str) -> str:
    """Write a name in lower case with underscores, as sources derive touchpoints from native names."""
    return "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def _gaps(log: JourneyLog) -> pd.DataFrame:
    rows = [
        (row["source"], pd.Timestamp(gap["start"]), pd.Timestamp(gap["end"]))
        for row in log.sources.to_dict("records")
        for gap in (() if row["gaps"] is None else row["gaps"])
    ]
    times = pd.to_datetime([time for _, *both in rows for time in both], utc=True).as_unit("us")
    source = frame([{"source": name} for name, _, _ in rows], {"source": "text"})
    return source.assign(start=times[::2], end=times[1::2])
