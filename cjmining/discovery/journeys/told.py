"""What was found of journeys, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.discovery.journeys.gap import find_gap
from cjmining.discovery.words import plural
from cjmining.errors import LogError
from cjmining.intended.words import duration_in_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.journeys.find import FoundJourneys
    from cjmining.discovery.journeys.model import Learnt


FEW_STEPS: Final = 500
"""Fewer events than these tell little of an order."""
FAR: Final = (10, 0.1)
"""A sum of probabilities is far from the beginnings by more than so many, and this part of them."""
_SHOWN = 5
"""Touchpoints that a terminal shows."""


def summary(found: FoundJourneys) -> str:
    """Say in one line how many journeys there are and how they were found."""
    row = found.overview.iloc[0]
    how = found.method
    if not np.isnan(row["gap_s"]):
        length = _length(float(row["gap_s"]))
        how += f" of {length}" if how == "gap" else f", after at least {length} of silence"
    if not np.isnan(row["threshold"]):
        how += f", where it is at least {row['threshold']:.3g} likely"
    return (
        f"FoundJourneys: {plural(row['journeys'], 'journey')} of {plural(row['customers'], 'customer')}, "
        f"{row['journeys_before']:,} before, by {how}; "
        f"{row['begin']:,} of the {row['could_begin']:,} events that could begin one do"
    )


def lines(found: FoundJourneys) -> Iterator[str]:
    """Say what journeys begin and end with most often."""
    for what, table in (("begin with", found.starts), ("end, before another one, with", found.ends)):
        if len(table):
            shares = ", ".join(
                f"{row['touchpoint']} {100 * row['share_of_journeys']:.0f} %"
                for row in table.head(_SHOWN).to_dict("records")
            )
            more = f", and {len(table) - _SHOWN} touchpoints more" if len(table) > _SHOWN else ""
            yield f"  {what}: {shares} of {table['journeys'].sum():,} journeys{more}"


def of_learning(learnt: Learnt, events: int) -> Iterator[str]:
    """Say from what was learnt, and whether that was enough."""
    if learnt.steps < events:
        yield (
            f"Learnt from {learnt.steps:,} events of {learnt.customers:,} customers; all {events:,} events "
            "are judged."
        )
    if learnt.steps < FEW_STEPS:
        yield f"Learnt from {learnt.steps:,} events only: their order says little, and so do probabilities."
    if not learnt.settled:
        yield f"After {learnt.rounds} rounds probabilities still moved by {learnt.moved:.4f} on average."


class Cut(NamedTuple):
    """How many events a journey begins with, and what probabilities add up to.

    It is about the events that could begin one. `rest` is the sum of those of the `n_rest` events below the
    threshold. `silences` gives the silences before all of them, piece by piece.
    """

    expected: float
    begin: int
    rest: float
    n_rest: int
    threshold: float
    silences: Callable[[], Iterable[NDArray[np.int64]]]


def of_sums(cut: Cut, *, with_gap: bool) -> Iterator[str]:
    """Say so where probabilities add up to another number of beginnings than there are."""
    if abs(cut.expected - cut.begin) <= max(FAR[0], FAR[1] * cut.begin):
        return
    events = plural(cut.begin, "event")
    sums = f"Probabilities add up to {cut.expected:,.0f} beginnings, but a journey begins with {events}"
    if cut.expected < cut.begin:
        yield f"{sums}: some of these are not likely to, at a threshold of {cut.threshold:.3g}."
        return
    note = (
        f"{sums}: {cut.rest:,.0f} are spread over {cut.n_rest:,} events below {cut.threshold:.3g}, "
        f"{100 * cut.rest / cut.n_rest:.1f} % each on average. Such probabilities are scores, and too high "
        "where what customers do looks like a new journey but the silence is short"
    )
    yield f"{note}{'' if with_gap else _hint(cut)}."


def _hint(cut: Cut) -> str:
    try:
        gap = f"; silences are rarest at {_length(find_gap(cut.silences) / 1_000_000)}"
    except LogError:
        gap = ""
    return (
        f": if no journey begins after a short silence, give the shortest that can be before one as gap{gap}"
    )


def _length(seconds: float) -> str:
    return duration_in_words(timedelta(seconds=seconds))
