"""What a reader should know of a comparison before trusting a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cjmining.discovery.comparison import words
from cjmining.discovery.outcomes import TAG
from cjmining.discovery.words import plural
from cjmining.stats import newcombe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.comparison.compare import Held
    from cjmining.discovery.comparison.groups import Chosen, Made, Strata
    from cjmining.stats import Difference


def notes(
    made: Made, chosen: Chosen, over: Strata, held: Held, *, smallest: int, with_open: bool
) -> tuple[str, ...]:
    """Return what a reader should know before trusting a number."""
    told = [words.association(TAG in made.by), *chosen.notes]
    if chosen.open_journeys is not None and chosen.open_journeys.any():
        told.append(_open(chosen, chosen.open_journeys, with_open=with_open))
    both = len(np.intersect1d(*(chosen.sides.customer[chosen.sides.side == side] for side in (0, 1))))
    if both:
        told.append(f"Customers with journeys in both groups: {both:,}; inference allows for them.")
    return (*told, *over.notes, _rare(held, chosen, smallest), *made.steps.notes)


def _open(chosen: Chosen, number: NDArray[np.int64], *, with_open: bool) -> str:
    """Say how many journeys may go on, and what comes of it where one group has more of them."""
    size = [int((chosen.sides.side == side).sum()) for side in (0, 1)]
    if not with_open:
        size = [kept + gone for kept, gone in zip(size, number.tolist(), strict=True)]
    numbers = [
        f"{few:,} of {n:,} journeys of {name} ({100 * few / n:.0f} %)"
        for few, n, name in zip(number.tolist(), size, chosen[:2], strict=True)
    ]
    told = f"Open when the data end: {' and '.join(numbers)}"
    difference = newcombe(int(number[0]), size[0], int(number[1]), size[1])
    if not with_open:
        favours = ", which favours what is over quickly" if _is_clear(difference) else ""
        return f"{told}; they are left out{favours}."
    told = f"{told}; they count like all others, but have no (end)"
    if not _is_clear(difference):
        return f"{told}."
    more = chosen.a if difference.difference > 0 else chosen.b
    return (
        f"{told}. What they may yet do is missing, more so in {more}; with_open=False leaves them out, which "
        "favours what is over quickly."
    )


def _is_clear(difference: Difference) -> bool:
    return difference.lower > 0 or difference.upper < 0


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
