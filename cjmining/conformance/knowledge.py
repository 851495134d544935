"""Who is known: whether knowing an attribute depends on how far someone came, and who is identified."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cjmining.conformance.finding import count_with_times
from cjmining.conformance.tables import frame
from cjmining.log_files import tables_of
from cjmining.schema import BEFORE_THE_MAP, UNKNOWN
from cjmining.stats import benjamini_hochberg, newcombe, wilson_of_clusters

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance.finding import StageTimes
    from cjmining.conformance.reading import Reading
    from cjmining.engine.kept import Kept
    from cjmining.kernels.stages import StageSums
    from cjmining.log import JourneyLog

CONVERTED_ROW = "(converted)"
"""Stands for how far the journeys came that reached the goal."""

IDENTIFIED = "(identified)"
"""Stands among the attributes for being identified at all."""

NOBODY = "(nobody)"
"""Stands for the group of all who are not identified, while the others are counted."""

NO_PERSON = ("cookie", "device", "case")
"""Kinds of identifiers that say nothing of who somebody is: a browser, a device, the name of a case."""

DEPENDS = "depends on how far"
"""In the sentence about it, so that a page which says it elsewhere can tell it from other notes."""

LARGEST_Q = 0.01
SMALLEST_SHIFT = 0.05
FEWEST = 20
"""What knowing depends on is told if it is beyond chance, moves drop-out by 5 points, and is of enough."""


def knowledge(
    reading: Reading, journeys: Kept, by: str | None, identified: NDArray[np.bool_] | None
) -> pd.DataFrame:
    """Return how many journeys have a known attribute, by how far they came.

    Journeys that are decided are put into classes: those that converted, the others by the furthest stage.
    Whether the share known follows how far they came is tested once for each attribute (a trend over the
    ranks of the classes, each customer a cluster). Where it does, a stage counts whose share differs from
    that of all that came further, if that alone would move drop-out there by 5 points between those who are
    known and those who are not.

    Parameters
    ----------
    reading : Reading
        The journeys, grouped by `by`.
    journeys : Kept
        How each ended: `outcome` and `furthest_stage`.
    by : str or None
        What they are grouped by; the persona, the attributes of its rules and being identified come besides.
    identified : bool[J] or None
        Whose customer is identified, if the log can tell.

    Returns
    -------
    pandas.DataFrame
        As `Conformance.knowledge` says. No rows for an attribute that is known of everybody or of nobody.

    References
    ----------
    Cochran (1954), doi:10.2307/3001616, and Armitage (1955), doi:10.2307/3001775, for the trend; Rao and
    Scott (1992), doi:10.2307/2532311, for clusters; Newcombe (1998) for the limits of a difference.
    """
    stage_names = reading.plan.intended.stage_names
    names = (BEFORE_THE_MAP, *stage_names, CONVERTED_ROW)
    reached = _classes(journeys, len(stage_names))
    found = {
        attribute: counts
        for attribute, known in _asked(reading, by, identified)
        if 0 < (counts := _Counts.of(reading, reached, known, len(names))).known.sum() < counts.journeys.sum()
    }
    q = benjamini_hochberg([counts.trend() for counts in found.values()])
    rows = (
        {"attribute": attribute, "furthest_stage": names[c], **_row(counts, c, q_of)}
        for (attribute, counts), q_of in zip(found.items(), q.tolist(), strict=True)
        for c in np.flatnonzero(counts.journeys).tolist()
    )
    return frame(rows, _COLUMNS)


_COLUMNS = {
    "attribute": "text",
    "furthest_stage": "text",
    "journeys": "int",
    "known": "int",
    "share": "float",
    "lower": "float",
    "upper": "float",
    "journeys_further": "int",
    "share_further": "float",
    "difference": "float",
    "difference_lower": "float",
    "difference_upper": "float",
    "shift": "float",
    "q": "float",
    "depends": "bool",
}


def _classes(journeys: Kept, n_stages: int) -> NDArray[np.int16]:
    """Say how far each journey came: 0 before the map, 1 + stage, beyond these converted; -1 is open."""
    from cjmining.kernels.outcomes import CONVERTED, OPEN

    def reached(outcome: NDArray[np.int8], furthest: NDArray[np.int32]) -> NDArray[np.int16]:
        far = np.where(outcome == CONVERTED, 1 + n_stages, 1 + furthest)
        return np.where(outcome == OPEN, -1, far).astype(np.int16)

    return np.concatenate([reached(*piece) for piece in journeys.pieces("outcome", "furthest_stage")])


def _asked(
    reading: Reading, by: str | None, identified: NDArray[np.bool_] | None
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Give the attributes to look at, each with the journeys for which it is known."""
    log = reading.log
    ruled = dict.fromkeys(name for each in reading.plan.intended.personas for name in each.where)
    names = [*([by] if by is not None else []), "persona", *ruled]
    for name in dict.fromkeys(names):
        if name == by or name in log.attributes:
            yield name, _known(log, name)
    if identified is not None:
        yield IDENTIFIED, identified


def _known(log: JourneyLog, name: str) -> NDArray[np.bool_]:
    """Say of each journey whether the attribute is known; a blank says as little as nothing."""
    codes, words = log.group(name)
    tells = np.array([bool(word.strip()) and word != UNKNOWN for word in words], dtype=np.bool_)
    known: NDArray[np.bool_] = tells[codes]
    return known


class _Counts(NamedTuple):
    """Journeys and those of them that are known, by class; and sums over customers of products of the two.

    All that is asked of customers as clusters is a quadratic form of these sums, so that customers are read
    but once.
    """

    journeys: NDArray[np.float64]
    known: NDArray[np.float64]
    journeys_journeys: NDArray[np.float64]
    known_journeys: NDArray[np.float64]
    known_known: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        reading: Reading,
        reached: NDArray[np.int16],
        known: NDArray[np.bool_],
        n_classes: int,
    ) -> _Counts:
        """Count the journeys of decided classes, from 0 on."""
        parts = [
            cls._of_customers(reading.customer[own], reached[own], known[own], n_classes)
            for own in (block.journeys for block in reading.blocks)
        ]
        return cls(*(sum(sums) for sums in zip(*parts, strict=True)))

    @classmethod
    def _of_customers(
        cls, customer: NDArray[np.int64], reached: NDArray[np.int16], known: NDArray[np.bool_], n_classes: int
    ) -> _Counts:
        decided = reached >= 0
        number = np.cumsum(np.diff(customer, prepend=customer[:1]) != 0)
        cell, size = number * n_classes + reached, (int(number[-1]) + 1) * n_classes
        journeys, hits = (
            np.bincount(cell[own], minlength=size).reshape(-1, n_classes).astype(np.float64)
            for own in (decided, decided & known)
        )
        return cls(
            journeys.sum(axis=0), hits.sum(axis=0), journeys.T @ journeys, hits.T @ journeys, hits.T @ hits
        )

    def trend(self) -> float:
        """Return p of no trend of the share known over the classes: Cochran and Armitage's, by customer."""
        n, share = self.journeys.sum(), self.known.sum() / self.journeys.sum()
        rank = np.cumsum(self.journeys) - self.journeys / 2 - n / 2
        total, spread = float((self.known - share * self.journeys) @ rank), self.spread(rank, share)
        return math.erfc(abs(total) / math.sqrt(2 * spread)) if spread > 0 else math.nan

    def spread(self, weight: NDArray[np.float64], share: float) -> float:
        """Return the sum over customers of squares: of weighted known journeys less what is expected."""
        hits, both, all_ = self.clusters(weight)
        return max(0.0, hits - 2 * share * both + share * share * all_)

    def clusters(self, weight: NDArray[np.float64]) -> tuple[float, float, float]:
        """Return the sums over customers of d x d, d x n, n x n: n journeys, d known, classes by weight."""
        forms = (self.known_known, self.known_journeys, self.journeys_journeys)
        hits, both, all_ = (float(weight @ form @ weight) for form in forms)
        return hits, both, all_


def _row(counts: _Counts, c: int, q: float) -> dict[str, Any]:
    """Hold the journeys that got no further than a class against those that did."""
    at = np.arange(len(counts.journeys))
    here, beyond = (at == c).astype(np.float64), (at > c).astype(np.float64)
    (n, hits), (beyond_n, beyond_hits) = (
        (int(of @ counts.journeys), int(of @ counts.known)) for of in (here, beyond)
    )
    share, lower, upper = wilson_of_clusters(hits, n, counts.clusters(here))
    found = {"journeys": n, "known": hits, "share": share, "lower": lower, "upper": upper, "q": q}
    if not beyond_n:
        return found | _NOBODY_FURTHER
    spread = counts.spread(here / n - beyond / beyond_n, (hits + beyond_hits) / (n + beyond_n))
    effect = _effect(spread, hits, n, beyond_hits, beyond_n)
    difference = newcombe(hits, n, beyond_hits, beyond_n, effect=effect, other_effect=effect)
    unknown, beyond_unknown = n - hits, beyond_n - beyond_hits
    shift = _ended(unknown, beyond_unknown) - _ended(hits, beyond_hits)
    apart = difference.lower > 0 or difference.upper < 0
    return found | {
        "journeys_further": beyond_n,
        "share_further": beyond_hits / beyond_n,
        "difference": difference.difference,
        "difference_lower": difference.lower,
        "difference_upper": difference.upper,
        "shift": shift,
        "depends": min(n, beyond_n) >= FEWEST and q < LARGEST_Q and apart and abs(shift) >= SMALLEST_SHIFT,
    }


_NOBODY_FURTHER = {
    "journeys_further": 0,
    **dict.fromkeys(
        ("share_further", "difference", "difference_lower", "difference_upper", "shift"), math.nan
    ),
    "depends": False,
}


def _effect(spread: float, hits: int, n: int, other_hits: int, other_n: int) -> float:
    """Return the design effect of a difference with this variance: customers may be on both sides."""
    share = (hits + other_hits) / (n + other_n)
    independent = share * (1 - share) * (1 / n + 1 / other_n)
    return max(spread / independent, _LEAST_EFFECT) if independent else 1.0


_LEAST_EFFECT = 1e-9
"""Where every customer has as much on one side as on the other, nothing varies."""


def _ended(here: int, beyond: int) -> float:
    """Return the share that got no further of those that came so far."""
    return here / (here + beyond) if here + beyond else math.nan


def knowledge_note(table: pd.DataFrame, by: str | None) -> str:
    """Say in words that knowing what journeys are grouped by depends on how far they came; "" if it doesn't.

    The stage that the sentence names is the one at which most journeys are told too low or too high.
    """
    own = table[table["attribute"] == by]
    depends = own[own["depends"]]
    if depends.empty:
        return ""
    places, last = [row.to_dict() for _, row in depends.iterrows()], own.iloc[-1]
    worst = max(places, key=lambda row: (abs(row["difference"]) * row["journeys"], row["furthest_stage"]))
    known, unknown = ("low", "high") if worst["difference"] < 0 else ("high", "low")
    alike = [
        row["furthest_stage"]
        for row in places
        if row is not worst and (row["difference"] < 0) == (worst["difference"] < 0)
    ]
    further = (
        f"{_percent(last['share'])} of {last['journeys']:,} that converted"
        if last["furthest_stage"] == CONVERTED_ROW
        else f"{_percent(worst['share_further'])} of {worst['journeys_further']:,} that came further"
    )
    what = str(by).replace("_", " ")
    also = (
        f" The same holds at {' and '.join(filter(None, [', '.join(alike[:-1]), alike[-1]]))}."
        if alike
        else ""
    )
    return (
        f"Whether the {what} is known {DEPENDS} a journey came: it is known for {further}, but for "
        f"{_percent(worst['share'])} of {worst['journeys']:,} that got no further than "
        f"{worst['furthest_stage']}. "
        f"So drop-out there comes out too {known} for those whose {what} is known, and too {unknown} for the "
        f"unknown: they are {100 * abs(worst['shift']):.0f} points apart.{also}"
    )


def _percent(share: float) -> str:
    """Write a share; none and all are said only where they are."""
    if 0 < share < 0.01:
        return "less than 1 %"
    return "more than 99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"


def identified_journeys(log: JourneyLog) -> NDArray[np.bool_] | None:
    """Say of each journey whether its customer is identified; None where the log can't tell.

    A customer is identified whom the customer list knows (any attribute is known), or of whom there is an
    identifier other than that of a browser, a device or a case. The persona counts only where it is the one
    attribute there is: rules without conditions fit everybody.
    """
    known: NDArray[np.bool_] = np.zeros(log.n_journeys, dtype=np.bool_)
    attributes = [name for name in log.attributes if name != "persona"] or list(log.attributes)
    for name in attributes:
        known |= _known(log, name)
    named, any_identity = np.zeros(log.n_customers, np.bool_), False
    for piece in tables_of(log._kept_identities, "kind", "customer"):
        kinds = pc.is_in(piece.column(0).cast(pa.string()), pa.array(NO_PERSON))
        of_person = piece.column(1).filter(pc.invert(kinds))
        named[log._customer_rows(of_person.to_numpy())] = True
        any_identity |= len(piece) > 0
    if not attributes and not any_identity:
        return None
    for block in log.blocks():
        known[block.journeys] |= named[log._customer_rows(log.journey_customer[block.journeys])]
    return known


def count_identified(
    reading: Reading, identified: NDArray[np.bool_] | None
) -> tuple[StageSums, StageTimes] | None:
    """Count the journeys of identified customers by group; None where nothing tells who is."""
    if identified is None:
        return None
    n = len(reading.groups)
    group = np.where(identified, reading.group, np.int32(n))
    sums, times = count_with_times(replace(reading, group=group, groups=(*reading.groups, NOBODY)))
    return _first_groups(sums, n), times._replace(groups=n)


def _first_groups(sums: StageSums, n: int) -> StageSums:
    """Leave out the sums of the groups from `n` on."""
    return sums._replace(**{name: array[:n] for name, array in sums._asdict().items()})
