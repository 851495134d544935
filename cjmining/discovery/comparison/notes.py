"""What a reader should know of a comparison before trusting a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cjmining.discovery.comparison import words
from cjmining.discovery.outcomes import TAG
from cjmining.discovery.sums import plural

if TYPE_CHECKING:
    from cjmining.discovery.comparison.compare import Held
    from cjmining.discovery.comparison.groups import Chosen, Made, Strata


def notes(
    made: Made, chosen: Chosen, over: Strata, held: Held, *, smallest: int, with_open: bool
) -> tuple[str, ...]:
    """Return what a reader should know before trusting a number."""
    told = [words.association(TAG in made.by), *chosen.notes]
    if chosen.open_journeys is not None and chosen.open_journeys.any():
        numbers = [
            f"{number:,} of {name}" for number, name in zip(chosen.open_journeys, chosen[:2], strict=True)
        ]
        what = "they count like all others" if with_open else "they are left out"
        told.append(f"Open when the data end: {' and '.join(numbers)} journeys; {what}.")
    both = len(np.intersect1d(*(chosen.sides.customer[chosen.sides.side == side] for side in (0, 1))))
    if both:
        told.append(f"Customers with journeys in both groups: {both:,}; inference allows for them.")
    return (*told, *over.notes, _rare(held, chosen, smallest), *made.steps.notes)


def _rare(held: Held, chosen: Chosen, smallest: int) -> str:
    n_cells, n_tested = sum(held.cells.values()), sum(map(len, held.keys.values()))
    if n_tested:
        return f"Too rare to be tested, and left out: {n_cells - n_tested:,} of {n_cells:,} cells."
    if not n_cells:
        return "Nothing could be tested: no journey of either group has a step."
    sides = chosen.sides
    numbers = [len(np.unique(sides.customer[sides.side == side])) for side in (0, 1)]
    if min(numbers) < smallest:
        few = plural(min(numbers), "customer")
        return (
            f"Nothing could be tested: {chosen[int(np.argmin(numbers))]} has {few}, smallest is {smallest}."
        )
    return (
        f"Nothing could be tested: each of {n_cells:,} cells is too rare, or what nearly all do (a test "
        f"needs {smallest:,} customers of each group, and 5 hits and 5 others expected in each)."
    )
